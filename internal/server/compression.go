package server

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // clients compress their requests unless told not to
)

// replyPlainly has replies go out uncompressed. gRPC would compress them for clients
// that compress their requests, as newer SDKs do; for the small messages that nearly
// all of them are, that costs more time than all else that is done for the call.
func replyPlainly(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	// It fails only where there is nothing to compress: in calls not over a network.
	_ = grpc.SetSendCompressor(ctx, encoding.Identity)
	return handle(ctx, req)
}
