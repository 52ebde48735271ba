package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

// post makes a request of the HTTP port.
func (b *bench) post(path, body string, header ...string) (*http.Response, string) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.ctx(), http.MethodPost, "http://"+b.server.HTTPAddress()+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return response, string(text)
}

var withHTTP = server.Options{HTTP: server.HTTPOptions{Listen: "127.0.0.1:0"}}

func TestAnOperationIsStartedAndCancelledByHTTP(t *testing.T) {
	b := start(t, withHTTP)
	made := b.createEndpoint(toWorkers("ep", ns, nexusQueue))
	for _, base := range []string{made.GetUrlPrefix(), "/namespaces/" + ns + "/task-queues/" + nexusQueue + "/nexus-services"} {
		answered := make(chan *workflowservice.PollNexusTaskQueueResponse, 2)
		go func() {
			task := b.pollNexus()
			b.answerNexus(task, syncResponse("out"))
			answered <- task
		}()
		response, body := b.post(base+"/my%2Fservice/operation?callback=http://x", `"in"`,
			"Content-Type", "application/json", "Nexus-Request-Id", "id", "Nexus-Callback-Token", "secret", "Custom", "value", "Authorization", "Bearer mine")
		if response.StatusCode != http.StatusOK || body != `"out"` || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("the answer is %v, %s", response, body)
		}
		task := <-answered
		request := task.GetRequest().GetStartOperation()
		if request.GetService() != "my/service" || request.GetOperation() != "operation" || request.GetRequestId() != "id" || request.GetCallback() != "http://x" ||
			request.GetCallbackHeader()["token"] != "secret" || string(request.GetPayload().GetData()) != `"in"` {
			t.Errorf("the request is %v", request)
		}
		if header := task.GetRequest().GetHeader(); header["custom"] != "value" || header["authorization"] != "" {
			t.Errorf("the header is %v", header)
		}
		go func() {
			task := b.pollNexus()
			b.answerNexus(task, &nexuspb.Response{Variant: &nexuspb.Response_CancelOperation{CancelOperation: new(nexuspb.CancelOperationResponse)}})
			answered <- task
		}()
		response, _ = b.post(base+"/service/operation/cancel", "", "Nexus-Operation-Token", "token")
		if token := (<-answered).GetRequest().GetCancelOperation().GetOperationToken(); response.StatusCode != http.StatusAccepted || token != "token" {
			t.Errorf("the cancellation is answered %v, of %q", response, token)
		}
	}
}

func TestFailuresOverHTTPHaveTheStatusOfTheirType(t *testing.T) {
	b := start(t, withHTTP)
	made := b.createEndpoint(toWorkers("ep", ns, nexusQueue))
	external := b.createEndpoint(toURL("external", "http://example.org"))
	go func() { b.failNexus(b.pollNexus(), "CONFLICT") }()
	response, body := b.post(made.GetUrlPrefix()+"/s/o", "", "Temporal-Nexus-Failure-Support", "true")
	var document struct {
		Message  string
		Metadata map[string]string
	}
	if err := json.Unmarshal([]byte(body), &document); err != nil || response.StatusCode != http.StatusConflict || document.Message != "cannot" ||
		document.Metadata["type"] != "nexus.HandlerError" || response.Header.Get("Temporal-Nexus-Failure-Source") != "worker" {
		t.Errorf("the failure is %v, %s, %v", response, body, err)
	}
	for path, want := range map[string]struct {
		status int
		says   string
	}{
		made.GetUrlPrefix():                                      {http.StatusNotFound, "not found"},
		made.GetUrlPrefix() + "/s/o/cancel":                      {http.StatusBadRequest, "missing operation token"},
		"/nexus/endpoints/none/services/s/o":                     {http.StatusNotFound, "nexus endpoint not found"},
		external.GetUrlPrefix() + "/s/o":                         {http.StatusBadRequest, "invalid endpoint target"},
		"/namespaces/none/task-queues/q/nexus-services/s/o":      {http.StatusNotFound, "none"},
		"/nexus/callback":                                        {http.StatusBadRequest, "invalid request operation state"},
		"/namespaces/" + ns + "/task-queues//nexus-services/s/o": {http.StatusBadRequest, ""},
	} {
		response, body := b.post(path, "")
		if response.StatusCode != want.status || !strings.Contains(body, want.says) {
			t.Errorf("%s: %d, %s", path, response.StatusCode, body)
		}
	}
	response, body = b.post(made.GetUrlPrefix()+"/s/o", "", "Request-Timeout", "soon")
	if response.StatusCode != http.StatusBadRequest || !strings.Contains(body, "invalid request timeout header") {
		t.Errorf("a timeout that is none: %d, %s", response.StatusCode, body)
	}
	response, body = b.post(made.GetUrlPrefix()+"/s/o", "", "Request-Timeout", "1001ms")
	if response.StatusCode != 520 || !strings.Contains(body, "upstream timeout") {
		t.Errorf("nobody polls: %d, %s", response.StatusCode, body)
	}
}

