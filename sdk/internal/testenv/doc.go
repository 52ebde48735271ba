// Package testenv runs workflows in memory, in virtual time: it is to the flow and
// replay code of workers what a server is to a worker.
//
// An Engine keeps executions. Each has a history of events, as a server would write
// it, and a flow.Instance that is given workflow tasks and answers with commands,
// from which the engine makes further events (commands.go). So workflow code runs on
// exactly the code that a worker runs it on.
//
//	inbox, timers ──> Engine.Run ──> events ──> Execution.task ──> flow.Instance
//	                     ^                                            │
//	                     └── activities, children, timers <── commands┘
//
// # The loop
//
// Everything happens on the goroutine that calls Run, one thing at a time: an item of
// the inbox, or a timer, and then the workflow tasks that this made necessary. What
// happens elsewhere (activities, calls by the test) enters by Post. mu is held while the
// loop works and let go of while it waits, and while it calls functions of the test, so
// that these may call what takes mu.
//
// Commands have their effect through the inbox, never while they are applied: events of
// commands come before events of what they cause.
//
// # Time
//
// The clock stands still until nothing can be done, and then goes on to the next
// timer. While activity code runs (Engine.busy) timers take as long as they say, by
// the real clock: what the code will do is not known.
//
// # Differences to a server
//
// A workflow task fails for good: its execution fails with the error. The default
// retry policy of activities makes 10 attempts. Start to close and heartbeat timeouts of
// activities are measured by the real clock, since their code is; they are retried only
// if the activity was given a retry policy. Schedule to start timeouts do not pass:
// there is always a worker. An activity is told at once that it is to be cancelled,
// without a heartbeat.
package testenv
