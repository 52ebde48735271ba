package converter

import (
	"encoding/base64"
	"fmt"
	"reflect"

	commonpb "go.temporal.io/api/common/v1"
)

// ByteSlicePayloadConverter passes []byte through as it is.
type ByteSlicePayloadConverter struct{}

// NewByteSlicePayloadConverter returns a ByteSlicePayloadConverter.
func NewByteSlicePayloadConverter() *ByteSlicePayloadConverter {
	return &ByteSlicePayloadConverter{}
}

// ToPayload encodes a []byte, and leaves everything else, named byte slices included.
func (c *ByteSlicePayloadConverter) ToPayload(value any) (*commonpb.Payload, error) {
	data, ok := value.([]byte)
	if !ok {
		return nil, nil
	}
	return newPayload(data, MetadataEncodingBinary), nil
}

// FromPayload decodes into any byte slice type, or into an interface. The slice
// shares its memory with the payload.
func (c *ByteSlicePayloadConverter) FromPayload(payload *commonpb.Payload, valuePtr any) error {
	v := reflect.ValueOf(valuePtr)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return fmt.Errorf("type: %T: %w", valuePtr, ErrValuePtrIsNotPointer)
	}
	data := payload.GetData()
	v = v.Elem()
	switch {
	case v.Kind() == reflect.Interface && reflect.TypeFor[[]byte]().AssignableTo(v.Type()):
		v.Set(reflect.ValueOf(data))
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		v.SetBytes(data)
	default:
		return fmt.Errorf("type %T: %w", valuePtr, ErrTypeIsNotByteSlice)
	}
	return nil
}

// ToString renders the bytes in base64, without padding.
func (c *ByteSlicePayloadConverter) ToString(payload *commonpb.Payload) string {
	return base64.RawStdEncoding.EncodeToString(payload.GetData())
}

// Encoding returns [MetadataEncodingBinary].
func (c *ByteSlicePayloadConverter) Encoding() string { return MetadataEncodingBinary }
