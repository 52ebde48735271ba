package converter

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// What remote codecs speak: payloads as JSON, posted to one of these paths below the
// endpoint, and returned as many and in the same order. Command line tools and user
// interfaces speak it too.
const (
	remoteEncodePath = "/encode"
	remoteDecodePath = "/decode"
	remoteMediaType  = "application/json"

	// remoteMaxBytes bounds requests and responses. It is what gRPC connections of the
	// SDK are bounded to as well.
	remoteMaxBytes = 128 << 20
	// remoteMaxErrorBytes bounds how much of an error response becomes part of the
	// error.
	remoteMaxErrorBytes = 4 << 10
)

// RemotePayloadCodecOptions are the options of [NewRemotePayloadCodec]. Only Endpoint is
// required.
type RemotePayloadCodecOptions struct {
	// Endpoint is the URL below which the codec is, with or without a slash at the end.
	Endpoint string
	// ModifyRequest can change requests before they are sent, to add credentials for
	// instance. An error fails the call of the codec.
	ModifyRequest func(*http.Request) error
	// Client makes the requests. Set a timeout: a codec can be called by workflow code.
	Client http.Client
}

type remotePayloadCodec struct{ options RemotePayloadCodecOptions }

// NewRemotePayloadCodec returns a codec that has payloads encoded and decoded by an HTTP
// server, such as one that [NewPayloadCodecHTTPHandler] serves.
func NewRemotePayloadCodec(options RemotePayloadCodecOptions) PayloadCodec {
	options.Endpoint = strings.TrimSuffix(options.Endpoint, "/")
	return &remotePayloadCodec{options: options}
}

func (c *remotePayloadCodec) Encode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return c.post(remoteEncodePath, payloads)
}

func (c *remotePayloadCodec) Decode(payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	return c.post(remoteDecodePath, payloads)
}

func (c *remotePayloadCodec) post(path string, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
	body, err := protojson.Marshal(&commonpb.Payloads{Payloads: payloads})
	if err != nil {
		return nil, fmt.Errorf("unable to marshal payloads: %w", err)
	}
	request, err := http.NewRequest(http.MethodPost, c.options.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("unable to build request: %w", err)
	}
	request.Header.Set("Content-Type", remoteMediaType)
	if c.options.ModifyRequest != nil {
		if err := c.options.ModifyRequest(request); err != nil {
			return nil, err
		}
	}
	response, err := c.options.Client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		message, _ := io.ReadAll(io.LimitReader(response.Body, remoteMaxErrorBytes))
		return nil, fmt.Errorf("%s: %s", http.StatusText(response.StatusCode), message)
	}
	data, err := io.ReadAll(http.MaxBytesReader(nil, response.Body, remoteMaxBytes))
	if err != nil {
		return nil, fmt.Errorf("failed to read response body: %w", err)
	}
	var result commonpb.Payloads
	if err := protojson.Unmarshal(data, &result); err != nil {
		return nil, fmt.Errorf("unable to unmarshal payloads: %w", err)
	}
	if got, want := len(result.GetPayloads()), len(payloads); got != want {
		return nil, fmt.Errorf("received %d payloads from remote codec, expected %d", got, want)
	}
	return result.GetPayloads(), nil
}

// RemoteDataConverterOptions are the options of [NewRemoteDataConverter]. They are those
// of [NewRemotePayloadCodec].
type RemoteDataConverterOptions struct {
	// Endpoint is the URL below which the codec is, with or without a slash at the end.
	Endpoint string
	// ModifyRequest can change requests before they are sent, to add credentials for
	// instance. An error fails the call of the data converter.
	ModifyRequest func(*http.Request) error
	// Client makes the requests. Set a timeout: a data converter can be called by
	// workflow code.
	Client http.Client
}

// NewRemoteDataConverter returns a data converter that passes the payloads of parent
// through a remote codec.
func NewRemoteDataConverter(parent DataConverter, options RemoteDataConverterOptions) DataConverter {
	return NewCodecDataConverter(parent, NewRemotePayloadCodec(RemotePayloadCodecOptions(options)))
}
