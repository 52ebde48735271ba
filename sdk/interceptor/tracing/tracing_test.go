package tracing_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/interceptor/tracing"
	"github.com/perdure/perdure/sdk/testsuite"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// span is one of the tracers below.
type span struct {
	id, parent int
	name       string
	options    *tracing.TracerStartSpanOptions
	err        error
	finished   bool
}

func (s *span) Finish(options *tracing.TracerFinishSpanOptions) {
	s.finished, s.err = true, options.Error
}

// recording keeps all spans; a reference to one is its number.
type recording struct {
	tracing.BaseTracer
	mu      sync.Mutex
	options tracing.TracerOptions
	spans   []*span
}

func (r *recording) Options() tracing.TracerOptions { return r.options }

func (r *recording) UnmarshalSpan(data map[string]string) (tracing.TracerSpanRef, error) {
	if data["span"] == "" {
		return nil, nil
	}
	id, err := strconv.Atoi(data["span"])
	if err != nil {
		return nil, err
	}
	return id, nil
}

func idOf(ref tracing.TracerSpanRef) int {
	switch ref := ref.(type) {
	case *span:
		return ref.id
	case int:
		return ref
	}
	return 0
}

func (r *recording) MarshalSpan(ref tracing.TracerSpanRef) (map[string]string, error) {
	if ref == nil {
		return nil, nil
	}
	return map[string]string{"span": strconv.Itoa(idOf(ref))}, nil
}

func (r *recording) create(options *tracing.TracerStartSpanOptions) tracing.TracerSpan {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &span{id: len(r.spans) + 1, parent: idOf(options.Parent), name: r.SpanName(options), options: options}
	r.spans = append(r.spans, s)
	return s
}

// tree are the spans with their parents.
func (r *recording) tree() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var tree []string
	for _, s := range r.spans {
		line := s.name
		if s.parent > 0 {
			line = r.spans[s.parent-1].name + " > " + line
		}
		if !s.finished {
			line += ", not finished"
		}
		if s.err != nil {
			line += ", failed"
		}
		tree = append(tree, line)
	}
	return tree
}

type key struct{}

type goTracer struct{ *recording }

func (t goTracer) SpanFromContext(ctx context.Context) tracing.TracerSpanRef { return ctx.Value(key{}) }
func (t goTracer) ContextWithSpan(ctx context.Context, s tracing.TracerSpanRef) context.Context {
	return context.WithValue(ctx, key{}, s)
}
func (t goTracer) CreateSpan(_ context.Context, options *tracing.TracerStartSpanOptions) tracing.TracerSpan {
	return t.create(options)
}

type workflowTracer struct{ *recording }

func (t workflowTracer) SpanFromContext(ctx workflow.Context) tracing.TracerSpanRef {
	return ctx.Value(key{})
}
func (t workflowTracer) ContextWithSpan(ctx workflow.Context, s tracing.TracerSpanRef) workflow.Context {
	return workflow.WithValue(ctx, key{}, s)
}
func (t workflowTracer) CreateSpan(_ workflow.Context, options *tracing.TracerStartSpanOptions) tracing.TracerSpan {
	return t.create(options)
}

func newTracing(temporalSpans bool) (*recording, interceptor.WorkerInterceptor) {
	r := &recording{options: tracing.TracerOptions{HeaderKey: "span", AddTemporalSpans: temporalSpans}}
	_, workers := tracing.NewTracingInterceptor(goTracer{r}, workflowTracer{r})
	return r, workers
}

func order(ctx workflow.Context) error {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
	if err := workflow.ExecuteActivity(ctx, "Charge").Get(ctx, nil); err != nil {
		return err
	}
	if err := workflow.NewNexusClient("e", "bank").ExecuteOperation(ctx, "pay", 1, workflow.NexusOperationOptions{}).Get(ctx, nil); err != nil {
		return err
	}
	return errors.New("out of stock")
}

func run(t *testing.T, workers interceptor.WorkerInterceptor, charge func(context.Context) error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{workers}})
	env.RegisterActivityWithOptions(charge, activity.RegisterOptions{Name: "Charge"})
	service := nexus.NewService("bank")
	if err := service.Register(nexus.NewSyncOperation("pay", func(context.Context, int, nexus.StartOperationOptions) (int, error) { return 1, nil })); err != nil {
		t.Fatal(err)
	}
	env.RegisterNexusService(service)
	env.ExecuteWorkflow(order)
}

func TestSpansLeadFromWorkflowsToWhatTheyAskFor(t *testing.T) {
	r, workers := newTracing(true)
	run(t, workers, func(context.Context) error { return nil })
	want := []string{
		"RunWorkflow:order, failed",
		"RunWorkflow:order > StartActivity:Charge",
		"StartActivity:Charge > RunActivity:Charge",
		"RunWorkflow:order > StartNexusOperation:bank/pay",
		"StartNexusOperation:bank/pay > RunStartNexusOperationHandler:bank/pay",
	}
	if got := r.tree(); !slices.Equal(got, want) {
		t.Errorf("spans\n got %q\nwant %q", got, want)
	}
	if d := r.spans[1].options.Direction; d != tracing.SpanDirectionOutbound {
		t.Errorf("direction %v of a span of what leaves", d)
	}
}

func TestWithoutTemporalSpansThoseOfTheProgramAreConnected(t *testing.T) {
	r, workers := newTracing(false)
	var seen tracing.TracerSpanRef
	charge := func(ctx context.Context) error {
		seen = goTracer{r}.SpanFromContext(ctx)
		return nil
	}
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{workers}})
	env.RegisterActivityWithOptions(charge, activity.RegisterOptions{Name: "Charge"})
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflowTracer{r}.ContextWithSpan(ctx, 7)
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		return workflow.ExecuteActivity(ctx, "Charge").Get(ctx, nil)
	})
	if err := env.GetWorkflowError(); err != nil || seen != 7 || len(r.spans) != 0 {
		t.Errorf("the activity saw span %v, %d spans were made, err %v", seen, len(r.spans), err)
	}
}
