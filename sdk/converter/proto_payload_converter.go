package converter

import (
	"encoding/base64"
	"fmt"

	gogoproto "github.com/gogo/protobuf/proto"
	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/proto"
)

// ProtoPayloadConverter encodes protobuf messages in their binary form.
type ProtoPayloadConverter struct {
	options ProtoPayloadConverterOptions
}

// ProtoPayloadConverterOptions are the options of
// [NewProtoPayloadConverterWithOptions]. The zero value is the default.
type ProtoPayloadConverterOptions struct {
	// ExcludeProtobufMessageTypes leaves the message's name out of the metadata.
	ExcludeProtobufMessageTypes bool
}

// NewProtoPayloadConverter returns a ProtoPayloadConverter with default options.
func NewProtoPayloadConverter() *ProtoPayloadConverter {
	return &ProtoPayloadConverter{}
}

// NewProtoPayloadConverterWithOptions returns a ProtoPayloadConverter.
func NewProtoPayloadConverterWithOptions(options ProtoPayloadConverterOptions) *ProtoPayloadConverter {
	return &ProtoPayloadConverter{options: options}
}

// ToPayload encodes a message, or a struct whose pointer is a message, and leaves
// everything else.
func (c *ProtoPayloadConverter) ToPayload(value any) (*commonpb.Payload, error) {
	m := messageToEncode(value)
	if m.isZero() {
		return nil, nil
	}
	var data []byte
	var err error
	if m.current != nil {
		data, err = proto.Marshal(m.current)
	} else {
		data, err = gogoproto.Marshal(m.gogo)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnableToEncode, err)
	}
	return newMessagePayload(data, MetadataEncodingProto, m, c.options.ExcludeProtobufMessageTypes), nil
}

// FromPayload decodes into a message, or into a pointer to one, which it sets if it
// is nil.
func (c *ProtoPayloadConverter) FromPayload(payload *commonpb.Payload, valuePtr any) error {
	target, err := settable(valuePtr)
	if err != nil {
		return err
	}
	m, err := messageToDecode(target)
	if err != nil {
		return err
	}
	if m.current != nil {
		err = proto.Unmarshal(payload.GetData(), m.current)
	} else {
		err = gogoproto.Unmarshal(payload.GetData(), m.gogo)
	}
	if err != nil {
		return fmt.Errorf("%w: %v", ErrUnableToDecode, err)
	}
	return nil
}

// ToString renders the binary form in base64, without padding.
func (c *ProtoPayloadConverter) ToString(payload *commonpb.Payload) string {
	return base64.RawStdEncoding.EncodeToString(payload.GetData())
}

// Encoding returns [MetadataEncodingProto].
func (c *ProtoPayloadConverter) Encoding() string { return MetadataEncodingProto }

// ExcludeProtobufMessageTypes tells whether payloads carry the message's name.
func (c *ProtoPayloadConverter) ExcludeProtobufMessageTypes() bool {
	return c.options.ExcludeProtobufMessageTypes
}
