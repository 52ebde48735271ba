package peer

import (
	"maps"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

const (
	// heating is for how many seconds in a row a queue has to be busy to become hot, and cooling for how many it must
	// not have been, by a quarter of the measure, to become an ordinary one again.
	heating = 3
	cooling = 10
	coolTo  = 4
)

// heats are the queues at home here that others forward polls to, with how often.
type heats struct {
	mu      sync.Mutex
	byQueue map[entity.Queue]*heat
	hot     int // how many are
}

// heat is how busy a queue at home here is that others poll.
type heat struct {
	second int64 // since 1970
	count  int   // of polls that were forwarded, and of what was handed out, in that second
	busy   int   // for how many seconds in a row there were enough to become hot
	last   int64 // the last second in which there were enough to stay so
	hot    bool
}

// mostHeats bounds the queues that are measured: those that are idle are forgotten before.
const mostHeats = 10_000

// note counts something that has happened to the queue, and says whether it is hot by now, and whether that is new.
func (h *heats) note(queue entity.Queue, limit int, now time.Time) (hot, changed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	q := h.byQueue[queue]
	second := now.Unix()
	if q == nil {
		if limit <= 0 {
			return false, false
		}
		if len(h.byQueue) >= mostHeats {
			maps.DeleteFunc(h.byQueue, func(_ entity.Queue, q *heat) bool { return !q.hot && second-q.second > heating })
			if len(h.byQueue) >= mostHeats {
				return false, false
			}
		}
		if h.byQueue == nil {
			h.byQueue = make(map[entity.Queue]*heat)
		}
		q = &heat{second: second}
		h.byQueue[queue] = q
	}
	was := q.hot
	if second != q.second {
		q.turn(second, limit)
	}
	q.count++
	switch {
	case q.hot && !was:
		h.hot++
	case was && !q.hot:
		h.hot--
	}
	return q.hot, q.hot != was
}

// turn is called when a second is over in which something has happened.
func (q *heat) turn(second int64, limit int) {
	switch {
	case limit <= 0 || q.count < limit || second != q.second+1:
		q.busy = 0
	default:
		q.busy++
	}
	if limit > 0 && q.count*coolTo >= limit {
		q.last = q.second
	}
	q.hot = limit > 0 && (q.busy >= heating || q.hot && second-q.last <= cooling)
	q.second, q.count = second, 0
}

// isHot reports whether the queue is hot.
func (h *heats) isHot(queue entity.Queue) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	q := h.byQueue[queue]
	return h.hot > 0 && q != nil && q.hot
}

// all are the hot ones.
func (h *heats) all() (queues []entity.Queue) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for queue, q := range h.byQueue {
		if q.hot {
			queues = append(queues, queue)
		}
	}
	return queues
}

// forget forgets a queue that is not at home here any more.
func (h *heats) forget(queue entity.Queue) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if q := h.byQueue[queue]; q != nil {
		if q.hot {
			h.hot--
		}
		delete(h.byQueue, queue)
	}
}
