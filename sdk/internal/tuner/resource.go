package tuner

import (
	"context"
	"errors"
	"sync"
	"time"
)

// resourceRetryInterval is how long a resource-based supplier waits before it asks the
// controller again.
const resourceRetryInterval = 10 * time.Millisecond

// ResourceBasedSlotSupplierOptions of a ResourceBasedSlotSupplier.
type ResourceBasedSlotSupplierOptions struct {
	// MinSlots are given out whatever the state of the machine.
	MinSlots int
	// MaxSlots is how many are given out at most.
	MaxSlots int
	// RampThrottle is the time between two slots: what a task costs shows only when it
	// runs.
	RampThrottle time.Duration
}

// DefaultWorkflowResourceBasedSlotSupplierOptions returns options for workflow tasks.
func DefaultWorkflowResourceBasedSlotSupplierOptions() ResourceBasedSlotSupplierOptions {
	return ResourceBasedSlotSupplierOptions{MinSlots: 5, MaxSlots: 1000}
}

// DefaultActivityResourceBasedSlotSupplierOptions returns options for activities.
func DefaultActivityResourceBasedSlotSupplierOptions() ResourceBasedSlotSupplierOptions {
	return ResourceBasedSlotSupplierOptions{MinSlots: 1, MaxSlots: 10_000, RampThrottle: 50 * time.Millisecond}
}

// ResourceBasedSlotSupplier gives out slots as long as the machine has room.
type ResourceBasedSlotSupplier struct {
	controller *ResourceController
	options    ResourceBasedSlotSupplierOptions

	mu     sync.Mutex
	issued time.Time // when the last slot was given out
}

var (
	_ SlotSupplier       = (*ResourceBasedSlotSupplier)(nil)
	_ HasSysInfoProvider = (*ResourceBasedSlotSupplier)(nil)
)

// NewResourceBasedSlotSupplier returns a supplier. All of a process should have the same
// controller.
func NewResourceBasedSlotSupplier(controller *ResourceController, options ResourceBasedSlotSupplierOptions) (*ResourceBasedSlotSupplier, error) {
	switch {
	case controller == nil:
		return nil, errors.New("a resource-based slot supplier needs a controller")
	case options.MinSlots < 0 || options.MaxSlots < 0 || options.MinSlots > options.MaxSlots:
		return nil, errors.New("MinSlots and MaxSlots must be non-negative and MinSlots must be less than or equal to MaxSlots")
	case options.RampThrottle < 0:
		return nil, errors.New("RampThrottle must be non-negative")
	}
	return &ResourceBasedSlotSupplier{controller: controller, options: options}, nil
}

// ReserveSlot implements SlotSupplier.
func (s *ResourceBasedSlotSupplier) ReserveSlot(ctx context.Context, info SlotReservationInfo) (*SlotPermit, error) {
	for ctx.Err() == nil {
		if permit := s.TryReserveSlot(info); permit != nil {
			return permit, nil
		}
		wait := time.NewTimer(max(s.throttled(), resourceRetryInterval))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
		}
	}
	return nil, ctx.Err()
}

// throttled is how long the ramp throttle holds the next slot back.
func (s *ResourceBasedSlotSupplier) throttled() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.options.RampThrottle - time.Since(s.issued)
}

// TryReserveSlot implements SlotSupplier.
func (s *ResourceBasedSlotSupplier) TryReserveSlot(info SlotReservationInfo) *SlotPermit {
	s.mu.Lock()
	defer s.mu.Unlock()
	issued := info.NumIssuedSlots()
	if issued >= s.options.MinSlots {
		if issued >= s.options.MaxSlots || time.Since(s.issued) < s.options.RampThrottle {
			return nil
		}
		allowed, err := s.controller.allows(info.Logger(), info.MetricsHandler())
		if err != nil {
			info.Logger().Error("The usage of memory and processors could not be measured.", "Error", err)
			return nil
		}
		if !allowed {
			return nil
		}
	}
	s.issued = time.Now()
	return &SlotPermit{}
}

// MarkSlotUsed implements SlotSupplier.
func (s *ResourceBasedSlotSupplier) MarkSlotUsed(SlotMarkUsedInfo) {}

// ReleaseSlot implements SlotSupplier.
func (s *ResourceBasedSlotSupplier) ReleaseSlot(SlotReleaseInfo) {}

// MaxSlots implements SlotSupplier: nobody can say.
func (s *ResourceBasedSlotSupplier) MaxSlots() int { return 0 }

// SysInfoProvider implements HasSysInfoProvider.
func (s *ResourceBasedSlotSupplier) SysInfoProvider() SysInfoProvider {
	return s.controller.options.InfoSupplier
}

// ResourceBasedTunerOptions say how busy the machine may be made.
type ResourceBasedTunerOptions struct {
	// TargetMem is the memory usage to stay below, from 0 to 1. Required.
	TargetMem float64
	// TargetCpu is the processor usage to aim for, from 0 to 1. Required.
	TargetCpu float64
	// InfoSupplier measures. Required; package contrib/sysinfo has one.
	InfoSupplier SysInfoProvider
	// ActivityRampThrottle is the time between two slots for activities. Default 50 ms.
	ActivityRampThrottle time.Duration
	// WorkflowRampThrottle is the time between two slots for workflow tasks. Default 0.
	WorkflowRampThrottle time.Duration
}

// NewResourceBasedTuner returns a tuner whose suppliers give out slots as long as memory
// and processors allow.
func NewResourceBasedTuner(options ResourceBasedTunerOptions) (WorkerTuner, error) {
	if options.InfoSupplier == nil {
		return nil, errors.New("InfoSupplier is required for resource-based tuning: package contrib/sysinfo has one")
	}
	control := DefaultResourceControllerOptions()
	control.MemTargetPercent, control.CpuTargetPercent, control.InfoSupplier = options.TargetMem, options.TargetCpu, options.InfoSupplier
	controller := NewResourceController(control)

	workflow, activity := DefaultWorkflowResourceBasedSlotSupplierOptions(), DefaultActivityResourceBasedSlotSupplierOptions()
	if options.WorkflowRampThrottle != 0 {
		workflow.RampThrottle = options.WorkflowRampThrottle
	}
	if options.ActivityRampThrottle != 0 {
		activity.RampThrottle = options.ActivityRampThrottle
	}
	supplier := func(o ResourceBasedSlotSupplierOptions) SlotSupplier {
		return &ResourceBasedSlotSupplier{controller: controller, options: o}
	}
	return NewCompositeTuner(CompositeTunerOptions{
		WorkflowSlotSupplier:        supplier(workflow),
		ActivitySlotSupplier:        supplier(activity),
		LocalActivitySlotSupplier:   supplier(activity),
		NexusSlotSupplier:           supplier(DefaultWorkflowResourceBasedSlotSupplierOptions()),
		SessionActivitySlotSupplier: supplier(activity),
	})
}
