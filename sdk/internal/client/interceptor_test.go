package client_test

import (
	"context"
	"slices"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/interceptor"
)

// tracer is an interceptor that writes down the calls that pass it, and its name into
// their headers.
type tracer struct {
	interceptor.ClientInterceptorBase
	name  string
	calls *[]string
}

func (t *tracer) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	return &traced{interceptor.ClientOutboundInterceptorBase{Next: next}, t}
}

type traced struct {
	interceptor.ClientOutboundInterceptorBase
	*tracer
}

func (t *traced) note(ctx context.Context, call string) {
	*t.calls = append(*t.calls, t.name+" "+call)
	if fields := interceptor.Header(ctx); fields != nil {
		fields[t.name] = &commonpb.Payload{}
	}
}

func (t *traced) ExecuteWorkflow(ctx context.Context, in *interceptor.ClientExecuteWorkflowInput) (client.WorkflowRun, error) {
	t.note(ctx, "execute "+in.WorkflowType+" "+in.Options.ID)
	return t.Next.ExecuteWorkflow(ctx, in)
}

func (t *traced) SignalWorkflow(ctx context.Context, in *interceptor.ClientSignalWorkflowInput) error {
	t.note(ctx, "signal "+in.SignalName)
	return t.Next.SignalWorkflow(ctx, in)
}

func (t *traced) SignalWithStartWorkflow(ctx context.Context, in *interceptor.ClientSignalWithStartWorkflowInput) (client.WorkflowRun, error) {
	t.note(ctx, "signal with start "+in.SignalName+" "+in.Options.ID)
	return t.Next.SignalWithStartWorkflow(ctx, in)
}

func (t *traced) CancelWorkflow(ctx context.Context, in *interceptor.ClientCancelWorkflowInput) error {
	t.note(ctx, "cancel "+in.WorkflowID)
	return t.Next.CancelWorkflow(ctx, in)
}

func (t *traced) TerminateWorkflow(ctx context.Context, in *interceptor.ClientTerminateWorkflowInput) error {
	t.note(ctx, "terminate "+in.Reason)
	return t.Next.TerminateWorkflow(ctx, in)
}

func (t *traced) QueryWorkflow(ctx context.Context, in *interceptor.ClientQueryWorkflowInput) (converter.EncodedValue, error) {
	t.note(ctx, "query "+in.QueryType)
	return t.Next.QueryWorkflow(ctx, in)
}

func (t *traced) DescribeWorkflow(ctx context.Context, in *interceptor.ClientDescribeWorkflowInput) (*interceptor.ClientDescribeWorkflowOutput, error) {
	t.note(ctx, "describe "+in.WorkflowID)
	return t.Next.DescribeWorkflow(ctx, in)
}

func TestTheFirstInterceptorOfAClientIsOutermost(t *testing.T) {
	var calls []string
	s := newFakeServer(t)
	var header *commonpb.Header
	on(s, func(r *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error) {
		header = r.GetHeader()
		return &workflowservice.StartWorkflowExecutionResponse{RunId: "run"}, nil
	})
	c := s.client(client.Options{Interceptors: []interceptor.ClientInterceptor{
		&tracer{name: "A", calls: &calls}, &tracer{name: "B", calls: &calls},
	}})
	if _, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "id", TaskQueue: "queue"}, "Order"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"A execute Order id", "B execute Order id"}; !slices.Equal(calls, want) {
		t.Fatalf("the calls are %q, want %q", calls, want)
	}
	if fields := header.GetFields(); len(fields) != 2 || fields["A"] == nil || fields["B"] == nil {
		t.Fatalf("the header is %v", fields)
	}
}

func TestInterceptorsSeeAllCallsAboutAWorkflow(t *testing.T) {
	var calls []string
	s := newFakeServer(t)
	on(s, func(*workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
		return nil, nil
	})
	on(s, func(r *workflowservice.SignalWithStartWorkflowExecutionRequest) (*workflowservice.SignalWithStartWorkflowExecutionResponse, error) {
		return nil, nil
	})
	on(s, func(*workflowservice.RequestCancelWorkflowExecutionRequest) (*workflowservice.RequestCancelWorkflowExecutionResponse, error) {
		return nil, nil
	})
	on(s, func(*workflowservice.TerminateWorkflowExecutionRequest) (*workflowservice.TerminateWorkflowExecutionResponse, error) {
		return nil, nil
	})
	on(s, func(*workflowservice.QueryWorkflowRequest) (*workflowservice.QueryWorkflowResponse, error) {
		return &workflowservice.QueryWorkflowResponse{}, nil
	})
	on(s, func(*workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
		return &workflowservice.DescribeWorkflowExecutionResponse{}, nil
	})
	c := s.client(client.Options{Interceptors: []interceptor.ClientInterceptor{&tracer{name: "A", calls: &calls}}})
	ctx := t.Context()
	_, started := c.SignalWithStartWorkflow(ctx, "id", "go", 1, client.StartWorkflowOptions{TaskQueue: "queue"}, "Order")
	_, queried := c.QueryWorkflow(ctx, "id", "", "state")
	_, described := c.DescribeWorkflow(ctx, "id", "")
	for _, err := range []error{
		started, queried, described,
		c.SignalWorkflow(ctx, "id", "", "go", 1),
		c.CancelWorkflow(ctx, "id", ""),
		c.TerminateWorkflow(ctx, "id", "", "enough"),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	want := []string{"A signal with start go id", "A query state", "A describe id", "A signal go", "A cancel id", "A terminate enough"}
	if !slices.Equal(calls, want) {
		t.Fatalf("the calls are %q, want %q", calls, want)
	}
}

func TestAQuerysOwnHeaderIsSentWithThatOfInterceptors(t *testing.T) {
	var calls []string
	s := newFakeServer(t)
	var query *querypb.WorkflowQuery
	on(s, func(r *workflowservice.QueryWorkflowRequest) (*workflowservice.QueryWorkflowResponse, error) {
		query = r.GetQuery()
		return &workflowservice.QueryWorkflowResponse{}, nil
	})
	c := s.client(client.Options{Interceptors: []interceptor.ClientInterceptor{&tracer{name: "A", calls: &calls}}})
	given := &commonpb.Header{Fields: map[string]*commonpb.Payload{"own": {}}}
	if _, err := c.QueryWorkflowWithOptions(t.Context(), &client.QueryWorkflowWithOptionsRequest{WorkflowID: "id", QueryType: "q", Header: given}); err != nil {
		t.Fatal(err)
	}
	if fields := query.GetHeader().GetFields(); len(fields) != 2 || fields["own"] == nil || fields["A"] == nil {
		t.Fatalf("the header is %v", fields)
	}
	if len(given.Fields) != 1 {
		t.Fatalf("the caller's header was changed to %v", given.Fields)
	}
}
