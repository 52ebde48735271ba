package converter_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	gogoproto "github.com/gogo/protobuf/proto"
	"github.com/perdure/perdure/sdk/converter"
	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/proto"
)

// What payloads look like is checked by the golden test of package temporal, together
// with failures. Here is how they are read, and what goes wrong.

type point struct{ X, Y int }

// legacy is a message of the API that gogo/protobuf generates code for.
type legacy struct {
	Name string `protobuf:"bytes,1,opt,name=name,proto3" json:"name,omitempty"`
}

func (m *legacy) Reset()         { *m = legacy{} }
func (m *legacy) String() string { return gogoproto.CompactTextString(m) }
func (*legacy) ProtoMessage()    {}

func (*legacy) XXX_MessageName() string { return "test.Legacy" }

func roundTrip[T any](t *testing.T, dc converter.DataConverter, value any) T {
	t.Helper()
	payloads, err := dc.ToPayloads(value)
	if err != nil {
		t.Fatalf("encode %v: %v", value, err)
	}
	var got T
	if err := dc.FromPayloads(payloads, &got); err != nil {
		t.Fatalf("decode %v: %v", value, err)
	}
	return got
}

func TestValuesAreTheSameAfterEncodingAndDecoding(t *testing.T) {
	dc := converter.GetDefaultDataConverter()
	if got := roundTrip[string](t, dc, "grüß"); got != "grüß" {
		t.Errorf("string: %q", got)
	}
	if got := roundTrip[point](t, dc, point{1, 2}); got != (point{1, 2}) {
		t.Errorf("struct: %v", got)
	}
	if got := roundTrip[*point](t, dc, point{1, 2}); *got != (point{1, 2}) {
		t.Errorf("struct to pointer: %v", got)
	}
	if got := roundTrip[*point](t, dc, (*point)(nil)); got != nil {
		t.Errorf("nil pointer: %v", got)
	}
	if got := roundTrip[[]byte](t, dc, []byte("raw")); string(got) != "raw" {
		t.Errorf("bytes: %q", got)
	}
	if got := roundTrip[any](t, dc, []byte("raw")); string(got.([]byte)) != "raw" {
		t.Errorf("bytes to any: %v", got)
	}
	if got := roundTrip[any](t, dc, 1.5); got != 1.5 {
		t.Errorf("number to any: %v", got)
	}
}

func TestProtobufMessagesAreReadByPointerAndByValue(t *testing.T) {
	message := &commonpb.WorkflowExecution{WorkflowId: "w"}
	for name, dc := range map[string]converter.DataConverter{
		"JSON":   converter.GetDefaultDataConverter(),
		"binary": converter.NewCompositeDataConverter(converter.NewProtoPayloadConverter()),
	} {
		t.Run(name, func(t *testing.T) {
			if got := roundTrip[*commonpb.WorkflowExecution](t, dc, message); !proto.Equal(got, message) {
				t.Errorf("pointer: %v", got)
			}
			payloads, err := dc.ToPayloads(message)
			if err != nil {
				t.Fatal(err)
			}
			var value commonpb.WorkflowExecution
			if err := dc.FromPayloads(payloads, &value); err != nil || !proto.Equal(&value, message) {
				t.Errorf("value: %v, %v", &value, err)
			}
			if got := roundTrip[*legacy](t, dc, &legacy{Name: "n"}); got.Name != "n" {
				t.Errorf("legacy pointer: %v", got)
			}
			if got := roundTrip[legacy](t, dc, legacy{Name: "n"}); got.Name != "n" {
				t.Errorf("legacy value: %v", got)
			}
			legacyPayload, err := dc.ToPayload(&legacy{})
			if err != nil || string(legacyPayload.GetMetadata()["messageType"]) != "test.Legacy" {
				t.Errorf("legacy payload: %v, %v", legacyPayload, err)
			}
			for want, target := range map[error]any{
				converter.ErrValuePtrMustConcreteType:     new(any),
				converter.ErrTypeNotImplementProtoMessage: new(point),
				converter.ErrValuePtrIsNotPointer:         "a string",
			} {
				if err := dc.FromPayloads(payloads, target); !errors.Is(err, want) {
					t.Errorf("into %T: %v, want %v", target, err, want)
				}
			}
		})
	}
}

