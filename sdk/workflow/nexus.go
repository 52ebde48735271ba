package workflow

import "github.com/perdure/perdure/sdk/internal/flow"

type (
	// NexusClient calls the operations of a Nexus service from a workflow. Outside of
	// workflows use client.NexusClient.
	NexusClient = flow.NexusClient
	// NexusOperationOptions say how a Nexus operation is to be carried out.
	NexusOperationOptions = flow.NexusOperationOptions
	// NexusOperationFuture is the result of a Nexus operation.
	NexusOperationFuture = flow.NexusOperationFuture
	// NexusOperationExecution is the value of
	// NexusOperationFuture.GetNexusOperationExecution.
	NexusOperationExecution = flow.NexusOperationExecution
	// NexusOperationCancellationType says what a workflow waits for when it cancels the
	// context of a Nexus operation.
	NexusOperationCancellationType = flow.NexusOperationCancellationType
)

const (
	// NexusOperationCancellationTypeUnspecified is
	// NexusOperationCancellationTypeWaitCompleted.
	NexusOperationCancellationTypeUnspecified = flow.NexusOperationCancellationTypeUnspecified
	// NexusOperationCancellationTypeAbandon does not ask for cancellation: the futures
	// fail at once, and the operation goes on.
	NexusOperationCancellationTypeAbandon = flow.NexusOperationCancellationTypeAbandon
	// NexusOperationCancellationTypeTryCancel asks for cancellation and waits only until that is
	// in the history: the operation is cancelled for the workflow when its next task begins,
	// whatever the handler does. If the workflow ends right after, the handler may never learn
	// of it.
	NexusOperationCancellationTypeTryCancel = flow.NexusOperationCancellationTypeTryCancel
	// NexusOperationCancellationTypeWaitRequested asks for cancellation and waits until the
	// handler has been told.
	NexusOperationCancellationTypeWaitRequested = flow.NexusOperationCancellationTypeWaitRequested
	// NexusOperationCancellationTypeWaitCompleted asks for cancellation and waits for the
	// end of the operation, whichever it is. It is the default.
	NexusOperationCancellationTypeWaitCompleted = flow.NexusOperationCancellationTypeWaitCompleted
)

// NewNexusClient returns a client for a Nexus service at an endpoint. It panics if either
// name is empty, or begins with "__temporal_".
//
//	payments := workflow.NewNexusClient("payments", "charges")
//	var receipt Receipt
//	err := payments.ExecuteOperation(ctx, chargeOperation, order, workflow.NexusOperationOptions{}).Get(ctx, &receipt)
//
// An operation that fails makes the future fail with a temporal.NexusOperationError. If
// ctx is cancelled, so is the operation: see NexusOperationOptions.CancellationType.
func NewNexusClient(endpoint, service string) NexusClient {
	return flow.NewNexusClient(endpoint, service)
}
