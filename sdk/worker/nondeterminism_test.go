package worker_test

import (
	"regexp"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"

	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// activityHistory is of a workflow that asked for the activity Charge and got its result.
func activityHistory() *historypb.History {
	events := []*historypb.HistoryEvent{
		{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
			WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
				WorkflowType: &commonpb.WorkflowType{Name: "Order"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}}}},
		{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED},
		{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED},
		{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED},
		{EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
			ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{ActivityId: "5", ActivityType: &commonpb.ActivityType{Name: "Charge"}}}},
		{EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED},
		{EventType: enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{
			ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{ScheduledEventId: 5}}},
		{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED},
		{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED},
		{EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED},
		{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED},
	}
	for n, event := range events {
		event.EventId = int64(n + 1)
	}
	return &historypb.History{Events: events}
}

func TestTheReplayerShowsBothSidesOfAMismatch(t *testing.T) {
	minute := func(ctx workflow.Context) workflow.Context {
		return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	}
	for _, test := range []struct {
		name string
		code func(ctx workflow.Context) error
		want string
	}{
		{"another activity", func(ctx workflow.Context) error {
			return workflow.ExecuteActivity(minute(ctx), "Refund").Get(ctx, nil)
		}, `history event is ActivityTaskScheduled: (ActivityId:5, ActivityType:(Name:Charge)), replay command is ScheduleActivityTask: (ActivityId:5, ActivityType:(Name:Refund)) (event 5)
  history has:       ActivityTaskScheduled: (ActivityId:5, ActivityType:(Name:Charge))
  workflow code has: ScheduleActivityTask: (ActivityId:5, ActivityType:(Name:Refund))
  called at:         FUNCTION (FILE)`},
		{"a wait", func(ctx workflow.Context) error {
			workflow.GetSignalChannel(ctx, "go").Receive(ctx, nil)
			return workflow.ExecuteActivity(minute(ctx), "Charge").Get(ctx, nil)
		}, `missing replay command for ActivityTaskScheduled: (ActivityId:5, ActivityType:(Name:Charge)) (event 5)
  history has:       ActivityTaskScheduled: (ActivityId:5, ActivityType:(Name:Charge))
  workflow code has: nothing
  waits at:          FUNCTION (FILE)
  known as:          [TMPRL1100] lookup failed for scheduledEventID to activityID: scheduleEventID: 5, activityID: 5`},
		{"one more", func(ctx workflow.Context) error {
			charged := workflow.ExecuteActivity(minute(ctx), "Charge")
			workflow.NewTimer(ctx, time.Hour)
			return charged.Get(ctx, nil)
		}, `extra replay command for StartTimer: (TimerId:6, StartToFireTimeout:1h0m0s) (event 4)
  history has:       nothing
  workflow code has: StartTimer: (TimerId:6, StartToFireTimeout:1h0m0s)
  called at:         FUNCTION (FILE)`},
		{"no end", func(ctx workflow.Context) error {
			if err := workflow.ExecuteActivity(minute(ctx), "Charge").Get(ctx, nil); err != nil {
				return err
			}
			return workflow.Await(ctx, func() bool { return false })
		}, `missing replay command for WorkflowExecutionCompleted: the workflow code has not ended (event 11)
  history has:       WorkflowExecutionCompleted
  workflow code has: still running
  waits at:          FUNCTION (FILE)
  known as:          replay workflow doesn't return the same result as the last event, resp: *workflowservice.RespondWorkflowTaskCompletedRequest{no command that closes the workflow}, last: *history.HistoryEvent{WorkflowExecutionCompleted}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			replayer := worker.NewWorkflowReplayer()
			replayer.RegisterWorkflowWithOptions(test.code, workflow.RegisterOptions{Name: "Order"})
			err := replayer.ReplayWorkflowHistory(nil, activityHistory())
			if err == nil {
				t.Fatal("it was replayed")
			}
			got := regexp.MustCompile(`\S*worker_test\.Test\S+ \(\S*nondeterminism_test\.go:\d+\)`).ReplaceAllString(err.Error(), "FUNCTION (FILE)")
			if want := "replaying workflow Order: [TMPRL1100] nondeterministic workflow: " + test.want; got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestTheReplayerHasTheResultsOfWorkflowsThatCompleted(t *testing.T) {
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(func(ctx workflow.Context) (string, error) {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		return "charged", workflow.ExecuteActivity(ctx, "Charge").Get(ctx, nil)
	}, workflow.RegisterOptions{Name: "Order"})
	results := replayer.(interface {
		GetWorkflowResult(workflowID string, valuePtr any) error
	})
	var got string
	if err := results.GetWorkflowResult("", &got); err == nil {
		t.Error("there is a result before anything was replayed")
	}
	history := activityHistory()
	open := &historypb.History{Events: history.Events[:8]}
	if err := replayer.ReplayWorkflowHistory(nil, open); err != nil {
		t.Fatal(err)
	}
	if err := results.GetWorkflowResult("", &got); err == nil {
		t.Error("there is a result of a workflow that is open")
	}
	original := worker.ReplayWorkflowHistoryOptions{OriginalExecution: workflow.Execution{ID: "order-7"}}
	if err := replayer.ReplayWorkflowHistoryWithOptions(nil, history, original); err != nil {
		t.Fatal(err)
	}
	if err := results.GetWorkflowResult("order-7", &got); err != nil || got != "charged" {
		t.Errorf("the result is %q, %v", got, err)
	}
}
