// Package batch carries out batch operations: one and the same act on all workflows that
// a query finds, or that are named.
//
// A job is an entity (Job), whose state machine is pure. It has a list of items, each a
// run of a workflow, and knows which of them are done. Its work is one task on a queue,
// as workflow and activity tasks are, which has a record until the job has ended; a
// Runner takes the tasks, so a job is gone on with after a crash.
//
// First the runs that match are listed, page by page, and the pages are written to the
// job: what a job is about is settled before it does anything, so that it neither finds
// runs that it has made itself (by resets) nor loses those that its acts have moved in the
// list. Then the items are acted on, some at once, at the rate there is. Acts are calls of
// the API, as a client would make them, through the channel inside the process. What has been
// done is recorded in steps of the job, as many items in one as have been done meanwhile.
//
// # What a crash does
//
// An item that was done, but not recorded, is done again. Its call then has the same
// request id, derived of the job and the item, so a workflow is signaled or reset once; the other
// acts find that there is nothing left to do (a closed run, a deleted one), which is
// a success. An item that names no run is settled on one, in the records of the job, before it is
// acted on, so that doing it again does not reach the next run. Attempts that have failed
// are counted in the records, too.
//
// # Errors
//
// What may pass is tried again, up to 50 times, with growing rests; a precondition that is not
// met, a few times; all else not at all. An item that is given up counts as failed, and the
// job goes on. A run that is not there any more, or has closed, counts as done.
//
// A closed job is kept for the retention of its namespace, as a closed workflow is.
package batch
