package nexus

import (
	"context"
	"runtime"
	"testing"
)

var (
	slow = destination{namespace: "ns", endpoint: "slow"}
	fast = destination{namespace: "ns", endpoint: "fast"}
)

// entered tells when a call has got room.
func entered(ctx context.Context, s *shares, to destination) <-chan [2]bool {
	done := make(chan [2]bool, 1)
	go func() {
		waited, ok := s.enter(ctx, to)
		done <- [2]bool{waited, ok}
	}()
	return done
}

// queued returns when so many calls wait for room.
func queued(s *shares, to destination, n int) {
	for {
		s.mu.Lock()
		found := s.rooms[to] != nil && len(s.rooms[to].queue) == n
		s.mu.Unlock()
		if found {
			return
		}
		runtime.Gosched()
	}
}

func TestASlowEndpointLeavesOthersTheirRoom(t *testing.T) {
	s := &shares{of: 2, waiting: 1}
	for range 2 {
		if waited, ok := s.enter(t.Context(), slow); waited || !ok {
			t.Fatal("there is no room in the beginning")
		}
	}
	third := entered(t.Context(), s, slow)
	queued(s, slow, 1)
	if _, ok := s.enter(t.Context(), slow); ok {
		t.Error("more wait than may")
	}
	if waited, ok := s.enter(t.Context(), fast); waited || !ok {
		t.Error("another endpoint has to wait")
	}
	s.leave(slow)
	if got := <-third; got != [2]bool{true, true} {
		t.Errorf("the one that has waited: %v", got)
	}
	s.leave(fast)
	s.leave(slow)
	s.leave(slow)
	if len(s.rooms) != 0 {
		t.Errorf("left are %v", s.rooms)
	}
}

func TestACallThatIsGivenUpTakesNoRoom(t *testing.T) {
	s := &shares{of: 1, waiting: 2}
	s.enter(t.Context(), slow)
	ctx, cancel := context.WithCancel(t.Context())
	given := entered(ctx, s, slow)
	queued(s, slow, 1)
	next := entered(t.Context(), s, slow)
	queued(s, slow, 2)
	cancel()
	if got := <-given; got[1] {
		t.Error("it has got room")
	}
	s.leave(slow)
	if got := <-next; !got[1] {
		t.Error("the next one has got none")
	}
	s.leave(slow)
	if len(s.rooms) != 0 {
		t.Errorf("left are %v", s.rooms)
	}
}
