package scenario

import (
	"context"
	"errors"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

var markerScenarios = []Scenario{
	{"a side effect is recorded", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			var value string
			err := workflow.SideEffect(ctx, func(workflow.Context) any { return "random" }).Get(&value)
			if err != nil {
				return "", err
			}
			return value, workflow.Sleep(ctx, time.Millisecond)
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		Want(e, e.Result(e.Start("w", "flow")), "random")
	}},
	{"a mutable side effect is recorded when it changes", func(e *Env) {
		flow := func(ctx workflow.Context) (int, error) {
			var value int
			for i := range 4 {
				err := workflow.MutableSideEffect(ctx, "config", func(workflow.Context) any { return i / 2 },
					func(a, b any) bool { return a == b }).Get(&value)
				if err != nil {
					return 0, err
				}
				if err := workflow.Sleep(ctx, time.Millisecond); err != nil {
					return 0, err
				}
			}
			return value, nil
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		var value int
		e.Must(e.Start("w", "flow").Get(e.Ctx, &value))
		Want(e, value, 1)
	}},
	{"a version is recorded", func(e *Env) {
		flow := func(ctx workflow.Context) (int, error) {
			v := workflow.GetVersion(ctx, "change", workflow.DefaultVersion, 2)
			if err := workflow.Sleep(ctx, time.Millisecond); err != nil {
				return 0, err
			}
			again := workflow.GetVersion(ctx, "change", workflow.DefaultVersion, 2)
			return int(v)*10 + int(again), nil
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		var value int
		e.Must(e.Start("w", "flow").Get(e.Ctx, &value))
		Want(e, value, 22)
	}},
	{"a local activity returns a result", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Minute})
			var greeting string
			err := workflow.ExecuteLocalActivity(ctx, greet, "local").Get(ctx, &greeting)
			return greeting, err
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		Want(e, e.Result(e.Start("w", "flow")), "hello local")
	}},
	{"a local activity fails for good", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Minute, RetryPolicy: quickRetry})
			err := workflow.ExecuteLocalActivity(ctx, "fails").Get(ctx, nil)
			var failure *temporal.ApplicationError
			if errors.As(err, &failure) {
				return failure.Type(), nil
			}
			return "", err
		}
		fails := func(context.Context) error { return temporal.NewApplicationError("broken", "Broken") }
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
			r.RegisterActivityWithOptions(fails, activity.RegisterOptions{Name: "fails"})
		})
		Want(e, e.Result(e.Start("w", "flow")), "Broken")
	}},
	{"a memo is changed by the workflow", func(e *Env) {
		flow := func(ctx workflow.Context) error {
			return workflow.UpsertMemo(ctx, map[string]any{"colour": "green"})
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		run := e.Start("w", "flow")
		e.Must(run.Get(e.Ctx, nil))
		description, err := e.Client.DescribeWorkflowExecution(e.Ctx, run.GetID(), "")
		e.Must(err)
		Want(e, string(description.WorkflowExecutionInfo.Memo.Fields["colour"].GetData()), `"green"`)
	}},
}
