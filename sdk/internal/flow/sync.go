package flow

// waitGroup implements WaitGroup.
type waitGroup struct {
	n       int
	waiting bool
	zero    *future
}

// NewWaitGroup returns a WaitGroup.
func NewWaitGroup(ctx Context) WaitGroup {
	enterMutable(ctx)
	return &waitGroup{zero: &future{}}
}

func (g *waitGroup) Add(delta int) {
	g.n += delta
	if g.n < 0 {
		panic("negative WaitGroup counter")
	}
	if g.n == 0 && g.waiting {
		g.zero.Set(nil, nil)
	}
}

func (g *waitGroup) Done() { g.Add(-1) }

func (g *waitGroup) Go(ctx Context, f func(Context)) {
	g.Add(1)
	Go(ctx, func(ctx Context) {
		defer g.Done()
		f(ctx)
	})
}

func (g *waitGroup) Wait(ctx Context) {
	enterMutable(ctx)
	if g.n <= 0 {
		return
	}
	if g.waiting {
		panic("WaitGroup is reused before previous Wait has returned")
	}
	g.waiting = true
	_ = g.zero.Get(ctx, nil)
	g.waiting = false
	g.zero = &future{}
}

// mutex implements Mutex.
type mutex struct{ locked bool }

// NewMutex returns a Mutex that is free.
func NewMutex(ctx Context) Mutex {
	enterMutable(ctx)
	return &mutex{}
}

func (m *mutex) Lock(ctx Context) error {
	if err := Await(ctx, func() bool { return !m.locked }); err != nil {
		return err
	}
	m.locked = true
	return nil
}

func (m *mutex) TryLock(ctx Context) bool {
	enterMutable(ctx)
	if m.locked {
		return false
	}
	m.locked = true
	return true
}

func (m *mutex) Unlock() {
	if !m.locked {
		panic("Mutex.Unlock() was called on an unlocked mutex")
	}
	m.locked = false
}

func (m *mutex) IsLocked() bool { return m.locked }

// semaphore implements Semaphore.
type semaphore struct{ size, taken int64 }

// NewSemaphore returns a Semaphore of which n can be had at the same time.
func NewSemaphore(ctx Context, n int64) Semaphore {
	enterMutable(ctx)
	return &semaphore{size: n}
}

func (s *semaphore) Acquire(ctx Context, n int64) error {
	if err := Await(ctx, func() bool { return s.size-s.taken >= n }); err != nil {
		return err
	}
	s.taken += n
	return nil
}

func (s *semaphore) TryAcquire(ctx Context, n int64) bool {
	enterMutable(ctx)
	if s.size-s.taken < n {
		return false
	}
	s.taken += n
	return true
}

func (s *semaphore) Release(n int64) {
	s.taken -= n
	if s.taken < 0 {
		panic("Semaphore.Release() released more than held")
	}
}
