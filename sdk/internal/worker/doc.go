// Package worker runs workflows and activities: it asks a server for tasks,
// handles them, and answers.
//
// A Worker is made of two halves that share little. The workflow half polls
// workflow tasks (workflowpoll.go), finds the run each belongs to in the sticky
// cache or rebuilds it from its history (run.go, cache.go), lets package flow
// handle the task, and answers (workflowtask.go); the local activities that
// workflow code asks for run in it as well. The activity half polls activity
// tasks (activitypoll.go) and runs them with package activities. Eager
// activities (eager.go) cross over: they arrive in the answer to a workflow task. Sessions
// (session.go) are two more activity halves: one for the activities that hold sessions open,
// one for the activities in them. Nexus tasks have a half of their own (nexuspoll.go).
//
// The shape of both halves is the same and is written once, in poller.go: a slot
// is reserved, a poll is made, the task runs on a goroutine of its own with the
// slot, and the slot is released. The slot comes before the poll so that a task that
// arrives has room; it comes from a supplier of package tuner (slots.go). How many polls
// are open is fixed or follows the server (pollers.go). balance.go shares a fixed number of
// polls for workflow tasks out between the sticky and the normal task queue.
//
// # Options
//
// Options are those of the public package, which only names them. New fills in the
// defaults, and takes what else a worker is made of from the client.Backend of its
// client.
//
// # Runs in memory
//
// The sticky cache is one for all workers of the process, unless a worker asks for its own.
// It is bounded by the number of runs, and by an estimate of their bytes. A run is locked while one of its tasks is handled. Its instance is ahead
// of the history until the answer is accepted: if it is not, the run is closed and
// the next task replays. A task that does not go on from where the cached run is
// (flow.ErrStale) is handled by a new instance, from the full history.
//
// A task that waits for local activities is held, and completed as it is before it
// times out, to go on under a new one. Only the first failure of a workflow task is
// reported; later attempts are left to time out, so that a broken workflow does not
// spin.
//
// # Errors
//
// A poll that fails is made again after a growing pause. Errors that look final, such
// as that the namespace is gone, end the worker only if they persist, because proxies
// and restarting servers sometimes answer strangely; Options.OnFatalError is told, and
// Run returns the error.
//
// # Interceptors
//
// A WorkerInterceptor has a half for workflows, which package flow calls, and one for
// activities, which package activities calls. Interceptors of the client that are for
// workers, too, are outside of the worker's own.
//
// # Plugins and heartbeats
//
// Plugins (plugin.go) change the options of a worker that is being made, and are called around
// its start and its stop. heartbeat.go tells the server how the worker is, if the namespace
// wants to know; status.go tells people, on a page (statuspage.go) or in the log.
//
// # Stopping
//
// Stop ends in this order, each step waiting for the one before: no new polls; the
// server is told, so that it stops handing out the sticky queue; open polls end;
// tasks that run are given the stop timeout; their contexts end; cached runs of
// the worker are closed. No goroutine outlives Stop, but for those in activities
// that ignore their context.
package worker
