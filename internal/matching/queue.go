package matching

import (
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// queue is one task queue in memory.
//
// Invariants, with mu free: if a poller is parked, no query waits, no task waits,
// and the queue has not spilled or is being read. Every task of a normal queue
// whose record exists is in memory, or has been handed out, or will be added, or
// the queue has spilled and the task's id is above the cursor.
type queue struct {
	m   *Matching
	key queueKey

	mu sync.Mutex
	// dead is set when the queue has been unloaded; it is not in the map any more.
	dead    bool
	parked  pollerList
	queries queryList
	tasks   taskList

	// lastPoll is when somebody last began to poll or was handed work, lastUse is
	// the last time of anything that keeps the queue loaded.
	lastPoll, lastUse time.Time
	infos             map[string]pollerInfo

	// The rest is of normal queues: see backlog.go.
	spilled bool
	cursor  int64
	loading bool
	// arrived are the tasks added while the queue is being read; arrivedMany is set
	// if there were too many to keep.
	arrived     []*entity.Task
	arrivedMany bool
	// left estimates how many tasks are left to the store.
	left int64

	// fallback, of sticky queues, is set while something waits: see sticky.go.
	fallback *time.Timer
}

type pollerInfo struct {
	lastAccess time.Time
}

func newQueue(m *Matching, key queueKey) *queue {
	return &queue{m: m, key: key, spilled: !key.sticky, lastUse: m.now(), infos: make(map[string]pollerInfo)}
}

// add takes a task that has just become durable.
func (q *queue) add(task *entity.Task) {
	switch {
	case task.Volatile:
		// It is nowhere else. Who offers it sees to it that it is not missed.
		if q.parked.first != nil || q.tasks.len() < q.m.options.MemoryLimit {
			q.offer(task, false)
		}
	case q.loading:
		if len(q.arrived) >= q.m.options.MemoryLimit {
			q.arrivedMany = true
			return
		}
		q.arrived = append(q.arrived, task)
	case q.spilled:
		q.left++
	case task.ID <= q.cursor:
		// Read from the store already.
	case q.parked.first == nil && q.tasks.len() >= q.m.options.MemoryLimit:
		q.spill()
		q.left++
	default:
		q.offer(task, false)
	}
}

// restore takes a task back that has been in memory before.
func (q *queue) restore(task *entity.Task) {
	if q.spilled && !q.loading && task.ID > q.cursor && !task.Volatile {
		q.left++
		return // it will be read
	}
	q.offer(task, true)
}

// forget drops the tasks for which gone reports true.
func (q *queue) forget(gone func(*entity.Task) bool) {
	for id, n := range q.tasks.byID {
		if gone(n.task) {
			q.tasks.removeID(id)
		}
	}
	q.arrived = slices.DeleteFunc(q.arrived, gone)
	q.readOn()
}

// offer hands the task to the poller that has waited longest or else keeps it, at
// the front or at the back.
func (q *queue) offer(task *entity.Task, front bool) {
	if q.tasks.has(task.ID) || expired(task, q.m.now()) {
		return
	}
	if p := q.parked.pop(); p != nil {
		q.hand(p, Work{Task: task})
		return
	}
	if front {
		q.tasks.pushFront(task)
	} else {
		q.tasks.pushBack(task)
	}
}

// hand gives work to a poller that has been taken off the list.
func (q *queue) hand(p *poller, work Work) {
	q.lastPoll = q.m.now()
	q.lastUse = q.lastPoll
	work.BacklogCount = q.backlog()
	work.Sticky = q.key.sticky
	p.work, p.from = work, q
	p.wake <- struct{}{}
}

// take returns work that is waiting, the oldest first, queries before tasks.
func (q *queue) take(now time.Time) (work Work, ok bool) {
	if query := q.queries.take(); query != nil {
		work, ok = Work{Query: query.task, waiting: query}, true
	} else {
		for task := q.tasks.pop(); task != nil; task = q.tasks.pop() {
			if !expired(task, now) {
				work, ok = Work{Task: task}, true
				break
			}
		}
	}
	q.readOn()
	work.BacklogCount = q.backlog()
	work.Sticky = q.key.sticky
	return work, ok
}

func expired(task *entity.Task, now time.Time) bool {
	return !task.Expires.IsZero() && !task.Expires.After(now)
}

// backlog is the approximate number of tasks waiting.
func (q *queue) backlog() int64 { return int64(q.tasks.len()+len(q.arrived)) + max(0, q.left) }

// sawPoller notes that a poll begins.
func (q *queue) sawPoller(identity string, now time.Time) {
	q.lastPoll, q.lastUse = now, now
	if identity == "" {
		return
	}
	if _, ok := q.infos[identity]; !ok && len(q.infos) >= maxPollerInfos {
		q.forgetPollers(now)
		if len(q.infos) >= maxPollerInfos {
			return
		}
	}
	q.infos[identity] = pollerInfo{lastAccess: now}
}

func (q *queue) forgetPollers(now time.Time) {
	for identity, info := range q.infos {
		if now.Sub(info.lastAccess) >= q.m.options.IdleAfter {
			delete(q.infos, identity)
		}
	}
}

// idleSince is how long the queue has not been used; 0 if it is in use.
func (q *queue) idleSince(now time.Time) time.Duration {
	q.queries.purge()
	if q.parked.first != nil || q.queries.count > 0 || q.loading || q.fallback != nil {
		return 0
	}
	return now.Sub(q.lastUse)
}

// unload removes the queue from the map. Its tasks are in the store.
func (q *queue) unload() {
	if q.dead {
		return
	}
	q.dead = true
	q.stopFallback()
	// In the order of locks the stripe comes first; the queue is dead by now, so
	// that it does not matter what happens in between.
	q.mu.Unlock()
	st := q.m.stripe(q.key)
	st.mu.Lock()
	if st.queues[q.key] == q {
		delete(st.queues, q.key)
	}
	st.mu.Unlock()
	q.mu.Lock()
}

// close ends all polls and unloads the queue.
func (q *queue) close() {
	for p := q.parked.pop(); p != nil; p = q.parked.pop() {
		p.wake <- struct{}{}
	}
	q.unload()
}

// taskList is tasks in order, and by id.
type taskList struct {
	first, last *taskNode
	byID        map[int64]*taskNode
}

type taskNode struct {
	task       *entity.Task
	prev, next *taskNode
}

func (l *taskList) len() int { return len(l.byID) }

func (l *taskList) has(id int64) bool {
	_, ok := l.byID[id]
	return ok
}

func (l *taskList) insert(task *entity.Task) *taskNode {
	if l.byID == nil {
		l.byID = make(map[int64]*taskNode)
	}
	n := &taskNode{task: task}
	l.byID[task.ID] = n
	return n
}

func (l *taskList) pushBack(task *entity.Task) {
	n := l.insert(task)
	if n.prev = l.last; l.last != nil {
		l.last.next = n
	} else {
		l.first = n
	}
	l.last = n
}

func (l *taskList) pushFront(task *entity.Task) {
	n := l.insert(task)
	if n.next = l.first; l.first != nil {
		l.first.prev = n
	} else {
		l.last = n
	}
	l.first = n
}

func (l *taskList) pop() *entity.Task {
	if l.first == nil {
		return nil
	}
	task := l.first.task
	l.removeID(task.ID)
	return task
}

func (l *taskList) removeID(id int64) {
	n := l.byID[id]
	if n == nil {
		return
	}
	delete(l.byID, id)
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		l.first = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		l.last = n.prev
	}
}
