package matching

import (
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// Pollers that scale themselves are told with their work whether there should be one
// more of them or one less. As in the Temporal server, one that has waited a while is
// one too many; there are too few if tasks wait, or come faster than they go.

// Scaling says when pollers are told so.
type Scaling struct {
	// DownAfter is how long a poll has to have waited for a poller to be one too many.
	DownAfter time.Duration
	// UpAge is how long a task has to have waited, and UpRatio by how many times more tasks have to come
	// than go, for there to be too few.
	UpAge   time.Duration
	UpRatio float64
	// UpsPerSecond is how many times a second the pollers of a queue are told that there are too few, for
	// each of them.
	UpsPerSecond float64
}

// DefaultScaling is that of a Temporal server without settings of its own.
var DefaultScaling = Scaling{DownAfter: time.Second, UpAge: 200 * time.Millisecond, UpRatio: 1.2, UpsPerSecond: 10}

// scaling is that of the queue.
func (m *Matching) scaling(queue entity.Queue) Scaling {
	if m.options.Scaling == nil {
		return DefaultScaling
	}
	return m.options.Scaling(queue)
}

// advise returns what a poll that has begun at the time given and is about to return work
// suggests: so many pollers more.
func (q *queue) advise(since, now time.Time) int32 {
	if now.Sub(since) >= q.scaling.DownAfter {
		return -1
	}
	if !q.tooFew(now) {
		return 0
	}
	// Not all at once. The more pollers there are, the more of them may be told.
	limit := q.scaling.UpsPerSecond * float64(max(1, len(q.infos)+q.branched()))
	if q.advice.at.IsZero() {
		q.advice = bucket{tokens: capacity(limit), at: now}
	}
	q.advice.fill(limit, now)
	if q.advice.tokens < 1 {
		return 0
	}
	q.advice.tokens--
	return 1
}

func (q *queue) tooFew(now time.Time) bool {
	var added, dispatched float64
	for _, l := range q.levels {
		if l == nil {
			continue
		}
		if len(l.turns) > 0 {
			if n := l.turns[0].first; n != nil && now.Sub(n.task.Created) > q.scaling.UpAge {
				return true
			}
		}
		added += float64(l.added.rate(now))
		dispatched += float64(l.dispatched.rate(now))
	}
	return added > q.scaling.UpRatio*dispatched
}
