package client

import iclient "github.com/perdure/perdure/sdk/internal/client"

type (
	// NexusClientOptions say which service to call where. Both fields are required.
	NexusClientOptions = iclient.NexusClientOptions

	// NexusClient starts operations of a Nexus service without a workflow. It is safe for
	// concurrent use.
	NexusClient = iclient.NexusClient

	// StartNexusOperationOptions say how to start an operation. Only ID is required.
	StartNexusOperationOptions = iclient.StartNexusOperationOptions

	// NexusOperationHandle is a Nexus operation that was started without a workflow. It is safe
	// for concurrent use. Its methods fail with [*serviceerror.NotFound] if the operation does
	// not exist.
	NexusOperationHandle = iclient.NexusOperationHandle

	// GetNexusOperationHandleOptions are the options of GetNexusOperationHandle.
	GetNexusOperationHandleOptions = iclient.GetNexusOperationHandleOptions

	// DescribeNexusOperationOptions are the options of NexusOperationHandle.Describe.
	DescribeNexusOperationOptions = iclient.DescribeNexusOperationOptions

	// CancelNexusOperationOptions are the options of NexusOperationHandle.Cancel.
	CancelNexusOperationOptions = iclient.CancelNexusOperationOptions

	// TerminateNexusOperationOptions are the options of NexusOperationHandle.Terminate.
	TerminateNexusOperationOptions = iclient.TerminateNexusOperationOptions

	// ListNexusOperationsOptions are the options of ListNexusOperations.
	ListNexusOperationsOptions = iclient.ListNexusOperationsOptions

	// ListNexusOperationsResult is the response of ListNexusOperations.
	ListNexusOperationsResult = iclient.ListNexusOperationsResult

	// CountNexusOperationsOptions are the options of CountNexusOperations.
	CountNexusOperationsOptions = iclient.CountNexusOperationsOptions

	// CountNexusOperationsResult is the response of CountNexusOperations.
	CountNexusOperationsResult = iclient.CountNexusOperationsResult

	// CountNexusOperationsAggregationGroup is how many operations have the same values of what
	// a query groups by.
	CountNexusOperationsAggregationGroup = iclient.CountNexusOperationsAggregationGroup

	// NexusOperationMetadata is what the server knows about every operation. Times that
	// are not known are the Unix epoch.
	NexusOperationMetadata = iclient.ClientNexusOperationMetadata

	// NexusOperationExecutionDescription is what the server knows about an operation. Times that
	// are not known are the Unix epoch.
	NexusOperationExecutionDescription = iclient.NexusOperationExecutionDescription

	// NexusOperationCancellationInfo is about a request to stop an operation.
	NexusOperationCancellationInfo = iclient.NexusOperationCancellationInfo
)
