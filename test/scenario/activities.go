package scenario

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

func greet(_ context.Context, name string) (string, error) { return "hello " + name, nil }

func greetWorkflow(ctx workflow.Context, name string) (string, error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 10 * time.Second})
	var greeting string
	err := workflow.ExecuteActivity(ctx, greet, name).Get(ctx, &greeting)
	return greeting, err
}

// callActivity runs the activity named with options that suit failing ones.
func callActivity(ctx workflow.Context, options workflow.ActivityOptions, name string, args ...any) (string, error) {
	var result string
	err := workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, options), name, args...).Get(ctx, &result)
	return result, err
}

var quickRetry = &temporal.RetryPolicy{InitialInterval: time.Millisecond, BackoffCoefficient: 1, MaximumAttempts: 3}

var activityScenarios = []Scenario{
	{"an activity returns a result", func(e *Env) {
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflow(greetWorkflow)
			r.RegisterActivity(greet)
		})
		Want(e, e.Result(e.Start("w", greetWorkflow, "world")), "hello world")
	}},
	{"an activity that is not eager returns a result", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			return callActivity(ctx, workflow.ActivityOptions{ScheduleToCloseTimeout: time.Minute, DisableEagerExecution: true}, "greet", "you")
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
			r.RegisterActivity(greet)
		})
		Want(e, e.Result(e.Start("w", "flow")), "hello you")
	}},
	{"activities run in sequence", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			result := "x"
			for range 5 {
				var err error
				result, err = callActivity(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute}, "greet", result)
				if err != nil {
					return "", err
				}
			}
			return result, nil
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
			r.RegisterActivity(greet)
		})
		Want(e, e.Result(e.Start("w", "flow")), "hello hello hello hello hello x")
	}},
	{"an activity is retried until it succeeds", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			return callActivity(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, RetryPolicy: quickRetry}, "flaky")
		}
		flaky := func(ctx context.Context) (string, error) {
			if activity.GetInfo(ctx).Attempt < 3 {
				return "", errors.New("not yet")
			}
			return "third time lucky", nil
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
			r.RegisterActivityWithOptions(flaky, activity.RegisterOptions{Name: "flaky"})
		})
		Want(e, e.Result(e.Start("w", "flow")), "third time lucky")
	}},
	{"an activity that uses up its attempts fails", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			return callActivity(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, RetryPolicy: quickRetry}, "fails")
		}
		fails := func(context.Context) error { return temporal.NewApplicationError("broken", "Broken", 7) }
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
			r.RegisterActivityWithOptions(fails, activity.RegisterOptions{Name: "fails"})
		})
		err := e.Start("w", "flow").Get(e.Ctx, nil)
		var failure *temporal.ApplicationError
		Want(e, errors.As(err, &failure) && failure.Type() == "Broken", true)
	}},
	{"a non-retryable failure ends an activity at once", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			return callActivity(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute}, "fails")
		}
		fails := func(context.Context) error { return temporal.NewNonRetryableApplicationError("broken", "Broken", nil) }
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
			r.RegisterActivityWithOptions(fails, activity.RegisterOptions{Name: "fails"})
		})
		Want(e, e.Start("w", "flow").Get(e.Ctx, nil) != nil, true)
	}},
	{"an error type named by the retry policy is not retried", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			return callActivity(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute,
				RetryPolicy: &temporal.RetryPolicy{NonRetryableErrorTypes: []string{"Broken"}}}, "fails")
		}
		fails := func(context.Context) error { return temporal.NewApplicationError("broken", "Broken") }
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
			r.RegisterActivityWithOptions(fails, activity.RegisterOptions{Name: "fails"})
		})
		Want(e, e.Start("w", "flow").Get(e.Ctx, nil) != nil, true)
	}},
	{"a panic in an activity is a failure", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			return callActivity(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute,
				RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}}, "panics")
		}
		panics := func(context.Context) error { panic("oh") }
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
			r.RegisterActivityWithOptions(panics, activity.RegisterOptions{Name: "panics"})
		})
		err := e.Start("w", "flow").Get(e.Ctx, nil)
		var failure *temporal.PanicError
		Want(e, errors.As(err, &failure), true)
	}},
	{"an activity that takes too long times out", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			return callActivity(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Second,
				RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}}, "slow")
		}
		slow := func(ctx context.Context) error { <-ctx.Done(); return activity.ErrResultPending }
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
			r.RegisterActivityWithOptions(slow, activity.RegisterOptions{Name: "slow"})
		})
		err := e.Start("w", "flow").Get(e.Ctx, nil)
		var timeout *temporal.TimeoutError
		Want(e, errors.As(err, &timeout) && timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_START_TO_CLOSE, true)
	}},
	{"an activity that nobody runs times out before its start", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			return callActivity(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute,
				ScheduleToStartTimeout: time.Second, TaskQueue: "nobody-" + workflow.GetInfo(ctx).TaskQueueName}, "any")
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		err := e.Start("w", "flow").Get(e.Ctx, nil)
		var timeout *temporal.TimeoutError
		Want(e, errors.As(err, &timeout) && timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, true)
	}},
	{"an activity without heartbeats times out and goes on from its details", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			return callActivity(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, HeartbeatTimeout: time.Second,
				RetryPolicy: quickRetry}, "silent")
		}
		silent := func(ctx context.Context) (string, error) {
			if activity.HasHeartbeatDetails(ctx) {
				var details string
				err := activity.GetHeartbeatDetails(ctx, &details)
				return details, err
			}
			activity.RecordHeartbeat(ctx, "so far")
			<-ctx.Done()
			return "", activity.ErrResultPending
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
			r.RegisterActivityWithOptions(silent, activity.RegisterOptions{Name: "silent"})
		})
		Want(e, e.Result(e.Start("w", "flow")), "so far")
	}},
	{"a cancelled activity is told by its heartbeat", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute,
				HeartbeatTimeout: 2 * time.Second, WaitForCancellation: true})
			ctx, cancel := workflow.WithCancel(ctx)
			future := workflow.ExecuteActivity(ctx, "waits")
			workflow.GetSignalChannel(ctx, "cancel").Receive(ctx, nil)
			cancel()
			err := future.Get(ctx, nil)
			if temporal.IsCanceledError(err) {
				return "cancelled", nil
			}
			return "", err
		}
		var running atomic.Bool
		waits := func(ctx context.Context) error {
			running.Store(true)
			for {
				activity.RecordHeartbeat(ctx)
				select {
				case <-ctx.Done():
					return ctx.Err()
				case <-time.After(100 * time.Millisecond):
				}
			}
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
			r.RegisterActivityWithOptions(waits, activity.RegisterOptions{Name: "waits"})
		})
		run := e.Start("w", "flow")
		e.Eventually("the activity runs", running.Load)
		e.EventuallyIdle(run.GetID())
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "cancel", nil))
		Want(e, e.Result(run), "cancelled")
	}},
	{"an activity cancelled before it starts never runs", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute,
				WaitForCancellation: true, TaskQueue: "nobody-" + workflow.GetInfo(ctx).TaskQueueName})
			ctx, cancel := workflow.WithCancel(ctx)
			future := workflow.ExecuteActivity(ctx, "any")
			e := workflow.Sleep(ctx, 10*time.Millisecond)
			if e != nil {
				return "", e
			}
			cancel()
			if err := future.Get(ctx, nil); temporal.IsCanceledError(err) {
				return "cancelled", nil
			}
			return "ran", nil
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
		})
		Want(e, e.Result(e.Start("w", "flow")), "cancelled")
	}},
	{"an activity is completed from outside by its token", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			return callActivity(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute}, "pending")
		}
		tokens := make(chan []byte, 1)
		pending := func(ctx context.Context) (string, error) {
			tokens <- activity.GetInfo(ctx).TaskToken
			return "", activity.ErrResultPending
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
			r.RegisterActivityWithOptions(pending, activity.RegisterOptions{Name: "pending"})
		})
		run := e.Start("w", "flow")
		e.Must(e.Client.CompleteActivity(e.Ctx, <-tokens, "from outside", nil))
		Want(e, e.Result(run), "from outside")
	}},
	{"an activity is failed from outside by its id", func(e *Env) {
		flow := func(ctx workflow.Context) (string, error) {
			return callActivity(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, ActivityID: "my-activity"}, "pending")
		}
		running := make(chan struct{}, 1)
		pending := func(ctx context.Context) (string, error) {
			running <- struct{}{}
			return "", activity.ErrResultPending
		}
		e.Worker(worker.Options{}, func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(flow, workflow.RegisterOptions{Name: "flow"})
			r.RegisterActivityWithOptions(pending, activity.RegisterOptions{Name: "pending"})
		})
		run := e.Start("w", "flow")
		<-running
		e.Must(e.Client.CompleteActivityByID(e.Ctx, "default", run.GetID(), run.GetRunID(), "my-activity", nil,
			temporal.NewNonRetryableApplicationError("no", "No", nil)))
		Want(e, run.Get(e.Ctx, nil) != nil, true)
	}},
}