func TestOptionsOfTheProtoJSONConverterChangeWhatItWrites(t *testing.T) {
	message := &failurepb.TimeoutFailureInfo{TimeoutType: 1}
	for want, options := range map[string]converter.ProtoJSONPayloadConverterOptions{
		`{"timeoutType":"TIMEOUT_TYPE_START_TO_CLOSE"}`:                             {},
		`{"timeoutType":1}`:                                                         {UseEnumNumbers: true},
		`{"timeout_type":"TIMEOUT_TYPE_START_TO_CLOSE"}`:                            {UseProtoNames: true},
		`{"timeoutType":"TIMEOUT_TYPE_START_TO_CLOSE","lastHeartbeatDetails":null}`: {EmitUnpopulated: true},
	} {
		c := converter.NewProtoJSONPayloadConverterWithOptions(options)
		payload, err := c.ToPayload(message)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(c.ToString(payload), " ", ""); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	anonymous := converter.NewProtoJSONPayloadConverterWithOptions(converter.ProtoJSONPayloadConverterOptions{ExcludeProtobufMessageTypes: true})
	if payload, _ := anonymous.ToPayload(message); payload.GetMetadata()["messageType"] != nil {
		t.Error("the message type is not excluded")
	}
	unknown := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/protobuf")}, Data: []byte(`{"nope":1}`)}
	if err := converter.NewProtoJSONPayloadConverter().FromPayload(unknown, message); !errors.Is(err, converter.ErrUnableToDecode) {
		t.Errorf("unknown field: %v", err)
	}
	lenient := converter.NewProtoJSONPayloadConverterWithOptions(converter.ProtoJSONPayloadConverterOptions{AllowUnknownFields: true})
	if err := lenient.FromPayload(unknown, message); err != nil {
		t.Errorf("unknown field allowed: %v", err)
	}
	old := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/protobuf")}, Data: []byte(`{"timeoutType":"Heartbeat"}`)}
	compatible := converter.NewProtoJSONPayloadConverterWithOptions(converter.ProtoJSONPayloadConverterOptions{LegacyTemporalProtoCompat: true})
	if err := compatible.FromPayload(old, message); err != nil || message.TimeoutType != 4 {
		t.Errorf("old enum name: %v, %v", message, err)
	}
}

func TestListsMayBeLongerOrShorterThanWhatIsAskedFor(t *testing.T) {
	dc := converter.GetDefaultDataConverter()
	if payloads, err := dc.ToPayloads(); payloads != nil || err != nil {
		t.Errorf("no values: %v, %v", payloads, err)
	}
	payloads, err := dc.ToPayloads("a", 2)
	if err != nil {
		t.Fatal(err)
	}
	a, n, untouched := "", 0, 7
	if err := dc.FromPayloads(payloads, &a, &n, &untouched); err != nil || a != "a" || n != 2 || untouched != 7 {
		t.Errorf("more asked for: %q, %d, %d, %v", a, n, untouched, err)
	}
	if err := dc.FromPayloads(payloads, &a); err != nil {
		t.Errorf("fewer asked for: %v", err)
	}
	if err := dc.FromPayloads(nil, &a); err != nil {
		t.Errorf("nothing there: %v", err)
	}
}

func TestErrorsOfAListSayWhichValue(t *testing.T) {
	dc := converter.GetDefaultDataConverter()
	_, err := dc.ToPayloads(1, make(chan int))
	if !errors.Is(err, converter.ErrUnableToEncode) || !strings.HasPrefix(err.Error(), "values[1]: ") {
		t.Errorf("encode: %v", err)
	}
	payloads, err := dc.ToPayloads(1, "not a number")
	if err != nil {
		t.Fatal(err)
	}
	var a, b int
	err = dc.FromPayloads(payloads, &a, &b)
	if !errors.Is(err, converter.ErrUnableToDecode) || !strings.HasPrefix(err.Error(), "payload item 1: ") {
		t.Errorf("decode: %v", err)
	}
}

func TestPayloadsThatCannotBeReadSayWhy(t *testing.T) {
	dc := converter.GetDefaultDataConverter()
	var s string
	for want, payload := range map[error]*commonpb.Payload{
		converter.ErrMetadataIsNotSet:       {Data: []byte("x")},
		converter.ErrEncodingIsNotSet:       {Metadata: map[string][]byte{"other": nil}},
		converter.ErrEncodingIsNotSupported: {Metadata: map[string][]byte{"encoding": []byte("rot13")}},
		converter.ErrTypeIsNotByteSlice:     {Metadata: map[string][]byte{"encoding": []byte("binary/plain")}},
	} {
		if err := dc.FromPayload(payload, &s); !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
		if want != converter.ErrTypeIsNotByteSlice && !strings.Contains(dc.ToString(payload), want.Error()) {
			t.Errorf("rendered as %q", dc.ToString(payload))
		}
	}
	null := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/null")}}
	if err := dc.FromPayload(null, s); !errors.Is(err, converter.ErrValuePtrIsNotPointer) {
		t.Errorf("no pointer: %v", err)
	}
	if err := dc.FromPayload(null, (*string)(nil)); !errors.Is(err, converter.ErrUnableToSetValue) {
		t.Errorf("nil pointer: %v", err)
	}
	if err := dc.FromPayload(nil, &s); err != nil {
		t.Errorf("no payload: %v", err)
	}
}

func TestPayloadsAreRenderedForPeople(t *testing.T) {
	dc := converter.GetDefaultDataConverter()
	payloads, err := dc.ToPayloads(nil, []byte("raw"), "s", point{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	want := `[nil cmF3 "s" {"X":1,"Y":2}]`
	if got := fmt.Sprint(dc.ToStrings(payloads)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestRawValuesPassThroughButNotInsideOthers(t *testing.T) {
	dc := converter.GetDefaultDataConverter()
	payload := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("rot13")}, Data: []byte("uryyb")}
	if got := roundTrip[converter.RawValue](t, dc, converter.NewRawValue(payload)); !proto.Equal(got.Payload(), payload) {
		t.Errorf("got %v", got.Payload())
	}
	if _, err := dc.ToPayload([]converter.RawValue{converter.NewRawValue(payload)}); err == nil {
		t.Error("it was written inside a list")
	}
}

// tag is a codec that writes its name before the data, and wants to find it there.
type tag string

func (c tag) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	var result []*commonpb.Payload
	for _, p := range payloads {
		result = append(result, &commonpb.Payload{Metadata: p.Metadata, Data: append([]byte(c), p.Data...)})
	}
	return result, nil
}

func (c tag) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	var result []*commonpb.Payload
	for _, p := range payloads {
		rest, ok := strings.CutPrefix(string(p.Data), string(c))
		if !ok {
			return nil, fmt.Errorf("%q is not of %s", p.Data, string(c))
		}
		result = append(result, &commonpb.Payload{Metadata: p.Metadata, Data: []byte(rest)})
	}
	return result, nil
}

func (c tag) WithSerializationContext(of converter.SerializationContext) converter.PayloadCodec {
	return c + tag(of.(converter.WorkflowSerializationContext).WorkflowID)
}

func TestTheFirstCodecIsTheOutermost(t *testing.T) {
	dc := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), tag("a"), tag("b"))
	payloads, err := dc.ToPayloads("x")
	if err != nil {
		t.Fatal(err)
	}
	if got := string(payloads.Payloads[0].Data); got != `ab"x"` {
		t.Errorf("encoded to %s", got)
	}
	if got := roundTrip[string](t, dc, "x"); got != "x" {
		t.Errorf("got %q", got)
	}
	if got := fmt.Sprint(dc.ToStrings(payloads)); got != `["x"]` {
		t.Errorf("rendered as %s", got)
	}
	one, err := dc.ToPayload("x")
	if err != nil || !proto.Equal(one, payloads.Payloads[0]) {
		t.Errorf("alone: %v, %v", one, err)
	}
	if err := dc.FromPayload(&commonpb.Payload{Data: []byte("b")}, new(string)); err == nil {
		t.Error("an error of a codec is lost")
	}
}

