package matching

import (
	"maps"
	"slices"

	"github.com/perdure/perdure/internal/entity"
)

// A queue that is hot has branches at other nodes: the polls that arrive at a node wait there, and the home knows how
// many there are, which is the credit of the node. The home goes on deciding which task is next; it hands it to
// the node that has had credit for longest, and that one gives it to its poll that has waited longest and has it started. So
// order is the home's, and what costs, polls and starts, is everywhere.
//
// At the home a node with credit is one poller on the list of those that wait, which comes back to its end as long as it
// has credit left. Rates are counted there, where tasks leave. Nothing is acknowledged: a branch tells how many polls are
// waiting and how many things it has received in all, so the home knows which are still on their way to it. A task that
// finds no poll any more goes back to the home, at the front. A branch that was made anew, or that was not heard of for a while,
// is another one (session): what was on the way to the one before comes back.

// credit is what a node has told of its branch of a queue. It is guarded by the lock of the queue.
type credit struct {
	node    string
	session uint64
	// sent counts what was handed to the branch. count is how many polls are known to wait there for which nothing is on
	// its way; poller is on the list of those that wait if there are any.
	sent, count int64
	poller      *poller
	pollers     int // who polls there: how many identities
}

// Credit is what a branch tells its home.
type Credit struct {
	// Queue is the queue, or the part of it.
	Queue entity.Queue
	// Session identifies the branch; 0: there is none any more.
	Session uint64
	// Waiting is how many polls are waiting, and Received how many things the branch has been handed in all.
	Waiting, Received int64
	// Pollers is how many workers poll there.
	Pollers int
	// Rate is how many tasks per second the queue may hand out, if a worker there has said so.
	Rate *float64
}

// Handed is what a home hands to a branch: a task or a query.
type Handed struct {
	Queue   entity.Queue
	Session uint64
	Task    *entity.Task
	Query   *QueryTask
	// Scale and BacklogCount are those of the Work.
	Scale        int32
	BacklogCount int64
}

func branchKey(queue entity.Queue) queueKey { return queueKey{Queue: queue, branch: true} }

// Credited takes up what a node has told of its branch of a queue that is at home here.
func (m *Matching) Credited(node string, told Credit) error {
	key := queueKey{Queue: told.Queue}
	if told.Waiting > 0 && key.Version != "" {
		if err := m.wakeHost(key.Queue); err != nil {
			return err
		}
	}
	q := m.locked(key)
	if q == nil && told.Waiting > 0 {
		var err error
		if q, err = m.lockedOrNew(key); err != nil {
			return err
		}
	}
	if q == nil {
		return nil
	}
	defer q.mu.Unlock()
	q.credited(node, told)
	return nil
}

func (q *queue) credited(node string, told Credit) {
	c := q.credits[node]
	if c != nil && c.session != told.Session {
		q.dropCredit(c)
		c = nil
	}
	if told.Session == 0 {
		return
	}
	now := q.m.now()
	if c == nil {
		c = &credit{node: node, session: told.Session, sent: told.Received}
		c.poller = &poller{credit: c}
		if q.credits == nil {
			q.credits = make(map[string]*credit)
		}
		q.credits[node] = c
	}
	if told.Rate != nil {
		q.setWorkerRate(*told.Rate, now)
	}
	c.pollers, c.count = told.Pollers, max(0, told.Waiting-(c.sent-told.Received))
	switch {
	case c.count == 0 && c.poller.parked:
		q.parked.remove(c.poller)
	case c.count > 0 && !c.poller.parked:
		q.parked.pushBack(c.poller)
	}
	if c.count > 0 {
		q.lastPoll, q.lastUse = now, now
	}
	for c.count > 0 {
		query := q.queries.take()
		if query == nil {
			break
		}
		q.hand(q.nextPoller(), Work{Query: query.task, waiting: query})
	}
	q.match()
}

// dropCredit forgets a branch.
func (q *queue) dropCredit(c *credit) {
	c.count = 0
	if c.poller.parked {
		q.parked.remove(c.poller)
	}
	if q.credits[c.node] == c {
		delete(q.credits, c.node)
	}
}

// DropCredits forgets all branches at a node, which is not heard any more. What was on its way there is read from the
// store anew by whoever sees to it that Refresh is called.
func (m *Matching) DropCredits(node string) {
	m.each(func(q *queue) {
		q.mu.Lock()
		defer q.mu.Unlock()
		if c := q.credits[node]; c != nil {
			q.dropCredit(c)
		}
	})
}

// nextPoller takes the poller that has waited longest off the list; nil if none waits. A node comes back to the end of the list
// if it has more polls.
func (q *queue) nextPoller() *poller {
	p := q.parked.pop()
	if p == nil || p.credit == nil {
		return p
	}
	if p.credit.count--; p.credit.count > 0 {
		q.parked.pushBack(p)
	}
	return p
}

