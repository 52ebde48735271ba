package runtime

import (
	"sync"
)

// workers are the goroutines that do what is due on its own account: timers that
// fire, messages to be delivered. They run steps without waiting for them to be
// durable, so few of them keep many commits in flight; how many is bounded by
// the store, which makes Commit wait.
type workers struct {
	rt    *Runtime
	count int

	mu     sync.Mutex
	wake   sync.Cond
	queue  []work // from head on
	head   int
	closed bool
}

// work is one thing to do; one of the fields is set.
type work struct {
	timer *timer
	lane  *lane
	over  *shard // what is in memory of it has to go
}

func (w *workers) init(r *Runtime, count int) {
	w.rt, w.count = r, count
	w.wake.L = &w.mu
}

func (w *workers) start() {
	for range w.count {
		w.rt.goroutines.Go(w.run)
	}
}

// close makes the workers end after what they are doing. What is queued is
// dropped: it is in the store, or lost with the process anyway.
func (w *workers) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed, w.queue, w.head = true, nil, 0
	w.wake.Broadcast()
}

// push queues work; after close, nothing happens.
func (w *workers) push(item work) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return
	}
	if w.head > len(w.queue)/2 && w.head > 1024 {
		n := copy(w.queue, w.queue[w.head:])
		clear(w.queue[n:])
		w.queue, w.head = w.queue[:n], 0
	}
	w.queue = append(w.queue, item)
	w.wake.Signal()
}

// waiting is how much work is queued.
func (w *workers) waiting() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue) - w.head
}

func (w *workers) run() {
	for {
		w.mu.Lock()
		for w.head == len(w.queue) && !w.closed {
			w.queue, w.head = w.queue[:0], 0
			w.wake.Wait()
		}
		if w.closed {
			w.mu.Unlock()
			return
		}
		item := w.queue[w.head]
		w.queue[w.head] = work{}
		w.head++
		w.mu.Unlock()

		switch {
		case item.timer != nil:
			w.rt.timers.fire(item.timer)
		case item.lane != nil:
			item.lane.deliver()
		case item.over != nil:
			item.over.drop()
		}
	}
}
