package entity

import "time"

// Occurrence is something that has happened to an entity and that operators count: a
// workflow has ended, an attempt of an activity has failed. It changes nothing and is
// written nowhere; the runtime tells whoever observes it (runtime.Observer) once the
// step is durable, or else never.
type Occurrence struct {
	Kind OccurrenceKind
	// Final: there will be no other attempt. Of activities.
	Final bool
	// Detail is a value of an enumeration of the API, which one depends on the kind.
	Detail int32
	// Attempt is the number of the attempt, from 1.
	Attempt int32
	// Type is the type of the workflow or activity.
	Type string
	// Took is how long what has ended had been under way.
	Took time.Duration
	// Total is how long an activity had been under way, all attempts together.
	Total time.Duration
	// Count is a number of things: of commands; of events in the history of a workflow that has ended.
	Count int64
	// Bytes is the size of the history of a workflow that has ended.
	Bytes int64
}

// OccurrenceKind is what has happened.
type OccurrenceKind byte

const (
	// WorkflowStarted: a run has begun. Type.
	WorkflowStarted OccurrenceKind = iota + 1
	// WorkflowClosed: a run has ended. Type, Detail (enums.WorkflowExecutionStatus),
	// Took since its start, Count, Bytes.
	WorkflowClosed
	// WorkflowTaskStarted: a worker has been given a workflow task. Attempt, Took since
	// the task was scheduled.
	WorkflowTaskStarted
	// WorkflowTaskCompleted: a worker has done a workflow task. Took since it was started.
	WorkflowTaskCompleted
	// WorkflowTaskFailed: a workflow task has failed. Detail (enums.WorkflowTaskFailedCause).
	WorkflowTaskFailed
	// WorkflowTaskTimedOut: nobody has taken a workflow task, or done it, in time. Detail
	// (enums.TimeoutType).
	WorkflowTaskTimedOut
	// WorkflowCommand: commands of one type have been carried out. Detail
	// (enums.CommandType), Count.
	WorkflowCommand
	// ActivityStarted: a worker has been given an attempt. Type, Attempt, Took since the
	// attempt was ready.
	ActivityStarted
	// ActivityCompleted: an attempt has succeeded. Type, Attempt, Took since its start,
	// Total, Final. The same hold for the following kinds.
	ActivityCompleted
	// ActivityFailed: an attempt has failed.
	ActivityFailed
	// ActivityTimedOut: time has run out. Detail (enums.TimeoutType).
	ActivityTimedOut
	// ActivityCanceled: an activity has ended as somebody has asked for.
	ActivityCanceled
	// ActivityTerminated: an activity without a workflow has been terminated.
	ActivityTerminated
	// FlowAdmitted: a policy of flow control has let something in. Type (the name of the
	// policy), Took since it asked.
	FlowAdmitted
	// FlowQueued: something has to wait for a policy. Type.
	FlowQueued
	// FlowWithdrawn: what waited for a policy has ended. Type.
	FlowWithdrawn
	// NexusOperationClosed: a Nexus operation has ended. Type (NexusType), Detail
	// (enums.NexusOperationExecutionStatus), Count (enums.TimeoutType, of what has run out), Took since its
	// start, which is 0 if its handler has not told of one, Total since it was scheduled.
	NexusOperationClosed
	// DeploymentCreated, DeploymentVersionCreated: there is a worker deployment, a version of one, that was not.
	DeploymentCreated
	DeploymentVersionCreated
	// ScheduleActed: schedules have started workflows. Count.
	ScheduleActed
	// ScheduleMissed, ScheduleSkipped, ScheduleDropped: schedules have not acted, since they came too late, since
	// the last action was under way, since too many waited. Count.
	ScheduleMissed
	ScheduleSkipped
	ScheduleDropped
	// VersionTransitionStarted: a workflow is on its way to another version of its workers.
	VersionTransitionStarted
	// GrownLarge: something of a workflow is larger than operators want to go without a warning. Type (the key of
	// the setting of dynamic configuration that says so), Count (the size: bytes, or events).
	GrownLarge
)

// NexusType is the Type of what has happened to a Nexus operation: the name of the endpoint, and the type of the workflow
// that it is of. Names of endpoints have no ends of lines in them.
func NexusType(endpoint, workflowType string) string { return endpoint + "\n" + workflowType }

// Note tells whoever observes the runtime of something that has happened.
func (s *Step) Note(o Occurrence) { s.out.Occurrences = append(s.out.Occurrences, o) }

// NoteCommand is Note for one more command of a type.
func (s *Step) NoteCommand(commandType int32) {
	if n := len(s.out.Occurrences); n > 0 {
		if last := &s.out.Occurrences[n-1]; last.Kind == WorkflowCommand && last.Detail == commandType {
			last.Count++
			return
		}
	}
	s.Note(Occurrence{Kind: WorkflowCommand, Detail: commandType, Count: 1})
}
