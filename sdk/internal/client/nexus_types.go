package client

import (
	"context"
	"iter"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	nexuspb "go.temporal.io/api/nexus/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/searchattr"
)

// NexusClientOptions say which service to call where. Both fields are required.
type NexusClientOptions struct {
	// Endpoint is the name of the endpoint, which the server maps to where the service is.
	Endpoint string
	// Service is the name of the service.
	Service string
}

// NexusClient starts operations of a Nexus service without a workflow. It is safe for
// concurrent use.
type NexusClient interface {
	// ExecuteOperation starts an operation and returns with its handle as soon as the server
	// has recorded it; the handler has not been called yet. operation is its name, or a
	// reference of package nexus, whose types are then checked. It fails with
	// [*serviceerror.NexusOperationExecutionAlreadyStarted] if the id is taken and the
	// options do not say what to do then.
	ExecuteOperation(ctx context.Context, operation any, input any, options StartNexusOperationOptions) (NexusOperationHandle, error)
}

// StartNexusOperationOptions say how to start an operation. Only ID is required.
type StartNexusOperationOptions struct {
	// ID is the operation id, by which the operation is known in the caller's namespace from
	// then on. It is required.
	ID string
	// ScheduleToCloseTimeout bounds the whole operation. The default is the server's limit.
	ScheduleToCloseTimeout time.Duration
	// ScheduleToStartTimeout bounds the wait until the handler has started the operation. The
	// default is no limit.
	ScheduleToStartTimeout time.Duration
	// StartToCloseTimeout bounds an asynchronous operation from when it was started. The
	// default is no limit.
	StartToCloseTimeout time.Duration
	// IDConflictPolicy says what happens if an operation with the id is running. The default
	// is to fail.
	IDConflictPolicy enumspb.NexusOperationIdConflictPolicy
	// IDReusePolicy says what happens if an operation with the id has closed. The default is
	// to allow a new one.
	IDReusePolicy enumspb.NexusOperationIdReusePolicy
	// SearchAttributes are attributes by which the operation can be found. They must be
	// registered with the server.
	SearchAttributes searchattr.SearchAttributes
	// Summary is one line of Markdown that user interfaces show about the operation.
	Summary string
}

// NexusOperationHandle is a Nexus operation that was started without a workflow. It is safe
// for concurrent use. Its methods fail with [*serviceerror.NotFound] if the operation does
// not exist.
type NexusOperationHandle interface {
	// GetID returns the operation id, which the starter chose.
	GetID() string
	// GetRunID returns the run id. It is empty for a handle that was made without one: its
	// methods are about the latest run.
	GetRunID() string
	// Get waits for the operation to close, and decodes its result into what valuePtr points
	// to. A nil valuePtr only waits. If the operation did not succeed, Get returns why.
	Get(ctx context.Context, valuePtr any) error
	// Describe returns what the server knows about the operation.
	Describe(ctx context.Context, options DescribeNexusOperationOptions) (*NexusOperationExecutionDescription, error)
	// Cancel asks the handler to stop the operation.
	Cancel(ctx context.Context, options CancelNexusOperationOptions) error
	// Terminate ends the operation for the caller. The handler is not told.
	Terminate(ctx context.Context, options TerminateNexusOperationOptions) error
}

// GetNexusOperationHandleOptions are the options of GetNexusOperationHandle.
type GetNexusOperationHandleOptions struct {
	// OperationID is required.
	OperationID string
	// RunID is the run of the operation. The default is the latest one.
	RunID string
}

// DescribeNexusOperationOptions are the options of NexusOperationHandle.Describe.
type DescribeNexusOperationOptions struct{}

// CancelNexusOperationOptions are the options of NexusOperationHandle.Cancel.
type CancelNexusOperationOptions struct {
	// Reason is for people.
	Reason string
}

// TerminateNexusOperationOptions are the options of NexusOperationHandle.Terminate.
type TerminateNexusOperationOptions struct {
	// Reason is for people.
	Reason string
}

// ListNexusOperationsOptions are the options of ListNexusOperations.
type ListNexusOperationsOptions struct {
	// Query selects operations, in the language of visibility. The default is all.
	Query string
}

// ListNexusOperationsResult is the response of ListNexusOperations.
type ListNexusOperationsResult struct {
	// Results goes through the operations, which are fetched a page at a time. It ends after
	// an error. It can be gone through more than once, and asks the server anew.
	Results iter.Seq2[*ClientNexusOperationMetadata, error]
}

// CountNexusOperationsOptions are the options of CountNexusOperations.
type CountNexusOperationsOptions struct {
	// Query selects operations, in the language of visibility. It may group them: GROUP BY.
	// The default is all.
	Query string
}

// CountNexusOperationsResult is the response of CountNexusOperations.
type CountNexusOperationsResult struct {
	// Count is how many operations there are, about.
	Count int64
	// Groups are how many there are in each group, if the query groups them.
	Groups []CountNexusOperationsAggregationGroup
}

