package server_test

import (
	"context"
	"fmt"
	"testing"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/server"
)

// BenchmarkWorkflowWithOneActivity is the seven calls of a workflow with one
// activity, in memory and inside the process: what the server itself costs.
func BenchmarkWorkflowWithOneActivity(b *testing.B) {
	s, err := server.Start(b.Context(), server.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Stop(context.Background())
	client := workflowservice.NewWorkflowServiceClient(s.ClientConn())
	ctx := b.Context()
	q := &taskqueuepb.TaskQueue{Name: queue}
	poll := func(commands ...*commandpb.Command) {
		task, err := client.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{Namespace: ns, TaskQueue: q})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := client.RespondWorkflowTaskCompleted(ctx, &workflowservice.RespondWorkflowTaskCompletedRequest{TaskToken: task.GetTaskToken(), Commands: commands}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		n++
		_, err := client.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{Namespace: ns, WorkflowId: fmt.Sprint(n),
			WorkflowType: &commonpb.WorkflowType{Name: "order"}, TaskQueue: q, Input: payload("input"), RequestId: fmt.Sprint(n)})
		if err != nil {
			b.Fatal(err)
		}
		poll(scheduleActivity("a"))
		task, err := client.PollActivityTaskQueue(ctx, &workflowservice.PollActivityTaskQueueRequest{Namespace: ns, TaskQueue: q})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := client.RespondActivityTaskCompleted(ctx, &workflowservice.RespondActivityTaskCompletedRequest{TaskToken: task.GetTaskToken(), Result: payload("r")}); err != nil {
			b.Fatal(err)
		}
		poll(completeWorkflow("done"))
	}
}
