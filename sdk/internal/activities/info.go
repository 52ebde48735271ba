package activities

import (
	"time"

	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/policy"
)

// Info describes the running activity.
type Info struct {
	// TaskToken identifies this attempt to Client.CompleteActivity.
	TaskToken []byte
	// WorkflowType of the workflow that scheduled it, nil if none did.
	WorkflowType *execution.WorkflowType
	// WorkflowNamespace is the namespace of that workflow, empty if none.
	//
	// Deprecated: use Namespace.
	WorkflowNamespace string
	// WorkflowExecution that scheduled it, zero if none did.
	WorkflowExecution execution.Workflow
	// ActivityID identifies the activity in its workflow; it is the same for all
	// attempts, so it serves to recognise work done by an earlier one.
	ActivityID string
	// ActivityRunID is set for activities that no workflow scheduled.
	ActivityRunID string
	// ActivityType is the name that the activity was scheduled under.
	ActivityType execution.ActivityType
	// TaskQueue is where the worker got it from.
	TaskQueue string
	// Namespace is where the activity runs.
	Namespace string
	// HeartbeatTimeout is the longest time between heartbeats, zero for no
	// limit.
	HeartbeatTimeout time.Duration
	// ScheduleToCloseTimeout bounds all attempts together, zero for no limit.
	ScheduleToCloseTimeout time.Duration
	// StartToCloseTimeout bounds one attempt, zero for no limit.
	StartToCloseTimeout time.Duration
	// ScheduledTime is when the activity was first scheduled, by the server's
	// clock.
	ScheduledTime time.Time
	// StartedTime is when this attempt began.
	StartedTime time.Time
	// Deadline is when the context ends.
	Deadline time.Time
	// Attempt starts from 1.
	Attempt int32
	// IsLocalActivity says whether it runs in the process of the workflow, as a
	// local activity.
	IsLocalActivity bool
	// Priority of the activity's tasks.
	Priority policy.Priority
	// RetryPolicy in force, nil if the server did not tell.
	RetryPolicy *policy.Retry
}

// IsWorkflowActivity says whether a workflow scheduled the activity.
func (i *Info) IsWorkflowActivity() bool { return i.WorkflowExecution.ID != "" }
