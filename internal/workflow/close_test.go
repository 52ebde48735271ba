package workflow

import (
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/entity"
)

func TestClosedRunRefusesWhatNeedsARunningOne(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.complete(w.poll(), completeWorkflow("done"))
	if err := w.step(func(s *entity.Step, c *Chain) error { return c.Signal(s, newSignalRequest("w", "a")) }); !isNotFound(err) || err.Error() != "workflow execution already completed" {
		t.Errorf("signal: %v", err)
	}
	if err := w.step(func(s *entity.Step, c *Chain) error {
		return c.Terminate(s, &workflowservice.TerminateWorkflowExecutionRequest{})
	}); !isNotFound(err) {
		t.Errorf("terminate: %v", err)
	}
	if err := w.cancel(); err != nil {
		t.Fatal(err)
	}
}

func TestUnknownWorkflowIsNotFound(t *testing.T) {
	w := newWorkflow(t)
	signal := func(runID string) error {
		req := newSignalRequest("w", "a")
		req.WorkflowExecution.RunId = runID
		return w.step(func(s *entity.Step, c *Chain) error { return c.Signal(s, req) })
	}
	if err := signal(""); !isNotFound(err) {
		t.Errorf("unused id: %v", err)
	}
	w.start()
	if err := signal("another-run"); !isNotFound(err) {
		t.Errorf("unknown run: %v", err)
	}
}

func TestSignalWithAKnownRequestIDIsAcceptedOnce(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	for _, crash := range []bool{false, true, true} {
		if crash {
			w.crash()
		}
		w.must(func(s *entity.Step, c *Chain) error {
			return c.Signal(s, newSignalRequest("w", "a", func(r *signalRequest) { r.RequestId = "r1" }))
		})
	}
	w.wantHistory("Started WorkflowTaskScheduled Signaled")
}

func TestSignalsAreLimited(t *testing.T) {
	w := newWorkflow(t, Limits{Signals: 2})
	w.start()
	w.signal("a")
	w.signal("b")
	if err := w.step(func(s *entity.Step, c *Chain) error { return c.Signal(s, newSignalRequest("w", "c")) }); !isInvalidArgument(err) {
		t.Fatalf("third signal: %v", err)
	}
}

func TestCancelIsRequestedOnce(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	for range 2 {
		if err := w.cancel(); err != nil {
			t.Fatal(err)
		}
	}
	w.wantHistory("Started WorkflowTaskScheduled CancelRequested")
	w.complete(w.poll(), cancelWorkflow())
	w.wantHistory("Started WorkflowTaskScheduled CancelRequested WorkflowTaskStarted WorkflowTaskCompleted Canceled")
}

func TestCancelChecksTheFirstRun(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	cancel := func(first string) error {
		return w.cancel(func(r *cancelRequest) { r.FirstExecutionRunId = first })
	}
	if err := cancel("another"); !isNotFound(err) {
		t.Fatalf("cancel of another chain: %v", err)
	}
	if err := cancel(w.runID()); err != nil {
		t.Fatal(err)
	}
}

func TestTerminateFailsTheStartedTaskAndFlushesWhatWasBuffered(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.poll()
	w.signal("a")
	w.terminate()
	w.wantHistory("Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed Signaled Terminated")
	a := w.lastEvent().GetWorkflowExecutionTerminatedEventAttributes()
	if a.Reason != "why" || a.Identity != "client" {
		t.Fatalf("terminated event is %v", a)
	}
}

func TestRunTimesOut(t *testing.T) {
	w := newWorkflow(t)
	w.start(func(r *startRequest) { r.WorkflowRunTimeout = durationpb.New(time.Minute) })
	w.crash()
	w.advance(time.Minute)
	w.wantHistory("Started WorkflowTaskScheduled TimedOut")
	if a := w.lastEvent().GetWorkflowExecutionTimedOutEventAttributes(); a.RetryState != enumspb.RETRY_STATE_RETRY_POLICY_NOT_SET {
		t.Fatalf("timed out event is %v", a)
	}
}

