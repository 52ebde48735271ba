package schedule

import (
	"errors"
	"fmt"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/workflow"
)

func execution(id, run string) *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: id, RunId: run}
}

func pausing(s *schedulepb.Schedule) { s.Policies.PauseOnFailure = true }

func timeout(d time.Duration) func(*schedulepb.Schedule) {
	return func(s *schedulepb.Schedule) { s.Action.GetStartWorkflow().WorkflowRunTimeout = durationpb.New(d) }
}

func catchUp(d time.Duration) func(*schedulepb.Schedule) {
	return func(s *schedulepb.Schedule) { s.Policies.CatchupWindow = durationpb.New(d) }
}

func limited(n int64) func(*schedulepb.Schedule) {
	return func(s *schedulepb.Schedule) { s.State.LimitedActions, s.State.RemainingActions = true, n }
}

func trigger() *schedulepb.SchedulePatch {
	return &schedulepb.SchedulePatch{TriggerImmediately: &schedulepb.TriggerImmediatelyRequest{}}
}

func TestAScheduleActsAtItsTimes(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute())
	w.pass(29 * time.Second)
	w.expect()
	w.pass(time.Second)
	w.expect("12:01")
	info := w.describe().Info
	if info.ActionCount != 1 || len(info.RunningWorkflows) != 1 || len(info.FutureActionTimes) != futureActions ||
		!info.FutureActionTimes[0].AsTime().Equal(epoch.Add(90*time.Second)) {
		t.Errorf("described as %v", info)
	}
}

func TestAScheduleIsMadeOnceByTheSameRequest(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(), trigger())
	w.create(everyMinute(), trigger())
	w.settle()
	w.expect("12:00:30")
	err := w.step(scheduleKey("s"), func(step *entity.Step, e entity.Entity) error {
		_, err := e.(*Schedule).Create(step, &workflowservice.CreateScheduleRequest{RequestId: "another", Schedule: everyMinute()})
		return err
	})
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	if !errors.As(err, &already) || err.Error() != `schedule "s" is already registered` {
		t.Errorf("a second schedule of the name: %v", err)
	}
}

func TestTheNextWorkflowIsToldHowTheLastOnesHaveEnded(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(bufferAll)))
	w.pass(4 * time.Minute)
	w.finish("12:01", completed("result"))
	w.finish("12:02", failed("no luck"))
	last, failure := w.told("12:03")
	if last != "result" || failure != "no luck" {
		t.Errorf("the third was told of %q and %q", last, failure)
	}
	w.finish("12:03", completed("another"))
	if last, failure = w.told("12:04"); last != "another" || failure != "" {
		t.Errorf("the fourth was told of %q and %q", last, failure)
	}
}

// told is what the workflow of the time knows of the end of those before it.
func (w *world) told(at string) (result, failure string) {
	w.t.Helper()
	id := "w-2030-01-01T" + at + ":00Z"
	c := w.load(workflowKey(id)).(*workflow.Chain)
	page, err := c.ReadHistory(env{w, workflowKey(id)}, workflow.HistoryRequest{})
	history := new(historypb.History)
	if err == nil {
		err = proto.Unmarshal(page.Events, history)
	}
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	started := history.Events[0].GetWorkflowExecutionStartedEventAttributes()
	for _, p := range started.GetLastCompletionResult().GetPayloads() {
		result += string(p.Data)
	}
	return result, started.GetContinuedFailure().GetMessage()
}

func TestAPausedScheduleDoesNotActAndDoesNotMakeUpForIt(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(allowAll)))
	w.patch(&schedulepb.SchedulePatch{Pause: "holidays"})
	w.pass(3 * time.Minute)
	w.patch(trigger())
	w.settle()
	w.expect("12:03:30")
	w.patch(&schedulepb.SchedulePatch{Unpause: "back"})
	w.pass(time.Minute)
	w.expect("12:03:30", "12:04")
	if state := w.describe().Schedule.State; state.Notes != "back" || state.Paused {
		t.Errorf("the state is %v", state)
	}
}

func TestAScheduleWithALimitStopsWhenItIsReached(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(allowAll), limited(2)))
	if n := len(w.describe().Info.FutureActionTimes); n != 2 {
		t.Errorf("%d actions are to come, want 2", n)
	}
	w.patch(trigger())
	w.pass(5 * time.Minute)
	w.expect("12:00:30", "12:01", "12:02")
	if info := w.describe(); info.Schedule.State.RemainingActions != 0 || len(info.Info.FutureActionTimes) != 0 || info.Info.ActionCount != 3 {
		t.Errorf("described as %v", info)
	}
}

