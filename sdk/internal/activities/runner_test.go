package activities

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/registry"
)

// harness runs activities against a fakeService.
type harness struct {
	service  *fakeService
	registry *registry.Registry
	options  Options
	stop     context.CancelFunc
	kill     context.CancelCauseFunc
}

func newHarness(t *testing.T) *harness {
	t.Helper()
	h := &harness{service: &fakeService{}, registry: registry.New(registry.Options{})}
	stopping, stop := context.WithCancel(context.Background())
	background, kill := context.WithCancelCause(context.Background())
	t.Cleanup(func() { stop(); kill(nil) })
	h.stop, h.kill = stop, kill
	h.options = Options{
		Service:          h.service,
		Namespace:        "default",
		TaskQueue:        "queue",
		Identity:         "tester",
		Registry:         h.registry,
		DataConverter:    converter.GetDefaultDataConverter(),
		FailureConverter: failure.DefaultConverter(),
		Logger:           logger.Discard{},
		Context:          background,
		Stopping:         stopping,
	}
	return h
}

func (h *harness) register(t *testing.T, name string, fn any) {
	t.Helper()
	if err := h.registry.RegisterActivity(fn, registry.ActivityOptions{Name: name}); err != nil {
		t.Fatal(err)
	}
}

func (h *harness) task(t *testing.T, name string, args ...any) *workflowservice.PollActivityTaskQueueResponse {
	t.Helper()
	input, err := converter.GetDefaultDataConverter().ToPayloads(args...)
	if err != nil {
		t.Fatal(err)
	}
	return &workflowservice.PollActivityTaskQueueResponse{
		TaskToken:           []byte("token"),
		WorkflowNamespace:   "default",
		WorkflowType:        &commonpb.WorkflowType{Name: "Order"},
		WorkflowExecution:   &commonpb.WorkflowExecution{WorkflowId: "order-1", RunId: "run-1"},
		ActivityType:        &commonpb.ActivityType{Name: name},
		ActivityId:          "7",
		Input:               input,
		Attempt:             2,
		ScheduledTime:       timestamppb.Now(),
		StartedTime:         timestamppb.Now(),
		StartToCloseTimeout: durationpb.New(time.Minute),
		HeartbeatTimeout:    durationpb.New(10 * time.Second),
	}
}

// run runs the task and returns its only response.
func (h *harness) run(t *testing.T, task *workflowservice.PollActivityTaskQueueResponse) any {
	t.Helper()
	if err := NewRunner(h.options).Run(task); err != nil {
		t.Fatal(err)
	}
	if len(h.service.responses) != 1 {
		t.Fatalf("%d responses were sent, want 1", len(h.service.responses))
	}
	return h.service.responses[0]
}

func (h *harness) failure(t *testing.T, task *workflowservice.PollActivityTaskQueueResponse) error {
	t.Helper()
	failed, ok := h.run(t, task).(*workflowservice.RespondActivityTaskFailedRequest)
	if !ok {
		t.Fatalf("the response is a %T", h.service.responses[0])
	}
	return h.options.FailureConverter.FailureToError(failed.GetFailure())
}

func TestAnActivitysResultIsReported(t *testing.T) {
	h := newHarness(t)
	h.register(t, "Greet", func(_ context.Context, name string) (string, error) { return "hello " + name, nil })
	completed, ok := h.run(t, h.task(t, "Greet", "world")).(*workflowservice.RespondActivityTaskCompletedRequest)
	if !ok || text(completed.GetResult()) != `"hello world"` || string(completed.GetTaskToken()) != "token" || completed.GetIdentity() != "tester" {
		t.Fatalf("the response is %v", h.service.responses[0])
	}
}

func TestAnActivityNeedNotTakeAContextNorReturnAResult(t *testing.T) {
	h := newHarness(t)
	var got int
	h.register(t, "Set", func(n int) error { got = n; return nil })
	completed, ok := h.run(t, h.task(t, "Set", 41)).(*workflowservice.RespondActivityTaskCompletedRequest)
	if !ok || completed.GetResult() != nil || got != 41 {
		t.Fatalf("the response is %v, the argument %d", h.service.responses[0], got)
	}
}

func TestMissingArgumentsAreZero(t *testing.T) {
	h := newHarness(t)
	h.register(t, "Two", func(a string, b int) (string, error) { return fmt.Sprint(a, b), nil })
	completed, ok := h.run(t, h.task(t, "Two", "x")).(*workflowservice.RespondActivityTaskCompletedRequest)
	if !ok || text(completed.GetResult()) != `"x0"` {
		t.Fatalf("the response is %v", h.service.responses[0])
	}
}

func TestAnActivitysErrorIsReportedWithItsType(t *testing.T) {
	h := newHarness(t)
	h.register(t, "Fail", func() error {
		return failure.NewApplicationError("no money", "Broke", failure.ApplicationErrorOptions{NonRetryable: true, Details: []any{7}})
	})
	err := h.failure(t, h.task(t, "Fail"))
	var application *failure.ApplicationError
	if !errors.As(err, &application) || application.Type() != "Broke" || !application.NonRetryable() {
		t.Fatalf("the failure is %v", err)
	}
}

