// Package nexus is what the server does for Nexus: calls of operations, from workflows and
// by themselves, to workers of whatever namespace and to other servers.
//
// # The way of an operation
//
// A workflow schedules an operation. That is a pending item of its run
// (records.NexusOperation), whose deadlines and states are functions of this package
// (operation.go); the run puts a task on Queue, which waits there as activity tasks do. The
// Executor takes the task, asks the run what is to be called (Caller), finds the endpoint,
// and makes the call:
//
//   - to workers through the Dispatcher, which hands the request to a poller of the
//     endpoint's task queue in memory, as queries are handed, and waits for the answer;
//   - to other servers by HTTP (client.go).
//
// What comes of it goes back into the run (Outcome): the operation has succeeded, failed, or
// started, or is to be tried again after a rest. The task has a record until then, so a
// server that is killed makes the call again, with the same request id, by which handlers
// know it.
//
// The end of an operation that has started comes back as a completion callback. Its
// token (token.go) names the operation and its request id, which nobody else knows. Between
// workflows of one server the callback has the URL temporal://system and is a message from
// entity to entity; from elsewhere it comes over HTTP (package nexushttp).
//
// # Forms
//
// Nexus has forms of its own for what Temporal has others for: payloads are contents with
// headers (content.go), failures are documents (failure.go), links are URLs (link.go).
package nexus
