package matching

import (
	"context"
	"errors"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"

	"github.com/perdure/perdure/internal/entity"
)

// PollRequest is what a poller asks for.
type PollRequest struct {
	Queue entity.Queue
	// Sticky is the name of the sticky queue to be polled. Queue.Name is not looked
	// at if it is set.
	Sticky string
	// Branch: the queue is at home at another node, which hands its tasks to the polls that wait here. See branch.go.
	Branch bool
	// Identity of the poller, for Describe.
	Identity string
	// InstanceKey tells workers apart, for CancelPolls. May be empty.
	InstanceKey string
	// Rate is how many tasks per second the queue may hand out, if the worker says so.
	Rate *float64
	// Capabilities and Deployment are what the worker says of its version, for Describe.
	Capabilities *commonpb.WorkerVersionCapabilities
	Deployment   *deploymentpb.WorkerDeploymentOptions
}

// Work is what a poll returns: a task or a query.
type Work struct {
	Task  *entity.Task
	Query *QueryTask
	// Sticky is set if it comes from a sticky queue.
	Sticky bool
	// BacklogCount is about how many more tasks are waiting in the queue.
	BacklogCount int64
	// Scale is how many more polls there should be of workers that scale themselves.
	Scale int32

	waiting *waitingQuery // of Query
	handed  bool          // the poll was waiting for it
}

// poller is a poll that waits. Pollers are pooled.
type poller struct {
	wake  chan struct{} // of capacity 1; sent to when work is set, or the poll is ended
	timer *time.Timer

	identity, instanceKey string
	since                 time.Time

	// Guarded by the queue's lock while the poller is parked; the poll's own after.
	parked     bool
	prev, next *poller
	// credit is set of a node that has polls in its branch of the queue, in place of all else.
	credit *credit
	// away: the poll is ended because it has to wait somewhere else.
	away bool
	work Work   // empty if the poll is ended with nothing
	from *queue // where work comes from
}

func newPoller() *poller {
	p := &poller{wake: make(chan struct{}, 1), timer: time.NewTimer(time.Hour)}
	p.timer.Stop()
	return p
}

// Poll waits for work in a queue. It returns nil when the context ends, when
// there was none for Options.LongPoll (less if the context has a deadline: a tenth
// of the time is kept for the reply), or when the worker's polls are cancelled by
// CancelPolls. Work that arrives in the moment the context ends goes to somebody else.
//
// A context that is cancelled, and for no other cause (context.Cause), says that
// the caller has gone: see PollerGone.
func (m *Matching) Poll(ctx context.Context, request PollRequest) (*Work, error) {
	if m.source == nil {
		return nil, errNoSource
	}
	key := queueKey{Queue: request.Queue, branch: request.Branch}
	if request.Sticky != "" {
		key = stickyKey(request.Queue.Namespace, request.Sticky)
	}
	patience := m.options.LongPoll
	if deadline, ok := ctx.Deadline(); ok {
		patience = min(patience, time.Until(deadline)*9/10)
	}
	began := m.now()
	for before := began; ; before = m.now() {
		work, err := m.poll(ctx, key, &request, patience)
		if err != nil || work == nil || work.waiting == nil || work.waiting.accept() {
			if m.options.Observer != nil && !errors.Is(err, ErrQueueAway) { // it goes on elsewhere
				m.polled(&request, began, work, err)
			}
			return work, err
		}
		// Whoever asked the query has gone in the meantime.
		patience -= m.now().Sub(before)
	}
}

