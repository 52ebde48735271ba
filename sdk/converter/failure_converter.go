package converter

import (
	failurepb "go.temporal.io/api/failure/v1"
)

// FailureConverter turns Go errors into the failures that the server and other
// SDKs understand, and back. The default is temporal.NewDefaultFailureConverter.
type FailureConverter interface {
	// ErrorToFailure converts err, and the errors that it wraps. It returns nil for
	// nil.
	ErrorToFailure(err error) *failurepb.Failure

	// FailureToError converts failure and its causes. It returns nil for nil.
	FailureToError(failure *failurepb.Failure) error
}

// encodedAttributes is what hides in a failure whose text is encoded. Other SDKs
// read it.
type encodedAttributes struct {
	Message    string `json:"message"`
	StackTrace string `json:"stack_trace"`
}

// encodedFailureMessage stands where the message was.
const encodedFailureMessage = "Encoded failure"

// EncodeCommonFailureAttributes moves the message and the stack trace of failure
// into a payload made by dc, so that a codec can encrypt them. It does not touch the
// causes.
func EncodeCommonFailureAttributes(dc DataConverter, failure *failurepb.Failure) error {
	payload, err := dc.ToPayload(encodedAttributes{Message: failure.GetMessage(), StackTrace: failure.GetStackTrace()})
	if err != nil {
		return err
	}
	failure.EncodedAttributes = payload
	failure.Message = encodedFailureMessage
	failure.StackTrace = ""
	return nil
}

// DecodeCommonFailureAttributes puts back what [EncodeCommonFailureAttributes] moved.
// A failure that was not encoded, or that dc cannot decode, stays as it is.
func DecodeCommonFailureAttributes(dc DataConverter, failure *failurepb.Failure) {
	if failure.GetEncodedAttributes() == nil {
		return
	}
	var attributes encodedAttributes
	if err := dc.FromPayload(failure.GetEncodedAttributes(), &attributes); err != nil {
		return
	}
	failure.Message = attributes.Message
	failure.StackTrace = attributes.StackTrace
}
