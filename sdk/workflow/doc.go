// Package workflow is what workflow code is written with.
//
// A workflow is a Go function that takes a Context, and arguments, and returns
// a result and an error:
//
//	func Order(ctx workflow.Context, order OrderInput) (Receipt, error) {
//		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
//			StartToCloseTimeout: time.Minute,
//		})
//		var payment Payment
//		err := workflow.ExecuteActivity(ctx, Charge, order).Get(ctx, &payment)
//		if err != nil {
//			return Receipt{}, err
//		}
//		if err := workflow.Sleep(ctx, 30*24*time.Hour); err != nil {
//			return Receipt{}, err
//		}
//		...
//	}
//
// # Durable execution
//
// The server keeps the history of each execution: that it was started, what it
// asked for, what came of it. A worker that has lost the execution's state,
// in a crash, a deployment or because it needed the memory, runs the function
// again from the beginning and gives it the recorded results, until it is
// where it was. So the code must be deterministic: from the same history it
// must ask for the same things in the same order.
//
//   - Use Go, Channel, Selector, WaitGroup, Mutex and Future of this package in
//     place of Go's goroutines, channels, select and locks.
//   - Use Now, Sleep and NewTimer in place of those of package time.
//   - Do I/O in activities, and what is random in SideEffect.
//   - Do not range over maps where the order matters: DeterministicKeys helps.
//   - Change code that running executions depend on with GetVersion.
//
// Code that does otherwise is found out in replay: the workflow task fails
// with an error that has TMPRL1100, and is tried again until the code is
// put right.
//
// Workflow code must not run for long without calling something that blocks
// here, or the task fails with TMPRL1101. Long is a second of its own time, unless
// worker.Options.DeadlockDetectionTimeout says otherwise.
//
// # Errors
//
// What fails, fails with errors of package temporal. The error that the
// workflow function returns fails the execution, with three exceptions: a
// CanceledError cancels it, a ContinueAsNewError makes it go on as a new run,
// and a panic fails only the workflow task, which is tried again until the code
// is put right (worker.Options.WorkflowPanicPolicy can have it fail the execution).
//
// Functions that take a Context panic if it is not one of a workflow, is that of
// another run, or, for those that change something, belongs to a query handler, an
// update validator or a side effect.
//
// # Limits
//
// Servers bound what one run may grow to. The usual limits, which an operator may
// have set otherwise, are 51,200 events or 50 MiB of history, after which the run is
// terminated; 2,000 pending activities, child workflows, signals and cancellations of
// other workflows, each; 10,000 signals; 2,000 updates, 10 of them at a time; and 2 MiB
// for the arguments or the result of one call. Before a history gets too long, from
// 4,096 events or 4 MiB on, Info.GetContinueAsNewSuggested says so.
package workflow
