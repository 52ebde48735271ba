package matching

import (
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// A lane of a normal queue is in one of three states.
//
// Spilled: tasks with ids above the cursor are left to the store. It comes to that
// when memory is full.
//
// Being read: a page is being read from the store, from the cursor on. Tasks that
// come in meanwhile are set aside: whether the page has them is known only when it is
// there.
//
// Complete: a page was the last one. From then on tasks go to memory as they come
// in. Those with ids up to the cursor have been on a page: whoever added them was
// late.
//
// Source promises what makes this right: a page that is the last one has every
// task that was not set aside.
//
// A queue has one goroutine at most that reads, one page at a time: of the lanes that
// have little left in memory, and of the names of lanes (discovery.go).

// leave leaves a task of a lane to the store.
func (q *queue) leave(ln *lane) {
	q.left++
	q.review(ln)
}

// spill is called in the complete state when memory is full.
func (q *queue) spill(ln *lane) {
	// Every task up to the watermark has been added, so is in memory or handed out.
	// Those above may be in memory as well; they are found there when they are read.
	ln.spilled = true
	ln.cursor = max(ln.cursor, q.m.source.Watermark())
}

// full reports whether there is no room in memory for another task of the lane. When
// the queue has as many as it may have, each lane may still have its share, so that
// memory that is full of other tasks does not keep those of better priority away.
func (q *queue) full(ln *lane) bool {
	return len(q.byID) >= q.m.options.MemoryLimit && ln.count >= max(minShare, q.m.options.MemoryLimit/len(q.lanes))
}

const (
	// minShare is how many tasks each lane may have in memory in any case.
	minShare = 4
	maxPage  = 1000
	minPage  = 16
)

// pageSize is the number of tasks read at once.
func (q *queue) pageSize() int {
	limit := q.m.options.MemoryLimit / 2
	return max(1, min(limit, max(minPage, min(maxPage, limit/max(1, len(q.lanes))))))
}

// review keeps the accounts of a lane that has changed: when its turn is, whether its
// tasks have to be waited for, and whether it is to be read on.
func (q *queue) review(ln *lane) {
	q.reorder(ln)
	if starved := ln.spilled && ln.count == 0; starved != ln.starved {
		ln.starved = starved
		if starved {
			ln.level.starved++
		} else {
			ln.level.starved--
		}
	}
	if ln.spilled && !ln.hungry && q.reading != ln && ln.count <= q.pageSize()/4 {
		ln.hungry = true
		ln.level.hungry = append(ln.level.hungry, ln)
		q.hungry++
	}
}

// readOn has pages read if some are wanted.
func (q *queue) readOn() {
	if q.turnedAway.Load() && len(q.byID) <= q.m.options.MemoryLimit/2 {
		q.turnedAway.Store(false)
		part := q.key.Queue
		q.m.start(func() { q.m.invite(part) })
	}
	if q.loading || q.key.inMemory() || q.hungry == 0 && q.found.done {
		return
	}
	if q.hungry == 0 && !q.mayDiscover() {
		return
	}
	q.loading = q.m.start(q.load)
}

func (q *queue) mayDiscover() bool {
	return !q.found.done && q.roomFor(q.discoveryAt()) && len(q.byID) < q.m.options.MemoryLimit
}

// nextRead says what is to be read next, a page of a lane or of the names of lanes, if
// anything is.
func (q *queue) nextRead() (ln *lane, discover bool) {
	for priority, l := range q.levels {
		if q.discoveryAt() == int32(priority) && q.mayDiscover() {
			return nil, true
		}
		for l != nil && len(l.hungry) > 0 {
			ln := l.hungry[0]
			l.hungry[0] = nil
			l.hungry = l.hungry[1:]
			ln.hungry = false
			q.hungry--
			switch {
			case !ln.spilled || q.lanes[ln.name] != ln:
				continue
			case ln.count == 0 && !q.found.done && !q.roomFor(l.priority):
				q.dropLane(ln) // others have waited for room
				q.missLane(ln.name)
				if q.mayDiscover() {
					return nil, true
				}
				continue
			}
			return ln, false
		}
	}
	return nil, false
}

// load reads pages as long as some are wanted.
func (q *queue) load() {
	m := q.m
	select {
	case m.loads <- struct{}{}:
		defer func() { <-m.loads }()
	case <-m.ctx.Done():
		return
	}
	q.mu.Lock()
	known := q.known
	q.mu.Unlock()
	if !known && !q.insist(readingConfig, q.readConfig) {
		return
	}
	for {
		resting := m.resting(q) // looks at other queues
		q.mu.Lock()
		var ln *lane
		discover := false
		if !resting {
			ln, discover = q.nextRead()
		}
		if ln == nil && !discover {
			q.loading = false
			q.recount()
			q.match()
			q.mu.Unlock()
			return
		}
		q.reading = ln
		q.mu.Unlock()
		read := q.discover
		if ln != nil {
			read = func() error { return q.readLane(ln) }
		}
		if !q.insist("Reading tasks", read) {
			return
		}
	}
}

// recount corrects the estimate of what is left to the store when nothing can be.
func (q *queue) recount() {
	if q.left == 0 || !q.found.done {
		return
	}
	for _, ln := range q.lanes {
		if ln.spilled || ln.missed != 0 {
			return
		}
	}
	q.left = 0
}

// insist calls fn until it succeeds; it reports false if the queue is closed, as one is that is at home elsewhere by now:
// nothing of it can be read here, and other queues wait for their turn to be read.
func (q *queue) insist(what string, fn func() error) bool {
	retry := 100 * time.Millisecond
	for {
		err := fn()
		if err == nil {
			return true
		}
		if q.m.away(q.key.Queue) {
			q.evict(func(entity.Queue) bool { return true })
		}
		q.mu.Lock()
		dead := q.dead
		q.mu.Unlock()
		if dead || q.m.ctx.Err() != nil {
			return false
		}
		q.m.log.Error(what+" has failed; it is tried again", "namespaceId", q.key.Namespace, "taskQueue", q.key.Name, "error", err)
		select {
		case <-time.After(retry):
		case <-q.m.ctx.Done():
			return false
		}
		retry = min(2*retry, 10*time.Second)
	}
}

// readLane reads a page of the lane q.reading.
func (q *queue) readLane(ln *lane) error {
	q.mu.Lock()
	after, limit := ln.cursor, q.pageSize()
	q.mu.Unlock()
	page, through, more, err := q.m.source.ReadTasks(q.m.ctx, q.key.Queue, ln.name, after, limit)
	if err != nil {
		return err
	}
	count := int64(len(page))
	page, missed := q.m.keepNormal(page) // looks at other queues: not with this one locked
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reading = nil
	ln.cursor = through
	ln.miss(missed)
	q.left = max(0, q.left-count)
	for _, task := range page {
		q.keepOnce(task)
	}
	if ln.restart {
		ln.restart, ln.cursor, more = false, 0, true
	}
	if !more && !ln.arrivedMany {
		ln.spilled = false
		for _, task := range ln.arrived {
			if task.ID > ln.cursor {
				q.keepOnce(task)
			}
		}
	} else {
		q.left += int64(len(ln.arrived)) // they will be read
	}
	q.aside -= len(ln.arrived)
	ln.arrived, ln.arrivedMany = nil, false
	q.review(ln)
	if ln.count == 0 && !ln.spilled && ln.index < 0 && ln.missed == 0 {
		q.dropLane(ln)
	}
	q.match()
	return nil
}

// setAside keeps a task of the lane that is being read.
func (q *queue) setAside(ln *lane, task *entity.Task) {
	if len(ln.arrived) >= q.m.options.MemoryLimit {
		ln.arrivedMany = true
		return
	}
	ln.arrived = append(ln.arrived, task)
	q.aside++
}

// refresh throws away what is in memory of the backlog, which is in the store, and has it
// read anew, from its beginning.
func (q *queue) refresh() {
	if q.key.inMemory() {
		return // it holds nothing that is not filed under a normal queue, too
	}
	for _, n := range q.byID {
		if !n.task.Volatile {
			q.unlink(n)
			q.left++
		}
	}
	for _, ln := range q.lanes {
		ln.cursor, ln.spilled = 0, true
		ln.restart = q.reading == ln
		q.review(ln)
	}
	if q.loading && !q.found.done {
		q.found.again = true // a page of names may be on its way
	} else {
		q.found = discovery{}
	}
	q.readOn()
}
