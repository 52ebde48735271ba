package server_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"testing"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
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

// prioritized schedules an activity named by its priority, fairness key and a number.
func prioritized(priority int32, key string, n int) *commandpb.Command {
	command := scheduleActivity(fmt.Sprintf("%d%s%d", priority, key, n))
	command.GetScheduleActivityTaskCommandAttributes().Priority = &commonpb.Priority{PriorityKey: priority, FairnessKey: key}
	return command
}

func TestABacklogIsServedByPriorityAndFairnessKeyAfterARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	b := start(t, server.Options{DataDir: dir})
	b.startWorkflow("w")
	var commands []*commandpb.Command
	for n := range 3 {
		commands = append(commands, prioritized(5, "", n), prioritized(3, "hog", n), prioritized(1, "", n))
	}
	b.complete(b.pollWorkflow(), append(commands, prioritized(3, "late", 0))...)
	describe := func() map[int32]int64 {
		resp, err := b.client.DescribeTaskQueue(b.ctx(), &workflowservice.DescribeTaskQueueRequest{
			Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY, ReportStats: true})
		if err != nil {
			t.Fatal(err)
		}
		counts := map[int32]int64{}
		for priority, stats := range resp.GetStatsByPriorityKey() {
			counts[priority] = stats.GetApproximateBacklogCount()
		}
		return counts
	}
	if got := describe(); !maps.Equal(got, map[int32]int64{1: 3, 3: 4, 5: 3}) {
		t.Errorf("backlog by priority is %v", got)
	}
	var got []string
	for range 10 {
		if len(got) == 2 {
			if err := b.server.Stop(b.ctx()); err != nil {
				t.Fatal(err)
			}
			b = start(t, server.Options{DataDir: dir})
		}
		got = append(got, b.pollActivity().GetActivityId())
	}
	if at := slices.Index(got, "3late0"); at < 3 || at > 4 {
		t.Errorf("a fairness key with one task waits for another's: %v", got)
	}
	got = slices.DeleteFunc(got, func(id string) bool { return id == "3late0" })
	if want := []string{"10", "11", "12", "3hog0", "3hog1", "3hog2", "50", "51", "52"}; !slices.Equal(got, want) {
		t.Errorf("served %v, want %v", got, want)
	}
}

func TestARateOfZeroHoldsActivitiesBackUntilItIsRaised(t *testing.T) {
	b := start(t, server.Options{})
	limit := func(update *workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate) {
		if _, err := b.client.UpdateTaskQueueConfig(b.ctx(), &workflowservice.UpdateTaskQueueConfigRequest{
			Namespace: ns, TaskQueue: queue, TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY, UpdateQueueRateLimit: update}); err != nil {
			t.Fatal(err)
		}
	}
	limit(&workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate{RateLimit: &taskqueuepb.RateLimit{}})
	b.startWorkflow("w")
	b.complete(b.pollWorkflow(), scheduleActivity("a"))
	polled := make(chan *workflowservice.PollActivityTaskQueueResponse)
	go func() { polled <- b.pollActivity() }()
	for described := false; !described; {
		resp, err := b.client.DescribeTaskQueue(b.ctx(), &workflowservice.DescribeTaskQueueRequest{
			Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, TaskQueueType: enumspb.TASK_QUEUE_TYPE_ACTIVITY, ReportStats: true})
		if err != nil {
			t.Fatal(err)
		}
		described = resp.GetStats().GetRateLimitingActive()
		if limit := resp.GetEffectiveRateLimit(); limit.GetRequestsPerSecond() != 0 || limit.GetRateLimitSource() != enumspb.RATE_LIMIT_SOURCE_API {
			t.Fatalf("the limit is %v", limit)
		}
	}
	select {
	case activity := <-polled:
		t.Fatalf("%v was handed out", activity)
	default:
	}
	limit(&workflowservice.UpdateTaskQueueConfigRequest_RateLimitUpdate{})
	if activity := <-polled; activity.GetActivityId() != "a" {
		t.Errorf("got %v", activity)
	}
}
