package server_test

import (
	"testing"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/server"
)

// BenchmarkNetworkCall is what a call costs that does next to nothing, over
// loopback: the floor for all others.
func BenchmarkNetworkCall(b *testing.B) {
	s, err := server.Start(b.Context(), server.Options{Listen: "127.0.0.1:0"})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Stop(b.Context())
	client := workflowservice.NewWorkflowServiceClient(dialNetwork(b, s.Address()))
	req := &workflowservice.DescribeNamespaceRequest{Namespace: "default"}
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := client.DescribeNamespace(b.Context(), req); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
