package workflow

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/entity"
)

// afterSchedule is the number of events of a workflow that has scheduled one
// activity or timer in its first workflow task, and done nothing else.
const afterSchedule = 5

// startedActivity is an engine with workflow "w" whose activity "a" a worker has.
func startedActivity(t *testing.T, change ...func(*activityAttributes)) (subject, *workflowservice.PollActivityTaskQueueResponse) {
	t.Helper()
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a", change...))
	return w, w.startActivity()
}

func TestScheduledActivityIsInTheHistoryWithItsRetryPolicyCompleted(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a"))
	attr := w.wantEvents(afterSchedule-1, "ActivityTaskScheduled")[0].GetActivityTaskScheduledEventAttributes()
	want := &historypb.ActivityTaskScheduledEventAttributes{
		ActivityId:                   "a",
		ActivityType:                 &commonpb.ActivityType{Name: "Activity"},
		TaskQueue:                    &taskqueuepb.TaskQueue{Name: testQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		Header:                       attr.Header,
		Input:                        payloads("input of a"),
		ScheduleToCloseTimeout:       durationpb.New(0),
		ScheduleToStartTimeout:       durationpb.New(0),
		StartToCloseTimeout:          durationpb.New(time.Minute),
		HeartbeatTimeout:             durationpb.New(0),
		WorkflowTaskCompletedEventId: 4,
		RetryPolicy:                  defaultPolicy(),
	}
	if !proto.Equal(attr, want) {
		t.Errorf("got %v, want %v", attr, want)
	}
}

func TestActivityWithoutATaskQueueRunsOnTheWorkflows(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a", func(attr *activityAttributes) {
		attr.TaskQueue = &taskqueuepb.TaskQueue{}
	}))
	if task := w.task(entity.TaskActivity); task == nil || task.Queue.Name != testQueue {
		t.Errorf("task is %+v", task)
	}
}

func TestBadActivityCommandsFailTheWorkflowTask(t *testing.T) {
	const bad = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_ACTIVITY_ATTRIBUTES
	type attributes = activityAttributes
	change := func(f func(*attributes)) []*commandpb.Command { return []*commandpb.Command{scheduleActivity("a", f)} }
	for _, test := range []struct {
		name     string
		commands []*commandpb.Command
		cause    enumspb.WorkflowTaskFailedCause
	}{
		{"no attributes", []*commandpb.Command{{CommandType: enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK}}, bad},
		{"no id", change(func(a *attributes) { a.ActivityId = "" }), bad},
		{"no type", change(func(a *attributes) { a.ActivityType = nil }), bad},
		{"no task queue", change(func(a *attributes) { a.TaskQueue = nil }), bad},
		{"reserved task queue", change(func(a *attributes) { a.TaskQueue.Name = "/_sys/x" }), bad},
		{"no timeout", change(func(a *attributes) { a.StartToCloseTimeout = nil }), bad},
		{"negative timeout", change(func(a *attributes) { a.HeartbeatTimeout = durationpb.New(-1) }), bad},
		{"bad retry policy", change(func(a *attributes) { a.RetryPolicy = &commonpb.RetryPolicy{MaximumAttempts: -1} }), bad},
		{"bad priority", change(func(a *attributes) { a.Priority = &commonpb.Priority{PriorityKey: -1} }), bad},
		{"long id", change(func(a *attributes) { a.ActivityId = strings.Repeat("a", 1001) }), bad},
		{"the same id twice", []*commandpb.Command{scheduleActivity("a"), scheduleActivity("a")},
			enumspb.WORKFLOW_TASK_FAILED_CAUSE_SCHEDULE_ACTIVITY_DUPLICATE_ID},
		{"cancelling nothing", []*commandpb.Command{cancelActivity(0)},
			enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES},
		{"cancelling what there is not", []*commandpb.Command{cancelActivity(3)},
			enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorkflow(t)
			w.start()
			if failed := w.refuse(test.commands...); failed.Cause != test.cause {
				t.Errorf("cause is %v, want %v: %v", failed.Cause, test.cause, failed.Failure)
			}
			if n := w.run().activities.len(); n != 0 {
				t.Errorf("%d activities are pending", n)
			}
		})
	}
}

