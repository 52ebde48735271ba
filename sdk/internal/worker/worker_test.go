package worker

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/registry"
)

func activityOf(name string) *workflowservice.PollActivityTaskQueueResponse {
	return &workflowservice.PollActivityTaskQueueResponse{
		TaskToken:           []byte("token"),
		ActivityType:        &commonpb.ActivityType{Name: name},
		StartToCloseTimeout: durationpb.New(time.Hour),
		ScheduledTime:       timestamppb.Now(),
	}
}

// withActivity registers one activity.
func withActivity(t *testing.T, fn any) func(*config, *fakeServer) {
	return func(c *config, _ *fakeServer) {
		if err := c.registry.RegisterActivity(fn, registry.ActivityOptions{Name: "act"}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPolledActivityIsRunAndAnswered(t *testing.T) {
	workerTest(t, withActivity(t, func() error { return nil }), func(t *testing.T, _ *Worker, f *fakeServer) {
		f.activities <- activityOf("act")
		//lint:ignore SA1019 servers still read the field
		if got := answer[*workflowservice.RespondActivityTaskCompletedRequest](t, f); got.GetIdentity() != "tester" || got.GetWorkerVersion().GetBuildId() != "build" {
			t.Fatalf("the answer is %v", got)
		}
	})
}

func TestAWorkerDoesNotStartWithoutItsNamespace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeServer()
		f.namespace = serviceerror.NewNamespaceNotFound("default")
		w := newWorker(testConfig(f), process)
		defer w.Stop()
		var notFound *serviceerror.NamespaceNotFound
		if err := w.Start(); !errors.As(err, &notFound) {
			t.Fatalf("starting ended with %v", err)
		}
		if err := w.Run(nil); !errors.As(err, &notFound) {
			t.Fatalf("running ended with %v", err)
		}
	})
}

func TestStartingTwiceIsStartingOnce(t *testing.T) {
	workerTest(t, nil, func(t *testing.T, w *Worker, f *fakeServer) {
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		f.mu.Lock()
		defer f.mu.Unlock()
		if len(f.polls) != defaultPollers {
			t.Fatalf("%d polls were made", len(f.polls))
		}
	})
}

func TestAStoppedWorkerDoesNotStartAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorker(testConfig(newFakeServer()), process)
		w.Stop()
		w.Stop()
		defer func() {
			if recover() == nil {
				t.Fatal("starting a stopped worker did not panic")
			}
		}()
		_ = w.Start()
	})
}

func TestTheServerIsToldThatTheWorkerStops(t *testing.T) {
	workerTest(t, nil, func(t *testing.T, w *Worker, f *fakeServer) {
		w.Stop()
		if len(f.shutdowns) != 1 {
			t.Fatalf("the server was told %d times", len(f.shutdowns))
		}
		got := f.shutdowns[0]
		if got.GetStickyTaskQueue() != w.workflows.stickyQueue() || got.GetTaskQueue() != "queue" || got.GetWorkerInstanceKey() != w.instanceKey ||
			len(got.GetTaskQueueTypes()) != 2 || got.GetIdentity() != "tester" {
			t.Fatalf("it was told %v", got)
		}
	})
}

func TestPollsEndAtOnceWhenTheWorkerStops(t *testing.T) {
	for name, drains := range map[string]bool{"cut off by the worker": false, "ended by the server": true} {
		t.Run(name, func(t *testing.T) {
			workerTest(t, func(_ *config, f *fakeServer) { f.drains = drains }, func(t *testing.T, w *Worker, f *fakeServer) {
				synctest.Wait()
				begun := time.Now()
				w.Stop()
				if took := time.Since(begun); took != 0 {
					t.Fatalf("stopping took %v", took)
				}
			})
		})
	}
}

