package matching

import (
	"context"
	"errors"
	"sync/atomic"

	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
)

// QueryTask is a query for a worker to answer, or a Nexus request: a question whose
// asker waits. Matching looks at Queue, Sticky and Version, and at the id of the entity, only.
type QueryTask struct {
	ID     string
	Queue  entity.Queue
	Sticky string // sticky queue to try first; may be empty
	Entity entity.Key
	RunID  string
	// Version is what decides about the version of its worker; nil: the workflow knows nothing
	// of versions.
	Version *entity.TaskVersion
	Query   *querypb.WorkflowQuery
	// Payload is the asker's own; of a Nexus request, all there is.
	Payload any
}

// waitingQuery is a query on its way to a poller.
type waitingQuery struct {
	task     *QueryTask
	state    atomic.Int32
	accepted chan struct{} // closed when a poll is about to return it, or it is refused

	prev, next *waitingQuery
}

// States of a query.
const (
	queryWaiting  = iota // in a queue
	queryTaken           // with a poll, which may yet put it back
	queryAccepted        // returned by a poll
	queryGone            // the asker has given up
	queryRefused         // the queue is somewhere else
)

// ErrQueueAway is returned for a query whose queue is not here, or not any more.
var ErrQueueAway = serviceerror.NewUnavailable("the task queue is being moved to another node; try again")

// DispatchQuery hands a query to a worker: on its sticky queue if that has a
// worker, else on the normal queue. It returns nil when a poll has returned the
// query, and the context's error if none has when the context ends. If the sticky
// worker goes away meanwhile, the query moves to the normal queue.
func (m *Matching) DispatchQuery(ctx context.Context, task *QueryTask) error {
	query := &waitingQuery{task: task, accepted: make(chan struct{})}
	if err := m.dispatch(query, false); err != nil {
		return err
	}
	select {
	case <-query.accepted:
		if query.state.Load() == queryRefused {
			return ErrQueueAway
		}
		return nil
	case <-ctx.Done():
	case <-m.ctx.Done():
	}
	for {
		switch state := query.state.Load(); {
		case state == queryAccepted:
			return nil
		case state == queryRefused:
			return ErrQueueAway
		case query.state.CompareAndSwap(state, queryGone):
			if ctx.Err() == nil {
				return errClosed
			}
			return ctx.Err()
		}
	}
}

// dispatch offers the query to a poller or puts it in a queue, at its front if it
// has been in one before.
func (m *Matching) dispatch(query *waitingQuery, again bool) error {
	task := query.task
	routes := m.routes(task.Queue)
	if task.Sticky != "" && !routes.Moves(task.Entity.ID, task.Version) {
		if q := m.locked(stickyKey(task.Queue.Namespace, task.Sticky)); q != nil {
			if q.served() {
				defer q.mu.Unlock()
				err := q.offerQuery(query, again)
				q.armFallback()
				return err
			}
			q.mu.Unlock()
		}
	}
	queue := task.Queue
	if m.away(queue) {
		return ErrQueueAway
	}
	if queue.Version == "" {
		part, _, _ := routes.Of(task.Entity.ID, task.Version)
		queue = inPart(queue, part)
	}
	q, err := m.lockedOrNew(queueKey{Queue: queue})
	if err != nil {
		return err
	}
	defer q.mu.Unlock()
	if !again && q.abandoned(routes) {
		return errDrained(q.key.Version)
	}
	return q.offerQuery(query, again)
}

// abandoned reports whether the queue is the part of a version that nothing runs with any
// more, and that nobody polls as: a question would wait in vain.
func (q *queue) abandoned(routes *deployment.Routes) bool {
	return q.key.Version != "" && routes.Drained(q.key.Version) && q.parked.first == nil && q.m.now().Sub(q.lastPoll) >= q.m.options.IdleAfter
}

// errDrained is the answer to a query of a closed workflow whose version is gone.
func errDrained(version string) error {
	return serviceerror.NewFailedPreconditionf("the workflow is pinned to version %[1]s of its workers, which is drained and has no pollers to answer the query; "+
		"start workers of version %[1]s, or give the workflow an override by which it may upgrade", version)
}

// redispatch dispatches a query that has been in a queue before.
func (m *Matching) redispatch(query *waitingQuery) {
	err := m.dispatch(query, true)
	if errors.Is(err, ErrQueueAway) {
		query.refuse()
	} else if err != nil {
		// The asker waits until its time is over, as if no worker polled.
		m.log.Warn("A query could not be moved to another task queue", "namespaceId", query.task.Queue.Namespace, "taskQueue", query.task.Queue.Name, "error", err)
	}
}

func (q *queue) offerQuery(query *waitingQuery, again bool) error {
	if p := q.nextPoller(); p != nil {
		if query.take() {
			q.hand(p, Work{Query: query.task, waiting: query})
		} else {
			q.unpop(p)
		}
		return nil
	}
	if q.queries.count >= q.m.options.QueryLimit {
		q.queries.purge()
		if q.queries.count >= q.m.options.QueryLimit {
			return errManyQueries
		}
	}
	q.lastUse = q.m.now()
	q.queries.push(query, again)
	return nil
}

func (w *waitingQuery) take() bool {
	return w.state.CompareAndSwap(queryWaiting, queryTaken)
}

// accept is called by the poll that is about to return the query.
func (w *waitingQuery) accept() bool {
	if !w.state.CompareAndSwap(queryTaken, queryAccepted) {
		return false
	}
	close(w.accepted)
	return true
}

// release is called by a poll that has taken the query but cannot return it.
func (w *waitingQuery) release() bool {
	return w.state.CompareAndSwap(queryTaken, queryWaiting)
}

// refuse ends the wait of who asks: the queue is not here any more.
func (w *waitingQuery) refuse() {
	if w.state.CompareAndSwap(queryWaiting, queryRefused) {
		close(w.accepted)
	}
}

// queryList is waiting queries in order. Some may be gone.
type queryList struct {
	first, last *waitingQuery
	count       int
}

func (l *queryList) push(w *waitingQuery, front bool) {
	l.count++
	switch {
	case l.first == nil:
		l.first, l.last = w, w
	case front:
		w.next, l.first.prev = l.first, w
		l.first = w
	default:
		w.prev, l.last.next = l.last, w
		l.last = w
	}
}

func (l *queryList) remove(w *waitingQuery) {
	l.count--
	if w.prev != nil {
		w.prev.next = w.next
	} else {
		l.first = w.next
	}
	if w.next != nil {
		w.next.prev = w.prev
	} else {
		l.last = w.prev
	}
	w.prev, w.next = nil, nil
}

// pop removes the first query.
func (l *queryList) pop() *waitingQuery {
	w := l.first
	if w != nil {
		l.remove(w)
	}
	return w
}

// take removes the first query that is not gone, and takes it.
func (l *queryList) take() *waitingQuery {
	for w := l.pop(); w != nil; w = l.pop() {
		if w.take() {
			return w
		}
	}
	return nil
}

// purge removes the queries that are gone.
func (l *queryList) purge() {
	for w := l.first; w != nil; {
		next := w.next
		if w.state.Load() == queryGone {
			l.remove(w)
		}
		w = next
	}
}
