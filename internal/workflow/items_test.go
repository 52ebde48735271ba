package workflow

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/perdure/perdure/internal/entity"
)

// TestRandomLives does whatever may be done to a few workflows, in random order,
// with crashes and repeated messages. World.check holds after every step: the
// records say what memory says, every item has its task and its timer. Of the
// histories that come out, some rules must hold as well.
func TestRandomLives(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			l := &life{world: newWorld(t), rng: rand.New(rand.NewPCG(seed, 7)), decisions: make(map[string]*workflowservice.PollWorkflowTaskQueueResponse)}
			l.powerCuts = true
			for range 300 {
				l.step()
			}
			for _, id := range append(lifeWorkflows, lifeChildren...) {
				if l.chain(testKey(id)).current != nil {
					checkHistory(t, l.history(id))
				}
			}
		})
	}
}

// Workflows that are started by hand, and those that are started as children.
var (
	lifeWorkflows = []string{"x", "y"}
	lifeChildren  = []string{"c", "d", "e"}
)

// life is a world in which things happen at random.
type life struct {
	*world
	rng        *rand.Rand
	decisions  map[string]*workflowservice.PollWorkflowTaskQueueResponse
	activities []*workflowservice.PollActivityTaskQueueResponse
}

func (l *life) anyOf(ids []string) string { return ids[l.rng.IntN(len(ids))] }

func (l *life) workflow() string {
	if l.rng.IntN(2) == 0 {
		return l.anyOf(lifeChildren)
	}
	return l.anyOf(lifeWorkflows)
}

func (l *life) step() {
	id := l.workflow()
	c := l.chain(testKey(id)).current
	if c == nil || c.closed() {
		if len(l.outbox) > 0 {
			l.deliverOne()
			return
		}
		delete(l.decisions, id)
		if slices.Contains(lifeWorkflows, id) {
			l.start(id)
		}
		return
	}
	switch l.rng.IntN(9) {
	case 0, 1:
		if l.task(id, entity.TaskWorkflow) != nil && c.started == nil {
			l.decisions[id] = l.poll(id)
		}
	case 2, 3:
		l.decideSomething(id)
	case 4:
		if task := l.task(id, entity.TaskActivity); task != nil {
			if started, err := l.tryStartActivity(task); err == nil {
				l.activities = append(l.activities, started)
			}
		}
	case 5:
		l.reportSomething()
	case 6:
		l.advance(time.Duration(l.rng.Int64N(int64(5 * time.Second))))
	case 7:
		if len(l.outbox) > 0 {
			l.deliverOne()
		}
	case 8:
		if l.rng.IntN(5) == 0 {
			if l.durable != nil {
				l.restore(*l.durable) // what was written lazily since then is lost
			}
			l.crash()
			clear(l.decisions)
		}
	}
}

// decideSomething answers a workflow task with random commands, good and bad.
func (l *life) decideSomething(id string) {
	decision := l.decisions[id]
	r := l.run(id)
	if decision == nil || r.started == nil {
		delete(l.decisions, id)
		return
	}
	var commands []*commandpb.Command
	for range l.rng.IntN(4) {
		name := fmt.Sprint(l.rng.IntN(40))
		switch l.rng.IntN(9) {
		case 0, 1:
			commands = append(commands, scheduleActivity(name, timeouts(20*time.Second, 0, 5*time.Second, 2*time.Second), maximumAttempts(l.rng.Int32N(4)),
				func(attr *commandpb.ScheduleActivityTaskCommandAttributes) {
					attr.RequestEagerExecution = l.rng.IntN(3) == 0
				}))
		case 2:
			if pending := slices.Sorted(maps.Keys(r.activities)); len(pending) > 0 {
				commands = append(commands, cancelActivity(pending[l.rng.IntN(len(pending))]))
			}
		case 3, 4:
			commands = append(commands, startTimer(name, time.Duration(l.rng.Int64N(int64(10*time.Second)))))
		case 5:
			timers := slices.Sorted(maps.Keys(r.timers))
			for _, event := range r.buffered {
				if fired := event.GetTimerFiredEventAttributes(); fired != nil {
					timers = append(timers, fired.TimerId)
				}
			}
			if len(timers) > 0 {
				commands = append(commands, cancelTimer(timers[l.rng.IntN(len(timers))]))
			}
		case 6:
			commands = append(commands, startChild(l.anyOf(lifeChildren), parentClosePolicy(enumspb.ParentClosePolicy(l.rng.IntN(4)))))
		case 7:
			commands = append(commands, signalExternal(l.workflow()))
		case 8:
			commands = append(commands, cancelExternal(l.workflow()))
		}
	}
	if l.rng.IntN(10) == 0 {
		commands = append(commands, completeWorkflow("done"))
	}
	token, err := DecodeTaskToken(decision.TaskToken)
	if err != nil {
		l.t.Fatal(err)
	}
	req := &workflowservice.RespondWorkflowTaskCompletedRequest{TaskToken: decision.TaskToken, Identity: testWorker, Commands: commands}
	_ = l.try(testKey(id), func(step *entity.Step, c *Chain) error {
		completion, err := c.CompleteWorkflowTask(step, token, req)
		if err == nil && completion.Err == nil {
			l.activities = append(l.activities, completion.Response.GetActivityTasks()...)
		}
		return err
	})
	delete(l.decisions, id)
}