func TestCodecsFollowTheSerializationContext(t *testing.T) {
	dc := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), tag("a"))
	bound := converter.WithDataConverterSerializationContext(dc, converter.WorkflowSerializationContext{WorkflowID: "w"})
	payload, err := bound.ToPayload("x")
	if err != nil || string(payload.Data) != `aw"x"` {
		t.Errorf("bound: %s, %v", payload.GetData(), err)
	}
	payload, err = dc.ToPayload("x")
	if err != nil || string(payload.Data) != `a"x"` {
		t.Errorf("the original: %s, %v", payload.GetData(), err)
	}
}

func TestZlibCompressesWhatItMakesSmaller(t *testing.T) {
	long := strings.Repeat("perdure ", 100)
	encodingOf := func(options converter.ZlibCodecOptions, value string) string {
		dc := converter.NewCodecDataConverter(converter.GetDefaultDataConverter(), converter.NewZlibCodec(options))
		payload, err := dc.ToPayload(value)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := dc.FromPayload(payload, &got); err != nil || got != value {
			t.Fatalf("got %q, %v", got, err)
		}
		return string(payload.GetMetadata()["encoding"])
	}
	if got := encodingOf(converter.ZlibCodecOptions{}, long); got != "binary/zlib" {
		t.Errorf("long: %s", got)
	}
	if got := encodingOf(converter.ZlibCodecOptions{}, "x"); got != "json/plain" {
		t.Errorf("short: %s", got)
	}
	if got := encodingOf(converter.ZlibCodecOptions{AlwaysEncode: true}, "x"); got != "binary/zlib" {
		t.Errorf("always: %s", got)
	}
}
