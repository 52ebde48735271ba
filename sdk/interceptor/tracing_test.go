package interceptor_test

import (
	"context"
	"errors"
	"testing"

	"github.com/perdure/perdure/sdk/interceptor"
)

// tracerWith is a tracer of which only the options matter.
type tracerWith struct {
	interceptor.BaseTracer
	options interceptor.TracerOptions
}

func (t tracerWith) Options() interceptor.TracerOptions { return t.options }

func (tracerWith) UnmarshalSpan(map[string]string) (interceptor.TracerSpanRef, error) {
	return nil, errors.New("not a span of this library")
}
func (tracerWith) MarshalSpan(interceptor.TracerSpan) (map[string]string, error) { return nil, nil }
func (tracerWith) SpanFromContext(context.Context) interceptor.TracerSpan        { return nil }
func (tracerWith) ContextWithSpan(ctx context.Context, _ interceptor.TracerSpan) context.Context {
	return ctx
}
func (tracerWith) StartSpan(*interceptor.TracerStartSpanOptions) (interceptor.TracerSpan, error) {
	return nil, errors.New("no spans today")
}

func TestATracerNeedsAKeyForContextsAndOneForHeaders(t *testing.T) {
	for name, options := range map[string]interceptor.TracerOptions{
		"no context key": {HeaderKey: "h"},
		"no header key":  {SpanContextKey: "c"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("the tracer was taken")
				}
			}()
			interceptor.NewTracingInterceptor(tracerWith{options: options})
		})
	}
}

func TestSpansAreNamedByOperationAndName(t *testing.T) {
	got := interceptor.BaseTracer{}.SpanName(&interceptor.TracerStartSpanOptions{Operation: "StartWorkflow", Name: "Order"})
	if got != "StartWorkflow:Order" {
		t.Errorf("got %q", got)
	}
}

// signals is the end of a chain that only counts signals.
type signals struct {
	interceptor.ClientOutboundInterceptorBase
	sent int
}

func (s *signals) SignalWorkflow(context.Context, *interceptor.ClientSignalWorkflowInput) error {
	s.sent++
	return nil
}

func TestASpanThatCannotStartFailsTheCallUnlessItIsNotTraced(t *testing.T) {
	for _, disabled := range []bool{false, true} {
		end := &signals{}
		chain := interceptor.NewTracingInterceptor(tracerWith{options: interceptor.TracerOptions{
			SpanContextKey: "c", HeaderKey: "h", DisableSignalTracing: disabled,
		}}).InterceptClient(end)
		err := chain.SignalWorkflow(context.Background(), &interceptor.ClientSignalWorkflowInput{SignalName: "s"})
		if (err == nil) != disabled || (end.sent == 1) != disabled {
			t.Errorf("disabled %v: %v, sent %d", disabled, err, end.sent)
		}
	}
}
