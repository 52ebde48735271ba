package flow

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/replay"
)

// WorkflowInfo is what a workflow can know about its own execution.
type WorkflowInfo struct {
	// WorkflowExecution is the workflow id and the run id.
	WorkflowExecution execution.Workflow
	// OriginalRunID is the run this one goes back to through resets: it stays
	// the same when a run is reset.
	OriginalRunID string
	// FirstRunID is the first run of the chain that this one continues by
	// continue-as-new, retry or cron.
	FirstRunID string
	// WorkflowType is the name that the workflow was started under.
	WorkflowType execution.WorkflowType
	// TaskQueueName is the task queue whose workers run the workflow.
	TaskQueueName string

	// WorkflowExecutionTimeout bounds all runs of the chain together, zero for no
	// limit.
	WorkflowExecutionTimeout time.Duration
	// WorkflowRunTimeout bounds this run, zero for no limit.
	WorkflowRunTimeout time.Duration
	// WorkflowTaskTimeout is how long a worker may take for one workflow task.
	WorkflowTaskTimeout time.Duration
	// Namespace is where the workflow runs.
	Namespace string
	// Attempt counts the runs of a workflow with a retry policy, from 1.
	Attempt int32
	// WorkflowStartTime is when the run was started, by the server's clock.
	WorkflowStartTime time.Time
	// CronSchedule is the cron expression the workflow was started with, if any.
	CronSchedule string
	// ContinuedExecutionRunID is the run before, if this one continues it.
	ContinuedExecutionRunID string
	// ParentWorkflowNamespace is the namespace of the parent, empty if there is
	// none.
	ParentWorkflowNamespace string
	// ParentWorkflowExecution is the workflow that started this one as its child,
	// nil if none did.
	ParentWorkflowExecution *execution.Workflow
	// RootWorkflowExecution is the workflow at the top of the chain of parents.
	RootWorkflowExecution *execution.Workflow
	// Memo and SearchAttributes contain what the run has upserted.
	Memo             *commonpb.Memo
	SearchAttributes *commonpb.SearchAttributes
	// RetryPolicy of the workflow, nil if it is not retried.
	RetryPolicy *policy.Retry
	// Priority of the workflow's tasks.
	Priority policy.Priority
	// BinaryChecksum of the worker that completed the current task first.
	//
	// Deprecated: use GetCurrentBuildID.
	BinaryChecksum string

	lastCompletionResult *commonpb.Payloads
	lastFailure          *failurepb.Failure
	task                 *replay.TaskInfo
}

// ContinueAsNewSuggestedReason is why the server suggests to continue as new.
type ContinueAsNewSuggestedReason int

// The reasons are untyped constants, as programs have come to rely on.
const (
	// ContinueAsNewSuggestedReasonUnspecified is for a reason that is not known.
	ContinueAsNewSuggestedReasonUnspecified = 0
	// ContinueAsNewSuggestedReasonHistorySizeTooLarge: the history has many bytes.
	ContinueAsNewSuggestedReasonHistorySizeTooLarge = 1
	// ContinueAsNewSuggestedReasonTooManyHistoryEvents: it has many events.
	ContinueAsNewSuggestedReasonTooManyHistoryEvents = 2
	// ContinueAsNewSuggestedReasonTooManyUpdates: the run has had many updates.
	ContinueAsNewSuggestedReasonTooManyUpdates = 3
)

// GetBinaryChecksum is the checksum of the worker that completed the current
// task first.
//
// Deprecated: use GetCurrentBuildID.
func (i *WorkflowInfo) GetBinaryChecksum() string {
	if i.BinaryChecksum != "" {
		return i.BinaryChecksum
	}
	return i.GetCurrentBuildID()
}

// GetCurrentBuildID is the build id of the worker that completed the current
// task first. In replay it differs from that of this worker.
func (i *WorkflowInfo) GetCurrentBuildID() string { return i.taskInfo().BuildID }

// GetCurrentHistoryLength is how many events the history has, up to the start of
// the current task.
func (i *WorkflowInfo) GetCurrentHistoryLength() int { return i.taskInfo().HistoryLength }

