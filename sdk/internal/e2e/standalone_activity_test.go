package e2e

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
)

// activityOptions start an activity without a workflow, with an id of its own.
func (s *scenario) activityOptions() client.StartActivityOptions {
	return client.StartActivityOptions{
		ID: "act-" + uuid.NewString(), TaskQueue: s.queue, StartToCloseTimeout: 30 * time.Second,
		RetryPolicy: &temporal.RetryPolicy{InitialInterval: 10 * time.Millisecond, MaximumAttempts: 3},
	}
}

func (s *scenario) startActivity(options client.StartActivityOptions, activity any, args ...any) client.ActivityHandle {
	s.t.Helper()
	handle, err := s.ExecuteActivity(s.ctx, options, activity, args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return handle
}

func TestAnActivityWithoutAWorkflowIsRetriedAndReturnsItsResult(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterActivityWithOptions(func(ctx context.Context, name string) (string, error) {
			info := activity.GetInfo(ctx)
			if info.Attempt < 3 {
				return "", errors.New("not yet")
			}
			return fmt.Sprint(name, " ", info.Attempt, " ", info.WorkflowExecution.ID), nil
		}, activity.RegisterOptions{Name: "Third"})
	})
	options := s.activityOptions()
	handle := s.startActivity(options, "Third", "attempt")
	var got string
	if err := handle.Get(s.ctx, &got); err != nil || got != "attempt 3 " {
		t.Fatalf("got %q, %v", got, err)
	}
	described, err := handle.Describe(s.ctx, client.DescribeActivityOptions{})
	if err != nil || described.Status != enumspb.ACTIVITY_EXECUTION_STATUS_COMPLETED || described.Attempt != 3 {
		t.Errorf("it is described as %+v, %v", described, err)
	}
	options.ActivityIDReusePolicy = enumspb.ACTIVITY_ID_REUSE_POLICY_REJECT_DUPLICATE
	var started *serviceerror.ActivityExecutionAlreadyStarted
	if _, err := s.ExecuteActivity(s.ctx, options, "Third", "again"); !errors.As(err, &started) {
		t.Errorf("a start with the same id: %v", err)
	}
	count, err := s.CountActivities(s.ctx, client.CountActivitiesOptions{Query: fmt.Sprintf("ActivityId = '%s' AND ExecutionStatus = 'Completed'", options.ID)})
	if err != nil || count.Count != 1 {
		t.Errorf("counted are %v, %v", count, err)
	}
}

func TestAnActivityWithoutAWorkflowFailsWithItsError(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterActivityWithOptions(func() error {
			return temporal.NewNonRetryableApplicationError("no", "Refused", nil, 7)
		}, activity.RegisterOptions{Name: "Refuse"})
	})
	err := s.startActivity(s.activityOptions(), "Refuse").Get(s.ctx, nil)
	refused := as[*temporal.ApplicationError](t, err)
	var detail int
	if refused.Type() != "Refused" || refused.Details(&detail) != nil || detail != 7 {
		t.Errorf("the error is %v", err)
	}
}

func TestAnActivityWithoutAWorkflowLearnsOfItsEndByHeartbeats(t *testing.T) {
	s := newScenario(t)
	begun, ended := make(chan struct{}, 1), make(chan error, 1)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterActivityWithOptions(func(ctx context.Context) error {
			begun <- struct{}{}
			for {
				activity.RecordHeartbeat(ctx)
				select {
				case <-ctx.Done():
					ended <- context.Cause(ctx)
					return ctx.Err()
				case <-time.After(20 * time.Millisecond):
				}
			}
		}, activity.RegisterOptions{Name: "Beat"})
	})
	options := s.activityOptions()
	options.HeartbeatTimeout = time.Second
	handle := s.startActivity(options, "Beat")
	receive(s, begun, "the activity to begin")
	if err := handle.Cancel(s.ctx, client.CancelActivityOptions{Reason: "enough"}); err != nil {
		t.Fatal(err)
	}
	receive(s, ended, "the activity to end")
	as[*temporal.CanceledError](t, handle.Get(s.ctx, nil))

	options.ID += "-2"
	handle = s.startActivity(options, "Beat")
	receive(s, begun, "the second activity to begin")
	if err := handle.Terminate(s.ctx, client.TerminateActivityOptions{Reason: "enough"}); err != nil {
		t.Fatal(err)
	}
	receive(s, ended, "the second activity to end")
	as[*temporal.TerminatedError](t, handle.Get(s.ctx, nil))
}
