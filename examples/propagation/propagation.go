// Package propagation: what a request carries reaches its activities.
//
// A context propagator writes values of the caller's context to headers and reads them
// back, from the client to the workflow and on to its activities and children.
package propagation

import (
	"context"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "propagation", Title: "what a request carries reaches its activities",
	Client: func(options *client.Options) {
		options.ContextPropagators = []workflow.ContextPropagator{tenant{}}
	},
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Serve)
		r.RegisterActivity(Tenant)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		ctx = context.WithValue(ctx, key{}, "north")
		seen, err := lesson.Execute[string](ctx, c, "propagation", Serve)
		if err != nil {
			return err
		}
		say("the activity worked for %s", seen)
		return nil
	},
	Says: []string{"the activity worked for north"},
}

type key struct{}

const header = "tenant"

// tenant carries the tenant.
type tenant struct{}

// Inject writes to the headers of a call that a client makes.
func (tenant) Inject(ctx context.Context, w workflow.HeaderWriter) error {
	return write(ctx.Value(key{}), w)
}

// InjectFromWorkflow writes to the headers of a call that a workflow makes.
func (tenant) InjectFromWorkflow(ctx workflow.Context, w workflow.HeaderWriter) error {
	return write(ctx.Value(key{}), w)
}

// Extract reads the headers that an activity was called with.
func (tenant) Extract(ctx context.Context, r workflow.HeaderReader) (context.Context, error) {
	value, err := read(r)
	return context.WithValue(ctx, key{}, value), err
}

// ExtractToWorkflow reads the headers that a workflow was started with.
func (tenant) ExtractToWorkflow(ctx workflow.Context, r workflow.HeaderReader) (workflow.Context, error) {
	value, err := read(r)
	return workflow.WithValue(ctx, key{}, value), err
}

func write(value any, w workflow.HeaderWriter) error {
	if value == nil {
		return nil
	}
	payload, err := converter.GetDefaultDataConverter().ToPayload(value)
	if err == nil {
		w.Set(header, payload)
	}
	return err
}

func read(r workflow.HeaderReader) (value string, err error) {
	payload, ok := r.Get(header)
	if !ok {
		return "", nil
	}
	err = converter.GetDefaultDataConverter().FromPayload(payload, &value)
	return value, err
}

// Serve calls the activity.
func Serve(ctx workflow.Context) (seen string, err error) {
	ctx = lesson.Quick(ctx)
	err = workflow.ExecuteActivity(ctx, Tenant).Get(ctx, &seen)
	return seen, err
}

// Tenant is the activity.
func Tenant(ctx context.Context) (string, error) {
	name, _ := ctx.Value(key{}).(string)
	return name, nil
}
