package flow

import (
	"context"

	"github.com/perdure/perdure/sdk/converter"
)

// ContextPropagator carries values of contexts along with calls: from the client
// to workflows, and from workflows to activities and other workflows.
type ContextPropagator interface {
	// Inject writes values of a Go context into a header.
	Inject(context.Context, HeaderWriter) error
	// Extract puts values of a header into a Go context.
	Extract(context.Context, HeaderReader) (context.Context, error)
	// InjectFromWorkflow writes what workflow code's context has into the header of a call that
	// it makes. An error fails the call.
	InjectFromWorkflow(Context, HeaderWriter) error
	// ExtractToWorkflow returns a copy of a workflow's context that has what the header of its
	// start says. An error fails the workflow task.
	ExtractToWorkflow(Context, HeaderReader) (Context, error)
}

// ContextAware is implemented by data converters that depend on the context of
// the call.
type ContextAware = converter.ContextAware