func TestAPanicIsReportedAsAPanicError(t *testing.T) {
	h := newHarness(t)
	h.register(t, "Boom", func() error { panic("boom") })
	err := h.failure(t, h.task(t, "Boom"))
	var p *failure.PanicError
	if !errors.As(err, &p) || p.Error() != "boom" || !strings.Contains(p.StackTrace(), "runner_test.go") {
		t.Fatalf("the failure is %#v", err)
	}
}

func TestArgumentsThatCannotBeDecodedFailTheAttempt(t *testing.T) {
	h := newHarness(t)
	h.register(t, "Number", func(int) error { return nil })
	if err := h.failure(t, h.task(t, "Number", "seven")); !strings.Contains(err.Error(), "unable to decode") {
		t.Fatalf("the failure is %v", err)
	}
}

func TestAnUnknownActivityTypeFailsTheAttemptAndNamesTheKnownOnes(t *testing.T) {
	h := newHarness(t)
	h.register(t, "Known", func() error { return nil })
	err := h.failure(t, h.task(t, "Stranger"))
	var application *failure.ApplicationError
	if !errors.As(err, &application) || application.NonRetryable() ||
		!strings.Contains(err.Error(), "Stranger") || !strings.Contains(err.Error(), "Known") {
		t.Fatalf("the failure is %v", err)
	}
}

func TestTheDynamicActivityRunsTypesThatAreNotRegistered(t *testing.T) {
	h := newHarness(t)
	err := h.registry.RegisterDynamicActivity(func(ctx context.Context, args converter.EncodedValues) (string, error) {
		var a, b string
		err := args.Get(&a, &b)
		return FromContext(ctx).Info.ActivityType.Name + a + b, err
	})
	if err != nil {
		t.Fatal(err)
	}
	completed, ok := h.run(t, h.task(t, "Any", "x", "y")).(*workflowservice.RespondActivityTaskCompletedRequest)
	if !ok || text(completed.GetResult()) != `"Anyxy"` {
		t.Fatalf("the response is %v", h.service.responses[0])
	}
}

func TestAPendingResultIsNotReported(t *testing.T) {
	h := newHarness(t)
	h.register(t, "Later", func() (string, error) { return "", ErrResultPending })
	if err := NewRunner(h.options).Run(h.task(t, "Later")); err != nil || len(h.service.responses) != 0 {
		t.Fatalf("error %v, responses %v", err, h.service.responses)
	}
}

func TestAnActivityThatGivesInToCancellationIsReportedCancelled(t *testing.T) {
	h := newHarness(t)
	h.service.reply = func(int) (*workflowservice.RecordActivityTaskHeartbeatResponse, error) {
		return &workflowservice.RecordActivityTaskHeartbeatResponse{CancelRequested: true}, nil
	}
	h.register(t, "Wait", func(ctx context.Context) error {
		FromContext(ctx).RecordHeartbeat(ctx, "at 1")
		<-ctx.Done()
		return failure.NewCanceledError(failure.CanceledErrorOptions{Details: []any{"cleaned up"}})
	})
	canceled, ok := h.run(t, h.task(t, "Wait")).(*workflowservice.RespondActivityTaskCanceledRequest)
	if !ok || text(canceled.GetDetails()) != `"cleaned up"` {
		t.Fatalf("the response is %v", h.service.responses[0])
	}
}

func TestAnActivityThatReturnsItsContextsErrorIsReportedCancelled(t *testing.T) {
	h := newHarness(t)
	h.service.reply = func(int) (*workflowservice.RecordActivityTaskHeartbeatResponse, error) {
		return &workflowservice.RecordActivityTaskHeartbeatResponse{CancelRequested: true}, nil
	}
	h.register(t, "Wait", func(ctx context.Context) error {
		FromContext(ctx).RecordHeartbeat(ctx)
		<-ctx.Done()
		return ctx.Err()
	})
	if _, ok := h.run(t, h.task(t, "Wait")).(*workflowservice.RespondActivityTaskCanceledRequest); !ok {
		t.Fatalf("the response is %v", h.service.responses[0])
	}
}

func TestACancelledErrorThatNobodyAskedForIsAFailure(t *testing.T) {
	h := newHarness(t)
	h.register(t, "Odd", func() error { return failure.NewCanceledError(failure.CanceledErrorOptions{}) })
	if err := h.failure(t, h.task(t, "Odd")); !strings.Contains(err.Error(), "unexpected activity cancel") {
		t.Fatalf("the failure is %v", err)
	}
}

