package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	iclient "github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/metrics/metricstest"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/workflow"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	querypb "go.temporal.io/api/query/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

var ctx = context.Background()

func payloads(t *testing.T, values ...any) *commonpb.Payloads {
	t.Helper()
	p, err := converter.GetDefaultDataConverter().ToPayloads(values...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func PlaceOrder(workflow.Context, string, int) error { return nil }

type shop struct{}

func (*shop) Restock(workflow.Context) error { return nil }

func startsWith(s *fakeServer, runID string) {
	on(s, func(*workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
		return &workflowservice.StartWorkflowExecutionResponse{RunId: runID, FirstExecutionRunId: "first"}, nil
	})
}

// closesWith answers the next wait for a workflow to close.
func closesWith(s *fakeServer, event *historypb.HistoryEvent) {
	on(s, func(*workflowservice.GetWorkflowExecutionHistoryRequest) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
		return &workflowservice.GetWorkflowExecutionHistoryResponse{History: &historypb.History{Events: []*historypb.HistoryEvent{event}}}, nil
	})
}

func completed(result *commonpb.Payloads, next string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes{WorkflowExecutionCompletedEventAttributes: &historypb.WorkflowExecutionCompletedEventAttributes{
			Result: result, NewExecutionRunId: next,
		}},
	}
}

func continuedAsNew(t *testing.T, next string) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionContinuedAsNewEventAttributes{WorkflowExecutionContinuedAsNewEventAttributes: &historypb.WorkflowExecutionContinuedAsNewEventAttributes{
			NewExecutionRunId: next, WorkflowType: &commonpb.WorkflowType{Name: "Next"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "q"},
			Input: payloads(t, 2), WorkflowRunTimeout: durationpb.New(time.Minute),
		}},
	}
}

func TestExecuteWorkflowSendsAllItsOptions(t *testing.T) {
	s := newFakeServer(t)
	startsWith(s, "run")
	customer := temporal.NewSearchAttributeKeyKeyword("Customer")
	run, err := s.client(client.Options{Namespace: "shop"}).ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: "order-1", TaskQueue: "orders",
		WorkflowExecutionTimeout: 3 * time.Hour, WorkflowRunTimeout: 2 * time.Hour, WorkflowTaskTimeout: time.Second,
		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		RetryPolicy:              &temporal.RetryPolicy{InitialInterval: time.Second, MaximumAttempts: 3, NonRetryableErrorTypes: []string{"Fatal"}},
		CronSchedule:             "@daily",
		Memo:                     map[string]any{"note": "gift"},
		TypedSearchAttributes:    temporal.NewSearchAttributes(customer.ValueSet("acme")),
		StartDelay:               time.Minute,
		StaticSummary:            "summary", StaticDetails: "details",
		Priority: temporal.Priority{PriorityKey: 1, FairnessKey: "acme", FairnessWeight: 2},
	}, PlaceOrder, "tea", 2)
	if err != nil {
		t.Fatal(err)
	}
	if run.GetID() != "order-1" || run.GetRunID() != "run" || run.GetFirstExecutionRunID() != "first" {
		t.Errorf("run is %q %q %q", run.GetID(), run.GetRunID(), run.GetFirstExecutionRunID())
	}
	got := request[*workflowservice.StartWorkflowExecutionRequest](s, 0)
	if got.GetRequestId() == "" {
		t.Error("no request id")
	}
	got.RequestId = ""
	attribute := payloads(t, "acme").Payloads[0]
	attribute.Metadata["type"] = []byte("Keyword")
	wantProto(t, got, &workflowservice.StartWorkflowExecutionRequest{
		Namespace: "shop", WorkflowId: "order-1", Identity: "tester",
		WorkflowType:             &commonpb.WorkflowType{Name: "PlaceOrder"},
		TaskQueue:                &taskqueuepb.TaskQueue{Name: "orders", Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		Input:                    payloads(t, "tea", 2),
		WorkflowExecutionTimeout: durationpb.New(3 * time.Hour),
		WorkflowRunTimeout:       durationpb.New(2 * time.Hour),
		WorkflowTaskTimeout:      durationpb.New(time.Second),
		WorkflowIdReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIdConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING,
		RetryPolicy: &commonpb.RetryPolicy{InitialInterval: durationpb.New(time.Second), MaximumInterval: durationpb.New(0),
			MaximumAttempts: 3, NonRetryableErrorTypes: []string{"Fatal"}},
		CronSchedule:       "@daily",
		Memo:               &commonpb.Memo{Fields: map[string]*commonpb.Payload{"note": payloads(t, "gift").Payloads[0]}},
		SearchAttributes:   &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{"Customer": attribute}},
		WorkflowStartDelay: durationpb.New(time.Minute),
		Header:             &commonpb.Header{},
		UserMetadata:       &sdkpb.UserMetadata{Summary: payloads(t, "summary").Payloads[0], Details: payloads(t, "details").Payloads[0]},
		Priority:           &commonpb.Priority{PriorityKey: 1, FairnessKey: "acme", FairnessWeight: 2},
	})
}

