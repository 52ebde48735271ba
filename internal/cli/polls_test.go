package cli_test

import (
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
)

func pollRequest() *workflowservice.PollActivityTaskQueueRequest {
	return &workflowservice.PollActivityTaskQueueRequest{
		Namespace: "default",
		TaskQueue: &taskqueuepb.TaskQueue{Name: "idle"},
		Identity:  "poller",
	}
}

// waitForPoller waits until the server knows the poller of pollRequest.
func waitForPoller(t *testing.T, client workflowservice.WorkflowServiceClient) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		resp, err := client.DescribeTaskQueue(t.Context(), &workflowservice.DescribeTaskQueueRequest{
			Namespace:     "default",
			TaskQueue:     &taskqueuepb.TaskQueue{Name: "idle"},
			TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY,
		}, grpc.WaitForReady(true))
		if err != nil {
			t.Fatal(err)
		}
		if len(resp.GetPollers()) == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the poller never turned up")
		}
	}
}
