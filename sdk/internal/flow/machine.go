package flow

import (
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"

	"github.com/perdure/perdure/sdk/internal/replay"
)

// Machine is what a run asks for what its code asks for. replay.Machine is the
// one that has a history and makes commands; its methods of the same names say
// what is expected of each. Another may take calls as they come, without a
// history, as a test environment does: it drives the run through replay.Workflow
// and resolves the callbacks that it was given, in between calls of Run.
//
// Callbacks are called at most once each, and never while the code runs, unless
// a method's own call has it so: a cancellation that takes effect at once.
type Machine interface {
	// Now is workflow time.
	Now() time.Time
	// Replaying says whether the code repeats what it has done before.
	Replaying() bool
	// SetReplaying makes Replaying true while the run is unwound.
	SetReplaying(replaying bool)
	// Task is the current workflow task. The pointer stays the same.
	Task() *replay.TaskInfo
	// UseFlag says whether a behaviour that came with an SDK flag applies.
	UseFlag(flag replay.Flag) bool

	ScheduleActivity(options replay.ActivityOptions, resolve func(replay.ActivityResult)) *replay.Activity
	CancelActivity(a *replay.Activity)

	// ScheduleLocalActivity keeps data, which is for who runs the activity.
	ScheduleLocalActivity(activityType string, metadata *sdkpb.UserMetadata, data any, resolve func(replay.LocalActivityResult)) *replay.LocalActivity
	// LocalActivities are those that have not ended.
	LocalActivities() []*replay.LocalActivity

	StartTimer(d time.Duration, metadata *sdkpb.UserMetadata, fire func(fired bool)) *replay.Timer
	CancelTimer(t *replay.Timer)

	// RunID is the run that ids are made of: the original one, or what the last reset
	// made of it.
	RunID() string

	// NextChildID makes an id for a child that was given none.
	NextChildID() string
	StartChildWorkflow(attributes *commandpb.StartChildWorkflowExecutionCommandAttributes, metadata *sdkpb.UserMetadata, callbacks replay.ChildCallbacks) (*replay.ChildWorkflow, error)
	CancelChildWorkflow(c *replay.ChildWorkflow)

	// SignalExternal resolves with nil when the signal was delivered.
	SignalExternal(attributes *commandpb.SignalExternalWorkflowExecutionCommandAttributes, resolve func(*historypb.SignalExternalWorkflowExecutionFailedEventAttributes))
	// CancelExternal resolves with nil when the request was delivered.
	CancelExternal(attributes *commandpb.RequestCancelExternalWorkflowExecutionCommandAttributes, resolve func(*historypb.RequestCancelExternalWorkflowExecutionFailedEventAttributes))

	ScheduleNexusOperation(attributes *commandpb.ScheduleNexusOperationCommandAttributes, metadata *sdkpb.UserMetadata, cancellation replay.NexusCancellation, callbacks replay.NexusCallbacks) *replay.NexusOperation
	CancelNexusOperation(o *replay.NexusOperation)
	// AbandonNexusOperation forgets the callbacks.
	AbandonNexusOperation(o *replay.NexusOperation)

	SideEffect(metadata *sdkpb.UserMetadata, f func() (*commonpb.Payloads, error)) (*commonpb.Payloads, error)
	MutableSideEffect(id string, metadata *sdkpb.UserMetadata, f func(current *commonpb.Payloads) (value *commonpb.Payloads, changed bool)) *commonpb.Payloads
	Version(options replay.VersionOptions) int
	UpsertSearchAttributes(attributes *commonpb.SearchAttributes)
	UpsertMemo(memo *commonpb.Memo)
}

var _ Machine = (*replay.Machine)(nil)
