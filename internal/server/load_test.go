package server_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/server"
)

func TestManyWorkersRunManyWorkflowsEachActivityOnce(t *testing.T) {
	const workflows, workers = 60, 4
	b := start(t, server.Options{DataDir: filepath.Join(t.TempDir(), "data"), UnsafeNoSync: true, Listen: "127.0.0.1:0"})
	clients := []workflowservice.WorkflowServiceClient{b.client, workflowservice.NewWorkflowServiceClient(b.network())}
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	var runs, closed atomic.Int64
	var group sync.WaitGroup
	q := &taskqueuepb.TaskQueue{Name: queue}
	for i := range workers {
		client := clients[i%len(clients)]
		group.Go(func() {
			for ctx.Err() == nil {
				task, err := client.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{Namespace: ns, TaskQueue: q})
				if err != nil || len(task.GetTaskToken()) == 0 {
					continue
				}
				command := scheduleActivity("a")
				for _, event := range task.GetHistory().GetEvents() {
					if event.GetEventType() == enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED {
						command = completeWorkflow("done")
					}
				}
				_, err = client.RespondWorkflowTaskCompleted(ctx, &workflowservice.RespondWorkflowTaskCompletedRequest{
					TaskToken: task.GetTaskToken(), Commands: []*commandpb.Command{command}})
				if err != nil && ctx.Err() == nil {
					t.Errorf("completing a workflow task: %v", err)
				}
				if command.CommandType == enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION && closed.Add(1) == workflows {
					stop()
				}
			}
		})
		group.Go(func() {
			for ctx.Err() == nil {
				task, err := client.PollActivityTaskQueue(ctx, &workflowservice.PollActivityTaskQueueRequest{Namespace: ns, TaskQueue: q})
				if err != nil || len(task.GetTaskToken()) == 0 {
					continue
				}
				runs.Add(1)
				if _, err := client.RespondActivityTaskCompleted(ctx, &workflowservice.RespondActivityTaskCompletedRequest{TaskToken: task.GetTaskToken()}); err != nil && ctx.Err() == nil {
					t.Errorf("completing an activity: %v", err)
				}
			}
		})
	}
	for i := range workflows {
		b.startWorkflow(fmt.Sprint(i))
	}
	group.Wait()
	if closed.Load() != workflows || runs.Load() != workflows {
		t.Errorf("%d workflows closed, %d activities run, want %d of each", closed.Load(), runs.Load(), workflows)
	}
	for i := range workflows {
		if n := len(b.history(fmt.Sprint(i))); n != 11 {
			t.Errorf("history of workflow %d has %d events, want 11", i, n)
		}
	}
}
