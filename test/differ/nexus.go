package differ

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
)

// What callers and handlers of Nexus operations do.

// Endpoint makes a Nexus endpoint of that name whose target are the workers of the queue of
// that name, and returns its id.
func (w *World) Endpoint(name string, settings ...string) (id string) {
	w.quietly(func() {
		made, err := w.Operator.CreateNexusEndpoint(w.Ctx, w.endpointRequest(name, append([]string{"spec.target.worker.task_queue=" + w.Queue(name)}, settings...)...))
		if err != nil {
			w.Say("the endpoint cannot be made: %v", err)
			panic(ended{})
		}
		id = made.GetEndpoint().GetId()
	})
	return id
}

// nexus is the command for an operation "op" of the service "svc" at the endpoint "h".
func (w *World) nexus(settings ...string) *commandpb.Command {
	return Command("ScheduleNexusOperation", append([]string{"endpoint=" + w.Prefix + "-h", "service=svc", "operation=op", `input="in"`}, settings...)...)
}

// cancelNexus is the command to cancel the operation that was scheduled with the event.
func cancelNexus(event string) *commandpb.Command {
	return Command("RequestCancelNexusOperation", "scheduled_event_id="+event)
}

// Call has the workflow "w" call an operation of the endpoint "h": its event is the fifth.
func (w *World) Call(settings ...string) {
	w.T.Helper()
	w.Endpoint("h")
	w.Start("w")
	w.Decide("w", w.nexus(settings...))
}

// NexusTask is a Nexus request that a worker has taken.
type NexusTask struct {
	*workflowservice.PollNexusTaskQueueResponse
	w *World
}

// PollNexus takes a Nexus request from the queue of that name.
func (w *World) PollNexus(name string, settings ...string) *NexusTask {
	w.T.Helper()
	reply := new(workflowservice.PollNexusTaskQueueResponse)
	w.poll("PollNexusTaskQueue", Set(&workflowservice.PollNexusTaskQueueRequest{
		Namespace: Namespace, TaskQueue: w.taskQueue(name), Identity: "worker"}, settings...), reply, func() bool { return len(reply.TaskToken) > 0 })
	if len(reply.TaskToken) == 0 {
		panic(ended{})
	}
	return &NexusTask{reply, w}
}

// shownNexus is the request as the transcript shows it: of its header only what callers
// have set, by names that begin with x-, and that there is a timeout of the operation.
func shownNexus(reply *workflowservice.PollNexusTaskQueueResponse) *workflowservice.PollNexusTaskQueueResponse {
	reply = proto.CloneOf(reply)
	request := reply.GetRequest()
	maps.DeleteFunc(request.GetHeader(), func(name, _ string) bool { return !strings.HasPrefix(name, "x-") && name != "operation-timeout" })
	if _, ok := request.GetHeader()["operation-timeout"]; ok {
		request.Header["operation-timeout"] = "<timeout>"
	}
	for name := range request.GetStartOperation().GetCallbackHeader() {
		if strings.Contains(name, "token") {
			request.GetStartOperation().CallbackHeader[name] = "<token>"
		}
	}
	return reply
}

// respond answers the request.
func (n *NexusTask) respond(settings ...string) {
	_, _ = n.w.API.RespondNexusTaskCompleted(n.w.Ctx, Set(&workflowservice.RespondNexusTaskCompletedRequest{
		Namespace: Namespace, TaskToken: n.TaskToken, Identity: "worker"}, settings...))
}

// Succeed answers that the operation is over, with a result in JSON.
func (n *NexusTask) Succeed(result string, settings ...string) {
	n.respond(append([]string{"response.start_operation.sync_success.payload=" + result}, settings...)...)
}

// Echo answers that the operation is over, with its input as the result.
func (n *NexusTask) Echo() {
	request := Set(&workflowservice.RespondNexusTaskCompletedRequest{Namespace: Namespace, TaskToken: n.TaskToken, Identity: "worker"}, "response.start_operation.sync_success=")
	request.GetResponse().GetStartOperation().GetSyncSuccess().Payload = n.Request.GetStartOperation().GetPayload()
	_, _ = n.w.API.RespondNexusTaskCompleted(n.w.Ctx, request)
}

// Begin answers that the operation has started, under a token.
func (n *NexusTask) Begin(token string, settings ...string) {
	n.respond(append([]string{"response.start_operation.async_success.operation_token=" + token}, settings...)...)
}

// Conclude answers that the operation is over without a result, in the form of older SDKs:
// its state is failed or canceled.
func (n *NexusTask) Conclude(state string, settings ...string) {
	n.respond(append([]string{"response.start_operation.operation_error.operation_state=" + state,
		"response.start_operation.operation_error.failure.message=it is over"}, settings...)...)
}

// Fail answers that the operation has failed or was cancelled, with a failure.
func (n *NexusTask) Fail(failure *failurepb.Failure) {
	_, _ = n.w.API.RespondNexusTaskCompleted(n.w.Ctx, &workflowservice.RespondNexusTaskCompletedRequest{
		Namespace: Namespace, TaskToken: n.TaskToken, Identity: "worker",
		Response: &nexuspb.Response{Variant: &nexuspb.Response_StartOperation{StartOperation: &nexuspb.StartOperationResponse{
			Variant: &nexuspb.StartOperationResponse_Failure{Failure: failure}}}}})
}

