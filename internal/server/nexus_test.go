package server_test

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

const nexusQueue = "nexus-queue"

// scheduleOperation is a command for an operation of the endpoint "ep".
func scheduleOperation(changes ...func(*commandpb.ScheduleNexusOperationCommandAttributes)) *commandpb.Command {
	attr := &commandpb.ScheduleNexusOperationCommandAttributes{
		Endpoint: "ep", Service: "service", Operation: "operation", Input: payload("in").Payloads[0],
		NexusHeader: map[string]string{"Key": "value"}, ScheduleToCloseTimeout: durationpb.New(time.Minute),
	}
	for _, change := range changes {
		change(attr)
	}
	return &commandpb.Command{CommandType: enumspb.COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION,
		Attributes: &commandpb.Command_ScheduleNexusOperationCommandAttributes{ScheduleNexusOperationCommandAttributes: attr}}
}

func cancelOperation(scheduledEventID int64) *commandpb.Command {
	return &commandpb.Command{CommandType: enumspb.COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION,
		Attributes: &commandpb.Command_RequestCancelNexusOperationCommandAttributes{RequestCancelNexusOperationCommandAttributes: &commandpb.RequestCancelNexusOperationCommandAttributes{
			ScheduledEventId: scheduledEventID}}}
}

func (b *bench) pollNexus() *workflowservice.PollNexusTaskQueueResponse {
	b.t.Helper()
	resp, err := b.client.PollNexusTaskQueue(b.ctx(), &workflowservice.PollNexusTaskQueueRequest{
		Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: nexusQueue}, Identity: "nexus worker"})
	if err != nil || len(resp.GetTaskToken()) == 0 {
		b.t.Fatalf("polling for a Nexus task: %v, %v", resp, err)
	}
	return resp
}

func (b *bench) answerNexus(task *workflowservice.PollNexusTaskQueueResponse, response *nexuspb.Response) {
	b.t.Helper()
	if _, err := b.client.RespondNexusTaskCompleted(b.ctx(), &workflowservice.RespondNexusTaskCompletedRequest{
		Namespace: ns, TaskToken: task.TaskToken, Response: response}); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) failNexus(task *workflowservice.PollNexusTaskQueueResponse, kind string) {
	b.t.Helper()
	if _, err := b.client.RespondNexusTaskFailed(b.ctx(), &workflowservice.RespondNexusTaskFailedRequest{
		Namespace: ns, TaskToken: task.TaskToken, Failure: &failurepb.Failure{Message: "cannot", FailureInfo: &failurepb.Failure_NexusHandlerFailureInfo{
			NexusHandlerFailureInfo: &failurepb.NexusHandlerFailureInfo{Type: kind}}}}); err != nil {
		b.t.Fatal(err)
	}
}

func syncResponse(text string) *nexuspb.Response {
	return &nexuspb.Response{Variant: &nexuspb.Response_StartOperation{StartOperation: &nexuspb.StartOperationResponse{
		Variant: &nexuspb.StartOperationResponse_SyncSuccess{SyncSuccess: &nexuspb.StartOperationResponse_Sync{Payload: payload(text).Payloads[0]}}}}}
}

func asyncResponse(token string) *nexuspb.Response {
	return &nexuspb.Response{Variant: &nexuspb.Response_StartOperation{StartOperation: &nexuspb.StartOperationResponse{
		Variant: &nexuspb.StartOperationResponse_AsyncSuccess{AsyncSuccess: &nexuspb.StartOperationResponse_Async{OperationToken: token}}}}}
}

// caller starts a workflow whose first task schedules the operation.
func (b *bench) caller(operation *commandpb.Command) {
	b.t.Helper()
	b.createEndpoint(toWorkers("ep", ns, nexusQueue))
	b.startWorkflow("caller")
	b.complete(b.pollWorkflow(), operation)
}

// lastOf is the last event of a type in the history that came with the task.
func (b *bench) lastOf(task *workflowservice.PollWorkflowTaskQueueResponse, eventType enumspb.EventType) *historypb.HistoryEvent {
	b.t.Helper()
	events := task.GetHistory().GetEvents()
	for i := len(events) - 1; i >= 0; i-- {
		if events[i].EventType == eventType {
			return events[i]
		}
	}
	b.t.Fatalf("there is no %v in %v", eventType, events)
	return nil
}

