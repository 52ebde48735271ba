package server_test

import (
	"path/filepath"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/server"
)

func TestTheConfigurationOfATaskQueueSurvivesARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	b := start(t, server.Options{DataDir: dir})
	updated, err := b.client.UpdateTaskQueueConfig(b.ctx(), &workflowservice.UpdateTaskQueueConfigRequest{
		Namespace: ns, TaskQueue: "q", TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY,
		UpdateQueueRateLimit:       &workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate{RateLimit: &taskqueuepb.RateLimit{RequestsPerSecond: 5}},
		SetFairnessWeightOverrides: map[string]float32{"tenant": 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.server.Stop(b.ctx()); err != nil {
		t.Fatal(err)
	}
	b = start(t, server.Options{DataDir: dir})
	described, err := b.client.DescribeTaskQueue(b.ctx(), &workflowservice.DescribeTaskQueueRequest{
		Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}, TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY, ReportConfig: true})
	if err != nil || !proto.Equal(described.GetConfig(), updated.GetConfig()) {
		t.Errorf("described as %v, %v; want %v", described.GetConfig(), err, updated.GetConfig())
	}
}
