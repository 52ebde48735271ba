// Package admin is the API of what operators ask of a running server that the Temporal API
// has no calls for. Its calls have rows in the table of methods like any others.
package admin

import (
	"context"

	"google.golang.org/grpc"
)

//go:generate sh -c "protoc --plugin=protoc-gen-go=$(go tool -n protoc-gen-go) --go_out=. --go_opt=paths=source_relative admin.proto"

// ServiceName is the name of the service as gRPC has it.
const ServiceName = "perdure.admin.v1.AdminService"

// Server answers the calls.
type Server interface {
	RebuildVisibility(context.Context, *RebuildVisibilityRequest) (*RebuildVisibilityResponse, error)
	DescribeVisibility(context.Context, *DescribeVisibilityRequest) (*DescribeVisibilityResponse, error)
}

// ServiceDesc describes the service to gRPC.
var ServiceDesc = grpc.ServiceDesc{
	ServiceName: ServiceName,
	HandlerType: (*Server)(nil),
	Methods: []grpc.MethodDesc{
		{MethodName: "RebuildVisibility", Handler: handler("RebuildVisibility", Server.RebuildVisibility)},
		{MethodName: "DescribeVisibility", Handler: handler("DescribeVisibility", Server.DescribeVisibility)},
	},
	Metadata: "admin.proto",
}

// handler makes the handler of a method that gRPC wants.
func handler[Req, Resp any](name string, call func(Server, context.Context, *Req) (*Resp, error)) grpc.MethodHandler {
	info := grpc.UnaryServerInfo{FullMethod: "/" + ServiceName + "/" + name}
	return func(server any, ctx context.Context, decode func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error) {
		req := new(Req)
		if err := decode(req); err != nil {
			return nil, err
		}
		handle := func(ctx context.Context, req any) (any, error) { return call(server.(Server), ctx, req.(*Req)) }
		if interceptor == nil {
			return handle(ctx, req)
		}
		info := info
		info.Server = server
		return interceptor(ctx, req, &info, handle)
	}
}

// Client makes the calls.
type Client struct{ Conn grpc.ClientConnInterface }

// RebuildVisibility calls Server.RebuildVisibility.
func (c Client) RebuildVisibility(ctx context.Context, req *RebuildVisibilityRequest) (*RebuildVisibilityResponse, error) {
	resp := new(RebuildVisibilityResponse)
	return resp, c.Conn.Invoke(ctx, "/"+ServiceName+"/RebuildVisibility", req, resp)
}

// DescribeVisibility calls Server.DescribeVisibility.
func (c Client) DescribeVisibility(ctx context.Context, req *DescribeVisibilityRequest) (*DescribeVisibilityResponse, error) {
	resp := new(DescribeVisibilityResponse)
	return resp, c.Conn.Invoke(ctx, "/"+ServiceName+"/DescribeVisibility", req, resp)
}
