// Package nexusop handles Nexus tasks: it calls the operations of the services that a worker
// has, and makes of what they return what the server is told.
//
//	PollNexusTaskQueueResponse ──> Handler.Handle ──> interceptors ──> nexus.Operation
//	RespondNexusTask{Completed,Failed}Request <──┘
//
// A Handler is made once for a worker, and used by all its tasks at a time. The operations
// find what belongs to their task in their context (Operation), which package temporalnexus
// shows them; through the outbound interceptors, as with activities.
//
// Errors have two ways out. An operation that failed or was cancelled (nexus.OperationError)
// has been carried out: the task is completed. All else is an error of the handler
// (nexus.HandlerError), after which the server may try again; the kind of error says whether.
// Servers from before Temporal failures went over Nexus get both in an older form: the request
// says which.
package nexusop
