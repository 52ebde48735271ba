package worker

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	namespacepb "go.temporal.io/api/namespace/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/policy"
)

// loggedTest is workerTest with a workflow "wf", whose logs are kept.
func loggedTest(t *testing.T, fn any, test func(t *testing.T, f *fakeServer, logs *lines)) {
	t.Helper()
	logs := &lines{}
	workerTest(t, func(c *config, f *fakeServer) {
		c.backend.Logger = logs
		register(t, c, "wf", fn)
	}, func(t *testing.T, _ *Worker, f *fakeServer) { test(t, f, logs) })
}

func explodes() { panic("boom") }

func TestAPanicOfAWorkflowIsLoggedWithItsStack(t *testing.T) {
	loggedTest(t, func(flow.Context) error { explodes(); return nil }, func(t *testing.T, f *fakeServer, logs *lines) {
		f.normal <- newScript("wf").started().task(0)
		answer[*failedRequest](t, f)
		if got := logs.matching("WARN", "boom", "worker.explodes", "WorkflowID wf", "RunID run", "WorkflowType wf", "Attempt 1"); len(got) != 1 {
			t.Fatalf("what was logged is %q", logs.all)
		}
	})
}

func TestAPanicInAQueryOnAnUncachedWorkflowIsLoggedWithItsStack(t *testing.T) {
	loggedTest(t, func(flow.Context) error { explodes(); return nil }, func(t *testing.T, f *fakeServer, logs *lines) {
		task := newScript("wf").started().task(0)
		task.Query = &querypb.WorkflowQuery{QueryType: "state"}
		f.normal <- task
		answer[*workflowservice.RespondQueryTaskCompletedRequest](t, f)
		if got := logs.matching("WARN", "boom", "worker.explodes", "QueryType state"); len(got) != 1 {
			t.Fatalf("what was logged is %q", logs.all)
		}
	})
}

func TestARefusedCompletionIsAnErrorWithAllThatOneNeeds(t *testing.T) {
	asks := func(ctx flow.Context) error {
		for range 2 {
			flow.NewTimer(ctx, time.Hour)
		}
		return flow.Sleep(ctx, time.Hour)
	}
	for name, test := range map[string]struct {
		err   error
		level string
	}{
		"of which something must be corrected": {serviceerror.NewInvalidArgument("bad timer"), "ERROR"},
		"that came too late":                   {serviceerror.NewNotFound("bad timer"), "WARN"},
	} {
		t.Run(name, func(t *testing.T) {
			loggedTest(t, asks, func(t *testing.T, f *fakeServer, logs *lines) {
				f.setReply(func(*completedRequest) (*completedResponse, error) { return nil, test.err })
				f.normal <- newScript("wf").started().task(0)
				answer[*completedRequest](t, f)
				synctest.Wait()
				if got := logs.matching(test.level, "bad timer", "StartTimer×3", "WorkflowID wf", "RunID run", "WorkflowType wf", "TaskStartedEventID 3", "TaskQueue queue"); len(got) != 1 {
					t.Fatalf("what was logged is %q", logs.all)
				}
			})
		})
	}
}

func TestAnUnknownWorkflowTypeFailsTheTaskWithTheKnownOnes(t *testing.T) {
	loggedTest(t, func(flow.Context) error { return nil }, func(t *testing.T, f *fakeServer, _ *lines) {
		f.normal <- newScript("stranger").started().task(0)
		if got := answer[*failedRequest](t, f).GetFailure().GetMessage(); !strings.Contains(got, "stranger") || !strings.Contains(got, "[wf]") {
			t.Fatalf("the failure is %q", got)
		}
	})
}

func TestAnUnknownActivityTypeFailsTheActivityWithTheKnownOnes(t *testing.T) {
	workerTest(t, withActivity(t, func() error { return nil }), func(t *testing.T, _ *Worker, f *fakeServer) {
		f.activities <- activityOf("stranger")
		failed := answer[*workflowservice.RespondActivityTaskFailedRequest](t, f).GetFailure()
		if got := failed.GetMessage(); !strings.Contains(got, "stranger") || !strings.Contains(got, "act") {
			t.Fatalf("the failure is %q", got)
		}
		if failed.GetApplicationFailureInfo().GetNonRetryable() {
			t.Fatal("no other worker gets a chance")
		}
	})
}

