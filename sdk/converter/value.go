package converter

import (
	"errors"

	commonpb "go.temporal.io/api/common/v1"
)

// EncodedValue is one value that has not been decoded yet, such as the result of a
// query or of a side effect.
type EncodedValue interface {
	// HasValue tells whether there is a value.
	HasValue() bool
	// Get decodes the value into what valuePtr points to. Without a value it returns
	// temporal.ErrNoData.
	Get(valuePtr any) error
}

// EncodedValues is a list of values that have not been decoded yet, such as the
// details of an error or the arguments of a dynamic workflow.
type EncodedValues interface {
	// HasValues tells whether there are values.
	HasValues() bool
	// Get decodes the values, in order, into what the pointers point to. Without
	// values it returns temporal.ErrNoData.
	Get(valuePtr ...any) error
}

// RawValue is a payload that the data converter does not touch. Use it as the type
// of an argument or a result to pass payloads through, encrypted ones included: a
// codec is applied to it as to any other payload.
type RawValue struct {
	payload *commonpb.Payload
}

// NewRawValue returns a RawValue that holds payload.
func NewRawValue(payload *commonpb.Payload) RawValue {
	return RawValue{payload: payload}
}

// Payload returns what the value was made of. It must not be changed.
func (v RawValue) Payload() *commonpb.Payload { return v.payload }

var errRawValueJSON = errors.New("RawValue is not JSON serializable; pass it as an argument or result of its own, not inside another value")

// MarshalJSON returns an error: a payload inside of JSON would escape the codec.
func (v RawValue) MarshalJSON() ([]byte, error) { return nil, errRawValueJSON }

// UnmarshalJSON returns an error, as MarshalJSON does.
func (v *RawValue) UnmarshalJSON([]byte) error { return errRawValueJSON }

// ValuesPayloads is implemented by the [EncodedValue]s and [EncodedValues] that the
// SDK hands out.
type ValuesPayloads interface {
	// Payloads returns the payloads, not decoded. They must not be modified.
	Payloads() *commonpb.Payloads
}

// GetPayloads returns the payloads behind an [EncodedValue] or [EncodedValues], or
// nil if it holds none.
func GetPayloads(encoded any) *commonpb.Payloads {
	if vp, ok := encoded.(ValuesPayloads); ok {
		return vp.Payloads()
	}
	return nil
}
