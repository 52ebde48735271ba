package matching

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	deploymentpb "go.temporal.io/api/deployment/v1"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
)

// Description is the state of a queue.
type Description struct {
	// Pollers are those seen in the last five minutes, the latest first.
	Pollers []Poller
	// Rate is the limit of the rate at which tasks go out, per second, and RateSource
	// where it comes from.
	Rate       float64
	RateSource LimitSource
	// RateLimited is set if limits have held tasks back in the last 30 seconds.
	RateLimited bool
	// Stats are what waits in the queue, by priority.
	Stats map[int32]Stats
	// Routes are the versions of workers of the queue; nil if there are none. Pollers and
	// Stats are then of all parts of the queue, of which Of tells.
	Routes *deployment.Routes
	parts  map[string]Description
}

// Stats are what waits in a queue.
type Stats struct {
	// BacklogCount is the approximate number of tasks that wait; exact if they are
	// few. Of a backlog that is on disk, at most a million are counted, at most every
	// five seconds.
	BacklogCount int64
	// BacklogAge is how long the first of them has waited.
	BacklogAge time.Duration
	// AddRate and DispatchRate are how many tasks have come and gone to pollers, per
	// second, in the last 30 seconds.
	AddRate, DispatchRate float32
}

// Total is the stats of all priorities together.
func (d Description) Total() (total Stats) {
	for _, s := range d.Stats {
		total.BacklogCount += s.BacklogCount
		total.BacklogAge = max(total.BacklogAge, s.BacklogAge)
		total.AddRate += s.AddRate
		total.DispatchRate += s.DispatchRate
	}
	return total
}

// Poller is somebody who polls a queue.
type Poller struct {
	Identity   string
	LastAccess time.Time
	// What it said with its last poll.
	Rate         *float64
	Capabilities *commonpb.WorkerVersionCapabilities
	Deployment   *deploymentpb.WorkerDeploymentOptions
}

// countLimit is how many records of tasks are counted at most.
const countLimit = 1_000_000

// Describe describes a queue with all its parts, or one part; if sticky is set, the sticky
// queue of that name.
func (m *Matching) Describe(ctx context.Context, queue entity.Queue, sticky string) (Description, error) {
	own, err := m.describe(ctx, queue, sticky)
	routes := m.routes(queue)
	if err != nil || routes == nil || sticky != "" || queue.Version != "" {
		return own, err
	}
	parts := map[string]Description{"": own}
	for _, part := range routes.Parts() {
		if parts[part], err = m.describe(ctx, inPart(queue, part), ""); err != nil {
			return Description{}, err
		}
	}
	return Whole(routes, parts), nil
}

// Whole is the description of a queue with all its parts: that of each, its own under the empty name.
func Whole(routes *deployment.Routes, parts map[string]Description) Description {
	d := parts[""]
	if routes == nil {
		return d
	}
	d.Routes, d.parts, d.Stats, d.Pollers = routes, parts, maps.Clone(d.Stats), slices.Clone(d.Pollers)
	if d.Stats == nil {
		d.Stats = make(map[int32]Stats)
	}
	for part, p := range parts {
		if part == "" {
			continue
		}
		d.Pollers = append(d.Pollers, p.Pollers...)
		d.RateLimited = d.RateLimited || p.RateLimited
		for priority, stats := range p.Stats {
			d.Stats[priority] = d.Stats[priority].plus(stats, 1)
		}
	}
	sortPollers(d.Pollers)
	return d
}

// Parts are what Whole has put together.
func (d Description) Parts() map[string]Description {
	if d.Routes == nil {
		return map[string]Description{"": d}
	}
	return d.parts
}

// Of describes one part of a queue that was described as a whole; the empty name is that of
// workers without versions. What is not in the part yet, but will go there, is counted
// with it.
func (d Description) Of(part string) Description {
	if d.Routes == nil {
		if part == "" {
			return d
		}
		return Description{Rate: d.Rate, RateSource: d.RateSource}
	}
	p, host := d.parts[part], d.parts[""]
	ramps := float64(0)
	if d.Routes.Ramps {
		ramps = float64(d.Routes.Percentage) / 100
	}
	share := float64(0)
	if part == d.Routes.Current.Version.String() {
		share += 1 - ramps
	}
	if d.Routes.Ramps && part == d.Routes.Ramping.Version.String() {
		share += ramps
	}
	stats := maps.Clone(p.Stats)
	if part == "" {
		clear(stats)
	}
	if stats == nil {
		stats = make(map[int32]Stats)
	}
	for priority, s := range host.Stats {
		if share > 0 {
			stats[priority] = stats[priority].plus(s, share)
		} else if part == "" {
			stats[priority] = Stats{}
		}
	}
	p.Stats, p.Rate, p.RateSource = stats, d.Rate, d.RateSource
	return p
}

// plus is s with a share of other.
func (s Stats) plus(other Stats, share float64) Stats {
	return Stats{
		BacklogCount: s.BacklogCount + int64(math.Ceil(float64(other.BacklogCount)*share)),
		BacklogAge:   max(s.BacklogAge, other.BacklogAge),
		AddRate:      s.AddRate + other.AddRate*float32(share),
		DispatchRate: s.DispatchRate + other.DispatchRate*float32(share),
	}
}

