// Package temporal holds what workflows, activities and their callers share: errors,
// retry policies, priorities and search attributes.
//
// # Errors
//
// An error returned by an activity or a workflow crosses process boundaries, and
// arrives wrapped in an error that says what failed:
//
//   - workflow code gets an [*ActivityError] from an activity, and a
//     [*ChildWorkflowExecutionError] from a child workflow;
//   - client code gets a [*WorkflowExecutionError] from a workflow.
//
// What is inside, for errors.As to find, is one of these:
//
//   - [*ApplicationError]: the code returned an error. It has a message, a type and
//     optional details. Return one made by [NewApplicationError] or its siblings to
//     choose them; any other error becomes one, with the name of its Go type as the
//     type.
//   - [*CanceledError]: it was canceled, and said so by returning this error or the
//     context's.
//   - [*TimeoutError]: it took too long, in one of the ways that TimeoutType tells.
//   - [*PanicError]: it panicked.
//   - [*TerminatedError]: the workflow was terminated.
//
// For example, in a workflow:
//
//	err := workflow.ExecuteActivity(ctx, Charge, order).Get(ctx, nil)
//	var appErr *temporal.ApplicationError
//	var timeoutErr *temporal.TimeoutError
//	switch {
//	case errors.As(err, &appErr) && appErr.Type() == "CardDeclined":
//		var reason string
//		_ = appErr.Details(&reason)
//		...
//	case errors.As(err, &timeoutErr):
//		...
//	}
//
// Activities are retried until their retry policy gives up, so what a workflow sees is
// the last attempt's error. To fail at once, return an error made by
// [NewNonRetryableApplicationError], or list its type in
// [RetryPolicy].NonRetryableErrorTypes.
package temporal
