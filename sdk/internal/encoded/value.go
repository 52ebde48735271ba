// Package encoded holds values that are still payloads, and decodes them when asked.
package encoded

import (
	"errors"

	"github.com/perdure/perdure/sdk/converter"
	commonpb "go.temporal.io/api/common/v1"
)

// ErrNoData is returned when a value is asked for where there is none.
var ErrNoData = errors.New("no data available")

// ErrTooManyArg is returned when more values are asked for than there are.
var ErrTooManyArg = errors.New("too many arguments")

// Value is one value, in a list of payloads of length one.
type Value struct {
	payloads *commonpb.Payloads
	dc       converter.DataConverter
}

var (
	_ converter.EncodedValue   = (*Value)(nil)
	_ converter.ValuesPayloads = (*Value)(nil)
)

// NewValue returns a value to be decoded by dc; nil stands for the default data
// converter.
func NewValue(payloads *commonpb.Payloads, dc converter.DataConverter) *Value {
	return &Value{payloads: payloads, dc: orDefault(dc)}
}

// HasValue tells whether there is a value.
func (v *Value) HasValue() bool { return v.payloads != nil }

// Get decodes the value into what valuePtr points to.
func (v *Value) Get(valuePtr any) error {
	if !v.HasValue() {
		return ErrNoData
	}
	return v.dc.FromPayloads(v.payloads, valuePtr)
}

// Payloads returns the payloads as they are.
func (v *Value) Payloads() *commonpb.Payloads { return v.payloads }

// Values is a list of values.
type Values struct {
	payloads *commonpb.Payloads
	dc       converter.DataConverter
}

var (
	_ converter.EncodedValues  = (*Values)(nil)
	_ converter.ValuesPayloads = (*Values)(nil)
)

// NewValues returns values to be decoded by dc; nil stands for the default data
// converter.
func NewValues(payloads *commonpb.Payloads, dc converter.DataConverter) *Values {
	return &Values{payloads: payloads, dc: orDefault(dc)}
}

// HasValues tells whether there are values.
func (v *Values) HasValues() bool { return v.payloads != nil }

// Get decodes the values, in order, into what the pointers point to.
func (v *Values) Get(valuePtrs ...any) error {
	if !v.HasValues() {
		return ErrNoData
	}
	return v.dc.FromPayloads(v.payloads, valuePtrs...)
}

// Payloads returns the payloads as they are.
func (v *Values) Payloads() *commonpb.Payloads { return v.payloads }

func orDefault(dc converter.DataConverter) converter.DataConverter {
	if dc == nil {
		return converter.GetDefaultDataConverter()
	}
	return dc
}