func TestActivityIdOfAPendingActivityIsTaken(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a"), startTimer("t", 0))
	w.advance(0)
	if failed := w.refuse(scheduleActivity("a")); failed.Cause != enumspb.WORKFLOW_TASK_FAILED_CAUSE_SCHEDULE_ACTIVITY_DUPLICATE_ID {
		t.Errorf("cause is %v", failed.Cause)
	}
}

func TestTooManyPendingActivitiesFailTheWorkflowTask(t *testing.T) {
	w := newWorkflow(t, Limits{PendingActivities: 2})
	w.start()
	failed := w.refuse(scheduleActivity("a"), scheduleActivity("b"), scheduleActivity("c"))
	if failed.Cause != enumspb.WORKFLOW_TASK_FAILED_CAUSE_PENDING_ACTIVITIES_LIMIT_EXCEEDED {
		t.Errorf("cause is %v", failed.Cause)
	}
	w.decide(scheduleActivity("a"), scheduleActivity("b"))
}

func TestActivityInputThatIsTooLargeEndsTheWorkflow(t *testing.T) {
	w := newWorkflow(t, Limits{BlobSize: 100})
	w.start()
	w.respond(w.poll().TaskToken, nil, scheduleActivity("a", func(attr *activityAttributes) {
		attr.Input = payloads(strings.Repeat("x", 100))
	}))
	w.wantEvents(3, "WorkflowTaskFailed", "WorkflowExecutionTerminated")
}

func TestStartedActivityIsHandedOutWithEverythingItsWorkerNeeds(t *testing.T) {
	w := newWorkflow(t)
	runID := w.start(func(req *startRequest) {
		req.Priority = &commonpb.Priority{PriorityKey: 2, FairnessKey: "tenant"}
	}).RunId
	w.decide(scheduleActivity("a", timeouts(time.Hour, 0, time.Minute, time.Second),
		func(attr *activityAttributes) {
			attr.Priority = &commonpb.Priority{PriorityKey: 1}
		}))
	scheduled := w.history()[afterSchedule-1]
	w.advance(3 * time.Second)
	got := w.startActivity()
	want := &workflowservice.PollActivityTaskQueueResponse{
		TaskToken:                   got.TaskToken,
		WorkflowNamespace:           "space",
		WorkflowType:                &commonpb.WorkflowType{Name: "Workflow"},
		WorkflowExecution:           &commonpb.WorkflowExecution{WorkflowId: "w", RunId: runID},
		ActivityType:                &commonpb.ActivityType{Name: "Activity"},
		ActivityId:                  "a",
		Header:                      scheduled.GetActivityTaskScheduledEventAttributes().Header,
		Input:                       payloads("input of a"),
		ScheduledTime:               scheduled.EventTime,
		CurrentAttemptScheduledTime: scheduled.EventTime,
		StartedTime:                 got.StartedTime,
		Attempt:                     1,
		ScheduleToCloseTimeout:      durationpb.New(time.Hour),
		StartToCloseTimeout:         durationpb.New(time.Minute),
		HeartbeatTimeout:            durationpb.New(time.Second),
		RetryPolicy:                 defaultPolicy(),
		Priority:                    &commonpb.Priority{PriorityKey: 1, FairnessKey: "tenant"},
	}
	if !proto.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if !got.StartedTime.AsTime().Equal(w.now) {
		t.Errorf("started at %v, now is %v", got.StartedTime.AsTime(), w.now)
	}
}

func TestStartedActivityLeavesNoEventUntilItCloses(t *testing.T) {
	w, _ := startedActivity(t)
	w.wantEvents(afterSchedule)
}

func TestStartedMarkIsDurableAtOnceOnlyIfThereIsOneAttempt(t *testing.T) {
	for attempts, lazy := range map[int32]bool{0: true, 1: false, 2: true} {
		t.Run(fmt.Sprintf("maximum attempts %d", attempts), func(t *testing.T) {
			w, _ := startedActivity(t, maximumAttempts(attempts))
			if w.last.Lazy != lazy {
				t.Errorf("lazy is %v", w.last.Lazy)
			}
		})
	}
}

