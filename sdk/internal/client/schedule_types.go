package client

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/internal/searchattr"
)

// ScheduleOptions say what to create. ID, Spec and Action are required.
type ScheduleOptions struct {
	// ID is the schedule's id, by which it is known from then on.
	ID string
	// Spec says when to take action.
	Spec ScheduleSpec
	// Action is what to do then.
	Action ScheduleAction
	// Overlap says what happens if the workflow of the action before is still running. The
	// default is to skip the action.
	Overlap enumspb.ScheduleOverlapPolicy
	// CatchupWindow is how late an action may be taken that a server's outage has delayed.
	// The default, 0, is the server's, which is a year.
	CatchupWindow time.Duration
	// PauseOnFailure pauses the schedule when a workflow fails or times out, its retries
	// included.
	PauseOnFailure bool
	// Note is for people to read, and is overwritten by whoever pauses the schedule.
	Note string
	// Paused creates the schedule paused.
	Paused bool
	// RemainingActions limits the number of actions. The default, 0, is no limit.
	RemainingActions int
	// TriggerImmediately takes an action as soon as the schedule exists.
	TriggerImmediately bool
	// ScheduleBackfill are times of the past whose actions are taken as soon as the schedule
	// exists.
	ScheduleBackfill []ScheduleBackfill
	// Memo is stored with the schedule and returned when it is described and listed.
	Memo map[string]any
	// SearchAttributes are attributes by which the schedule can be found, without types.
	//
	// Deprecated: use TypedSearchAttributes. Only one of both can be set.
	SearchAttributes map[string]any
	// TypedSearchAttributes are attributes by which the schedule can be found. They must be
	// registered with the server.
	TypedSearchAttributes searchattr.SearchAttributes
}

// ScheduleAction is what a schedule does: [*ScheduleWorkflowAction].
type ScheduleAction interface {
	isScheduleAction()
}

// ScheduleWorkflowAction starts a workflow. Workflow and TaskQueue are required.
type ScheduleWorkflowAction struct {
	// ID is what the workflow ids begin with; the server appends the time of the action.
	// The default is a random UUID.
	ID string
	// Workflow is the workflow's function or its name; its name when read back.
	Workflow any
	// Args are the workflow's arguments; values of type *commonpb.Payload, which are sent
	// as they are, when read back.
	Args []any
	// TaskQueue is where the workers of the workflow poll.
	TaskQueue string
	// WorkflowExecutionTimeout, WorkflowRunTimeout and WorkflowTaskTimeout are those of
	// StartWorkflowOptions.
	WorkflowExecutionTimeout time.Duration
	// WorkflowRunTimeout bounds one run.
	WorkflowRunTimeout time.Duration
	// WorkflowTaskTimeout bounds one workflow task.
	WorkflowTaskTimeout time.Duration
	// RetryPolicy starts the workflow again if it fails. The default is not to.
	RetryPolicy *policy.Retry
	// Memo is stored with the workflows; values of type *commonpb.Payload when read back.
	Memo map[string]any
	// TypedSearchAttributes are attributes by which the workflows can be found.
	TypedSearchAttributes searchattr.SearchAttributes
	// UntypedSearchAttributes are those of a schedule that was created without types. They
	// are there to be written back, not to create schedules with.
	//
	// Deprecated: use TypedSearchAttributes.
	UntypedSearchAttributes map[string]*commonpb.Payload
	// VersioningOverride says on which version the workflows run. The default is what
	// their type and workers say.
	VersioningOverride policy.VersioningOverride
	// StaticSummary is one line of Markdown that user interfaces show about the workflows.
	StaticSummary string
	// StaticDetails are lines of Markdown that user interfaces show about the workflows.
	StaticDetails string
	// Priority orders the workflows' tasks relative to others in the task queue.
	Priority policy.Priority
}

func (*ScheduleWorkflowAction) isScheduleAction() {}

// ScheduleBackfill is a time whose actions are taken at once.
type ScheduleBackfill struct {
	// Start of the time. An action at Start itself is not taken.
	Start time.Time
	// End of the time, which is part of it.
	End time.Time
	// Overlap is the policy among these actions. The default is the schedule's.
	Overlap enumspb.ScheduleOverlapPolicy
}

// Schedule is what a schedule is made of.
type Schedule struct {
	// Action is what to do.
	Action ScheduleAction
	// Spec says when.
	Spec *ScheduleSpec
	// Policy says what to do if things go another way. Nil is the default of each.
	Policy *SchedulePolicies
	// State is whether the schedule is at work. Nil is at work without a limit.
	State *ScheduleState
}

// SchedulePolicies are those of ScheduleOptions of the same names.
type SchedulePolicies struct {
	// Overlap says what happens if the workflow of the action before is still running.
	Overlap enumspb.ScheduleOverlapPolicy
	// CatchupWindow is how late an action may be taken. 0 is the server's default.
	CatchupWindow time.Duration
	// PauseOnFailure pauses the schedule when a workflow fails or times out.
	PauseOnFailure bool
}

