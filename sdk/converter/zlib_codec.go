package converter

import (
	"bytes"
	"compress/zlib"
	"io"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/proto"
)

// metadataEncodingZlib marks a whole payload, metadata included, compressed by zlib.
const metadataEncodingZlib = "binary/zlib"

// ZlibCodecOptions are the options of [NewZlibCodec]. The zero value is the default.
type ZlibCodecOptions struct {
	// AlwaysEncode compresses payloads that do not become smaller by it, too, where
	// they would be left as they are.
	AlwaysEncode bool
}

type zlibCodec struct{ options ZlibCodecOptions }

// NewZlibCodec returns a codec that compresses payloads.
func NewZlibCodec(options ZlibCodecOptions) PayloadCodec {
	return &zlibCodec{options: options}
}

func (z *zlibCodec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	result := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		plain, err := proto.Marshal(payload)
		if err != nil {
			return nil, err
		}
		var buf bytes.Buffer
		w := zlib.NewWriter(&buf)
		if _, err := w.Write(plain); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		if buf.Len() < len(plain) || z.options.AlwaysEncode {
			result[i] = newPayload(buf.Bytes(), metadataEncodingZlib)
		} else {
			result[i] = payload
		}
	}
	return result, nil
}

func (z *zlibCodec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	result := make([]*commonpb.Payload, len(payloads))
	for i, payload := range payloads {
		if string(payload.GetMetadata()[MetadataEncoding]) != metadataEncodingZlib {
			result[i] = payload
			continue
		}
		r, err := zlib.NewReader(bytes.NewReader(payload.GetData()))
		if err != nil {
			return nil, err
		}
		// Close returns nothing that reading to the end has not returned before.
		plain, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		result[i] = &commonpb.Payload{}
		if err := proto.Unmarshal(plain, result[i]); err != nil {
			return nil, err
		}
	}
	return result, nil
}