// GetCurrentHistorySize is how many bytes the history has, up to the start of
// the current task. It is 0 on servers that do not tell.
func (i *WorkflowInfo) GetCurrentHistorySize() int { return i.taskInfo().HistorySize }

// GetContinueAsNewSuggested says whether the server suggests to continue as
// new, because the history is getting long.
func (i *WorkflowInfo) GetContinueAsNewSuggested() bool { return i.taskInfo().ContinueAsNewSuggested }

// GetContinueAsNewSuggestedReasons says why it does.
func (i *WorkflowInfo) GetContinueAsNewSuggestedReasons() []ContinueAsNewSuggestedReason {
	reasons := make([]ContinueAsNewSuggestedReason, 0, len(i.taskInfo().ContinueAsNewSuggestedReasons))
	for _, reason := range i.taskInfo().ContinueAsNewSuggestedReasons {
		reasons = append(reasons, ContinueAsNewSuggestedReason(reason))
	}
	return reasons
}

// GetTargetWorkerDeploymentVersionChanged says whether the deployment version
// that the run should be on is another than the one it is on.
func (i *WorkflowInfo) GetTargetWorkerDeploymentVersionChanged() bool {
	return i.taskInfo().TargetDeploymentVersionChanged
}

func (i *WorkflowInfo) taskInfo() *replay.TaskInfo {
	if i.task == nil {
		return &replay.TaskInfo{}
	}
	return i.task
}

func newWorkflowInfo(namespace string, id execution.Workflow, started *historypb.HistoryEvent) *WorkflowInfo {
	a := started.GetWorkflowExecutionStartedEventAttributes()
	info := &WorkflowInfo{
		WorkflowExecution:        id,
		OriginalRunID:            a.GetOriginalExecutionRunId(),
		FirstRunID:               a.GetFirstExecutionRunId(),
		WorkflowType:             execution.WorkflowType{Name: a.GetWorkflowType().GetName()},
		TaskQueueName:            a.GetTaskQueue().GetName(),
		WorkflowExecutionTimeout: a.GetWorkflowExecutionTimeout().AsDuration(),
		WorkflowRunTimeout:       a.GetWorkflowRunTimeout().AsDuration(),
		WorkflowTaskTimeout:      a.GetWorkflowTaskTimeout().AsDuration(),
		Namespace:                namespace,
		Attempt:                  a.GetAttempt(),
		WorkflowStartTime:        started.GetEventTime().AsTime(),
		CronSchedule:             a.GetCronSchedule(),
		ContinuedExecutionRunID:  a.GetContinuedExecutionRunId(),
		ParentWorkflowNamespace:  a.GetParentWorkflowNamespace(),
		Memo:                     a.GetMemo(),
		SearchAttributes:         a.GetSearchAttributes(),
		RetryPolicy:              policy.RetryFromProto(a.GetRetryPolicy()),
		Priority:                 policy.PriorityFromProto(a.GetPriority()),
		lastCompletionResult:     a.GetLastCompletionResult(),
		lastFailure:              a.GetContinuedFailure(),
	}
	if parent := a.GetParentWorkflowExecution(); parent != nil {
		w := execution.WorkflowFromProto(parent)
		info.ParentWorkflowExecution = &w
	}
	if root := a.GetRootWorkflowExecution(); root != nil {
		w := execution.WorkflowFromProto(root)
		info.RootWorkflowExecution = &w
	}
	return info
}

// Now is workflow time: it goes on with each workflow task, not within.
func Now(ctx Context) time.Time { return calls(ctx).Now(ctx).UTC() }

func (o outbound) Now(Context) time.Time { return o.run.machine.Now().UTC() }

// IsReplaying says whether the code is repeating what it has done before.
// Workflow logic must not depend on it.
func IsReplaying(ctx Context) bool { return calls(ctx).IsReplaying(ctx) }

func (o outbound) IsReplaying(Context) bool { return o.run.machine.Replaying() }

// GetInfo tells a workflow about its own execution.
func GetInfo(ctx Context) *WorkflowInfo { return calls(ctx).GetInfo(ctx) }

func (o outbound) GetInfo(Context) *WorkflowInfo { return o.run.info }
