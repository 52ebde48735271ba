package workflow

import (
	"fmt"
	"strings"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestTimerFiresAtItsTime(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(startTimer("t", time.Minute))
	started := w.wantEvents(afterSchedule-1, "TimerStarted")[0].GetTimerStartedEventAttributes()
	if want := (&historypb.TimerStartedEventAttributes{
		TimerId: "t", StartToFireTimeout: durationpb.New(time.Minute), WorkflowTaskCompletedEventId: 4,
	}); !proto.Equal(started, want) {
		t.Errorf("started event is %v", started)
	}
	w.advance(time.Minute - 1)
	w.wantEvents(afterSchedule)
	w.crash()
	w.advance(1)
	fired := w.wantEvents(afterSchedule, "TimerFired", "WorkflowTaskScheduled")[0].GetTimerFiredEventAttributes()
	if want := (&historypb.TimerFiredEventAttributes{TimerId: "t", StartedEventId: 5}); !proto.Equal(fired, want) {
		t.Errorf("fired event is %v", fired)
	}
}

func TestTimersFireInTheOrderOfTheirTimes(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(startTimer("late", 3*time.Second), startTimer("early", time.Second), startTimer("same", 3*time.Second))
	w.crash()
	w.now = w.now.Add(time.Minute) // nobody was there to fire them
	w.advance(0)
	var order []string
	for _, event := range w.history() {
		if fired := event.GetTimerFiredEventAttributes(); fired != nil {
			order = append(order, fired.TimerId)
		}
	}
	if got := strings.Join(order, " "); got != "early late same" {
		t.Errorf("order is %v", got)
	}
}

func TestTimerOfNoTimeFiresAtOnce(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(startTimer("t", 0))
	w.advance(0)
	w.wantEvents(afterSchedule, "TimerFired", "WorkflowTaskScheduled")
}

func TestBadTimerCommandsFailTheWorkflowTask(t *testing.T) {
	for _, test := range []struct {
		name     string
		commands []*commandpb.Command
		cause    enumspb.WorkflowTaskFailedCause
	}{
		{"no attributes", []*commandpb.Command{{CommandType: enumspb.COMMAND_TYPE_START_TIMER}}, enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_TIMER_ATTRIBUTES},
		{"no id", []*commandpb.Command{startTimer("", 1)}, enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_TIMER_ATTRIBUTES},
		{"long id", []*commandpb.Command{startTimer(strings.Repeat("t", 1001), 1)}, enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_TIMER_ATTRIBUTES},
		{"negative time", []*commandpb.Command{startTimer("t", -1)}, enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_TIMER_ATTRIBUTES},
		{"the same id twice", []*commandpb.Command{startTimer("t", 1), startTimer("t", 1)}, enumspb.WORKFLOW_TASK_FAILED_CAUSE_START_TIMER_DUPLICATE_ID},
		{"cancelling nothing", []*commandpb.Command{{CommandType: enumspb.COMMAND_TYPE_CANCEL_TIMER}}, enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_CANCEL_TIMER_ATTRIBUTES},
		{"cancelling what there is not", []*commandpb.Command{cancelTimer("t")}, enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_CANCEL_TIMER_ATTRIBUTES},
		{"cancelling twice", []*commandpb.Command{startTimer("t", 1), cancelTimer("t"), cancelTimer("t")}, enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_CANCEL_TIMER_ATTRIBUTES},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorkflow(t)
			w.start()
			if failed := w.refuse(test.commands...); failed.Cause != test.cause {
				t.Errorf("cause is %v, want %v", failed.Cause, test.cause)
			}
		})
	}
}

func TestCancelledTimerDoesNotFireAndItsIdIsFreeAgain(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(startTimer("t", time.Minute), cancelTimer("t"), startTimer("t", time.Hour))
	events := w.wantEvents(afterSchedule-1, "TimerStarted", "TimerCanceled", "TimerStarted")
	want := &historypb.TimerCanceledEventAttributes{TimerId: "t", StartedEventId: 5, WorkflowTaskCompletedEventId: 4, Identity: testWorker}
	if got := events[1].GetTimerCanceledEventAttributes(); !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	w.advance(2 * time.Minute)
	w.wantEvents(7)
}

func TestCancellingATimerTakesItsBufferedFiringBack(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(startTimer("t", time.Second), startTimer("now", 0))
	w.advance(0)
	decision := w.poll()
	w.advance(time.Second)
	if completion := w.respond(decision.TaskToken, nil, cancelTimer("t"), completeWorkflow("done")); completion.Err != nil {
		t.Fatal(completion.Err)
	}
	events := w.wantEvents(9, "WorkflowTaskCompleted", "TimerCanceled", "WorkflowExecutionCompleted")
	if got := events[1].GetTimerCanceledEventAttributes().StartedEventId; got != 5 {
		t.Errorf("refers to %d", got)
	}
}

func TestFiringThatWasTakenBackDoesNotComeUpAgainAfterACrash(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(startTimer("t", time.Second), startTimer("now", 0))
	w.advance(0)
	decision := w.poll()
	w.advance(time.Second)
	w.respond(decision.TaskToken, nil, cancelTimer("t"), startTimer("next", time.Minute))
	w.crash()
	w.advance(time.Minute)
	w.wantEvents(9, "WorkflowTaskCompleted", "TimerCanceled", "TimerStarted", "TimerFired", "WorkflowTaskScheduled")
}

func TestTimerThatFiresDuringAWorkflowTaskIsBuffered(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(startTimer("t", time.Second), startTimer("now", 0))
	w.advance(0)
	decision := w.poll()
	w.advance(time.Second)
	w.respond(decision.TaskToken, nil)
	w.wantEvents(9, "WorkflowTaskCompleted", "TimerFired", "WorkflowTaskScheduled")
}

func TestManyTimersMoveTheDurableTimerOnlyWhenTheEarliestFires(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	var commands []*commandpb.Command
	for i := range 50 {
		commands = append(commands, startTimer(fmt.Sprint(i), time.Duration(100-i)*time.Second))
	}
	w.decide(commands...)
	if n := len(w.timers[keyOf("w")]); n != 1 {
		t.Errorf("%d durable timers for one run", n)
	}
	w.advance(51 * time.Second)
	if n := w.run().timers.len(); n != 49 {
		t.Errorf("%d timers are left", n)
	}
}
