package server

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// healthServices are the names under which clients ask for the server's health.
// They are one server and have one state; the last is asked for by monitoring
// made for the peer.
var healthServices = []string{
	"",
	"temporal.api.workflowservice.v1.WorkflowService",
	"temporal.api.operatorservice.v1.OperatorService",
	"temporal.api.adminservice.v1.AdminService",
}

// healthServer answers NOT_SERVING until the server is ready, while it drains,
// and from the moment its store has failed.
type healthServer struct {
	*health.Server
	failed func() error
}

func newHealthServer(failed func() error) *healthServer {
	h := &healthServer{Server: health.NewServer(), failed: failed}
	h.set(healthpb.HealthCheckResponse_NOT_SERVING)
	return h
}

func (h *healthServer) register(registrar grpc.ServiceRegistrar) {
	healthpb.RegisterHealthServer(registrar, h)
}

func (h *healthServer) set(state healthpb.HealthCheckResponse_ServingStatus) {
	for _, service := range healthServices {
		h.SetServingStatus(service, state)
	}
}

// Check implements the health service. It looks at the store itself, because
// a server that nobody writes to would not notice otherwise.
func (h *healthServer) Check(ctx context.Context, req *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	if h.failed() != nil {
		h.set(healthpb.HealthCheckResponse_NOT_SERVING)
	}
	return h.Server.Check(ctx, req)
}