func TestExecutionTimeoutIsDueWithTheRunTimeoutThatItCaps(t *testing.T) {
	for _, fraction := range []time.Duration{0, 499 * time.Microsecond, 500 * time.Microsecond, 999999} {
		w := newWorkflow(t)
		w.now = w.now.Add(fraction) // expirations are rounded to milliseconds
		w.start(func(r *startRequest) { r.WorkflowExecutionTimeout = durationpb.New(time.Minute) })
		w.advance(time.Minute + time.Millisecond)
		if a := w.lastEvent().GetWorkflowExecutionTimedOutEventAttributes(); a.GetRetryState() != enumspb.RETRY_STATE_TIMEOUT {
			t.Errorf("started %v past the millisecond: timed out event is %v", fraction, a)
		}
	}
}

func TestTaskTimeoutIsCappedByTheRunTimeout(t *testing.T) {
	w := newWorkflow(t)
	w.start(func(r *startRequest) { r.WorkflowRunTimeout = durationpb.New(3 * time.Second) })
	if got := w.lastEvent().GetWorkflowTaskScheduledEventAttributes().StartToCloseTimeout.AsDuration(); got != 3*time.Second {
		t.Fatalf("task timeout is %v", got)
	}
}

func TestFailedRunIsRetriedWithBackoff(t *testing.T) {
	w := newWorkflow(t)
	first := w.start(withRetries(3))
	w.advance(5 * time.Second)
	w.complete(w.poll(), failWorkflow("boom"))
	failed := w.events[first.RunId][4].GetWorkflowExecutionFailedEventAttributes()
	if failed.RetryState != enumspb.RETRY_STATE_IN_PROGRESS || failed.NewExecutionRunId != w.runID() {
		t.Fatalf("failed event is %v", failed)
	}
	started := w.lastEvent().GetWorkflowExecutionStartedEventAttributes()
	if started.Attempt != 2 || started.Initiator != enumspb.CONTINUE_AS_NEW_INITIATOR_RETRY || started.ContinuedExecutionRunId != first.RunId ||
		started.FirstExecutionRunId != first.RunId || started.ContinuedFailure.GetApplicationFailureInfo().GetType() != "boom" ||
		started.FirstWorkflowTaskBackoff.AsDuration() != 10*time.Second || started.Input == nil {
		t.Fatalf("started event of the retry is %v", started)
	}
	w.crash()
	w.advance(10 * time.Second)
	w.complete(w.poll(), failWorkflow("boom"))
	if got := w.lastEvent().GetWorkflowExecutionStartedEventAttributes().FirstWorkflowTaskBackoff.AsDuration(); got != 20*time.Second {
		t.Fatalf("second backoff is %v", got)
	}
	w.advance(20 * time.Second)
	w.complete(w.poll(), failWorkflow("boom"))
	last := w.lastEvent().GetWorkflowExecutionFailedEventAttributes()
	if last.RetryState != enumspb.RETRY_STATE_MAXIMUM_ATTEMPTS_REACHED || last.NewExecutionRunId != "" {
		t.Fatalf("last failed event is %v", last)
	}
}

func TestNonRetryableFailureIsNotRetried(t *testing.T) {
	for name, cmd := range map[string]*commandpb.Command{
		"by flag": failWorkflow("boom", func(i *failurepb.ApplicationFailureInfo) { i.NonRetryable = true }),
		"by type": failWorkflow("boom", func(i *failurepb.ApplicationFailureInfo) { i.Type = "fatal" }),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorkflow(t)
			w.start(withRetries(0), func(r *startRequest) { r.RetryPolicy.NonRetryableErrorTypes = []string{"fatal"} })
			w.complete(w.poll(), cmd)
			if a := w.lastEvent().GetWorkflowExecutionFailedEventAttributes(); a.GetRetryState() != enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE {
				t.Fatalf("failed event is %v", a)
			}
		})
	}
}

