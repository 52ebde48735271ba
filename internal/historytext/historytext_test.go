package historytext_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/historytext"
)

func payloads(values ...string) *commonpb.Payloads {
	p := &commonpb.Payloads{}
	for _, v := range values {
		p.Payloads = append(p.Payloads, &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(v)})
	}
	return p
}

func at(id int64, after time.Duration, kind enumspb.EventType) *historypb.HistoryEvent {
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	return &historypb.HistoryEvent{EventId: id, EventTime: timestamppb.New(began.Add(after)), EventType: kind}
}

func ExampleWrite() {
	started := at(1, 0, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED)
	started.Attributes = &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
		WorkflowType: &commonpb.WorkflowType{Name: "transfer"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "orders"}, Input: payloads(`{"to":"bob"}`, `3`), Identity: "me",
	}}
	scheduled := at(5, 1500*time.Millisecond, enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED)
	scheduled.Attributes = &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
		ActivityId: "5", ActivityType: &commonpb.ActivityType{Name: "charge"}, StartToCloseTimeout: durationpb.New(time.Minute),
	}}
	failed := at(7, 36*time.Hour, enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED)
	failed.Attributes = &historypb.HistoryEvent_ActivityTaskFailedEventAttributes{ActivityTaskFailedEventAttributes: &historypb.ActivityTaskFailedEventAttributes{
		ScheduledEventId: 5, StartedEventId: 6, RetryState: enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE,
		Failure: &failurepb.Failure{Message: "no credit", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
			ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "Credit", NonRetryable: true},
		}},
	}}
	_ = historytext.Write(os.Stdout, []*historypb.HistoryEvent{started, scheduled, failed})
	// Output:
	//   1  0s       WorkflowExecutionStarted  transfer({"to":"bob"}, 3) taskQueue=orders
	//   5  1.5s     ActivityTaskScheduled     charge activityId=5 startToCloseTimeout=1m0s
	//   7  36h0m0s  ActivityTaskFailed        of 5 no credit (type Credit, not retryable) retryState=non_retryable_failure
}

func TestLongValuesAreCutAtACharacter(t *testing.T) {
	signaled := at(2, 0, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
	signaled.Attributes = &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{
		SignalName: "s", Input: payloads(`"` + strings.Repeat("ä", 500) + `"`),
	}}
	line := historytext.String([]*historypb.HistoryEvent{signaled})
	if len(line) > 300 || !strings.Contains(line, "ä…") {
		t.Errorf("shown as %q", line)
	}
}

func TestWhatIsNotTextIsShownByItsSize(t *testing.T) {
	signaled := at(2, 0, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
	signaled.Attributes = &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{
		SignalName: "s", Input: &commonpb.Payloads{Payloads: []*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("binary/encrypted")}, Data: make([]byte, 42)}}},
	}}
	if line := historytext.String([]*historypb.HistoryEvent{signaled}); !strings.Contains(line, "s((42 bytes, binary/encrypted))") {
		t.Errorf("shown as %q", line)
	}
}

func TestWhatIsNotSetIsNotShown(t *testing.T) {
	fields := (&historypb.HistoryEvent{}).ProtoReflect().Descriptor().Oneofs().ByName("attributes").Fields()
	for i := range fields.Len() {
		event := at(7, 0, enumspb.EVENT_TYPE_TIMER_FIRED)
		message := event.ProtoReflect()
		message.Set(fields.Get(i), message.NewField(fields.Get(i)))
		if line := historytext.String([]*historypb.HistoryEvent{event}); !slices.Equal(strings.Fields(line), []string{"7", "0s", "TimerFired"}) {
			t.Errorf("an event with empty %s is shown as %q", fields.Get(i).Name(), line)
		}
	}
}