func TestWorkflowsAreNamedByFunctionOrByName(t *testing.T) {
	for name, c := range map[string]struct {
		workflow any
		args     []any
	}{
		"PlaceOrder": {PlaceOrder, []any{"tea", 2}},
		"Restock":    {(*shop)(nil).Restock, nil},
		"anything":   {"anything", []any{1, "two"}},
	} {
		s := newFakeServer(t)
		startsWith(s, "run")
		run, err := s.client(client.Options{}).ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "q"}, c.workflow, c.args...)
		if err != nil {
			t.Fatal(err)
		}
		q := request[*workflowservice.StartWorkflowExecutionRequest](s, 0)
		if got := q.GetWorkflowType().GetName(); got != name {
			t.Errorf("%s is named %s", name, got)
		}
		if run.GetID() == "" || q.GetWorkflowId() != run.GetID() || q.GetNamespace() != "default" {
			t.Errorf("id %q, sent %q in %q", run.GetID(), q.GetWorkflowId(), q.GetNamespace())
		}
	}
}

func TestArgumentsThatDoNotFitTheFunctionAreRefused(t *testing.T) {
	c := newFakeServer(t).client(client.Options{})
	for want, args := range map[string][]any{
		"expected 2 args for function: PlaceOrder but found 1":                   {"tea"},
		"cannot assign function argument: 3 from type: string to type: int":      {"tea", "two"},
		"cannot assign function argument: 2 from type: int to type: string":      {1, 2},
		"expected 2 args for function: PlaceOrder but found 3":                   {"tea", 2, 3},
		"cannot assign function argument: 3 from type: float64 to type: int":     {nil, 1.5},
		"cannot assign function argument: 2 from type: []string to type: string": {[]string{}, 1},
	} {
		_, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "q"}, PlaceOrder, args...)
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	if _, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "q"}, 7); err == nil {
		t.Error("a number names a workflow")
	}
}

func TestAWorkflowThatIsAlreadyStartedIsReturnedUnlessItsErrorIsWanted(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("running", "req", "theirs")
	})
	c := s.client(client.Options{})
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "w", TaskQueue: "q"}, "W")
	if err != nil || run.GetRunID() != "theirs" {
		t.Fatalf("got %v, %v", run, err)
	}
	_, err = c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "w", TaskQueue: "q", WorkflowExecutionErrorWhenAlreadyStarted: true}, "W")
	if !temporal.IsWorkflowExecutionAlreadyStartedError(err) {
		t.Fatalf("got %v", err)
	}
}

func TestGetFollowsTheWorkflowToItsLastRun(t *testing.T) {
	s := newFakeServer(t)
	startsWith(s, "run-1")
	closesWith(s, continuedAsNew(t, "run-2"))
	closesWith(s, completed(payloads(t, "cron"), "run-3"))
	closesWith(s, completed(payloads(t, "done"), ""))
	run, err := s.client(client.Options{}).ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "w", TaskQueue: "q"}, "W")
	if err != nil {
		t.Fatal(err)
	}
	var result string
	if err := run.Get(ctx, &result); err != nil || result != "done" {
		t.Fatalf("got %q, %v", result, err)
	}
	for i, want := range []string{"run-1", "run-2", "run-3"} {
		q := request[*workflowservice.GetWorkflowExecutionHistoryRequest](s, 1+i)
		wantProto(t, q, &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: "default", Execution: &commonpb.WorkflowExecution{WorkflowId: "w", RunId: want},
			WaitNewEvent: true, SkipArchival: true, HistoryEventFilterType: enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT,
		})
	}
	if run.GetRunID() != "run-3" {
		t.Errorf("run id is %s", run.GetRunID())
	}
}

func TestARunThatIsNotFollowedHasAContinueAsNewErrorForAResult(t *testing.T) {
	s := newFakeServer(t)
	closesWith(s, continuedAsNew(t, "run-2"))
	err := s.client(client.Options{}).GetWorkflow(ctx, "w", "run-1").GetWithOptions(ctx, nil, client.WorkflowRunGetOptions{DisableFollowingRuns: true})
	e := wantError[*failure.ContinueAsNewError](t, err)
	if e.WorkflowType.Name != "Next" || e.TaskQueueName != "q" || e.WorkflowRunTimeout != time.Minute || e.WorkflowTaskTimeout != 0 {
		t.Errorf("got %+v", e)
	}
}

