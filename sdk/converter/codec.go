package converter

import (
	"fmt"
	"reflect"

	commonpb "go.temporal.io/api/common/v1"
)

// PayloadCodec transforms payloads after they are encoded and before they are
// decoded, without regard to the values in them: it encrypts, compresses, signs.
//
// Methods must not change their arguments and must be safe for concurrent use. They
// run inside workflow code as well as outside; there, an error can fail the workflow
// execution while a panic only fails the workflow task, which is then tried again.
type PayloadCodec interface {
	// Encode transforms payloads. It returns as many as it was given.
	Encode([]*commonpb.Payload) ([]*commonpb.Payload, error)

	// Decode reverses Encode. Payloads that the codec did not encode, as their
	// metadata tells, are to be returned as they are, so that a codec can be
	// introduced while workflows run.
	Decode([]*commonpb.Payload) ([]*commonpb.Payload, error)
}

// CodecDataConverter is a [DataConverter] that passes the payloads of another
// through codecs.
type CodecDataConverter struct {
	parent DataConverter
	codecs []PayloadCodec
}

// NewCodecDataConverter returns a data converter that passes the payloads of parent
// through codecs: from last to first when encoding, and from first to last when
// decoding.
func NewCodecDataConverter(parent DataConverter, codecs ...PayloadCodec) DataConverter {
	return &CodecDataConverter{parent: parent, codecs: codecs}
}

func encodeAll(codecs []PayloadCodec, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	for i := len(codecs) - 1; i >= 0; i-- {
		var err error
		if payloads, err = codecs[i].Encode(payloads); err != nil {
			return nil, err
		}
	}
	return payloads, nil
}

func decodeAll(codecs []PayloadCodec, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	for _, codec := range codecs {
		var err error
		if payloads, err = codec.Decode(payloads); err != nil {
			return nil, err
		}
	}
	return payloads, nil
}

// one runs apply on a single payload.
func one(
	apply func([]PayloadCodec, []*commonpb.Payload) ([]*commonpb.Payload, error),
	codecs []PayloadCodec,
	payload *commonpb.Payload,
) (*commonpb.Payload, error) {
	payloads, err := apply(codecs, []*commonpb.Payload{payload})
	if err != nil {
		return nil, err
	}
	if len(payloads) != 1 {
		return nil, fmt.Errorf("received %d payloads from codec, expected 1", len(payloads))
	}
	return payloads[0], nil
}

// ToPayload encodes value with the parent, then with the codecs.
func (c *CodecDataConverter) ToPayload(value any) (*commonpb.Payload, error) {
	payload, err := c.parent.ToPayload(value)
	if err != nil || payload == nil {
		return payload, err
	}
	return one(encodeAll, c.codecs, payload)
}

// FromPayload decodes payload with the codecs, then with the parent.
func (c *CodecDataConverter) FromPayload(payload *commonpb.Payload, valuePtr any) error {
	if payload == nil {
		return nil
	}
	decoded, err := one(decodeAll, c.codecs, payload)
	if err != nil {
		return err
	}
	return c.parent.FromPayload(decoded, valuePtr)
}

// ToPayloads encodes values with the parent, then all of them with the codecs.
func (c *CodecDataConverter) ToPayloads(values ...any) (*commonpb.Payloads, error) {
	payloads, err := c.parent.ToPayloads(values...)
	if err != nil || payloads == nil {
		return payloads, err
	}
	encoded, err := encodeAll(c.codecs, payloads.GetPayloads())
	if err != nil {
		return nil, err
	}
	return &commonpb.Payloads{Payloads: encoded}, nil
}

// FromPayloads decodes all payloads with the codecs, then with the parent.
func (c *CodecDataConverter) FromPayloads(payloads *commonpb.Payloads, valuePtrs ...any) error {
	if payloads == nil {
		return c.parent.FromPayloads(nil, valuePtrs...)
	}
	decoded, err := decodeAll(c.codecs, payloads.GetPayloads())
	if err != nil {
		return err
	}
	return c.parent.FromPayloads(&commonpb.Payloads{Payloads: decoded}, valuePtrs...)
}

// ToString renders payload, decoded; errors are rendered in its place.
func (c *CodecDataConverter) ToString(payload *commonpb.Payload) string {
	if payload == nil {
		return c.parent.ToString(nil)
	}
	decoded, err := one(decodeAll, c.codecs, payload)
	if err != nil {
		return err.Error()
	}
	return c.parent.ToString(decoded)
}

// ToStrings renders each payload on its own, so that one that cannot be decoded does
// not hide the others.
func (c *CodecDataConverter) ToStrings(payloads *commonpb.Payloads) []string {
	if payloads == nil {
		return nil
	}
	result := make([]string, len(payloads.GetPayloads()))
	for i, payload := range payloads.GetPayloads() {
		result[i] = c.ToString(payload)
	}
	return result
}

// WithSerializationContext binds the parent and the codecs that depend on the
// context to it. It returns c itself if none does.
func (c *CodecDataConverter) WithSerializationContext(ctx SerializationContext) DataConverter {
	bound := &CodecDataConverter{
		parent: WithDataConverterSerializationContext(c.parent, ctx),
		codecs: make([]PayloadCodec, len(c.codecs)),
	}
	depends := !sameConverter(bound.parent, c.parent)
	for i, codec := range c.codecs {
		if dependent, ok := codec.(PayloadCodecWithSerializationContext); ok {
			codec = dependent.WithSerializationContext(ctx)
			depends = true
		}
		bound.codecs[i] = codec
	}
	if !depends {
		return c
	}
	return bound
}

// sameConverter says whether a and b are the same, as far as they can be compared.
func sameConverter(a, b DataConverter) bool {
	return reflect.TypeOf(a).Comparable() && reflect.TypeOf(b).Comparable() && a == b
}
