package e2e

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// spans is a tracer that keeps the spans it was asked for, each with the names of
// its parents.
type spans struct {
	interceptor.BaseTracer
	mu    sync.Mutex
	paths []string
}

type spanKey struct{}

// span is its path.
type span string

func (span) Finish(*interceptor.TracerFinishSpanOptions) {}

func (*spans) Options() interceptor.TracerOptions {
	return interceptor.TracerOptions{SpanContextKey: spanKey{}, HeaderKey: "_tracer-data"}
}

func (*spans) UnmarshalSpan(m map[string]string) (interceptor.TracerSpanRef, error) {
	return span(m["path"]), nil
}

func (*spans) MarshalSpan(s interceptor.TracerSpan) (map[string]string, error) {
	return map[string]string{"path": string(s.(span))}, nil
}

func (*spans) SpanFromContext(ctx context.Context) interceptor.TracerSpan {
	if s, ok := ctx.Value(spanKey{}).(span); ok {
		return s
	}
	return nil
}

func (*spans) ContextWithSpan(ctx context.Context, s interceptor.TracerSpan) context.Context {
	return context.WithValue(ctx, spanKey{}, s)
}

func (s *spans) StartSpan(options *interceptor.TracerStartSpanOptions) (interceptor.TracerSpan, error) {
	path := s.SpanName(options)
	if options.Parent != nil {
		path = fmt.Sprintf("%v > %s", options.Parent, path)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paths = append(s.paths, path)
	return span(path), nil
}

func (s *spans) sorted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(slices.Values(s.paths))
}

func TestSpansFollowCallsThroughWorkflowsAndActivities(t *testing.T) {
	tracer := &spans{}
	s := newScenarioWith(t, client.Options{Interceptors: []interceptor.ClientInterceptor{interceptor.NewTracingInterceptor(tracer)}})
	child := func(workflow.Context) error { return nil }
	parent := func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		if err := workflow.ExecuteActivity(ctx, "work").Get(ctx, nil); err != nil {
			return err
		}
		if err := workflow.ExecuteChildWorkflow(ctx, "child").Get(ctx, nil); err != nil {
			return err
		}
		workflow.GetSignalChannel(ctx, "go").Receive(ctx, nil)
		return nil
	}
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflowWithOptions(parent, workflow.RegisterOptions{Name: "parent"})
		w.RegisterWorkflowWithOptions(child, workflow.RegisterOptions{Name: "child"})
		w.RegisterActivityWithOptions(func(context.Context) error { return nil }, activity.RegisterOptions{Name: "work"})
	})
	run := s.start("parent")
	s.signal(run, "go", nil)
	s.get(run, nil)
	want := []string{
		"SignalWorkflow:go",
		"SignalWorkflow:go > HandleSignal:go",
		"StartWorkflow:parent",
		"StartWorkflow:parent > RunWorkflow:parent",
		"StartWorkflow:parent > RunWorkflow:parent > StartActivity:work",
		"StartWorkflow:parent > RunWorkflow:parent > StartActivity:work > RunActivity:work",
		"StartWorkflow:parent > RunWorkflow:parent > StartChildWorkflow:child",
		"StartWorkflow:parent > RunWorkflow:parent > StartChildWorkflow:child > RunWorkflow:child",
	}
	// Replay, where a cache is too small for the runs, starts spans of runs again.
	if got := slices.Compact(tracer.sorted()); !slices.Equal(got, want) {
		t.Errorf("spans\n  got  %q\n  want %q", got, want)
	}
}