// An endpoint that is another server: it starts the operation, and reports its end by the
// callback. The other server is one of the test.
func TestAnOperationOfAnotherServerEndsByItsCallback(t *testing.T) {
	type call struct {
		callback, token, id string
	}
	calls := make(chan call, 1)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/base/service/operation" {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"token":"theirs","state":"running"}`)
		calls <- call{r.URL.Query().Get("callback"), r.Header.Get("Nexus-Callback-Temporal-Callback-Token"), r.Header.Get("Nexus-Request-Id")}
	}))
	defer other.Close()
	options := withHTTP
	options.DynamicConfig = []dynamicconfig.Override{{Key: "component.nexusoperations.callback.endpoint.template", Value: "http://here/namespaces/{{.NamespaceName}}/nexus/callback"}}
	b := start(t, options)
	b.createEndpoint(toURL("ep", other.URL+"/base"))
	b.startWorkflow("caller")
	b.complete(b.pollWorkflow(), scheduleOperation())
	made := <-calls
	if made.callback != "http://here/namespaces/"+ns+"/nexus/callback" || made.id == "" {
		t.Errorf("the call is %+v", made)
	}
	task := b.pollWorkflow()
	if started := b.lastOf(task, enumspb.EVENT_TYPE_NEXUS_OPERATION_STARTED).GetNexusOperationStartedEventAttributes(); started.GetOperationToken() != "theirs" {
		t.Errorf("it is started with %v", started)
	}
	b.complete(task)
	complete := func(token string) (*http.Response, string) {
		return b.post("/namespaces/"+ns+"/nexus/callback", `{"message":"broken","metadata":{"type":"theirs"}}`,
			"Temporal-Callback-Token", token, "Nexus-Operation-State", "failed", "Content-Type", "application/json")
	}
	if response, body := complete("forged"); response.StatusCode != http.StatusBadRequest || !strings.Contains(body, "invalid callback token") {
		t.Errorf("a forged token: %d, %s", response.StatusCode, body)
	}
	if response, body := complete(made.token); response.StatusCode != http.StatusOK {
		t.Fatalf("the callback is answered %d, %s", response.StatusCode, body)
	}
	failed := b.lastOf(b.pollWorkflow(), enumspb.EVENT_TYPE_NEXUS_OPERATION_FAILED).GetNexusOperationFailedEventAttributes().GetFailure()
	if cause := failed.GetCause(); cause.GetMessage() != "broken" || cause.GetApplicationFailureInfo().GetType() != "NexusFailure" {
		t.Errorf("it has failed with %v", failed)
	}
	if response, body := complete(made.token); response.StatusCode != http.StatusNotFound {
		t.Errorf("a second callback: %d, %s", response.StatusCode, body)
	}
}

func TestAServerThatAnswersNonsenseIsAskedAgain(t *testing.T) {
	answers := []string{"", "garbage", `{"state":"running"}`, `{"token":"","state":"running"}`, `{"token":"t","state":"done"}`}
	turn := make(chan int, len(answers)+1)
	for i := range len(answers) + 1 {
		turn <- i
	}
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		i := <-turn
		w.Header().Set("Content-Type", "application/json")
		if i < len(answers) {
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, answers[i])
			return
		}
		_, _ = io.WriteString(w, `"out"`)
	}))
	defer other.Close()
	options := withHTTP
	options.DynamicConfig = []dynamicconfig.Override{
		{Key: "component.nexusoperations.callback.endpoint.template", Value: "http://here"},
		{Key: "component.nexusoperations.retryPolicy.initialInterval", Value: "1ms"},
	}
	b := start(t, options)
	b.createEndpoint(toURL("ep", other.URL))
	b.startWorkflow("caller")
	b.complete(b.pollWorkflow(), scheduleOperation())
	done := b.lastOf(b.pollWorkflow(), enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED).GetNexusOperationCompletedEventAttributes()
	if string(done.GetResult().GetData()) != `"out"` {
		t.Errorf("it is completed with %v", done)
	}
}

