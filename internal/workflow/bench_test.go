package workflow

import (
	"testing"
	"time"

	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/entity"
)

// BenchmarkWorkflow runs one workflow of a single workflow task from start to
// end, without a store.
func BenchmarkWorkflow(b *testing.B) {
	w := newWorkflow(b)
	req := newStartRequest("w", "request")
	complete := &completeRequest{Commands: commands(completeWorkflow("done"))}
	poll := &workflowservice.PollWorkflowTaskQueueRequest{TaskQueue: &taskqueuepb.TaskQueue{Name: testQueue}, Identity: testWorker}
	b.ReportAllocs()
	for b.Loop() {
		c := w.load(w.key())
		step := func() *entity.Step {
			w.now = w.now.Add(time.Millisecond)
			return entity.NewStep(w.now, w.env())
		}
		start := step()
		if _, err := c.Start(start, req); err != nil {
			b.Fatal(err)
		}
		if err := c.EndStep(start); err != nil {
			b.Fatal(err)
		}
		reply, err := c.StartWorkflowTask(step(), start.Outputs().Tasks[0], poll)
		if err != nil {
			b.Fatal(err)
		}
		token, err := tokens.DecodeTask(reply.TaskToken)
		if err != nil {
			b.Fatal(err)
		}
		end := step()
		if _, err := c.CompleteWorkflowTask(end, token, complete); err != nil {
			b.Fatal(err)
		}
		if err := c.EndStep(end); err != nil {
			b.Fatal(err)
		}
	}
}