// CountNexusOperationsAggregationGroup is how many operations have the same values of what a
// query groups by.
type CountNexusOperationsAggregationGroup struct {
	// GroupValues are the values of the attributes that the query groups by.
	GroupValues []any
	// Count is how many operations there are in the group, about.
	Count int64
}

// ClientNexusOperationMetadata is what the server knows about every operation. Times that
// are not known are the Unix epoch.
type ClientNexusOperationMetadata struct {
	// RawExecutionListInfo is what the server sent, for an operation in a list.
	RawExecutionListInfo *nexuspb.NexusOperationExecutionListInfo
	// OperationID is the id that the starter chose.
	OperationID string
	// OperationRunID is the id that the server gave to this run of the operation id.
	OperationRunID string
	// Endpoint is the endpoint that is called.
	Endpoint string
	// Service names the Nexus service at the endpoint.
	Service string
	// Operation is the name of the operation.
	Operation string
	// ScheduledTime is when it was started.
	ScheduledTime time.Time
	// CloseTime is when it closed.
	CloseTime time.Time
	// Status says whether it is running, and if not, how it closed.
	Status enumspb.NexusOperationExecutionStatus
	// SearchAttributes are those that it was started with, decoded.
	SearchAttributes searchattr.SearchAttributes
	// StateTransitionCount is how often its state has changed.
	StateTransitionCount int64
	// ExecutionDuration is how long it took, if it has closed.
	ExecutionDuration time.Duration
}

// NexusOperationExecutionDescription is what the server knows about an operation. Times that
// are not known are the Unix epoch.
type NexusOperationExecutionDescription struct {
	// ClientNexusOperationMetadata is what is known about every operation.
	ClientNexusOperationMetadata
	// RawInfo is what the server sent.
	RawInfo *nexuspb.NexusOperationExecutionInfo
	// State says what a running operation is doing.
	State enumspb.PendingNexusOperationState
	// ScheduleToCloseTimeout bounds the whole operation.
	ScheduleToCloseTimeout time.Duration
	// ScheduleToStartTimeout bounds the wait until the handler has started it.
	ScheduleToStartTimeout time.Duration
	// StartToCloseTimeout bounds it from when it was started.
	StartToCloseTimeout time.Duration
	// Attempt is the number of the attempt to start it, from 1.
	Attempt int32
	// ExpirationTime is when ScheduleToCloseTimeout ends it.
	ExpirationTime time.Time
	// LastAttemptCompleteTime is when the last attempt ended.
	LastAttemptCompleteTime time.Time
	// NextAttemptScheduleTime is when the next attempt is due, if it waits.
	NextAttemptScheduleTime time.Time
	// LastAttemptFailure is why the last attempt failed, still encoded.
	LastAttemptFailure *failurepb.Failure
	// BlockedReason is why it cannot go on.
	BlockedReason string
	// OperationToken is the handler's name for an asynchronous operation.
	OperationToken string
	// Identity is who started it.
	Identity string
	// CancellationInfo is about the request to stop it, or nil.
	CancellationInfo *NexusOperationCancellationInfo

	dc converter.DataConverter
	fc converter.FailureConverter
}

// GetSummary returns the summary that the operation was started with, or an empty string.
func (d *NexusOperationExecutionDescription) GetSummary() (string, error) {
	return decodeString(d.dc, d.RawInfo.GetUserMetadata().GetSummary())
}

// GetLastAttemptFailure returns why the last attempt failed, or nil.
func (d *NexusOperationExecutionDescription) GetLastAttemptFailure() error {
	if d.LastAttemptFailure == nil {
		return nil
	}
	return d.fc.FailureToError(d.LastAttemptFailure)
}

// NexusOperationCancellationInfo is about a request to stop an operation.
type NexusOperationCancellationInfo struct {
	// RawInfo is what the server sent.
	RawInfo *nexuspb.NexusOperationExecutionCancellationInfo
	// RequestedTime is when it was made.
	RequestedTime time.Time
	// State is how far it has come.
	State enumspb.NexusOperationCancellationState
	// Attempt is the number of the attempt to tell the handler, from 1.
	Attempt int32
	// LastAttemptCompleteTime is when the last attempt ended.
	LastAttemptCompleteTime time.Time
	// NextAttemptScheduleTime is when the next attempt is due, if it waits.
	NextAttemptScheduleTime time.Time
	// BlockedReason is why it cannot go on.
	BlockedReason string
	// Reason is why the operation was asked to stop.
	Reason string

	fc converter.FailureConverter
}

// GetLastAttemptFailure returns why the last attempt to tell the handler failed, or nil.
func (i *NexusOperationCancellationInfo) GetLastAttemptFailure() error {
	f := i.RawInfo.GetLastAttemptFailure()
	if f == nil {
		return nil
	}
	return i.fc.FailureToError(f)
}
