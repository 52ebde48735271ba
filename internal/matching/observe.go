package matching

import (
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// Observer is told what goes on, for metrics. Its methods are called from many goroutines, on the
// way of tasks: they must be quick, must not block, and must not call the Matching.
type Observer interface {
	// Added tells of a task that has come in. attended is whether somebody has polled for it
	// within the last two minutes.
	Added(queue entity.Queue, sticky, attended bool)
	// Polled tells of a poll that is over.
	Polled(poll Polled)
}

// attention is how long after its last poll a queue counts as attended.
const attention = 2 * time.Minute

// Polled is a poll that is over.
type Polled struct {
	// Queue is the normal queue, even if the poll was of a sticky one.
	Queue  entity.Queue
	Sticky bool
	Result PollResult
	// Waited is how long the poll has taken.
	Waited time.Duration
	// Age is how long the task had been ready, if there was one.
	Age time.Duration
	// Sync: the poll was there before the task or query was.
	Sync bool
}

// PollResult is how a poll has ended.
type PollResult byte

const (
	// PollEmpty: with nothing, as its time was over.
	PollEmpty PollResult = iota
	// PollTask: with a task.
	PollTask
	// PollQuery: with a query.
	PollQuery
	// PollFailed: with an error.
	PollFailed
)

// polled tells the observer of a poll that began then.
func (m *Matching) polled(request *PollRequest, began time.Time, work *Work, err error) {
	now := m.now()
	p := Polled{Queue: request.Queue, Sticky: request.Sticky != "", Waited: now.Sub(began)}
	switch {
	case err != nil:
		p.Result = PollFailed
	case work == nil:
	case work.Task != nil:
		p.Result, p.Sync, p.Age = PollTask, work.handed, max(0, now.Sub(work.Task.Created))
	default:
		p.Result, p.Sync = PollQuery, work.handed
	}
	m.options.Observer.Polled(p)
}

// QueueStats are what a queue in memory holds.
type QueueStats struct {
	Queue  entity.Queue
	Sticky bool
	// Backlog is the approximate number of tasks that wait, and Age how long the first of those
	// in memory has waited.
	Backlog int64
	Age     time.Duration
	// Pollers are the polls that wait.
	Pollers int
	// Attended: somebody has polled within the last two minutes.
	Attended bool
}

// Stats calls visit for each queue in memory. Queues that nobody has polled or added to since the
// start, or for some minutes, are not there, and what waits for them in the store is not read.
func (m *Matching) Stats(visit func(QueueStats)) {
	now := m.now()
	m.each(func(q *queue) {
		s := QueueStats{Queue: q.key.Queue, Sticky: q.key.sticky}
		q.mu.Lock()
		dead := q.dead
		s.Backlog, s.Attended = q.backlog(), q.attended(now)
		for p := q.parked.first; p != nil; p = p.next {
			if p.credit == nil { // else it counts where it is
				s.Pollers++
			}
		}
		for _, ln := range q.lanes {
			if ln.first != nil {
				s.Age = max(s.Age, now.Sub(ln.first.task.Created))
			}
		}
		q.mu.Unlock()
		if !dead {
			visit(s)
		}
	})
}

// attended reports whether somebody has polled lately.
func (q *queue) attended(now time.Time) bool {
	return q.parked.first != nil || now.Sub(q.lastPoll) < attention
}