func TestActivityIsHandedOutWithItsInputAfterACrash(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a"))
	w.crash()
	if got := w.startActivity(); !proto.Equal(got.Input, payloads("input of a")) || got.Header == nil {
		t.Errorf("got %v", got)
	}
}

func TestATaskCanBeStartedOnce(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a"))
	task := w.task(entity.TaskActivity)
	w.startActivity()
	if _, err := w.tryStartActivity(task); !errors.Is(err, ErrStaleTask) {
		t.Errorf("got %v", err)
	}
}

func TestTasksOfNothingAreStale(t *testing.T) {
	w := newEngine(t)
	runID := w.workflow("w").start().RunId
	for _, task := range []*entity.Task{
		{Entity: keyOf("w"), RunID: runID, EventID: 5},
		{Entity: keyOf("w"), RunID: "00000000-0000-4000-8000-00000000abcd", EventID: 5},
		{Entity: keyOf("nobody"), RunID: runID, EventID: 5},
	} {
		if _, err := w.workflow("w").tryStartActivity(task); !errors.Is(err, ErrStaleTask) {
			t.Errorf("task %+v: got %v", task, err)
		}
	}
}

func TestCompletedActivityIsInTheHistoryWithItsStart(t *testing.T) {
	w, task := startedActivity(t)
	started := w.now
	w.advance(time.Second)
	if err := w.completeActivity(w.refOf(task), "done"); err != nil {
		t.Fatal(err)
	}
	events := w.wantEvents(afterSchedule, "ActivityTaskStarted", "ActivityTaskCompleted", "WorkflowTaskScheduled")
	attr := events[0].GetActivityTaskStartedEventAttributes()
	if attr.RequestId == "" || !proto.Equal(attr, &historypb.ActivityTaskStartedEventAttributes{
		ScheduledEventId: 5, Identity: testWorker, RequestId: attr.RequestId, Attempt: 1,
	}) || !events[0].EventTime.AsTime().Equal(started) {
		t.Errorf("started event is %v", events[0])
	}
	if got := events[1].GetActivityTaskCompletedEventAttributes(); !proto.Equal(got, &historypb.ActivityTaskCompletedEventAttributes{
		Result: payloads("done"), ScheduledEventId: 5, StartedEventId: 6, Identity: testWorker,
	}) {
		t.Errorf("completed event is %v", got)
	}
}

func TestResultThatArrivesDuringAWorkflowTaskIsBufferedWithItsStart(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a"), startTimer("t", 0))
	w.advance(0)
	task := w.startActivity()
	decision := w.poll()
	if err := w.completeActivity(w.refOf(task), "done"); err != nil {
		t.Fatal(err)
	}
	w.wantEvents(8)
	w.respond(decision.TaskToken, nil)
	events := w.wantEvents(8, "WorkflowTaskStarted", "WorkflowTaskCompleted",
		"ActivityTaskStarted", "ActivityTaskCompleted", "WorkflowTaskScheduled")
	if got := events[3].GetActivityTaskCompletedEventAttributes().StartedEventId; got != events[2].EventId {
		t.Errorf("completed event refers to %d, started event is %d", got, events[2].EventId)
	}
}

