package workflow_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/temporal"
)

// Every task of the recorded histories is handled as if it were the last: what
// comes out are the commands that the Temporal SDK sent.
func TestEveryRecordedTaskGivesTheSameCommands(t *testing.T) {
	for _, sticky := range []bool{true, false} {
		for _, path := range recordings(t) {
			t.Run(fmt.Sprintf("%s, sticky %v", recordingName(path), sticky), func(t *testing.T) {
				replayLive(t, readHistory(t, path).Events, sticky)
			})
		}
	}
}

func replayLive(t *testing.T, events []*historypb.HistoryEvent, sticky bool) {
	first := events[0].GetWorkflowExecutionStartedEventAttributes()
	markers := &recordedActivities{}
	options := flow.Options{
		Namespace:       "default",
		Registry:        recordedRegistry(t),
		Logger:          logger.Discard{},
		SDKMetadata:     true,
		LocalActivities: markers,
	}
	var instance *flow.Instance
	var previous int64
	fed := 0
	for n, event := range events {
		if event.GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED || n+1 == len(events) ||
			events[n+1].GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			continue
		}
		if instance == nil || !sticky {
			instance = flow.NewInstance(&options)
			defer instance.Close()
			fed = 0
			markers.running = nil
		}
		batch := commandBatch(events[n+2:])
		markers.next = batch
		outcome, err := instance.HandleTask(context.Background(), &flow.Task{Poll: &workflowservice.PollWorkflowTaskQueueResponse{
			WorkflowExecution:      &commonpb.WorkflowExecution{WorkflowId: first.GetWorkflowId(), RunId: first.GetOriginalExecutionRunId()},
			PreviousStartedEventId: previous,
			StartedEventId:         event.GetEventId(),
			History:                &historypb.History{Events: events[fed : n+1]},
		}})
		if err != nil {
			t.Fatal(err)
		}
		for outcome.LocalActivities > 0 && outcome.Completed == nil {
			if markers.deliver() {
				outcome = instance.Continue()
			} else {
				outcome = instance.Heartbeat()
			}
		}
		if outcome.Completed == nil {
			t.Fatalf("task of event %d: %v", event.GetEventId(), outcome.Err)
		}
		var got, want []string
		for _, c := range outcome.Completed.Commands {
			got = append(got, commandID(c))
		}
		for _, e := range batch {
			want = append(want, eventID(e))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("task of event %d: commands\n  got  %q\n  want %q", event.GetEventId(), got, want)
		}
		previous = event.GetEventId()
		fed = n + 1
	}
}

// commandBatch is the events of the commands of the task that has just been
// completed.
func commandBatch(events []*historypb.HistoryEvent) []*historypb.HistoryEvent {
	for n, e := range events {
		if !isCommandEvent(e) {
			return events[:n]
		}
	}
	return events
}

// recordedActivities ends local activities as the markers say.
type recordedActivities struct {
	next    []*historypb.HistoryEvent
	running []*flow.LocalActivityTask
}

func (r *recordedActivities) RunLocalActivity(task *flow.LocalActivityTask) {
	r.running = append(r.running, task)
}

func (r *recordedActivities) CancelLocalActivity(*flow.LocalActivityTask) {}

// deliver ends the next local activity that the task's markers have.
func (r *recordedActivities) deliver() bool {
	for n, e := range r.next {
		m := e.GetMarkerRecordedEventAttributes()
		if m.GetMarkerName() != "LocalActivity" {
			continue
		}
		var data struct {
			ActivityID string
			Attempt    int32
			Backoff    int64
		}
		if err := converter.GetDefaultDataConverter().FromPayloads(m.GetDetails()["data"], &data); err != nil {
			panic(err)
		}
		for i, task := range r.running {
			if task.ActivityID == data.ActivityID {
				r.running = slices.Delete(r.running, i, i+1)
				r.next = r.next[n+1:]
				task.Instance.LocalActivityDone(&flow.LocalActivityResult{
					Task: task, Result: m.GetDetails()["result"], Err: asError(m.GetFailure()), Attempt: data.Attempt, Backoff: duration(data.Backoff),
				})
				return true
			}
		}
		return false
	}
	return false
}

func asError(f *failurepb.Failure) error {
	return temporal.GetDefaultFailureConverter().FailureToError(f)
}

