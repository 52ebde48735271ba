package server_test

import (
	"path/filepath"
	"slices"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

// createSchedule makes a schedule that starts workflows when it is triggered, unless changes
// make another one of it.
func (b *bench) createSchedule(id string, changes ...func(*workflowservice.CreateScheduleRequest)) {
	b.t.Helper()
	req := &workflowservice.CreateScheduleRequest{
		Namespace: ns, ScheduleId: id, RequestId: "create-" + id,
		Schedule: &schedulepb.Schedule{
			Action: &schedulepb.ScheduleAction{Action: &schedulepb.ScheduleAction_StartWorkflow{StartWorkflow: &workflowpb.NewWorkflowExecutionInfo{
				WorkflowId: id, WorkflowType: &commonpb.WorkflowType{Name: "type"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue},
			}}},
		},
	}
	for _, change := range changes {
		change(req)
	}
	if _, err := b.client.CreateSchedule(b.ctx(), req); err != nil {
		b.t.Fatal(err)
	}
}

func eachSecond(r *workflowservice.CreateScheduleRequest) {
	r.Schedule.Spec = &schedulepb.ScheduleSpec{Interval: []*schedulepb.IntervalSpec{{Interval: durationpb.New(1e9)}}}
}

func (b *bench) patchSchedule(id string, patch *schedulepb.SchedulePatch) {
	b.t.Helper()
	if _, err := b.client.PatchSchedule(b.ctx(), &workflowservice.PatchScheduleRequest{Namespace: ns, ScheduleId: id, Patch: patch}); err != nil {
		b.t.Fatal(err)
	}
}

var trigger = &schedulepb.SchedulePatch{TriggerImmediately: &schedulepb.TriggerImmediatelyRequest{OverlapPolicy: enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL}}

func (b *bench) schedules(query string) []*schedulepb.ScheduleListEntry {
	b.t.Helper()
	resp, err := b.client.ListSchedules(b.ctx(), &workflowservice.ListSchedulesRequest{Namespace: ns, Query: query})
	if err != nil {
		b.t.Fatalf("%s: %v", query, err)
	}
	count, err := b.client.CountSchedules(b.ctx(), &workflowservice.CountSchedulesRequest{Namespace: ns, Query: query})
	if err != nil || count.Count != int64(len(resp.Schedules)) {
		b.t.Errorf("%s counts %v, %v, want %d", query, count, err, len(resp.Schedules))
	}
	slices.SortFunc(resp.Schedules, func(a, b *schedulepb.ScheduleListEntry) int {
		return slices.Compare([]byte(a.ScheduleId), []byte(b.ScheduleId))
	})
	return resp.Schedules
}

func TestAScheduleStartsWorkflowsOneAfterTheOther(t *testing.T) {
	b := start(t, server.Options{})
	b.createSchedule("s", eachSecond)
	first := b.pollWorkflow()
	attributes := b.history(first.WorkflowExecution.WorkflowId)[0].GetWorkflowExecutionStartedEventAttributes().GetSearchAttributes().GetIndexedFields()
	if string(attributes["TemporalScheduledById"].GetData()) != `"s"` || string(attributes["TemporalScheduledStartTime"].GetMetadata()["type"]) != "Datetime" {
		t.Errorf("the workflow has the search attributes %v", attributes)
	}
	b.complete(first, completeWorkflow("done"))
	second := b.pollWorkflow()
	if first.WorkflowExecution.WorkflowId == second.WorkflowExecution.WorkflowId {
		t.Errorf("%s was started twice", first.WorkflowExecution.WorkflowId)
	}
	if _, err := b.client.DeleteSchedule(b.ctx(), &workflowservice.DeleteScheduleRequest{Namespace: ns, ScheduleId: "s"}); err != nil {
		t.Fatal(err)
	}
	_, err := b.client.DescribeSchedule(b.ctx(), &workflowservice.DescribeScheduleRequest{Namespace: ns, ScheduleId: "s"})
	if status.Code(err) != codes.NotFound {
		t.Errorf("a deleted schedule is described: %v", err)
	}
}

func TestAScheduleGoesOnAfterARestart(t *testing.T) {
	options := server.Options{DataDir: filepath.Join(t.TempDir(), "data")}
	t.Run("before", func(t *testing.T) {
		b := start(t, options)
		b.createSchedule("s")
		b.patchSchedule("s", trigger)
		b.patchSchedule("s", trigger)
	})
	b := start(t, options)
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	for len(b.schedules("")[0].Info.RecentActions) != 2 {
	}
}

func TestSchedulesAreFoundByWhatTheyAre(t *testing.T) {
	b := start(t, server.Options{SearchAttributes: types{"Customer": keyword}})
	b.createSchedule("a", eachSecond, func(r *workflowservice.CreateScheduleRequest) {
		r.SearchAttributes = attribute("Customer", `"acme"`)
		r.Memo = &commonpb.Memo{Fields: map[string]*commonpb.Payload{"m": {Data: []byte("1")}}}
		r.Schedule.State = &schedulepb.ScheduleState{Paused: true, Notes: "not yet"}
	})
	b.createSchedule("b")
	if all := b.schedules(""); len(all) != 2 || all[0].ScheduleId != "a" || !all[0].Info.Paused || all[0].Info.Notes != "not yet" ||
		len(all[0].Info.FutureActionTimes) != 5 || string(all[0].Memo.Fields["m"].GetData()) != "1" || len(all[0].SearchAttributes.IndexedFields) != 1 || len(all[1].Memo.GetFields()) != 0 {
		t.Errorf("listed: %v", all)
	}
	for query, want := range map[string]string{
		"TemporalSchedulePaused = false": "b", "Customer = 'acme'": "a", "ScheduleId = 'b'": "b", "ScheduleId STARTS_WITH 'a' OR TemporalSchedulePaused = false": "ab", "ScheduleId = 'c'": "",
	} {
		found := ""
		for _, entry := range b.schedules(query) {
			found += entry.ScheduleId
		}
		if found != want {
			t.Errorf("%s finds %q, want %q", query, found, want)
		}
	}
	for _, query := range []string{"ExecutionStatus = 'Running'", "TemporalNamespaceDivision = 'x'", "WorkflowId = 'a' OR Customer = 'acme'", "nonsense"} {
		_, err := b.client.ListSchedules(b.ctx(), &workflowservice.ListSchedulesRequest{Namespace: ns, Query: query})
		if status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", query, err)
		}
	}
	b.expect("", []string{}...)
}

func TestTheTimesOfAScheduleAreListed(t *testing.T) {
	b := start(t, server.Options{})
	b.createSchedule("s", eachSecond)
	at := timestamppb.New(timestamppb.Now().AsTime().Truncate(1e9))
	resp, err := b.client.ListScheduleMatchingTimes(b.ctx(), &workflowservice.ListScheduleMatchingTimesRequest{
		Namespace: ns, ScheduleId: "s", StartTime: at, EndTime: timestamppb.New(at.AsTime().Add(3e9))})
	if err != nil || len(resp.StartTime) != 3 {
		t.Errorf("the times are %v, %v", resp, err)
	}
}

func TestSchedulesCanBeSwitchedOff(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: []dynamicconfig.Override{{Key: "frontend.enableSchedules", Value: "false"}}})
	_, err := b.client.CreateSchedule(b.ctx(), &workflowservice.CreateScheduleRequest{Namespace: ns, ScheduleId: "s", RequestId: "r"})
	if status.Code(err) != codes.PermissionDenied {
		t.Errorf("a schedule was made: %v", err)
	}
}