func TestAScheduleCatchesUpWithinItsWindow(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(allowAll), catchUp(150*time.Second)))
	w.pass(time.Minute)
	w.sleep(5 * time.Minute) // until 12:06:30
	w.settle()
	w.expect("12:01", "12:04", "12:05", "12:06")
	if n := w.describe().Info.MissedCatchupWindow; n != 2 {
		t.Errorf("%d actions were missed, want 2", n)
	}
}

func TestAScheduleThatStoodStillForWeeksCatchesUpInPortions(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(bufferAll)))
	w.sleep(3 * 7 * 24 * time.Hour)
	if err := w.step(scheduleKey("s"), func(step *entity.Step, e entity.Entity) error { return e.Fire(step) }); err != nil {
		t.Fatal(err)
	}
	if info := w.describe().Info; info.BufferDropped != 0 {
		t.Errorf("one step has looked at %d times", maxTimes+info.BufferDropped)
	}
	w.settle()
	info := w.describe().Info
	if total := info.ActionCount + info.BufferSize + info.BufferDropped; total != 3*7*24*60 {
		t.Errorf("%d times were looked at, want %d", total, 3*7*24*60)
	}
}

func TestStartsArePutOffIfThereAreTooMany(t *testing.T) {
	w := newWorld(t)
	w.startDelay = 10 * time.Second
	w.create(everyMinute())
	w.pass(35 * time.Second)
	w.expect()
	w.crash()
	w.pass(5 * time.Second)
	w.expect("12:01")
}

func TestABackfillIncludesBothOfItsEnds(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute())
	w.patch(&schedulepb.SchedulePatch{BackfillRequest: []*schedulepb.BackfillRequest{{
		StartTime: timestamppb.New(epoch.Add(-30*time.Second - 5*time.Minute)), EndTime: timestamppb.New(epoch.Add(-30 * time.Second)), OverlapPolicy: allowAll,
	}}})
	w.settle()
	w.expect("11:55", "11:56", "11:57", "11:58", "11:59", "12:00")
}

func TestABackfillIsDoneInPortions(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute())
	w.patch(&schedulepb.SchedulePatch{BackfillRequest: []*schedulepb.BackfillRequest{{
		StartTime: timestamppb.New(epoch.Add(-30*time.Second - 29*time.Minute)), EndTime: timestamppb.New(epoch.Add(-30 * time.Second)), OverlapPolicy: allowAll,
	}}})
	for n := 10; n <= 30; n += 10 {
		w.settle()
		if len(w.starts) != n {
			t.Fatalf("%d are started, want %d", len(w.starts), n)
		}
		w.crash()
		w.pass(time.Second)
	}
}

func TestAPatchIsAppliedOnceByTheSameRequest(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute())
	req := &workflowservice.PatchScheduleRequest{RequestId: "r", Patch: trigger()}
	for range 2 {
		w.must(func(step *entity.Step, s *Schedule) error { return s.Patch(step, req) })
		w.crash()
		w.now = w.now.Add(time.Second)
	}
	w.settle()
	w.expect("12:00:30")
}

func TestAnUpdateWithAStaleTokenIsRefused(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute())
	stale := w.describe().ConflictToken
	w.patch(&schedulepb.SchedulePatch{Pause: "p"})
	update := func(token []byte) error {
		return w.step(scheduleKey("s"), func(step *entity.Step, e entity.Entity) error {
			return e.(*Schedule).Update(step, &workflowservice.UpdateScheduleRequest{Schedule: everyMinute(), ConflictToken: token})
		})
	}
	var failed *serviceerror.FailedPrecondition
	if err := update(stale); !errors.As(err, &failed) {
		t.Errorf("an update with a stale token: %v", err)
	}
	if err := update(w.describe().ConflictToken); err != nil {
		t.Errorf("an update with the present token: %v", err)
	}
	if err := update(nil); err != nil {
		t.Errorf("an update without a token: %v", err)
	}
}

func TestAfterAnUpdateTheScheduleActsByTheNewSpecificationOnly(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(allowAll)))
	w.pass(45 * time.Second) // 12:01:15
	w.update(everyMinute(overlap(allowAll), func(s *schedulepb.Schedule) {
		s.Spec = &schedulepb.ScheduleSpec{Interval: []*schedulepb.IntervalSpec{{Interval: durationpb.New(10 * time.Second)}}}
	}))
	w.pass(15 * time.Second)
	w.expect("12:01", "12:01:20", "12:01:30")
	if info := w.describe().Info; info.UpdateTime == nil || info.CreateTime.AsTime() != epoch {
		t.Errorf("described as %v", info)
	}
}

func TestADeletedScheduleLeavesNothingAndItsNameIsFree(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute())
	w.pass(time.Minute)
	w.must(func(step *entity.Step, s *Schedule) error { return s.Delete(step) })
	if len(w.index) != 1 {
		t.Errorf("%d rows are left, want that of the workflow", len(w.index))
	}
	w.finish("12:01", completed(""))
	w.create(everyMinute())
	w.pass(time.Minute)
	w.expect("12:01", "12:02")
}

