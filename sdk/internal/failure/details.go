package failure

import (
	"fmt"
	"reflect"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	commonpb "go.temporal.io/api/common/v1"
)

// details are the values an error carries: as payloads if it came from the server,
// as the Go values themselves if it was made here. They are comparable, so that the
// errors that carry them are.
type details struct {
	payloads converter.EncodedValues // nil if made here
	values   *[]any                  // nil for none
}

// newDetails takes what the user gave to a constructor. Values that are still encoded
// are kept that way: they belong to an error that is being passed on.
func newDetails(values []any) details {
	if len(values) == 1 {
		if payloads, ok := values[0].(*encoded.Values); ok {
			return details{payloads: payloads}
		}
	}
	if len(values) == 0 {
		return details{}
	}
	return details{values: &values}
}

func (d details) has() bool {
	if d.payloads != nil {
		return d.payloads.HasValues()
	}
	return d.values != nil
}

// get decodes, or copies, the details into what the pointers point to.
func (d details) get(valuePtrs []any) error {
	if !d.has() {
		return encoded.ErrNoData
	}
	if d.payloads != nil {
		return d.payloads.Get(valuePtrs...)
	}
	values := *d.values
	if len(valuePtrs) > len(values) {
		return encoded.ErrTooManyArg
	}
	for i, ptr := range valuePtrs {
		target := reflect.ValueOf(ptr)
		if target.Kind() != reflect.Pointer || target.IsNil() {
			return fmt.Errorf("error detail %d: %T: %w", i, ptr, converter.ErrValuePtrIsNotPointer)
		}
		target = target.Elem()
		if values[i] == nil {
			target.SetZero()
			continue
		}
		value := reflect.ValueOf(values[i])
		if !value.Type().AssignableTo(target.Type()) {
			return fmt.Errorf("error detail %d: %w: it is a %s, not a %s", i, converter.ErrUnableToSetValue, value.Type(), target.Type())
		}
		target.Set(value)
	}
	return nil
}

// encode returns the details as payloads.
func (d details) encode(dc converter.DataConverter) (*commonpb.Payloads, error) {
	if d.payloads != nil {
		return converter.GetPayloads(d.payloads), nil
	}
	if d.values == nil {
		return dc.ToPayloads()
	}
	return dc.ToPayloads(*d.values...)
}
