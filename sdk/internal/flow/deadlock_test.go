package flow

import (
	"testing"
	"time"
)

// looking takes looks at a turn, every so often, until the watch says that it is stuck. It
// returns how many looks that took, 0 if the watch has not said so.
func looking(w *watch, now *time.Time, every time.Duration, turn uint64, looks int) int {
	for n := 1; n <= looks; n++ {
		*now = now.Add(every)
		if w.look(*now, turn, true) {
			return n
		}
	}
	return 0
}

func TestATurnThatGoesOnIsStuckAfterTheTimeout(t *testing.T) {
	now := epoch
	w := newWatch(time.Second, now)
	// The first look learns which turn it is.
	if n := looking(w, &now, w.interval, 7, 100); n != deadlockLooks+1 {
		t.Fatalf("the turn was stuck at look %d", n)
	}
}

func TestAnotherTurnBeginsAnew(t *testing.T) {
	now := epoch
	w := newWatch(time.Second, now)
	for turn := uint64(1); turn < 20; turn++ {
		if n := looking(w, &now, w.interval, turn, deadlockLooks); n != 0 {
			t.Fatalf("turn %d was stuck at look %d", turn, n)
		}
	}
}

func TestTimeInWhichTheProcessDidNotRunDoesNotCount(t *testing.T) {
	now := epoch
	w := newWatch(time.Second, now)
	if n := looking(w, &now, time.Minute, 7, 100); n != 0 {
		t.Fatalf("a process that hardly runs is stuck at look %d", n)
	}
	if n := looking(w, &now, w.interval, 7, 100); n != deadlockLooks {
		t.Fatalf("once the process runs the turn is stuck at look %d", n)
	}
}
