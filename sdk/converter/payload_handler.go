package converter

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/perdure/perdure/sdk/internal/extstore"
	"github.com/perdure/perdure/sdk/internal/logger"
)

const remoteDownloadPath = "/download"

// payloadHandler serves functions of payloads, by the end of the path.
type payloadHandler map[string]func(r *http.Request, payloads []*commonpb.Payload) ([]*commonpb.Payload, error)

func (h payloadHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for suffix, apply := range h {
		if r.Method != http.MethodPost || !strings.HasSuffix(r.URL.Path, suffix) {
			continue
		}
		request := r.Body
		if request == nil { // a handler that is called without a server
			request = http.NoBody
		}
		body, err := h.serve(r, apply, http.MaxBytesReader(w, request, remoteMaxBytes))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", remoteMediaType)
		// Nobody is left to be told if this fails.
		_, _ = w.Write(body)
		return
	}
	http.NotFound(w, r)
}

func (h payloadHandler) serve(
	r *http.Request,
	apply func(*http.Request, []*commonpb.Payload) ([]*commonpb.Payload, error),
	body io.Reader,
) ([]byte, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	var payloads commonpb.Payloads
	if err := protojson.Unmarshal(data, &payloads); err != nil {
		return nil, err
	}
	result, err := apply(r, payloads.GetPayloads())
	if err != nil {
		return nil, err
	}
	response, err := protojson.Marshal(&commonpb.Payloads{Payloads: result})
	if err != nil {
		return nil, err
	}
	// protojson's spaces differ from build to build.
	var compact bytes.Buffer
	if err := json.Compact(&compact, response); err != nil {
		return nil, err
	}
	return compact.Bytes(), nil
}

// NewPayloadCodecHTTPHandler returns a handler that serves codecs to
// [NewRemotePayloadCodec], and to command line tools and user interfaces that are to
// show what is encrypted. It takes every path that ends in /encode or /decode. It does
// not check who is asking: wrap it with a handler that does.
func NewPayloadCodecHTTPHandler(codecs ...PayloadCodec) http.Handler {
	return payloadHandler{
		remoteEncodePath: func(_ *http.Request, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
			return encodeAll(codecs, payloads)
		},
		remoteDecodePath: func(_ *http.Request, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
			return decodeAll(codecs, payloads)
		},
	}
}

// PayloadHTTPHandlerOptions are the options of [NewPayloadHTTPHandler].
type PayloadHTTPHandlerOptions struct {
	// PreStorageCodecs are those of the data converter: they are applied before payloads are
	// stored, and to what is retrieved.
	PreStorageCodecs []PayloadCodec
	// PostStorageCodecs are those of a proxy on the way to the server: they are applied to
	// references as well.
	PostStorageCodecs []PayloadCodec
	// ExternalStorage is that of the clients.
	ExternalStorage ExternalStorage
}

// NewPayloadHTTPHandler is [NewPayloadCodecHTTPHandler] for programs that store payloads
// elsewhere. It takes every path that ends in
//
//   - /encode, which stores what is large;
//   - /decode, which retrieves what was stored, unless the query has
//     preserveStorageRefs=true: then references stay what they are;
//   - /download, which retrieves what was stored, and takes nothing but references.
func NewPayloadHTTPHandler(options PayloadHTTPHandlerOptions) (http.Handler, error) {
	storage, err := extstore.New(options.ExternalStorage, logger.NewDefault())
	if err != nil {
		return nil, err
	}
	s := &storedPayloads{pre: options.PreStorageCodecs, post: options.PostStorageCodecs, storage: storage}
	return payloadHandler{
		remoteEncodePath: func(r *http.Request, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
			return s.encode(r.Context(), payloads)
		},
		remoteDecodePath: func(r *http.Request, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
			return s.decode(r.Context(), payloads, strings.EqualFold(r.URL.Query().Get("preserveStorageRefs"), "true"))
		},
		remoteDownloadPath: func(r *http.Request, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
			return s.download(r.Context(), payloads)
		},
	}, nil
}

// storedPayloads are encoded, stored if they are large, and encoded again.
type storedPayloads struct {
	pre, post []PayloadCodec
	storage   *extstore.Storage
}

func (s *storedPayloads) encode(ctx context.Context, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	payloads, err := encodeAll(s.pre, payloads)
	if err != nil {
		return nil, err
	}
	if payloads, err = s.storage.StorePayloads(ctx, payloads); err != nil {
		return nil, err
	}
	return encodeAll(s.post, payloads)
}

func (s *storedPayloads) decode(ctx context.Context, payloads []*commonpb.Payload, keepReferences bool) ([]*commonpb.Payload, error) {
	payloads, err := decodeAll(s.post, payloads)
	if err != nil {
		return nil, err
	}
	if !keepReferences {
		if payloads, err = s.storage.RetrievePayloads(ctx, payloads); err != nil {
			return nil, err
		}
	}
	return s.decodePre(payloads)
}

func (s *storedPayloads) download(ctx context.Context, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	for _, payload := range payloads {
		if !extstore.IsReference(payload) {
			return nil, errors.New("all payloads must be storage references")
		}
	}
	payloads, err := s.storage.RetrievePayloads(ctx, payloads)
	if err != nil {
		return nil, err
	}
	return s.decodePre(payloads)
}

// decodePre decodes what is not a reference: references were made after that.
func (s *storedPayloads) decodePre(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	result := make([]*commonpb.Payload, len(payloads))
	var indices []int
	var encoded []*commonpb.Payload
	for i, payload := range payloads {
		if extstore.IsReference(payload) {
			result[i] = payload
			continue
		}
		indices = append(indices, i)
		encoded = append(encoded, payload)
	}
	decoded, err := decodeAll(s.pre, encoded)
	if err != nil {
		return nil, err
	}
	if len(decoded) != len(encoded) {
		return nil, errors.New("a codec returned another number of payloads than it was given")
	}
	for i, index := range indices {
		result[index] = decoded[i]
	}
	return result, nil
}
