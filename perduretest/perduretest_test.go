package perduretest_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/perduretest"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/typed"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var send = typed.NewActivity[string, string]("send")

// remind waits for a month and sends something.
func remind(ctx workflow.Context, name string) (string, error) {
	if err := workflow.Sleep(ctx, 30*24*time.Hour); err != nil {
		return "", err
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Hour})
	return send.Execute(ctx, name)
}

func sending(_ context.Context, to string) (string, error) { return "sent to " + to, nil }

func registerRemind(r worker.Registry) {
	r.RegisterWorkflow(remind)
	send.Register(r, sending)
}

func TestAMonthPassesInAnInstant(t *testing.T) {
	perduretest.Run(t, func(env *perduretest.Env) {
		env.Work(registerRemind)
		began := time.Now()
		if got := perduretest.Result[string](env, env.Start(remind, "ann")); got != "sent to ann" {
			t.Errorf("result %q", got)
		}
		if passed := time.Since(began); passed < 30*24*time.Hour || passed > 31*24*time.Hour {
			t.Errorf("%v passed", passed)
		}
	})
}

func TestFakesReplaceActivities(t *testing.T) {
	perduretest.Run(t, func(env *perduretest.Env) {
		perduretest.FakeActivity(env, send, func(_ context.Context, to string) (string, error) { return "pretended to " + to, nil })
		env.Work(registerRemind)
		if got := perduretest.Result[string](env, env.Start(remind, "ann")); got != "pretended to ann" {
			t.Errorf("result %q", got)
		}
	})
}

func TestAWorkerThatCrashesIsReplaced(t *testing.T) {
	perduretest.Run(t, func(env *perduretest.Env) {
		first := env.Work(registerRemind)
		run := env.Start(remind, "ann")
		env.Settle()
		first.Crash()
		env.Work(registerRemind)
		if got := perduretest.Result[string](env, run); got != "sent to ann" {
			t.Errorf("result %q", got)
		}
	})
}

func TestAWorkflowOutlivesACrashOfTheServer(t *testing.T) {
	perduretest.Run(t, func(env *perduretest.Env) {
		env.Work(registerRemind)
		run := env.Start(remind, "ann")
		env.Settle()
		env.CrashServer(time.Hour) // it is the worker that notices
		if got := perduretest.Result[string](env, run); got != "sent to ann" {
			t.Errorf("result %q", got)
		}
	})
}

// attempts runs remind with an activity that counts its attempts.
func attempts(t *testing.T, crash func(env *perduretest.Env)) (count int32) {
	t.Helper()
	perduretest.Run(t, func(env *perduretest.Env) {
		perduretest.FakeActivity(env, send, func(context.Context, string) (string, error) {
			atomic.AddInt32(&count, 1)
			return "done", nil
		})
		crash(env)
		env.Work(registerRemind)
		if got := perduretest.Result[string](env, env.Start(remind, "ann")); got != "done" {
			t.Errorf("result %q", got)
		}
	})
	return count
}

func TestACompletionThatTheServerHasSeenSurvivesItsCrash(t *testing.T) {
	n := attempts(t, func(env *perduretest.Env) {
		env.After("RespondActivityTaskCompleted", 1, func(perduretest.Call) { env.CrashServer(10 * time.Second) })
	})
	if n != 1 {
		t.Errorf("the activity ran %d times; it was complete", n)
	}
}

func TestACompletionThatTheServerHasNotSeenIsSentAgain(t *testing.T) {
	n := attempts(t, func(env *perduretest.Env) {
		env.Before("RespondActivityTaskCompleted", 1, func(perduretest.Call) { env.CrashServer(time.Second) })
	})
	if n != 1 {
		t.Errorf("the activity ran %d times; the worker had its result", n)
	}
}

func TestAnActivityWhoseWorkerCrashesRunsAgain(t *testing.T) {
	n := attempts(t, func(env *perduretest.Env) {
		env.Before("RespondActivityTaskCompleted", 1, func(call perduretest.Call) {
			call.Worker.Crash()
			env.Work(registerRemind)
		})
	})
	if n != 2 {
		t.Errorf("the activity ran %d times, not twice", n)
	}
}

func TestRetriesAndTimeoutsAreThoseOfTheServer(t *testing.T) {
	perduretest.Run(t, func(env *perduretest.Env) {
		tries := 0
		perduretest.FakeActivity(env, send, func(ctx context.Context, _ string) (string, error) {
			if tries++; tries < 3 {
				return "", errors.New("busy")
			}
			<-ctx.Done() // longer than its time
			return "", ctx.Err()
		})
		env.Work(func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(func(ctx workflow.Context) (string, error) {
				ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
					StartToCloseTimeout: time.Hour,
					RetryPolicy:         &temporal.RetryPolicy{InitialInterval: time.Hour, MaximumAttempts: 3},
				})
				return send.Execute(ctx, "ann")
			}, workflow.RegisterOptions{Name: "impatient"})
		})
		began := time.Now()
		err := env.Fails(env.Start("impatient"))
		timeout, ok := errors.AsType[*temporal.TimeoutError](err)
		if !ok || timeout.TimeoutType() != enumspb.TIMEOUT_TYPE_START_TO_CLOSE {
			t.Errorf("failed with %v", err)
		}
		// Backoffs of one and two hours, and one of work.
		if passed := time.Since(began); passed < 4*time.Hour || passed > 5*time.Hour {
			t.Errorf("%v passed", passed)
		}
	})
}

func TestCronRunsOnEveryDayOfAMonth(t *testing.T) {
	perduretest.Run(t, func(env *perduretest.Env) {
		runs := 0
		env.Work(func(r worker.Registry) {
			r.RegisterWorkflowWithOptions(func(workflow.Context) error { runs++; return nil }, workflow.RegisterOptions{Name: "daily"})
		})
		env.StartWith(client.StartWorkflowOptions{CronSchedule: "0 3 * * *"}, "daily")
		time.Sleep(30 * 24 * time.Hour)
		env.Settle()
		if runs != 30 {
			t.Errorf("%d runs in a month", runs)
		}
	})
}

func TestAWorkflowThatWaitsForeverEndsTheTest(t *testing.T) {
	perduretest.RunWith(t, perduretest.Options{Limit: 100 * 24 * time.Hour}, func(env *perduretest.Env) {
		env.Work(registerRemind)
		run := env.StartWith(client.StartWorkflowOptions{TaskQueue: "nobody polls"}, remind, "ann")
		if err := run.Get(context.Background(), nil); err == nil || !strings.Contains(err.Error(), "virtual time") {
			t.Errorf("ended with %v", err)
		}
	})
}
