package workflow

import (
	"context"
	"testing"
	"time"

	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
)

// BenchmarkWorkflow runs one workflow of a single workflow task from start to
// end, without a store.
func BenchmarkWorkflow(b *testing.B) {
	w := newLab(b, Limits{})
	req := startRequest()
	complete := &completeRequest{Commands: commands(completeCommand())}
	poll := &workflowservice.PollWorkflowTaskQueueRequest{TaskQueue: &taskqueuepb.TaskQueue{Name: labQueue}, Identity: "worker"}
	b.ReportAllocs()
	for b.Loop() {
		e, err := w.machine.Load(context.Background(), w, entity.Key{Kind: entity.KindWorkflow, Namespace: labNamespace, ID: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		c := e.(*Chain)
		step := entity.NewStep(w.now, w)
		if _, err := c.Start(step, req); err != nil {
			b.Fatal(err)
		}
		task := step.Outputs().Tasks[0]
		w.now = w.now.Add(time.Millisecond)
		reply, err := c.StartWorkflowTask(entity.NewStep(w.now, w), task, poll)
		if err != nil {
			b.Fatal(err)
		}
		token, err := DecodeTaskToken(reply.TaskToken)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.CompleteWorkflowTask(entity.NewStep(w.now, w), token, complete); err != nil {
			b.Fatal(err)
		}
	}
}
