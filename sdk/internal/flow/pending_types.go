package flow

// Structural stand-ins, replaced by aliases of the public types.
type (
	DataConverter        interface{}
	FailureConverter     interface{}
	Logger               interface{}
	ContextPropagator    interface{}
	WorkflowInfo         struct{}
	LocalActivityOptions struct{}
)

// Instance is one workflow run being executed or kept in the sticky cache.
type Instance struct{}
