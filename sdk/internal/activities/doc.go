// Package activities runs activity code: it builds the context that an activity
// sees, keeps its heartbeats, calls it, and turns what it returned into the
// response for the server.
//
// A Runner runs the tasks that a worker polled, one call of Run for each; the
// worker decides how many run at a time. A LocalRunner runs the local activities
// of workflows in the same process: it owns their queue, their retries and how
// many run at a time, because they reach it from inside workflow code, which may
// not wait.
//
// The context of both carries an Env, which package activity asks through the
// chain of interceptors (chain.go): Calls.
//
// # Contexts
//
// An activity's context ends, with a cause that says why: when its deadline has
// passed, which is the earlier of its timeouts; when a heartbeat brought the news
// that it is to be cancelled, paused or reset, or that the server no longer knows
// it; when the worker's stop timeout is over (ErrWorkerShutdown).
//
// # Outcomes
//
// A panic of the activity or of an interceptor is a failure like any other. A
// CanceledError, or the context's own error, reports the activity as cancelled only
// if that was asked for. A result after the deadline is not reported: the server
// has timed the attempt out. Outcomes are reported even while the worker stops.
//
// # Heartbeats
//
// The first heartbeat is sent at once; later ones are gathered and sent once in
// most of the heartbeat timeout. Details held back are sent when the attempt fails
// or the worker begins to stop, so that the next attempt finds them.
//
// # Local activities
//
// A LocalRunner delivers the outcome of each local activity exactly once, unless
// it was cancelled; it does not wait for one that ignores its context. It retries
// in process while the delay is no longer than the workflow task's timeout; a
// longer one it hands back to the workflow, which waits with a timer.
package activities
