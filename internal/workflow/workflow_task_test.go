package workflow

import (
	"errors"
	"slices"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/entity"
)

func TestStartedTaskIsInTheReplyButNotInTheRecords(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.wantHistory("Started WorkflowTaskScheduled")
	task := w.poll()
	if got := names(task.History.Events); got != "Started WorkflowTaskScheduled WorkflowTaskStarted" {
		t.Fatalf("worker got %s", got)
	}
	if task.StartedEventId != 3 || task.PreviousStartedEventId != 0 || task.Attempt != 1 {
		t.Fatalf("task is %v", task)
	}
	w.wantHistory("Started WorkflowTaskScheduled")
	w.complete(task, completeWorkflow("done"))
	w.wantHistory("Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted Completed")
	events := w.history()
	if a := events[2].GetWorkflowTaskStartedEventAttributes(); a.ScheduledEventId != 2 || a.Identity != "worker" || a.RequestId == "" {
		t.Fatalf("started event is %v", a)
	}
	if !slices.EqualFunc(task.History.Events, events[:3], func(a, b *historypb.HistoryEvent) bool { return a.String() == b.String() }) {
		t.Fatal("what the worker was shown is not a prefix of the history")
	}
	if a := events[3].GetWorkflowTaskCompletedEventAttributes(); a.ScheduledEventId != 2 || a.StartedEventId != 3 {
		t.Fatalf("completed event is %v", a)
	}
	if a := events[4].GetWorkflowExecutionCompletedEventAttributes(); a.WorkflowTaskCompletedEventId != 4 {
		t.Fatalf("close event is %v", a)
	}
}

func TestCrashTurnsAStartedTaskBackIntoAScheduledOne(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	lost := w.poll()
	w.crash()
	if _, err := w.tryComplete(lost.TaskToken, &completeRequest{}); !isNotFound(err) {
		t.Fatalf("completing a lost task: %v", err)
	}
	w.complete(w.poll(), completeWorkflow("done"))
	w.wantHistory("Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted Completed")
}

func TestStartThatIsLostThoughTheProcessLivesOnIsOfferedAgain(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	lost := w.task(entity.TaskWorkflow).ID
	w.poll()
	w.forget()
	w.advance(10 * time.Second)
	if w.task(entity.TaskWorkflow).ID == lost {
		t.Fatal("the task is not dispatched anew")
	}
	w.complete(w.poll(), completeWorkflow("done"))
	w.wantHistory("Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted Completed")
}

func TestTaskIsStartedOnce(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	record := *w.task(entity.TaskWorkflow)
	w.poll()
	err := w.step(func(s *entity.Step, c *Chain) error {
		_, err := c.StartWorkflowTask(s, &record, &workflowservice.PollWorkflowTaskQueueRequest{})
		return err
	})
	if !errors.Is(err, ErrStaleTask) {
		t.Fatalf("second start: %v", err)
	}
}

func TestTaskOfAnotherRunIsStale(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	record := *w.task(entity.TaskWorkflow)
	record.RunID = "another"
	err := w.step(func(s *entity.Step, c *Chain) error {
		_, err := c.StartWorkflowTask(s, &record, &workflowservice.PollWorkflowTaskQueueRequest{})
		return err
	})
	if !errors.Is(err, ErrStaleTask) {
		t.Fatalf("start: %v", err)
	}
}

func TestEventsDuringATaskAreBufferedAndCauseAnother(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	task := w.poll()
	w.signal("a")
	w.signal("b")
	w.wantHistory("Started WorkflowTaskScheduled")
	w.complete(task, recordMarker("m"))
	w.wantHistory(`Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted MarkerRecorded
		Signaled Signaled WorkflowTaskScheduled`)
}

