package workflow

import (
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/proto"
)

func (w subject) describeActivity() *workflowpb.PendingActivityInfo {
	w.t.Helper()
	resp := w.describe("")
	if len(resp.PendingActivities) != 1 {
		w.t.Fatalf("described %v", resp.PendingActivities)
	}
	return resp.PendingActivities[0]
}

func TestPendingActivityIsDescribedThroughItsLife(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a", timeouts(time.Hour, 0, 0, 0), maximumAttempts(5)))
	scheduled := w.now

	info := w.describeActivity()
	if info.State != enumspb.PENDING_ACTIVITY_STATE_SCHEDULED || info.Attempt != 1 || info.MaximumAttempts != 5 ||
		info.ActivityId != "a" || info.ActivityType.Name != "Activity" || info.ActivityOptions.TaskQueue.Name != testQueue ||
		!info.ExpirationTime.AsTime().Equal(scheduled.Add(time.Hour)) || !info.ScheduledTime.AsTime().Equal(scheduled) {
		t.Errorf("scheduled: %v", info)
	}

	ref := w.refOf(w.startActivity())
	w.advance(time.Second)
	if _, err := w.heartbeat(ref, "progress"); err != nil {
		t.Fatal(err)
	}
	info = w.describeActivity()
	if info.State != enumspb.PENDING_ACTIVITY_STATE_STARTED || info.LastWorkerIdentity != testWorker ||
		!info.LastStartedTime.AsTime().Equal(scheduled) || !info.LastHeartbeatTime.AsTime().Equal(w.now) ||
		!proto.Equal(info.HeartbeatDetails, payloads("progress")) {
		t.Errorf("started: %v", info)
	}

	if err := w.failActivity(ref, applicationFailure("Broken")); err != nil {
		t.Fatal(err)
	}
	info = w.describeActivity()
	if info.State != enumspb.PENDING_ACTIVITY_STATE_SCHEDULED || info.Attempt != 2 || info.LastWorkerIdentity != testWorker ||
		info.LastFailure.GetApplicationFailureInfo().GetType() != "Broken" || info.CurrentRetryInterval.AsDuration() != time.Second ||
		!info.NextAttemptScheduleTime.AsTime().Equal(w.now.Add(time.Second)) || !info.LastAttemptCompleteTime.AsTime().Equal(w.now) {
		t.Errorf("backing off: %v", info)
	}

	w.advance(time.Second)
	if info = w.describeActivity(); info.NextAttemptScheduleTime != nil || info.CurrentRetryInterval != nil {
		t.Errorf("dispatched again: %v", info)
	}
}

func TestPendingItemsAreDescribedInTheOrderOfTheirEvents(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("z"), startChild("y"), scheduleActivity("x"), startChild("b"))
	resp := w.describe("")
	if len(resp.PendingActivities) != 2 || resp.PendingActivities[0].ActivityId != "z" ||
		len(resp.PendingChildren) != 2 || resp.PendingChildren[0].WorkflowId != "y" || resp.PendingChildren[0].InitiatedId != 6 {
		t.Errorf("described %v", resp)
	}
}
