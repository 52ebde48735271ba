// Package tuner decides how many tasks a worker runs at a time.
//
// A worker asks a SlotSupplier for a slot before it asks the server for a task: a task
// that arrives has room. There is one for each kind of task; a WorkerTuner has them
// all. FixedSizeSlotSupplier (fixed.go) has a number of slots; ResourceBasedSlotSupplier
// (resource.go) gives out slots as long as memory and processors allow, by the judgement
// of a ResourceController (controller.go), which asks a SysInfoProvider.
//
// The life of a slot: reserved, then either released unused, because the poll brought no
// task, or marked as used, and released when the task is done. A worker calls one of
// ReserveSlot and TryReserveSlot for each ReleaseSlot.
package tuner

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/log"
)

// WorkerTuner has the slot suppliers of a worker.
type WorkerTuner interface {
	// GetWorkflowTaskSlotSupplier returns what bounds how many workflow tasks are handled at a
	// time.
	GetWorkflowTaskSlotSupplier() SlotSupplier
	// GetActivityTaskSlotSupplier returns what bounds how many activities run at a time.
	GetActivityTaskSlotSupplier() SlotSupplier
	// GetLocalActivitySlotSupplier returns the supplier for local activities.
	GetLocalActivitySlotSupplier() SlotSupplier
	// GetNexusSlotSupplier returns the supplier for Nexus tasks.
	GetNexusSlotSupplier() SlotSupplier
	// GetSessionActivitySlotSupplier returns the supplier for activities of sessions.
	GetSessionActivitySlotSupplier() SlotSupplier
}

// SlotSupplier hands out slots. Implementations are safe for concurrent use.
type SlotSupplier interface {
	// ReserveSlot waits for a slot, or until ctx ends. It is called before a poll. An
	// error other than that of ctx is logged, and the worker asks again a little later.
	ReserveSlot(ctx context.Context, info SlotReservationInfo) (*SlotPermit, error)

	// TryReserveSlot returns a slot if there is one at once, and nil if not. It is
	// called for tasks that come without a poll: eager ones.
	TryReserveSlot(info SlotReservationInfo) *SlotPermit

	// MarkSlotUsed is called when a task is about to be run in a slot.
	MarkSlotUsed(info SlotMarkUsedInfo)

	// ReleaseSlot is called when a slot is free again, whether or not it was used.
	ReleaseSlot(info SlotReleaseInfo)

	// MaxSlots is how many slots can be out at a time, 0 if there is no such number.
	MaxSlots() int
}

// SlotPermit is a slot that is handed out. Each has a pointer of its own.
type SlotPermit struct {
	// UserData is for the supplier's own use.
	UserData any
}

// SlotReservationInfo says what a slot is wanted for.
type SlotReservationInfo interface {
	// TaskQueue is the worker's task queue.
	TaskQueue() string
	// TaskQueueKind is which kind of queue will be polled, unspecified if that is not
	// known yet or there will be no poll.
	TaskQueueKind() enumspb.TaskQueueKind
	// WorkerBuildId is the worker's build id.
	WorkerBuildId() string
	// WorkerIdentity is the worker's identity.
	WorkerIdentity() string
	// NumIssuedSlots is how many slots are out at this moment.
	NumIssuedSlots() int
	// Logger is the worker's.
	Logger() log.Logger
	// MetricsHandler is the worker's.
	MetricsHandler() metrics.Handler
}

// SlotMarkUsedInfo says which slot is used.
type SlotMarkUsedInfo interface {
	// Permit is what ReserveSlot or TryReserveSlot returned.
	Permit() *SlotPermit
	// Logger is the worker's.
	Logger() log.Logger
	// MetricsHandler is the worker's.
	MetricsHandler() metrics.Handler
}

// SlotReleaseReason is why a slot is released.
type SlotReleaseReason int

const (
	// SlotReleaseReasonTaskProcessed says that a task was run in it.
	SlotReleaseReasonTaskProcessed SlotReleaseReason = iota
	// SlotReleaseReasonUnused says that none was.
	SlotReleaseReasonUnused
)

// SlotReleaseInfo says which slot is released.
type SlotReleaseInfo interface {
	// Permit is what ReserveSlot or TryReserveSlot returned.
	Permit() *SlotPermit
	// Reason is why.
	Reason() SlotReleaseReason
	// Logger is the worker's.
	Logger() log.Logger
	// MetricsHandler is the worker's.
	MetricsHandler() metrics.Handler
}

// Kind names the supplier's kind, for worker heartbeats.
func Kind(s SlotSupplier) string {
	switch s.(type) {
	case *FixedSizeSlotSupplier:
		return "Fixed"
	case *ResourceBasedSlotSupplier:
		return "ResourceBased"
	}
	return "Custom"
}
