//lint:file-ignore SA1019 Deprecated fields of commands and events are recorded as they come.

package workflow

import (
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/api/check"
)

// Builders of what clients and workers send. Each makes the usual thing; functions
// change what a test wants otherwise.

type (
	startRequest           = workflowservice.StartWorkflowExecutionRequest
	signalRequest          = workflowservice.SignalWorkflowExecutionRequest
	signalWithStartRequest = workflowservice.SignalWithStartWorkflowExecutionRequest
	cancelRequest          = workflowservice.RequestCancelWorkflowExecutionRequest
	resetRequest           = workflowservice.ResetWorkflowExecutionRequest
	completeRequest        = workflowservice.RespondWorkflowTaskCompletedRequest
	workflowTask           = workflowservice.PollWorkflowTaskQueueResponse
	activityTask           = workflowservice.PollActivityTaskQueueResponse

	activityAttributes       = commandpb.ScheduleActivityTaskCommandAttributes
	childAttributes          = commandpb.StartChildWorkflowExecutionCommandAttributes
	signalExternalAttributes = commandpb.SignalExternalWorkflowExecutionCommandAttributes
	cancelExternalAttributes = commandpb.RequestCancelExternalWorkflowExecutionCommandAttributes
	continueAttributes       = commandpb.ContinueAsNewWorkflowExecutionCommandAttributes
)

func build[M any](m *M, change []func(*M)) *M {
	for _, f := range change {
		f(m)
	}
	return m
}

// Requests.

func newStartRequest(workflowID, requestID string, change ...func(*startRequest)) *startRequest {
	return build(&startRequest{
		WorkflowId:            workflowID,
		WorkflowType:          &commonpb.WorkflowType{Name: "Workflow"},
		TaskQueue:             &taskqueuepb.TaskQueue{Name: testQueue},
		Input:                 payloads("input"),
		RequestId:             requestID,
		Identity:              testClient,
		WorkflowIdReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	}, change)
}

func withRequestID(id string) func(*startRequest) {
	return func(r *startRequest) { r.RequestId = id }
}

func withRetries(maximumAttempts int32) func(*startRequest) {
	return func(r *startRequest) {
		r.RetryPolicy = &commonpb.RetryPolicy{
			InitialInterval: durationpb.New(10 * time.Second), BackoffCoefficient: 2,
			MaximumInterval: durationpb.New(time.Hour), MaximumAttempts: maximumAttempts,
		}
	}
}

func newSignalRequest(workflowID, name string, change ...func(*signalRequest)) *signalRequest {
	return build(&signalRequest{
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflowID},
		SignalName:        name,
		Identity:          testClient,
	}, change)
}

func newSignalWithStartRequest(workflowID, requestID string, change ...func(*signalWithStartRequest)) *signalWithStartRequest {
	return build(&signalWithStartRequest{
		WorkflowId:            workflowID,
		WorkflowType:          &commonpb.WorkflowType{Name: "Workflow"},
		TaskQueue:             &taskqueuepb.TaskQueue{Name: testQueue},
		RequestId:             requestID,
		Identity:              testClient,
		SignalName:            "signal",
		WorkflowIdReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	}, change)
}

func newResetRequest(workflowID string, point int64, requestID string) *resetRequest {
	return &resetRequest{
		WorkflowExecution:         &commonpb.WorkflowExecution{WorkflowId: workflowID},
		Reason:                    "why",
		WorkflowTaskFinishEventId: point,
		RequestId:                 requestID,
		Identity:                  testClient,
	}
}

func stickyAttributes() *taskqueuepb.StickyExecutionAttributes {
	return &taskqueuepb.StickyExecutionAttributes{
		WorkerTaskQueue:        &taskqueuepb.TaskQueue{Name: stickyQueue, Kind: enumspb.TASK_QUEUE_KIND_STICKY},
		ScheduleToStartTimeout: durationpb.New(5 * time.Second),
	}
}

// Commands.

func scheduleActivity(id string, change ...func(*activityAttributes)) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
		Attributes: &commandpb.Command_ScheduleActivityTaskCommandAttributes{ScheduleActivityTaskCommandAttributes: build(&activityAttributes{
			ActivityId:          id,
			ActivityType:        &commonpb.ActivityType{Name: "Activity"},
			TaskQueue:           &taskqueuepb.TaskQueue{Name: testQueue},
			Input:               payloads("input of " + id),
			Header:              header(),
			StartToCloseTimeout: durationpb.New(time.Minute),
		}, change)},
	}
}

func maximumAttempts(n int32) func(*activityAttributes) {
	return func(a *activityAttributes) { a.RetryPolicy = &commonpb.RetryPolicy{MaximumAttempts: n} }
}

// timeouts are schedule-to-close, schedule-to-start, start-to-close, heartbeat.
func timeouts(whole, queued, attempt, beat time.Duration) func(*activityAttributes) {
	return func(a *activityAttributes) {
		a.ScheduleToCloseTimeout = durationpb.New(whole)
		a.ScheduleToStartTimeout = durationpb.New(queued)
		a.StartToCloseTimeout = durationpb.New(attempt)
		a.HeartbeatTimeout = durationpb.New(beat)
	}
}

func cancelActivity(scheduledEventID int64) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK,
		Attributes: &commandpb.Command_RequestCancelActivityTaskCommandAttributes{
			RequestCancelActivityTaskCommandAttributes: &commandpb.RequestCancelActivityTaskCommandAttributes{ScheduledEventId: scheduledEventID}},
	}
}

