package matching

import (
	"cmp"
	"slices"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
)

// A queue whose workers have versions is in parts (entity.Queue.Version), each a queue of its
// own with its pollers. Tasks of pinned workflows are filed, in the store, under the part of
// their version. All others are filed under the part without one, the host, and are guests in
// the part that they go to by the routes of the queue, in memory only:
//
//   - the host reads them from the store, and hands them on as they come (keepNormal), so its
//     own lanes have what goes to workers without versions, and nothing else;
//   - when the routes change, guests and hosts are gone through, and what goes elsewhere now
//     is moved (Rerouted);
//   - a part that has as many tasks as it may turns guests away. The host notes the first of
//     each lane that was turned away, and reads on from there when the part has room again. It
//     reads nothing while all parts that tasks go to are full;
//   - a part with guests stays in memory as long as its host does: who reads the host anew
//     reads the guests again.

// routes are the versions of workers of the queue; nil if there are none.
func (m *Matching) routes(queue entity.Queue) *deployment.Routes {
	if m.options.Routes == nil {
		return nil
	}
	return m.options.Routes(queue)
}

// partOf is the part that the task is a guest in; empty if it is none.
func partOf(routes *deployment.Routes, task *entity.Task) string {
	if routes == nil || task.Queue.Version != "" {
		return ""
	}
	part, _, _ := routes.Of(task.Entity.ID, task.Version)
	return part
}

// inPart is the queue, or the part of it if that is not empty.
func inPart(queue entity.Queue, part string) entity.Queue {
	if part != "" {
		queue.Version = part
	}
	return queue
}

// loaded reports whether the queue is in memory.
func (m *Matching) loaded(key queueKey) bool {
	st := m.stripe(key)
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.queues[key] != nil
}

// wakeHost has the host of a part in memory, so that it hands on what it has for the part.
func (m *Matching) wakeHost(part entity.Queue) error {
	host, err := m.lockedOrNew(queueKey{Queue: part.Whole()})
	if err != nil {
		return err
	}
	host.lastUse = m.now()
	host.readOn()
	host.mu.Unlock()
	return nil
}

// addGuest offers a task in a part of its queue.
func (m *Matching) addGuest(task *entity.Task, part string) {
	if q := m.lockedForTask(queueKey{Queue: inPart(task.Queue, part)}, task.Volatile); q != nil {
		attended := m.options.Observer != nil && q.attended(m.now())
		q.levelOf(task).added.add(m.now())
		taken := q.takeGuest(task)
		q.mu.Unlock()
		if m.options.Observer != nil {
			m.options.Observer.Added(task.Queue, false, attended)
		}
		if taken {
			return
		}
	}
	m.leaveBehind(task)
}

// takeGuest reports whether there is room for a guest, and if so offers it.
func (q *queue) takeGuest(task *entity.Task) bool {
	if q.parked.first == nil && len(q.byID) >= q.m.options.MemoryLimit && !q.has(task.ID) {
		q.turnedAway.Store(true)
		return false
	}
	q.offer(task, false)
	return true
}

// leaveBehind has the host of a task that is in no part read it again when there is room.
func (m *Matching) leaveBehind(task *entity.Task) {
	if task.Volatile {
		return
	}
	host := m.locked(queueKey{Queue: task.Queue})
	if host == nil {
		return // it is read when somebody polls
	}
	defer host.mu.Unlock()
	host.left++
	ln := host.lanes[task.Lane]
	if ln == nil {
		if priority, _ := entity.ParseLane(task.Lane); !host.roomFor(priority) || host.undiscovered(task.Lane) {
			host.missLane(task.Lane)
			return
		}
		ln = host.laneFor(task.Lane)
	}
	ln.miss(task.ID)
}

// miss notes that a task of the lane was turned away.
func (ln *lane) miss(id int64) {
	if id != 0 && (ln.missed == 0 || id < ln.missed) {
		ln.missed = id
	}
}

// invite has the host of a part that has room again read what the part has turned away.
func (m *Matching) invite(part entity.Queue) {
	host := m.locked(queueKey{Queue: part.Whole()})
	if host == nil {
		return
	}
	defer host.mu.Unlock()
	for _, ln := range host.lanes {
		if ln.missed != 0 && host.reading != ln {
			ln.cursor, ln.spilled, ln.missed = min(ln.cursor, ln.missed-1), true, 0
			host.review(ln)
		}
	}
	if host.found.done && host.found.again {
		host.found = discovery{}
	}
	host.readOn()
}

