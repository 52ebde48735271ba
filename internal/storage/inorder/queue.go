// Package inorder calls the done functions of commits one after the other, from
// a goroutine that lives only while there is something to call.
//
// Both stores need it where they have no committer of their own to do the
// calling: the memory store always, the store on disk once it has failed or was
// closed. Having no goroutine when idle is what lets a store sit in a
// testing/synctest bubble, or be forgotten after Close, without leaving
// anything behind.
package inorder

import "sync"

// Queue calls what is pushed to it, in the order of the pushes, never two at a
// time and never from the goroutine that pushes. The zero value is ready to use.
// It has no bound of its own: every entry is the completion of a commit whose
// caller has already been admitted.
type Queue struct {
	mu      sync.Mutex
	empty   sync.Cond // L is &mu; signalled when the runner ends
	pending []call
	running bool
}

type call struct {
	done func(error)
	err  error
}

// Push arranges for done(err) to be called after everything pushed before.
func (q *Queue) Push(done func(error), err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pending = append(q.pending, call{done, err})
	if !q.running {
		q.running = true
		go q.run()
	}
}

// Wait returns when everything pushed so far, and whatever is pushed meanwhile,
// has been called.
func (q *Queue) Wait() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.empty.L = &q.mu
	for q.running {
		q.empty.Wait()
	}
}

func (q *Queue) run() {
	var calls []call
	for {
		q.mu.Lock()
		if len(q.pending) == 0 {
			q.running = false
			q.empty.Broadcast()
			q.mu.Unlock()
			return
		}
		// The two slices take turns, so that a busy queue does not allocate.
		calls, q.pending = q.pending, calls[:0]
		q.mu.Unlock()
		for i, c := range calls {
			calls[i] = call{}
			c.done(c.err)
		}
	}
}