// limited has the namespace limit payloads to 1,000 bytes.
func limited(f *fakeServer) {
	f.limits = &namespacepb.NamespaceInfo_Limits{BlobSizeLimitError: 1000, MemoSizeLimitError: 1000}
}

var large = strings.Repeat("x", 2000)

func TestACompletionLargerThanTheNamespaceAllowsFailsItsTask(t *testing.T) {
	logs := &lines{}
	workerTest(t, func(c *config, f *fakeServer) {
		c.backend.Logger = logs
		limited(f)
		register(t, c, "wf", func(flow.Context) (string, error) { return large, nil })
	}, func(t *testing.T, _ *Worker, f *fakeServer) {
		f.normal <- newScript("wf").started().task(0)
		got := answer[*failedRequest](t, f)
		if got.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_PAYLOADS_TOO_LARGE || !strings.Contains(got.GetFailure().GetMessage(), "TMPRL1103") {
			t.Fatalf("the answer is %v", got)
		}
		if got := logs.matching("ERROR", "TMPRL1103", "CompleteWorkflowExecution", "WorkflowID wf"); len(got) != 1 {
			t.Fatalf("what was logged is %q", logs.all)
		}
	})
}

func TestTheLimitsCanBeLeftToTheServer(t *testing.T) {
	workerTest(t, func(c *config, f *fakeServer) {
		c.DisablePayloadErrorLimit = true
		limited(f)
		register(t, c, "wf", func(flow.Context) (string, error) { return large, nil })
	}, func(t *testing.T, _ *Worker, f *fakeServer) {
		f.normal <- newScript("wf").started().task(0)
		answer[*completedRequest](t, f)
	})
}

func TestAResultLargerThanTheNamespaceAllowsFailsItsActivity(t *testing.T) {
	workerTest(t, func(c *config, f *fakeServer) {
		limited(f)
		withActivity(t, func() (string, error) { return large, nil })(c, f)
	}, func(t *testing.T, _ *Worker, f *fakeServer) {
		f.activities <- activityOf("act")
		got := answer[*workflowservice.RespondActivityTaskFailedRequest](t, f).GetFailure()
		if got.GetMessage() != "[TMPRL1103] Attempted to upload payloads with size that exceeded the error limit." {
			t.Errorf("the failure is %q", got.GetMessage())
		}
		if !strings.Contains(got.GetCause().GetMessage(), "Size: ") || !strings.Contains(got.GetCause().GetMessage(), "limit: ") {
			t.Errorf("its cause is %q, want the sizes", got.GetCause().GetMessage())
		}
	})
}

func TestAHeartbeatLargerThanTheNamespaceAllowsFailsItsActivityAtOnce(t *testing.T) {
	cause := make(chan error, 1)
	workerTest(t, func(c *config, f *fakeServer) {
		limited(f)
		withActivity(t, func(ctx context.Context) error {
			activities.Calls(ctx).RecordHeartbeat(ctx, large)
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return nil
		})(c, f)
	}, func(t *testing.T, _ *Worker, f *fakeServer) {
		f.activities <- activityOf("act")
		if got := answer[*workflowservice.RespondActivityTaskFailedRequest](t, f).GetFailure().GetMessage(); !strings.Contains(got, "TMPRL1103") {
			t.Fatalf("the failure is %q", got)
		}
		if got := (<-cause).Error(); !strings.Contains(got, "TMPRL1103") {
			t.Fatalf("the activity's context ended with %q", got)
		}
		synctest.Wait()
		if len(f.answers) != 0 {
			t.Fatal("the activity was reported twice")
		}
	})
}

