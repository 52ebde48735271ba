package e2e

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// reports is a schedule that acts when it is asked to, for a workflow that counts how often
// it has run by the result of the one before.
func (s *scenario) reports() client.ScheduleHandle {
	s.t.Helper()
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflowWithOptions(func(ctx workflow.Context) (n int, err error) {
			if workflow.HasLastCompletionResult(ctx) {
				err = workflow.GetLastCompletionResult(ctx, &n)
			}
			return n + 1, err
		}, workflow.RegisterOptions{Name: "Report"})
	})
	id := "reports-" + uuid.NewString()
	handle, err := s.ScheduleClient().Create(s.ctx, client.ScheduleOptions{
		ID:     id,
		Spec:   client.ScheduleSpec{CronExpressions: []string{"0 6 * * MON-FRI"}, TimeZoneName: "Europe/Berlin"},
		Action: &client.ScheduleWorkflowAction{ID: id, Workflow: "Report", TaskQueue: s.queue},
		Memo:   map[string]any{"owner": "warehouse"},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return handle
}

// acted waits until the schedule has acted so often, and returns its description.
func (s *scenario) acted(handle client.ScheduleHandle, times int) *client.ScheduleDescription {
	s.t.Helper()
	for {
		described, err := handle.Describe(s.ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		if described.Info.NumActions >= times && len(described.Info.RunningWorkflows) == 0 {
			return described
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestAScheduleStartsWorkflowsThatKnowTheResultOfTheLastOne(t *testing.T) {
	s := newScenario(t)
	handle := s.reports()
	var results []int
	for times := 1; times <= 2; times++ {
		if err := handle.Trigger(s.ctx, client.ScheduleTriggerOptions{}); err != nil {
			t.Fatal(err)
		}
		last := s.acted(handle, times).Info.RecentActions[times-1].StartWorkflowResult
		var result int
		if err := s.GetWorkflow(s.ctx, last.WorkflowID, last.FirstExecutionRunID).Get(s.ctx, &result); err != nil {
			t.Fatal(err)
		}
		results = append(results, result)
	}
	if results[0] != 1 || results[1] != 2 {
		t.Errorf("the results are %v", results)
	}
}

func TestAScheduleIsDescribedChangedPausedAndDeleted(t *testing.T) {
	s := newScenario(t)
	handle := s.reports()
	described, err := handle.Describe(s.ctx)
	if err != nil || len(described.Info.NextActionTimes) == 0 || described.Memo.Fields["owner"] == nil {
		t.Fatalf("it is described as %+v, %v", described, err)
	}
	if err := handle.Pause(s.ctx, client.SchedulePauseOptions{Note: "closed"}); err != nil {
		t.Fatal(err)
	}
	err = handle.Update(s.ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		schedule := in.Description.Schedule
		schedule.Policy.Overlap = enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL
		return &client.ScheduleUpdate{Schedule: &schedule}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	described, err = handle.Describe(s.ctx)
	if err != nil || !described.Schedule.State.Paused || described.Schedule.State.Note != "closed" ||
		described.Schedule.Policy.Overlap != enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL {
		t.Errorf("then it is described as %+v, %v", described, err)
	}
	if err := handle.Delete(s.ctx); err != nil {
		t.Fatal(err)
	}
	var missing *serviceerror.NotFound
	if _, err := handle.Describe(s.ctx); !errors.As(err, &missing) {
		t.Errorf("when it is deleted it is described as %v", err)
	}
}

func TestAScheduleThatIsMadeTwiceIsSaidToRun(t *testing.T) {
	s := newScenario(t)
	handle := s.reports()
	_, err := s.ScheduleClient().Create(s.ctx, client.ScheduleOptions{
		ID: handle.GetID(), Action: &client.ScheduleWorkflowAction{Workflow: "Report", TaskQueue: s.queue},
	})
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		t.Errorf("the error is %v", err)
	}
}
