package frontend

//lint:file-ignore SA1019 older clients still send what is deprecated

import (
	"maps"
	"math"
	"strings"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
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

func concurrency(n int32) *workflowservice.UpdateTaskQueueConfigRequest_ConcurrencyLimitUpdate {
	return &workflowservice.UpdateTaskQueueConfigRequest_ConcurrencyLimitUpdate{ConcurrencyLimit: &taskqueuepb.ConcurrencyLimit{ConcurrentTasks: n}}
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
		"a long identity":    {func(r *configUpdate) { r.Identity = long(1001) }, codes.InvalidArgument, "Identity field too long (max 1000 characters)."},
		"a weight of no key": {func(r *configUpdate) { r.SetFairnessWeightOverrides = map[string]float32{"": 1} }, codes.InvalidArgument, "must not be empty"},
		"a concurrency limit of workflow tasks": {func(r *configUpdate) {
			r.TaskQueueType, r.UpdateQueueRateLimit, r.UpdateQueueConcurrencyLimit = enumspb.TASK_QUEUE_TYPE_WORKFLOW, nil, concurrency(1)
		}, codes.InvalidArgument, "Setting concurrency limit is allowed on activity task queues only."},
		"a negative concurrency limit": {func(r *configUpdate) { r.UpdateQueueConcurrencyLimit = concurrency(-1) },
			codes.InvalidArgument, "concurrent tasks must not be negative"},
		"a long reason of a concurrency limit": {func(r *configUpdate) {
			r.UpdateQueueConcurrencyLimit = concurrency(1)
			r.UpdateQueueConcurrencyLimit.Reason = long(1001)
		}, codes.InvalidArgument, "UpdateQueueConcurrencyLimit.Reason field too long"},
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

func describeQueue(t *testing.T, d *door, change func(*workflowservice.DescribeTaskQueueRequest)) (*workflowservice.DescribeTaskQueueResponse, error) {
	t.Helper()
	req := &workflowservice.DescribeTaskQueueRequest{Namespace: "default", TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}, ReportStats: true}
	change(req)
	resp, err := d.call(t.Context(), req)
	if err != nil {
		return nil, err
	}
	return resp.(*workflowservice.DescribeTaskQueueResponse), nil
}

func TestATaskQueueIsDescribedInFull(t *testing.T) {
	d := newDoor(t)
	got, err := describeQueue(t, d, func(*workflowservice.DescribeTaskQueueRequest) {})
	if err != nil {
		t.Fatal(err)
	}
	want := `{
		"pollers": [{"identity": "p", "lastAccessTime": "2026-01-02T03:04:05Z", "ratePerSecond": 2.5, "deploymentOptions": {"deploymentName": "d"}}],
		"stats": {"approximateBacklogCount": "9", "approximateBacklogAge": "3s", "tasksAddRate": 1.5, "tasksDispatchRate": 0.5, "rateLimitingActive": true},
		"statsByPriorityKey": {
			"1": {"approximateBacklogCount": "2", "approximateBacklogAge": "3s", "rateLimitingActive": true},
			"3": {"approximateBacklogCount": "7", "approximateBacklogAge": "0s", "tasksAddRate": 1.5, "tasksDispatchRate": 0.5, "rateLimitingActive": true}},
		"versioningInfo": {"currentVersion": "__unversioned__", "updateTime": "0001-01-01T00:00:00Z"},
		"effectiveRateLimit": {"requestsPerSecond": 5, "rateLimitSource": "RATE_LIMIT_SOURCE_WORKER"}}`
	sameJSON(t, got, new(workflowservice.DescribeTaskQueueResponse), want)
}

func sameJSON(t *testing.T, got, want proto.Message, text string) {
	t.Helper()
	if err := protojson.Unmarshal([]byte(text), want); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got, want) {
		t.Errorf("got %v", protojson.Format(got))
	}
}

func TestATaskQueueIsDescribedByVersionAsAsked(t *testing.T) {
	d := newDoor(t)
	for name, c := range map[string]struct {
		versions *taskqueuepb.TaskQueueVersionSelection
		want     map[string]int64 // backlog of each version
	}{
		"none is named":     {nil, map[string]int64{"": 9}},
		"all that are used": {&taskqueuepb.TaskQueueVersionSelection{AllActive: true}, map[string]int64{"": 9}},
		"one that is not there and that of workers without": {
			&taskqueuepb.TaskQueueVersionSelection{BuildIds: []string{"b"}, Unversioned: true}, map[string]int64{"": 9, "b": 0}},
		"one that is not there": {&taskqueuepb.TaskQueueVersionSelection{BuildIds: []string{"b"}}, map[string]int64{"b": 0}},
	} {
		resp, err := describeQueue(t, d, func(r *workflowservice.DescribeTaskQueueRequest) {
			r.ApiMode, r.Versions, r.ReportTaskReachability = enumspb.DESCRIBE_TASK_QUEUE_MODE_ENHANCED, c.versions, true
		})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]int64{}
		for version, info := range resp.GetVersionsInfo() {
			got[version] = info.TypesInfo[int32(enumspb.TASK_QUEUE_TYPE_ACTIVITY)].GetStats().GetApproximateBacklogCount()
			if reachable := info.TaskReachability == enumspb.BUILD_ID_TASK_REACHABILITY_REACHABLE; reachable != (version == "") {
				t.Errorf("%s: reachability of %q is %v", name, version, info.TaskReachability)
			}
		}
		if !maps.Equal(got, c.want) {
			t.Errorf("%s: described %v, want %v", name, got, c.want)
		}
	}
}

func TestNamesOfPartitionsAreDescribedOnly(t *testing.T) {
	d := newDoor(t)
	name := func(name string) func(*workflowservice.DescribeTaskQueueRequest) {
		return func(r *workflowservice.DescribeTaskQueueRequest) { r.TaskQueue.Name, r.ReportStats = name, false }
	}
	if resp, err := describeQueue(t, d, name("/_sys/q/1")); err != nil || len(resp.GetPollers()) > 0 {
		t.Errorf("a partition that is not there: %v, %v", resp, err)
	}
	for text, change := range map[string]func(*workflowservice.DescribeTaskQueueRequest){
		"invalid task queue partition name /_sys/q/0":  name("/_sys/q/0"),
		"invalid task queue partition name /_sys/q":    name("/_sys/q"),
		"invalid task queue partition name /_sys//1":   name("/_sys//1"),
		"invalid task queue partition name /_sys/q/1a": name("/_sys/q/1a"),
		"task queue family name cannot have prefix":    name("/_sys//_sys/q/1"),
		"stats are only supported for the root":        func(r *workflowservice.DescribeTaskQueueRequest) { r.TaskQueue.Name = "/_sys/q/1" },
		"cannot start with reserved prefix": func(r *workflowservice.DescribeTaskQueueRequest) {
			r.TaskQueue.Name, r.ApiMode = "/_sys/q/1", enumspb.DESCRIBE_TASK_QUEUE_MODE_ENHANCED
		},
		"limit: 5": func(r *workflowservice.DescribeTaskQueueRequest) {
			r.ReportTaskReachability, r.Versions = true, &taskqueuepb.TaskQueueVersionSelection{BuildIds: make([]string, 6)}
		},
	} {
		if _, err := describeQueue(t, d, change); status.Code(err) != codes.InvalidArgument || !strings.Contains(err.Error(), text) {
			t.Errorf("got %v, want %q", err, text)
		}
	}
}