func TestAResultLargerThanTheNamespaceAllowsFailsItsLocalActivity(t *testing.T) {
	workerTest(t, func(c *config, f *fakeServer) {
		limited(f)
		register(t, c, "wf", func(ctx flow.Context) (string, error) {
			ctx = flow.WithLocalActivityOptions(ctx, flow.LocalActivityOptions{
				StartToCloseTimeout: time.Minute, RetryPolicy: &policy.Retry{MaximumAttempts: 1},
			})
			return flow.ExecuteLocalActivity(ctx, func(context.Context) (string, error) { return large, nil }).Get(ctx, nil).Error(), nil
		})
	}, func(t *testing.T, _ *Worker, f *fakeServer) {
		f.normal <- newScript("wf").started().task(0)
		if got := closing(answer[*completedRequest](t, f)); !strings.Contains(got, "TMPRL1103") {
			t.Fatalf("the workflow ended with %s", got)
		}
	})
}

func TestAHeartbeatAfterTheWorkerTookTheContextAwayIsSent(t *testing.T) {
	workerTest(t, withActivity(t, func(ctx context.Context) error {
		activities.Calls(ctx).RecordHeartbeat(ctx, "begun")
		<-ctx.Done()
		activities.Calls(ctx).RecordHeartbeat(ctx, "left at 7")
		return ctx.Err()
	}), func(t *testing.T, w *Worker, f *fakeServer) {
		f.activities <- activityOf("act")
		synctest.Wait()
		w.Stop()
		f.mu.Lock()
		defer f.mu.Unlock()
		if n := len(f.heartbeats); n != 2 || !strings.Contains(f.heartbeats[1].GetDetails().String(), "left at 7") {
			t.Fatalf("the heartbeats are %v", f.heartbeats)
		}
	})
}

func TestStoppingTakesTheStopTimeoutEvenIfTheServerIsAway(t *testing.T) {
	workerTest(t, func(c *config, f *fakeServer) {
		c.WorkerStopTimeout = 8 * time.Second
		f.silent, f.drains = true, true
		withActivity(t, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })(c, f)
	}, func(t *testing.T, w *Worker, f *fakeServer) {
		f.activities <- activityOf("act")
		synctest.Wait()
		begun := time.Now()
		w.Stop()
		if took := time.Since(begun); took != 8*time.Second {
			t.Fatalf("stopping took %v", took)
		}
	})
}

func TestTheWorkersOfAnActivityAreGivenTheStopTimeout(t *testing.T) {
	workerTest(t, func(c *config, f *fakeServer) {
		c.WorkerStopTimeout = time.Minute
		withActivity(t, func(ctx context.Context) error {
			<-activities.Calls(ctx).GetWorkerStopChannel(ctx)
			time.Sleep(30 * time.Second)
			return ctx.Err()
		})(c, f)
	}, func(t *testing.T, w *Worker, f *fakeServer) {
		f.activities <- activityOf("act")
		synctest.Wait()
		begun := time.Now()
		w.Stop()
		answer[*workflowservice.RespondActivityTaskCompletedRequest](t, f)
		if took := time.Since(begun); took != 30*time.Second {
			t.Fatalf("stopping took %v", took)
		}
	})
}

// customID is the activity of the workflow of the next test.
const customID = "mine"

func TestAnActivityWithAnIDOfItsOwnThatCompletedIsNotCancelled(t *testing.T) {
	workerTest(t, func(c *config, _ *fakeServer) {
		register(t, c, "wf", func(ctx flow.Context) error {
			ctx, cancel := flow.WithCancel(ctx)
			ctx = flow.WithActivityOptions(ctx, flow.ActivityOptions{ActivityID: customID, StartToCloseTimeout: time.Minute})
			if err := flow.ExecuteActivity(ctx, "act").Get(ctx, nil); err != nil {
				return err
			}
			cancel()
			return nil
		})
	}, func(t *testing.T, _ *Worker, f *fakeServer) {
		s := newScript("wf").started()
		f.normal <- s.task(0)
		command := answer[*completedRequest](t, f).GetCommands()[0].GetScheduleActivityTaskCommandAttributes()
		seen := s.last()
		f.sticky <- s.completed().activity(command.GetActivityId(), "act").started().task(seen)
		if got := answer[*completedRequest](t, f).GetCommands(); command.GetActivityId() != customID || len(got) != 1 || got[0].GetCompleteWorkflowExecutionCommandAttributes() == nil {
			t.Fatalf("the commands are %v", got)
		}
	})
}
