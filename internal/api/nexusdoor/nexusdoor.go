// Package nexusdoor is the API behind the Nexus routes of the HTTP port. Its calls have rows
// in the table of methods like any others.
package nexusdoor

import (
	"context"

	"google.golang.org/grpc"
)

//go:generate sh -c "protoc --plugin=protoc-gen-go=$(go tool -n protoc-gen-go) --go_out=. --go_opt=paths=source_relative nexusdoor.proto"

// ServiceName is the name of the service as gRPC has it.
const ServiceName = "perdure.nexus.v1.NexusDoorService"

// Server answers the calls.
type Server interface {
	DispatchNexusTask(context.Context, *DispatchNexusTaskRequest) (*DispatchNexusTaskResponse, error)
	CompleteNexusOperation(context.Context, *CompleteNexusOperationRequest) (*CompleteNexusOperationResponse, error)
}

// ServiceDesc describes the service to gRPC.
var ServiceDesc = grpc.ServiceDesc{
	ServiceName: ServiceName,
	HandlerType: (*Server)(nil),
	Methods: []grpc.MethodDesc{
		{MethodName: "DispatchNexusTask", Handler: handler("DispatchNexusTask", Server.DispatchNexusTask)},
		{MethodName: "CompleteNexusOperation", Handler: handler("CompleteNexusOperation", Server.CompleteNexusOperation)},
	},
	Metadata: "nexusdoor.proto",
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

// DispatchNexusTask calls Server.DispatchNexusTask.
func (c Client) DispatchNexusTask(ctx context.Context, req *DispatchNexusTaskRequest) (*DispatchNexusTaskResponse, error) {
	resp := new(DispatchNexusTaskResponse)
	return resp, c.Conn.Invoke(ctx, "/"+ServiceName+"/DispatchNexusTask", req, resp)
}

// CompleteNexusOperation calls Server.CompleteNexusOperation.
func (c Client) CompleteNexusOperation(ctx context.Context, req *CompleteNexusOperationRequest) (*CompleteNexusOperationResponse, error) {
	resp := new(CompleteNexusOperationResponse)
	return resp, c.Conn.Invoke(ctx, "/"+ServiceName+"/CompleteNexusOperation", req, resp)
}
