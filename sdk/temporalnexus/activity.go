package temporalnexus

import (
	"context"

	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/client"
)

// cancelActivity cancels the activity that carries out an operation.
func cancelActivity(context.Context, client.Client, CancelTemporalActivityExecutionOptions, nexus.CancelOperationOptions) error {
	return nexus.NewHandlerErrorf(nexus.HandlerErrorTypeNotImplemented, "cannot cancel the activity of an operation: set TemporalOperationOptions.CancelActivityExecution")
}