func commandID(c *commandpb.Command) string {
	switch c.GetCommandType() {
	case enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:
		a := c.GetScheduleActivityTaskCommandAttributes()
		return "activity " + a.GetActivityId() + a.GetActivityType().GetName() + fmt.Sprint(a.GetInput())
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK:
		return fmt.Sprint("cancel activity ", c.GetRequestCancelActivityTaskCommandAttributes().GetScheduledEventId())
	case enumspb.COMMAND_TYPE_START_TIMER:
		a := c.GetStartTimerCommandAttributes()
		return fmt.Sprint("timer ", a.GetTimerId(), a.GetStartToFireTimeout().AsDuration())
	case enumspb.COMMAND_TYPE_CANCEL_TIMER:
		return "cancel timer " + c.GetCancelTimerCommandAttributes().GetTimerId()
	case enumspb.COMMAND_TYPE_RECORD_MARKER:
		a := c.GetRecordMarkerCommandAttributes()
		return "marker " + a.GetMarkerName() + details(a.GetMarkerName(), a.GetDetails())
	case enumspb.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION:
		a := c.GetStartChildWorkflowExecutionCommandAttributes()
		return "child " + a.GetWorkflowId() + a.GetWorkflowType().GetName() + fmt.Sprint(a.GetInput())
	case enumspb.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION:
		a := c.GetSignalExternalWorkflowExecutionCommandAttributes()
		//lint:ignore SA1019 controls are what tie events to commands
		return "signal " + a.GetExecution().GetWorkflowId() + a.GetControl() + fmt.Sprint(a.GetChildWorkflowOnly(), a.GetInput())
	case enumspb.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION:
		a := c.GetRequestCancelExternalWorkflowExecutionCommandAttributes()
		//lint:ignore SA1019 controls are what tie events to commands
		return "cancel workflow " + a.GetWorkflowId() + a.GetControl() + fmt.Sprint(a.GetChildWorkflowOnly())
	case enumspb.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
		return "search attributes " + attributes(c.GetUpsertWorkflowSearchAttributesCommandAttributes().GetSearchAttributes())
	case enumspb.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES:
		return "memo"
	case enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION:
		return "complete " + fmt.Sprint(c.GetCompleteWorkflowExecutionCommandAttributes().GetResult())
	case enumspb.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION:
		return "fail " + failureText(c.GetFailWorkflowExecutionCommandAttributes().GetFailure())
	case enumspb.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION:
		return "cancel"
	case enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION:
		a := c.GetContinueAsNewWorkflowExecutionCommandAttributes()
		return "continue as new " + a.GetWorkflowType().GetName() + a.GetTaskQueue().GetName() + fmt.Sprint(a.GetInput(), len(a.GetMemo().GetFields()))
	}
	return c.GetCommandType().String()
}

func eventID(e *historypb.HistoryEvent) string {
	switch e.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
		a := e.GetActivityTaskScheduledEventAttributes()
		return "activity " + a.GetActivityId() + a.GetActivityType().GetName() + fmt.Sprint(a.GetInput())
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED:
		return fmt.Sprint("cancel activity ", e.GetActivityTaskCancelRequestedEventAttributes().GetScheduledEventId())
	case enumspb.EVENT_TYPE_TIMER_STARTED:
		a := e.GetTimerStartedEventAttributes()
		return fmt.Sprint("timer ", a.GetTimerId(), a.GetStartToFireTimeout().AsDuration())
	case enumspb.EVENT_TYPE_TIMER_CANCELED:
		return "cancel timer " + e.GetTimerCanceledEventAttributes().GetTimerId()
	case enumspb.EVENT_TYPE_MARKER_RECORDED:
		a := e.GetMarkerRecordedEventAttributes()
		return "marker " + a.GetMarkerName() + details(a.GetMarkerName(), a.GetDetails())
	case enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED:
		a := e.GetStartChildWorkflowExecutionInitiatedEventAttributes()
		return "child " + a.GetWorkflowId() + a.GetWorkflowType().GetName() + fmt.Sprint(a.GetInput())
	case enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		a := e.GetSignalExternalWorkflowExecutionInitiatedEventAttributes()
		//lint:ignore SA1019 controls are what tie events to commands
		return "signal " + a.GetWorkflowExecution().GetWorkflowId() + a.GetControl() + fmt.Sprint(a.GetChildWorkflowOnly(), a.GetInput())
	case enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:
		a := e.GetRequestCancelExternalWorkflowExecutionInitiatedEventAttributes()
		//lint:ignore SA1019 controls are what tie events to commands
		return "cancel workflow " + a.GetWorkflowExecution().GetWorkflowId() + a.GetControl() + fmt.Sprint(a.GetChildWorkflowOnly())
	case enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:
		return "search attributes " + attributes(e.GetUpsertWorkflowSearchAttributesEventAttributes().GetSearchAttributes())
	case enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED:
		return "memo"
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		return "complete " + fmt.Sprint(e.GetWorkflowExecutionCompletedEventAttributes().GetResult())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		return "fail " + failureText(e.GetWorkflowExecutionFailedEventAttributes().GetFailure())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		return "cancel"
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		a := e.GetWorkflowExecutionContinuedAsNewEventAttributes()
		return "continue as new " + a.GetWorkflowType().GetName() + a.GetTaskQueue().GetName() + fmt.Sprint(a.GetInput(), len(a.GetMemo().GetFields()))
	}
	return e.GetEventType().String()
}

// details are those of a marker that do not depend on the clock.
func details(marker string, d map[string]*commonpb.Payloads) string {
	out := ""
	for _, key := range flow.DeterministicKeys(d) {
		if marker == "LocalActivity" && key == "data" {
			continue
		}
		out += fmt.Sprint(" ", key, "=")
		for _, p := range d[key].GetPayloads() {
			// protojson varies the space after commas from build to build.
			data := strings.ReplaceAll(string(p.GetData()), ", ", ",")
			out += string(p.GetMetadata()["encoding"]) + data + ","
		}
	}
	return out
}

func attributes(a *commonpb.SearchAttributes) string {
	out := ""
	for _, key := range flow.DeterministicKeys(a.GetIndexedFields()) {
		// TemporalChangeVersion lists the latest version first and the others
		// in an order that the Temporal SDK leaves to chance.
		if key != "TemporalChangeVersion" {
			out += fmt.Sprint(" ", key, "=", string(a.GetIndexedFields()[key].GetData()))
		} else {
			out += " " + key
		}
	}
	return out
}

func failureText(f *failurepb.Failure) string {
	if f == nil {
		return ""
	}
	return fmt.Sprint(f.GetMessage(), "/", f.GetApplicationFailureInfo().GetType(), "/", f.GetSource(), " <- ", failureText(f.GetCause()))
}

func duration(n int64) time.Duration { return time.Duration(n) }