func TestRunTimeoutIsRetriedButExecutionTimeoutIsNot(t *testing.T) {
	w := newWorkflow(t)
	first := w.start(withRetries(0), func(r *startRequest) {
		r.WorkflowRunTimeout = durationpb.New(time.Minute)
		r.WorkflowExecutionTimeout = durationpb.New(100 * time.Second)
	})
	w.advance(time.Minute)
	if w.runID() == first.RunId {
		t.Fatalf("history is %s", names(w.events[first.RunId]))
	}
	w.advance(39 * time.Second)
	w.wantHistory("Started WorkflowTaskScheduled")
	w.advance(time.Second)
	a := w.lastEvent().GetWorkflowExecutionTimedOutEventAttributes()
	if a.GetRetryState() != enumspb.RETRY_STATE_TIMEOUT || a.GetNewExecutionRunId() != "" {
		t.Fatalf("last event is %v", w.lastEvent())
	}
}

func TestContinueAsNewStartsTheNextRun(t *testing.T) {
	w := newWorkflow(t)
	first := w.start()
	w.advance(2 * time.Second)
	w.complete(w.poll(), continueAsNew())
	w.wantHistoryOf(first.RunId, "Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted ContinuedAsNew")
	w.wantHistory("Started WorkflowTaskScheduled")
	old := w.events[first.RunId][4].GetWorkflowExecutionContinuedAsNewEventAttributes()
	if old.NewExecutionRunId != w.runID() || old.WorkflowType.GetName() != "Workflow" || old.TaskQueue.GetName() != testQueue ||
		old.WorkflowTaskTimeout.AsDuration() != 10*time.Second {
		t.Fatalf("continued as new event is %v", old)
	}
	started := w.history()[0].GetWorkflowExecutionStartedEventAttributes()
	if started.ContinuedExecutionRunId != first.RunId || started.FirstExecutionRunId != first.RunId ||
		started.Initiator != enumspb.CONTINUE_AS_NEW_INITIATOR_WORKFLOW || started.Attempt != 1 || started.OriginalExecutionRunId != w.runID() {
		t.Fatalf("started event is %v", started)
	}
	w.complete(w.poll(), completeWorkflow("done"))
}

func TestContinueAsNewInATightLoopIsSlowedDown(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.complete(w.poll(), continueAsNew())
	w.wantHistory("Started")
	w.advance(time.Second)
	w.wantHistory("Started WorkflowTaskScheduled")
}

func TestCronRunsOneAfterTheOther(t *testing.T) {
	w := newWorkflow(t)
	first := w.start(func(r *startRequest) { r.CronSchedule = "* * * * *" })
	started := w.lastEvent().GetWorkflowExecutionStartedEventAttributes()
	if started.Initiator != enumspb.CONTINUE_AS_NEW_INITIATOR_CRON_SCHEDULE || started.FirstWorkflowTaskBackoff.AsDuration() != time.Minute {
		t.Fatalf("started event is %v", started)
	}
	w.advance(time.Minute + 10*time.Second)
	w.complete(w.poll(), completeWorkflow("done"))
	if a := w.events[first.RunId][4].GetWorkflowExecutionCompletedEventAttributes(); a.NewExecutionRunId != w.runID() {
		t.Fatalf("completed event is %v", a)
	}
	started = w.lastEvent().GetWorkflowExecutionStartedEventAttributes()
	if started.FirstWorkflowTaskBackoff.AsDuration() != 50*time.Second || started.LastCompletionResult == nil || started.FirstExecutionRunId != first.RunId {
		t.Fatalf("started event of the second run is %v", started)
	}
	// A failed run passes on the last result there was.
	w.advance(50 * time.Second)
	w.complete(w.poll(), failWorkflow("boom"))
	started = w.lastEvent().GetWorkflowExecutionStartedEventAttributes()
	if started.LastCompletionResult == nil || started.ContinuedFailure == nil {
		t.Fatalf("started event of the third run is %v", started)
	}
	w.advance(time.Minute)
	w.complete(w.poll(), cancelWorkflow())
	if !w.chain().current.closed() {
		t.Fatal("cron goes on after a cancel")
	}
}

