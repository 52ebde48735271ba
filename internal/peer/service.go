package peer

import (
	"context"

	"google.golang.org/grpc"
)

// serviceName is the name of the service between nodes as gRPC has it.
const serviceName = "perdure.peer.v1.Peer"

// server answers the calls of other nodes.
type server interface {
	nudge(context.Context, *Nothing) (*Nothing, error)
	deliver(context.Context, *Message) (*Delivered, error)
	bound(context.Context, *Nothing) (*BoundResponse, error)
	readTasks(context.Context, *ReadTasksRequest) (*ReadTasksResponse, error)
	readLanes(context.Context, *ReadLanesRequest) (*ReadLanesResponse, error)
	listTasks(context.Context, *ListTasksRequest) (*ListTasksResponse, error)
	start(context.Context, *StartRequest) (*StartResponse, error)
	offerQuery(context.Context, *QueryOffer) (*Nothing, error)
	depart(context.Context, *Departure) (*DepartureResponse, error)
	register(context.Context, *RegisterRequest) (*Nothing, error)
	reserve(context.Context, *ReserveRequest) (*ReserveResponse, error)
	tell(context.Context, *Changed) (*Nothing, error)
	describeQueue(context.Context, *DescribeQueueRequest) (*DescribeQueueResponse, error)
	catchUp(context.Context, *Nothing) (*Nothing, error)
	retained(context.Context, *RetainedRequest) (*RetainedResponse, error)
	report(context.Context, *Nothing) (*Report, error)
	follow(*FollowRequest, grpc.ServerStream) error
}

// The methods of the service.
const (
	methodNudge      = "/" + serviceName + "/Nudge"
	methodDeliver    = "/" + serviceName + "/Deliver"
	methodBound      = "/" + serviceName + "/Bound"
	methodReadTasks  = "/" + serviceName + "/ReadTasks"
	methodReadLanes  = "/" + serviceName + "/ReadLanes"
	methodListTasks  = "/" + serviceName + "/ListTasks"
	methodStart      = "/" + serviceName + "/Start"
	methodOfferQuery = "/" + serviceName + "/OfferQuery"
	methodDepart     = "/" + serviceName + "/Depart"
	methodRegister   = "/" + serviceName + "/Register"
	methodReserve    = "/" + serviceName + "/Reserve"
	methodTell       = "/" + serviceName + "/Tell"
	methodDescribe   = "/" + serviceName + "/DescribeQueue"
	methodCatchUp    = "/" + serviceName + "/CatchUp"
	methodRetained   = "/" + serviceName + "/Retained"
	methodReport     = "/" + serviceName + "/Report"
	methodFollow     = "/" + serviceName + "/Follow"
)

var followDesc = grpc.StreamDesc{StreamName: "Follow", ServerStreams: true, Handler: func(s any, stream grpc.ServerStream) error {
	req := new(FollowRequest)
	if err := stream.RecvMsg(req); err != nil {
		return err
	}
	return s.(server).follow(req, stream)
}}

var serviceDesc = grpc.ServiceDesc{
	ServiceName: serviceName,
	HandlerType: (*server)(nil),
	Methods: []grpc.MethodDesc{
		method("Nudge", server.nudge),
		method("Deliver", server.deliver),
		method("Bound", server.bound),
		method("ReadTasks", server.readTasks),
		method("ReadLanes", server.readLanes),
		method("ListTasks", server.listTasks),
		method("Start", server.start),
		method("OfferQuery", server.offerQuery),
		method("Depart", server.depart),
		method("Register", server.register),
		method("Reserve", server.reserve),
		method("Tell", server.tell),
		method("DescribeQueue", server.describeQueue),
		method("CatchUp", server.catchUp),
		method("Retained", server.retained),
		method("Report", server.report),
	},
	Streams:  []grpc.StreamDesc{followDesc},
	Metadata: "peer.proto",
}

// method makes what gRPC wants of a method. These calls pass no interceptor: they are not
// those of clients.
func method[Req, Resp any](name string, call func(server, context.Context, *Req) (*Resp, error)) grpc.MethodDesc {
	return grpc.MethodDesc{MethodName: name, Handler: func(s any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		req := new(Req)
		if err := decode(req); err != nil {
			return nil, err
		}
		return call(s.(server), ctx, req)
	}}
}