func TestAScheduleThatIsDoneIsRemovedAfterAWeek(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(limited(1)))
	w.pass(time.Minute)
	w.finish("12:01", completed(""))
	w.pass(idleTime - time.Minute)
	w.describe()
	w.pass(time.Minute)
	if w.load(scheduleKey("s")).(*Schedule).exists() {
		t.Error("the schedule is there")
	}
}

func TestAStartThatIsRefusedIsDropped(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(overlap(bufferAll)))
	const id = "w-2030-01-01T12:01:00Z"
	err := w.step(workflowKey(id), func(step *entity.Step, e entity.Entity) error {
		_, err := e.(*workflow.Chain).Start(step, &workflowservice.StartWorkflowExecutionRequest{WorkflowId: id, WorkflowType: &commonpb.WorkflowType{Name: "other"}, RequestId: "r"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	w.pass(2 * time.Minute)
	w.expect("12:02")
	if n := w.describe().Info.ActionCount; n != 1 {
		t.Errorf("%d actions are counted, want 1", n)
	}
}

func TestWorkflowsKeepTheirIdIfTheyAreTo(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute(func(s *schedulepb.Schedule) { s.Policies.KeepOriginalWorkflowId = true }))
	for n := 1; n <= 3; n++ {
		w.pass(time.Minute)
		if w.starts["w"] != n {
			t.Fatalf("w was started %d times, want %d", w.starts["w"], n)
		}
		w.finishWorkflow("w", completed(fmt.Sprint(n)))
		w.settle()
	}
}

func TestBackfillsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.create(everyMinute())
	patch := &schedulepb.SchedulePatch{}
	for range maxBackfills + 1 {
		patch.BackfillRequest = append(patch.BackfillRequest, &schedulepb.BackfillRequest{})
	}
	err := w.step(scheduleKey("s"), func(step *entity.Step, e entity.Entity) error {
		return e.(*Schedule).Patch(step, &workflowservice.PatchScheduleRequest{Patch: patch})
	})
	var failed *serviceerror.FailedPrecondition
	if !errors.As(err, &failed) {
		t.Errorf("too many backfills: %v", err)
	}
}

func TestAllThatAnActionSaysIsInTheRequest(t *testing.T) {
	info := &workflowpb.NewWorkflowExecutionInfo{
		WorkflowId: "w", WorkflowType: &commonpb.WorkflowType{Name: "type"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "queue"}, Input: payloads("input"),
		WorkflowExecutionTimeout: durationpb.New(3e9), WorkflowRunTimeout: durationpb.New(2e9), WorkflowTaskTimeout: durationpb.New(1e9),
		RetryPolicy: &commonpb.RetryPolicy{MaximumAttempts: 3}, Memo: &commonpb.Memo{Fields: map[string]*commonpb.Payload{"m": {Data: []byte("1")}}},
		SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{"a": {Data: []byte("1")}}},
		Header:           &commonpb.Header{Fields: map[string]*commonpb.Payload{"h": {Data: []byte("1")}}}, UserMetadata: &sdkpb.UserMetadata{Summary: payloads("s").Payloads[0]},
		VersioningOverride: &workflowpb.VersioningOverride{Override: &workflowpb.VersioningOverride_AutoUpgrade{AutoUpgrade: true}}, Priority: &commonpb.Priority{PriorityKey: 2},
	}
	w := newWorld(t)
	w.create(everyMinute(func(s *schedulepb.Schedule) {
		s.Action.Action = &schedulepb.ScheduleAction_StartWorkflow{StartWorkflow: info}
	}))
	at := timestamppb.New(epoch)
	req := w.load(scheduleKey("s")).(*Schedule).request(&records.ScheduledStart{Number: 1, NominalTime: at, ActualTime: at}).ProtoReflect()
	fields := info.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		switch name := fields.Get(i).Name(); name {
		case "workflow_id", "search_attributes": // has more
		case "workflow_id_reuse_policy", "cron_schedule": // are refused
		default:
			there, want := req.Get(req.Descriptor().Fields().ByName(name)), info.ProtoReflect().Get(fields.Get(i))
			if !info.ProtoReflect().Has(fields.Get(i)) || !there.Equal(want) {
				t.Errorf("%s is %v, want %v", name, there, want)
			}
		}
	}
	attributes := req.Interface().(*workflowservice.StartWorkflowExecutionRequest).SearchAttributes.IndexedFields
	if len(attributes) != 3 || string(attributes[attributeScheduledStartTime].Data) != `"2030-01-01T12:00:30Z"` || string(attributes[attributeScheduledByID].Data) != `"s"` {
		t.Errorf("search attributes are %v", attributes)
	}
}