func TestAWorkflowThatDoesNotCompleteHasAnErrorThatSaysWhy(t *testing.T) {
	app := &failurepb.Failure{Message: "no", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: "T"}}}
	for name, c := range map[string]struct {
		event *historypb.HistoryEvent
		is    func(error) bool
	}{
		"failed": {&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
			Attributes: &historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes{WorkflowExecutionFailedEventAttributes: &historypb.WorkflowExecutionFailedEventAttributes{Failure: app}}},
			temporal.IsApplicationError},
		"canceled": {&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED,
			Attributes: &historypb.HistoryEvent_WorkflowExecutionCanceledEventAttributes{WorkflowExecutionCanceledEventAttributes: &historypb.WorkflowExecutionCanceledEventAttributes{Details: payloads(t, "half")}}},
			func(err error) bool {
				var canceled *temporal.CanceledError
				var detail string
				return errors.As(err, &canceled) && canceled.Details(&detail) == nil && detail == "half"
			}},
		"terminated": {&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED}, temporal.IsTerminatedError},
		"timed out": {&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT,
			Attributes: &historypb.HistoryEvent_WorkflowExecutionTimedOutEventAttributes{WorkflowExecutionTimedOutEventAttributes: &historypb.WorkflowExecutionTimedOutEventAttributes{}}},
			func(err error) bool {
				var timeout *temporal.TimeoutError
				return errors.As(err, &timeout) && timeout.TimeoutType() == enumspb.TIMEOUT_TYPE_START_TO_CLOSE
			}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newFakeServer(t)
			startsWith(s, "r")
			closesWith(s, c.event)
			run, err := s.client(client.Options{}).ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: "w", TaskQueue: "q"}, "W")
			if err != nil {
				t.Fatal(err)
			}
			err = run.Get(ctx, nil)
			e := wantError[*temporal.WorkflowExecutionError](t, err)
			if !strings.HasPrefix(e.Error(), "workflow execution error (type: W, workflowID: w, runID: r): ") {
				t.Errorf("error is %v", e)
			}
			if !c.is(err) {
				t.Errorf("cause is %v", errors.Unwrap(err))
			}
		})
	}
}

func TestGetRefusesWhatIsNotAPointer(t *testing.T) {
	if err := newFakeServer(t).client(client.Options{}).GetWorkflow(ctx, "w", "r").Get(ctx, "not a pointer"); err == nil {
		t.Fatal("no error")
	}
}

func TestGetWaitsAgainWhenAWaitEndsWithoutNews(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.GetWorkflowExecutionHistoryRequest) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
		return &workflowservice.GetWorkflowExecutionHistoryResponse{History: &historypb.History{}, NextPageToken: []byte("go on")}, nil
	})
	closesWith(s, completed(nil, ""))
	if err := s.client(client.Options{}).GetWorkflow(ctx, "w", "r").Get(ctx, nil); err != nil {
		t.Fatal(err)
	}
	if got := request[*workflowservice.GetWorkflowExecutionHistoryRequest](s, 1).GetNextPageToken(); string(got) != "go on" {
		t.Fatalf("token is %q", got)
	}
}

func TestAWorkflowWithoutARunIDIsLookedUpWhenItIsUsed(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
		return nil, serviceerror.NewNotFound("not yet")
	})
	on(s, func(*workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
		return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
			Execution: &commonpb.WorkflowExecution{WorkflowId: "w", RunId: "found"}}}, nil
	})
	run := s.client(client.Options{}).GetWorkflow(ctx, "w", "")
	if len(s.requests) != 0 {
		t.Error("looked up before it is used")
	}
	if got := run.GetRunID(); got != "" {
		t.Errorf("run id is %q before there is one", got)
	}
	if got := run.GetRunID(); got != "found" {
		t.Errorf("run id is %q", got)
	}
	if run.GetRunID(); len(s.requests) != 2 {
		t.Errorf("looked up %d times", len(s.requests))
	}
}