func TestReportsOnWhatIsNotRunningAreNotFound(t *testing.T) {
	w, task := startedActivity(t)
	good := w.refOf(task)
	change := func(f func(ref *ActivityRef)) ActivityRef {
		ref := ActivityRef{Token: proto.CloneOf(good.Token)}
		f(&ref)
		return ref
	}
	for name, ref := range map[string]ActivityRef{
		"another attempt":         change(func(r *ActivityRef) { r.Token.Attempt++ }),
		"another start":           change(func(r *ActivityRef) { r.Token.StartedTime++ }),
		"another stamp":           change(func(r *ActivityRef) { r.Token.Stamp++ }),
		"another activity":        change(func(r *ActivityRef) { r.Token.ScheduledEventId = 4 }),
		"another activity id":     change(func(r *ActivityRef) { r.Token.ActivityId = "b" }),
		"another run":             change(func(r *ActivityRef) { r.Token.RunId = "00000000-0000-4000-8000-00000000abcd" }),
		"no run":                  change(func(r *ActivityRef) { r.Token.RunId = "" }),
		"another workflow":        change(func(r *ActivityRef) { r.Token.WorkflowId = "x" }),
		"another namespace":       change(func(r *ActivityRef) { r.Token.NamespaceId = "x" }),
		"an id that there is not": {ActivityID: "b"},
		"a run that there is not": {ActivityID: "a", RunID: "00000000-0000-4000-8000-00000000abcd"},
	} {
		t.Run(name, func(t *testing.T) {
			var missing *serviceerror.NotFound
			if err := w.completeActivity(ref, "x"); !errors.As(err, &missing) {
				t.Errorf("complete: %v", err)
			}
			if err := w.failActivity(ref, applicationFailure("x")); !errors.As(err, &missing) {
				t.Errorf("fail: %v", err)
			}
			if err := w.cancelActivity(ref); !errors.As(err, &missing) {
				t.Errorf("cancel: %v", err)
			}
			if _, err := w.heartbeat(ref, "x"); !errors.As(err, &missing) {
				t.Errorf("heartbeat: %v", err)
			}
		})
	}
	if err := w.completeActivity(good, "done"); err != nil {
		t.Fatal(err)
	}
	err := w.completeActivity(good, "done")
	if want := "invalid activityID or activity already timed out or invoking workflow is completed"; err == nil || err.Error() != want {
		t.Errorf("second completion: %v", err)
	}
}

func TestActivityByIdNeedsAnId(t *testing.T) {
	w, _ := startedActivity(t)
	var invalid *serviceerror.InvalidArgument
	if err := w.completeActivity(ActivityRef{}, "x"); !errors.As(err, &invalid) {
		t.Errorf("got %v", err)
	}
}

func TestActivityCanBeCompletedByItsId(t *testing.T) {
	w, _ := startedActivity(t)
	if err := w.completeActivity(ActivityRef{ActivityID: "a"}, "done"); err != nil {
		t.Fatal(err)
	}
	w.wantEvents(afterSchedule, "ActivityTaskStarted", "ActivityTaskCompleted", "WorkflowTaskScheduled")
}

func TestActivityThatNobodyStartedCanBeCompletedByItsIdButNothingElse(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a"))
	ref := ActivityRef{ActivityID: "a"}
	var missing *serviceerror.NotFound
	if err := w.failActivity(ref, applicationFailure("x")); !errors.As(err, &missing) {
		t.Errorf("fail: %v", err)
	}
	if _, err := w.heartbeat(ref, "x"); !errors.As(err, &missing) {
		t.Errorf("heartbeat: %v", err)
	}
	if err := w.completeActivity(ref, "done"); err != nil {
		t.Fatal(err)
	}
	w.wantEvents(afterSchedule, "ActivityTaskStarted", "ActivityTaskCompleted", "WorkflowTaskScheduled")
	if w.task(entity.TaskActivity) != nil {
		t.Error("the activity is still offered to workers")
	}
}

func TestResultThatIsTooLargeFailsTheActivity(t *testing.T) {
	w := newWorkflow(t, Limits{BlobSize: 100})
	w.start()
	w.decide(scheduleActivity("a"))
	if err := w.completeActivity(w.refOf(w.startActivity()), strings.Repeat("x", 100)); err != nil {
		t.Fatal(err)
	}
	events := w.wantEvents(afterSchedule, "ActivityTaskStarted", "ActivityTaskFailed", "WorkflowTaskScheduled")
	attr := events[1].GetActivityTaskFailedEventAttributes()
	if attr.Failure.Message != "Complete result exceeds size limit." || attr.RetryState != enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE {
		t.Errorf("failed event is %v", attr)
	}
}