func TestBufferedEventsSurviveACrash(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.poll()
	w.signal("a")
	w.crash()
	task := w.poll()
	if got := names(task.History.Events); got != "Started WorkflowTaskScheduled Signaled WorkflowTaskStarted" {
		t.Fatalf("worker got %s", got)
	}
	w.complete(task, completeWorkflow("done"))
	w.wantHistory("Started WorkflowTaskScheduled Signaled WorkflowTaskStarted WorkflowTaskCompleted Completed")
}

func TestSignalAfterACrashKeepsTheOrderOfSignals(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.poll()
	w.signal("a")
	w.crash()
	w.signal("b")
	w.wantHistory("Started WorkflowTaskScheduled Signaled Signaled")
	if got := w.lastEvent().GetWorkflowExecutionSignaledEventAttributes().SignalName; got != "b" {
		t.Fatalf("last signal is %q", got)
	}
}

func TestCompletionWithUnseenEventsFailsTheTask(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	task := w.poll()
	w.signal("a")
	completion, err := w.tryComplete(task.TaskToken, &completeRequest{Commands: commands(completeWorkflow("done"))})
	if err != nil || !isInvalidArgument(completion.Err) || completion.Err.Error() != "UnhandledCommand" {
		t.Fatalf("completion: %v, %v", completion, err)
	}
	w.wantHistory(`Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed Signaled WorkflowTaskScheduled`)
	// The run tries to close: signals wait until the next task is done.
	task = w.poll()
	if err := w.step(func(s *entity.Step, c *Chain) error { return c.Signal(s, newSignalRequest("w", "b")) }); !isResourceExhausted(err) {
		t.Fatalf("signal to a closing workflow: %v", err)
	}
	w.complete(task, completeWorkflow("done"))
	w.wantHistory(`Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed Signaled WorkflowTaskScheduled
		WorkflowTaskStarted WorkflowTaskCompleted Completed`)
}

func TestBadCommandChangesNothingButFailsTheTask(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	task := w.poll()
	completion, err := w.tryComplete(task.TaskToken, &completeRequest{Commands: commands(recordMarker("m"), recordMarker(""))})
	if err != nil || !isInvalidArgument(completion.Err) {
		t.Fatalf("completion: %v, %v", completion, err)
	}
	w.wantHistory("Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed")
	failed := w.lastEvent().GetWorkflowTaskFailedEventAttributes()
	if failed.Cause != enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_RECORD_MARKER_ATTRIBUTES || failed.Failure == nil {
		t.Fatalf("failed event is %v", failed)
	}
	// The second attempt is transient. One more bad command leaves it to time out.
	task = w.poll()
	if task.Attempt != 2 || names(task.History.Events) != "Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed WorkflowTaskScheduled WorkflowTaskStarted" {
		t.Fatalf("second attempt is %d with %s", task.Attempt, names(task.History.Events))
	}
	if _, err := w.tryComplete(task.TaskToken, &completeRequest{Commands: commands(recordMarker(""))}); !isInvalidArgument(err) {
		t.Fatalf("second bad command: %v", err)
	}
	w.advance(10 * time.Second)
	task = w.poll()
	if task.Attempt != 3 {
		t.Fatalf("attempt after the timeout is %d", task.Attempt)
	}
	w.complete(task, completeWorkflow("done"))
	w.wantHistory(`Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed
		WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted Completed`)
	if events := w.history(); events[4].GetWorkflowTaskScheduledEventAttributes().Attempt != 3 {
		t.Fatalf("scheduled event is %v", events[4])
	}
}

func TestNewEventsEndASeriesOfFailures(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.fail(w.poll())
	w.signal("a")
	task := w.poll()
	if task.Attempt != 1 {
		t.Fatalf("attempt is %d", task.Attempt)
	}
	if got := names(task.History.Events); got != "Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed Signaled WorkflowTaskScheduled WorkflowTaskStarted" {
		t.Fatalf("worker got %s", got)
	}
	// It is a first attempt in the records as well.
	w.crash()
	w.complete(w.poll(), completeWorkflow("done"))
}

