package telemetry

import (
	"context"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/metadata"

	"github.com/perdure/perdure/internal/api/methods"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/frontend"
)

// traced is a tracer whose spans are kept.
func traced(t *testing.T) (*Tracer, func() tracetest.SpanStubs) {
	t.Helper()
	kept := tracetest.NewInMemoryExporter()
	tracer, err := StartTracing(t.Context(), TracingOptions{exporter: kept, Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatal(err)
	}
	return tracer, func() tracetest.SpanStubs {
		if err := tracer.provider.ForceFlush(context.Background()); err != nil {
			t.Fatal(err)
		}
		return kept.GetSpans()
	}
}

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestACallIsAChildOfItsCallersSpanAndAStepOneOfTheCall(t *testing.T) {
	tracer, spans := traced(t)
	calls := New(Options{}).Calls(tracer)
	ctx := metadata.NewIncomingContext(t.Context(), metadata.Pairs("traceparent", parent))
	ctx = calls.Begin(ctx, describe)
	_, step := tracer.StartStep(ctx, entity.Key{Kind: entity.KindWorkflow, Namespace: "id", ID: "w"})
	step.Locked()
	step.Applied()
	step.End(nil)
	calls.End(ctx, frontend.CallEnd{Method: describe, Namespace: "n",
		Request: &workflowservice.DescribeWorkflowExecutionRequest{Execution: &commonpb.WorkflowExecution{WorkflowId: "w"}}})
	got := spans()
	if len(got) != 2 {
		t.Fatalf("%d spans, want 2", len(got))
	}
	inner, outer := got[0], got[1]
	if outer.Parent.SpanID().String() != "b7ad6b7169203331" || inner.Parent.SpanID() != outer.SpanContext.SpanID() {
		t.Errorf("parents are %v and %v", inner.Parent.SpanID(), outer.Parent.SpanID())
	}
	if len(inner.Events) != 2 || inner.Name != "step workflow" {
		t.Errorf("the step is %q with %v", inner.Name, inner.Events)
	}
	attributes := map[string]string{}
	for _, a := range outer.Attributes {
		attributes[string(a.Key)] = a.Value.String()
	}
	for key, want := range map[string]string{
		"rpc.method": "DescribeWorkflowExecution", "rpc.grpc.status_code": "0", "temporalNamespace": "n", "temporalWorkflowID": "w",
	} {
		if attributes[key] != want {
			t.Errorf("%s is %q, want %q", key, attributes[key], want)
		}
	}
}

func TestPollsThatNobodyTracesHaveNoSpans(t *testing.T) {
	tracer, spans := traced(t)
	calls := New(Options{}).Calls(tracer)
	poll := methods.Lookup("/" + methods.WorkflowService + "/PollWorkflowTaskQueue")
	ctx := calls.Begin(t.Context(), poll)
	if _, step := tracer.StartStep(ctx, entity.Key{Kind: entity.KindWorkflow}); step != nil {
		t.Error("its step has a span")
	}
	calls.End(ctx, frontend.CallEnd{Method: poll})
	if got := spans(); len(got) != 0 {
		t.Errorf("spans are %v", got)
	}
	ctx = calls.Begin(metadata.NewIncomingContext(t.Context(), metadata.Pairs("traceparent", parent)), poll)
	calls.End(ctx, frontend.CallEnd{Method: poll})
	if got := spans(); len(got) != 1 {
		t.Errorf("%d spans of a poll whose caller is traced, want 1", len(got))
	}
}

func TestTheEnvironmentSaysWhetherThereAreTraces(t *testing.T) {
	for _, test := range []struct {
		name, endpoint, environment string
		on                          bool
		wrong                       string
	}{
		{name: "nothing"},
		{name: "an endpoint of ours", endpoint: "http://127.0.0.1:4317", on: true},
		{name: "an endpoint by HTTP", endpoint: "http://127.0.0.1:4318", on: true},
		{name: "an endpoint of the environment", environment: "OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4317", on: true},
		{name: "one for traces", environment: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://127.0.0.1:4318/v1/traces", on: true},
		{name: "the exporter", environment: "OTEL_TRACES_EXPORTER=otlp", on: true},
		{name: "none", endpoint: "http://127.0.0.1:4317", environment: "OTEL_TRACES_EXPORTER=none"},
		{name: "off", endpoint: "http://127.0.0.1:4317", environment: "OTEL_SDK_DISABLED=true"},
		{name: "another exporter", environment: "OTEL_TRACES_EXPORTER=zipkin", wrong: "OTEL_TRACES_EXPORTER must be otlp or none"},
		{name: "another protocol", endpoint: "http://127.0.0.1:4317", environment: "OTEL_EXPORTER_OTLP_PROTOCOL=http/json", wrong: "must be grpc or http/protobuf"},
		{name: "no URL", endpoint: "127.0.0.1:4317", wrong: "must be a URL"},
	} {
		t.Run(test.name, func(t *testing.T) {
			tracer, err := StartTracing(t.Context(), TracingOptions{Endpoint: test.endpoint, Getenv: func(name string) string {
				key, value, _ := strings.Cut(test.environment, "=")
				if key == name {
					return value
				}
				return ""
			}})
			if test.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), test.wrong) {
					t.Errorf("error is %v", err)
				}
				return
			}
			if err != nil || (tracer != nil) != test.on {
				t.Fatalf("tracer is %v, %v", tracer, err)
			}
			if tracer != nil {
				if err := tracer.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
