package e2e

import (
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
)

func TestWorkflowsAreListedAndCounted(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(GreetWorkflow)
		w.RegisterActivity(Greet)
	})
	of := "TaskQueue = '" + s.queue + "'"
	for range 3 {
		result[string](s, s.startWith(client.StartWorkflowOptions{Memo: map[string]any{"for": "test"}}, GreetWorkflow, "world"))
	}
	seen := map[string]bool{}
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: of, PageSize: 2}
	for {
		page, err := s.ListWorkflow(s.ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Executions {
			seen[e.Execution.WorkflowId] = true
			if e.Status != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED || e.Type.Name != "GreetWorkflow" || e.Memo.Fields["for"] == nil {
				t.Errorf("listed is %v", e)
			}
		}
		if request.NextPageToken = page.NextPageToken; request.NextPageToken == nil {
			break
		}
	}
	if len(seen) != 3 {
		t.Errorf("listed are %v", seen)
	}
	count, err := s.CountWorkflow(s.ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: of + " GROUP BY ExecutionStatus"})
	if err != nil || count.Count != 3 || len(count.Groups) != 1 {
		t.Errorf("counted are %v, %v", count, err)
	}
}
