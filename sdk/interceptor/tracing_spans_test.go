package interceptor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/interceptor"
)

// recorder is a tracer that notes the spans that are started, with their parents.
type recorder struct {
	interceptor.BaseTracer
	options interceptor.TracerOptions
	spans   []string
}

type recorderKey struct{}

type recordedSpan string

func (recordedSpan) Finish(*interceptor.TracerFinishSpanOptions) {}

func newRecorder() *recorder {
	return &recorder{options: interceptor.TracerOptions{SpanContextKey: recorderKey{}, HeaderKey: "h"}}
}

func (r *recorder) Options() interceptor.TracerOptions { return r.options }

func (*recorder) UnmarshalSpan(data map[string]string) (interceptor.TracerSpanRef, error) {
	if data["span"] == "" {
		return nil, errors.New("no span")
	}
	return recordedSpan(data["span"]), nil
}

func (*recorder) MarshalSpan(span interceptor.TracerSpan) (map[string]string, error) {
	return map[string]string{"span": string(span.(recordedSpan))}, nil
}

func (*recorder) SpanFromContext(context.Context) interceptor.TracerSpan { return nil }

func (*recorder) ContextWithSpan(ctx context.Context, _ interceptor.TracerSpan) context.Context {
	return ctx
}

func (r *recorder) StartSpan(options *interceptor.TracerStartSpanOptions) (interceptor.TracerSpan, error) {
	name := r.SpanName(options)
	if options.Parent != nil {
		name = fmt.Sprintf("%v > %s", options.Parent, name)
	}
	r.spans = append(r.spans, name)
	return recordedSpan(name), nil
}

// silent is the end of a chain of a client that does nothing.
type silent struct {
	interceptor.ClientOutboundInterceptorBase
}

func (*silent) CreateSchedule(context.Context, *interceptor.ScheduleClientCreateInput) (client.ScheduleHandle, error) {
	return nil, nil
}

func (*silent) UpdateWorkflow(context.Context, *interceptor.ClientUpdateWorkflowInput) (client.WorkflowUpdateHandle, error) {
	return nil, nil
}

func (*silent) UpdateWithStartWorkflow(context.Context, *interceptor.ClientUpdateWithStartWorkflowInput) (client.WorkflowUpdateHandle, error) {
	return nil, nil
}

func (*silent) ExecuteActivity(context.Context, *interceptor.ClientExecuteActivityInput) (client.ActivityHandle, error) {
	return nil, nil
}

func TestCallsOfClientsHaveSpans(t *testing.T) {
	for _, disabled := range []bool{false, true} {
		tracer := newRecorder()
		tracer.options.DisableUpdateTracing = disabled
		chain := interceptor.NewTracingInterceptor(tracer).InterceptClient(&silent{})
		ctx := t.Context()
		_, _ = chain.CreateSchedule(ctx, &interceptor.ScheduleClientCreateInput{Options: &client.ScheduleOptions{ID: "daily"}})
		_, _ = chain.UpdateWorkflow(ctx, &interceptor.ClientUpdateWorkflowInput{UpdateName: "add"})
		_, _ = chain.UpdateWithStartWorkflow(ctx, &interceptor.ClientUpdateWithStartWorkflowInput{UpdateOptions: &client.UpdateWorkflowOptions{UpdateName: "add"}})
		_, _ = chain.ExecuteActivity(ctx, &interceptor.ClientExecuteActivityInput{ActivityType: "greet", Options: &client.StartActivityOptions{ID: "id"}})
		want := []string{"CreateSchedule:daily", "UpdateWorkflow:add", "UpdateWithStartWorkflow:add", "StartActivity:greet"}
		if disabled {
			want = []string{"CreateSchedule:daily", "StartActivity:greet"}
		}
		if !slices.Equal(tracer.spans, want) {
			t.Errorf("with updates disabled %v the spans are %q", disabled, tracer.spans)
		}
	}
}

// operation is the end of a chain of a Nexus operation.
type operation struct {
	interceptor.NexusOperationInboundInterceptorBase
}

func (*operation) StartOperation(context.Context, interceptor.NexusStartOperationInput) (nexus.HandlerStartOperationResult[any], error) {
	return nil, nil
}

func (*operation) CancelOperation(context.Context, interceptor.NexusCancelOperationInput) error {
	return nil
}

func TestHandlersOfNexusOperationsHaveSpansBelowThoseOfTheirCallers(t *testing.T) {
	tracer := newRecorder()
	ctx := nexus.WithHandlerContext(t.Context(), nexus.HandlerInfo{Service: "service", Operation: "operation"})
	chain := interceptor.NewTracingInterceptor(tracer).InterceptNexusOperation(ctx, &operation{})
	header := nexus.Header{"span": "caller"}
	if _, err := chain.StartOperation(ctx, interceptor.NexusStartOperationInput{Options: nexus.StartOperationOptions{Header: header}}); err != nil {
		t.Fatal(err)
	}
	if err := chain.CancelOperation(ctx, interceptor.NexusCancelOperationInput{Options: nexus.CancelOperationOptions{Header: header}}); err != nil {
		t.Fatal(err)
	}
	// A caller that does not trace.
	if err := chain.CancelOperation(ctx, interceptor.NexusCancelOperationInput{Options: nexus.CancelOperationOptions{Header: nexus.Header{"other": "1"}}}); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"caller > RunStartNexusOperationHandler:service/operation",
		"caller > RunCancelNexusOperationHandler:service/operation",
		"RunCancelNexusOperationHandler:service/operation",
	}
	if !slices.Equal(tracer.spans, want) {
		t.Errorf("the spans are %q", tracer.spans)
	}
}
