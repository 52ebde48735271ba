package scenario

import (
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Children wait for the signal "go", so that they end when their parent is idle.

func childSays(ctx workflow.Context, word string) (string, error) {
	workflow.GetSignalChannel(ctx, "go").Receive(ctx, nil)
	return "child says " + word, nil
}

func childFails(ctx workflow.Context) error {
	workflow.GetSignalChannel(ctx, "go").Receive(ctx, nil)
	return temporal.NewApplicationError("child broke", "Child")
}

// releaseChild waits until parent and child are idle and signals the child.
func releaseChild(e *Env, parent string) {
	e.EventuallyEvent(parent, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED)
	e.EventuallyIdle(parent)
	e.EventuallyIdle(parent + "-child")
	e.Must(e.Client.SignalWorkflow(e.Ctx, parent+"-child", "", "go", nil))
}

// leave does the same and has the parent complete without its child.
func leave(e *Env, parent string) {
	e.EventuallyEvent(parent, enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED)
	e.EventuallyIdle(parent)
	e.EventuallyIdle(parent + "-child")
	e.Must(e.Client.SignalWorkflow(e.Ctx, parent, "", "leave", nil))
}

// parent runs one child under its own workflow id and "-child" appended.
func parent(ctx workflow.Context, child string, policy enumspb.ParentClosePolicy, word string) (string, error) {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:        workflow.GetInfo(ctx).WorkflowExecution.ID + "-child",
		ParentClosePolicy: policy,
	})
	var result string
	err := workflow.ExecuteChildWorkflow(ctx, child, word).Get(ctx, &result)
	return result, err
}

// leavesChild starts a child that waits and completes without it.
func leavesChild(ctx workflow.Context, policy enumspb.ParentClosePolicy) error {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:        workflow.GetInfo(ctx).WorkflowExecution.ID + "-child",
		ParentClosePolicy: policy,
	})
	if err := workflow.ExecuteChildWorkflow(ctx, untilCancelled).GetChildWorkflowExecution().Get(ctx, nil); err != nil {
		return err
	}
	workflow.GetSignalChannel(ctx, "leave").Receive(ctx, nil)
	return nil
}

func registerFamily(r worker.Registry) {
	r.RegisterWorkflow(parent)
	r.RegisterWorkflow(leavesChild)
	r.RegisterWorkflow(childSays)
	r.RegisterWorkflow(childFails)
	r.RegisterWorkflow(untilCancelled)
	r.RegisterWorkflow(countdown)
}

var childScenarios = []Scenario{
	{"a child workflow returns a result", func(e *Env) {
		e.Worker(worker.Options{}, registerFamily)
		e.ID("w-child")
		run := e.Start("w", parent, "childSays", enumspb.PARENT_CLOSE_POLICY_TERMINATE, "hi")
		releaseChild(e, run.GetID())
		Want(e, e.Result(run), "child says hi")
	}},
	{"a child workflow fails", func(e *Env) {
		e.Worker(worker.Options{}, registerFamily)
		e.ID("w-child")
		run := e.Start("w", parent, "childFails", enumspb.PARENT_CLOSE_POLICY_TERMINATE, "")
		releaseChild(e, run.GetID())
		err := run.Get(e.Ctx, nil)
		var failure *temporal.ApplicationError
		Want(e, errors.As(err, &failure) && failure.Type() == "Child", true)
	}},
	{"a child workflow continues as new and the parent gets the last result", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
				WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID + "-child"})
			var result string
			err := workflow.ExecuteChildWorkflow(ctx, countdown, 1).Get(ctx, &result)
			return result, err
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			registerFamily(r)
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		e.ID("w-child")
		Want(e, e.Result(e.Start("w", "flow")), "lift-off")
	}},
	{"a child is terminated with its parent", func(e *Env) {
		e.Worker(worker.Options{}, registerFamily)
		run := e.Start("w", leavesChild, enumspb.PARENT_CLOSE_POLICY_TERMINATE)
		leave(e, run.GetID())
		e.Must(run.Get(e.Ctx, nil))
		err := e.Client.GetWorkflow(e.Ctx, e.ID("w-child"), "").Get(e.Ctx, nil)
		var terminated *temporal.TerminatedError
		Want(e, errors.As(err, &terminated), true)
	}},
	{"a child is cancelled when its parent closes", func(e *Env) {
		e.Worker(worker.Options{}, registerFamily)
		run := e.Start("w", leavesChild, enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL)
		leave(e, run.GetID())
		e.Must(run.Get(e.Ctx, nil))
		err := e.Client.GetWorkflow(e.Ctx, run.GetID()+"-child", "").Get(e.Ctx, nil)
		Want(e, temporal.IsCanceledError(err), true)
	}},
	{"an abandoned child goes on", func(e *Env) {
		e.Worker(worker.Options{}, registerFamily)
		run := e.Start("w", leavesChild, enumspb.PARENT_CLOSE_POLICY_ABANDON)
		leave(e, run.GetID())
		e.Must(run.Get(e.Ctx, nil))
		child := e.ID("w-child")
		e.EventuallyIdle(child)
		e.Must(e.Client.TerminateWorkflow(e.Ctx, child, "", "done with it"))
	}},
	{"a child whose workflow id is taken does not start", func(e *Env) {
		e.Worker(worker.Options{}, registerFamily)
		taken := e.Start("w-child", untilCancelled)
		e.EventuallyIdle(taken.GetID())
		err := e.Start("w", parent, "childSays", enumspb.PARENT_CLOSE_POLICY_TERMINATE, "hi").Get(e.Ctx, nil)
		Want(e, err != nil, true)
		e.Must(e.Client.TerminateWorkflow(e.Ctx, taken.GetID(), "", "done with it"))
	}},
	{"a cancelled parent cancels its child", func(e *Env) {
		flow := func(ctx workflow.Context) error {
			ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
				WorkflowID:          workflow.GetInfo(ctx).WorkflowExecution.ID + "-child",
				WaitForCancellation: true})
			return workflow.ExecuteChildWorkflow(ctx, untilCancelled).Get(ctx, nil)
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			registerFamily(r)
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		run := e.Start("w", "flow")
		e.EventuallyEvent(run.GetID(), enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED)
		e.EventuallyIdle(run.GetID())
		e.EventuallyIdle(e.ID("w-child"))
		e.Must(e.Client.CancelWorkflow(e.Ctx, run.GetID(), ""))
		Want(e, temporal.IsCanceledError(run.Get(e.Ctx, nil)), true)
	}},
	{"a terminated parent takes its children with it", func(e *Env) {
		e.Worker(worker.Options{}, registerFamily)
		run := e.Start("w", parent, "untilCancelled", enumspb.PARENT_CLOSE_POLICY_TERMINATE, "")
		child := e.ID("w-child")
		e.EventuallyEvent(run.GetID(), enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED)
		e.EventuallyIdle(run.GetID())
		e.EventuallyIdle(child)
		e.Must(e.Client.TerminateWorkflow(e.Ctx, run.GetID(), "", "enough"))
		Want(e, e.Client.GetWorkflow(e.Ctx, child, "").Get(e.Ctx, nil) != nil, true)
	}},
}
