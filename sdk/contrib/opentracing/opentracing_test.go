package opentracing_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/opentracing/opentracing-go/mocktracer"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/contrib/opentracing"
	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/testsuite"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

func order(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	_ = workflow.ExecuteActivity(ctx, "Charge").Get(ctx, nil)
	return errors.New("out of stock")
}

func TestSpansLeadFromAWorkflowToItsActivities(t *testing.T) {
	tracer := mocktracer.New()
	tracing, err := opentracing.NewInterceptor(opentracing.TracerOptions{Tracer: tracer})
	if err != nil {
		t.Fatal(err)
	}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{tracing}})
	env.RegisterActivityWithOptions(func(context.Context) error { return nil }, activity.RegisterOptions{Name: "Charge"})
	env.ExecuteWorkflow(order)
	spans := map[string]*mocktracer.MockSpan{}
	for _, s := range tracer.FinishedSpans() {
		spans[s.OperationName] = s
	}
	run, start, activity := spans["RunWorkflow:order"], spans["StartActivity:Charge"], spans["RunActivity:Charge"]
	if len(spans) != 3 || run == nil || start == nil || activity == nil {
		t.Fatalf("spans %v", spans)
	}
	if start.ParentID != run.SpanContext.SpanID || activity.ParentID != start.SpanContext.SpanID {
		t.Errorf("spans %v, %v, %v", run, start, activity)
	}
	if run.Tag("error") != "true" || activity.Tag("error") != nil || activity.Tag("temporalActivityID") == nil {
		t.Errorf("tags %v, %v", run.Tags(), activity.Tags())
	}
}
