package converter_test

import (
	"bytes"
	"fmt"
	"log"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/converter"
)

// rot13 is a codec that shows how one is written. One that encrypts looks the same; the
// lesson encryption in the examples has it.
type rot13 struct{}

func turn(data []byte) []byte {
	return bytes.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return 'a' + (r-'a'+13)%26
		case 'A' <= r && r <= 'Z':
			return 'A' + (r-'A'+13)%26
		}
		return r
	}, data)
}

// Encode makes of each payload one whose data is the old one, turned.
func (rot13) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	result := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		encoded := proto.CloneOf(payload)
		encoded.Metadata["turned"] = []byte("13")
		encoded.Data = turn(payload.GetData())
		result[i] = encoded
	}
	return result, nil
}

// Decode undoes Encode, and leaves alone what Encode has not made.
func (rot13) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	result := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		result[i] = payload
		if _, ok := payload.GetMetadata()["turned"]; ok {
			decoded := proto.CloneOf(payload)
			delete(decoded.Metadata, "turned")
			decoded.Data = turn(payload.GetData())
			result[i] = decoded
		}
	}
	return result, nil
}

func ExampleNewCodecDataConverter() {
	// Give it to client.Options.DataConverter: workers have it from their client.
	dataConverter := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), rot13{})

	payload, err := dataConverter.ToPayload("Hello")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("on the wire: %s\n", payload.GetData())
	var value string
	if err := dataConverter.FromPayload(payload, &value); err != nil {
		log.Fatal(err)
	}
	fmt.Println("in the program:", value)
	// Output:
	// on the wire: "Uryyb"
	// in the program: Hello
}

func ExampleGetDefaultDataConverter() {
	payload, err := converter.GetDefaultDataConverter().ToPayload(map[string]int{"tea": 3})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s %s\n", payload.GetMetadata()["encoding"], payload.GetData())
	// Output: json/plain {"tea":3}
}

// The converters are asked in order; the first that knows what to do with a value has it.
func ExampleNewCompositeDataConverter() {
	dataConverter := converter.NewCompositeDataConverter(
		converter.NewNilPayloadConverter(),
		converter.NewByteSlicePayloadConverter(),
		converter.NewProtoPayloadConverter(), // binary, where the default is JSON
		converter.NewJSONPayloadConverter(),
	)
	for _, value := range []any{nil, []byte("raw"), &commonpb.WorkflowType{Name: "Order"}, 42} {
		payload, err := dataConverter.ToPayload(value)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(payload.GetMetadata()["encoding"]))
	}
	// Output:
	// binary/null
	// binary/plain
	// binary/protobuf
	// json/plain
}
