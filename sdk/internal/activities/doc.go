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
// The context of both carries an Env, which package activity reads.
package activities