func TestFailureThatIsTooLargeIsCutAndTheWorkerIsTold(t *testing.T) {
	w := newWorkflow(t, Limits{BlobSize: 1000})
	w.start()
	w.decide(scheduleActivity("a"))
	failure := applicationFailure("Broken")
	failure.Message = strings.Repeat("x", 2000)
	ref := w.refOf(w.startActivity())
	var cut []*failurepb.Failure
	w.must(func(step *entity.Step, c *Chain) (err error) {
		cut, err = c.FailActivity(step, ref, failure, payloads(strings.Repeat("y", 2000)), testWorker)
		return err
	})
	if len(cut) != 2 || cut[0].Message != "Heartbeat details exceed size limit." || cut[1].Message != "Failure exceeds size limit." {
		t.Errorf("told %v", cut)
	}
	attr := w.wantEvents(afterSchedule, "ActivityTaskStarted", "ActivityTaskFailed", "WorkflowTaskScheduled")[1].GetActivityTaskFailedEventAttributes()
	if attr.Failure.GetCause().GetApplicationFailureInfo().GetType() != "Broken" || proto.Size(attr.Failure) > 1000 {
		t.Errorf("failure is %v", attr.Failure)
	}
}

func TestFailedActivityIsTriedAgainAfterItsBackoffAndLeavesNoEvents(t *testing.T) {
	w, task := startedActivity(t)
	first := w.refOf(task)
	if _, err := w.heartbeat(first, "progress"); err != nil {
		t.Fatal(err)
	}
	if err := w.failActivity(first, applicationFailure("Broken")); err != nil {
		t.Fatal(err)
	}
	w.wantEvents(afterSchedule)
	if w.task(entity.TaskActivity) != nil {
		t.Fatal("offered before the backoff is over")
	}
	w.advance(time.Second - 1)
	if w.task(entity.TaskActivity) != nil {
		t.Fatal("offered before the backoff is over")
	}
	w.advance(1)
	w.crash()
	again := w.startActivity()
	if again.Attempt != 2 || !proto.Equal(again.HeartbeatDetails, payloads("progress")) || !proto.Equal(again.Input, payloads("input of a")) ||
		!again.CurrentAttemptScheduledTime.AsTime().Equal(w.now) || !again.ScheduledTime.AsTime().Equal(w.now.Add(-time.Second)) {
		t.Errorf("second attempt is %v", again)
	}
	if err := w.completeActivity(first, "late"); err == nil {
		t.Error("the first attempt could complete after it had failed")
	}
	if err := w.completeActivity(w.refOf(again), "done"); err != nil {
		t.Fatal(err)
	}
	events := w.wantEvents(afterSchedule, "ActivityTaskStarted", "ActivityTaskCompleted", "WorkflowTaskScheduled")
	started := events[0].GetActivityTaskStartedEventAttributes()
	if started.Attempt != 2 || started.LastFailure.GetApplicationFailureInfo().GetType() != "Broken" {
		t.Errorf("started event is %v", started)
	}
}

func TestFailuresThatEndTheActivity(t *testing.T) {
	for _, test := range []struct {
		name    string
		change  func(*activityAttributes)
		failure *failurepb.Failure
		state   enumspb.RetryState
	}{
		{"the last attempt", maximumAttempts(1), applicationFailure("x"), enumspb.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED},
		{"a failure that says so", maximumAttempts(0), applicationFailure("x", nonRetryable), enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE},
		{"no time left", timeouts(time.Second/2, 0, 0, 0), applicationFailure("x"), enumspb.RETRY_STATE_TIMEOUT},
	} {
		t.Run(test.name, func(t *testing.T) {
			w, task := startedActivity(t, test.change)
			if err := w.failActivity(w.refOf(task), test.failure); err != nil {
				t.Fatal(err)
			}
			events := w.wantEvents(afterSchedule, "ActivityTaskStarted", "ActivityTaskFailed", "WorkflowTaskScheduled")
			want := &historypb.ActivityTaskFailedEventAttributes{
				Failure: test.failure, ScheduledEventId: 5, StartedEventId: 6, Identity: testWorker, RetryState: test.state,
			}
			if got := events[1].GetActivityTaskFailedEventAttributes(); !proto.Equal(got, want) {
				t.Errorf("failed event is %v, want %v", got, want)
			}
		})
	}
}

