package typed

import (
	"context"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// Activity is the definition of an activity type that takes an In and returns an
// Out. Make one with [NewActivity].
type Activity[In, Out any] struct{ name string }

// NewActivity defines an activity type. The name is what goes over the wire and
// into histories: once workflows have used it, it stays.
func NewActivity[In, Out any](name string) Activity[In, Out] { return Activity[In, Out]{name} }

// Name is the activity's name on the wire, as NewActivity got it.
func (a Activity[In, Out]) Name() string { return a.name }

// Register makes fn the function that the worker runs for this type. It panics
// if the worker has one already, as worker.Registry does.
func (a Activity[In, Out]) Register(r worker.ActivityRegistry, fn func(context.Context, In) (Out, error)) {
	a.RegisterWithOptions(r, fn, activity.RegisterOptions{})
}

// RegisterWithOptions is Register with options, of which Name is the
// definition's.
func (a Activity[In, Out]) RegisterWithOptions(r worker.ActivityRegistry, fn func(context.Context, In) (Out, error), options activity.RegisterOptions) {
	options.Name = a.name
	r.RegisterActivityWithOptions(untyped[In, Out](fn), options)
}

// Execute schedules the activity and waits for its result. Its options are those
// of ctx: see workflow.WithActivityOptions, of which a StartToCloseTimeout or a
// ScheduleToCloseTimeout is needed.
func (a Activity[In, Out]) Execute(ctx workflow.Context, in In) (Out, error) {
	return a.Start(ctx, in).Get(ctx)
}

// Start schedules the activity and does not wait.
func (a Activity[In, Out]) Start(ctx workflow.Context, in In) Future[Out] {
	return Future[Out]{workflow.ExecuteActivity(ctx, a.name, argumentsOf(in)...)}
}

// ExecuteLocal runs the activity as a local one and waits for its result. It must
// be registered with the worker that runs the workflow. Its options are those of
// workflow.WithLocalActivityOptions.
func (a Activity[In, Out]) ExecuteLocal(ctx workflow.Context, in In) (Out, error) {
	return a.StartLocal(ctx, in).Get(ctx)
}

// StartLocal is ExecuteLocal without waiting.
func (a Activity[In, Out]) StartLocal(ctx workflow.Context, in In) Future[Out] {
	return Future[Out]{workflow.ExecuteLocalActivity(ctx, a.name, argumentsOf(in)...)}
}
