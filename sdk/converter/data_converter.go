// Package converter turns Go values into payloads and back.
//
// A payload is what the server and the histories hold: bytes, and metadata that
// says how they are encoded. A [DataConverter] handles whole argument lists; the
// default one, [GetDefaultDataConverter], asks a list of [PayloadConverter]s in
// turn, each of which knows one encoding:
//
//	nil                 binary/null      no data
//	[]byte              binary/plain     the bytes as they are
//	protobuf message    json/protobuf    protojson, with the message's name
//	protobuf message    binary/protobuf  read only, unless put before the JSON one
//	anything else       json/plain       encoding/json
//
// To encrypt or compress payloads, wrap a data converter with
// [NewCodecDataConverter] and a [PayloadCodec]. Errors travel as payloads too, by a
// [FailureConverter].
//
// The encodings are part of the history of every workflow: a converter must be able
// to read all that was ever written, for as long as any history that holds it.
package converter

import (
	commonpb "go.temporal.io/api/common/v1"
)

// DataConverter converts the arguments and results of workflows, activities,
// signals, queries and updates to payloads and back.
//
// Methods must be deterministic and must be safe for concurrent use: they run inside
// workflow code, and must not block there.
type DataConverter interface {
	// ToPayload encodes one value.
	ToPayload(value any) (*commonpb.Payload, error)
	// FromPayload decodes one payload into the value that valuePtr points to.
	FromPayload(payload *commonpb.Payload, valuePtr any) error

	// ToPayloads encodes a list of values. No values encode to nil.
	ToPayloads(value ...any) (*commonpb.Payloads, error)
	// FromPayloads decodes a list of payloads. Payloads beyond the number of pointers
	// are ignored, as are pointers beyond the number of payloads.
	FromPayloads(payloads *commonpb.Payloads, valuePtrs ...any) error

	// ToString renders a payload for people to read.
	ToString(input *commonpb.Payload) string
	// ToStrings renders a list of payloads for people to read.
	ToStrings(input *commonpb.Payloads) []string
}

var defaultDataConverter = newTransferAware(NewCompositeDataConverter(
	NewNilPayloadConverter(),
	NewByteSlicePayloadConverter(),
	// The order of the next two decides how messages are written: as JSON. Both are
	// there to be read.
	NewProtoJSONPayloadConverter(),
	NewProtoPayloadConverter(),
	NewJSONPayloadConverter(),
))

// GetDefaultDataConverter returns the data converter used where none is given.
func GetDefaultDataConverter() DataConverter {
	return defaultDataConverter
}
