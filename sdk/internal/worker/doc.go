// Package worker runs workflows and activities: it asks a server for tasks,
// handles them, and answers.
//
// A Worker is made of two halves that share little. The workflow half polls
// workflow tasks (workflowpoll.go), finds the run each belongs to in the sticky
// cache or rebuilds it from its history (run.go, cache.go), lets package flow
// handle the task, and answers (workflowtask.go); the local activities that
// workflow code asks for run in it as well. The activity half polls activity
// tasks (activitypoll.go) and runs them with package activities. Eager
// activities (eager.go) cross over: they arrive in the answer to a workflow task.
//
// The shape of both halves is the same and is written once, in poller.go: a slot
// is reserved, a poll is made, the task runs on a goroutine of its own with the
// slot, and the slot is released.
//
// Stop ends in this order, each step waiting for the one before: no new polls; the
// server is told, so that it stops handing out the sticky queue; open polls end;
// tasks that run are given the stop timeout; their contexts end; cached runs of
// the worker are closed. No goroutine outlives Stop, but for those in activities
// that ignore their context.
package worker
