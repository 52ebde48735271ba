package nexus

import (
	"errors"

	nexusrpc "github.com/nexus-rpc/sdk-go/nexus"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// DispatchFailure is the failure of a handler that a dispatch without an answer comes to.
func DispatchFailure(err error) *failurepb.Failure {
	if errors.Is(err, ErrNoAnswer) {
		return HandlerFailure(nexusrpc.HandlerErrorTypeUpstreamTimeout, "upstream timeout", enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_UNSPECIFIED)
	}
	return ErrorFailure(err, false)
}

// errorTypes are the types of errors of handlers for those of the API, and what is said if
// nothing of the error itself is to be.
var errorTypes = map[codes.Code]struct {
	kind nexusrpc.HandlerErrorType
	text string
}{
	codes.AlreadyExists:      {nexusrpc.HandlerErrorTypeBadRequest, "bad request"},
	codes.InvalidArgument:    {nexusrpc.HandlerErrorTypeBadRequest, "bad request"},
	codes.FailedPrecondition: {nexusrpc.HandlerErrorTypeBadRequest, "bad request"},
	codes.OutOfRange:         {nexusrpc.HandlerErrorTypeBadRequest, "bad request"},
	codes.Aborted:            {nexusrpc.HandlerErrorTypeUnavailable, "service unavailable"},
	codes.Unavailable:        {nexusrpc.HandlerErrorTypeUnavailable, "service unavailable"},
	codes.Canceled:           {nexusrpc.HandlerErrorTypeInternal, "canceled"},
	codes.Unauthenticated:    {nexusrpc.HandlerErrorTypeUnauthenticated, "authentication failed"},
	codes.PermissionDenied:   {nexusrpc.HandlerErrorTypeUnauthorized, "permission denied"},
	codes.NotFound:           {nexusrpc.HandlerErrorTypeNotFound, "not found"},
	codes.ResourceExhausted:  {nexusrpc.HandlerErrorTypeResourceExhausted, "resource exhausted"},
	codes.Unimplemented:      {nexusrpc.HandlerErrorTypeNotImplemented, "not implemented"},
	codes.DeadlineExceeded:   {nexusrpc.HandlerErrorTypeUpstreamTimeout, "request timeout"},
}

// ErrorFailure is the failure of a handler that an error of the API comes to. details says
// whether the text of the error may be told.
func ErrorFailure(err error, details bool) *failurepb.Failure {
	const unspecified = enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_UNSPECIFIED
	known, ok := errorTypes[serviceerror.ToStatus(err).Code()]
	switch {
	case !ok:
		return HandlerFailure(nexusrpc.HandlerErrorTypeInternal, "internal error", unspecified)
	case details:
		return HandlerFailure(known.kind, err.Error(), unspecified)
	}
	return HandlerFailure(known.kind, known.text, unspecified)
}

// RefusalText is why the report of the end of an operation was not taken, in the words of
// whoever gets it over HTTP.
func RefusalText(err error) string {
	failure := ErrorFailure(err, true)
	return "handler error (" + failure.GetNexusHandlerFailureInfo().GetType() + "): " + failure.GetMessage()
}

// StatusFailure is ErrorFailure for an error that the door of the server has returned: what
// clients may know of it.
func StatusFailure(err error) *failurepb.Failure {
	details := true
	switch status.Code(err) {
	case codes.Internal, codes.Unknown, codes.DataLoss:
		details = false
	}
	return ErrorFailure(serviceerror.FromStatus(status.Convert(err)), details)
}

// normalized is the payload as it is after a way over HTTP: none is a null.
func normalized(p *commonpb.Payload) *commonpb.Payload {
	if p == nil {
		return &commonpb.Payload{Metadata: map[string][]byte{encodingKey: []byte("binary/null")}}
	}
	return p
}