func TestHistoryIsReadPageByPage(t *testing.T) {
	s := newFakeServer(t)
	page := func(token string, ids ...int64) {
		on(s, func(*workflowservice.GetWorkflowExecutionHistoryRequest) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
			history := &historypb.History{}
			for _, id := range ids {
				history.Events = append(history.Events, &historypb.HistoryEvent{EventId: id})
			}
			return &workflowservice.GetWorkflowExecutionHistoryResponse{History: history, NextPageToken: []byte(token)}, nil
		})
	}
	page("a", 1, 2)
	page("b")
	page("c", 3)
	on(s, func(*workflowservice.GetWorkflowExecutionHistoryRequest) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
		raw, err := proto.Marshal(&historypb.History{Events: []*historypb.HistoryEvent{{EventId: 4}}})
		return &workflowservice.GetWorkflowExecutionHistoryResponse{RawHistory: []*commonpb.DataBlob{{EncodingType: enumspb.ENCODING_TYPE_PROTO3, Data: raw}}}, err
	})
	iter := s.client(client.Options{}).GetWorkflowHistory(ctx, "w", "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	var ids []int64
	for iter.HasNext() {
		event, err := iter.Next()
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, event.GetEventId())
	}
	if len(ids) != 4 || ids[3] != 4 {
		t.Fatalf("got events %v", ids)
	}
}

func TestHistoryEndsWithAnErrorOnce(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.GetWorkflowExecutionHistoryRequest) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
		return nil, serviceerror.NewNotFound("gone")
	})
	iter := s.client(client.Options{}).GetWorkflowHistory(ctx, "w", "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !iter.HasNext() {
		t.Fatal("the error is not announced")
	}
	if _, err := iter.Next(); !errors.As(err, new(*serviceerror.NotFound)) {
		t.Fatalf("got %v", err)
	}
	if iter.HasNext() {
		t.Fatal("there is more after the error")
	}
}

func TestHistoryIsReadFromJSONOfAllVersions(t *testing.T) {
	const old = `{"events":[{"eventId":"1","eventType":"WorkflowExecutionStarted"},{"eventId":"2","eventType":"EVENT_TYPE_WORKFLOW_TASK_SCHEDULED","notYetThought":1},{"eventId":"3"}]}`
	history, err := client.HistoryFromJSON(strings.NewReader(old), client.HistoryJSONOptions{LastEventID: 2})
	if err != nil {
		t.Fatal(err)
	}
	if len(history.Events) != 2 || history.Events[0].EventType != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED || history.Events[1].EventType != enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED {
		t.Fatalf("got %v", history)
	}
}

type requester struct{ key, value string }

type requesterKey struct{}

func (requester) InjectFromWorkflow(workflow.Context, workflow.HeaderWriter) error { return nil }

func (requester) ExtractToWorkflow(ctx workflow.Context, _ workflow.HeaderReader) (workflow.Context, error) {
	return ctx, nil
}

func (p requester) Inject(ctx context.Context, to workflow.HeaderWriter) error {
	if v, ok := ctx.Value(requesterKey{}).(string); ok {
		to.Set(p.key, &commonpb.Payload{Data: []byte(p.value + v)})
	}
	return nil
}

func (p requester) Extract(ctx context.Context, from workflow.HeaderReader) (context.Context, error) {
	if v, ok := from.Get(p.key); ok {
		return context.WithValue(ctx, requesterKey{}, string(v.GetData())), nil
	}
	return ctx, nil
}

func TestContextPropagatorsWriteTheHeader(t *testing.T) {
	s := newFakeServer(t)
	startsWith(s, "run")
	on(s, func(*workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
		return nil, nil
	})
	on(s, func(*workflowservice.QueryWorkflowRequest) (*workflowservice.QueryWorkflowResponse, error) {
		return nil, nil
	})
	on(s, func(*workflowservice.SignalWithStartWorkflowExecutionRequest) (*workflowservice.SignalWithStartWorkflowExecutionResponse, error) {
		return nil, nil
	})
	c := s.client(client.Options{ContextPropagators: []workflow.ContextPropagator{requester{key: "by"}}})
	ctx := context.WithValue(ctx, requesterKey{}, "ann")
	want := &commonpb.Header{Fields: map[string]*commonpb.Payload{"by": {Data: []byte("ann")}}}

	if _, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "q"}, "W"); err != nil {
		t.Fatal(err)
	}
	wantProto(t, request[*workflowservice.StartWorkflowExecutionRequest](s, 0).GetHeader(), want)
	if err := c.SignalWorkflow(ctx, "w", "", "s", nil); err != nil {
		t.Fatal(err)
	}
	wantProto(t, request[*workflowservice.SignalWorkflowExecutionRequest](s, 1).GetHeader(), want)
	if _, err := c.QueryWorkflow(ctx, "w", "", "q"); err != nil {
		t.Fatal(err)
	}
	wantProto(t, request[*workflowservice.QueryWorkflowRequest](s, 2).GetQuery().GetHeader(), want)
	if _, err := c.SignalWithStartWorkflow(ctx, "w", "s", nil, client.StartWorkflowOptions{TaskQueue: "q"}, "W"); err != nil {
		t.Fatal(err)
	}
	wantProto(t, request[*workflowservice.SignalWithStartWorkflowExecutionRequest](s, 3).GetHeader(), want)

	given := &commonpb.Header{Fields: map[string]*commonpb.Payload{"by": {Data: []byte("bob")}, "trace": {Data: []byte("1")}}}
	if _, err := c.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{WorkflowID: "w", QueryType: "q", Header: given}); err != nil {
		t.Fatal(err)
	}
	wantProto(t, request[*workflowservice.QueryWorkflowRequest](s, 4).GetQuery().GetHeader(), given)
}

