package matching

import (
	"slices"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// A sticky queue is served by one worker. Its tasks are filed, in the store,
// under their normal queues, so the sticky queue never spills: it is in memory,
// and there only while its worker is. A worker is there while it polls and for
// Options.StickyWindow after it began its last poll or was handed work: it may be
// at work. When that time is over, whatever waits falls back to the normal queue. A
// worker whose last open poll was given up, as when its process has died, is gone at
// once, until it polls again.

func stickyKey(namespace, name string) queueKey {
	return queueKey{Queue: entity.Queue{Namespace: namespace, Type: entity.TaskWorkflow, Name: name}, sticky: true}
}

// Unload ends the polls of the normal queues for which away reports true, with nothing, and
// forgets the queues: they are at home somewhere else. Sticky queues and branches stay where they are polled.
func (m *Matching) Unload(away func(entity.Queue) bool) {
	m.each(func(q *queue) { q.evict(away) })
}

// evict is Unload of one queue, which is not locked.
func (q *queue) evict(away func(entity.Queue) bool) {
	q.mu.Lock()
	if q.dead || q.key.inMemory() || !away(q.key.Queue) {
		q.mu.Unlock()
		return
	}
	var waiting []*waitingQuery
	for query := q.queries.pop(); query != nil; query = q.queries.pop() {
		waiting = append(waiting, query)
	}
	q.close()
	q.mu.Unlock()
	for _, query := range waiting {
		query.refuse()
	}
}

// offerSticky offers the task on its sticky queue, if it has one and may go there, and reports whether that is
// there to take it, here or elsewhere.
func (m *Matching) offerSticky(task *entity.Task, front bool) bool {
	if task.Sticky == "" || m.routes(task.Queue).Moves(task.Entity.ID, task.Version) {
		return false
	}
	return m.offerStickyHere(task, front) || m.elsewhere != nil && m.elsewhere.OfferSticky(task)
}

// offerStickyHere is offerSticky of a queue that may be here.
func (m *Matching) offerStickyHere(task *entity.Task, front bool) bool {
	q := m.locked(stickyKey(task.Queue.Namespace, task.Sticky))
	if q == nil {
		return false
	}
	defer q.mu.Unlock()
	if !q.served() {
		q.tellPolled(false)
		return false
	}
	if len(q.byID) >= m.options.MemoryLimit {
		return false
	}
	if !front {
		q.levelOf(task).added.add(m.now())
	}
	q.offer(task, front)
	q.armFallback()
	return true
}

// ShutdownSticky says that the worker of a sticky queue has gone for good: its
// polls end, and its tasks fall back to their normal queues at once.
func (m *Matching) ShutdownSticky(namespace, sticky string) {
	q := m.locked(stickyKey(namespace, sticky))
	if q == nil {
		return
	}
	waiting := q.takeAll()
	q.close()
	q.mu.Unlock()
	waiting.fallBack(m)
}

// served reports whether the queue's worker is there.
func (q *queue) served() bool {
	return q.parked.first != nil || q.m.now().Sub(q.lastPoll) < q.m.options.StickyWindow
}

// pollerGone is called when a poll was given up by its caller. If no other poll is
// open, the worker counts as gone.
func (q *queue) pollerGone() {
	if !q.key.sticky || q.parked.first != nil {
		return
	}
	q.lastPoll = time.Time{}
	q.tellPolled(false)
	if q.fallback != nil && q.fallback.Stop() { // something waits; it was to fall back later
		q.fallback.Reset(0)
	}
}

// armFallback sees to it that what waits does not wait for a worker that is gone.
func (q *queue) armFallback() {
	if !q.key.sticky || q.dead || q.fallback != nil || len(q.byID)+q.queries.count == 0 {
		return
	}
	m := q.m
	m.lifecycle.Lock()
	defer m.lifecycle.Unlock()
	if m.closed {
		return
	}
	m.goroutines.Add(1)
	after := max(q.lastPoll.Add(m.options.StickyWindow).Sub(m.now()), time.Millisecond)
	q.fallback = time.AfterFunc(after, func() {
		defer m.goroutines.Done()
		q.fallBack()
	})
}

// stopFallback is called when the queue is unloaded.
func (q *queue) stopFallback() {
	if q.fallback != nil && q.fallback.Stop() {
		q.m.goroutines.Done()
	}
	q.fallback = nil
}

// fallBack is called when the worker may be gone.
func (q *queue) fallBack() {
	q.mu.Lock()
	q.fallback = nil
	if q.dead {
		q.mu.Unlock()
		return
	}
	if q.served() {
		q.armFallback()
		q.mu.Unlock()
		return
	}
	q.tellPolled(false)
	waiting := q.takeAll()
	q.mu.Unlock()
	waiting.fallBack(q.m)
}

// leftovers is what was waiting in a sticky queue.
type leftovers struct {
	tasks   []*entity.Task
	queries []*waitingQuery
}

func (q *queue) takeAll() (l leftovers) {
	now := q.m.now()
	for task := q.next(now); task != nil; task = q.next(now) {
		l.tasks = append(l.tasks, task)
	}
	for query := q.queries.pop(); query != nil; query = q.queries.pop() {
		l.queries = append(l.queries, query)
	}
	return l
}

// fallBack moves everything to the normal queues. No queue is locked.
func (l leftovers) fallBack(m *Matching) {
	for _, task := range slices.Backward(l.tasks) {
		m.restore(task) // to the front, the oldest last
	}
	for _, query := range l.queries {
		m.redispatch(query)
	}
}
