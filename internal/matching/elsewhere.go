package matching

import (
	"github.com/perdure/perdure/internal/entity"
)

// Elsewhere is what is between the queues of this node and those of others. A normal queue is at one node, its home; a sticky
// queue where its worker polls, which may be another one. So what is for a sticky queue goes there, past the home of its
// normal queue, and what falls back goes to that home.
//
// The methods are called with a queue locked, or from where tasks become ready: they must not block, nor call Matching.
type Elsewhere interface {
	// Home reports whether the normal queue is at home here.
	Home(queue entity.Queue) bool
	// OfferSticky gives the task to the node that its sticky queue is at, if that is another one, and reports whether it
	// has: then the task comes back to the home of its normal queue if it cannot stay there.
	OfferSticky(task *entity.Task) bool
	// Restore gives the task to the home of its normal queue, where it is the next to be offered. If that cannot be reached,
	// it reads the task in the store.
	Restore(task *entity.Task)
	// HandOut gives something to the branch of a queue at a node, and reports whether it has: then it comes back to the home
	// of the queue if it cannot stay there.
	HandOut(node string, handed Handed) bool
	// Waiting says that the polls have changed that wait in the branch here of a queue, or a part of one. It reports whether
	// the home will hear of it; if not, there is no branch here any more.
	Waiting(queue entity.Queue) bool
	// ReturnQuery gives a query back that was handed to a branch here.
	ReturnQuery(query *QueryTask)
	// Polled says that a sticky queue is served here from now on, or, if it is false, that it is not any more.
	Polled(namespace, sticky string, served bool)
}

// Share has the queues be those of one of several nodes. It must be called before the first poll.
func (m *Matching) Share(elsewhere Elsewhere) { m.elsewhere = elsewhere }

// away reports whether the normal queue is at home at another node.
func (m *Matching) away(queue entity.Queue) bool {
	return m.elsewhere != nil && !m.elsewhere.Home(queue)
}

// OfferSticky offers a task on its sticky queue alone, here or elsewhere, and reports whether that is there to take it: for a
// task whose normal queue is at home elsewhere.
func (m *Matching) OfferSticky(task *entity.Task) bool {
	if !m.offerSticky(task, false) {
		return false
	}
	if m.options.Observer != nil {
		m.options.Observer.Added(task.Queue, true, true)
	}
	return true
}

// TakeSticky takes a task that another node has given to its sticky queue here.
func (m *Matching) TakeSticky(task *entity.Task) {
	if !m.offerStickyHere(task, false) {
		m.restore(task)
	}
}

// Restore takes a task that has been offered on a sticky queue at another node and falls back to its normal queue here.
func (m *Matching) Restore(task *entity.Task) { m.restore(task) }

// tellPolled tells the other nodes whether the sticky queue, which is locked, is served here, if they do not know.
func (q *queue) tellPolled(served bool) {
	if q.m.elsewhere == nil || !q.key.sticky || q.told == served {
		return
	}
	q.told = served
	q.m.elsewhere.Polled(q.key.Namespace, q.key.Name, served)
}
