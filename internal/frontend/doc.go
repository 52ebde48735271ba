// Package frontend is the door of the server: the gRPC services of the public
// Temporal API. It trusts nothing that comes in.
//
// Every call passes Service.Intercept first, which looks up the method's row in
// the table of package methods, checks the client's version, finds the namespace,
// and at the end turns errors into what the API promises. A handler then checks the
// form of its request with the functions of package check, which fill in defaults,
// and runs one step of the state machine it is about through the runtime:
//
//	handler -> Runtime.Step -> Chain.Signal(step, request)
//
// What the state machine refuses comes back as a service error and is passed on.
// Long polls (a worker's wait for a task, a client's wait for a history event)
// hold no lock and no goroutine but their own, and end with an empty reply: after
// their time, shortly before the caller's deadline, or when the server drains
// (waits.go).
//
// The methods are in structs by area, each with what its area needs and no more:
// executionHandlers, historyHandlers, taskQueueHandlers, and so on. Service puts
// them together (service.go). What no area implements, the embedded Unimplemented
// servers answer.
//
// # How to add an RPC
//
// Two files:
//
//   - its row in internal/api/methods/table.go says that it is implemented, and,
//     if the API has just got it, everything else about it;
//   - its handler is a method of the struct of its area, in the file of that
//     struct.
//
// Nothing else: the interceptor finds the namespace, checks its state, bounds the
// wait and converts the errors by the row. A field that no RPC had before gets its
// check in internal/api/check; an area that was not there before gets a file, and
// a line in service.go.
//
// UpdateTaskQueueConfig is an example: table.go and task_queue.go. It is also the
// first RPC of a kind of entity, which is a package of its own
// (internal/taskqueue), its letter in internal/entity/key.go, and its line in
// internal/server/server.go.
package frontend
