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
	StartBackup(context.Context, *StartBackupRequest) (*StartBackupResponse, error)
	DescribeBackup(context.Context, *DescribeBackupRequest) (*DescribeBackupResponse, error)
	CancelBackup(context.Context, *CancelBackupRequest) (*CancelBackupResponse, error)
	ImportEvents(context.Context, *ImportEventsRequest) (*ImportEventsResponse, error)
	CheckImport(context.Context, *CheckImportRequest) (*CheckImportResponse, error)
	ActivateImport(context.Context, *ActivateImportRequest) (*ActivateImportResponse, error)
	DiscardImport(context.Context, *DiscardImportRequest) (*DiscardImportResponse, error)
	DescribeImport(context.Context, *DescribeImportRequest) (*DescribeImportResponse, error)
	ListImports(context.Context, *ListImportsRequest) (*ListImportsResponse, error)
	DescribeCluster(context.Context, *DescribeClusterRequest) (*DescribeClusterResponse, error)
	DrainNode(context.Context, *DrainNodeRequest) (*DrainNodeResponse, error)
	ReshardCluster(context.Context, *ReshardClusterRequest) (*ReshardClusterResponse, error)
}

// ServiceDesc describes the service to gRPC.
var ServiceDesc = grpc.ServiceDesc{
	ServiceName: ServiceName,
	HandlerType: (*Server)(nil),
	Methods: []grpc.MethodDesc{
		{MethodName: "RebuildVisibility", Handler: handler("RebuildVisibility", Server.RebuildVisibility)},
		{MethodName: "DescribeVisibility", Handler: handler("DescribeVisibility", Server.DescribeVisibility)},
		{MethodName: "StartBackup", Handler: handler("StartBackup", Server.StartBackup)},
		{MethodName: "DescribeBackup", Handler: handler("DescribeBackup", Server.DescribeBackup)},
		{MethodName: "CancelBackup", Handler: handler("CancelBackup", Server.CancelBackup)},
		{MethodName: "ImportEvents", Handler: handler("ImportEvents", Server.ImportEvents)},
		{MethodName: "CheckImport", Handler: handler("CheckImport", Server.CheckImport)},
		{MethodName: "ActivateImport", Handler: handler("ActivateImport", Server.ActivateImport)},
		{MethodName: "DiscardImport", Handler: handler("DiscardImport", Server.DiscardImport)},
		{MethodName: "DescribeImport", Handler: handler("DescribeImport", Server.DescribeImport)},
		{MethodName: "ListImports", Handler: handler("ListImports", Server.ListImports)},
		{MethodName: "DescribeCluster", Handler: handler("DescribeCluster", Server.DescribeCluster)},
		{MethodName: "DrainNode", Handler: handler("DrainNode", Server.DrainNode)},
		{MethodName: "ReshardCluster", Handler: handler("ReshardCluster", Server.ReshardCluster)},
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
	return call[RebuildVisibilityResponse](ctx, c, "RebuildVisibility", req)
}

// DescribeVisibility calls Server.DescribeVisibility.
func (c Client) DescribeVisibility(ctx context.Context, req *DescribeVisibilityRequest) (*DescribeVisibilityResponse, error) {
	return call[DescribeVisibilityResponse](ctx, c, "DescribeVisibility", req)
}

// StartBackup calls Server.StartBackup.
func (c Client) StartBackup(ctx context.Context, req *StartBackupRequest) (*StartBackupResponse, error) {
	return call[StartBackupResponse](ctx, c, "StartBackup", req)
}

// DescribeBackup calls Server.DescribeBackup.
func (c Client) DescribeBackup(ctx context.Context, req *DescribeBackupRequest) (*DescribeBackupResponse, error) {
	return call[DescribeBackupResponse](ctx, c, "DescribeBackup", req)
}

// CancelBackup calls Server.CancelBackup.
func (c Client) CancelBackup(ctx context.Context, req *CancelBackupRequest) (*CancelBackupResponse, error) {
	return call[CancelBackupResponse](ctx, c, "CancelBackup", req)
}

// ImportEvents calls Server.ImportEvents.
func (c Client) ImportEvents(ctx context.Context, req *ImportEventsRequest) (*ImportEventsResponse, error) {
	return call[ImportEventsResponse](ctx, c, "ImportEvents", req)
}

// CheckImport calls Server.CheckImport.
func (c Client) CheckImport(ctx context.Context, req *CheckImportRequest) (*CheckImportResponse, error) {
	return call[CheckImportResponse](ctx, c, "CheckImport", req)
}

// ActivateImport calls Server.ActivateImport.
func (c Client) ActivateImport(ctx context.Context, req *ActivateImportRequest) (*ActivateImportResponse, error) {
	return call[ActivateImportResponse](ctx, c, "ActivateImport", req)
}

// DiscardImport calls Server.DiscardImport.
func (c Client) DiscardImport(ctx context.Context, req *DiscardImportRequest) (*DiscardImportResponse, error) {
	return call[DiscardImportResponse](ctx, c, "DiscardImport", req)
}

// DescribeImport calls Server.DescribeImport.
func (c Client) DescribeImport(ctx context.Context, req *DescribeImportRequest) (*DescribeImportResponse, error) {
	return call[DescribeImportResponse](ctx, c, "DescribeImport", req)
}

// ListImports calls Server.ListImports.
func (c Client) ListImports(ctx context.Context, req *ListImportsRequest) (*ListImportsResponse, error) {
	return call[ListImportsResponse](ctx, c, "ListImports", req)
}

// DescribeCluster calls Server.DescribeCluster.
func (c Client) DescribeCluster(ctx context.Context, req *DescribeClusterRequest) (*DescribeClusterResponse, error) {
	return call[DescribeClusterResponse](ctx, c, "DescribeCluster", req)
}

// ReshardCluster calls Server.ReshardCluster.
func (c Client) ReshardCluster(ctx context.Context, req *ReshardClusterRequest) (*ReshardClusterResponse, error) {
	return call[ReshardClusterResponse](ctx, c, "ReshardCluster", req)
}

// DrainNode calls Server.DrainNode.
func (c Client) DrainNode(ctx context.Context, req *DrainNodeRequest) (*DrainNodeResponse, error) {
	return call[DrainNodeResponse](ctx, c, "DrainNode", req)
}

func call[Resp any](ctx context.Context, c Client, method string, req any) (*Resp, error) {
	resp := new(Resp)
	return resp, c.Conn.Invoke(ctx, "/"+ServiceName+"/"+method, req, resp)
}
