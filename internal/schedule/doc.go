// Package schedule is the state machine of schedules: entities that start workflows when
// their specification (package spec) says so.
//
// # From a time to a workflow
//
// A schedule sets one timer, for the next thing that it has to do. When it fires, times of
// the specification that have come become starts, which have numbers (generate, in
// times.go). The overlap policy decides about each whether it goes on, waits until a
// workflow of the schedule has closed, or is dropped (overlap.go). What goes on is sent, at
// the pace of the namespace, to the chain of its workflow id, as a StartWorkflow message
// (start.go). The chain answers, and the start is replaced by a running workflow, or
// dropped; and when the workflow has closed, with all that continues it, the chain says so
// in a WorkflowClosed (outcome.go).
//
// All that is in the records, written by the step that decides. The outbox sends a message
// again until it is delivered, and the chain remembers the number of the last one, so each
// start is carried out once, whatever crashes. A start whose answer is on its way counts as
// a running workflow.
//
// # How much at once
//
// One step looks at so many times of the specification, and sends so many bytes of
// starts; what is left is done by the next step, at once. So the catching up of a schedule
// that was not looked at for a week does not keep others waiting. The starts of a
// namespace have a rate, which Config.StartDelay keeps. How many starts may wait, how many
// backfills there may be, and how long a specification may be is bounded.
//
// # Manual actions
//
// Actions that are triggered or backfilled take the same way, but neither a pause nor a
// limit of actions nor the catch-up window applies to them.
//
// # Records
//
//	'd'          records.ScheduleDefinition, written when a client changes it
//	's'          records.ScheduleState, written with nearly every step
//	'o'          records.ScheduleOutcome, what the next workflow is told of the last ones
//	'p' number   records.ScheduledStart, an action that has not been answered
//
// A schedule that has nothing to do costs its records and the record of its timer. One
// that never will do anything again is removed after a time (idleTime).
package schedule
