package matching

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// queue is one task queue in memory.
//
// Invariants, with mu free: if a poller is parked, no query waits, no task waits that
// may go out, and every lane is complete or is being read. Every task of a normal
// queue whose record exists is in memory, or has been handed out, or will be added, or
// its lane has spilled and the task's id is above the cursor, or its lane has not been
// discovered.
type queue struct {
	m   *Matching
	key queueKey

	mu sync.Mutex
	// told, of sticky queues, is whether the other nodes know that it is served here.
	told bool
	// dead is set when the queue has been unloaded; it is not in the map any more.
	dead    bool
	parked  pollerList
	queries queryList

	// lastPoll is when somebody last began to poll or was handed work, lastUse is
	// the last time of anything that keeps the queue loaded.
	lastPoll, lastUse time.Time
	infos             map[string]Poller

	// byID has all tasks in memory, lanes and levels their order: see lane.go.
	byID   map[int64]*taskNode
	lanes  map[string]*lane
	levels [entity.PriorityLevels + 1]*level // by priority

	// fair is set unless fairness keys do not matter.
	fair bool
	// scaling says when pollers are told to be more or less.
	scaling Scaling

	// loading is set while a goroutine reads pages, reading is the lane of which it
	// reads one; hungry is how many lanes are to be read on. See backlog.go.
	loading bool
	reading *lane
	hungry  int
	found   discovery
	// left estimates how many tasks are left to the store, aside is how many are set
	// aside by lanes.
	left  int64
	aside int

	// limits of the rate at which tasks go out; nil if there are none. See limit.go.
	limits *limits
	// configured counts the readings of the configuration that have begun; known is
	// whether one has ended.
	configured int
	known      bool

	// advice bounds how often pollers are told that there should be more: see scaling.go.
	advice bucket

	// credits are the branches at other nodes, by node. session, received and branchRate are what this one, if it is
	// a branch, tells its home. See branch.go.
	credits    map[string]*credit
	session    uint64
	received   int64
	branchRate *float64

	// turnedAway, of parts of queues, is set while guests are turned away: see parts.go.
	turnedAway atomic.Bool

	// fallback, of sticky queues, is set while something waits: see sticky.go.
	fallback *time.Timer
}

func newQueue(m *Matching, key queueKey) *queue {
	return &queue{m: m, key: key, fair: m.fair(key.Queue), scaling: m.scaling(key.Queue), found: discovery{done: key.inMemory()}, lastUse: m.now()}
}

// add takes a task that has just become durable.
func (q *queue) add(task *entity.Task) {
	q.levelOf(task).added.add(q.m.now())
	if task.Volatile {
		// It is nowhere else. Who offers it sees to it that it is not missed.
		if q.parked.first != nil || len(q.byID) < q.m.options.MemoryLimit {
			q.offer(task, false)
		}
		return
	}
	ln := q.lanes[task.Lane]
	switch {
	case ln == nil && q.undiscovered(task.Lane):
		q.left++
		if q.loading { // what is being found may not have it
			q.laneFor(task.Lane)
		}
	case ln == nil && task.ID <= q.found.floor:
		// Seen when the lane was discovered.
	case ln == nil:
		if priority, _ := entity.ParseLane(task.Lane); len(q.byID) > 0 && !q.roomFor(priority) {
			q.left++
			q.missLane(task.Lane)
			return
		}
		q.offer(task, false)
	case q.reading == ln:
		q.setAside(ln, task)
	case ln.spilled:
		q.leave(ln)
	case task.ID <= ln.cursor:
		// Read from the store already.
	case q.full(ln):
		q.spill(ln)
		q.leave(ln)
	default:
		q.offer(task, false)
	}
}

// restore takes a task back that has been in memory before.
func (q *queue) restore(task *entity.Task) {
	ln := q.lanes[task.Lane]
	switch {
	case task.Volatile, q.key.sticky:
	case ln == nil && q.undiscovered(task.Lane) && !q.loading,
		ln != nil && ln.spilled && q.reading != ln && task.ID > ln.cursor:
		q.left++
		return // it will be read
	}
	q.offer(task, true)
}

