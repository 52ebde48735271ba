package converter

import (
	"reflect"

	commonpb "go.temporal.io/api/common/v1"
)

// PayloadConverter converts single values to and from one encoding.
type PayloadConverter interface {
	// ToPayload encodes value. It returns nil, nil for a value that is not its own,
	// so that the next converter is asked.
	ToPayload(value any) (*commonpb.Payload, error)
	// FromPayload decodes a payload whose encoding is this converter's into the value
	// that valuePtr points to.
	FromPayload(payload *commonpb.Payload, valuePtr any) error
	// ToString renders a payload for people to read.
	ToString(*commonpb.Payload) string

	// Encoding is the name under which payloads are marked, in the metadata key
	// [MetadataEncoding].
	Encoding() string
}

// Metadata keys, and the encodings of the converters in this package.
const (
	// MetadataEncoding is the metadata key that holds the encoding's name.
	MetadataEncoding = "encoding"
	// MetadataMessageType is the metadata key that holds the full name of a protobuf
	// message.
	MetadataMessageType = "messageType"

	// MetadataEncodingBinary marks plain bytes.
	MetadataEncodingBinary = "binary/plain"
	// MetadataEncodingJSON marks JSON by encoding/json.
	MetadataEncodingJSON = "json/plain"
	// MetadataEncodingNil marks nil, which has no data.
	MetadataEncodingNil = "binary/null"
	// MetadataEncodingProtoJSON marks a protobuf message as JSON.
	MetadataEncodingProtoJSON = "json/protobuf"
	// MetadataEncodingProto marks a protobuf message in its binary form.
	MetadataEncodingProto = "binary/protobuf"
)

func newPayload(data []byte, encoding string) *commonpb.Payload {
	return &commonpb.Payload{
		Metadata: map[string][]byte{MetadataEncoding: []byte(encoding)},
		Data:     data,
	}
}

// isNil tells whether value is nil or a nil pointer. Nil maps and slices are not:
// they are values of the JSON encoding.
func isNil(value any) bool {
	if value == nil {
		return true
	}
	v := reflect.ValueOf(value)
	return v.Kind() == reflect.Pointer && v.IsNil()
}
