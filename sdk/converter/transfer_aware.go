package converter

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"sync"

	commonpb "go.temporal.io/api/common/v1"
)

// MakeTransferAware returns a data converter that encodes values of a type that is a
// [ValueWithTransferTypeConverter] as what they convert to, and leaves everything else to
// dc, whatever dc is. Clients and workers do this to the converters that they are given, so
// it is of use only where converters are called directly. A nil dc stands for the default,
// and one that this function has made stays what it is.
func MakeTransferAware(dc DataConverter) DataConverter {
	if dc == nil {
		return GetDefaultDataConverter()
	}
	if _, ok := dc.(*transferAware); ok {
		return dc
	}
	return newTransferAware(dc)
}

func newTransferAware(dc DataConverter) *transferAware {
	return &transferAware{parent: dc, converters: new(sync.Map)}
}

type transferAware struct {
	parent     DataConverter
	call       callContext
	converters *sync.Map // TransferTypeConverter by reflect.Type; shared by those made of this one
}

var (
	_ DataConverterWithSerializationContext = (*transferAware)(nil)
	_ ContextAware                          = (*transferAware)(nil)
)

// converterOf returns the converter of a value's type, or nil for a type that has none.
func (dc *transferAware) converterOf(value any) (TransferTypeConverter, error) {
	convertible, ok := value.(ValueWithTransferTypeConverter)
	if !ok {
		return nil, nil
	}
	t := reflect.TypeOf(value)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if known, ok := dc.converters.Load(t); ok {
		return known.(TransferTypeConverter), nil
	}
	c, err := convertible.TransferTypeConverter()
	switch {
	case err != nil:
		return nil, fmt.Errorf("transfer type converter for %v: %w", t, err)
	case c == nil:
		return nil, fmt.Errorf("transfer type converter for %v is nil", t)
	}
	known, _ := dc.converters.LoadOrStore(t, c)
	return known.(TransferTypeConverter), nil
}

// toTransfer returns what value converts to, or value itself.
func (dc *transferAware) toTransfer(value any) (transfer any, converted bool, err error) {
	if _, ok := value.(ValueWithTransferTypeConverter); !ok {
		return value, false, nil
	}
	if v := reflect.ValueOf(value); v.Kind() == reflect.Pointer && v.IsNil() {
		return value, false, nil
	}
	c, err := dc.converterOf(value)
	if err != nil {
		return nil, false, err
	}
	transfer, err = c.toTransfer(dc.call, value)
	return transfer, true, err
}

// ToPayload encodes value, or what it converts to.
func (dc *transferAware) ToPayload(value any) (*commonpb.Payload, error) {
	transfer, _, err := dc.toTransfer(value)
	if err != nil {
		return nil, err
	}
	return dc.parent.ToPayload(transfer)
}

// ToPayloads encodes values, or what they convert to.
func (dc *transferAware) ToPayloads(values ...any) (*commonpb.Payloads, error) {
	transfers, own := values, false
	for i, value := range values {
		transfer, converted, err := dc.toTransfer(value)
		if err != nil {
			return nil, err
		}
		if !converted {
			continue
		}
		if !own {
			transfers, own = slices.Clone(values), true
		}
		transfers[i] = transfer
	}
	return dc.parent.ToPayloads(transfers...)
}

// FromPayload decodes payload, as what the value converts to if it does.
func (dc *transferAware) FromPayload(payload *commonpb.Payload, valuePtr any) error {
	if payload == nil {
		return dc.parent.FromPayload(nil, valuePtr)
	}
	c, err := dc.converterOf(valuePtr)
	if err != nil {
		return err
	}
	if c == nil {
		return dc.parent.FromPayload(payload, valuePtr)
	}
	transfer := c.newTransfer()
	if err := dc.parent.FromPayload(payload, transfer); err != nil {
		return err
	}
	return c.fromTransfer(dc.call, transfer, valuePtr)
}

// FromPayloads decodes payloads, as what the values convert to if they do.
func (dc *transferAware) FromPayloads(payloads *commonpb.Payloads, valuePtrs ...any) error {
	transfers := valuePtrs
	var converters []TransferTypeConverter // of the values that convert, nil for the others
	for i, payload := range payloads.GetPayloads() {
		if i >= len(valuePtrs) {
			break
		}
		c, err := dc.converterOf(valuePtrs[i])
		if err != nil {
			return err
		}
		if c == nil || payload == nil {
			continue
		}
		if converters == nil {
			converters = make([]TransferTypeConverter, len(valuePtrs))
			transfers = slices.Clone(valuePtrs)
		}
		converters[i], transfers[i] = c, c.newTransfer()
	}
	if err := dc.parent.FromPayloads(payloads, transfers...); err != nil {
		return err
	}
	for i, c := range converters {
		if c == nil {
			continue
		}
		if err := c.fromTransfer(dc.call, transfers[i], valuePtrs[i]); err != nil {
			return err
		}
	}
	return nil
}

// ToString renders payload as the parent does.
func (dc *transferAware) ToString(payload *commonpb.Payload) string {
	return dc.parent.ToString(payload)
}

// ToStrings renders payloads as the parent does.
func (dc *transferAware) ToStrings(payloads *commonpb.Payloads) []string {
	return dc.parent.ToStrings(payloads)
}

// WithSerializationContext binds the parent to the context, if it depends on it.
func (dc *transferAware) WithSerializationContext(ctx SerializationContext) DataConverter {
	if _, ok := dc.parent.(DataConverterWithSerializationContext); !ok {
		return dc
	}
	bound := *dc
	bound.parent = WithDataConverterSerializationContext(dc.parent, ctx)
	return &bound
}

// WithWorkflowContext implements ContextAware.
func (dc *transferAware) WithWorkflowContext(ctx WorkflowContext) DataConverter {
	bound := *dc
	if aware, ok := dc.parent.(ContextAware); ok {
		bound.parent = aware.WithWorkflowContext(ctx)
	}
	bound.call = callContext{workflow: ctx}
	return &bound
}

// WithContext implements ContextAware.
func (dc *transferAware) WithContext(ctx context.Context) DataConverter {
	bound := *dc
	if aware, ok := dc.parent.(ContextAware); ok {
		bound.parent = aware.WithContext(ctx)
	}
	bound.call = callContext{other: ctx}
	return &bound
}
