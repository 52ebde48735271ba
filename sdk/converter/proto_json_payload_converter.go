package converter

import (
	"bytes"
	"fmt"

	gogojsonpb "github.com/gogo/protobuf/jsonpb"
	"github.com/perdure/perdure/sdk/internal/extstore"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/temporalproto"
	"google.golang.org/protobuf/encoding/protojson"
)

// ProtoJSONPayloadConverter encodes protobuf messages as JSON.
type ProtoJSONPayloadConverter struct {
	options         ProtoJSONPayloadConverterOptions
	marshal         protojson.MarshalOptions
	unmarshal       protojson.UnmarshalOptions
	legacyUnmarshal temporalproto.CustomJSONUnmarshalOptions
	gogoMarshal     gogojsonpb.Marshaler
	gogoUnmarshal   gogojsonpb.Unmarshaler
}

// ProtoJSONPayloadConverterOptions are the options of
// [NewProtoJSONPayloadConverterWithOptions]. The zero value is the default.
type ProtoJSONPayloadConverterOptions struct {
	// ExcludeProtobufMessageTypes leaves the message's name out of the metadata.
	ExcludeProtobufMessageTypes bool

	// AllowUnknownFields ignores fields that the message does not have when decoding,
	// where they would be an error.
	AllowUnknownFields bool

	// UseProtoNames writes fields under their names in the .proto file, not in lower
	// camel case.
	UseProtoNames bool

	// UseEnumNumbers writes enum values as numbers, not as names.
	UseEnumNumbers bool

	// EmitUnpopulated writes fields that hold their zero value.
	EmitUnpopulated bool

	// LegacyTemporalProtoCompat also reads the enum names with which old versions of
	// the Temporal Go SDK wrote messages of the Temporal API.
	LegacyTemporalProtoCompat bool
}

var jsonNull = []byte("null")

// NewProtoJSONPayloadConverter returns a ProtoJSONPayloadConverter with default
// options.
func NewProtoJSONPayloadConverter() *ProtoJSONPayloadConverter {
	return NewProtoJSONPayloadConverterWithOptions(ProtoJSONPayloadConverterOptions{})
}

// NewProtoJSONPayloadConverterWithOptions returns a ProtoJSONPayloadConverter.
func NewProtoJSONPayloadConverterWithOptions(options ProtoJSONPayloadConverterOptions) *ProtoJSONPayloadConverter {
	return &ProtoJSONPayloadConverter{
		options: options,
		marshal: protojson.MarshalOptions{
			UseProtoNames:   options.UseProtoNames,
			UseEnumNumbers:  options.UseEnumNumbers,
			EmitUnpopulated: options.EmitUnpopulated,
		},
		unmarshal:       protojson.UnmarshalOptions{DiscardUnknown: options.AllowUnknownFields},
		legacyUnmarshal: temporalproto.CustomJSONUnmarshalOptions{DiscardUnknown: options.AllowUnknownFields},
		gogoMarshal: gogojsonpb.Marshaler{
			OrigName:     options.UseProtoNames,
			EnumsAsInts:  options.UseEnumNumbers,
			EmitDefaults: options.EmitUnpopulated,
		},
		gogoUnmarshal: gogojsonpb.Unmarshaler{AllowUnknownFields: options.AllowUnknownFields},
	}
}

// ToPayload encodes a message, or a struct whose pointer is a message, and leaves
// everything else.
func (c *ProtoJSONPayloadConverter) ToPayload(value any) (*commonpb.Payload, error) {
	if isNil(value) {
		return newPayload(bytes.Clone(jsonNull), MetadataEncodingProtoJSON), nil
	}
	m := messageToEncode(value)
	if m.isZero() {
		return nil, nil
	}
	var data []byte
	var err error
	if m.current != nil {
		data, err = c.marshal.Marshal(m.current)
	} else {
		var buf bytes.Buffer
		err = c.gogoMarshal.Marshal(&buf, m.gogo)
		data = buf.Bytes()
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrUnableToEncode, err)
	}
	return newMessagePayload(data, MetadataEncodingProtoJSON, m, c.options.ExcludeProtobufMessageTypes), nil
}

// FromPayload decodes into a message, or into a pointer to one, which it sets if it
// is nil.
func (c *ProtoJSONPayloadConverter) FromPayload(payload *commonpb.Payload, valuePtr any) error {
	target, err := settable(valuePtr)
	if err != nil {
		return err
	}
	if bytes.Equal(payload.GetData(), jsonNull) {
		target.SetZero()
		return nil
	}
	m, err := messageToDecode(target)
	if extstore.IsReference(payload) && (err != nil || m.name() != extstore.MessageType) {
		// Nobody has retrieved it, so nobody can.
		return extstore.ErrNoDriver
	}
	if err != nil {
		return err
	}
	switch {
	case m.gogo != nil:
		err = c.gogoUnmarshal.Unmarshal(bytes.NewReader(payload.GetData()), m.gogo)
	case c.options.LegacyTemporalProtoCompat:
		err = c.legacyUnmarshal.Unmarshal(payload.GetData(), m.current)
	default:
		err = c.unmarshal.Unmarshal(payload.GetData(), m.current)
	}
	if err != nil {
		return fmt.Errorf("%w: %v", ErrUnableToDecode, err)
	}
	return nil
}

// ToString returns the JSON.
func (c *ProtoJSONPayloadConverter) ToString(payload *commonpb.Payload) string {
	return string(payload.GetData())
}

// Encoding returns [MetadataEncodingProtoJSON].
func (c *ProtoJSONPayloadConverter) Encoding() string { return MetadataEncodingProtoJSON }

// ExcludeProtobufMessageTypes tells whether payloads carry the message's name.
func (c *ProtoJSONPayloadConverter) ExcludeProtobufMessageTypes() bool {
	return c.options.ExcludeProtobufMessageTypes
}
