package matching

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// What waits in the store only is counted by reading through the keys of all tasks of a
// queue, which takes up to a second for a backlog of a million. Those who watch a
// backlog ask every few seconds, each for themselves. So a count that took long is kept
// for a while, and of those who ask at the same time one counts for all.

const (
	// manyCounted is from how many tasks on a count is kept.
	manyCounted = 10_000
	// countLife is how long.
	countLife = 5 * time.Second
	// mostCounts is of how many queues counts are kept at most.
	mostCounts = 1000
)

// counts are those that are kept. The zero value has none.
type counts struct {
	mu      sync.Mutex
	byQueue map[entity.Queue]*storedCount
}

// storedCount is a count of what waits in the store only.
type storedCount struct {
	// turn is held by who counts or looks.
	turn  chan struct{}
	stats map[int32]*waiting // by priority, if there is a count
	// until is when the count is forgotten, the zero time if there is none. It is
	// guarded by counts.mu.
	until time.Time
}

// of is the count of the queue, which is its caller's until done.
func (c *counts) of(ctx context.Context, queue entity.Queue, now time.Time) (*storedCount, error) {
	c.mu.Lock()
	count := c.byQueue[queue]
	if count == nil {
		count = &storedCount{turn: make(chan struct{}, 1)}
		if len(c.byQueue) >= mostCounts {
			maps.DeleteFunc(c.byQueue, func(_ entity.Queue, old *storedCount) bool { return !now.Before(old.until) })
		}
		if c.byQueue == nil {
			c.byQueue = make(map[entity.Queue]*storedCount)
		}
		if len(c.byQueue) < mostCounts {
			c.byQueue[queue] = count
		}
	}
	c.mu.Unlock()
	select {
	case count.turn <- struct{}{}:
		return count, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// done ends the turn with a count, which is kept until that time.
func (c *counts) done(queue entity.Queue, count *storedCount, until time.Time) {
	c.mu.Lock()
	count.until = until
	if until.IsZero() && c.byQueue[queue] == count {
		delete(c.byQueue, queue)
	}
	c.mu.Unlock()
	<-count.turn
}

// storedStats adds to the survey what is in the store only, as of at most countLife ago.
func (m *Matching) storedStats(ctx context.Context, s *survey, queue entity.Queue) error {
	count, err := m.counts.of(ctx, queue, s.now)
	if err != nil {
		return err
	}
	until := count.until // changed in turns only
	defer func() { m.counts.done(queue, count, until) }()
	if !s.now.Before(until) {
		fresh := survey{now: s.now, stats: make(map[int32]*waiting), cursors: s.cursors, found: s.found}
		until, count.stats = time.Time{}, fresh.stats
		if err := fresh.store(ctx, m.source, queue); err != nil {
			return err
		}
		if fresh.total() >= manyCounted {
			until = s.now.Add(countLife)
		}
	}
	for priority, w := range count.stats {
		all := s.of(priority)
		all.count += w.count
		if all.oldest.IsZero() {
			all.oldest = w.oldest
		}
	}
	return nil
}

func (s *survey) total() (n int64) {
	for _, w := range s.stats {
		n += w.count
	}
	return n
}