// unpop puts a poller back that nextPoller has returned and that has got nothing.
func (q *queue) unpop(p *poller) {
	if p.credit != nil {
		p.credit.count++
		if p.parked {
			q.parked.remove(p)
		}
	}
	q.parked.pushFront(p)
}

// handOut gives work to a branch. If that cannot be reached, it is forgotten, and the work goes to whoever is next.
func (q *queue) handOut(c *credit, work Work) {
	c.sent++
	if q.m.elsewhere.HandOut(c.node, Handed{
		Queue: q.key.Queue, Session: c.session, Task: work.Task, Query: work.Query, Scale: work.Scale, BacklogCount: work.BacklogCount,
	}) {
		if work.waiting != nil {
			work.waiting.accept()
		}
		return
	}
	q.dropCredit(c)
	switch {
	case work.Task != nil:
		q.giveBack(work.Task)
		if !q.has(work.Task.ID) {
			q.keep(work.Task, true)
		}
		q.match()
	case work.waiting.release():
		_ = q.offerQuery(work.waiting, true) // there is room: it has just left
	}
}

// branched is how many workers poll branches of the queue.
func (q *queue) branched() (pollers int) {
	for _, c := range q.credits {
		pollers += c.pollers
	}
	return pollers
}

// BranchCredit is what the home of the queue is to be told of the branch here.
func (m *Matching) BranchCredit(queue entity.Queue) Credit {
	told := Credit{Queue: queue}
	q := m.locked(branchKey(queue))
	if q == nil {
		return told
	}
	defer q.mu.Unlock()
	for p := q.parked.first; p != nil; p = p.next {
		told.Waiting++
	}
	told.Session, told.Received, told.Pollers, told.Rate = q.session, q.received, len(q.infos), q.branchRate
	return told
}

// tellCredit has the home told, soon, of a branch, which is locked, that has changed, and reports whether it hears of it. It
// does nothing to other queues.
func (q *queue) tellCredit() bool { return !q.key.branch || q.m.elsewhere.Waiting(q.key.Queue) }

// TakeHanded gives what the home has handed to the branch here to the poll that has waited longest; if none does any more, it
// goes back.
func (m *Matching) TakeHanded(handed Handed) {
	if !m.takeHanded(handed) {
		m.putBack(Work{Task: handed.Task, Query: handed.Query})
	}
}

func (m *Matching) takeHanded(handed Handed) bool {
	q := m.locked(branchKey(handed.Queue))
	if q == nil {
		return false
	}
	defer q.mu.Unlock()
	if q.session != handed.Session {
		return false
	}
	q.received++
	p := q.parked.pop()
	if p == nil {
		q.tellCredit()
		return false
	}
	q.hand(p, Work{Task: handed.Task, Query: handed.Query, Scale: handed.Scale, BacklogCount: handed.BacklogCount})
	return true
}

// CloseBranches ends the polls of the branches here of a queue, all its parts, with ErrQueueAway: they have to wait
// somewhere else from now on. It returns the parts, which have no branch here any more.
func (m *Matching) CloseBranches(whole entity.Queue) (closed []entity.Queue) {
	m.each(func(q *queue) {
		if !q.key.branch || q.key.Whole() != whole {
			return
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		if q.dead {
			return
		}
		for p := q.parked.first; p != nil; p = p.next {
			p.away = true
		}
		q.close()
		closed = append(closed, q.key.Queue)
	})
	return closed
}

// BranchPollers are those who poll the branches here of a queue, by part.
func (m *Matching) BranchPollers(whole entity.Queue) (byPart map[string][]Poller) {
	now := m.now()
	m.each(func(q *queue) {
		if !q.key.branch || q.key.Whole() != whole.Whole() {
			return
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		q.forgetPollers(now)
		if byPart == nil {
			byPart = make(map[string][]Poller)
		}
		for _, p := range q.infos {
			byPart[q.key.Version] = append(byPart[q.key.Version], p)
		}
	})
	return byPart
}

// WithPollers is the description with others who poll, by part.
func (d Description) WithPollers(byPart map[string][]Poller) Description {
	if len(byPart) == 0 {
		return d
	}
	parts := maps.Clone(d.Parts())
	for name, more := range byPart {
		part, there := parts[name]
		if !there {
			continue
		}
		latest := make(map[string]Poller, len(part.Pollers)+len(more))
		for _, p := range slices.Concat(part.Pollers, more) {
			if known, ok := latest[p.Identity]; !ok || p.LastAccess.After(known.LastAccess) {
				latest[p.Identity] = p
			}
		}
		part.Pollers = slices.Collect(maps.Values(latest))
		sortPollers(part.Pollers)
		parts[name] = part
	}
	if d.Routes == nil {
		return parts[""]
	}
	return Whole(d.Routes, parts)
}

// pollBranch is what is particular about a poll of a branch, which is locked, before it waits.
func (q *queue) pollBranch(request *PollRequest) {
	if q.session == 0 {
		q.session = q.m.sessions.Add(1)
	}
	if request.Rate != nil {
		q.branchRate = request.Rate
	}
}
