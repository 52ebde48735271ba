package matching

import (
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// A normal queue is in one of three states.
//
// Spilled: tasks with ids above the cursor are left to the store. It begins so,
// with the cursor at 0, and comes back to it when memory is full.
//
// Loading: a page is being read from the store, from the cursor on. Tasks that
// come in meanwhile are set aside: whether the page has them is known only when
// it is there.
//
// Complete: a page was the last one. From then on tasks go to memory as they come
// in. Those with ids up to the cursor have been on a page: whoever added them was
// late.
//
// Source promises what makes this right: a page that is the last one has every
// task that was not set aside.

// oneLane is the lane that all tasks are in, as long as nothing divides queues.
const oneLane = ""

// spill is called in the complete state when memory is full.
func (q *queue) spill() {
	// Every task up to the watermark has been added, so is in memory or handed out.
	// Those above may be in memory as well; they are found there when they are read.
	q.spilled = true
	q.cursor = max(q.cursor, q.m.source.Watermark())
	q.left = 0
}

// pageSize is the number of tasks read at once.
func (q *queue) pageSize() int { return max(1, min(1000, q.m.options.MemoryLimit/2)) }

// readOn has a page read if the queue has spilled and has few tasks in memory.
func (q *queue) readOn() {
	if !q.spilled || q.loading || q.tasks.len() > q.pageSize()/4 {
		return
	}
	q.loading = q.m.start(q.load)
}

// load reads pages until the queue is complete or has enough in memory.
func (q *queue) load() {
	m := q.m
	select {
	case m.loads <- struct{}{}:
		defer func() { <-m.loads }()
	case <-m.ctx.Done():
		return
	}
	retry := 100 * time.Millisecond
	for {
		q.mu.Lock()
		after := q.cursor
		q.mu.Unlock()
		page, through, more, err := m.source.ReadTasks(m.ctx, q.key.Queue, oneLane, after, q.pageSize())
		if err != nil {
			if m.ctx.Err() != nil {
				return
			}
			m.log.Error("Reading tasks has failed; it is tried again", "queue", q.key.Name, "error", err)
			select {
			case <-time.After(retry):
			case <-m.ctx.Done():
				return
			}
			retry = min(2*retry, 10*time.Second)
			continue
		}
		if q.loaded(page, through, more) {
			return
		}
	}
}

// loaded takes a page in; it reports whether there is nothing more to be read for
// the time being.
func (q *queue) loaded(page []*entity.Task, through int64, more bool) bool {
	// Not with the queue locked, as this looks at other queues.
	count := int64(len(page))
	normal := page[:0]
	for _, task := range page {
		if task.Sticky == "" || !q.m.offerSticky(task, false) {
			normal = append(normal, task)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.cursor = through
	q.left = max(0, q.left-count)
	for _, task := range normal {
		q.offer(task, false)
	}
	if !more && !q.arrivedMany {
		q.spilled, q.left = false, 0
		for _, task := range q.arrived {
			if task.ID > q.cursor {
				q.offer(task, false)
			}
		}
	} else {
		q.left += int64(len(q.arrived)) // they will be read
	}
	q.arrived, q.arrivedMany = nil, false
	if q.spilled && q.tasks.len() <= q.pageSize()/4 {
		return false
	}
	q.loading = false
	return true
}
