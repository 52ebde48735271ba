package opentelemetry_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/contrib/opentelemetry"
	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/testsuite"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

func order(ctx workflow.Context) error {
	if _, ok := opentelemetry.SpanFromWorkflowContext(ctx); !ok {
		return errors.New("the workflow has no span")
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	_ = workflow.ExecuteActivity(ctx, "Charge").Get(ctx, nil)
	return errors.New("out of stock")
}

func TestSpansLeadFromAWorkflowToItsActivities(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	tracing, err := opentelemetry.NewTracingInterceptor(opentelemetry.TracerOptions{
		Tracer: trace.NewTracerProvider(trace.WithSpanProcessor(recorder)).Tracer("test"),
	})
	if err != nil {
		t.Fatal(err)
	}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{tracing}})
	env.RegisterActivityWithOptions(func(context.Context) error { return nil }, activity.RegisterOptions{Name: "Charge"})
	env.ExecuteWorkflow(order)
	spans := map[string]trace.ReadOnlySpan{}
	for _, s := range recorder.Ended() {
		spans[s.Name()] = s
	}
	run, start, activity := spans["RunWorkflow:order"], spans["StartActivity:Charge"], spans["RunActivity:Charge"]
	if len(spans) != 3 || run == nil || start == nil || activity == nil {
		t.Fatalf("spans %v", spans)
	}
	if start.Parent().SpanID() != run.SpanContext().SpanID() || activity.Parent().SpanID() != start.SpanContext().SpanID() {
		t.Error("the spans are not below each other")
	}
	if run.Status().Code != codes.Error || run.Status().Description != "out of stock" || activity.Status().Code != codes.Unset {
		t.Errorf("status %v, %v", run.Status(), activity.Status())
	}
}

func TestBaggageGoesAlongUnlessItIsLeftBehind(t *testing.T) {
	for _, leave := range []bool{false, true} {
		tracer, err := opentelemetry.NewTracer(opentelemetry.TracerOptions{Tracer: trace.NewTracerProvider().Tracer("test"), DisableBaggage: leave})
		if err != nil {
			t.Fatal(err)
		}
		member, _ := baggage.NewMember("user", "alice")
		carried, _ := baggage.New(member)
		started, err := tracer.StartSpan(&interceptor.TracerStartSpanOptions{Operation: "o", Name: "n"})
		if err != nil {
			t.Fatal(err)
		}
		ctx := baggage.ContextWithBaggage(tracer.ContextWithSpan(context.Background(), started), carried)
		data, err := tracer.MarshalSpan(tracer.SpanFromContext(ctx))
		if err != nil || (data["baggage"] == "") != leave || data["traceparent"] == "" {
			t.Errorf("left behind %v: %v, err %v", leave, data, err)
		}
		parent, err := tracer.UnmarshalSpan(data)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tracer.StartSpan(&interceptor.TracerStartSpanOptions{Parent: parent}); err != nil {
			t.Error(err)
		}
		if _, err := tracer.UnmarshalSpan(map[string]string{"traceparent": "nonsense"}); err == nil {
			t.Error("nonsense was read")
		}
	}
}

func TestMetricsReachTheMeterWithTheirTags(t *testing.T) {
	reader := metric.NewManualReader()
	meter := metric.NewMeterProvider(metric.WithReader(reader)).Meter("test")
	h := opentelemetry.NewMetricsHandler(opentelemetry.MetricsHandlerOptions{Meter: meter, UseMonotonicCounters: true}).
		WithTags(map[string]string{"queue": "q"})
	h.Counter("polls").Inc(2)
	h.Gauge("slots").Update(3)
	h.Timer("latency").Record(2 * time.Second)
	var all metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &all); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, m := range all.ScopeMetrics[0].Metrics {
		seen++
		var attributes attribute.Set
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			attributes = data.DataPoints[0].Attributes
			if m.Name != "polls" || data.DataPoints[0].Value != 2 || !data.IsMonotonic {
				t.Errorf("counter %v", m)
			}
		case metricdata.Gauge[float64]:
			attributes = data.DataPoints[0].Attributes
			if m.Name != "slots" || data.DataPoints[0].Value != 3 {
				t.Errorf("gauge %v", m)
			}
		case metricdata.Histogram[float64]:
			attributes = data.DataPoints[0].Attributes
			if m.Name != "latency" || data.DataPoints[0].Sum != 2 || m.Unit != "s" {
				t.Errorf("timer %v", m)
			}
		}
		if value, _ := attributes.Value("queue"); value.AsString() != "q" {
			t.Errorf("attributes %v", attributes)
		}
	}
	if seen != 3 || opentelemetry.ExtractMetricsHandler(h).GetMeter() != meter {
		t.Errorf("%d metrics", seen)
	}
}