func TestEventsDuringATransientTaskMakeTheNextOneAFirstAttempt(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.fail(w.poll())
	task := w.poll()
	w.signal("a")
	w.fail(task)
	w.wantHistory("Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed Signaled WorkflowTaskScheduled")
	if got := w.lastEvent().GetWorkflowTaskScheduledEventAttributes().Attempt; got != 1 {
		t.Fatalf("attempt is %d", got)
	}
}

func TestFailedTaskIsTriedAgainWithoutFurtherEvents(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	for attempt := range int32(6) {
		task := w.poll()
		if task.Attempt != attempt+1 {
			t.Fatalf("attempt is %d, want %d", task.Attempt, attempt+1)
		}
		w.fail(task)
	}
	w.wantHistory("Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed")
	// The seventh attempt rests for a while if it fails by silence.
	if got, want := w.chain().current.state.WorkflowTask.Timeout.AsDuration(), 10*time.Second+40*time.Second; got != want {
		t.Fatalf("timeout of attempt 7 is %v, want %v", got, want)
	}
}

func TestStartToCloseTimeoutSchedulesTheTaskAgain(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	lost := w.poll()
	w.advance(9 * time.Second)
	w.wantHistory("Started WorkflowTaskScheduled")
	w.advance(time.Second)
	w.wantHistory("Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskTimedOut")
	if a := w.lastEvent().GetWorkflowTaskTimedOutEventAttributes(); a.TimeoutType != enumspb.TIMEOUT_TYPE_START_TO_CLOSE || a.StartedEventId != 3 {
		t.Fatalf("timed out event is %v", a)
	}
	if _, err := w.tryComplete(lost.TaskToken, &completeRequest{}); !isNotFound(err) {
		t.Fatalf("completing too late: %v", err)
	}
	if task := w.poll(); task.Attempt != 2 {
		t.Fatalf("attempt is %d", task.Attempt)
	}
}

func TestStickyWorkerGetsOnlyTheNewEvents(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.completeSticky(w.poll())
	w.signal("a")
	if queue := w.lastEvent().GetWorkflowTaskScheduledEventAttributes().TaskQueue; queue.Name != stickyQueue || queue.NormalName != testQueue {
		t.Fatalf("scheduled on %v", queue)
	}
	if w.task(entity.TaskWorkflow).Sticky != stickyQueue {
		t.Fatal("task is not sticky")
	}
	task := w.pollSticky()
	if got := names(task.History.Events); got != "WorkflowTaskCompleted Signaled WorkflowTaskScheduled WorkflowTaskStarted" {
		t.Fatalf("worker got %s", got)
	}
	if task.PreviousStartedEventId != 3 || task.History.Events[0].EventId != 4 {
		t.Fatalf("task is %v", task)
	}
	w.completeSticky(task, completeWorkflow("done"))
}

func TestStickyTaskTakenFromTheNormalQueueHasTheWholeHistory(t *testing.T) {
	for _, crash := range []bool{false, true} {
		w := newWorkflow(t)
		w.start()
		w.completeSticky(w.poll())
		w.signal("a")
		if crash {
			w.crash()
		}
		task := w.poll()
		if got := len(task.History.Events); got != 7 {
			t.Fatalf("worker got %d events: %s", got, names(task.History.Events))
		}
		// Stickiness has ended.
		w.complete(task)
		w.signal("b")
		if w.task(entity.TaskWorkflow).Sticky != "" {
			t.Fatal("task is sticky")
		}
	}
}

func TestStickyTaskNobodyTakesGoesToTheNormalQueue(t *testing.T) {
	for _, crash := range []bool{false, true} {
		w := newWorkflow(t)
		w.start()
		w.completeSticky(w.poll())
		w.signal("a")
		if crash {
			w.crash()
			w.wakes[w.key()] = append(w.wakes[w.key()], w.now.Add(6*time.Second)) // any call of Fire will do
		}
		w.advance(6 * time.Second)
		w.wantHistory(`Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted Signaled
			WorkflowTaskScheduled WorkflowTaskTimedOut WorkflowTaskScheduled`)
		if w.task(entity.TaskWorkflow).Sticky != "" || w.chain().current.state.WorkflowTask.Attempt != 1 {
			t.Fatalf("task is %v", w.chain().current.state.WorkflowTask)
		}
	}
}

