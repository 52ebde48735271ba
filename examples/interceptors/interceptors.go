// Package interceptors: something is done around every call.
//
// An interceptor stands between the SDK and the code of workflows and activities, in
// both directions: for logs, measures, checks, tracing. This one counts activities.
package interceptors

import (
	"context"
	"sync/atomic"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var counts counter

var Lesson = lesson.Lesson{
	Name: "interceptors", Title: "something is done around every call",
	Worker: worker.Options{Interceptors: []interceptor.WorkerInterceptor{&counts}},
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Walk)
		r.RegisterActivity(Step)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		before := counts.activities.Load()
		if _, err := lesson.Execute[any](ctx, c, "interceptors", Walk, 3); err != nil {
			return err
		}
		say("%d activities", counts.activities.Load()-before)
		return nil
	},
	Says: []string{"3 activities"},
}

// counter intercepts what a worker does. The base types pass everything on, so that
// only what is of interest is written.
type counter struct {
	interceptor.WorkerInterceptorBase
	activities atomic.Int64
}

func (c *counter) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	i := &counted{counter: c}
	i.Next = next
	return i
}

type counted struct {
	interceptor.ActivityInboundInterceptorBase
	counter *counter
}

func (i *counted) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	i.counter.activities.Add(1)
	return i.Next.ExecuteActivity(ctx, in)
}

// Walk takes steps.
func Walk(ctx workflow.Context, steps int) error {
	ctx = lesson.Quick(ctx)
	for range steps {
		if err := workflow.ExecuteActivity(ctx, Step).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// Step is the activity.
func Step(context.Context) error { return nil }