func TestHeartbeatWritesOneRecordLazily(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	var commands []*commandpb.Command
	for i := range 100 {
		commands = append(commands, scheduleActivity(fmt.Sprint(i), timeouts(0, 0, time.Hour, time.Minute)))
	}
	w.decide(commands...)
	task := w.startActivity()
	w.advance(time.Second)
	if cancelled, err := w.heartbeat(w.refOf(task), "progress"); cancelled || err != nil {
		t.Fatal(cancelled, err)
	}
	if n := len(w.last.Records); n != 1 || !w.last.Lazy || len(w.last.Timers) != 0 {
		t.Errorf("heartbeat writes %d records and %d timers, lazily: %v", n, len(w.last.Timers), w.last.Lazy)
	}
}

func TestHeartbeatDetailsThatAreTooLargeFailTheActivity(t *testing.T) {
	w := newWorkflow(t, Limits{BlobSize: 100})
	w.start()
	w.decide(scheduleActivity("a"))
	cancelled, err := w.heartbeat(w.refOf(w.startActivity()), strings.Repeat("x", 100))
	if !cancelled || err != nil {
		t.Errorf("got %v, %v", cancelled, err)
	}
	w.wantEvents(afterSchedule, "ActivityTaskStarted", "ActivityTaskFailed", "WorkflowTaskScheduled")
}

func TestCancellingAnActivityThatNobodyHasStartedClosesIt(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a"), startTimer("t", 0))
	w.advance(0)
	w.decide(cancelActivity(5))
	events := w.wantEvents(8, "WorkflowTaskStarted", "WorkflowTaskCompleted",
		"ActivityTaskCancelRequested", "ActivityTaskCanceled", "WorkflowTaskScheduled")
	want := &historypb.ActivityTaskCanceledEventAttributes{
		Details: &commonpb.Payloads{Payloads: []*commonpb.Payload{{
			Metadata: map[string][]byte{"encoding": []byte("json/plain")},
			Data:     []byte(`"ACTIVITY_ID_NOT_STARTED"`),
		}}},
		LatestCancelRequestedEventId: events[2].EventId,
		ScheduledEventId:             5,
		Identity:                     testWorker,
	}
	if got := events[3].GetActivityTaskCanceledEventAttributes(); !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if w.task(entity.TaskActivity) != nil {
		t.Error("the activity is still offered to workers")
	}
}