func (m *Matching) poll(ctx context.Context, key queueKey, request *PollRequest, patience time.Duration) (*Work, error) {
	if ctx.Err() != nil {
		return nil, nil
	}
	if key.Version != "" && !key.branch {
		if err := m.wakeHost(key.Queue); err != nil {
			return nil, err
		}
	}
	q, err := m.lockedOrNew(key)
	if err != nil {
		return nil, err
	}
	now := m.now()
	// With the queue locked: CancelPolls notes the worker first and then goes through
	// the queues, so it finds this poll there or this poll finds the note.
	if m.departed.has(key.Namespace, request.InstanceKey, now) {
		q.mu.Unlock()
		return nil, nil
	}
	q.sawPoller(request, now)
	switch {
	case key.branch:
		q.pollBranch(request)
	case request.Rate != nil:
		q.setWorkerRate(*request.Rate, now)
	}
	if work, ok := q.take(now); ok {
		q.mu.Unlock()
		return &work, nil
	}
	p := m.pollers.Get().(*poller)
	p.identity, p.instanceKey, p.since = request.Identity, request.InstanceKey, now
	q.parked.pushBack(p)
	if !q.tellCredit() {
		q.parked.remove(p)
		q.mu.Unlock()
		p.identity, p.instanceKey = "", ""
		m.pollers.Put(p)
		return nil, ErrQueueAway
	}
	q.setAlarm()
	q.mu.Unlock()

	p.timer.Reset(patience)
	select {
	case <-p.wake:
	case <-p.timer.C:
	case <-ctx.Done():
	}
	p.timer.Stop()

	q.mu.Lock()
	gone := context.Cause(ctx) == context.Canceled
	if p.parked {
		q.parked.remove(p)
		q.tellCredit()
		q.lastUse = m.now()
		if !gone {
			q.lastPoll = q.lastUse // it waited to the end, and will be back
		}
	}
	switch {
	case gone:
		q.pollerGone()
	case p.work.Task != nil && !q.dead:
		q.sawPoller(request, m.now())
	}
	q.mu.Unlock()
	// Nobody knows the poller any more: if it was woken, its work is set.
	select {
	case <-p.wake:
	default:
	}
	work, from, away := p.work, p.from, p.away
	p.work, p.from, p.away, p.identity, p.instanceKey = Work{}, nil, false, "", ""
	m.pollers.Put(p)
	switch {
	case from == nil && away && ctx.Err() == nil:
		return nil, ErrQueueAway
	case from == nil:
		return nil, nil
	}
	if ctx.Err() != nil {
		m.putBack(work)
		return nil, nil
	}
	return &work, nil
}

// putBack takes work back from a poll whose caller has gone.
func (m *Matching) putBack(work Work) {
	switch {
	case work.Task != nil:
		m.Return(work.Task)
	case work.waiting == nil && work.Query != nil: // it was handed to a branch
		m.elsewhere.ReturnQuery(work.Query)
	case work.waiting != nil && work.waiting.release():
		m.redispatch(work.waiting)
	}
}

// PollerGone says that the caller of a poll that returned work has gone. What comes
// next for a sticky queue then does not wait for a worker that may never be back:
// unless another poll of it is open, or comes, it goes to the normal queue.
func (m *Matching) PollerGone(request PollRequest) {
	if request.Sticky == "" {
		return
	}
	if q := m.locked(stickyKey(request.Queue.Namespace, request.Sticky)); q != nil {
		q.pollerGone()
		q.mu.Unlock()
	}
}

// CancelPolls ends the polls of one worker in a namespace, with nothing, and
// returns how many there were. Polls that the worker has sent already but that have
// not arrived yet will end at once.
func (m *Matching) CancelPolls(namespace, instanceKey string) int {
	count := 0
	if instanceKey == "" {
		return 0
	}
	m.departed.add(namespace, instanceKey, m.now())
	m.each(func(q *queue) {
		if q.key.Namespace != namespace {
			return
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		for p := q.parked.first; p != nil; {
			next := p.next
			if p.instanceKey == instanceKey {
				q.parked.remove(p)
				delete(q.infos, p.identity)
				p.wake <- struct{}{}
				count++
			}
			p = next
		}
		q.tellCredit()
	})
	return count
}

// pollerList is parked pollers, the one that has waited longest first.
type pollerList struct{ first, last *poller }

func (l *pollerList) pushBack(p *poller) {
	p.parked, p.prev, p.next = true, l.last, nil
	if l.last != nil {
		l.last.next = p
	} else {
		l.first = p
	}
	l.last = p
}

func (l *pollerList) pushFront(p *poller) {
	p.parked, p.prev, p.next = true, nil, l.first
	if l.first != nil {
		l.first.prev = p
	} else {
		l.last = p
	}
	l.first = p
}

func (l *pollerList) pop() *poller {
	p := l.first
	if p != nil {
		l.remove(p)
	}
	return p
}

func (l *pollerList) remove(p *poller) {
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		l.first = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	} else {
		l.last = p.prev
	}
	p.parked, p.prev, p.next = false, nil, nil
}