func TestSignalsCarryOneArgumentAndAnIDOfTheirOwn(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
		return nil, nil
	})
	if err := s.client(client.Options{}).SignalWorkflow(ctx, "w", "r", "paid", 12); err != nil {
		t.Fatal(err)
	}
	got := request[*workflowservice.SignalWorkflowExecutionRequest](s, 0)
	if got.GetRequestId() == "" {
		t.Error("no request id")
	}
	got.RequestId = ""
	wantProto(t, got, &workflowservice.SignalWorkflowExecutionRequest{
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w", RunId: "r"},
		SignalName: "paid", Input: payloads(t, 12), Identity: "tester", Header: &commonpb.Header{},
	})
}

func TestSignalWithStartRefusesTwoIDs(t *testing.T) {
	_, err := newFakeServer(t).client(client.Options{}).SignalWithStartWorkflow(ctx, "w", "s", nil, client.StartWorkflowOptions{ID: "other", TaskQueue: "q"}, "W")
	if err == nil {
		t.Fatal("no error")
	}
}

func TestCancelAndTerminateAreGuardedByTheFirstRun(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.RequestCancelWorkflowExecutionRequest) (*workflowservice.RequestCancelWorkflowExecutionResponse, error) {
		return nil, nil
	})
	on(s, func(*workflowservice.TerminateWorkflowExecutionRequest) (*workflowservice.TerminateWorkflowExecutionResponse, error) {
		return nil, nil
	})
	c := s.client(client.Options{})
	if err := c.CancelWorkflowWithOptions(ctx, client.CancelWorkflowOptions{WorkflowID: "w", RunID: "r", FirstExecutionRunID: "f", Reason: "late"}); err != nil {
		t.Fatal(err)
	}
	cancel := request[*workflowservice.RequestCancelWorkflowExecutionRequest](s, 0)
	if cancel.GetRequestId() == "" {
		t.Error("no request id")
	}
	cancel.RequestId = ""
	wantProto(t, cancel, &workflowservice.RequestCancelWorkflowExecutionRequest{
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w", RunId: "r"}, FirstExecutionRunId: "f", Reason: "late", Identity: "tester",
	})
	if err := c.TerminateWorkflowWithOptions(ctx, client.TerminateWorkflowOptions{WorkflowID: "w", RunID: "r", FirstExecutionRunID: "f", Reason: "late", Details: []any{1}}); err != nil {
		t.Fatal(err)
	}
	wantProto(t, request[*workflowservice.TerminateWorkflowExecutionRequest](s, 1), &workflowservice.TerminateWorkflowExecutionRequest{
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w", RunId: "r"}, FirstExecutionRunId: "f", Reason: "late", Details: payloads(t, 1), Identity: "tester",
	})
}

func TestARejectedQueryIsAnErrorOrPartOfTheResponse(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.QueryWorkflowRequest) (*workflowservice.QueryWorkflowResponse, error) {
		return &workflowservice.QueryWorkflowResponse{QueryRejected: &querypb.QueryRejected{Status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED}}, nil
	})
	c := s.client(client.Options{})
	_, err := c.QueryWorkflow(ctx, "w", "", "q", 1)
	wantError[*temporal.QueryRejectedError](t, err)
	response, err := c.QueryWorkflowWithOptions(ctx, &client.QueryWorkflowWithOptionsRequest{WorkflowID: "w", QueryType: "q", QueryRejectCondition: enumspb.QUERY_REJECT_CONDITION_NOT_OPEN})
	if err != nil || response.QueryResult != nil || response.QueryRejected.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
		t.Fatalf("got %v, %v", response, err)
	}
	if got := request[*workflowservice.QueryWorkflowRequest](s, 1).GetQueryRejectCondition(); got != enumspb.QUERY_REJECT_CONDITION_NOT_OPEN {
		t.Errorf("condition is %v", got)
	}
}