// resting reports whether the queue is a host that need not read, because all parts that
// tasks go to are full. No queue is locked.
func (m *Matching) resting(q *queue) bool {
	if q.key.inMemory() || q.key.Version != "" {
		return false
	}
	routes := m.routes(q.key.Queue)
	if routes == nil || routes.Current.Version.IsZero() || routes.Ramps && routes.Ramping.Version.IsZero() {
		return false
	}
	full := func(v deployment.Version) bool {
		key := queueKey{Queue: inPart(q.key.Queue, v.String())}
		st := m.stripe(key)
		st.mu.Lock()
		defer st.mu.Unlock()
		part := st.queues[key]
		return part != nil && part.turnedAway.Load()
	}
	return full(routes.Current.Version) && (!routes.Ramps || full(routes.Ramping.Version))
}

// removeGuest drops a task whose record is gone where it may be a guest.
func (m *Matching) removeGuest(ref entity.TaskRef) {
	if ref.Queue.Version != "" {
		return
	}
	routes := m.routes(ref.Queue)
	if routes == nil {
		return
	}
	for _, v := range [...]deployment.Version{routes.Current.Version, routes.Ramping.Version} {
		if v.IsZero() {
			continue
		}
		if q := m.locked(queueKey{Queue: inPart(ref.Queue, v.String())}); q != nil {
			q.drop(ref.ID)
			q.readOn()
			q.mu.Unlock()
		}
	}
}

// Rerouted says that the routes of queues have changed: what waits goes where it goes now.
func (m *Matching) Rerouted(queues []entity.Queue) {
	changed := make(map[entity.Queue]bool, len(queues))
	for _, queue := range queues {
		changed[queue.Whole()] = true
	}
	var waiting leftovers
	m.each(func(q *queue) {
		if q.key.inMemory() || !changed[q.key.Whole()] {
			return
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		for id, n := range q.byID {
			if n.task.Queue.Version == "" {
				waiting.tasks = append(waiting.tasks, n.task)
				q.drop(id)
			}
		}
		for query := q.queries.pop(); query != nil; query = q.queries.pop() {
			waiting.queries = append(waiting.queries, query)
		}
	})
	slices.SortFunc(waiting.tasks, func(a, b *entity.Task) int { return cmp.Compare(a.ID, b.ID) })
	for _, task := range waiting.tasks {
		m.place(task)
	}
	for _, query := range waiting.queries {
		m.redispatch(query)
	}
	for queue := range changed {
		m.invite(queue)
	}
}

// place offers a task that has been in memory before where it belongs now.
func (m *Matching) place(task *entity.Task) {
	part := partOf(m.routes(task.Queue), task)
	q := m.lockedForTask(queueKey{Queue: inPart(task.Queue, part)}, task.Volatile)
	if q == nil {
		m.leaveBehind(task)
		return
	}
	taken := true
	if part != "" {
		taken = q.takeGuest(task)
	} else {
		q.offer(task, false)
	}
	q.mu.Unlock()
	if !taken {
		m.leaveBehind(task)
	}
}

// keepNormal returns the tasks of a page of one lane that are not taken by sticky queues and
// go to no part, and the id of the first that was turned away by one; 0 if none was. No queue is
// locked.
func (m *Matching) keepNormal(tasks []*entity.Task) (kept []*entity.Task, missed int64) {
	if len(tasks) == 0 {
		return tasks, 0
	}
	routes := m.routes(tasks[0].Queue)
	kept = slices.DeleteFunc(tasks, func(task *entity.Task) bool {
		if m.offerSticky(task, false) {
			return true
		}
		part := partOf(routes, task)
		if part == "" {
			return false
		}
		q := m.lockedForTask(queueKey{Queue: inPart(task.Queue, part)}, false)
		taken := q != nil
		if taken {
			taken = q.takeGuest(task)
			q.mu.Unlock()
		}
		if !taken && missed == 0 {
			missed = task.ID
		}
		return true
	})
	return kept, missed
}
