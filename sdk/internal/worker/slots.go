package worker

import "context"

// slots bounds how many tasks of one kind a worker holds at a time: those being
// polled for, and those running. A poller takes a slot before it polls, so that
// a worker never receives a task that it has no room for.
type slots struct {
	taken chan struct{}
}

func newSlots(size int) *slots {
	return &slots{taken: make(chan struct{}, size)}
}

// reserve waits for a slot. It fails only when ctx ends.
func (s *slots) reserve(ctx context.Context) error {
	select {
	case s.taken <- struct{}{}:
		return nil
	default:
	}
	select {
	case s.taken <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// tryReserve takes a slot if one is free.
func (s *slots) tryReserve() bool {
	select {
	case s.taken <- struct{}{}:
		return true
	default:
		return false
	}
}

// release gives back one reserved slot.
func (s *slots) release() {
	select {
	case <-s.taken:
	default:
		panic("worker: a slot was released that was not reserved")
	}
}

// used is the number of reserved slots.
func (s *slots) used() int { return len(s.taken) }
