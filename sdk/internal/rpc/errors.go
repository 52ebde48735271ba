package rpc

import (
	"errors"
	"strings"

	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// MessageTooLargeError says that a request or a reply is larger than gRPC, here or at
// the server, is set to pass. Trying again does not help.
type MessageTooLargeError struct {
	status *status.Status
}

// Error returns gRPC's message.
func (e *MessageTooLargeError) Error() string { return e.status.Err().Error() }

// GRPCStatus returns the status as it came.
func (e *MessageTooLargeError) GRPCStatus() *status.Status { return e.status }

// IsMessageTooLarge tells whether err is, or wraps, a [*MessageTooLargeError].
func IsMessageTooLarge(err error) bool {
	var tooLarge *MessageTooLargeError
	return errors.As(err, &tooLarge)
}

// tooLargeMessages are how gRPC says it. The code alone, ResourceExhausted, also stands
// for rate limits.
var tooLargeMessages = []string{
	"grpc: received message larger than max",
	"grpc: message after decompression larger than max",
	"grpc: received message after decompression larger than max",
	"grpc: trying to send message larger than max",
	"grpc: message too large",
	"trying to send message larger than max",
}

func isTooLarge(s *status.Status) bool {
	for _, prefix := range tooLargeMessages {
		if strings.HasPrefix(s.Message(), prefix) {
			return true
		}
	}
	return false
}

// statusOf returns the status that err, of a call, stands for.
func statusOf(err error) *status.Status {
	if s, ok := status.FromError(err); ok {
		return s
	}
	if e, ok := errors.AsType[serviceerror.ServiceError](err); ok {
		return e.Status() // of an interceptor of the user's
	}
	return status.FromContextError(err)
}

// convertError returns the error of package serviceerror for the error of a call.
func convertError(err error) error {
	if err == nil {
		return nil
	}
	var local localError
	if errors.As(err, &local) {
		return local.error
	}
	if _, ok := errors.AsType[serviceerror.ServiceError](err); ok {
		return err
	}
	s := statusOf(err)
	if isTooLarge(s) {
		return &MessageTooLargeError{status: s}
	}
	return serviceerror.FromStatus(s)
}

// isRetryableStatus tells whether a call that ended with s may be made again.
// internalDiffers says that the server reports errors that pass as Unavailable, so that
// Internal means what it says.
func isRetryableStatus(s *status.Status, internalDiffers bool) bool {
	switch s.Code() {
	case codes.ResourceExhausted:
		return !isTooLarge(s)
	case codes.Aborted, codes.Unavailable, codes.Unknown:
		return true
	case codes.Internal:
		return !internalDiffers
	default:
		return false
	}
}

// IsRetryable tells whether err, of a call that was made once, is one that passes.
func IsRetryable(err error) bool {
	if err == nil || IsMessageTooLarge(err) {
		return false
	}
	return isRetryableStatus(serviceerror.ToStatus(err), true)
}
