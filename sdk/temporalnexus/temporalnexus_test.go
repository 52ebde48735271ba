package temporalnexus_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/serviceerror"
	apinexus "go.temporal.io/api/temporalnexus"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/nexusop"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/temporalnexus"
	"github.com/perdure/perdure/sdk/workflow"
)

// server answers the calls of a client, and keeps what it was asked.
type server struct {
	requests []proto.Message
	answer   func(request proto.Message) (proto.Message, error)
}

func (s *server) client(t *testing.T) client.Client {
	t.Helper()
	c, err := client.NewLazyClient(client.Options{
		HostPort: "passthrough:///none",
		Logger:   logger.Discard{},
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{grpc.WithChainUnaryInterceptor(
			func(ctx context.Context, method string, request, reply any, _ *grpc.ClientConn, _ grpc.UnaryInvoker, _ ...grpc.CallOption) error {
				if strings.HasSuffix(method, "/GetSystemInfo") {
					return nil
				}
				if _, ok := metadata.FromOutgoingContext(ctx); !ok {
					return errors.New("no headers")
				}
				s.requests = append(s.requests, proto.Clone(request.(proto.Message)))
				answer, err := s.answer(request.(proto.Message))
				if err == nil {
					proto.Merge(reply.(proto.Message), answer)
				}
				return serviceerror.ToStatus(err).Err()
			})}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func charge(workflow.Context, string) (int, error) { return 0, nil }

// fixture is a handler of one service, "bank".
type fixture struct {
	t       *testing.T
	server  server
	handler *nexusop.Handler
	modern  bool
}

func newFixture(t *testing.T, interceptors []nexusop.Interceptor, operations ...nexus.RegisterableOperation) *fixture {
	t.Helper()
	f := &fixture{t: t, modern: true}
	r := flow.NewRegistry(false)
	service := nexus.NewService("bank")
	for _, operation := range operations {
		if err := service.Register(operation); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.RegisterNexusService(service); err != nil {
		t.Fatal(err)
	}
	if err := r.RegisterWorkflow(charge, registry.WorkflowOptions{Name: "Charge"}); err != nil {
		t.Fatal(err)
	}
	var err error
	f.handler, err = nexusop.NewHandler(nexusop.Options{
		Namespace: "default", TaskQueue: "queue", Identity: "me", Registry: r, Logger: logger.Discard{},
		DataConverter: converter.GetDefaultDataConverter(), FailureConverter: temporal.GetDefaultFailureConverter(),
		Client: f.server.client(t), Interceptors: interceptors,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// callerLink is what the caller of an operation is known by.
var callerLink = &commonpb.Link{Variant: &commonpb.Link_WorkflowEvent_{WorkflowEvent: &commonpb.Link_WorkflowEvent{
	Namespace: "theirs", WorkflowId: "caller", RunId: "run",
	Reference: &commonpb.Link_WorkflowEvent_EventRef{EventRef: &commonpb.Link_WorkflowEvent_EventReference{EventId: 5, EventType: enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED}},
}}}

func (f *fixture) handle(request *nexuspb.Request) *nexusop.Outcome {
	f.t.Helper()
	request.Capabilities = &nexuspb.Request_Capabilities{TemporalFailureResponses: f.modern}
	outcome, err := f.handler.Handle(&workflowservice.PollNexusTaskQueueResponse{TaskToken: []byte("task"), Request: request})
	if err != nil {
		f.t.Fatal(err)
	}
	return outcome
}

func (f *fixture) start(operation string, input any) *nexusop.Outcome {
	f.t.Helper()
	payload, err := converter.GetDefaultDataConverter().ToPayload(input)
	if err != nil {
		f.t.Fatal(err)
	}
	link, _ := apinexus.CommonLinkToNexusLink(callerLink)
	return f.handle(&nexuspb.Request{
		Endpoint: "endpoint",
		Header:   map[string]string{"Trace": "abc"},
		Variant: &nexuspb.Request_StartOperation{StartOperation: &nexuspb.StartOperationRequest{
			Service: "bank", Operation: operation, RequestId: "request", Payload: payload,
			Callback: "http://theirs/callback", CallbackHeader: map[string]string{"key": "value"}, Links: []*nexuspb.Link{link},
		}},
	})
}

func (f *fixture) cancel(operation, token string) *nexusop.Outcome {
	f.t.Helper()
	return f.handle(&nexuspb.Request{Variant: &nexuspb.Request_CancelOperation{CancelOperation: &nexuspb.CancelOperationRequest{
		Service: "bank", Operation: operation, OperationToken: token,
	}}})
}

func startsRun(proto.Message) (proto.Message, error) {
	return &workflowservice.StartWorkflowExecutionResponse{RunId: "run"}, nil
}

func tokenOf(outcome *nexusop.Outcome) string {
	async := outcome.Completed.GetResponse().GetStartOperation().GetAsyncSuccess()
	data, err := base64.RawURLEncoding.DecodeString(async.GetOperationToken())
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func TestAnOperationStartsAWorkflowThatIsLinkedWithItsCaller(t *testing.T) {
	f := newFixture(t, nil, temporalnexus.NewWorkflowRunOperation("charge", charge,
		func(_ context.Context, input string, options nexus.StartOperationOptions) (client.StartWorkflowOptions, error) {
			return client.StartWorkflowOptions{ID: "charge-" + input + "-" + options.Header.Get("trace")}, nil
		}))
	f.server.answer = startsRun
	outcome := f.start("charge", "7")
	if got, want := tokenOf(outcome), `{"t":1,"ns":"default","wid":"charge-7-abc"}`; got != want {
		t.Errorf("token %s, want %s", got, want)
	}
	if links := outcome.Completed.GetResponse().GetStartOperation().GetAsyncSuccess().GetLinks(); len(links) != 1 || !strings.Contains(links[0].GetUrl(), "charge-7-abc/run") {
		t.Errorf("links %v", links)
	}
	request := f.server.requests[0].(*workflowservice.StartWorkflowExecutionRequest)
	if request.GetRequestId() != "request" || request.GetWorkflowType().GetName() != "Charge" || request.GetTaskQueue().GetName() != "queue" {
		t.Errorf("request %v", request)
	}
	if len(request.GetLinks()) != 1 || !proto.Equal(request.GetLinks()[0], callerLink) {
		t.Errorf("links of the request %v", request.GetLinks())
	}
	callback := request.GetCompletionCallbacks()[0]
	if callback.GetNexus().GetUrl() != "http://theirs/callback" || callback.GetNexus().GetHeader()["key"] != "value" || callback.GetNexus().GetHeader()[nexus.HeaderOperationToken] == "" {
		t.Errorf("callback %v", callback)
	}
	if on := request.GetOnConflictOptions(); !on.GetAttachRequestId() || !on.GetAttachCompletionCallbacks() || !on.GetAttachLinks() {
		t.Errorf("on conflict %v", on)
	}
}

func TestTheTokenOfAnOperationCancelsItsWorkflow(t *testing.T) {
	f := newFixture(t, nil, temporalnexus.NewWorkflowRunOperation("charge", charge, nil))
	f.server.answer = func(proto.Message) (proto.Message, error) {
		return &workflowservice.RequestCancelWorkflowExecutionResponse{}, nil
	}
	outcome := f.cancel("charge", base64.RawURLEncoding.EncodeToString([]byte(`{"t":1,"ns":"default","wid":"charge-7"}`)))
	if outcome.Completed.GetResponse().GetCancelOperation() == nil {
		t.Fatalf("outcome %v", outcome)
	}
	if id := f.server.requests[0].(*workflowservice.RequestCancelWorkflowExecutionRequest).GetWorkflowExecution().GetWorkflowId(); id != "charge-7" {
		t.Errorf("cancelled %q", id)
	}
}

func TestTokensThatAreNotOfThisOperationAreRefused(t *testing.T) {
	f := newFixture(t, nil, temporalnexus.NewWorkflowRunOperation("charge", charge, nil))
	for _, token := range []string{"", "?", "bm8", `{}`, `{"t":1,"ns":"default"}`, `{"t":1,"wid":"x"}`, `{"t":3,"ns":"n","wid":"w","uid":"u"}`, `{"v":2,"t":1,"ns":"n","wid":"w"}`, `{"t":9,"ns":"n"}`} {
		if strings.HasPrefix(token, "{") {
			token = base64.RawURLEncoding.EncodeToString([]byte(token))
		}
		info := f.cancel("charge", token).Failed.GetFailure().GetNexusHandlerFailureInfo()
		if info.GetType() != string(nexus.HandlerErrorTypeBadRequest) {
			t.Errorf("token %q: %v", token, info)
		}
	}
}

func TestAnOperationIsCarriedOutByAnUpdate(t *testing.T) {
	f := newFixture(t, nil, temporalnexus.MustNewTemporalOperation(temporalnexus.TemporalOperationOptions[string, int]{
		Name: "add",
		Start: func(ctx context.Context, nc temporalnexus.NexusClient, input string, _ temporalnexus.StartTemporalOperationOptions) (temporalnexus.TemporalOperationResult[int], error) {
			return temporalnexus.StartUpdateWorkflow[int](ctx, nc, client.UpdateWorkflowOptions{
				WorkflowID: "cart", UpdateName: "add", Args: []any{input}, WaitForStage: client.WorkflowUpdateStageAccepted,
			})
		},
	}))
	answer := &workflowservice.UpdateWorkflowExecutionResponse{
		UpdateRef: &updatepb.UpdateRef{UpdateId: "request", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "cart", RunId: "run"}},
		Stage:     enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED,
		Link:      callerLink,
	}
	f.server.answer = func(proto.Message) (proto.Message, error) { return answer, nil }
	if got, want := tokenOf(f.start("add", "pear")), `{"t":3,"ns":"default","wid":"cart","rid":"run","uid":"request"}`; got != want {
		t.Errorf("token %s, want %s", got, want)
	}
	request := f.server.requests[0].(*workflowservice.UpdateWorkflowExecutionRequest).GetRequest()
	if request.GetMeta().GetUpdateId() != "request" || request.GetRequestId() != "request" || len(request.GetCompletionCallbacks()) != 1 || len(request.GetLinks()) != 1 {
		t.Errorf("request %v", request)
	}

	result, _ := converter.GetDefaultDataConverter().ToPayloads(3)
	answer.Outcome = &updatepb.Outcome{Value: &updatepb.Outcome_Success{Success: result}}
	if got := string(f.start("add", "pear").Completed.GetResponse().GetStartOperation().GetSyncSuccess().GetPayload().GetData()); got != "3" {
		t.Errorf("an update that is over already gave %q", got)
	}
}

func TestOneThingCarriesOutAnOperation(t *testing.T) {
	f := newFixture(t, nil, temporalnexus.MustNewTemporalOperation(temporalnexus.TemporalOperationOptions[string, int]{
		Name: "twice",
		Start: func(ctx context.Context, nc temporalnexus.NexusClient, input string, _ temporalnexus.StartTemporalOperationOptions) (temporalnexus.TemporalOperationResult[int], error) {
			if _, err := temporalnexus.StartWorkflow(ctx, nc, client.StartWorkflowOptions{ID: "a"}, charge, input); err != nil {
				return temporalnexus.TemporalOperationResult[int]{}, err
			}
			return temporalnexus.StartWorkflow(ctx, nc, client.StartWorkflowOptions{ID: "b"}, charge, input)
		},
	}))
	f.server.answer = startsRun
	failed := f.start("twice", "x").Failed.GetFailure()
	if failed.GetNexusHandlerFailureInfo().GetType() != string(nexus.HandlerErrorTypeBadRequest) || len(f.server.requests) != 1 {
		t.Errorf("failure %v after %d requests", failed, len(f.server.requests))
	}
}

func TestErrorsOfHandlersSayWhetherToTryAgain(t *testing.T) {
	var returned error
	f := newFixture(t, nil, nexus.NewSyncOperation("fail", func(context.Context, string, nexus.StartOperationOptions) (string, error) {
		if returned == nil {
			panic("at the disco")
		}
		return "", returned
	}))
	for _, c := range []struct {
		err   error
		typ   nexus.HandlerErrorType
		retry enumspb.NexusHandlerErrorRetryBehavior
	}{
		{nil, nexus.HandlerErrorTypeInternal, 0},
		{errors.New("plain"), nexus.HandlerErrorTypeInternal, 0},
		{temporal.NewNonRetryableApplicationError("no", "T", nil), nexus.HandlerErrorTypeInternal, enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_NON_RETRYABLE},
		{serviceerror.NewInvalidArgument("x"), nexus.HandlerErrorTypeBadRequest, 0},
		{serviceerror.NewAlreadyExists("x"), nexus.HandlerErrorTypeInternal, enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_NON_RETRYABLE},
		{serviceerror.NewUnavailable("x"), nexus.HandlerErrorTypeUnavailable, 0},
		{serviceerror.NewNotFound("x"), nexus.HandlerErrorTypeNotFound, 0},
		{serviceerror.NewPermissionDenied("x", ""), nexus.HandlerErrorTypeInternal, 0},
		{serviceerror.NewUnimplemented("x"), nexus.HandlerErrorTypeNotImplemented, 0},
		{serviceerror.NewDeadlineExceeded("x"), nexus.HandlerErrorTypeUpstreamTimeout, 0},
		{&nexus.HandlerError{Type: nexus.HandlerErrorTypeUnauthorized}, nexus.HandlerErrorTypeUnauthorized, 0},
	} {
		returned = c.err
		f.modern = true
		info := f.start("fail", "x").Failed.GetFailure().GetNexusHandlerFailureInfo()
		if info.GetType() != string(c.typ) || info.GetRetryBehavior() != c.retry {
			t.Errorf("%v: %v", c.err, info)
		}
		f.modern = false
		//lint:ignore SA1019 what older servers get
		legacy := f.start("fail", "x").Failed.GetError()
		if legacy.GetErrorType() != string(c.typ) || legacy.GetRetryBehavior() != c.retry {
			t.Errorf("%v, for older servers: %v", c.err, legacy)
		}
	}
}

func TestAnOperationThatFailedIsACompletedTask(t *testing.T) {
	f := newFixture(t, nil, nexus.NewSyncOperation("fail", func(_ context.Context, state string, _ nexus.StartOperationOptions) (string, error) {
		return "", &nexus.OperationError{State: nexus.OperationState(state), Message: "why", Cause: errors.New("cause")}
	}))
	response := func(state string) *nexuspb.StartOperationResponse {
		return f.start("fail", state).Completed.GetResponse().GetStartOperation()
	}
	if got := response("failed").GetFailure(); !got.GetApplicationFailureInfo().GetNonRetryable() || got.GetApplicationFailureInfo().GetType() != "OperationError" || got.GetCause().GetMessage() != "cause" {
		t.Errorf("failed: %v", got)
	}
	if got := response("canceled").GetFailure(); got.GetCanceledFailureInfo() == nil || got.GetMessage() != "why" {
		t.Errorf("canceled: %v", got)
	}
	f.modern = false
	//lint:ignore SA1019 what older servers get
	if got := response("canceled").GetOperationError(); got.GetOperationState() != "canceled" || got.GetFailure().GetMessage() != "cause" || got.GetFailure().GetMetadata()["type"] != failure.NexusFailureType {
		t.Errorf("canceled, for older servers: %v", got)
	}
}

func TestRequestsThatMakeNoSenseAreAnsweredAsSuch(t *testing.T) {
	f := newFixture(t, nil, nexus.NewSyncOperation("double", func(_ context.Context, n int, _ nexus.StartOperationOptions) (int, error) { return 2 * n, nil }))
	for name, c := range map[string]struct {
		outcome *nexusop.Outcome
		want    nexus.HandlerErrorType
	}{
		"input of another type": {f.start("double", "x"), nexus.HandlerErrorTypeBadRequest},
		"unknown operation":     {f.start("triple", 1), nexus.HandlerErrorTypeNotFound},
		"unknown request":       {f.handle(&nexuspb.Request{}), nexus.HandlerErrorTypeNotImplemented},
		"timeout":               {f.handle(&nexuspb.Request{Header: map[string]string{"request-timeout": "soon"}}), nexus.HandlerErrorTypeBadRequest},
		"link": {f.handle(&nexuspb.Request{Variant: &nexuspb.Request_StartOperation{StartOperation: &nexuspb.StartOperationRequest{
			Service: "bank", Operation: "double", Links: []*nexuspb.Link{{Url: "%%"}}}}}), nexus.HandlerErrorTypeBadRequest},
	} {
		if got := c.outcome.Failed.GetFailure().GetNexusHandlerFailureInfo().GetType(); got != string(c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if got := string(f.start("double", 4).Completed.GetResponse().GetStartOperation().GetSyncSuccess().GetPayload().GetData()); got != "8" {
		t.Errorf("twice four is %s", got)
	}
}

func TestARequestThatTakesTooLongIsNotAnswered(t *testing.T) {
	f := newFixture(t, nil, nexus.NewSyncOperation("wait", func(ctx context.Context, _ int, _ nexus.StartOperationOptions) (int, error) {
		<-ctx.Done()
		return 0, ctx.Err()
	}))
	_, err := f.handler.Handle(&workflowservice.PollNexusTaskQueueResponse{Request: &nexuspb.Request{
		Header:  map[string]string{"request-timeout": "1ms"},
		Variant: &nexuspb.Request_StartOperation{StartOperation: &nexuspb.StartOperationRequest{Service: "bank", Operation: "wait"}},
	}})
	if !errors.Is(err, nexusop.ErrTimeout) {
		t.Errorf("err %v", err)
	}
}

func TestSignalsOfAnOperationAreLinkedWithItsCaller(t *testing.T) {
	f := newFixture(t, nil, nexus.NewSyncOperation("signal", func(ctx context.Context, _ string, _ nexus.StartOperationOptions) (string, error) {
		return "done", temporalnexus.GetClient(ctx).SignalWorkflow(ctx, "cart", "", "add", 1)
	}))
	f.server.answer = func(proto.Message) (proto.Message, error) {
		return &workflowservice.SignalWorkflowExecutionResponse{Link: callerLink}, nil
	}
	links := f.start("signal", "x").Completed.GetResponse().GetStartOperation().GetSyncSuccess().GetLinks()
	if len(links) != 1 || !strings.Contains(links[0].GetUrl(), "caller") {
		t.Errorf("links of the answer %v", links)
	}
	if got := f.server.requests[0].(*workflowservice.SignalWorkflowExecutionRequest).GetLinks(); len(got) != 1 || !proto.Equal(got[0], callerLink) {
		t.Errorf("links of the signal %v", got)
	}
}

func TestAnActivityThatAnOperationStartsIsLinkedWithItsCaller(t *testing.T) {
	f := newFixture(t, nil, nexus.NewSyncOperation("deliver", func(ctx context.Context, id string, _ nexus.StartOperationOptions) (string, error) {
		handle, err := temporalnexus.GetClient(ctx).ExecuteActivity(ctx, client.StartActivityOptions{
			ID: id, TaskQueue: "mail", StartToCloseTimeout: time.Minute,
		}, "Deliver")
		if err != nil {
			return "", err
		}
		return handle.GetID(), nil
	}))
	f.server.answer = func(proto.Message) (proto.Message, error) {
		return &workflowservice.StartActivityExecutionResponse{Link: callerLink}, nil
	}
	links := f.start("deliver", "letter").Completed.GetResponse().GetStartOperation().GetSyncSuccess().GetLinks()
	if len(links) != 1 {
		t.Errorf("links of the answer %v", links)
	}
	request := f.server.requests[0].(*workflowservice.StartActivityExecutionRequest)
	if got := request.GetLinks(); len(got) != 1 || !proto.Equal(got[0], callerLink) || !request.GetOnConflictOptions().GetAttachLinks() {
		t.Errorf("links of the activity %v, on conflict %v", got, request.GetOnConflictOptions())
	}
	if got := request.GetRequestId(); got != "request" {
		t.Errorf("its request id is %q", got)
	}
}

// counting notes what passes.
type counting struct{ seen *[]string }

func (c counting) InterceptNexusOperation(_ context.Context, next nexusop.NexusOperationInboundInterceptor) nexusop.NexusOperationInboundInterceptor {
	return &countingInbound{NexusOperationInboundInterceptorBase: nexusop.NexusOperationInboundInterceptorBase{Next: next}, seen: c.seen}
}

type countingInbound struct {
	nexusop.NexusOperationInboundInterceptorBase
	seen *[]string
}

func (c *countingInbound) Init(ctx context.Context, outbound nexusop.NexusOperationOutboundInterceptor) error {
	return c.Next.Init(ctx, &countingOutbound{nexusop.NexusOperationOutboundInterceptorBase{Next: outbound}, c.seen})
}

func (c *countingInbound) StartOperation(ctx context.Context, in nexusop.NexusStartOperationInput) (nexus.HandlerStartOperationResult[any], error) {
	*c.seen = append(*c.seen, fmt.Sprintf("start %v", in.Input))
	return c.Next.StartOperation(ctx, in)
}

type countingOutbound struct {
	nexusop.NexusOperationOutboundInterceptorBase
	seen *[]string
}

func (c *countingOutbound) GetOperationInfo(ctx context.Context) nexusop.Info {
	info := c.Next.GetOperationInfo(ctx)
	*c.seen = append(*c.seen, "info "+info.Endpoint)
	return info
}

func TestInterceptorsSeeOperationsAndWhatTheyAskFor(t *testing.T) {
	var seen []string
	f := newFixture(t, []nexusop.Interceptor{counting{&seen}}, nexus.NewSyncOperation("info", func(ctx context.Context, _ string, _ nexus.StartOperationOptions) (string, error) {
		temporalnexus.GetLogger(ctx).Info("hello")
		temporalnexus.GetMetricsHandler(ctx).Counter("c").Inc(1)
		info := temporalnexus.GetOperationInfo(ctx)
		return fmt.Sprintf("%v %+v", temporalnexus.IsNexusOperation(ctx), info), nil
	}))
	got := string(f.start("info", "x").Completed.GetResponse().GetStartOperation().GetSyncSuccess().GetPayload().GetData())
	if want := `"true {Namespace:default TaskQueue:queue Endpoint:endpoint}"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if strings.Join(seen, ", ") != "start x, info endpoint" {
		t.Errorf("seen %q", seen)
	}
	if temporalnexus.IsNexusOperation(context.Background()) {
		t.Error("any context is one of a Nexus operation")
	}
}

func TestAnOperationIsCarriedOutByAnActivity(t *testing.T) {
	f := newFixture(t, nil, temporalnexus.MustNewTemporalOperation(temporalnexus.TemporalOperationOptions[string, int]{
		Name: "resize",
		Start: func(ctx context.Context, nc temporalnexus.NexusClient, input string, _ temporalnexus.StartTemporalOperationOptions) (temporalnexus.TemporalOperationResult[int], error) {
			return temporalnexus.StartUntypedActivity[int](ctx, nc, client.StartActivityOptions{ID: "resize-" + input, StartToCloseTimeout: time.Minute}, "Resize", input)
		},
	}))
	f.server.answer = func(request proto.Message) (proto.Message, error) {
		if _, ok := request.(*workflowservice.RequestCancelActivityExecutionRequest); ok {
			return &workflowservice.RequestCancelActivityExecutionResponse{}, nil
		}
		return &workflowservice.StartActivityExecutionResponse{RunId: "run"}, nil
	}
	outcome := f.start("resize", "7")
	if got, want := tokenOf(outcome), `{"t":2,"ns":"default","aid":"resize-7","rid":"run"}`; got != want {
		t.Errorf("token %s, want %s", got, want)
	}
	start := f.server.requests[0].(*workflowservice.StartActivityExecutionRequest)
	if start.GetTaskQueue().GetName() != "queue" || start.GetRequestId() != "request" || len(start.GetCompletionCallbacks()) != 1 || len(start.GetLinks()) != 1 {
		t.Errorf("request %v", start)
	}
	f.cancel("resize", outcome.Completed.GetResponse().GetStartOperation().GetAsyncSuccess().GetOperationToken())
	if cancel := f.server.requests[1].(*workflowservice.RequestCancelActivityExecutionRequest); cancel.GetActivityId() != "resize-7" || cancel.GetRunId() != "run" {
		t.Errorf("cancelled by %v", cancel)
	}
}