func TestFailureOfAStickyTaskIsNotCounted(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.completeSticky(w.poll())
	w.signal("a")
	w.fail(w.pollSticky())
	task := w.poll()
	if task.Attempt != 1 || w.chain().current.state.StickyQueue != "" {
		t.Fatalf("attempt is %d, sticky queue %q", task.Attempt, w.chain().current.state.StickyQueue)
	}
}

func TestResetStickySendsTheNextTaskToTheNormalQueue(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.completeSticky(w.poll())
	w.must(func(s *entity.Step, c *Chain) error {
		return c.ResetSticky(s, &workflowservice.ResetStickyTaskQueueRequest{})
	})
	w.signal("a")
	if w.task(entity.TaskWorkflow).Sticky != "" {
		t.Fatal("task is sticky")
	}
}

func TestHeartbeatBringsTheNextTaskInTheReply(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	resp := w.completeWith(w.poll(), &completeRequest{ForceCreateNewWorkflowTask: true, ReturnNewWorkflowTask: true, StickyAttributes: stickyAttributes()})
	task := overWire(t, resp.WorkflowTask)
	if got := names(task.History.Events); got != "WorkflowTaskCompleted WorkflowTaskScheduled WorkflowTaskStarted" {
		t.Fatalf("worker got %s", got)
	}
	if w.task(entity.TaskWorkflow) != nil {
		t.Fatal("a task that is in the reply is dispatched as well")
	}
	w.completeSticky(task, completeWorkflow("done"))
	w.wantHistory(`Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted
		WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted Completed`)
}

func TestTaskInAReplyThatIsLostInACrashIsDispatched(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.completeWith(w.poll(), &completeRequest{ForceCreateNewWorkflowTask: true, ReturnNewWorkflowTask: true})
	w.crash()
	w.advance(10 * time.Second)
	w.complete(w.poll(), completeWorkflow("done"))
}

func TestTaskInAReplyTimesOutLikeAnyOther(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.completeWith(w.poll(), &completeRequest{ForceCreateNewWorkflowTask: true, ReturnNewWorkflowTask: true})
	w.advance(10 * time.Second)
	w.wantHistory(`Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted
		WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskTimedOut`)
	w.complete(w.poll(), completeWorkflow("done"))
}

func TestHeartbeatsComeToAnEnd(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	task := w.poll()
	for range 1000 {
		w.advance(8 * time.Second)
		completion, err := w.tryComplete(task.TaskToken, &completeRequest{ForceCreateNewWorkflowTask: true, ReturnNewWorkflowTask: true, StickyAttributes: stickyAttributes()})
		if err != nil {
			t.Fatal(err)
		}
		if completion.Err != nil {
			if !isNotFound(completion.Err) || w.now.Sub(w.chain().current.info.StartTime.AsTime()) < heartbeatLimit {
				t.Fatalf("after %v: %v", w.now, completion.Err)
			}
			if w.task(entity.TaskWorkflow) == nil || w.task(entity.TaskWorkflow).Sticky != "" {
				t.Fatal("no task on the normal queue")
			}
			return
		}
		task = completion.Response.WorkflowTask
	}
	t.Fatal("heartbeats go on for ever")
}