func TestTheWorkersEndEndsTheActivityAsAFailure(t *testing.T) {
	h := newHarness(t)
	var cause error
	h.register(t, "Wait", func(ctx context.Context) error {
		<-FromContext(ctx).Stopping
		if ctx.Err() != nil {
			return errors.New("the context ended as soon as the worker began to stop")
		}
		h.kill(ErrWorkerShutdown)
		<-ctx.Done()
		cause = context.Cause(ctx)
		return ctx.Err()
	})
	h.stop()
	err := h.failure(t, h.task(t, "Wait"))
	if !strings.Contains(err.Error(), "context canceled") || cause != ErrWorkerShutdown {
		t.Fatalf("the failure is %v, the cause %v", err, cause)
	}
}

func TestAResultAfterTheDeadlineIsNotReported(t *testing.T) {
	h := newHarness(t)
	h.register(t, "Slow", func(ctx context.Context) error { <-ctx.Done(); return nil })
	synctest.Test(t, func(t *testing.T) {
		h.options.Context, h.options.Stopping = t.Context(), t.Context()
		task := h.task(t, "Slow")
		begun := time.Now()
		if err := NewRunner(h.options).Run(task); err == nil || len(h.service.responses) != 0 {
			t.Fatalf("error %v, responses %v", err, h.service.responses)
		}
		if took := time.Since(begun); took != time.Minute {
			t.Fatalf("the context ended after %v, want the start to close timeout of a minute", took)
		}
	})
}

func TestTheScheduleToCloseTimeoutBoundsTheContextToo(t *testing.T) {
	scheduled := time.Unix(1000, 0)
	started := scheduled.Add(5 * time.Second)
	for _, test := range []struct{ scheduleToClose, startToClose, want time.Duration }{
		{0, 10 * time.Second, 15 * time.Second},
		{8 * time.Second, 10 * time.Second, 8 * time.Second},
		{time.Minute, 10 * time.Second, 15 * time.Second},
		{time.Minute, 0, time.Minute},
	} {
		if got := deadline(scheduled, started, test.scheduleToClose, test.startToClose).Sub(scheduled); got != test.want {
			t.Errorf("%+v: the deadline is %v after scheduling", test, got)
		}
	}
}

func TestAnActivityFindsOutAboutItself(t *testing.T) {
	h := newHarness(t)
	var info Info
	var progress string
	h.register(t, "Look", func(ctx context.Context) error {
		info = FromContext(ctx).Info
		return FromContext(ctx).HeartbeatDetails(ctx, &progress)
	})
	task := h.task(t, "Look")
	task.HeartbeatDetails, _ = converter.GetDefaultDataConverter().ToPayloads("half")
	task.RetryPolicy = &commonpb.RetryPolicy{MaximumAttempts: 9}
	task.Priority = &commonpb.Priority{PriorityKey: 2}
	h.run(t, task)
	if progress != "half" {
		t.Errorf("the heartbeat details are %q", progress)
	}
	if info.WorkflowExecution.ID != "order-1" || info.WorkflowExecution.RunID != "run-1" || info.WorkflowType.Name != "Order" ||
		info.ActivityID != "7" || info.ActivityType.Name != "Look" || info.TaskQueue != "queue" || info.Namespace != "default" ||
		info.Attempt != 2 || info.IsLocalActivity || !info.IsWorkflowActivity() ||
		info.RetryPolicy.MaximumAttempts != 9 || info.Priority.PriorityKey != 2 ||
		info.HeartbeatTimeout != 10*time.Second || string(info.TaskToken) != "token" {
		t.Errorf("the info is %+v", info)
	}
}

func TestHeartbeatDetailsThatAreMissingAreAnError(t *testing.T) {
	h := newHarness(t)
	h.register(t, "Look", func(ctx context.Context) error {
		var s string
		if err := FromContext(ctx).HeartbeatDetails(ctx, &s); !errors.Is(err, ErrNoHeartbeatDetails) {
			return fmt.Errorf("got %v", err)
		}
		return nil
	})
	if _, ok := h.run(t, h.task(t, "Look")).(*workflowservice.RespondActivityTaskCompletedRequest); !ok {
		t.Fatalf("the response is %v", h.service.responses[0])
	}
}

// propagator carries one value in the header field "tenant".
type propagator struct{ flow.ContextPropagator }

type tenantKey struct{}

func (propagator) Extract(ctx context.Context, reader flow.HeaderReader) (context.Context, error) {
	value, ok := reader.Get("tenant")
	if !ok {
		return ctx, nil
	}
	return context.WithValue(ctx, tenantKey{}, string(value.GetData())), nil
}

func TestContextPropagatorsReadTheHeader(t *testing.T) {
	h := newHarness(t)
	h.options.ContextPropagators = []flow.ContextPropagator{propagator{}}
	h.register(t, "Tenant", func(ctx context.Context) (any, error) { return ctx.Value(tenantKey{}), nil })
	task := h.task(t, "Tenant")
	task.Header = &commonpb.Header{Fields: map[string]*commonpb.Payload{"tenant": {Data: []byte("acme")}}}
	completed, ok := h.run(t, task).(*workflowservice.RespondActivityTaskCompletedRequest)
	if !ok || text(completed.GetResult()) != `"acme"` {
		t.Fatalf("the response is %v", h.service.responses[0])
	}
}