func TestDescribeWorkflowDecodesWhatTheServerKnows(t *testing.T) {
	s := newFakeServer(t)
	started := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	attribute := payloads(t, "acme").Payloads[0]
	attribute.Metadata["type"] = []byte("Keyword")
	wrong := payloads(t, "not a number").Payloads[0]
	wrong.Metadata["type"] = []byte("Int")
	on(s, func(*workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
		return &workflowservice.DescribeWorkflowExecutionResponse{
			ExecutionConfig: &workflowpb.WorkflowExecutionConfig{UserMetadata: &sdkpb.UserMetadata{Summary: payloads(t, "sum").Payloads[0]}},
			WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
				Execution: &commonpb.WorkflowExecution{WorkflowId: "w", RunId: "r"}, Type: &commonpb.WorkflowType{Name: "W"}, TaskQueue: "q",
				Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, StartTime: timestamppb.New(started), HistoryLength: 7,
				ParentExecution:  &commonpb.WorkflowExecution{WorkflowId: "p", RunId: "pr"},
				Memo:             &commonpb.Memo{Fields: map[string]*commonpb.Payload{"n": payloads(t, 5).Payloads[0]}},
				SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{"Customer": attribute, "Broken": wrong}},
			},
		}, nil
	})
	d, err := s.client(client.Options{}).DescribeWorkflow(ctx, "w", "")
	if err != nil {
		t.Fatal(err)
	}
	if d.WorkflowExecution.RunID != "r" || d.WorkflowType.Name != "W" || d.TaskQueueName != "q" || d.HistoryLength != 7 ||
		!d.WorkflowStartTime.Equal(started) || d.WorkflowCloseTime != nil || d.ExecutionTime != nil ||
		d.ParentWorkflowExecution.ID != "p" || d.RootWorkflowExecution != nil {
		t.Errorf("got %+v", d.WorkflowExecutionMetadata)
	}
	if got, ok := d.TypedSearchAttributes.GetKeyword(temporal.NewSearchAttributeKeyKeyword("Customer")); !ok || got != "acme" {
		t.Errorf("search attribute is %q, %v", got, ok)
	}
	if d.TypedSearchAttributes.Size() != 1 {
		t.Errorf("%d search attributes", d.TypedSearchAttributes.Size())
	}
	if summary, err := d.GetStaticSummary(); err != nil || summary != "sum" {
		t.Errorf("summary is %q, %v", summary, err)
	}
	if details, err := d.GetStaticDetails(); err != nil || details != "" {
		t.Errorf("details are %q, %v", details, err)
	}
	var n int
	if err := d.GetMemoValue("n", &n); err != nil || n != 5 {
		t.Errorf("memo is %d, %v", n, err)
	}
	if err := d.GetMemoValue("none", &n); !errors.Is(err, temporal.ErrNoData) {
		t.Errorf("missing memo is %v", err)
	}
}

func TestActivitiesAreCompletedByWhatTheyEndedWith(t *testing.T) {
	completes := func(s *fakeServer) {
		on(s, func(*workflowservice.RespondActivityTaskCompletedRequest) (*workflowservice.RespondActivityTaskCompletedResponse, error) {
			return nil, nil
		})
		on(s, func(*workflowservice.RespondActivityTaskCanceledRequest) (*workflowservice.RespondActivityTaskCanceledResponse, error) {
			return nil, nil
		})
		on(s, func(*workflowservice.RespondActivityTaskFailedByIdRequest) (*workflowservice.RespondActivityTaskFailedByIdResponse, error) {
			return nil, nil
		})
	}
	token := []byte("token")
	t.Run("a result", func(t *testing.T) {
		s := newFakeServer(t)
		completes(s)
		if err := s.client(client.Options{}).CompleteActivity(ctx, token, 3, nil); err != nil {
			t.Fatal(err)
		}
		wantProto(t, request[*workflowservice.RespondActivityTaskCompletedRequest](s, 0), &workflowservice.RespondActivityTaskCompletedRequest{
			Namespace: "default", TaskToken: token, Result: payloads(t, 3), Identity: "tester"})
	})
	t.Run("a cancellation with details", func(t *testing.T) {
		s := newFakeServer(t)
		completes(s)
		if err := s.client(client.Options{}).CompleteActivity(ctx, token, nil, temporal.NewCanceledError("half")); err != nil {
			t.Fatal(err)
		}
		wantProto(t, request[*workflowservice.RespondActivityTaskCanceledRequest](s, 0), &workflowservice.RespondActivityTaskCanceledRequest{
			Namespace: "default", TaskToken: token, Details: payloads(t, "half"), Identity: "tester"})
	})
	t.Run("a canceled context", func(t *testing.T) {
		s := newFakeServer(t)
		completes(s)
		if err := s.client(client.Options{}).CompleteActivity(ctx, token, nil, context.Canceled); err != nil {
			t.Fatal(err)
		}
		request[*workflowservice.RespondActivityTaskCanceledRequest](s, 0)
	})
	t.Run("an error, by id", func(t *testing.T) {
		s := newFakeServer(t)
		completes(s)
		if err := s.client(client.Options{}).CompleteActivityByID(ctx, "ns", "w", "r", "a", nil, errors.New("no")); err != nil {
			t.Fatal(err)
		}
		wantProto(t, request[*workflowservice.RespondActivityTaskFailedByIdRequest](s, 0), &workflowservice.RespondActivityTaskFailedByIdRequest{
			Namespace: "ns", WorkflowId: "w", RunId: "r", ActivityId: "a", ResourceId: "workflow:w", Identity: "tester",
			Failure: &failurepb.Failure{Message: "no", Source: "GoSDK", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{}}}})
	})
	t.Run("nothing yet", func(t *testing.T) {
		s := newFakeServer(t)
		if err := s.client(client.Options{}).CompleteActivity(ctx, token, nil, failure.ErrActivityResultPending); err != nil || len(s.requests) != 0 {
			t.Fatalf("%v after %d requests", err, len(s.requests))
		}
	})
	t.Run("without saying which", func(t *testing.T) {
		c := newFakeServer(t).client(client.Options{})
		if err := c.CompleteActivity(ctx, nil, 1, nil); err == nil {
			t.Error("no token, no error")
		}
		if err := c.CompleteActivityByID(ctx, "ns", "", "", "a", 1, nil); err == nil {
			t.Error("no workflow id, no error")
		}
		if err := c.CompleteActivityByActivityID(ctx, "ns", "", "", 1, nil); err == nil {
			t.Error("no activity id, no error")
		}
	})
}

