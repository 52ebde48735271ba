package matching

import (
	"maps"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// A task that cannot be started because of an error that may well come again would hold up
// its queue if it were offered again at once. It rests, each time
// twice as long, so that what has been put right on its workflow or on the server
// is noticed without a restart.

const (
	// What rests is looked for as often as queues are swept, five times in Options.IdleAfter.
	firstRest   = time.Minute
	longestRest = 15 * time.Minute
	// maxAside is how many tasks are remembered. Others are offered again when their queue is
	// read from the store the next time.
	maxAside = 10_000
)

// asides are tasks that rest, and those that have rested and may not have been started.
type asides struct {
	mu    sync.Mutex
	tasks map[int64]*asideTask // by the ids of the tasks
}

type asideTask struct {
	task *entity.Task
	rest time.Duration
	// until is when the rest is over, or was: then the task has been offered again.
	until   time.Time
	offered bool
}

// LeaveAside takes a task that was polled and could not be started. It is offered again
// later.
func (m *Matching) LeaveAside(task *entity.Task) {
	a := &m.asides
	a.mu.Lock()
	defer a.mu.Unlock()
	resting := a.tasks[task.ID]
	switch {
	case resting != nil:
		resting.rest = min(2*resting.rest, longestRest)
	case len(a.tasks) >= maxAside:
		return
	default:
		resting = &asideTask{rest: firstRest}
		if a.tasks == nil {
			a.tasks = make(map[int64]*asideTask)
		}
		a.tasks[task.ID] = resting
	}
	resting.task, resting.until, resting.offered = task, m.now().Add(resting.rest), false
}

// offerAsides offers the tasks whose rest is over.
func (m *Matching) offerAsides(now time.Time) {
	a := &m.asides
	var rested []*entity.Task
	a.mu.Lock()
	for id, resting := range a.tasks {
		switch {
		case resting.offered && now.Sub(resting.until) > longestRest: // most likely it has been started
			delete(a.tasks, id)
		case !resting.offered && !resting.until.After(now):
			resting.offered = true
			rested = append(rested, resting.task)
		}
	}
	a.mu.Unlock()
	for _, task := range rested {
		m.Return(task)
	}
}

// forgetAsides forgets those for which gone reports true.
func (m *Matching) forgetAsides(gone func(*entity.Task) bool) {
	m.asides.mu.Lock()
	defer m.asides.mu.Unlock()
	maps.DeleteFunc(m.asides.tasks, func(_ int64, resting *asideTask) bool { return gone(resting.task) })
}
