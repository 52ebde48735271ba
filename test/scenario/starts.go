package scenario

import (
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
)

func startWithTaskTimeout(id string, timeout time.Duration) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{ID: id, WorkflowTaskTimeout: timeout}
}

var startScenarios = []Scenario{
	{"a start options' memo, header and summary are in the history", func(e *Env) {
		e.Worker(worker.Options{}, func(r worker.Registry) { r.RegisterWorkflow(countdown) })
		run := e.StartWith(client.StartWorkflowOptions{
			ID: e.ID("w"), Memo: map[string]any{"k": "v"}, StaticSummary: "a summary", StaticDetails: "some details",
			WorkflowExecutionTimeout: time.Hour, WorkflowRunTimeout: time.Minute,
		}, countdown, 0)
		Want(e, e.Result(run), "lift-off")
	}},
	{"a running workflow id cannot be started again", func(e *Env) {
		run := e.Start("w", collect)
		_, err := e.Client.ExecuteWorkflow(e.Ctx, client.StartWorkflowOptions{ID: run.GetID(), TaskQueue: e.Queue,
			WorkflowExecutionErrorWhenAlreadyStarted: true}, collect)
		var started *serviceerror.WorkflowExecutionAlreadyStarted
		Want(e, errors.As(err, &started), true)
		Want(e, started.RunId, run.GetRunID())
		again, err := e.Client.ExecuteWorkflow(e.Ctx, client.StartWorkflowOptions{ID: run.GetID(), TaskQueue: e.Queue,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING}, collect)
		e.Must(err)
		Want(e, again.GetRunID(), run.GetRunID())
		e.Must(e.Client.TerminateWorkflow(e.Ctx, run.GetID(), "", "done with it"))
	}},
	{"a start can replace the running workflow", func(e *Env) {
		run := e.Start("w", collect)
		time.Sleep(1100 * time.Millisecond) // the server allows one replacement a second
		again, err := e.Client.ExecuteWorkflow(e.Ctx, client.StartWorkflowOptions{ID: run.GetID(), TaskQueue: e.Queue,
			WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING}, countdown, 0)
		e.Must(err)
		Want(e, again.GetRunID() != run.GetRunID(), true)
		e.Worker(worker.Options{}, func(r worker.Registry) { r.RegisterWorkflow(countdown) })
		Want(e, e.Result(again), "lift-off")
	}},
	{"reuse of a completed workflow id can be rejected", func(e *Env) {
		e.Worker(worker.Options{}, func(r worker.Registry) { r.RegisterWorkflow(countdown) })
		run := e.Start("w", countdown, 0)
		e.Result(run)
		for _, policy := range []enumspb.WorkflowIdReusePolicy{
			enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
			enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY,
		} {
			_, err := e.Client.ExecuteWorkflow(e.Ctx, client.StartWorkflowOptions{ID: run.GetID(), TaskQueue: e.Queue,
				WorkflowIDReusePolicy: policy, WorkflowExecutionErrorWhenAlreadyStarted: true}, countdown, 0)
			var started *serviceerror.WorkflowExecutionAlreadyStarted
			Want(e, errors.As(err, &started), true)
		}
	}},
	{"a delayed start waits for its first task", func(e *Env) {
		e.Worker(worker.Options{}, func(r worker.Registry) { r.RegisterWorkflow(countdown) })
		run := e.StartWith(client.StartWorkflowOptions{ID: e.ID("w"), StartDelay: time.Second}, countdown, 0)
		Want(e, e.Result(run), "lift-off")
	}},
}
