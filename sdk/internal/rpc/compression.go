package rpc

import (
	"context"
	"strings"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip"
	"google.golang.org/grpc/status"
)

// GrpcCompression is how requests are compressed: [*GrpcCompressionGzip] or
// [*GrpcCompressionNone].
type GrpcCompression interface {
	compressor() string
}

// GrpcCompressionGzip compresses requests with gzip. A method that the server, or a
// proxy before it, does not take compressed is called without from then on.
type GrpcCompressionGzip struct{}

func (*GrpcCompressionGzip) compressor() string { return gzip.Name }

// GrpcCompressionNone sends requests as they are.
type GrpcCompressionNone struct{}

func (*GrpcCompressionNone) compressor() string { return "" }

// compression is the compression of a connection that is dialed.
func (o Options) compression() GrpcCompression {
	switch {
	case o.Connection.GrpcCompression != nil:
		return o.Connection.GrpcCompression
	case isThisMachine(o.hostPort()):
		return &GrpcCompressionNone{}
	}
	return &GrpcCompressionGzip{}
}

// compressed makes calls that are compressed unless the server has refused one of the
// same method for that. The zero value is ready to use.
type compressed struct {
	refused sync.Map // of methods
}

// invoke makes one call, and a second one, not compressed, if the server did not
// understand the first: the handler has not seen it then.
func (c *compressed) invoke(ctx context.Context, cc grpc.ClientConnInterface, method string, request, reply any, opts []grpc.CallOption) error {
	if _, refused := c.refused.Load(method); !refused {
		err := cc.Invoke(ctx, method, request, reply, opts...)
		if !isUnknownCompression(err) {
			return err
		}
		c.refused.Store(method, nil)
	}
	plain := make([]grpc.CallOption, 0, len(opts)+1)
	plain = append(append(plain, opts...), grpc.UseCompressor(encoding.Identity))
	return cc.Invoke(ctx, method, request, reply, plain...)
}

// isUnknownCompression tells the answer of a server that cannot decompress from that of
// one that does not have the method. The code is the same; gRPC servers name what is
// missing.
func isUnknownCompression(err error) bool {
	if err == nil || status.Code(err) != codes.Unimplemented {
		return false
	}
	message := strings.ToLower(err.Error())
	for _, word := range []string{"decompress", "compressor", "grpc-encoding"} {
		if strings.Contains(message, word) {
			return true
		}
	}
	return false
}
