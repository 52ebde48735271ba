package worker

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/tuner"
	"github.com/perdure/perdure/sdk/log"
)

// slotRetryInterval is how long a worker waits after a slot supplier failed.
const slotRetryInterval = time.Second

// slots bounds how many tasks of one kind a worker holds at a time: those being polled
// for, and those running. It asks a supplier, and counts.
type slots struct {
	supplier  tuner.SlotSupplier
	taskQueue string
	identity  string
	buildID   string
	logger    log.Logger
	metrics   metrics.Handler

	issued atomic.Int64
	inUse  level
	// processed and failed are how many tasks were run in slots, and how many of them
	// failed.
	processed, failed atomic.Int64
	// several says that a slot may see several tasks, which who runs them counts as processed.
	several bool
}

// slot is one that was reserved. It is released once.
type slot struct {
	permit *tuner.SlotPermit
	used   bool
	// released, if not nil, is called after the release.
	released func()
}

// newSlots returns the slots of a part of a worker. m has the tags of that part.
func newSlots(supplier tuner.SlotSupplier, w *Worker, taskQueue string, logger log.Logger, m metrics.Handler) *slots {
	s := &slots{
		supplier:  supplier,
		taskQueue: taskQueue,
		identity:  w.config.Identity,
		buildID:   w.config.BuildID,
		logger:    logger,
		metrics:   m,
	}
	if !metrics.IsNop(m) {
		m := metrics.Fresh(m)
		s.inUse.measure = s.measureWith(m.Gauge(metrics.WorkerTaskSlotsUsed), m.Gauge(metrics.WorkerTaskSlotsAvailable))
		s.inUse.add(0)
	}
	return s
}

// measureWith returns what measures how many slots are in use, and how many are not if their
// supplier can say.
func (s *slots) measureWith(used, available metrics.Gauge) func(int64) {
	return func(inUse int64) {
		used.Update(float64(inUse))
		if most := s.supplier.MaxSlots(); most > 0 {
			available.Update(float64(int64(most) - inUse))
		}
	}
}

// reserve waits for a slot. It fails only when ctx ends.
func (s *slots) reserve(ctx context.Context, kind enumspb.TaskQueueKind) (*slot, error) {
	for {
		permit, err := s.supplier.ReserveSlot(ctx, reservation{s, kind})
		if err == nil && permit == nil {
			err = errors.New("the slot supplier returned neither a permit nor an error")
		}
		if err == nil {
			return s.issue(permit), nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		s.logger.Error("Error while trying to reserve slot", logtag.Error, err)
		if pause(ctx, slotRetryInterval) != nil {
			return nil, ctx.Err()
		}
	}
}

// tryReserve returns a slot if there is one at once, else nil.
func (s *slots) tryReserve() *slot {
	permit := s.supplier.TryReserveSlot(reservation{s, enumspb.TASK_QUEUE_KIND_UNSPECIFIED})
	if permit == nil {
		return nil
	}
	return s.issue(permit)
}

func (s *slots) issue(permit *tuner.SlotPermit) *slot {
	s.issued.Add(1)
	return &slot{permit: permit}
}

// use notes that a task is about to be run in the slot.
func (s *slots) use(held *slot) {
	held.used = true
	s.inUse.add(1)
	s.supplier.MarkSlotUsed(usage{s, held.permit, tuner.SlotReleaseReasonTaskProcessed})
}

// release gives the slot back.
func (s *slots) release(held *slot) {
	reason := tuner.SlotReleaseReasonUnused
	if held.used {
		reason = tuner.SlotReleaseReasonTaskProcessed
		if !s.several {
			s.processed.Add(1)
		}
		s.inUse.add(-1)
	}
	s.supplier.ReleaseSlot(usage{s, held.permit, reason})
	s.issued.Add(-1)
	if held.released != nil {
		held.released()
	}
}

// reservation implements tuner.SlotReservationInfo.
type reservation struct {
	slots *slots
	kind  enumspb.TaskQueueKind
}

func (r reservation) TaskQueue() string                    { return r.slots.taskQueue }
func (r reservation) TaskQueueKind() enumspb.TaskQueueKind { return r.kind }
func (r reservation) WorkerBuildId() string                { return r.slots.buildID }
func (r reservation) WorkerIdentity() string               { return r.slots.identity }
func (r reservation) NumIssuedSlots() int                  { return int(r.slots.issued.Load()) }
func (r reservation) Logger() log.Logger                   { return r.slots.logger }
func (r reservation) MetricsHandler() metrics.Handler      { return r.slots.metrics }

// usage implements tuner.SlotMarkUsedInfo and tuner.SlotReleaseInfo.
type usage struct {
	slots  *slots
	permit *tuner.SlotPermit
	reason tuner.SlotReleaseReason
}

func (u usage) Permit() *tuner.SlotPermit       { return u.permit }
func (u usage) Reason() tuner.SlotReleaseReason { return u.reason }
func (u usage) Logger() log.Logger              { return u.slots.logger }
func (u usage) MetricsHandler() metrics.Handler { return u.slots.metrics }

// localSlots are slots for local activities.
type localSlots struct{ *slots }

// Reserve implements activities.LocalSlots.
func (s localSlots) Reserve(ctx context.Context) (release func(), err error) {
	held, err := s.reserve(ctx, enumspb.TASK_QUEUE_KIND_UNSPECIFIED)
	if err != nil {
		return nil, err
	}
	return s.begin(held), nil
}

// TryReserve implements activities.LocalSlots.
func (s localSlots) TryReserve() (release func()) {
	held := s.tryReserve()
	if held == nil {
		return nil
	}
	return s.begin(held)
}

func (s localSlots) begin(held *slot) (release func()) {
	s.use(held)
	return func() { s.release(held) }
}
