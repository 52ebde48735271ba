package tracing_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/DataDog/dd-trace-go/v2/ddtrace/ext"
	"github.com/DataDog/dd-trace-go/v2/ddtrace/mocktracer"
	"github.com/DataDog/dd-trace-go/v2/ddtrace/tracer"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/contrib/datadog/tracing"
	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/testsuite"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

func order(ctx workflow.Context) error {
	if _, ok := tracing.SpanFromWorkflowContext(ctx); !ok {
		return errors.New("no span")
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	_ = workflow.ExecuteActivity(ctx, "Charge").Get(ctx, nil)
	return errors.New("out of stock")
}

// run runs the workflow and returns the spans by their operations.
func run(t *testing.T, options tracing.TracerOptions, workflow any) map[string]*mocktracer.Span {
	t.Helper()
	mock := mocktracer.Start()
	defer mock.Stop()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{tracing.NewTracingInterceptor(options)}})
	env.RegisterActivityWithOptions(func(context.Context) error { return nil }, activity.RegisterOptions{Name: "Charge"})
	env.ExecuteWorkflow(workflow)
	spans := map[string]*mocktracer.Span{}
	for _, s := range mock.FinishedSpans() {
		spans[s.OperationName()] = s
	}
	return spans
}

func TestSpansLeadFromAWorkflowToItsActivities(t *testing.T) {
	spans := run(t, tracing.TracerOptions{}, order)
	root, start, charge := spans["temporal.RunWorkflow"], spans["temporal.StartActivity"], spans["temporal.RunActivity"]
	if len(spans) != 3 || root == nil || start == nil || charge == nil {
		t.Fatalf("spans %v", spans)
	}
	if root.Tag(ext.ResourceName) != "order" || charge.Tag(ext.ResourceName) != "Charge" {
		t.Errorf("they are about %v and %v", root.Tag(ext.ResourceName), charge.Tag(ext.ResourceName))
	}
	if start.ParentID() != root.SpanID() || charge.ParentID() != start.SpanID() {
		t.Errorf("%v, %v, %v", root, start, charge)
	}
	if root.Tag(ext.ErrorMsg) != "out of stock" || charge.Tag(ext.ErrorMsg) != nil || charge.Tag("temporal.ActivityID") == nil {
		t.Errorf("tags %v, %v", root.Tags(), charge.Tags())
	}
}

func TestASpanEndsAsOnFinishSays(t *testing.T) {
	spans := run(t, tracing.TracerOptions{OnFinish: func(options *interceptor.TracerFinishSpanOptions) []tracer.FinishOption {
		return []tracer.FinishOption{tracer.FinishTime(time.Unix(2e9, 0))}
	}}, order)
	for name, s := range spans {
		if !s.FinishTime().Equal(time.Unix(2e9, 0)) {
			t.Errorf("%s ended at %v", name, s.FinishTime())
		}
	}
	if len(spans) == 0 {
		t.Error("no spans")
	}
}

func TestAContinueAsNewIsNoError(t *testing.T) {
	again := func(ctx workflow.Context) error { return workflow.NewContinueAsNewError(ctx, "again") }
	for name, s := range run(t, tracing.TracerOptions{}, again) {
		if s.Tag(ext.ErrorMsg) != nil {
			t.Errorf("%s has the error %v", name, s.Tag(ext.ErrorMsg))
		}
	}
}
