package converter

import (
	"fmt"
	"reflect"

	commonpb "go.temporal.io/api/common/v1"
)

// NilPayloadConverter encodes nil and nil pointers, as payloads without data.
type NilPayloadConverter struct{}

// NewNilPayloadConverter returns a NilPayloadConverter.
func NewNilPayloadConverter() *NilPayloadConverter {
	return &NilPayloadConverter{}
}

// ToPayload encodes nil, and leaves everything else.
func (c *NilPayloadConverter) ToPayload(value any) (*commonpb.Payload, error) {
	if !isNil(value) {
		return nil, nil
	}
	return newPayload(nil, MetadataEncodingNil), nil
}

// FromPayload sets what valuePtr points to to its zero value.
func (c *NilPayloadConverter) FromPayload(_ *commonpb.Payload, valuePtr any) error {
	target, err := settable(valuePtr)
	if err != nil {
		return err
	}
	target.SetZero()
	return nil
}

// ToString returns "nil", for people to read.
func (c *NilPayloadConverter) ToString(*commonpb.Payload) string { return "nil" }

// Encoding returns [MetadataEncodingNil].
func (c *NilPayloadConverter) Encoding() string { return MetadataEncodingNil }

// settable returns the value behind valuePtr.
func settable(valuePtr any) (reflect.Value, error) {
	v := reflect.ValueOf(valuePtr)
	if v.Kind() != reflect.Pointer {
		return reflect.Value{}, fmt.Errorf("type: %T: %w", valuePtr, ErrValuePtrIsNotPointer)
	}
	if v = v.Elem(); !v.CanSet() {
		return reflect.Value{}, fmt.Errorf("type: %T: %w", valuePtr, ErrUnableToSetValue)
	}
	return v, nil
}
