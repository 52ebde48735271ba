package server

import (
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
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

// health is the gRPC health service: NOT_SERVING until the server is ready,
// while it stops, and while it could not answer: see Server.unfit. Unlike the one that
// comes with gRPC it ends the streams of those who watch when the server stops,
// so that they do not hold up the stop.
type health struct {
	healthpb.UnimplementedHealthServer
	unfit func() error

	mu       sync.Mutex
	serving  bool
	stopping bool
	changed  chan struct{} // closed and replaced when something above changes
}

func newHealth(unfit func() error) *health {
	return &health{unfit: unfit, changed: make(chan struct{})}
}

func (h *health) register(registrar grpc.ServiceRegistrar) {
	healthpb.RegisterHealthServer(registrar, h)
}

// set says whether the server serves. Once it stops it does not any more.
func (h *health) set(serving bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.serving = serving
	h.broadcast()
}

// stop turns the state to NOT_SERVING for good and ends the streams of Watch.
func (h *health) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopping = true
	h.broadcast()
}

func (h *health) broadcast() {
	close(h.changed)
	h.changed = make(chan struct{})
}

// state looks at the store itself: a server that nobody writes to would not
// notice its failure otherwise.
func (h *health) state() (state healthpb.HealthCheckResponse_ServingStatus, stopping bool, changed <-chan struct{}) {
	unfit := h.unfit() != nil
	h.mu.Lock()
	defer h.mu.Unlock()
	state = healthpb.HealthCheckResponse_NOT_SERVING
	if h.serving && !h.stopping && !unfit {
		state = healthpb.HealthCheckResponse_SERVING
	}
	return state, h.stopping, h.changed
}

// Check implements the health service.
func (h *health) Check(_ context.Context, req *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	if !slices.Contains(healthServices, req.GetService()) {
		return nil, status.Error(codes.NotFound, "unknown service")
	}
	state, _, _ := h.state()
	return &healthpb.HealthCheckResponse{Status: state}, nil
}

// List implements the health service.
func (h *health) List(context.Context, *healthpb.HealthListRequest) (*healthpb.HealthListResponse, error) {
	state, _, _ := h.state()
	resp := &healthpb.HealthListResponse{Statuses: make(map[string]*healthpb.HealthCheckResponse, len(healthServices))}
	for _, service := range healthServices {
		resp.Statuses[service] = &healthpb.HealthCheckResponse{Status: state}
	}
	return resp, nil
}

// watchEvery is how often those who watch are told of what nobody broadcasts: whether the store works.
const watchEvery = time.Second

// Watch implements the health service.
func (h *health) Watch(req *healthpb.HealthCheckRequest, stream grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	known := slices.Contains(healthServices, req.GetService())
	last := healthpb.HealthCheckResponse_ServingStatus(-1)
	look := time.NewTicker(watchEvery)
	defer look.Stop()
	for {
		state, stopping, changed := h.state()
		if !known {
			state = healthpb.HealthCheckResponse_SERVICE_UNKNOWN
		}
		if state != last {
			if err := stream.Send(&healthpb.HealthCheckResponse{Status: state}); err != nil {
				return err
			}
			last = state
		}
		if stopping {
			return status.Error(codes.Unavailable, "the server is shutting down")
		}
		select {
		case <-changed:
		case <-look.C:
		case <-stream.Context().Done():
			return status.FromContextError(stream.Context().Err()).Err()
		}
	}
}
