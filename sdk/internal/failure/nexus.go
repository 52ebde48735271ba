package failure

import (
	"encoding/json"
	"fmt"

	"github.com/nexus-rpc/sdk-go/nexus"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

// NexusOperationError is what a workflow gets when a Nexus operation fails. Its cause,
// which errors.As finds, says how: a nexus.HandlerError, ApplicationError,
// TimeoutError or CanceledError.
type NexusOperationError struct {
	// Failure is the failure the error was made from.
	Failure *failurepb.Failure
	// Message is the error's message.
	Message string
	// ScheduledEventID is the id of the event, in the caller's history, with which the
	// operation was asked for.
	ScheduledEventID int64
	// Endpoint is the name of the Nexus endpoint.
	Endpoint string
	// Service is the name of the Nexus service.
	Service string
	// Operation is the name of the operation.
	Operation string
	// OperationToken identifies the operation to its handler. It is empty if the
	// operation ended before it was started asynchronously.
	OperationToken string
	// Cause is the operation's own error.
	Cause error
}

// Error returns which operation failed, and the cause.
func (e *NexusOperationError) Error() string {
	return withCause(fmt.Sprintf("%s (endpoint: %q, service: %q, operation: %q, operation token: %q, scheduledEventID: %d)",
		e.Message, e.Endpoint, e.Service, e.Operation, e.OperationToken, e.ScheduledEventID), e.Cause)
}

// Unwrap returns the cause.
func (e *NexusOperationError) Unwrap() error { return e.Cause }

// NexusFailureType marks, in the metadata of a Nexus failure, that its details are a
// failure of the Temporal API as JSON.
var NexusFailureType = string((&failurepb.Failure{}).ProtoReflect().Descriptor().FullName())

// madeUpNexusType is the type of an application failure made from a Nexus failure of
// foreign origin.
const madeUpNexusType = "NexusFailure"

// toNexus returns f as a Nexus failure, details and all.
func toNexus(f *failurepb.Failure) (*nexus.Failure, error) {
	rest := proto.CloneOf(f)
	rest.Message, rest.StackTrace = "", ""
	data, err := protojson.Marshal(rest)
	if err != nil {
		return nil, fmt.Errorf("encode failure for Nexus: %w", err)
	}
	return &nexus.Failure{
		Message:    f.GetMessage(),
		StackTrace: f.GetStackTrace(),
		Metadata:   map[string]string{"type": NexusFailureType},
		Details:    data,
	}, nil
}

// fromNexus returns the failure of the API that f stands for. One of foreign origin
// becomes an application failure.
func fromNexus(f nexus.Failure) (*failurepb.Failure, error) {
	failure := &failurepb.Failure{}
	if f.Metadata["type"] == NexusFailureType {
		if err := protojson.Unmarshal(f.Details, failure); err != nil {
			return nil, fmt.Errorf("decode failure from Nexus: %w", err)
		}
	} else {
		details, err := foreignDetails(f)
		if err != nil {
			return nil, err
		}
		failure.FailureInfo = &failurepb.Failure_ApplicationFailureInfo{
			ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{Type: madeUpNexusType, Details: details},
		}
	}
	failure.Message = f.Message
	failure.StackTrace = f.StackTrace
	return failure, nil
}

// foreignDetails keeps what a Nexus failure has beyond its message as one payload.
func foreignDetails(f nexus.Failure) (*commonpb.Payloads, error) {
	if len(f.Metadata) == 0 && len(f.Details) == 0 {
		return nil, nil
	}
	f.Message = ""
	data, err := json.Marshal(f)
	if err != nil {
		return nil, fmt.Errorf("encode details of a Nexus failure: %w", err)
	}
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{{
		Metadata: map[string][]byte{"encoding": []byte("json/plain")},
		Data:     data,
	}}}, nil
}

// NexusRetryBehaviorToProto returns the behavior as the API has it.
func NexusRetryBehaviorToProto(b nexus.HandlerErrorRetryBehavior) enumspb.NexusHandlerErrorRetryBehavior {
	switch b {
	case nexus.HandlerErrorRetryBehaviorRetryable:
		return enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_RETRYABLE
	case nexus.HandlerErrorRetryBehaviorNonRetryable:
		return enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_NON_RETRYABLE
	default:
		return enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_UNSPECIFIED
	}
}

func retryBehaviorFromProto(b enumspb.NexusHandlerErrorRetryBehavior) nexus.HandlerErrorRetryBehavior {
	switch b {
	case enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_RETRYABLE:
		return nexus.HandlerErrorRetryBehaviorRetryable
	case enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_NON_RETRYABLE:
		return nexus.HandlerErrorRetryBehaviorNonRetryable
	default:
		return nexus.HandlerErrorRetryBehaviorUnspecified
	}
}
