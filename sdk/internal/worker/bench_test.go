package worker

import (
	"context"
	"testing"

	"google.golang.org/grpc"

	"github.com/perdure/perdure/sdk/internal/registry"
)

// accepting takes every completion and forgets it.
type accepting struct{ *fakeServer }

func (accepting) RespondWorkflowTaskCompleted(context.Context, *completedRequest, ...grpc.CallOption) (*completedResponse, error) {
	return &completedResponse{}, nil
}

// BenchmarkWorkflow handles the two tasks of a workflow that waits for one signal: the
// worker's own cost, without network and server.
func BenchmarkWorkflow(b *testing.B) {
	f := newFakeServer()
	config := testConfig(f)
	config.backend.Service = accepting{f}
	if err := config.registry.RegisterWorkflow(echo, registry.WorkflowOptions{Name: "echo"}); err != nil {
		b.Fatal(err)
	}
	w := newWorker(config, newStickyCache(10, 0))
	defer w.Stop()
	s := newScript("echo").started()
	first := s.task(0)
	seen := s.last()
	second := s.completed().signal("word", "hi").started().task(seen)
	b.ReportAllocs()
	for b.Loop() {
		w.workflows.handle(first)
		w.workflows.handle(second)
	}
}
