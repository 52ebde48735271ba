package converter

import (
	"context"

	"github.com/perdure/perdure/sdk/internal/workflowcontext"
)

// WorkflowContext is workflow.Context, which this package cannot import.
type WorkflowContext = workflowcontext.Context

// ContextAware is implemented by data converters that depend on the context of the call.
// Payloads may also be converted where there is no context, so they must not depend on
// having one.
type ContextAware interface {
	// WithWorkflowContext returns the converter for calls from workflow code.
	WithWorkflowContext(ctx WorkflowContext) DataConverter
	// WithContext returns the converter for calls from clients and activities.
	WithContext(ctx context.Context) DataConverter
}
