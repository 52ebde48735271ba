package worker

import (
	"github.com/perdure/perdure/sdk/internal/tuner"
	"github.com/perdure/perdure/sdk/internal/worker"
)

type (
	// WorkerTuner decides how many tasks of each kind a worker runs at a time. Make one
	// with [NewFixedSizeTuner], [NewResourceBasedTuner] or [NewCompositeTuner], and give
	// it to Options.
	WorkerTuner = tuner.WorkerTuner

	// SlotSupplier hands out slots for tasks of one kind: a task is asked for only with
	// a slot in hand. Implementations are safe for concurrent use.
	SlotSupplier = tuner.SlotSupplier

	// SlotPermit is a slot that is handed out.
	SlotPermit = tuner.SlotPermit

	// SlotReservationInfo says what a slot is wanted for.
	SlotReservationInfo = tuner.SlotReservationInfo

	// SlotMarkUsedInfo says which slot is about to be used.
	SlotMarkUsedInfo = tuner.SlotMarkUsedInfo

	// SlotReleaseInfo says which slot is released, and why.
	SlotReleaseInfo = tuner.SlotReleaseInfo

	// FixedSizeTunerOptions are the numbers of slots of NewFixedSizeTuner.
	FixedSizeTunerOptions = tuner.FixedSizeTunerOptions

	// CompositeTunerOptions are the slot suppliers of NewCompositeTuner.
	CompositeTunerOptions = tuner.CompositeTunerOptions

	// ResourceBasedTunerOptions of NewResourceBasedTuner.
	ResourceBasedTunerOptions = tuner.ResourceBasedTunerOptions

	// ResourceBasedSlotSupplier hands out slots as long as memory and processors allow.
	ResourceBasedSlotSupplier = tuner.ResourceBasedSlotSupplier

	// ResourceBasedSlotSupplierOptions of NewResourceBasedSlotSupplier.
	ResourceBasedSlotSupplierOptions = tuner.ResourceBasedSlotSupplierOptions

	// ResourceController decides whether the machine can take another task.
	ResourceController = tuner.ResourceController

	// ResourceControllerOptions of NewResourceController.
	ResourceControllerOptions = tuner.ResourceControllerOptions

	// SysInfoProvider says how busy the machine is. Package contrib/sysinfo has one.
	SysInfoProvider = tuner.SysInfoProvider

	// SysInfoContext is what a SysInfoProvider is called with.
	SysInfoContext = tuner.SysInfoContext

	// HasSysInfoProvider is implemented by slot suppliers that know a SysInfoProvider,
	// which worker heartbeats then use, too.
	HasSysInfoProvider = tuner.HasSysInfoProvider

	// PollerBehavior says how many polls of a kind a worker keeps open. Make one with
	// [NewPollerBehaviorSimpleMaximum] or [NewPollerBehaviorAutoscaling], and give it
	// to Options.
	PollerBehavior = worker.PollerBehavior

	// PollerBehaviorSimpleMaximumOptions of NewPollerBehaviorSimpleMaximum.
	PollerBehaviorSimpleMaximumOptions = worker.PollerBehaviorSimpleMaximumOptions

	// PollerBehaviorAutoscalingOptions of NewPollerBehaviorAutoscaling.
	PollerBehaviorAutoscalingOptions = worker.PollerBehaviorAutoscalingOptions
)

// NewFixedSizeTuner returns a tuner with fixed numbers of slots, 1000 of a kind by default.
// It fails if a number is negative.
func NewFixedSizeTuner(options FixedSizeTunerOptions) (WorkerTuner, error) {
	return tuner.NewFixedSizeTuner(options)
}

// NewCompositeTuner returns a tuner of given slot suppliers, one for each kind of task. A
// worker needs those of the kinds that it runs.
func NewCompositeTuner(options CompositeTunerOptions) (WorkerTuner, error) {
	return tuner.NewCompositeTuner(options)
}

// NewResourceBasedTuner returns a tuner that runs as many tasks as memory and processors
// allow: it hands out slots while both are used less than the targets, and always up to
// the minimum of each kind: 5 for workflow tasks and Nexus tasks, 1 for activities and
// local activities. It fails without an InfoSupplier.
func NewResourceBasedTuner(opts ResourceBasedTunerOptions) (WorkerTuner, error) {
	return tuner.NewResourceBasedTuner(opts)
}

// NewFixedSizeSlotSupplier returns a supplier of a positive number of slots.
func NewFixedSizeSlotSupplier(numSlots int) (SlotSupplier, error) {
	supplier, err := tuner.NewFixedSizeSlotSupplier(numSlots)
	if err != nil {
		return nil, err
	}
	return supplier, nil
}

// NewResourceBasedSlotSupplier returns a supplier that goes by the judgement of a
// controller. All suppliers of a process should have the same controller.
func NewResourceBasedSlotSupplier(controller *ResourceController, options ResourceBasedSlotSupplierOptions) (*ResourceBasedSlotSupplier, error) {
	return tuner.NewResourceBasedSlotSupplier(controller, options)
}

// NewResourceController returns a controller. A process should have one: two that look
// at the same machine work against each other. It panics without an InfoSupplier.
func NewResourceController(options ResourceControllerOptions) *ResourceController {
	return tuner.NewResourceController(options)
}

// DefaultResourceControllerOptions returns options to start from: all but the
// InfoSupplier.
func DefaultResourceControllerOptions() ResourceControllerOptions {
	return tuner.DefaultResourceControllerOptions()
}

// DefaultWorkflowResourceBasedSlotSupplierOptions returns options for workflow tasks: 5 to
// 1,000 slots, without a throttle.
func DefaultWorkflowResourceBasedSlotSupplierOptions() ResourceBasedSlotSupplierOptions {
	return tuner.DefaultWorkflowResourceBasedSlotSupplierOptions()
}

// DefaultActivityResourceBasedSlotSupplierOptions returns options for activities: 1 to
// 10,000 slots, 50 ms between two.
func DefaultActivityResourceBasedSlotSupplierOptions() ResourceBasedSlotSupplierOptions {
	return tuner.DefaultActivityResourceBasedSlotSupplierOptions()
}

// NewPollerBehaviorSimpleMaximum keeps a fixed number of polls open, as long as there are
// slots for the tasks they may bring.
func NewPollerBehaviorSimpleMaximum(options PollerBehaviorSimpleMaximumOptions) PollerBehavior {
	return worker.NewPollerBehaviorSimpleMaximum(options)
}

// NewPollerBehaviorAutoscaling lets the number of open polls follow what the server
// suggests.
func NewPollerBehaviorAutoscaling(options PollerBehaviorAutoscalingOptions) PollerBehavior {
	return worker.NewPollerBehaviorAutoscaling(options)
}