func TestHeartbeatsTellWhyTheActivityShouldStop(t *testing.T) {
	for name, c := range map[string]struct {
		reply *workflowservice.RecordActivityTaskHeartbeatResponse
		is    func(error) bool
	}{
		"nothing":  {&workflowservice.RecordActivityTaskHeartbeatResponse{}, func(err error) bool { return err == nil }},
		"canceled": {&workflowservice.RecordActivityTaskHeartbeatResponse{CancelRequested: true}, temporal.IsCanceledError},
		"paused":   {&workflowservice.RecordActivityTaskHeartbeatResponse{ActivityPaused: true}, func(err error) bool { return err == failure.ErrActivityPaused }},
		"reset":    {&workflowservice.RecordActivityTaskHeartbeatResponse{ActivityReset: true}, func(err error) bool { return err == failure.ErrActivityReset }},
	} {
		s := newFakeServer(t)
		on(s, func(*workflowservice.RecordActivityTaskHeartbeatRequest) (*workflowservice.RecordActivityTaskHeartbeatResponse, error) {
			return c.reply, nil
		})
		if err := s.client(client.Options{}).RecordActivityHeartbeat(ctx, []byte("token"), "half"); !c.is(err) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// scoped is a data converter that marks payloads with whose they are.
type scoped struct {
	converter.DataConverter
	of converter.SerializationContext
}

func (s scoped) WithSerializationContext(of converter.SerializationContext) converter.DataConverter {
	s.of = of
	return s
}

func (s scoped) ToPayloads(values ...any) (*commonpb.Payloads, error) {
	p, err := s.DataConverter.ToPayloads(values...)
	for _, payload := range p.GetPayloads() {
		switch of := s.of.(type) {
		case converter.WorkflowSerializationContext:
			payload.Metadata["of"] = []byte(of.Namespace + "/" + of.WorkflowID)
		case converter.ActivitySerializationContext:
			payload.Metadata["of"] = []byte(of.Namespace + "/" + of.WorkflowID + "/" + of.ActivityType)
		}
	}
	return p, err
}

func TestDataConvertersKnowWhosePayloadsTheyMake(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
		return nil, nil
	})
	on(s, func(*workflowservice.RespondActivityTaskCompletedRequest) (*workflowservice.RespondActivityTaskCompletedResponse, error) {
		return nil, nil
	})
	c := s.client(client.Options{DataConverter: scoped{DataConverter: converter.GetDefaultDataConverter()}})
	if err := c.SignalWorkflow(ctx, "w", "", "s", 1); err != nil {
		t.Fatal(err)
	}
	if got := string(request[*workflowservice.SignalWorkflowExecutionRequest](s, 0).GetInput().GetPayloads()[0].GetMetadata()["of"]); got != "default/w" {
		t.Errorf("signal is of %q", got)
	}
	if err := c.CompleteActivityWithOptions(ctx, client.CompleteActivityOptions{TaskToken: []byte("t"), Result: 1, WorkflowID: "w", ActivityType: "A"}); err != nil {
		t.Fatal(err)
	}
	if got := string(request[*workflowservice.RespondActivityTaskCompletedRequest](s, 1).GetResult().GetPayloads()[0].GetMetadata()["of"]); got != "default/w/A" {
		t.Errorf("result is of %q", got)
	}
}