// pending awaits that the one pending operation of the caller is as wanted.
func (b *bench) pending(wanted func(*workflowpb.PendingNexusOperationInfo) bool) *workflowpb.PendingNexusOperationInfo {
	b.t.Helper()
	for {
		resp, err := b.client.DescribeWorkflowExecution(b.ctx(), &workflowservice.DescribeWorkflowExecutionRequest{Namespace: ns, Execution: execution("caller")})
		if err != nil || len(resp.GetPendingNexusOperations()) != 1 {
			b.t.Fatalf("pending are %v, %v", resp.GetPendingNexusOperations(), err)
		}
		if info := resp.PendingNexusOperations[0]; wanted(info) {
			return info
		}
	}
}

func TestAnOperationThatIsAnsweredAtOnceHasNoStart(t *testing.T) {
	b := start(t, server.Options{})
	b.caller(scheduleOperation())
	task := b.pollNexus()
	request := task.GetRequest().GetStartOperation()
	if request.GetService() != "service" || request.GetOperation() != "operation" || string(request.GetPayload().GetData()) != `"in"` ||
		request.GetCallback() != "temporal://system" || request.GetRequestId() == "" || len(request.GetLinks()) != 1 ||
		task.GetRequest().GetEndpoint() != "ep" || !task.GetRequest().GetCapabilities().GetTemporalFailureResponses() {
		t.Errorf("the request is %v", task.GetRequest())
	}
	header := task.GetRequest().GetHeader()
	if header["key"] != "value" || header["request-timeout"] == "" || header["operation-timeout"] == "" {
		t.Errorf("the header is %v", header)
	}
	b.answerNexus(task, syncResponse("out"))
	done := b.lastOf(b.pollWorkflow(), enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED).GetNexusOperationCompletedEventAttributes()
	if string(done.GetResult().GetData()) != `"out"` || done.GetScheduledEventId() != 5 || done.GetRequestId() != request.GetRequestId() {
		t.Errorf("it is completed with %v", done)
	}
	if _, err := b.client.RespondNexusTaskCompleted(b.ctx(), &workflowservice.RespondNexusTaskCompletedRequest{
		Namespace: ns, TaskToken: task.TaskToken, Response: syncResponse("again")}); status.Code(err) != codes.NotFound {
		t.Errorf("a second answer: %v", err)
	}
}

func TestAnOperationGoesOnInAWorkflowAndEndsWithItAcrossARestart(t *testing.T) {
	options := server.Options{DataDir: filepath.Join(t.TempDir(), "data")}
	b := start(t, options)
	b.caller(scheduleOperation())
	task := b.pollNexus()
	request := task.GetRequest().GetStartOperation()
	header := request.GetCallbackHeader()
	header["nexus-operation-token"] = "token"
	b.startWorkflow("handler", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.TaskQueue.Name = "handlers"
		r.CompletionCallbacks = []*commonpb.Callback{{Variant: &commonpb.Callback_Nexus_{Nexus: &commonpb.Callback_Nexus{Url: request.GetCallback(), Header: header}}}}
	})
	b.answerNexus(task, asyncResponse("token"))
	first := b.pollWorkflow()
	started := b.lastOf(first, enumspb.EVENT_TYPE_NEXUS_OPERATION_STARTED).GetNexusOperationStartedEventAttributes()
	if started.GetOperationToken() != "token" || started.GetScheduledEventId() != 5 {
		t.Errorf("it is started with %v", started)
	}
	b.complete(first)
	if info := b.pending(func(*workflowpb.PendingNexusOperationInfo) bool { return true }); info.State != enumspb.PENDING_NEXUS_OPERATION_STATE_STARTED || info.OperationToken != "token" || info.Attempt != 1 {
		t.Errorf("it is pending as %v", info)
	}
	if err := b.server.Stop(b.ctx()); err != nil {
		t.Fatal(err)
	}
	b = start(t, options)
	handler, err := b.client.PollWorkflowTaskQueue(b.ctx(), &workflowservice.PollWorkflowTaskQueueRequest{Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: "handlers"}})
	if err != nil {
		t.Fatal(err)
	}
	b.complete(handler, completeWorkflow("out"))
	done := b.lastOf(b.pollWorkflow(), enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED).GetNexusOperationCompletedEventAttributes()
	if string(done.GetResult().GetData()) != `"out"` {
		t.Errorf("it is completed with %v", done)
	}
	b.callback("handler", enumspb.CALLBACK_STATE_SUCCEEDED)
}