// reportSomething reports on an activity that has been handed out at some time.
func (l *life) reportSomething() {
	if len(l.activities) == 0 {
		return
	}
	i := l.rng.IntN(len(l.activities))
	task := l.activities[i]
	id, ref := task.WorkflowExecution.WorkflowId, l.activityRef(task)
	switch l.rng.IntN(5) {
	case 0:
		_ = l.complete(id, ref, "done")
	case 1:
		_ = l.fail(id, ref, applicationFailure("x"))
	case 2:
		_ = l.cancel(id, ref)
	default:
		_, _ = l.heartbeat(id, ref, strings.Repeat("p", l.rng.IntN(10)))
		return
	}
	if l.rng.IntN(2) == 0 { // else the report is repeated later
		l.activities = slices.Delete(l.activities, i, i+1)
	}
}

// checkHistory checks what holds for every history: at most one event closes the
// workflow, and it is the last one; every reference to another event points at an
// earlier event of the right kind.
func checkHistory(t *testing.T, events []*historypb.HistoryEvent) {
	t.Helper()
	kinds := map[protoreflect.Name][]string{
		"workflow_task_completed_event_id": {"WorkflowTaskCompleted"},
		"scheduled_event_id":               {"WorkflowTaskScheduled", "ActivityTaskScheduled"},
		"started_event_id":                 {"WorkflowTaskStarted", "ActivityTaskStarted", "TimerStarted", "ChildWorkflowExecutionStarted"},
		"initiated_event_id": {"StartChildWorkflowExecutionInitiated", "SignalExternalWorkflowExecutionInitiated",
			"RequestCancelExternalWorkflowExecutionInitiated"},
		"latest_cancel_requested_event_id": {"ActivityTaskCancelRequested"},
	}
	for i, event := range events {
		kind := event.EventType.String()
		if strings.HasPrefix(kind, "WorkflowExecution") && slices.Contains([]string{"WorkflowExecutionCompleted", "WorkflowExecutionTerminated",
			"WorkflowExecutionTimedOut", "WorkflowExecutionFailed", "WorkflowExecutionCanceled"}, kind) && i != len(events)-1 {
			t.Fatalf("%s is followed by %v", kind, events[i+1].EventType)
		}
		message := event.ProtoReflect()
		attributes := message.WhichOneof(message.Descriptor().Oneofs().ByName("attributes"))
		message.Get(attributes).Message().Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
			want := kinds[field.Name()]
			if want == nil {
				return true
			}
			id := value.Int()
			if id <= 0 || id >= event.EventId || !slices.Contains(want, events[id-1].EventType.String()) {
				t.Fatalf("event %d, %s, has %s = %d", event.EventId, kind, field.Name(), id)
			}
			return true
		})
	}
}

func TestSizeOfAChainCountsWhatWorkersReport(t *testing.T) {
	w, task := startedActivity(t)
	before := w.chain(testKey("w")).Size()
	if _, err := w.heartbeat("w", w.activityRef(task), strings.Repeat("x", 100_000)); err != nil {
		t.Fatal(err)
	}
	if after := w.chain(testKey("w")).Size(); after < before+100_000 {
		t.Errorf("size is %d after %d", after, before)
	}
	if err := w.complete("w", w.activityRef(task), "done"); err != nil {
		t.Fatal(err)
	}
	if after := w.chain(testKey("w")).Size(); after > before+10_000 {
		t.Errorf("size is %d after the activity is gone, was %d", after, before)
	}
}
