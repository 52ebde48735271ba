package converter_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/converter"
)

// box keeps one payload.
type box struct{ payload *commonpb.Payload }

func (*box) Name() string { return "box" }
func (*box) Type() string { return "box" }

func (b *box) Store(ctx converter.StorageDriverStoreContext, payloads []*commonpb.Payload) ([]converter.StorageDriverClaim, error) {
	err := ctx.GetLimiter().Permit(ctx.Context, payloads[0], func() error {
		b.payload = payloads[0]
		return nil
	})
	return []converter.StorageDriverClaim{{}}, err
}

func (b *box) Retrieve(ctx converter.StorageDriverRetrieveContext, claims []converter.StorageDriverClaim) ([]*commonpb.Payload, error) {
	err := ctx.GetLimiter().Permit(ctx.Context, claims[0], func() error { return nil })
	return []*commonpb.Payload{b.payload}, err
}

func TestTheHandlerStoresAndRetrieves(t *testing.T) {
	b := &box{}
	handler, err := converter.NewPayloadHTTPHandler(converter.PayloadHTTPHandlerOptions{
		PreStorageCodecs:  []converter.PayloadCodec{marker('1')},
		PostStorageCodecs: []converter.PayloadCodec{marker('2')},
		ExternalStorage:   converter.ExternalStorage{Drivers: []converter.StorageDriver{b}, PayloadSizeThreshold: 50},
	})
	if err != nil {
		t.Fatal(err)
	}
	post := func(path string, payloads *commonpb.Payloads) (*commonpb.Payloads, int) {
		t.Helper()
		body, err := protojson.Marshal(payloads)
		if err != nil {
			t.Fatal(err)
		}
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body)))
		data, err := io.ReadAll(recorder.Body)
		if err != nil {
			t.Fatal(err)
		}
		result := &commonpb.Payloads{}
		if recorder.Code == http.StatusOK {
			if err := protojson.Unmarshal(data, result); err != nil {
				t.Fatal(err)
			}
		}
		return result, recorder.Code
	}
	original := &commonpb.Payloads{Payloads: []*commonpb.Payload{
		{Data: []byte("small")}, {Data: []byte(strings.Repeat("x", 60))},
	}}
	encoded, _ := post("/ns/encode", original)
	if string(encoded.GetPayloads()[0].GetData()) != "small12" {
		t.Errorf("the small one became %v", encoded.GetPayloads()[0])
	}
	if string(b.payload.GetData()) != strings.Repeat("x", 60)+"1" {
		t.Errorf("stored %v", b.payload)
	}
	if decoded, _ := post("/ns/decode", encoded); !proto.Equal(decoded, original) {
		t.Errorf("decoded %v", decoded)
	}
	kept, _ := post("/ns/decode?preserveStorageRefs=true", encoded)
	reference := kept.GetPayloads()[1]
	if string(kept.GetPayloads()[0].GetData()) != "small" || len(reference.GetExternalPayloads()) != 1 {
		t.Errorf("kept %v", kept)
	}
	downloaded, _ := post("/ns/download", &commonpb.Payloads{Payloads: []*commonpb.Payload{reference}})
	if !proto.Equal(downloaded.GetPayloads()[0], original.GetPayloads()[1]) {
		t.Errorf("downloaded %v", downloaded)
	}
	if _, code := post("/ns/download", original); code != http.StatusBadRequest {
		t.Errorf("what is no reference is answered with %d", code)
	}
	if _, code := post("/ns/other", original); code != http.StatusNotFound {
		t.Errorf("another path is answered with %d", code)
	}
}