func TestWorkerLearnsOfACancelRequestByHeartbeatAndCancels(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a"), startTimer("t", 0))
	ref := w.refOf(w.startActivity())
	var invalid *serviceerror.InvalidArgument
	if err := w.cancelActivity(ref); !errors.As(err, &invalid) {
		t.Errorf("cancelling without having been asked to: %v", err)
	}
	w.advance(0)
	w.decide(cancelActivity(5))
	if cancelled, err := w.heartbeat(ref, "x"); !cancelled || err != nil {
		t.Errorf("heartbeat: %v, %v", cancelled, err)
	}
	if err := w.cancelActivity(ref); err != nil {
		t.Fatal(err)
	}
	events := w.wantEvents(10, "ActivityTaskCancelRequested", "ActivityTaskStarted", "ActivityTaskCanceled", "WorkflowTaskScheduled")
	want := &historypb.ActivityTaskCanceledEventAttributes{
		Details: payloads("cancelled"), LatestCancelRequestedEventId: 11, ScheduledEventId: 5, StartedEventId: 12, Identity: testWorker,
	}
	if got := events[2].GetActivityTaskCanceledEventAttributes(); !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestActivityThatIsAskedToCancelIsNotRetried(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a"), startTimer("t", 0))
	ref := w.refOf(w.startActivity())
	w.advance(0)
	w.decide(cancelActivity(5))
	if err := w.failActivity(ref, applicationFailure("x")); err != nil {
		t.Fatal(err)
	}
	events := w.wantEvents(11, "ActivityTaskStarted", "ActivityTaskFailed", "WorkflowTaskScheduled")
	if got := events[1].GetActivityTaskFailedEventAttributes().RetryState; got != enumspb.RETRY_STATE_CANCEL_REQUESTED {
		t.Errorf("retry state is %v", got)
	}
}

func TestAnActivityCanBeAskedToCancelOnce(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a"), startTimer("t", 0))
	w.startActivity()
	w.advance(0)
	if failed := w.refuse(cancelActivity(5), cancelActivity(5)); failed.Cause != enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES {
		t.Errorf("cause is %v", failed.Cause)
	}
}

func TestCancellingAnActivityWhoseEndIsBufferedLeavesOnlyTheRequest(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a"), startTimer("t", 0))
	ref := w.refOf(w.startActivity())
	w.advance(0)
	decision := w.poll()
	if err := w.completeActivity(ref, "done"); err != nil {
		t.Fatal(err)
	}
	if completion := w.respond(decision.TaskToken, nil, cancelActivity(5)); completion.Err != nil {
		t.Fatal(completion.Err)
	}
	w.wantEvents(9, "WorkflowTaskCompleted", "ActivityTaskCancelRequested",
		"ActivityTaskStarted", "ActivityTaskCompleted", "WorkflowTaskScheduled")
}

func TestAnActivityCanBeCancelledInTheTaskThatSchedulesIt(t *testing.T) {
	for name, eager := range map[string]bool{"dispatched": false, "eager": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorkflow(t)
			w.start()
			completion := w.respond(w.poll().TaskToken, nil, startTimer("t", time.Hour),
				scheduleActivity("a", func(attr *activityAttributes) { attr.RequestEagerExecution = eager }),
				cancelActivity(6), scheduleActivity("a"), scheduleActivity("b"))
			if completion.Err != nil {
				t.Fatal(completion.Err)
			}
			if n := len(completion.Response.GetActivityTasks()); n != 0 {
				t.Errorf("%d activities are started", n)
			}
			w.wantEvents(4, "TimerStarted", "ActivityTaskScheduled", "ActivityTaskCancelRequested",
				"ActivityTaskScheduled", "ActivityTaskScheduled", "ActivityTaskCanceled", "WorkflowTaskScheduled")
			w.crash()
			offered := 0
			for _, task := range w.tasks {
				if task.Queue.Type == entity.TaskActivity {
					offered++
				}
			}
			if offered != 2 {
				t.Errorf("%d activities are offered", offered)
			}
		})
	}
}

func TestWhatIsScheduledInTheSameTaskCanBeCancelledOnce(t *testing.T) {
	for name, commands := range map[string][]*commandpb.Command{
		"twice":             {scheduleActivity("a"), cancelActivity(5), cancelActivity(5)},
		"before it":         {cancelActivity(6), scheduleActivity("a")},
		"itself":            {cancelActivity(5)},
		"not an activity":   {startTimer("t", time.Hour), cancelActivity(5)},
		"beyond the batch":  {scheduleActivity("a"), cancelActivity(7)},
		"the task's events": {scheduleActivity("a"), cancelActivity(4)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkflow(t)
			w.start()
			if failed := w.refuse(commands...); failed.Cause != enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_ACTIVITY_ATTRIBUTES {
				t.Errorf("cause is %v", failed.Cause)
			}
		})
	}
}

func TestIdOfAnActivityThatIsCancelledInTheSameTaskIsFreeAgain(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a"), startTimer("t", 0))
	w.advance(0)
	w.decide(cancelActivity(5), scheduleActivity("a"))
	if id := w.pendingActivity().ScheduledEventId; id != 12 {
		t.Errorf("pending activity has scheduled event %d", id)
	}
}

func TestEagerActivitiesComeWithTheReplyAlreadyStarted(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	completion := w.respond(w.poll().TaskToken, nil, scheduleActivity("a", eager), scheduleActivity("b"))
	tasks := completion.Response.GetActivityTasks()
	if len(tasks) != 1 || tasks[0].ActivityId != "a" || !proto.Equal(tasks[0].Input, payloads("input of a")) || tasks[0].StartedTime == nil {
		t.Fatalf("got %v", tasks)
	}
	if w.last.Lazy {
		t.Error("a completed workflow task was written lazily")
	}
	w.crash()
	if err := w.completeActivity(w.refOf(tasks[0]), "done"); err != nil {
		t.Fatal(err)
	}
}

