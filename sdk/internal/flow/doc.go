// Package flow runs workflow code.
//
// It joins two packages that know nothing of each other: coroutine, which runs
// the threads of a workflow in a fixed order, and replay, which walks through
// its history. What workflow code sees of them is the API of the public package
// workflow: contexts, futures, channels and the calls that schedule work. All of
// it is here, and workflow only gives it its name.
//
// A worker makes an Instance for each run that it gets tasks of. HandleTask
// returns what to respond; the instance keeps the run's state for the next
// task, until Close.
package flow