func TestRunningActivitiesHaveTheStopTimeoutToFinish(t *testing.T) {
	workerTest(t, func(c *config, f *fakeServer) {
		c.WorkerStopTimeout = 10 * time.Second
		withActivity(t, func(ctx context.Context) error {
			<-activities.FromContext(ctx).Stopping
			time.Sleep(5 * time.Second)
			return ctx.Err()
		})(c, f)
	}, func(t *testing.T, w *Worker, f *fakeServer) {
		f.activities <- activityOf("act")
		synctest.Wait()
		begun := time.Now()
		w.Stop()
		if took := time.Since(begun); took != 5*time.Second {
			t.Fatalf("stopping took %v, want the 5s that the activity took", took)
		}
		answer[*workflowservice.RespondActivityTaskCompletedRequest](t, f)
	})
}

func TestActivitiesThatOutlastTheStopTimeoutLoseTheirContext(t *testing.T) {
	var cause error
	workerTest(t, func(c *config, f *fakeServer) {
		c.WorkerStopTimeout = 10 * time.Second
		withActivity(t, func(ctx context.Context) error {
			<-ctx.Done()
			cause = context.Cause(ctx)
			return ctx.Err()
		})(c, f)
	}, func(t *testing.T, w *Worker, f *fakeServer) {
		f.activities <- activityOf("act")
		synctest.Wait()
		begun := time.Now()
		w.Stop()
		if took := time.Since(begun); took != 10*time.Second || cause != activities.ErrWorkerShutdown {
			t.Fatalf("stopping took %v, the cause is %v", took, cause)
		}
		answer[*workflowservice.RespondActivityTaskFailedRequest](t, f)
	})
}

func TestStopDoesNotWaitForEverForAnActivityThatIgnoresItsContext(t *testing.T) {
	workerTest(t, withActivity(t, func() error { time.Sleep(time.Minute); return nil }), func(t *testing.T, w *Worker, f *fakeServer) {
		f.activities <- activityOf("act")
		synctest.Wait()
		begun := time.Now()
		w.Stop()
		if took := time.Since(begun); took != stopGracePeriod {
			t.Fatalf("stopping took %v, want %v", took, stopGracePeriod)
		}
		time.Sleep(time.Minute) // the activity ends before the test does
	})
}

func TestAFatalErrorEndsTheWorkerAndRunReturnsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFakeServer()
		config := testConfig(f)
		told := make(chan error, 1)
		config.OnFatalError = func(err error) { told <- err }
		w := newWorker(config, process)
		fatal := serviceerror.NewInvalidArgument("no")
		go func() {
			synctest.Wait()
			w.fail(fatal)
			w.fail(errors.New("a second error"))
		}()
		if err := w.Run(nil); !errors.Is(err, fatal) {
			t.Fatalf("Run returned %v", err)
		}
		if err := <-told; !errors.Is(err, fatal) {
			t.Fatalf("the callback was given %v", err)
		}
	})
}

func TestRunReturnsWhenInterruptedOrStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		interrupt := make(chan any, 1)
		interrupt <- "signal"
		if err := newWorker(testConfig(newFakeServer()), process).Run(interrupt); err != nil {
			t.Fatal(err)
		}
		w := newWorker(testConfig(newFakeServer()), process)
		go func() {
			synctest.Wait()
			w.Stop()
		}()
		if err := w.Run(nil); err != nil {
			t.Fatal(err)
		}
	})
}

func TestHalfAWorkerPollsOnlyItsHalf(t *testing.T) {
	workerTest(t, func(c *config, _ *fakeServer) { c.DisableWorkflowWorker = true }, func(t *testing.T, w *Worker, f *fakeServer) {
		synctest.Wait()
		w.Stop()
		if len(f.polls) != 0 || len(f.shutdowns[0].GetTaskQueueTypes()) != 1 || f.shutdowns[0].GetTaskQueueTypes()[0] != enumspb.TASK_QUEUE_TYPE_ACTIVITY {
			t.Fatalf("workflow tasks were polled for %d times; the server was told %v", len(f.polls), f.shutdowns[0])
		}
	})
	workerTest(t, func(c *config, _ *fakeServer) { c.LocalActivityWorkerOnly = true }, func(t *testing.T, w *Worker, f *fakeServer) {
		f.activities <- activityOf("act")
		synctest.Wait()
		if len(f.activities) != 1 {
			t.Fatal("an activity was polled for")
		}
	})
}
