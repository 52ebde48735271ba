package nexusop

import (
	"errors"

	"github.com/nexus-rpc/sdk-go/nexus"
	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/failure"
)

// payloadReader stands for a nexus.Serializer: the server has made a payload of the content
// already, which it decodes instead.
type payloadReader struct {
	converter converter.DataConverter
	payload   *commonpb.Payload
}

// PayloadSerializer returns a serializer whose content is the payload.
func PayloadSerializer(dc converter.DataConverter, payload *commonpb.Payload) nexus.Serializer {
	return &payloadReader{converter: dc, payload: payload}
}

func (p *payloadReader) Serialize(any) (*nexus.Content, error) {
	return nil, errors.New("results of Nexus operations are encoded as payloads")
}

func (p *payloadReader) Deserialize(_ *nexus.Content, value any) error {
	err := p.converter.FromPayload(p.payload, value)
	if err == nil {
		return nil
	}
	if application, ok := err.(*failure.ApplicationError); ok {
		if !application.NonRetryable() || application.Type() != failure.PayloadValidationErrorType {
			return err
		}
		return &nexus.HandlerError{Type: nexus.HandlerErrorTypeBadRequest, Message: "invalid operation input", Cause: err}
	}
	if _, ok := errors.AsType[*nexus.HandlerError](err); ok {
		return err
	}
	return &nexus.HandlerError{Type: nexus.HandlerErrorTypeBadRequest, Message: "cannot deserialize operation input", Cause: err}
}
