package scenario

import (
	"time"

	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

var timerScenarios = []Scenario{
	{"a timer fires", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			err := workflow.Sleep(ctx, 20*time.Millisecond)
			return "slept", err
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		Want(e, e.Result(e.Start("w", "flow")), "slept")
	}},
	{"timers fire one after the other", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			for range 5 {
				if err := workflow.Sleep(ctx, time.Millisecond); err != nil {
					return "", err
				}
			}
			return "slept", nil
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		Want(e, e.Result(e.Start("w", "flow")), "slept")
	}},
	{"a timer is cancelled by a signal", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			timerCtx, cancel := workflow.WithCancel(ctx)
			timer := workflow.NewTimer(timerCtx, time.Hour)
			var reason string
			workflow.NewSelector(ctx).
				AddFuture(timer, func(workflow.Future) { reason = "timer" }).
				AddReceive(workflow.GetSignalChannel(ctx, "go"), func(c workflow.ReceiveChannel, _ bool) {
					c.Receive(ctx, &reason)
					cancel()
				}).Select(ctx)
			return reason, nil
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		run := e.Start("w", "flow")
		e.EventuallyIdle(run.GetID())
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "go", "signal"))
		Want(e, e.Result(run), "signal")
	}},
	{"a timer cancelled in the task that starts it leaves no trace", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			timerCtx, cancel := workflow.WithCancel(ctx)
			timer := workflow.NewTimer(timerCtx, time.Hour)
			cancel()
			err := timer.Get(ctx, nil)
			if err == nil {
				return "fired", nil
			}
			return "cancelled", nil
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		Want(e, e.Result(e.Start("w", "flow")), "cancelled")
	}},
	{"await with timeout times out", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			ok, err := workflow.AwaitWithTimeout(ctx, 10*time.Millisecond, func() bool { return false })
			if ok {
				return "met", err
			}
			return "timed out", err
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		Want(e, e.Result(e.Start("w", "flow")), "timed out")
	}},
}