var standalone = server.Options{DynamicConfig: []dynamicconfig.Override{{Key: "nexusoperation.enableStandalone", Value: "true"}}}

func (b *bench) startOperation(id string) *workflowservice.StartNexusOperationExecutionResponse {
	b.t.Helper()
	resp, err := b.client.StartNexusOperationExecution(b.ctx(), &workflowservice.StartNexusOperationExecutionRequest{
		Namespace: ns, OperationId: id, Endpoint: "ep", Service: "service", Operation: "operation", Input: payload("in").Payloads[0]})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp
}

func TestAnOperationWithoutAWorkflowIsRunAndListed(t *testing.T) {
	b := start(t, standalone)
	b.createEndpoint(toWorkers("ep", ns, nexusQueue))
	started := b.startOperation("op")
	if !started.GetStarted() || started.GetRunId() == "" {
		t.Errorf("it is started as %v", started)
	}
	task := b.pollNexus()
	if links := task.GetRequest().GetStartOperation().GetLinks(); len(links) != 1 || !strings.Contains(links[0].GetUrl(), "/nexus-operations/op/") {
		t.Errorf("links are %v", links)
	}
	header := task.GetRequest().GetStartOperation().GetCallbackHeader()
	b.answerNexus(task, asyncResponse("token"))
	poll := func(stage enumspb.NexusOperationWaitStage) *workflowservice.PollNexusOperationExecutionResponse {
		resp, err := b.client.PollNexusOperationExecution(b.ctx(), &workflowservice.PollNexusOperationExecutionRequest{Namespace: ns, OperationId: "op", WaitStage: stage})
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	if resp := poll(enumspb.NEXUS_OPERATION_WAIT_STAGE_STARTED); resp.GetOperationToken() != "token" {
		t.Errorf("it has started as %v", resp)
	}
	b.startWorkflow("handler", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.CompletionCallbacks = []*commonpb.Callback{{Variant: &commonpb.Callback_Nexus_{Nexus: &commonpb.Callback_Nexus{Url: "temporal://system", Header: header}}}}
	})
	b.complete(b.pollWorkflow(), completeWorkflow("out"))
	if resp := poll(enumspb.NEXUS_OPERATION_WAIT_STAGE_CLOSED); string(resp.GetResult().GetData()) != `"out"` || resp.GetRunId() != started.GetRunId() {
		t.Errorf("it has ended as %v", resp)
	}
	described, err := b.client.DescribeNexusOperationExecution(b.ctx(), &workflowservice.DescribeNexusOperationExecutionRequest{
		Namespace: ns, OperationId: "op", IncludeInput: true, IncludeOutcome: true})
	if err != nil || described.GetInfo().GetStatus() != enumspb.NEXUS_OPERATION_EXECUTION_STATUS_COMPLETED || string(described.GetInput().GetData()) != `"in"` ||
		string(described.GetResult().GetData()) != `"out"` || described.GetInfo().GetCloseTime() == nil {
		t.Errorf("it is described as %v, %v", described, err)
	}
	listed, err := b.client.ListNexusOperationExecutions(b.ctx(), &workflowservice.ListNexusOperationExecutionsRequest{Namespace: ns, Query: "Operation = 'operation' AND Endpoint = 'ep'"})
	if err != nil || len(listed.GetOperations()) != 1 || listed.Operations[0].GetService() != "service" || listed.Operations[0].GetOperationId() != "op" {
		t.Errorf("listed are %v, %v", listed, err)
	}
	again, err := b.client.StartNexusOperationExecution(b.ctx(), &workflowservice.StartNexusOperationExecutionRequest{
		Namespace: ns, OperationId: "op", Endpoint: "ep", Service: "service", Operation: "operation", IdReusePolicy: enumspb.NEXUS_OPERATION_ID_REUSE_POLICY_REJECT_DUPLICATE})
	if err == nil {
		t.Errorf("a duplicate is started as %v", again)
	}
}

