package scenario

import (
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// untilCancelled waits for its cancellation and then cleans up with a timer.
func untilCancelled(ctx workflow.Context) (string, error) {
	err := workflow.Sleep(ctx, time.Hour)
	if !temporal.IsCanceledError(err) {
		return "", errors.New("not cancelled")
	}
	cleanup, _ := workflow.NewDisconnectedContext(ctx)
	if err := workflow.Sleep(cleanup, time.Millisecond); err != nil {
		return "", err
	}
	return "", err
}

// countdown continues as new until n is 0.
func countdown(ctx workflow.Context, n int) (string, error) {
	if n == 0 {
		return "lift-off", nil
	}
	return "", workflow.NewContinueAsNewError(ctx, countdown, n-1)
}

var closeScenarios = []Scenario{
	{"a workflow cleans up when it is cancelled", func(e *Env) {
		e.Worker(worker.Options{}, func(r worker.Registry) { r.RegisterWorkflow(untilCancelled) })
		run := e.Start("w", untilCancelled)
		e.EventuallyIdle(run.GetID())
		e.Must(e.Client.CancelWorkflow(e.Ctx, run.GetID(), ""))
		e.Must(e.Client.CancelWorkflow(e.Ctx, run.GetID(), ""))
		err := run.Get(e.Ctx, nil)
		Want(e, temporal.IsCanceledError(err), true)
	}},
	{"a terminated workflow ends at once", func(e *Env) {
		e.Worker(worker.Options{}, func(r worker.Registry) { r.RegisterWorkflow(untilCancelled) })
		run := e.Start("w", untilCancelled)
		e.EventuallyIdle(run.GetID())
		e.Must(e.Client.TerminateWorkflow(e.Ctx, run.GetID(), "", "enough", "detail"))
		err := run.Get(e.Ctx, nil)
		var terminated *temporal.TerminatedError
		Want(e, errors.As(err, &terminated), true)
	}},
	{"a workflow is terminated before a worker comes", func(e *Env) {
		run := e.Start("w", untilCancelled)
		e.Must(e.Client.TerminateWorkflow(e.Ctx, run.GetID(), "", "enough"))
		Want(e, run.Get(e.Ctx, nil) != nil, true)
	}},
	{"a workflow fails with its error", func(e *Env) {
		flow := func(workflow.Context) error {
			return temporal.NewApplicationErrorWithCause("outer", "Outer", errors.New("inner"), "detail")
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		err := e.Start("w", "flow").Get(e.Ctx, nil)
		var failure *temporal.ApplicationError
		Want(e, errors.As(err, &failure) && failure.Type() == "Outer", true)
	}},
	{"a workflow continues as new", func(e *Env) {
		e.Worker(worker.Options{}, func(r worker.Registry) { r.RegisterWorkflow(countdown) })
		Want(e, e.Result(e.Start("w", countdown, 2)), "lift-off")
	}},
	{"a workflow with a retry policy runs again after a failure", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			if workflow.GetInfo(ctx).Attempt < 3 {
				return "", errors.New("not yet")
			}
			return "third time lucky", nil
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		run := e.StartWith(client.StartWorkflowOptions{ID: e.ID("w"), RetryPolicy: &temporal.RetryPolicy{
			InitialInterval: time.Second, BackoffCoefficient: 1}}, "flow")
		Want(e, e.Result(run), "third time lucky")
	}},
	{"a workflow run times out", func(e *Env) {
		e.Worker(worker.Options{}, func(r worker.Registry) { r.RegisterWorkflow(untilCancelled) })
		run := e.StartWith(client.StartWorkflowOptions{ID: e.ID("w"), WorkflowRunTimeout: 3 * time.Second}, untilCancelled)
		err := run.Get(e.Ctx, nil)
		var timeout *temporal.TimeoutError
		Want(e, errors.As(err, &timeout), true)
	}},
	{"a workflow execution times out", func(e *Env) {
		e.Worker(worker.Options{}, func(r worker.Registry) { r.RegisterWorkflow(untilCancelled) })
		run := e.StartWith(client.StartWorkflowOptions{ID: e.ID("w"), WorkflowExecutionTimeout: 3 * time.Second}, untilCancelled)
		err := run.Get(e.Ctx, nil)
		var timeout *temporal.TimeoutError
		Want(e, errors.As(err, &timeout), true)
	}},
	{"a description tells how a workflow ended", func(e *Env) {
		e.Worker(worker.Options{}, func(r worker.Registry) { r.RegisterWorkflow(countdown) })
		run := e.Start("w", countdown, 0)
		e.Result(run)
		description, err := e.Client.DescribeWorkflowExecution(e.Ctx, run.GetID(), run.GetRunID())
		e.Must(err)
		Want(e, description.WorkflowExecutionInfo.Status, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
		Want(e, description.WorkflowExecutionInfo.HistoryLength, int64(5))
		Want(e, description.WorkflowExecutionInfo.Type.Name, "countdown")
	}},
}