func TestEagerActivityOfAWorkflowThatClosesIsNotStarted(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	completion := w.respond(w.poll().TaskToken, nil, scheduleActivity("a", eager), completeWorkflow("done"))
	if n := len(completion.Response.GetActivityTasks()); n != 0 {
		t.Errorf("%d activities are started", n)
	}
}

func TestLostStartedMarkIsRestoredByWhoeverReportsOnTheAttempt(t *testing.T) {
	for name, report := range map[string]func(subject, ActivityRef) error{
		"complete": func(w subject, ref ActivityRef) error { return w.completeActivity(ref, "done") },
		"fail": func(w subject, ref ActivityRef) error {
			return w.failActivity(ref, applicationFailure("x", nonRetryable))
		},
		"heartbeat": func(w subject, ref ActivityRef) error { _, err := w.heartbeat(ref, "x"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkflow(t)
			w.start()
			w.decide(scheduleActivity("a"))
			task := w.task(entity.TaskActivity)
			before := w.disk.clone()
			ref := w.refOf(w.startActivity())
			w.disk = *before
			w.crash()
			if err := report(w, ref); err != nil {
				t.Fatal(err)
			}
			if _, err := w.tryStartActivity(task); !errors.Is(err, ErrStaleTask) {
				t.Errorf("the attempt could be started again: %v", err)
			}
			if name == "complete" {
				started := w.wantEvents(afterSchedule, "ActivityTaskStarted", "ActivityTaskCompleted", "WorkflowTaskScheduled")[0]
				if got := started.EventTime.AsTime().UnixNano(); got != ref.Token.StartedTime {
					t.Errorf("started event is of %v", started.EventTime.AsTime())
				}
			}
		})
	}
}

func TestAttemptThatIsOfferedAgainAfterACrashBelongsToItsSecondWorker(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(scheduleActivity("a"))
	before := w.disk.clone()
	first := w.refOf(w.startActivity())
	w.disk = *before
	w.crash()
	w.advance(time.Second)
	second := w.refOf(w.startActivity())
	if err := w.completeActivity(first, "x"); err == nil {
		t.Error("the first worker could complete")
	}
	if err := w.completeActivity(second, "done"); err != nil {
		t.Error(err)
	}
}

func TestClosingTheWorkflowDropsItsActivities(t *testing.T) {
	for _, n := range []int{1, 40} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := newWorkflow(t)
			w.start()
			var commands []*commandpb.Command
			for i := range n {
				commands = append(commands, scheduleActivity(fmt.Sprint(i)), startTimer(fmt.Sprint(i), time.Hour))
			}
			w.decide(append(commands, startTimer("now", 0))...)
			ref := w.refOf(w.startActivity())
			w.advance(0)
			w.decide(completeWorkflow("done"))
			if task := w.task(entity.TaskActivity); task != nil {
				t.Errorf("task %+v is still offered", task)
			}
			err := w.completeActivity(ref, "late")
			if want := "workflow execution already completed"; err == nil || err.Error() != want {
				t.Errorf("late completion: %v", err)
			}
		})
	}
}

func TestAStepOfOneOfThousandsOfActivitiesTouchesOnlyThatOne(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	var commands []*commandpb.Command
	for i := range 500 {
		commands = append(commands, scheduleActivity(fmt.Sprint(i), timeouts(0, 0, time.Hour, 0)))
	}
	w.decide(commands...)
	ref := w.refOf(w.startActivity())
	if n := len(w.last.Records); n > 2 {
		t.Errorf("starting one writes %d records", n)
	}
	if err := w.failActivity(ref, applicationFailure("x")); err != nil {
		t.Fatal(err)
	}
	if n := len(w.last.Records); n > 2 {
		t.Errorf("failing one writes %d records", n)
	}
	w.advance(time.Second)
	if n := len(w.last.Records); n > 2 {
		t.Errorf("dispatching the retry of one writes %d records", n)
	}
}