func startTimer(id string, d time.Duration) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_START_TIMER,
		Attributes: &commandpb.Command_StartTimerCommandAttributes{
			StartTimerCommandAttributes: &commandpb.StartTimerCommandAttributes{TimerId: id, StartToFireTimeout: durationpb.New(d)}},
	}
}

func cancelTimer(id string) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_CANCEL_TIMER,
		Attributes: &commandpb.Command_CancelTimerCommandAttributes{
			CancelTimerCommandAttributes: &commandpb.CancelTimerCommandAttributes{TimerId: id}},
	}
}

func startChild(workflowID string, change ...func(*childAttributes)) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_StartChildWorkflowExecutionCommandAttributes{StartChildWorkflowExecutionCommandAttributes: build(&childAttributes{
			WorkflowId:   workflowID,
			WorkflowType: &commonpb.WorkflowType{Name: "Child"},
			Input:        payloads("input of " + workflowID),
			Header:       header(),
			Control:      "control",
		}, change)},
	}
}

func parentClosePolicy(p enumspb.ParentClosePolicy) func(*childAttributes) {
	return func(a *childAttributes) { a.ParentClosePolicy = p }
}

func signalExternal(workflowID string, change ...func(*signalExternalAttributes)) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_SignalExternalWorkflowExecutionCommandAttributes{SignalExternalWorkflowExecutionCommandAttributes: build(&signalExternalAttributes{
			Execution:  &commonpb.WorkflowExecution{WorkflowId: workflowID},
			SignalName: "signal",
			Input:      payloads("signal input"),
			Control:    "control",
		}, change)},
	}
}

func cancelExternal(workflowID string, change ...func(*cancelExternalAttributes)) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_RequestCancelExternalWorkflowExecutionCommandAttributes{
			RequestCancelExternalWorkflowExecutionCommandAttributes: build(&cancelExternalAttributes{WorkflowId: workflowID, Reason: "reason"}, change)},
	}
}

func recordMarker(name string) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_RECORD_MARKER,
		Attributes: &commandpb.Command_RecordMarkerCommandAttributes{
			RecordMarkerCommandAttributes: &commandpb.RecordMarkerCommandAttributes{MarkerName: name}},
	}
}

func upsertSearchAttributes(attributes *commonpb.SearchAttributes) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES,
		Attributes: &commandpb.Command_UpsertWorkflowSearchAttributesCommandAttributes{
			UpsertWorkflowSearchAttributesCommandAttributes: &commandpb.UpsertWorkflowSearchAttributesCommandAttributes{SearchAttributes: attributes}},
	}
}

func modifyProperties(memo *commonpb.Memo) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES,
		Attributes: &commandpb.Command_ModifyWorkflowPropertiesCommandAttributes{
			ModifyWorkflowPropertiesCommandAttributes: &commandpb.ModifyWorkflowPropertiesCommandAttributes{UpsertedMemo: memo}},
	}
}

func completeWorkflow(result string) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_CompleteWorkflowExecutionCommandAttributes{
			CompleteWorkflowExecutionCommandAttributes: &commandpb.CompleteWorkflowExecutionCommandAttributes{Result: payloads(result)}},
	}
}

func failWorkflow(errorType string, change ...func(*failurepb.ApplicationFailureInfo)) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_FailWorkflowExecutionCommandAttributes{
			FailWorkflowExecutionCommandAttributes: &commandpb.FailWorkflowExecutionCommandAttributes{Failure: applicationFailure(errorType, change...)}},
	}
}

func cancelWorkflow() *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_CancelWorkflowExecutionCommandAttributes{
			CancelWorkflowExecutionCommandAttributes: &commandpb.CancelWorkflowExecutionCommandAttributes{Details: payloads("why")}},
	}
}

func continueAsNew(change ...func(*continueAttributes)) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_ContinueAsNewWorkflowExecutionCommandAttributes{
			ContinueAsNewWorkflowExecutionCommandAttributes: build(&continueAttributes{Input: payloads("next")}, change)},
	}
}

func commands(c ...*commandpb.Command) []*commandpb.Command { return c }

// Values.

func payload(data string) *commonpb.Payload {
	return &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/plain")}, Data: []byte(data)}
}

func payloads(data string) *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{payload(data)}}
}

func header() *commonpb.Header {
	return &commonpb.Header{Fields: map[string]*commonpb.Payload{"h": payload("header")}}
}

func searchAttributes(name, value string) *commonpb.SearchAttributes {
	return &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{name: payload(value)}}
}

// applicationFailure is what a worker reports for an error of the given type.
func applicationFailure(errorType string, change ...func(*failurepb.ApplicationFailureInfo)) *failurepb.Failure {
	info := build(&failurepb.ApplicationFailureInfo{Type: errorType}, change)
	return &failurepb.Failure{
		Message:     "failed",
		FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: info},
	}
}

func nextRetryDelay(d time.Duration) func(*failurepb.ApplicationFailureInfo) {
	return func(info *failurepb.ApplicationFailureInfo) { info.NextRetryDelay = durationpb.New(d) }
}

// defaultPolicy is an empty retry policy as it is completed on arrival.
func defaultPolicy(change ...func(*commonpb.RetryPolicy)) *commonpb.RetryPolicy {
	policy := build(&commonpb.RetryPolicy{}, change)
	if err := check.RetryPolicy(policy, &check.UnboundedRetries); err != nil {
		panic(err)
	}
	return policy
}