// ScheduleState is whether a schedule is at work.
type ScheduleState struct {
	// Note is why, for people to read.
	Note string
	// Paused schedules take no action, unless triggered or backfilled.
	Paused bool
	// LimitedActions says that RemainingActions counts.
	LimitedActions bool
	// RemainingActions is how many actions are left.
	RemainingActions int
}

// ScheduleDescription is a schedule and what it has done.
type ScheduleDescription struct {
	// Schedule is what the schedule is made of. Cron expressions are calendars and
	// intervals by now.
	Schedule Schedule
	// Info is what the schedule has done and will do.
	Info ScheduleInfo
	// Memo as it was created with, still encoded.
	Memo *commonpb.Memo
	// SearchAttributes of the schedule, encoded.
	SearchAttributes *commonpb.SearchAttributes
	// TypedSearchAttributes are the same, decoded.
	TypedSearchAttributes searchattr.SearchAttributes
}

// ScheduleInfo is what a schedule has done and will do.
type ScheduleInfo struct {
	// NumActions is how many actions were taken.
	NumActions int
	// NumActionsMissedCatchupWindow is how many actions would have been too late.
	NumActionsMissedCatchupWindow int
	// NumActionsSkippedOverlap is how many actions were skipped because of the one before.
	NumActionsSkippedOverlap int
	// RunningWorkflows are workflows that the schedule started and that have not closed.
	RunningWorkflows []ScheduleWorkflowExecution
	// RecentActions are the latest actions, at most 10, the latest one last.
	RecentActions []ScheduleActionResult
	// NextActionTimes are the times of the next actions, at most 10.
	NextActionTimes []time.Time
	// CreatedAt is when the schedule was created.
	CreatedAt time.Time
	// LastUpdateAt is when the schedule was last updated, or the zero time.
	LastUpdateAt time.Time
}

// ScheduleWorkflowExecution is a workflow that a schedule started.
type ScheduleWorkflowExecution struct {
	// WorkflowID of the workflow: that of the action, with the time appended.
	WorkflowID string
	// FirstExecutionRunID is the run that the schedule started; others may have followed.
	FirstExecutionRunID string
}

// ScheduleActionResult is an action that was taken.
type ScheduleActionResult struct {
	// ScheduleTime is when it should have been, jitter included.
	ScheduleTime time.Time
	// ActualTime is when it was.
	ActualTime time.Time
	// StartWorkflowResult is the workflow that was started, if that was the action.
	StartWorkflowResult *ScheduleWorkflowExecution
}

// ScheduleListOptions say which schedules to list.
type ScheduleListOptions struct {
	// PageSize is how many schedules to ask the server for at a time. The default is the
	// server's.
	PageSize int
	// Query selects schedules, in the language of list filters. The default is all.
	Query string
}

// ScheduleListEntry is what a list says about a schedule.
type ScheduleListEntry struct {
	// ID by which the schedule is known.
	ID string
	// Spec says when it takes action.
	Spec *ScheduleSpec
	// Note is for people to read.
	Note string
	// Paused says that the schedule takes no action.
	Paused bool
	// WorkflowType is the workflow that it starts.
	WorkflowType execution.WorkflowType
	// RecentActions are the latest actions, fewer than when it is described.
	RecentActions []ScheduleActionResult
	// NextActionTimes are when it acts next, fewer than when it is described.
	NextActionTimes []time.Time
	// Memo as it was created with, still encoded.
	Memo *commonpb.Memo
	// SearchAttributes of the schedule, encoded.
	SearchAttributes *commonpb.SearchAttributes
}

// ScheduleUpdateOptions say how to change a schedule.
type ScheduleUpdateOptions struct {
	// DoUpdate returns what the schedule is to be. It may change what it gets. Nil, or the
	// error temporal.ErrSkipScheduleUpdate, changes nothing; another error is that of
	// Update.
	DoUpdate func(ScheduleUpdateInput) (*ScheduleUpdate, error)
}

// ScheduleUpdateInput is what DoUpdate gets.
type ScheduleUpdateInput struct {
	// Description is the schedule as it is.
	Description ScheduleDescription
}

// ScheduleUpdate is what ScheduleUpdateOptions.DoUpdate returns.
type ScheduleUpdate struct {
	// Schedule replaces the schedule. It is required.
	Schedule *Schedule
	// TypedSearchAttributes replace those of the schedule. Nil leaves them as they are, an
	// empty value removes them.
	TypedSearchAttributes *searchattr.SearchAttributes
}

// ScheduleTriggerOptions are the options of ScheduleHandle.Trigger.
type ScheduleTriggerOptions struct {
	// Overlap is the policy for this action. The default is the schedule's.
	Overlap enumspb.ScheduleOverlapPolicy
}

// SchedulePauseOptions are the options of ScheduleHandle.Pause.
type SchedulePauseOptions struct {
	// Note says why. The default says that a Go SDK did it.
	Note string
}

// ScheduleUnpauseOptions are the options of ScheduleHandle.Unpause.
type ScheduleUnpauseOptions struct {
	// Note says why. The default says that a Go SDK did it.
	Note string
}

// ScheduleBackfillOptions are the options of ScheduleHandle.Backfill.
type ScheduleBackfillOptions struct {
	// Backfill are the times whose actions are taken.
	Backfill []ScheduleBackfill
}
