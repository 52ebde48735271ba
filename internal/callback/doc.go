// Package callback delivers the completion callbacks of workflows: HTTP requests that
// say how a workflow has ended, in the form in which Nexus operations are completed.
//
// Each callback of a closed run is an entity, made by a message of its workflow
// (records.Delivery). Its state machine is pure: it puts the delivery on a queue of
// tasks, as workflow and activity tasks are, and sets a timer when it has to be tried
// again. A Deliverer takes the tasks, makes the calls, and tells the entity how they
// went. The task has a record until then: a server that is killed makes the call again.
// So a callback is called at least once, and whoever receives it has to bear it twice.
//
// Callbacks to the server itself, which complete Nexus operations, are messages and no calls
// (internal.go).
//
// A call that fails in a way that may pass is repeated after about 1 s, then after twice the
// time before, up to 1 h, for ever; while an address does not answer at all, most calls to
// it are not even tried (package breaker); a refusal (most 4xx) ends the delivery. The workflow
// is told after each attempt.
package callback
