package e2e

import (
	"sync"
	"testing"

	"github.com/perdure/perdure/sdk/worker"
)

func TestManyWorkflowsRunAtATimeOnFewSlots(t *testing.T) {
	s := newScenario(t)
	for range 2 {
		s.work(worker.Options{
			MaxConcurrentWorkflowTaskExecutionSize: 3,
			MaxConcurrentActivityExecutionSize:     2,
			MaxConcurrentWorkflowTaskPollers:       4,
			MaxConcurrentActivityTaskPollers:       4,
		}, func(w worker.Worker) {
			w.RegisterWorkflow(GreetWorkflow)
			w.RegisterActivity(Greet)
		})
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 5 {
				run, err := s.ExecuteWorkflow(s.ctx, s.options(), GreetWorkflow, "crowd")
				if err != nil {
					t.Error(err)
					return
				}
				var got string
				if err := run.Get(s.ctx, &got); err != nil || got != "hello crowd" {
					t.Errorf("got %q, %v", got, err)
					return
				}
			}
		})
	}
	group.Wait()
}
