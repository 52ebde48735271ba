package worker

import (
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/flow"
)

// WorkflowReplayerOptions of a replayer. The zero value works.
type WorkflowReplayerOptions struct {
	// DataConverter that the workflows were run with. Default
	// converter.GetDefaultDataConverter().
	DataConverter converter.DataConverter

	// FailureConverter that the workflows were run with. Default
	// temporal.GetDefaultFailureConverter().
	FailureConverter converter.FailureConverter

	// ContextPropagators that the workflows were run with.
	ContextPropagators []flow.ContextPropagator

	// DisableRegistrationAliasing as in Options.
	DisableRegistrationAliasing bool

	// Interceptors that the workflows were run with, of which the half for
	// workflows is used. The first is outermost.
	Interceptors []WorkerInterceptor

	// EnableLoggingInReplay lets workflow.GetLogger write.
	EnableLoggingInReplay bool

	// DisableDeadlockDetection lets workflow code run without yielding for as long
	// as it likes, for debuggers.
	DisableDeadlockDetection bool

	// ExternalStorage that the workflows were run with: what was stored is retrieved before
	// the history is replayed. Default none: payloads that were stored fail to decode.
	ExternalStorage converter.ExternalStorage

	// Plugins configure the replayer and are called for each replay, the first outermost.
	Plugins []Plugin
}
