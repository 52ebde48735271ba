package matching

import "time"

// Pollers that scale themselves are told with their work whether there should be one
// more of them or one less. As in the Temporal server, one that has waited a while is
// one too many; there are too few if tasks wait, or come faster than they go.
const (
	scaleDownAfter  = time.Second
	scaleUpAge      = 200 * time.Millisecond
	scaleUpRatio    = 1.2
	scaleUpsASecond = 10 // of each poller
)

// advise returns what a poll that has begun at the time given and is about to return work
// suggests: so many pollers more.
func (q *queue) advise(since, now time.Time) int32 {
	if now.Sub(since) >= scaleDownAfter {
		return -1
	}
	if !q.tooFew(now) {
		return 0
	}
	// Not all at once. The more pollers there are, the more of them may be told.
	limit := float64(scaleUpsASecond * max(1, len(q.infos)))
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
			if n := l.turns[0].first; n != nil && now.Sub(n.task.Created) > scaleUpAge {
				return true
			}
		}
		added += float64(l.added.rate(now))
		dispatched += float64(l.dispatched.rate(now))
	}
	return added > scaleUpRatio*dispatched
}
