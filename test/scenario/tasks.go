package scenario

import (
	"context"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

var taskScenarios = []Scenario{
	{"a workflow task that panics is tried again", func(e *Env) {
		var calls atomic.Int32
		flow := func(workflow.Context) (string, error) {
			if calls.Add(1) == 1 {
				panic("first time")
			}
			return "recovered", nil
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		Want(e, e.Result(e.Start("w", "flow")), "recovered")
	}},
	{"a workflow of an unknown type completes once a worker knows it", func(e *Env) {
		ignorant := worker.New(e.Client, e.Queue, worker.Options{})
		ignorant.RegisterWorkflow(collect)
		e.Must(ignorant.Start())
		run := e.Start("w", countdown, 0)
		e.EventuallyEvent(run.GetID(), enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED)
		ignorant.Stop()
		e.Worker(worker.Options{}, func(r worker.Registry) { r.RegisterWorkflow(countdown) })
		Want(e, e.Result(run), "lift-off")
	}},
	{"an activity of an unknown type completes once a worker knows it", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			return callActivity(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, DisableEagerExecution: true}, "late")
		}
		first := worker.New(e.Client, e.Queue, worker.Options{})
		first.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		first.RegisterActivity(greet)
		e.Must(first.Start())
		run := e.Start("w", "flow")
		e.Eventually("the activity has failed once", func() bool {
			description, err := e.Client.DescribeWorkflowExecution(e.Ctx, run.GetID(), "")
			e.Must(err)
			pending := description.PendingActivities
			return len(pending) == 1 && pending[0].LastFailure != nil
		})
		first.Stop()
		late := func(context.Context) (string, error) { return "at last", nil }
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
			r.RegisterActivityWithOptions(late, activity.RegisterOptions{Name: "late"})
		})
		Want(e, e.Result(run), "at last")
	}},
	{"a restarted worker replays the workflow", func(e *Env) {
		register := func(r worker.Registry) {
			r.RegisterWorkflow(collect)
		}
		first := worker.New(e.Client, e.Queue, worker.Options{})
		register(first)
		e.Must(first.Start())
		run := e.Start("w", collect)
		e.EventuallyIdle(run.GetID())
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "add", "before"))
		e.EventuallyIdle(run.GetID())
		first.Stop()
		worker.PurgeStickyWorkflowCache()
		e.Worker(worker.Options{}, register)
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "add", "after"))
		e.EventuallyIdle(run.GetID())
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "add", "end"))
		Want(e, e.Result(run), "before after")
	}},
	{"a long local activity keeps its workflow task alive", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Minute})
			var result string
			err := workflow.ExecuteLocalActivity(ctx, "long").Get(ctx, &result)
			return result, err
		}
		long := func(ctx context.Context) (string, error) {
			// Longer than the workflow task timeout of the start options below
			// takes to be heartbeaten once, shorter than twice.
			time.Sleep(1300 * time.Millisecond)
			return "done", nil
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
			r.RegisterActivityWithOptions(long, activity.RegisterOptions{Name: "long"})
		})
		run := e.StartWith(startWithTaskTimeout(e.ID("w"), time.Second), "flow")
		Want(e, e.Result(run), "done")
	}},
}