// Cancelled is a failure that says that an operation was cancelled.
func Cancelled() *failurepb.Failure {
	return &failurepb.Failure{Message: "stopped", FailureInfo: &failurepb.Failure_CanceledFailureInfo{CanceledFailureInfo: &failurepb.CanceledFailureInfo{Details: Text("why")}}}
}

// AcceptCancel answers that the operation will be cancelled.
func (n *NexusTask) AcceptCancel() {
	_, _ = n.w.API.RespondNexusTaskCompleted(n.w.Ctx, &workflowservice.RespondNexusTaskCompletedRequest{
		Namespace: Namespace, TaskToken: n.TaskToken, Identity: "worker",
		Response: &nexuspb.Response{Variant: &nexuspb.Response_CancelOperation{CancelOperation: &nexuspb.CancelOperationResponse{}}}})
}

// Refuse reports that the handler has failed with an error of a type, in the form of older
// SDKs.
func (n *NexusTask) Refuse(kind string, settings ...string) {
	_, _ = n.w.API.RespondNexusTaskFailed(n.w.Ctx, Set(&workflowservice.RespondNexusTaskFailedRequest{
		Namespace: Namespace, TaskToken: n.TaskToken, Identity: "worker"},
		append([]string{"error.error_type=" + kind, "error.failure.message=it cannot"}, settings...)...))
}

// RefuseWith reports that the handler has failed, with a failure.
func (n *NexusTask) RefuseWith(kind string, settings ...string) {
	_, _ = n.w.API.RespondNexusTaskFailed(n.w.Ctx, Set(&workflowservice.RespondNexusTaskFailedRequest{
		Namespace: Namespace, TaskToken: n.TaskToken, Identity: "worker",
		Failure: &failurepb.Failure{Message: "it cannot", Source: "worker", Cause: Failure("Bad"), FailureInfo: &failurepb.Failure_NexusHandlerFailureInfo{
			NexusHandlerFailureInfo: &failurepb.NexusHandlerFailureInfo{Type: kind}}}}, settings...))
}

// Behind starts the workflow of that name, whose end is that of the operation.
func (n *NexusTask) Behind(name string) {
	start := n.Request.GetStartOperation()
	n.w.quietly(func() {
		request := n.w.StartRequest(name)
		request.CompletionCallbacks = []*commonpb.Callback{{Variant: &commonpb.Callback_Nexus_{Nexus: &commonpb.Callback_Nexus{
			Url: start.GetCallback(), Header: start.GetCallbackHeader()}}}}
		if _, err := n.w.API.StartWorkflowExecution(n.w.Ctx, request); err != nil {
			n.w.T.Fatalf("the workflow behind an operation: %v", err)
		}
	})
	n.w.forget(name) // the callback in its history has the token
}

// header is that of an HTTP request: name, value, name, value, …
type header []string

// shownHeaders are the headers of HTTP responses that the transcript shows.
var shownHeaders = []string{"Content-Type", "Nexus-Link", "Nexus-Operation-State", "Nexus-Request-Retryable", "Temporal-Nexus-Failure-Source"}

// http makes a request of the HTTP port in the background; what it is answered is written to
// the transcript by the function it returns.
func (w *World) http(method, path string, head header, body string) (wait func()) {
	var line string
	done := make(chan struct{})
	go func() {
		defer close(done)
		line = w.httpLine(method, path, head, body)
	}()
	return func() {
		<-done
		w.Say("%s", w.renderer.n.Text(line))
	}
}

func (w *World) httpLine(method, path string, head header, body string) string {
	if w.httpAddress == "" {
		w.T.Error("the conversation is over HTTP, and the server has no HTTP port")
		return method + ": there is no HTTP port"
	}
	request, err := http.NewRequestWithContext(w.Ctx, method, "http://"+w.httpAddress+path, strings.NewReader(body))
	if err != nil {
		return method + ": " + err.Error()
	}
	for i := 0; i < len(head); i += 2 {
		request.Header.Set(head[i], head[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return method + ": " + err.Error()
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		return method + ": " + err.Error()
	}
	line := method + ": " + response.Status
	for _, name := range slices.Sorted(slices.Values(shownHeaders)) {
		if value := response.Header.Get(name); value != "" {
			line += " " + name + "=" + value
		}
	}
	return line + " " + quoted(strings.TrimSpace(string(data)))
}

// post makes a POST request of the HTTP port and writes its answer to the transcript.
func (w *World) post(path string, head header, body string) {
	w.http(http.MethodPost, path, head, body)()
}

// Report reports over HTTP how the operation has ended.
func (n *NexusTask) Report(state string, body string, head ...string) {
	all := header{"Nexus-Operation-State", state, "Content-Type", "application/json"}
	for name, value := range n.Request.GetStartOperation().GetCallbackHeader() {
		all = append(all, name, value)
	}
	n.w.post("/nexus/callback", append(all, head...), body)
}
