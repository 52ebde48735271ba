package matching

import (
	"container/heap"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// The tasks of a queue are divided into lanes: one for each priority and fairness key
// (entity.LaneOf). Within a lane tasks go out in the order of their ids. Which lane is
// next is decided when a task goes out, so a task with a better priority overtakes
// all others at once, and a change of weights applies to what waits already:
//
//   - a level, that is all lanes of a priority, is served only when the better ones
//     have nothing;
//   - within a level it is start-time fair queuing. The pass of a lane is the virtual
//     time at which its next task may go out; each task moves it by the inverse of
//     its weight, and the lane with the least pass is next. A lane that was empty
//     begins at the level's virtual time, so nobody saves up turns; one that has just
//     become empty stays on the heap until that time has come past its pass, so nobody
//     gets more turns by having one task at a time.
//
// Where fairness is off (Options.Fair), the lanes of a level are served as if they were
// one, in order of their ids.

// lane is one lane of a queue. A lane that is not in memory has no tasks, or has not
// been discovered: see discovery.go.
type lane struct {
	name, key   string // of the lane, and its fairness key
	level       *level
	first, last *taskNode
	count       int // of tasks in memory
	pass        float64
	index       int // on one of the level's heaps; -1 if it is on none
	// until is when the limit of the fairness key lets the next task go out; zero if it
	// is not held back. See limit.go.
	until time.Time

	// See backlog.go.
	spilled bool
	cursor  int64
	arrived []*entity.Task
	// arrivedMany is set if there were too many to keep in arrived.
	arrivedMany bool
	// restart is set if the page that is being read may lack tasks with lesser ids: see
	// Matching.Refresh.
	restart bool
	hungry  bool // on the level's list of those
	// missed is the first task that a part of the queue has turned away; 0: none. See parts.go.
	missed  int64
	starved bool // counted as such by the level
}

type taskNode struct {
	task       *entity.Task
	lane       *lane
	prev, next *taskNode
}

func (ln *lane) pushBack(n *taskNode) {
	if n.prev = ln.last; ln.last != nil {
		ln.last.next = n
	} else {
		ln.first = n
	}
	ln.last = n
	ln.count++
}

func (ln *lane) pushFront(n *taskNode) {
	if n.next = ln.first; ln.first != nil {
		ln.first.prev = n
	} else {
		ln.last = n
	}
	ln.first = n
	ln.count++
}

// firstID is the id of the task that goes out next; zero if there is none.
func (ln *lane) firstID() int64 {
	if ln.first == nil {
		return 0
	}
	return ln.first.task.ID
}

// firstChanged puts the lane where it belongs among those that wait for a turn.
func (ln *lane) firstChanged() {
	if ln.index >= 0 && ln.until.IsZero() {
		heap.Fix(&ln.level.turns, ln.index)
	}
}

func (ln *lane) unlink(n *taskNode) {
	if n.prev != nil {
		n.prev.next = n.next
	} else {
		ln.first = n.next
	}
	if n.next != nil {
		n.next.prev = n.prev
	} else {
		ln.last = n.prev
	}
	n.prev, n.next = nil, nil
	ln.count--
}

// level is the lanes of one priority.
type level struct {
	priority int32
	lanes    int     // in memory
	virtual  float64 // the pass of the lane that was served last
	// turns has every lane with tasks in memory, and those that were served not long
	// ago.
	turns laneHeap
	// held has the lanes that are held back by the limits of their fairness keys.
	held heldHeap
	// hungry are the lanes of which a page has to be read, in the order in which they
	// are; starved is how many lanes have tasks in the store and none in memory.
	hungry  []*lane
	starved int

	// added counts tasks that have become ready, dispatched those that went to pollers.
	added, dispatched meter
}

// laneHeap has the lane with the least pass at its root; of those with equal ones, the
// lane whose first task is the oldest.
type laneHeap []*lane

func (h laneHeap) Len() int { return len(h) }

// Less implements heap.Interface.
func (h laneHeap) Less(i, j int) bool {
	if h[i].pass != h[j].pass {
		return h[i].pass < h[j].pass
	}
	return h[i].firstID() < h[j].firstID()
}

// Swap implements heap.Interface.
func (h laneHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

// Push implements heap.Interface.
func (h *laneHeap) Push(x any) {
	ln := x.(*lane)
	ln.index = len(*h)
	*h = append(*h, ln)
}

// Pop implements heap.Interface.
func (h *laneHeap) Pop() any {
	last := len(*h) - 1
	ln := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	ln.index = -1
	return ln
}

// laneFor returns the lane with the name, which is made if it is not in memory.
func (q *queue) laneFor(name string) *lane {
	if ln := q.lanes[name]; ln != nil {
		return ln
	}
	ln := q.newLane(name, 0, q.undiscovered(name))
	q.review(ln)
	return ln
}

// newLane makes a lane that is not in memory. If it has spilled, it has to be reviewed.
func (q *queue) newLane(name string, cursor int64, spilled bool) *lane {
	priority, key := entity.ParseLane(name)
	l := q.level(priority)
	ln := &lane{name: name, key: key, level: l, index: -1, cursor: cursor, spilled: spilled}
	if q.lanes == nil {
		q.lanes = make(map[string]*lane)
	}
	q.lanes[name] = ln
	l.lanes++
	return ln
}

func (q *queue) level(priority int32) *level {
	l := q.levels[priority]
	if l == nil {
		l = &level{priority: priority}
		q.levels[priority] = l
	}
	return l
}

// levelOf is the level of a task's lane.
func (q *queue) levelOf(task *entity.Task) *level {
	priority, _ := entity.ParseLane(task.Lane)
	return q.level(priority)
}

// dropLane takes a lane out of memory that has no tasks there.
func (q *queue) dropLane(ln *lane) {
	switch {
	case ln.index < 0:
	case ln.until.IsZero():
		heap.Remove(&ln.level.turns, ln.index)
	default:
		heap.Remove(&ln.level.held, ln.index)
	}
	if ln.starved {
		ln.starved = false
		ln.level.starved--
	}
	delete(q.lanes, ln.name)
	ln.level.lanes--
}

// keep takes a task in memory, at the front of its lane or at the back.
func (q *queue) keep(task *entity.Task, front bool) {
	ln := q.laneFor(task.Lane)
	n := &taskNode{task: task, lane: ln}
	if q.byID == nil {
		q.byID = make(map[int64]*taskNode)
	}
	q.byID[task.ID] = n
	if front {
		ln.pushFront(n)
	} else {
		ln.pushBack(n)
	}
	if ln.index < 0 {
		ln.pass = max(ln.pass, ln.level.virtual)
		heap.Push(&ln.level.turns, ln)
	} else if ln.first == n {
		ln.firstChanged()
	}
	q.review(ln)
}

// drop takes a task out of memory, if it is there.
func (q *queue) drop(id int64) {
	if n := q.byID[id]; n != nil {
		q.unlink(n)
		q.review(n.lane)
	}
}

func (q *queue) unlink(n *taskNode) {
	first := n.lane.first == n
	n.lane.unlink(n)
	delete(q.byID, n.task.ID)
	if first {
		n.lane.firstChanged()
	}
}

// next takes the task out of memory that is next to go out; nil if there is none, or
// if one that goes before what is in memory may be on its way from the store.
func (q *queue) next(now time.Time) *entity.Task {
	if !q.mayGo(now) {
		return nil
	}
	for priority, l := range q.levels {
		if l != nil {
			if task := q.nextOf(l, now); task != nil {
				return task
			}
		}
		if q.loading && (l != nil && l.starved > 0 || q.discoveryAt() <= int32(priority)) {
			return nil
		}
	}
	return nil
}

// nextOf is next for one level.
func (q *queue) nextOf(l *level, now time.Time) *entity.Task {
	l.release(now, false)
	for len(l.turns) > 0 {
		ln := l.turns[0]
		n := ln.first
		if n == nil {
			heap.Pop(&l.turns)
			if !ln.spilled && q.reading != ln && ln.missed == 0 {
				q.dropLane(ln)
			}
			continue
		}
		if expired(n.task, now) {
			q.unlink(n)
			q.review(ln)
			continue
		}
		if q.holdBack(ln, now) {
			continue
		}
		q.unlink(n)
		q.spend(ln.key, n.task, now)
		if q.fair {
			l.virtual = ln.pass
			ln.pass += 1 / float64(q.weight(ln.key, n.task))
			ln.firstChanged()
		}
		q.review(ln)
		return n.task
	}
	if len(l.held.laneHeap) > 0 {
		q.limits.retryAt(l.held.laneHeap[0].until)
	}
	return nil
}

// reorder gives a lane its turn where fairness keys do not matter: the task with the
// least id of all goes first.
func (q *queue) reorder(ln *lane) {
	if q.fair || ln.first == nil || ln.index < 0 || !ln.until.IsZero() {
		return
	}
	if pass := float64(ln.first.task.ID); pass != ln.pass {
		ln.pass = pass
		heap.Fix(&ln.level.turns, ln.index)
	}
}

// setFair says whether fairness keys matter.
func (q *queue) setFair(fair bool) {
	if q.fair == fair {
		return
	}
	q.fair = fair
	for _, l := range q.levels {
		if l == nil {
			continue
		}
		l.release(time.Time{}, true)
		l.virtual = 0
		for _, ln := range l.turns {
			ln.pass = 0
			if !fair && ln.first != nil {
				ln.pass = float64(ln.first.task.ID)
			}
		}
		heap.Init(&l.turns)
	}
	q.match()
}

// minWeight is the least weight that counts.
const minWeight = 0.001

// weight is the share of the task's fairness key.
func (q *queue) weight(key string, task *entity.Task) float32 {
	weight := task.Weight
	if q.limits != nil {
		if configured, ok := q.limits.config.Weights[key]; ok {
			weight = configured
		}
	}
	if weight > 0 {
		return max(weight, minWeight)
	}
	return 1
}
