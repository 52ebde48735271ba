package runtime

import (
	"context"
	"time"

	"github.com/perdure/perdure/internal/entity"
)

// Observer is told what goes on. Its methods are called from many goroutines, on the way
// of steps and with locks held: they must be quick, must not block, and must not call the
// runtime.
type Observer interface {
	// Occurred tells what the steps of the entity have noted, once it is durable. The
	// slice may be looked at during the call only.
	Occurred(key entity.Key, occurrences []entity.Occurrence)
	// TimerDue tells how late a timer is handed to those who fire it.
	TimerDue(late time.Duration)
}

// Tracer makes spans of steps.
type Tracer interface {
	// StartStep is called when a step begins that a call asks for. The span may be nil.
	StartStep(ctx context.Context, key entity.Key) (context.Context, StepSpan)
}

// StepSpan is told how far a step is.
type StepSpan interface {
	// Locked: the entity is loaded and locked, and the step begins to work.
	Locked()
	// Applied: the step has changed the state in memory. What follows is the way to the disk.
	Applied()
	// End: the outcome of the step is known.
	End(err error)
}

// traced is Step with a span.
func (r *Runtime) traced(ctx context.Context, key entity.Key, fn func(*entity.Step, entity.Entity) error) error {
	ctx, span := r.tracer.StartStep(ctx, key)
	if span == nil {
		return r.step(ctx, key, fn)
	}
	err := r.step(ctx, key, func(step *entity.Step, e entity.Entity) error {
		span.Locked()
		defer span.Applied()
		return fn(step, e)
	})
	span.End(err)
	return err
}

// Stats are what a runtime holds at a moment.
type Stats struct {
	// Shards is how many shards are held here.
	Shards int
	// CacheBytes are taken by entities that nobody is using, CacheLimit are those they may take.
	CacheBytes, CacheLimit int64
	// Entities are in memory. CacheHits and CacheMisses count lookups since the start.
	Entities               int
	CacheHits, CacheMisses uint64
	// Timers are those in memory: durable ones of the next minutes, and wakes. TimersLate is how
	// long the first of them has been due; 0 if none is.
	Timers     int
	TimersLate time.Duration
	// Messages are on their way between entities, in memory; those that are kept for a build
	// that knows them are MessagesStuck. OutboxesSpilled is of how many shards messages wait
	// on disk as well.
	Messages, MessagesStuck, OutboxesSpilled int
	// Work is what waits for a goroutine that fires timers and delivers messages.
	Work int
}

// Stats looks at the runtime. It takes each lock for a moment, and reads nothing from the store.
func (r *Runtime) Stats() Stats {
	s := Stats{CacheBytes: r.cache.bytes.Load(), CacheLimit: r.cache.limit}
	for i := range r.cache.stripes {
		st := &r.cache.stripes[i]
		st.mu.Lock()
		s.Entities += len(st.entries)
		s.CacheHits += st.hits
		s.CacheMisses += st.misses
		st.mu.Unlock()
	}
	r.timers.mu.Lock()
	s.Timers = len(r.timers.heap)
	if s.Timers > 0 {
		s.TimersLate = max(0, time.Duration(r.clock().UnixNano()-r.timers.heap[0].at))
	}
	r.timers.mu.Unlock()
	for sh := range r.held() {
		s.Shards++
		sh.outbox.mu.Lock()
		s.Messages += sh.outbox.count
		s.MessagesStuck += sh.outbox.kept
		if sh.outbox.spilled {
			s.OutboxesSpilled++
		}
		sh.outbox.mu.Unlock()
	}
	s.Work = r.workers.waiting()
	return s
}
