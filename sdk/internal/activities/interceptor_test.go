package activities

import (
	"context"
	"errors"
	"slices"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/header"
)

// tracer is an interceptor that writes down the calls that pass it.
type tracer struct {
	name  string
	calls *[]string
}

func (t *tracer) note(call string) { *t.calls = append(*t.calls, t.name+" "+call) }

func (t *tracer) InterceptActivity(_ context.Context, next ActivityInboundInterceptor) ActivityInboundInterceptor {
	return &tracedInbound{ActivityInboundInterceptorBase{Next: next}, t}
}

type tracedInbound struct {
	ActivityInboundInterceptorBase
	*tracer
}

func (i *tracedInbound) Init(outbound ActivityOutboundInterceptor) error {
	return i.Next.Init(&tracedOutbound{ActivityOutboundInterceptorBase{Next: outbound}, i.tracer})
}

func (i *tracedInbound) ExecuteActivity(ctx context.Context, in *ExecuteActivityInput) (any, error) {
	i.note("execute " + string(header.FieldsOf(ctx)["id"].GetData()))
	return i.Next.ExecuteActivity(ctx, in)
}

type tracedOutbound struct {
	ActivityOutboundInterceptorBase
	*tracer
}

func (o *tracedOutbound) GetInfo(ctx context.Context) Info {
	o.note("info")
	return o.Next.GetInfo(ctx)
}

func TestTheFirstInterceptorOfActivitiesIsOutermost(t *testing.T) {
	var calls []string
	h := newHarness(t)
	h.options.Interceptors = []ActivityInterceptor{&tracer{"A", &calls}, &tracer{"B", &calls}}
	h.register(t, "Look", func(ctx context.Context) error {
		if header.FieldsOf(ctx) != nil {
			return errors.New("activity code sees a header")
		}
		if Calls(ctx).GetInfo(ctx).ActivityID != "7" {
			return errors.New("the info is lost")
		}
		return nil
	})
	task := h.task(t, "Look")
	task.Header = &commonpb.Header{Fields: map[string]*commonpb.Payload{"id": {Data: []byte("trace")}}}
	if response, ok := h.run(t, task).(*workflowservice.RespondActivityTaskCompletedRequest); !ok {
		t.Fatalf("the response is %v", response)
	}
	if want := []string{"A execute trace", "B execute trace", "B info", "A info"}; !slices.Equal(calls, want) {
		t.Fatalf("the calls are %q, want %q", calls, want)
	}
}

func TestAnInterceptorChangesArgumentsAndResult(t *testing.T) {
	h := newHarness(t)
	h.options.Interceptors = []ActivityInterceptor{shouting{}}
	h.register(t, "Greet", func(name string) (string, error) { return "hello " + name, nil })
	completed, ok := h.run(t, h.task(t, "Greet", "world")).(*workflowservice.RespondActivityTaskCompletedRequest)
	if !ok || text(completed.GetResult()) != `"hello WORLD!"` {
		t.Fatalf("the response is %v", h.service.responses[0])
	}
}

type shouting struct{}

func (shouting) InterceptActivity(_ context.Context, next ActivityInboundInterceptor) ActivityInboundInterceptor {
	return &shoutingInbound{ActivityInboundInterceptorBase{Next: next}}
}

type shoutingInbound struct{ ActivityInboundInterceptorBase }

func (i *shoutingInbound) ExecuteActivity(ctx context.Context, in *ExecuteActivityInput) (any, error) {
	result, err := i.Next.ExecuteActivity(ctx, &ExecuteActivityInput{Args: []any{"WORLD"}})
	return result.(string) + "!", err
}

func TestAPanickingInterceptorFailsTheActivity(t *testing.T) {
	h := newHarness(t)
	h.options.Interceptors = []ActivityInterceptor{panicking{}}
	h.register(t, "Greet", func() error { return nil })
	if err := h.failure(t, h.task(t, "Greet")); err == nil || err.Error() != "interceptor" {
		t.Fatalf("the activity failed with %v", err)
	}
}

type panicking struct{}

func (panicking) InterceptActivity(context.Context, ActivityInboundInterceptor) ActivityInboundInterceptor {
	panic("interceptor")
}

func TestLocalActivitiesAreInterceptedToo(t *testing.T) {
	locally(t, 1, func(t *testing.T, l local) {
		var calls []string
		l.options.Interceptors = []ActivityInterceptor{&tracer{"A", &calls}}
		l.RunLocalActivity(localTask(func() error { return nil }))
		if outcome := <-l.outcomes; outcome.Err != nil {
			t.Fatal(outcome.Err)
		}
		if want := []string{"A execute "}; !slices.Equal(calls, want) {
			t.Fatalf("the calls are %q, want %q", calls, want)
		}
	})
}