func sortPollers(pollers []Poller) {
	slices.SortFunc(pollers, func(a, b Poller) int {
		return cmp.Or(b.LastAccess.Compare(a.LastAccess), cmp.Compare(a.Identity, b.Identity))
	})
}

func (m *Matching) describe(ctx context.Context, queue entity.Queue, sticky string) (Description, error) {
	if m.source == nil {
		return Description{}, errNoSource
	}
	key := queueKey{Queue: queue}
	if sticky != "" {
		key = stickyKey(queue.Namespace, sticky)
	}
	now := m.now()
	s := survey{now: now, stored: !key.sticky, stats: make(map[int32]*waiting)}
	var d Description
	d.Rate, d.RateSource = (*limits)(nil).rate()
	known := false
	if q := m.locked(key); q != nil {
		q.forgetPollers(now)
		d.Pollers = slices.AppendSeq(d.Pollers, maps.Values(q.infos))
		d.RateLimited = q.limits != nil && now.Sub(q.limits.held) < meterSpan
		d.Rate, d.RateSource = q.limits.rate()
		known = q.known
		s.memory(q)
		q.mu.Unlock()
	}
	if !known && !key.sticky && m.options.Config != nil {
		config, err := m.options.Config(ctx, queue)
		if err != nil {
			return Description{}, fmt.Errorf("describing task queue %q: %w", queue.Name, err)
		}
		d.Rate, d.RateSource = (&limits{config: config}).rate()
	}
	sortPollers(d.Pollers)
	if s.stored {
		if err := m.storedStats(ctx, &s, queue); err != nil {
			return Description{}, fmt.Errorf("describing task queue %q: %w", queue.Name, err)
		}
	}
	d.Stats = make(map[int32]Stats, len(s.stats))
	for priority, w := range s.stats {
		stats := Stats{BacklogCount: w.count, AddRate: w.added, DispatchRate: w.dispatched}
		if !w.oldest.IsZero() {
			stats.BacklogAge = max(0, now.Sub(w.oldest))
		}
		d.Stats[priority] = stats
	}
	return d, nil
}

// survey adds up what waits in a queue.
type survey struct {
	now time.Time
	// stored is set if some of it is in the store only.
	stored bool
	stats  map[int32]*waiting // by priority
	// cursors are those of lanes in memory: tasks with ids up to that are in memory, or
	// handed out. Of lanes that are not in memory, those that found has not passed
	// are in the store only.
	cursors map[string]int64
	found   discovery
}

// waiting is what waits of a priority.
type waiting struct {
	count             int64
	oldest            time.Time
	added, dispatched float32
	// first is the task in the store that has waited longest.
	first     int64
	firstLane string
}

func (s *survey) of(priority int32) *waiting {
	w := s.stats[priority]
	if w == nil {
		w = new(waiting)
		s.stats[priority] = w
	}
	return w
}

// memory adds what is in memory. The queue is locked.
func (s *survey) memory(q *queue) {
	s.found, s.stored = q.found, !q.found.done
	for _, l := range q.levels {
		if l != nil {
			w := s.of(l.priority)
			w.added, w.dispatched = l.added.rate(s.now), l.dispatched.rate(s.now)
		}
	}
	s.cursors = make(map[string]int64, len(q.lanes))
	for name, ln := range q.lanes {
		s.cursors[name] = math.MaxInt64
		if ln.spilled {
			s.cursors[name], s.stored = ln.cursor, true
		}
		for ln.first != nil && expired(ln.first.task, s.now) {
			q.unlink(ln.first)
		}
		q.review(ln)
		if ln.first == nil {
			continue
		}
		w := s.of(ln.level.priority)
		w.count += int64(ln.count)
		if created := ln.first.task.Created; w.oldest.IsZero() || created.Before(w.oldest) {
			w.oldest = created
		}
	}
}

// store adds what is in the store only.
func (s *survey) store(ctx context.Context, source Source, queue entity.Queue) error {
	count, lane, after, w := 0, "", int64(-1), (*waiting)(nil)
	err := source.EachTask(ctx, queue, func(name string, id int64) bool {
		if w == nil || name != lane {
			lane = name
			priority, _ := entity.ParseLane(name)
			w = s.of(priority)
			cursor, inMemory := s.cursors[name]
			switch {
			case inMemory:
				after = cursor
			case s.found.undiscovered(name):
				after = 0
			default:
				after = math.MaxInt64
			}
		}
		if id > after {
			count++
			w.count++
			if w.first == 0 || id < w.first {
				w.first, w.firstLane = id, name
			}
		}
		return count < countLimit
	})
	if err != nil {
		return err
	}
	for _, w := range s.stats {
		if w.first == 0 || !w.oldest.IsZero() {
			continue
		}
		tasks, _, _, err := source.ReadTasks(ctx, queue, w.firstLane, w.first-1, 1)
		if err != nil {
			return err
		}
		if len(tasks) > 0 {
			w.oldest = tasks[0].Created
		}
	}
	return nil
}