func TestAnOperationWithoutAWorkflowIsCancelledTerminatedAndDeleted(t *testing.T) {
	b := start(t, standalone)
	b.createEndpoint(toWorkers("ep", ns, nexusQueue))
	b.startOperation("op")
	b.answerNexus(b.pollNexus(), asyncResponse("token"))
	if _, err := b.client.RequestCancelNexusOperationExecution(b.ctx(), &workflowservice.RequestCancelNexusOperationExecutionRequest{Namespace: ns, OperationId: "op", Reason: "why"}); err != nil {
		t.Fatal(err)
	}
	if token := b.pollNexus().GetRequest().GetCancelOperation().GetOperationToken(); token != "token" {
		t.Errorf("the token is %q", token)
	}
	if _, err := b.client.TerminateNexusOperationExecution(b.ctx(), &workflowservice.TerminateNexusOperationExecutionRequest{Namespace: ns, OperationId: "op", Reason: "enough"}); err != nil {
		t.Fatal(err)
	}
	described, err := b.client.DescribeNexusOperationExecution(b.ctx(), &workflowservice.DescribeNexusOperationExecutionRequest{Namespace: ns, OperationId: "op", IncludeOutcome: true})
	if err != nil || described.GetInfo().GetStatus() != enumspb.NEXUS_OPERATION_EXECUTION_STATUS_TERMINATED || described.GetFailure().GetMessage() != "enough" {
		t.Errorf("it is described as %v, %v", described, err)
	}
	if _, err := b.client.DeleteNexusOperationExecution(b.ctx(), &workflowservice.DeleteNexusOperationExecutionRequest{Namespace: ns, OperationId: "op"}); err != nil {
		t.Fatal(err)
	}
	if described, err := b.client.DescribeNexusOperationExecution(b.ctx(), &workflowservice.DescribeNexusOperationExecutionRequest{Namespace: ns, OperationId: "op"}); err == nil {
		t.Errorf("after its deletion it is %v", described)
	}
}

func TestAnEndpointThatPointsToItselfFailsItsOperationsAtOnce(t *testing.T) {
	options := withHTTP
	options.DynamicConfig = []dynamicconfig.Override{{Key: "component.nexusoperations.callback.endpoint.template", Value: "http://here/namespaces/{{.NamespaceName}}/nexus/callback"}}
	b := start(t, options)
	made := b.createEndpoint(toURL("ep", "http://"+b.server.HTTPAddress()))
	self := toURL("ep", "http://"+b.server.HTTPAddress()+"/nexus/endpoints/"+made.GetId()+"/services")
	if _, err := b.operator().UpdateNexusEndpoint(b.ctx(), &operatorservice.UpdateNexusEndpointRequest{Id: made.GetId(), Version: made.GetVersion(), Spec: self}); err != nil {
		t.Fatal(err)
	}
	b.startWorkflow("caller")
	b.complete(b.pollWorkflow(), scheduleOperation())
	failure := b.lastOf(b.pollWorkflow(), enumspb.EVENT_TYPE_NEXUS_OPERATION_FAILED).GetNexusOperationFailedEventAttributes().GetFailure()
	if got := failure.GetCause().GetNexusHandlerFailureInfo().GetType(); got != "BAD_REQUEST" {
		t.Errorf("the operation has failed with %v", failure)
	}
}

func TestWorkersGetTheURLOfOtherServersIfTheySaySo(t *testing.T) {
	options := withHTTP
	options.DynamicConfig = []dynamicconfig.Override{
		{Key: "component.nexusoperations.callback.endpoint.template", Value: "http://here/namespaces/{{.NamespaceName}}/nexus/callback"},
		{Key: "component.nexusoperations.useSystemCallbackURL", Value: "false"},
	}
	b := start(t, options)
	b.createEndpoint(toWorkers("ep", ns, nexusQueue))
	b.startWorkflow("caller")
	b.complete(b.pollWorkflow(), scheduleOperation())
	if got := b.pollNexus().GetRequest().GetStartOperation().GetCallback(); got != "http://here/namespaces/"+ns+"/nexus/callback" {
		t.Errorf("the worker is to report to %q", got)
	}
}

func TestAnEndpointWhoseServerIsNotThereIsCalledUntilItsTimeIsUp(t *testing.T) {
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	options := withHTTP
	options.DynamicConfig = []dynamicconfig.Override{{Key: "component.nexusoperations.callback.endpoint.template", Value: "http://here/namespaces/{{.NamespaceName}}/nexus/callback"}}
	b := start(t, options)
	b.createEndpoint(toURL("ep", gone.URL))
	b.startWorkflow("caller")
	b.complete(b.pollWorkflow(), scheduleOperation(func(attr *commandpb.ScheduleNexusOperationCommandAttributes) {
		attr.ScheduleToCloseTimeout = durationpb.New(3 * time.Second)
	}))
	failure := b.lastOf(b.pollWorkflow(), enumspb.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT).GetNexusOperationTimedOutEventAttributes().GetFailure()
	if failure.GetCause().GetTimeoutFailureInfo().GetTimeoutType() != enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE {
		t.Errorf("the operation has failed with %v", failure)
	}
}
