package flow

import (
	"github.com/perdure/perdure/sdk/converter"
)

// withWorkflowContext binds a converter that wants it to a workflow context.
func withWorkflowContext(ctx Context, dc DataConverter) DataConverter {
	if aware, ok := dc.(ContextAware); ok {
		return aware.WithWorkflowContext(ctx)
	}
	return dc
}

// dataConverterOf is the converter for a workflow's own values.
func dataConverterOf(ctx Context) DataConverter {
	if options := givenWorkflowOptions(ctx); options != nil && options.converter != nil {
		return withWorkflowContext(ctx, options.converter)
	}
	return withWorkflowContext(ctx, runOf(ctx).converter)
}

// converterFor is the converter for values of an activity or another workflow.
func converterFor(ctx Context, serialization converter.SerializationContext) DataConverter {
	return withWorkflowContext(ctx, converter.WithDataConverterSerializationContext(unboundConverter(ctx), serialization))
}

// unboundConverter is the data converter of calls made with ctx, bound to no context.
func unboundConverter(ctx Context) DataConverter {
	if options := givenWorkflowOptions(ctx); options != nil {
		return options.rootConverter
	}
	return runOf(ctx).rootConverter
}
