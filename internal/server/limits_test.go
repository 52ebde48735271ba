package server_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

// What clients and workers do to excess, through the front door.

func (b *bench) signal(id, input string) error {
	b.t.Helper()
	_, err := b.client.SignalWorkflowExecution(b.ctx(), &workflowservice.SignalWorkflowExecutionRequest{
		Namespace: ns, WorkflowExecution: execution(id), SignalName: "s", Input: payload(input)})
	return err
}

func marker(name string) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_RECORD_MARKER,
		Attributes: &commandpb.Command_RecordMarkerCommandAttributes{
			RecordMarkerCommandAttributes: &commandpb.RecordMarkerCommandAttributes{MarkerName: name}},
	}
}

// refuse completes a workflow task with commands that must be answered
// InvalidArgument, and returns the last event of the history.
func (b *bench) refuse(id string, commands ...*commandpb.Command) *historypb.HistoryEvent {
	b.t.Helper()
	_, err := b.client.RespondWorkflowTaskCompleted(b.ctx(), &workflowservice.RespondWorkflowTaskCompletedRequest{
		Namespace: ns, TaskToken: b.pollWorkflow().GetTaskToken(), Identity: "worker", Commands: commands,
	})
	if status.Code(err) != codes.InvalidArgument {
		b.t.Errorf("completion was answered %v, want InvalidArgument", err)
	}
	events := b.history(id)
	last := events[len(events)-1]
	if last.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED {
		last = events[len(events)-2]
	}
	return last
}

func (b *bench) checkTerminated(id, reason string) {
	b.t.Helper()
	events := b.history(id)
	last := events[len(events)-1]
	if got := last.GetWorkflowExecutionTerminatedEventAttributes().GetReason(); !strings.Contains(got, reason) {
		b.t.Errorf("last event of %d is %v, want a termination because of %q", len(events), last, reason)
	}
}

func TestAWorkflowWithTooManyEventsIsTerminated(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: []dynamicconfig.Override{{Key: "limit.historyCount.error", Value: "20"}}})
	b.startWorkflow("by-signals")
	var err error
	for range 30 {
		if err = b.signal("by-signals", "now"); err != nil {
			break
		}
	}
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("signals of a workflow that is full: %v", err)
	}
	b.checkTerminated("by-signals", "Workflow history count exceeds limit.")

	b.startWorkflow("by-commands")
	var markers []*commandpb.Command
	for range 30 {
		markers = append(markers, marker("m"))
	}
	_, err = b.client.RespondWorkflowTaskCompleted(b.ctx(), &workflowservice.RespondWorkflowTaskCompletedRequest{
		Namespace: ns, TaskToken: b.pollWorkflow().GetTaskToken(), Identity: "worker", Commands: markers})
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("a completion of a workflow that is full: %v", err)
	}
	b.checkTerminated("by-commands", "Workflow history count exceeds limit.")
}

func TestAWorkflowWithATooLargeHistoryIsTerminated(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: []dynamicconfig.Override{{Key: "limit.historySize.error", Value: "10000"}}})
	b.startWorkflow("w")
	var err error
	for range 30 {
		if err = b.signal("w", strings.Repeat("x", 1000)); err != nil {
			break
		}
	}
	if status.Code(err) != codes.InvalidArgument {
		t.Errorf("signals of a workflow that is full: %v", err)
	}
	b.checkTerminated("w", "Workflow history size exceeds limit.")
}

func TestMoreThanTwoThousandPendingActivitiesFailTheTask(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("w")
	var activities []*commandpb.Command
	for i := range 2000 {
		activities = append(activities, scheduleActivity(fmt.Sprint(i)))
	}
	b.complete(b.pollWorkflow(), activities...)
	if err := b.signal("w", "now"); err != nil {
		t.Fatal(err)
	}
	last := b.refuse("w", scheduleActivity("one-more"))
	if cause := last.GetWorkflowTaskFailedEventAttributes().GetCause(); cause != enumspb.WORKFLOW_TASK_FAILED_CAUSE_PENDING_ACTIVITIES_LIMIT_EXCEEDED {
		t.Errorf("last event is %v", last)
	}
}