func TestACallThatFailsIsMadeAgainAndOneThatIsRefusedIsNot(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: []dynamicconfig.Override{{Key: "component.nexusoperations.retryPolicy.initialInterval", Value: "1ms"}}})
	b.caller(scheduleOperation())
	first := b.pollNexus()
	b.failNexus(first, "UNAVAILABLE")
	second := b.pollNexus()
	if second.GetRequest().GetStartOperation().GetRequestId() != first.GetRequest().GetStartOperation().GetRequestId() {
		t.Error("the second call has another request id")
	}
	info := b.pending(func(info *workflowpb.PendingNexusOperationInfo) bool {
		return info.State == enumspb.PENDING_NEXUS_OPERATION_STATE_SCHEDULED
	})
	if info.Attempt != 1 || info.LastAttemptFailure.GetNexusHandlerFailureInfo().GetType() != "UNAVAILABLE" {
		t.Errorf("it is pending as %v", info)
	}
	b.failNexus(second, "BAD_REQUEST")
	failed := b.lastOf(b.pollWorkflow(), enumspb.EVENT_TYPE_NEXUS_OPERATION_FAILED).GetNexusOperationFailedEventAttributes().GetFailure()
	if failed.GetCause().GetMessage() != "cannot" || failed.GetNexusOperationExecutionFailureInfo().GetEndpoint() != "ep" {
		t.Errorf("it has failed with %v", failed)
	}
}

func TestAnOperationIsCancelledByItsHandler(t *testing.T) {
	b := start(t, server.Options{})
	b.caller(scheduleOperation())
	task := b.pollNexus()
	b.answerNexus(task, asyncResponse("token"))
	b.complete(b.pollWorkflow(), cancelOperation(5))
	cancel := b.pollNexus()
	if request := cancel.GetRequest().GetCancelOperation(); request.GetOperationToken() != "token" || request.GetOperation() != "operation" {
		t.Errorf("the request is %v", cancel.GetRequest())
	}
	b.answerNexus(cancel, &nexuspb.Response{Variant: &nexuspb.Response_CancelOperation{CancelOperation: new(nexuspb.CancelOperationResponse)}})
	next := b.pollWorkflow()
	if e := b.lastOf(next, enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED); !e.WorkerMayIgnore || e.GetNexusOperationCancelRequestCompletedEventAttributes().GetRequestedEventId() == 0 {
		t.Errorf("the event is %v", e)
	}
	b.complete(next)
	info := b.pending(func(*workflowpb.PendingNexusOperationInfo) bool { return true })
	if c := info.GetCancellationInfo(); c.GetState() != enumspb.NEXUS_OPERATION_CANCELLATION_STATE_SUCCEEDED || c.GetAttempt() != 1 {
		t.Errorf("the cancellation is %v", c)
	}
}

func TestACallbackWithAForgedTokenFailsForGood(t *testing.T) {
	b := start(t, server.Options{})
	b.caller(scheduleOperation())
	token := b.pollNexus().GetRequest().GetStartOperation().GetCallbackHeader()["temporal-callback-token"]
	var forged struct {
		V int    `json:"v"`
		D string `json:"d"`
	}
	if err := json.Unmarshal([]byte(token), &forged); err != nil {
		t.Fatal(err)
	}
	for id, token := range map[string]string{"none": "", "garbage": "garbage", "truncated": `{"v":1,"d":"` + forged.D[:len(forged.D)/2] + `"}`} {
		b.startWorkflow(id, func(r *workflowservice.StartWorkflowExecutionRequest) {
			r.TaskQueue.Name = id
			r.CompletionCallbacks = []*commonpb.Callback{{Variant: &commonpb.Callback_Nexus_{Nexus: &commonpb.Callback_Nexus{
				Url: "temporal://system", Header: map[string]string{"Temporal-Callback-Token": token}}}}}
		})
		if _, err := b.client.TerminateWorkflowExecution(b.ctx(), &workflowservice.TerminateWorkflowExecutionRequest{Namespace: ns, WorkflowExecution: execution(id)}); err != nil {
			t.Fatal(err)
		}
		if info := b.callback(id, enumspb.CALLBACK_STATE_FAILED); info.GetLastAttemptFailure().GetMessage() != "handler error (BAD_REQUEST): invalid callback token" {
			t.Errorf("%s: the failure is %v", id, info.GetLastAttemptFailure())
		}
	}
}

func TestAnEndpointThatIsNotThereFailsTheTaskOfTheCommand(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("caller")
	task := b.pollWorkflow()
	_, err := b.client.RespondWorkflowTaskCompleted(b.ctx(), &workflowservice.RespondWorkflowTaskCompletedRequest{
		Namespace: ns, TaskToken: task.TaskToken, Commands: []*commandpb.Command{scheduleOperation()}})
	if status.Code(err) != codes.InvalidArgument || status.Convert(err).Message() != `BadScheduleNexusOperationAttributes: endpoint "ep" not found` {
		t.Errorf("error is %v", err)
	}
}