func TestLongHistoryIsPaged(t *testing.T) {
	w := newWorkflow(t, Limits{HistoryPageEvents: 4})
	w.start()
	for range 10 {
		w.signal("s")
	}
	for _, crash := range []bool{false, true} {
		if crash {
			w.crash()
		}
		task := w.poll()
		if len(task.History.Events) != 4 || len(task.NextPageToken) == 0 {
			t.Fatalf("first page is %s, token %q", names(task.History.Events), task.NextPageToken)
		}
		events := task.History.Events
		token, err := tokens.DecodeHistory(task.NextPageToken)
		if err != nil {
			t.Fatal(err)
		}
		from := token.NextEventId
		for from != 0 {
			page, err := w.chain().ReadHistory(w.reader(), HistoryRequest{RunID: token.RunId, From: from, To: token.LastEventId, IncludeStarted: true})
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, decodeEvents(t, page.Events)...)
			from = page.Next
		}
		if len(events) != 13 || events[12].EventType != enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED || events[12].EventId != task.StartedEventId {
			t.Fatalf("whole history is %s", names(events))
		}
	}
}

func TestSuggestsToContinueAsNewWhenHistoryIsLong(t *testing.T) {
	w := newWorkflow(t, Limits{SuggestEvents: 4})
	w.start()
	w.signal("a")
	task := w.poll()
	started := task.History.Events[3].GetWorkflowTaskStartedEventAttributes()
	if !started.SuggestContinueAsNew || started.HistorySizeBytes == 0 || len(started.SuggestContinueAsNewReasons) != 1 {
		t.Fatalf("started event is %v", started)
	}
}

func TestTooManyBufferedEventsFailTheTask(t *testing.T) {
	w := newWorkflow(t, Limits{BufferedEvents: 2})
	w.start()
	task := w.poll()
	for range 3 {
		w.signal("s")
	}
	w.wantHistory(`Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed Signaled Signaled Signaled`)
	if next := w.chain().current.state.WorkflowTask; next.GetAttempt() != 2 {
		t.Fatalf("next task is %v", next)
	}
	if _, err := w.tryComplete(task.TaskToken, &completeRequest{}); !isNotFound(err) {
		t.Fatalf("completing the failed task: %v", err)
	}
}

func TestHistoryThatIsTooLongEndsTheWorkflow(t *testing.T) {
	w := newWorkflow(t, Limits{HistoryEvents: 5})
	w.start()
	for range 4 {
		w.signal("s")
	}
	if w.lastEvent().EventType != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED {
		t.Fatalf("history is %s", names(w.history()))
	}
}

func TestStaleAndForeignTokensAreNotFound(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	task := w.poll()
	good, err := tokens.DecodeTask(task.TaskToken)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(){
		"run":     func() { good.RunId = "x" },
		"event":   func() { good.ScheduledEventId++ },
		"started": func() { good.StartedEventId++ },
		"attempt": func() { good.Attempt++ },
		"time":    func() { good.StartedTime++ },
	} {
		good, _ = tokens.DecodeTask(task.TaskToken)
		change()
		if _, err := w.tryComplete(tokens.EncodeTask(good), &completeRequest{}); !isNotFound(err) {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

func TestUnknownCommandIsRefused(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	task := w.poll()
	bad := recordMarker("m")
	bad.CommandType = 99
	if _, err := w.tryComplete(task.TaskToken, &completeRequest{Commands: commands(bad)}); !isInvalidArgument(err) {
		t.Fatalf("unknown command: %v", err)
	}
	if _, err := w.tryComplete(task.TaskToken, &completeRequest{Commands: commands(completeWorkflow("done"), recordMarker("m"))}); !isInvalidArgument(err) {
		t.Fatalf("command after the last: %v", err)
	}
	w.complete(task, completeWorkflow("done"))
}

func TestPollFromAForeignStickyQueueGetsTheWholeHistory(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.completeSticky(w.poll())
	w.signal("a")
	task := w.pollFrom(&taskqueuepb.TaskQueue{Name: "another", Kind: enumspb.TASK_QUEUE_KIND_STICKY})
	if task.History.Events[0].EventId != 1 {
		t.Fatalf("worker got %s", names(task.History.Events))
	}
}