func TestACommandBeyondTheBlobLimitTerminatesTheWorkflow(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("w")
	big := scheduleActivity("a")
	big.GetScheduleActivityTaskCommandAttributes().Input = payload(strings.Repeat("x", 2<<20))
	if last := b.refuse("w", big); last.GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED {
		t.Errorf("last event is %v", last.GetEventType())
	}
	b.checkTerminated("w", "exceeds size limit")
}

func TestTenThousandSignalsAreAcceptedAndNoMore(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("w")
	const limit, senders = 10_000, 8
	var sending sync.WaitGroup
	for range senders {
		sending.Go(func() {
			for range limit / senders {
				if err := b.signal("w", ""); err != nil {
					t.Errorf("a signal within the limit: %v", err)
					return
				}
			}
		})
	}
	sending.Wait()
	if err := b.signal("w", ""); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a signal beyond the limit: %v", err)
	}
	if n := len(b.history("w")); n != limit+2 {
		t.Errorf("history has %d events", n)
	}
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
}

func TestNegativeTimesInCommandsFailTheTask(t *testing.T) {
	negative := durationpb.New(-time.Second)
	activity := scheduleActivity("a")
	activity.GetScheduleActivityTaskCommandAttributes().StartToCloseTimeout = negative
	child := &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_StartChildWorkflowExecutionCommandAttributes{StartChildWorkflowExecutionCommandAttributes: &commandpb.StartChildWorkflowExecutionCommandAttributes{
			WorkflowId: "c", WorkflowType: &commonpb.WorkflowType{Name: "order"}, WorkflowExecutionTimeout: negative}},
	}
	next := &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_ContinueAsNewWorkflowExecutionCommandAttributes{ContinueAsNewWorkflowExecutionCommandAttributes: &commandpb.ContinueAsNewWorkflowExecutionCommandAttributes{
			BackoffStartInterval: negative}},
	}
	b := start(t, server.Options{})
	for name, c := range map[string]struct {
		command *commandpb.Command
		cause   enumspb.WorkflowTaskFailedCause
	}{
		"activity":        {activity, enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES},
		"timer":           {startTimer("t", -time.Second), enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_TIMER_ATTRIBUTES},
		"child":           {child, enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_CHILD_EXECUTION_ATTRIBUTES},
		"continue as new": {next, enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_CONTINUE_AS_NEW_ATTRIBUTES},
	} {
		b.startWorkflow(name)
		last := b.refuse(name, c.command)
		if got := last.GetWorkflowTaskFailedEventAttributes().GetCause(); got != c.cause {
			t.Errorf("%s: last event is %v, want cause %v", name, last, c.cause)
		}
		if _, err := b.client.TerminateWorkflowExecution(b.ctx(), &workflowservice.TerminateWorkflowExecutionRequest{
			Namespace: ns, WorkflowExecution: execution(name)}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAHundredThousandCommandsDoNotStallOtherWorkflows(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("hostile", func(req *workflowservice.StartWorkflowExecutionRequest) {
		req.WorkflowTaskTimeout = durationpb.New(2 * time.Minute) // on a busy machine, too
	})
	task := b.pollWorkflow()
	var commands []*commandpb.Command
	for i := range 100_000 / 4 {
		name := fmt.Sprint(i)
		commands = append(commands, marker("m"), marker("m"), startTimer(name, time.Hour), modifyMemo(name))
	}
	b.startWorkflow("other")
	var completing sync.WaitGroup
	completing.Go(func() {
		// Its own time: it is much work where memory accesses are checked for races.
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		if _, err := b.client.RespondWorkflowTaskCompleted(ctx, &workflowservice.RespondWorkflowTaskCompletedRequest{
			Namespace: ns, TaskToken: task.GetTaskToken(), Identity: "worker", Commands: commands}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("completing with very many commands: %v", err)
		}
	})
	for range 10 {
		b.complete(b.pollWorkflow(), startTimer("t", 0))
	}
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	completing.Wait()
	b.checkTerminated("hostile", "Workflow history")
}

func modifyMemo(name string) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES,
		Attributes: &commandpb.Command_ModifyWorkflowPropertiesCommandAttributes{ModifyWorkflowPropertiesCommandAttributes: &commandpb.ModifyWorkflowPropertiesCommandAttributes{
			UpsertedMemo: &commonpb.Memo{Fields: map[string]*commonpb.Payload{name: {Data: []byte("1")}}}}},
	}
}
