package converter

import (
	"errors"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/proxy"
	"google.golang.org/grpc"
)

// PayloadCodecGRPCClientInterceptorOptions are the options of
// [NewPayloadCodecGRPCClientInterceptor].
type PayloadCodecGRPCClientInterceptorOptions struct {
	// Codecs are applied to requests from last to first, and to responses from first to
	// last.
	Codecs []PayloadCodec
}

// NewPayloadCodecGRPCClientInterceptor returns a gRPC interceptor that passes the payloads
// of all requests and responses through codecs, except search attributes. It is for proxies
// between clients and a server: a client of the SDK itself has a data converter for it
// ([NewCodecDataConverter]), and with both, payloads would be encoded twice.
//
// An interceptor that encodes failures must come before it in the chain, so that what it
// makes of them is encoded as well.
func NewPayloadCodecGRPCClientInterceptor(options PayloadCodecGRPCClientInterceptorOptions) (grpc.UnaryClientInterceptor, error) {
	visit := func(apply func([]PayloadCodec, []*commonpb.Payload) ([]*commonpb.Payload, error)) *proxy.VisitPayloadsOptions {
		return &proxy.VisitPayloadsOptions{
			SkipSearchAttributes: true,
			Visitor: func(_ *proxy.VisitPayloadsContext, payloads []*commonpb.Payload) ([]*commonpb.Payload, error) {
				return apply(options.Codecs, payloads)
			},
		}
	}
	return proxy.NewPayloadVisitorInterceptor(proxy.PayloadVisitorInterceptorOptions{
		Outbound: visit(encodeAll),
		Inbound:  visit(decodeAll),
	})
}

// NewFailureGRPCClientInterceptorOptions are the options of
// [NewFailureGRPCClientInterceptor].
type NewFailureGRPCClientInterceptorOptions struct {
	// DataConverter makes payloads of messages and stack traces. The default is
	// [GetDefaultDataConverter].
	DataConverter DataConverter
	// EncodeCommonAttributes must be set: there is nothing else that the interceptor could
	// do.
	EncodeCommonAttributes bool
}

// NewFailureGRPCClientInterceptor returns a gRPC interceptor that moves the messages and
// stack traces of failures in requests into payloads, to be encrypted by
// [NewPayloadCodecGRPCClientInterceptor], and back in responses. It is for proxies between
// clients and a server: a client of the SDK itself has a failure converter for it.
func NewFailureGRPCClientInterceptor(options NewFailureGRPCClientInterceptorOptions) (grpc.UnaryClientInterceptor, error) {
	if !options.EncodeCommonAttributes {
		return nil, errors.New("EncodeCommonAttributes must be set for this interceptor to function")
	}
	dc := options.DataConverter
	if dc == nil {
		dc = GetDefaultDataConverter()
	}
	return proxy.NewFailureVisitorInterceptor(proxy.FailureVisitorInterceptorOptions{
		Outbound: &proxy.VisitFailuresOptions{
			Visitor: func(_ *proxy.VisitFailuresContext, failure *failurepb.Failure) error {
				return EncodeCommonFailureAttributes(dc, failure)
			},
		},
		Inbound: &proxy.VisitFailuresOptions{
			Visitor: func(_ *proxy.VisitFailuresContext, failure *failurepb.Failure) error {
				DecodeCommonFailureAttributes(dc, failure)
				return nil
			},
		},
	})
}
