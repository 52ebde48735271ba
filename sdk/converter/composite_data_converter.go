package converter

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
)

// CompositeDataConverter is a [DataConverter] made of [PayloadConverter]s.
type CompositeDataConverter struct {
	ordered    []PayloadConverter
	byEncoding map[string]PayloadConverter
}

// NewCompositeDataConverter returns a data converter that encodes a value with the
// first of payloadConverters that takes it, and decodes a payload with the one whose
// encoding it has. Of several converters with one encoding, the last is used.
func NewCompositeDataConverter(payloadConverters ...PayloadConverter) DataConverter {
	dc := &CompositeDataConverter{
		ordered:    make([]PayloadConverter, len(payloadConverters)),
		byEncoding: make(map[string]PayloadConverter, len(payloadConverters)),
	}
	for _, c := range payloadConverters {
		dc.byEncoding[c.Encoding()] = c
	}
	for i, c := range payloadConverters {
		dc.ordered[i] = dc.byEncoding[c.Encoding()]
	}
	return dc
}

// ToPayloads encodes values, each on its own.
func (dc *CompositeDataConverter) ToPayloads(values ...any) (*commonpb.Payloads, error) {
	if len(values) == 0 {
		return nil, nil
	}
	payloads := make([]*commonpb.Payload, len(values))
	for i, value := range values {
		payload, err := dc.ToPayload(value)
		if err != nil {
			return nil, fmt.Errorf("values[%d]: %w", i, err)
		}
		payloads[i] = payload
	}
	return &commonpb.Payloads{Payloads: payloads}, nil
}

// FromPayloads decodes payloads, each on its own, as far as there are pointers.
func (dc *CompositeDataConverter) FromPayloads(payloads *commonpb.Payloads, valuePtrs ...any) error {
	list := payloads.GetPayloads()
	for i := range min(len(list), len(valuePtrs)) {
		if err := dc.FromPayload(list[i], valuePtrs[i]); err != nil {
			return fmt.Errorf("payload item %d: %w", i, err)
		}
	}
	return nil
}

// ToPayload encodes value with the first converter that takes it. A [RawValue]
// passes through.
func (dc *CompositeDataConverter) ToPayload(value any) (*commonpb.Payload, error) {
	if raw, ok := value.(RawValue); ok {
		return raw.Payload(), nil
	}
	for _, c := range dc.ordered {
		payload, err := c.ToPayload(value)
		if err != nil {
			return nil, err
		}
		if payload != nil {
			return payload, nil
		}
	}
	return nil, fmt.Errorf("value: %v of type: %T: %w", value, value, ErrUnableToFindConverter)
}

// FromPayload decodes payload with the converter of its encoding. A *[RawValue]
// takes any payload.
func (dc *CompositeDataConverter) FromPayload(payload *commonpb.Payload, valuePtr any) error {
	if payload == nil {
		return nil
	}
	if raw, ok := valuePtr.(*RawValue); ok {
		*raw = NewRawValue(payload)
		return nil
	}
	c, err := dc.converterOf(payload)
	if err != nil {
		return err
	}
	return c.FromPayload(payload, valuePtr)
}

// ToString renders payload; errors are rendered in its place.
func (dc *CompositeDataConverter) ToString(payload *commonpb.Payload) string {
	if payload == nil {
		return ""
	}
	c, err := dc.converterOf(payload)
	if err != nil {
		return err.Error()
	}
	return c.ToString(payload)
}

// ToStrings renders each payload.
func (dc *CompositeDataConverter) ToStrings(payloads *commonpb.Payloads) []string {
	if payloads == nil {
		return nil
	}
	var result []string
	for _, payload := range payloads.GetPayloads() {
		result = append(result, dc.ToString(payload))
	}
	return result
}

func (dc *CompositeDataConverter) converterOf(payload *commonpb.Payload) (PayloadConverter, error) {
	if payload.GetMetadata() == nil {
		return nil, ErrMetadataIsNotSet
	}
	encoding, ok := payload.GetMetadata()[MetadataEncoding]
	if !ok {
		return nil, ErrEncodingIsNotSet
	}
	c, ok := dc.byEncoding[string(encoding)]
	if !ok {
		return nil, fmt.Errorf("encoding %s: %w", encoding, ErrEncodingIsNotSupported)
	}
	return c, nil
}
