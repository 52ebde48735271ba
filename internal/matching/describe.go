package matching

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// Description is the state of a queue.
type Description struct {
	// Pollers are those seen in the last five minutes, the latest first.
	Pollers []Poller
	// BacklogCount is the approximate number of tasks that wait; exact if they are
	// few. Of a backlog that is on disk, at most 100,000 are counted.
	BacklogCount int64
	// BacklogAge is how long the first of them has waited.
	BacklogAge time.Duration
}

// Poller is somebody who polls a queue.
type Poller struct {
	Identity   string
	LastAccess time.Time
}

// countLimit is how many records of tasks are counted at most.
const countLimit = 100_000

// Describe describes a queue; if sticky is set, the sticky queue of that name.
func (m *Matching) Describe(ctx context.Context, queue entity.Queue, sticky string) (Description, error) {
	if m.source == nil {
		return Description{}, errNoSource
	}
	key := queueKey{Queue: queue}
	if sticky != "" {
		key = stickyKey(queue.Namespace, sticky)
	}
	var d Description
	var first *entity.Task
	onDisk, after := !key.sticky, int64(0)
	now := m.now()
	if q := m.locked(key); q != nil {
		q.forgetPollers(now)
		for identity, info := range q.infos {
			d.Pollers = append(d.Pollers, Poller{identity, info.lastAccess})
		}
		for q.tasks.first != nil && expired(q.tasks.first.task, now) {
			q.tasks.pop()
		}
		d.BacklogCount = int64(q.tasks.len() + len(q.arrived))
		if q.tasks.first != nil {
			first = q.tasks.first.task
		}
		onDisk, after = q.spilled, q.cursor
		q.mu.Unlock()
	}
	slices.SortFunc(d.Pollers, func(a, b Poller) int {
		return cmp.Or(b.LastAccess.Compare(a.LastAccess), cmp.Compare(a.Identity, b.Identity))
	})
	if onDisk {
		count, err := m.source.CountTasks(ctx, queue, oneLane, after, countLimit)
		if err != nil {
			return Description{}, fmt.Errorf("describing task queue %q: %w", queue.Name, err)
		}
		d.BacklogCount += int64(count)
		if first == nil && count > 0 {
			tasks, _, _, err := m.source.ReadTasks(ctx, queue, oneLane, after, 1)
			if err != nil {
				return Description{}, fmt.Errorf("describing task queue %q: %w", queue.Name, err)
			}
			if len(tasks) > 0 {
				first = tasks[0]
			}
		}
	}
	if first != nil && !first.Created.IsZero() {
		d.BacklogAge = max(0, now.Sub(first.Created))
	}
	return d, nil
}
