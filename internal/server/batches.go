package server

import (
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/batch"
	"github.com/perdure/perdure/internal/dynamicconfig"
)

// startBatches starts what carries out batch operations, by calls from inside the process.
func (s *Server) startBatches() {
	config := s.settings.Config()
	s.batches = batch.Start(batch.Options{
		Runtime: s.runtime,
		Tasks:   s.matching,
		Client:  workflowservice.NewWorkflowServiceClient(s.local),
		Namespace: func(id string) (string, bool) {
			ns, err := s.namespaces.ByID(id)
			if err != nil || ns.State == enumspb.NAMESPACE_STATE_DELETED {
				return "", false
			}
			return ns.Name, true
		},
		Rate:        func(namespace string) int { return dynamicconfig.BatchRate.Get(config, namespace) },
		Concurrency: func(namespace string) int { return dynamicconfig.BatchConcurrency.Get(config, namespace) },
		Logger:      s.logger,
	})
}