func TestMemoAndSearchAttributesAreMerged(t *testing.T) {
	w := newWorkflow(t)
	w.start(func(r *startRequest) {
		r.Memo = &commonpb.Memo{Fields: map[string]*commonpb.Payload{"a": textPayloads("1").Payloads[0], "b": textPayloads("2").Payloads[0]}}
	})
	null := &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("binary/null")}}
	w.complete(w.poll(), modifyProperties(&commonpb.Memo{Fields: map[string]*commonpb.Payload{"a": null, "c": payload("3")}}),
		upsertSearchAttributes(searchAttributes("k", "v")))
	w.wantHistory("Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted WorkflowPropertiesModified UpsertWorkflowSearchAttributes")
	w.crash()
	resp, err := w.chain().Describe(w.reader(), w.now, &workflowservice.DescribeWorkflowExecutionRequest{})
	if err != nil {
		t.Fatal(err)
	}
	memo := resp.WorkflowExecutionInfo.Memo.GetFields()
	if len(memo) != 2 || memo["b"] == nil || memo["c"] == nil || len(resp.WorkflowExecutionInfo.SearchAttributes.GetIndexedFields()) != 1 {
		t.Fatalf("described as %v", resp.WorkflowExecutionInfo)
	}
}

func TestDescriptionHasMemoAndSearchAttributesEvenIfTheyAreEmpty(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	resp, err := w.chain().Describe(w.reader(), w.now, &workflowservice.DescribeWorkflowExecutionRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if i := resp.WorkflowExecutionInfo; i.Memo == nil || i.SearchAttributes == nil || i.AutoResetPoints == nil {
		t.Errorf("described as %v", i)
	}
}

func TestCommandThatIsTooLargeEndsTheWorkflow(t *testing.T) {
	w := newWorkflow(t, Limits{BlobSize: 10})
	w.start()
	completion, err := w.tryComplete(w.poll().TaskToken, &completeRequest{Commands: commands(completeWorkflow("done"))})
	if err != nil || !isInvalidArgument(completion.Err) {
		t.Fatalf("completion: %v, %v", completion, err)
	}
	w.wantHistory("Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed Terminated")
}

func TestClosedRunIsDeletedAfterItsRetention(t *testing.T) {
	w := newWorkflow(t)
	first := w.start()
	w.advance(2 * time.Second)
	w.complete(w.poll(), continueAsNew())
	second := w.runID()
	w.advance(time.Hour)
	w.complete(w.poll(), completeWorkflow("done"))
	w.crash()
	w.advance(23 * time.Hour)
	if len(w.events[first.RunId]) != 0 || len(w.events[second]) == 0 {
		t.Fatal("the first run, and only that, was to be deleted")
	}
	w.advance(2 * time.Hour)
	if len(w.records[w.key()]) != 0 || len(w.timers[w.key()]) != 0 {
		t.Fatalf("%d records and %d timers are left", len(w.records[w.key()]), len(w.timers[w.key()]))
	}
	w.start()
}

func TestDeleteTerminatesAndRemoves(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.poll()
	w.must(func(s *entity.Step, c *Chain) error {
		return c.Delete(s, &workflowservice.DeleteWorkflowExecutionRequest{})
	})
	if len(w.tasks) != 0 {
		t.Fatal("task is left")
	}
	if err := w.step(func(s *entity.Step, c *Chain) error { return c.Signal(s, newSignalRequest("w", "a")) }); !isNotFound(err) {
		t.Fatalf("signal: %v", err)
	}
	w.start(withRequestID("start-2"))
	w.advance(25 * time.Hour)
	w.crash()
	w.complete(w.poll(), completeWorkflow("done"))
	w.advance(48 * time.Hour)
	if len(w.records[w.key()]) != 0 || len(w.timers[w.key()]) != 0 {
		t.Fatalf("%d records and %d timers are left", len(w.records[w.key()]), len(w.timers[w.key()]))
	}
}