func TestListsAreOfTheClientsNamespace(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
		return nil, nil
	})
	c := s.client(client.Options{Namespace: "shop"})
	for want, namespace := range map[string]string{"shop": "", "other": "other"} {
		s.requests = nil
		if _, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Namespace: namespace}); err != nil {
			t.Fatal(err)
		}
		if got := request[*workflowservice.ListWorkflowExecutionsRequest](s, 0).GetNamespace(); got != want {
			t.Errorf("namespace is %q, want %q", got, want)
		}
	}
}

func TestClientsFromAnExistingOneShareItsConnection(t *testing.T) {
	s := newFakeServer(t)
	startsWith(s, "run")
	first := s.client(client.Options{})
	second, err := client.NewClientFromExisting(first, client.Options{Namespace: "other"})
	if err != nil {
		t.Fatal(err)
	}
	first.Close()
	first.Close()
	if _, err := second.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "q"}, "W"); err != nil {
		t.Fatalf("after the first is closed: %v", err)
	}
	if got := request[*workflowservice.StartWorkflowExecutionRequest](s, 0).GetNamespace(); got != "other" {
		t.Errorf("namespace is %q", got)
	}
	second.Close()
	if _, err := second.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "q"}, "W"); err == nil {
		t.Fatal("no error after both are closed")
	}
	if _, err := client.NewClientFromExisting(struct{ client.Client }{first}, client.Options{}); err == nil {
		t.Fatal("a client of another make is taken")
	}
}

func TestCallsOfAClientFromAnExistingOneAreMeasuredByItsHandlerOrElseByTheOther(t *testing.T) {
	first, own := metricstest.New(), metricstest.New()
	s := newFakeServer(t)
	startsWith(s, "run")
	existing := s.client(client.Options{MetricsHandler: first})
	for _, options := range []client.Options{{Namespace: "other"}, {Namespace: "third", MetricsHandler: own}} {
		c, err := client.NewClientFromExisting(existing, options)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "q"}, "W"); err != nil {
			t.Fatal(err)
		}
	}
	if got := first.Value("temporal_request", "operation", "StartWorkflowExecution", "namespace", "other"); got != 1 {
		t.Errorf("the handler of the existing client counted %v calls of one without", got)
	}
	if got := own.Value("temporal_request", "operation", "StartWorkflowExecution", "namespace", "third"); got != 1 {
		t.Errorf("its own handler counted %v calls", got)
	}
}

func TestDialFailsIfTheServerDoesNotAnswer(t *testing.T) {
	s := newFakeServer(t)
	s.handlers["GetSystemInfo"] = nil
	on(s, func(*workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
		return nil, serviceerror.NewUnavailable("nobody home")
	})
	c, err := client.Dial(client.Options{ConnectionOptions: client.ConnectionOptions{Conn: s}})
	if c != nil || !errors.As(err, new(*serviceerror.Unavailable)) {
		t.Fatalf("got %v, %v", c, err)
	}
}

func TestWorkersFindInAClientWhatTheyNeed(t *testing.T) {
	backend, err := iclient.BackendOf(newFakeServer(t).client(client.Options{Namespace: "shop"}))
	if err != nil {
		t.Fatal(err)
	}
	if backend.Namespace != "shop" || backend.Identity != "tester" || backend.IdentityIsDefault || backend.Logger == nil ||
		backend.DataConverter == nil || backend.FailureConverter == nil || backend.Service == nil {
		t.Errorf("got %+v", backend)
	}
	if _, err := backend.Capabilities(ctx); err != nil {
		t.Error(err)
	}
	if _, err := iclient.BackendOf(struct{}{}); err == nil {
		t.Error("a client of another make is taken")
	}
}

func TestCallsAboutARunAreMeasuredWithItsTypeAndTaskQueue(t *testing.T) {
	recorder := metricstest.New()
	s := newFakeServer(t)
	startsWith(s, "r")
	closesWith(s, completed(nil, ""))
	run, err := s.client(client.Options{MetricsHandler: recorder}).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "w", TaskQueue: "queue"}, "Order")
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Get(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for name, operation := range map[string]string{"temporal_request": "StartWorkflowExecution", "temporal_long_request": "GetWorkflowExecutionHistory"} {
		if got := recorder.Value(name, "workflow_type", "Order", "task_queue", "queue", "operation", operation); got != 1 {
			t.Errorf("%s of %s was counted %v times", name, operation, got)
		}
	}
}
