package frontend

import (
	"math"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
)

type (
	configUpdate = workflowservice.UpdateTaskQueueConfigRequest
	rateUpdate   = workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate
)

// configure is a request to limit the rate of activities of the queue "q".
func configure(change func(*configUpdate)) *configUpdate {
	req := &configUpdate{
		Namespace: "default", Identity: "who", TaskQueue: "q", TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY,
		UpdateQueueRateLimit: &rateUpdate{RateLimit: &taskqueuepb.RateLimit{RequestsPerSecond: 5}, Reason: "why"},
	}
	change(req)
	return req
}

func describeConfig(t *testing.T, d *door, namespace string, queueType enumspb.TaskQueueType) *taskqueuepb.TaskQueueConfig {
	t.Helper()
	resp, err := d.call(t.Context(), &workflowservice.DescribeTaskQueueRequest{
		Namespace: namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}, TaskQueueType: queueType, ReportConfig: true})
	if err != nil {
		t.Fatal(err)
	}
	return resp.(*workflowservice.DescribeTaskQueueResponse).GetConfig()
}

func TestTheConfigurationOfATaskQueueIsDescribed(t *testing.T) {
	d := newDoor(t)
	if config := describeConfig(t, d, "default", enumspb.TASK_QUEUE_TYPE_ACTIVITY); config != nil {
		t.Errorf("before it is configured: %v", config)
	}
	resp, err := d.call(t.Context(), configure(func(r *configUpdate) { r.SetFairnessWeightOverrides = map[string]float32{"tenant": 2} }))
	if err != nil {
		t.Fatal(err)
	}
	if told := d.matching.configured; len(told) != 1 || told[0].Type != entity.TaskActivity || told[0].Name != "q" {
		t.Errorf("matching was told of %v", d.matching.configured)
	}
	config := resp.(*workflowservice.UpdateTaskQueueConfigResponse).GetConfig()
	if limit := config.GetQueueRateLimit(); limit.GetRateLimit().GetRequestsPerSecond() != 5 || config.GetFairnessWeightOverrides()["tenant"] != 2 ||
		limit.GetMetadata().GetReason() != "why" || limit.GetMetadata().GetUpdateIdentity() != "who" || limit.GetMetadata().GetUpdateTime() == nil {
		t.Errorf("configured as %v", config)
	}
	if described := describeConfig(t, d, "default", enumspb.TASK_QUEUE_TYPE_ACTIVITY); !proto.Equal(described, config) {
		t.Errorf("described as %v, want %v", described, config)
	}
	for name, other := range map[string]*taskqueuepb.TaskQueueConfig{
		"another type of the queue": describeConfig(t, d, "default", enumspb.TASK_QUEUE_TYPE_WORKFLOW),
		"another namespace":         describeConfig(t, d, "other", enumspb.TASK_QUEUE_TYPE_ACTIVITY),
	} {
		if other != nil {
			t.Errorf("%s is described as %v", name, other)
		}
	}
}

func TestABadConfigurationOfATaskQueueIsRefused(t *testing.T) {
	d := newDoor(t)
	for name, c := range map[string]struct {
		change func(*configUpdate)
		code   codes.Code
		says   string
	}{
		"no queue":        {func(r *configUpdate) { r.TaskQueue = "" }, codes.InvalidArgument, "missing task queue name"},
		"no type":         {func(r *configUpdate) { r.TaskQueueType = 0 }, codes.InvalidArgument, "TaskQueueType is not set"},
		"an unknown type": {func(r *configUpdate) { r.TaskQueueType = 99 }, codes.InvalidArgument, "TaskQueueType is not set"},
		"a rate of workflow tasks": {func(r *configUpdate) { r.TaskQueueType = enumspb.TASK_QUEUE_TYPE_WORKFLOW },
			codes.InvalidArgument, "Setting rate limit on workflow task queues is not allowed."},
		"a rate of the fairness keys of workflow tasks": {func(r *configUpdate) {
			r.TaskQueueType, r.UpdateFairnessKeyRateLimitDefault, r.UpdateQueueRateLimit = enumspb.TASK_QUEUE_TYPE_WORKFLOW, r.UpdateQueueRateLimit, nil
		}, codes.InvalidArgument, "Setting fairness key rate limit on workflow task queues is not allowed."},
		"a negative rate": {func(r *configUpdate) { r.UpdateQueueRateLimit.RateLimit.RequestsPerSecond = -1 }, codes.InvalidArgument, "RequestsPerSecond for UpdateQueueRateLimit"},
		"a rate that is no number": {func(r *configUpdate) { r.UpdateQueueRateLimit.RateLimit.RequestsPerSecond = float32(math.NaN()) },
			codes.InvalidArgument, "RequestsPerSecond for UpdateQueueRateLimit"},
		"a long reason":      {func(r *configUpdate) { r.UpdateQueueRateLimit.Reason = long(1001) }, codes.InvalidArgument, "UpdateQueueRateLimit.Reason field too long"},
		"a long identity":    {func(r *configUpdate) { r.Identity = long(1001) }, codes.InvalidArgument, "Identity length exceeds limit."},
		"a weight of no key": {func(r *configUpdate) { r.SetFairnessWeightOverrides = map[string]float32{"": 1} }, codes.InvalidArgument, "must not be empty"},
		"a concurrency limit": {func(r *configUpdate) {
			r.UpdateQueueConcurrencyLimit = new(workflowservice.UpdateTaskQueueConfigRequest_ConcurrencyLimitUpdate)
		}, codes.Unimplemented, "Concurrency limits"},
	} {
		t.Run(name, func(t *testing.T) {
			d.t = t
			d.refused(configure(c.change), c.code, c.says)
		})
	}
}

func TestTheRateThatAWorkerAsksForIsPassedOn(t *testing.T) {
	d := newDoor(t)
	d.matching.work <- &matching.Work{Task: &entity.Task{Entity: entity.Key{Kind: entity.KindWorkflow, ID: "w"}}}
	if _, err := d.call(t.Context(), &workflowservice.PollActivityTaskQueueRequest{
		Namespace: "default", TaskQueue: &taskqueuepb.TaskQueue{Name: "q"},
		TaskQueueMetadata: &taskqueuepb.TaskQueueMetadata{MaxTasksPerSecond: wrapperspb.Double(2.5)},
	}); err != nil {
		t.Fatal(err)
	}
	if rate := d.matching.polled.Load().Rate; rate == nil || *rate != 2.5 {
		t.Errorf("rate %v", rate)
	}
}
