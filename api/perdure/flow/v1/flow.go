// Package flowv1 is the API of flow control, which limits how many workflows and activities run at
// once and how many are started in a second. A Client makes the calls on any connection to a server:
//
//	conn, err := grpc.NewClient("localhost:7233", grpc.WithTransportCredentials(insecure.NewCredentials()))
//	…
//	flows := flowv1.Client{Conn: conn}
//	_, err = flows.SetPolicy(ctx, &flowv1.SetPolicyRequest{Namespace: "default", Policy: &flowv1.Policy{
//		Name:         "one-import-each",
//		Target:       flowv1.Target_TARGET_WORKFLOWS,
//		WorkflowType: "Import",
//		Key:          &flowv1.Key{By: &flowv1.Key_FairnessKey{FairnessKey: true}},
//		MaxRunning:   proto.Int64(1),
//	}})
package flowv1

import (
	"context"

	"google.golang.org/grpc"
)

//go:generate sh -c "protoc -I../../.. --plugin=protoc-gen-go=$(go tool -n protoc-gen-go) --go_out=../../.. --go_opt=paths=source_relative perdure/flow/v1/flow.proto"

// ServiceName is the name of the service as gRPC has it.
const ServiceName = "perdure.flow.v1.FlowService"

// Server answers the calls.
type Server interface {
	SetPolicy(context.Context, *SetPolicyRequest) (*SetPolicyResponse, error)
	GetPolicy(context.Context, *GetPolicyRequest) (*GetPolicyResponse, error)
	ListPolicies(context.Context, *ListPoliciesRequest) (*ListPoliciesResponse, error)
	DeletePolicy(context.Context, *DeletePolicyRequest) (*DeletePolicyResponse, error)
	DescribeGate(context.Context, *DescribeGateRequest) (*DescribeGateResponse, error)
	ListGates(context.Context, *ListGatesRequest) (*ListGatesResponse, error)
	DescribeWorkflow(context.Context, *DescribeWorkflowRequest) (*DescribeWorkflowResponse, error)
}

// ServiceDesc describes the service to gRPC.
var ServiceDesc = grpc.ServiceDesc{
	ServiceName: ServiceName,
	HandlerType: (*Server)(nil),
	Methods: []grpc.MethodDesc{
		{MethodName: "SetPolicy", Handler: handler("SetPolicy", Server.SetPolicy)},
		{MethodName: "GetPolicy", Handler: handler("GetPolicy", Server.GetPolicy)},
		{MethodName: "ListPolicies", Handler: handler("ListPolicies", Server.ListPolicies)},
		{MethodName: "DeletePolicy", Handler: handler("DeletePolicy", Server.DeletePolicy)},
		{MethodName: "DescribeGate", Handler: handler("DescribeGate", Server.DescribeGate)},
		{MethodName: "ListGates", Handler: handler("ListGates", Server.ListGates)},
		{MethodName: "DescribeWorkflow", Handler: handler("DescribeWorkflow", Server.DescribeWorkflow)},
	},
	Metadata: "perdure/flow/v1/flow.proto",
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

// SetPolicy makes a policy, or replaces the one with its name.
func (c Client) SetPolicy(ctx context.Context, req *SetPolicyRequest, options ...grpc.CallOption) (*SetPolicyResponse, error) {
	return call[SetPolicyResponse](ctx, c, "SetPolicy", req, options)
}

// GetPolicy returns a policy.
func (c Client) GetPolicy(ctx context.Context, req *GetPolicyRequest, options ...grpc.CallOption) (*GetPolicyResponse, error) {
	return call[GetPolicyResponse](ctx, c, "GetPolicy", req, options)
}

// ListPolicies lists the policies of a namespace.
func (c Client) ListPolicies(ctx context.Context, req *ListPoliciesRequest, options ...grpc.CallOption) (*ListPoliciesResponse, error) {
	return call[ListPoliciesResponse](ctx, c, "ListPolicies", req, options)
}

// DeletePolicy removes a policy, and lets all go on that waits for it.
func (c Client) DeletePolicy(ctx context.Context, req *DeletePolicyRequest, options ...grpc.CallOption) (*DeletePolicyResponse, error) {
	return call[DeletePolicyResponse](ctx, c, "DeletePolicy", req, options)
}

// DescribeGate tells what runs and waits under a policy with one key.
func (c Client) DescribeGate(ctx context.Context, req *DescribeGateRequest, options ...grpc.CallOption) (*DescribeGateResponse, error) {
	return call[DescribeGateResponse](ctx, c, "DescribeGate", req, options)
}

// ListGates tells for which values of the key of a policy something runs or waits.
func (c Client) ListGates(ctx context.Context, req *ListGatesRequest, options ...grpc.CallOption) (*ListGatesResponse, error) {
	return call[ListGatesResponse](ctx, c, "ListGates", req, options)
}

// DescribeWorkflow tells which policies a run is under, and for which it waits.
func (c Client) DescribeWorkflow(ctx context.Context, req *DescribeWorkflowRequest, options ...grpc.CallOption) (*DescribeWorkflowResponse, error) {
	return call[DescribeWorkflowResponse](ctx, c, "DescribeWorkflow", req, options)
}

func call[Resp any](ctx context.Context, c Client, method string, req any, options []grpc.CallOption) (*Resp, error) {
	resp := new(Resp)
	if err := c.Conn.Invoke(ctx, "/"+ServiceName+"/"+method, req, resp, options...); err != nil {
		return nil, err
	}
	return resp, nil
}