// forget drops the tasks for which gone reports true.
func (q *queue) forget(gone func(*entity.Task) bool) {
	for id, n := range q.byID {
		if gone(n.task) {
			q.drop(id)
		}
	}
	for _, ln := range q.lanes {
		if len(ln.arrived) > 0 {
			q.aside -= len(ln.arrived)
			ln.arrived = slices.DeleteFunc(ln.arrived, gone)
			q.aside += len(ln.arrived)
		}
	}
	q.readOn()
}

// offer hands the task to the poller that has waited longest or else keeps it, at
// the front or at the back.
func (q *queue) offer(task *entity.Task, front bool) {
	if q.has(task.ID) || expired(task, q.m.now()) {
		return
	}
	if len(q.byID) == 0 && !q.loading && q.limits == nil { // nothing that could go before it
		if p := q.nextPoller(); p != nil {
			q.hand(p, Work{Task: task})
			return
		}
	}
	q.keep(task, front)
	q.match()
}

// keepOnce keeps a task, if it is not in memory yet, without handing it out.
func (q *queue) keepOnce(task *entity.Task) {
	if !q.has(task.ID) && !expired(task, q.m.now()) {
		q.keep(task, false)
	}
}

func (q *queue) has(id int64) bool {
	_, ok := q.byID[id]
	return ok
}

// match hands out tasks as long as there are pollers.
func (q *queue) match() {
	for q.parked.first != nil {
		task := q.next(q.m.now())
		if task == nil {
			break
		}
		q.hand(q.nextPoller(), Work{Task: task})
	}
	q.setAlarm()
	q.readOn()
}

// hand gives work to a poller that has been taken off the list.
func (q *queue) hand(p *poller, work Work) {
	q.lastPoll = q.m.now()
	q.lastUse = q.lastPoll
	if work.Task != nil && !q.key.branch {
		q.levelOf(work.Task).dispatched.add(q.lastPoll)
	}
	if q.key.branch { // the home has seen to the rest; how long the poll has waited is known here
		if q.lastPoll.Sub(p.since) >= q.scaling.DownAfter {
			work.Scale = -1
		}
	} else {
		since := p.since
		if p.credit != nil {
			since = q.lastPoll
		}
		work.Scale = q.advise(since, q.lastPoll)
		work.BacklogCount = q.backlog()
	}
	work.Sticky = q.key.sticky
	if p.credit != nil {
		q.handOut(p.credit, work)
		return
	}
	work.handed = true
	p.work, p.from = work, q
	p.wake <- struct{}{}
}

// take returns work that is waiting, the oldest first, queries before tasks.
func (q *queue) take(now time.Time) (work Work, ok bool) {
	if query := q.queries.take(); query != nil {
		work, ok = Work{Query: query.task, waiting: query}, true
	} else if task := q.next(now); task != nil {
		work, ok = Work{Task: task}, true
		q.levelOf(task).dispatched.add(now)
	}
	if ok {
		work.Scale = q.advise(now, now)
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
func (q *queue) backlog() int64 { return int64(len(q.byID)+q.aside) + max(0, q.left) }

// sawPoller notes that a poll begins, or ends.
func (q *queue) sawPoller(request *PollRequest, now time.Time) {
	q.lastPoll, q.lastUse = now, now
	q.tellPolled(true)
	identity := request.Identity
	if identity == "" {
		return
	}
	if _, ok := q.infos[identity]; !ok && len(q.infos) >= maxPollerInfos {
		q.forgetPollers(now)
		if len(q.infos) >= maxPollerInfos {
			return
		}
	}
	if q.infos == nil {
		q.infos = make(map[string]Poller)
	}
	q.infos[identity] = Poller{
		Identity: identity, LastAccess: now, Rate: request.Rate,
		Capabilities: request.Capabilities, Deployment: request.Deployment,
	}
}

func (q *queue) forgetPollers(now time.Time) {
	for identity, info := range q.infos {
		if now.Sub(info.LastAccess) >= q.m.options.IdleAfter {
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
	q.tellPolled(false)
	q.tellCredit()
	q.stopFallback()
	q.stopAlarm()
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
		if p.credit == nil {
			p.wake <- struct{}{}
		}
	}
	q.credits = nil
	q.unload()
}
