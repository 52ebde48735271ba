package nexus

import (
	"context"
	"sync"
)

const (
	// concurrentCalls is how many calls are made at once, and callsOfEndpoint how many of
	// them on behalf of one namespace to one endpoint: what answers slowly takes the room
	// of its own calls, and not that of others.
	concurrentCalls = 1000
	callsOfEndpoint = concurrentCalls / 4
	// waitingCalls is how many calls to one endpoint may wait here until others have ended.
	// More are put off.
	waitingCalls = 8 * callsOfEndpoint
	// takenCalls bounds the calls that are under way or wait, to whatever endpoint.
	takenCalls = 10 * concurrentCalls
)

// shares divides room for calls among destinations. Those of one destination get room in
// the order in which they have asked for it.
type shares struct {
	// of is how much room a destination has, and waiting how many may wait for it.
	of, waiting int

	mu    sync.Mutex
	rooms map[destination]*room
}

// room is that of a destination which has calls under way.
type room struct {
	under int // way
	queue []chan struct{}
}

// enter returns when there is room for a call, which leave gives back. waited: not at once.
// ok is false, and there is nothing to give back, if too many wait already or the context
// has ended.
func (s *shares) enter(ctx context.Context, to destination) (waited, ok bool) {
	s.mu.Lock()
	r := s.rooms[to]
	if r == nil {
		if s.rooms == nil {
			s.rooms = make(map[destination]*room)
		}
		r = new(room)
		s.rooms[to] = r
	}
	switch {
	case r.under < s.of:
		r.under++
		s.mu.Unlock()
		return false, true
	case len(r.queue) >= s.waiting:
		s.mu.Unlock()
		return false, false
	}
	turn := make(chan struct{})
	r.queue = append(r.queue, turn)
	s.mu.Unlock()
	select {
	case <-turn:
		return true, true
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range r.queue {
		if other == turn {
			r.queue = append(r.queue[:i], r.queue[i+1:]...)
			return true, false
		}
	}
	s.next(to, r) // its turn has come just now
	return true, false
}

// leave gives back the room of a call.
func (s *shares) leave(to destination) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next(to, s.rooms[to])
}

// next gives the room of a call to the one that has waited longest.
func (s *shares) next(to destination, r *room) {
	if len(r.queue) > 0 {
		close(r.queue[0])
		r.queue = r.queue[1:]
		return
	}
	if r.under--; r.under == 0 {
		delete(s.rooms, to)
	}
}
