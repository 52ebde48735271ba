package workflow

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
)

// TestRandomLives does whatever may be done to a few workflows, in random order,
// with crashes and repeated messages. The engine's check holds after every step: the
// records say what memory says, every item has its task and its timer. Of the
// histories that come out, some rules must hold as well.
func TestRandomLives(t *testing.T) {
	for seed := range uint64(40) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			l := &life{engine: newEngine(t), rng: rand.New(rand.NewPCG(seed, 7)), decisions: make(map[string]*workflowservice.PollWorkflowTaskQueueResponse)}
			l.powerCuts = true
			for range 300 {
				l.step()
			}
			l.advance(time.Minute) // workers give up what they have
			l.deliver()
			l.checkAnswered()
		})
	}
}

// Workflows that are started by hand, and those that are started as children.
var (
	lifeWorkflows = []string{"x", "y"}
	lifeChildren  = []string{"c", "d", "e"}
)

// life is an engine on which things happen at random.
type life struct {
	*engine
	rng        *rand.Rand
	decisions  map[string]*workflowservice.PollWorkflowTaskQueueResponse
	activities []*workflowservice.PollActivityTaskQueueResponse
}

func (l *life) anyOf(ids []string) string { return ids[l.rng.IntN(len(ids))] }

func (l *life) anyWorkflow() string {
	if l.rng.IntN(2) == 0 {
		return l.anyOf(lifeChildren)
	}
	return l.anyOf(lifeWorkflows)
}

func (l *life) step() {
	id := l.anyWorkflow()
	w := l.workflow(id)
	if w.runID() == "" || w.status() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		if len(l.outbox) > 0 {
			l.deliverOne()
			return
		}
		delete(l.decisions, id)
		if slices.Contains(lifeWorkflows, id) {
			w.start()
		}
		return
	}
	switch l.rng.IntN(10) {
	case 0, 1:
		if w.task(entity.TaskWorkflow) != nil && !w.started() {
			l.decisions[id] = w.poll()
		}
	case 2, 3:
		l.decideSomething(w)
	case 4:
		if task := w.task(entity.TaskActivity); task != nil {
			if started, err := w.tryStartActivity(task); err == nil {
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
			l.powerCut()
			clear(l.decisions)
		}
	case 9:
		if l.rng.IntN(2) == 0 {
			l.reset(w)
		}
	}
}

// reset resets a workflow to before some workflow task of its current run or, seldom, of
// an older one.
func (l *life) reset(w subject) {
	runID := w.runID()
	if l.rng.IntN(3) == 0 {
		for id, events := range l.events {
			if events[0].GetWorkflowExecutionStartedEventAttributes().GetWorkflowId() == w.id && id < runID {
				runID = min(runID, id)
			}
		}
	}
	var points []int64
	for _, e := range l.events[runID] {
		if e.EventType == enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED {
			points = append(points, e.EventId, e.EventId+1)
		}
	}
	if len(points) == 0 {
		return
	}
	req := newResetRequest(w.id, points[l.rng.IntN(len(points))], l.newRequestID())
	req.WorkflowExecution.RunId = runID
	if _, err := w.tryReset(req); err != nil {
		l.t.Fatalf("reset: %v", err)
	}
	delete(l.decisions, w.id)
}

// decideSomething answers a workflow task with random commands, good and bad.
func (l *life) decideSomething(w subject) {
	decision := l.decisions[w.id]
	delete(l.decisions, w.id)
	if decision == nil || !w.started() {
		return
	}
	pending := w.pending()
	var commands []*commandpb.Command
	for range l.rng.IntN(4) {
		name := fmt.Sprint(l.rng.IntN(40))
		switch l.rng.IntN(9) {
		case 0, 1:
			commands = append(commands, scheduleActivity(name, timeouts(20*time.Second, 0, 5*time.Second, 2*time.Second), maximumAttempts(l.rng.Int32N(4)),
				func(attr *activityAttributes) {
					attr.RequestEagerExecution = l.rng.IntN(3) == 0
				}))
		case 2:
			if n := len(pending.activities); n > 0 {
				commands = append(commands, cancelActivity(pending.activities[l.rng.IntN(n)]))
			}
		case 3, 4:
			commands = append(commands, startTimer(name, time.Duration(l.rng.Int64N(int64(10*time.Second)))))
		case 5:
			if n := len(pending.timers); n > 0 {
				commands = append(commands, cancelTimer(pending.timers[l.rng.IntN(n)]))
			}
		case 6:
			commands = append(commands, startChild(l.anyOf(lifeChildren), parentClosePolicy(enumspb.ParentClosePolicy(l.rng.IntN(4)))))
		case 7:
			commands = append(commands, signalExternal(l.anyWorkflow()))
		case 8:
			commands = append(commands, cancelExternal(l.anyWorkflow()))
		}
	}
	if l.rng.IntN(10) == 0 {
		commands = append(commands, completeWorkflow("done"))
	}
	completion, err := w.tryComplete(decision.TaskToken, &completeRequest{Commands: commands})
	if err == nil && completion.Err == nil {
		l.activities = append(l.activities, completion.Response.GetActivityTasks()...)
	}
}

// reportSomething reports on an activity that has been handed out at some time.
func (l *life) reportSomething() {
	if len(l.activities) == 0 {
		return
	}
	i := l.rng.IntN(len(l.activities))
	task := l.activities[i]
	w, ref := l.workflow(task.WorkflowExecution.WorkflowId), l.refOf(task)
	switch l.rng.IntN(5) {
	case 0:
		_ = w.completeActivity(ref, "done")
	case 1:
		_ = w.failActivity(ref, applicationFailure("x"))
	case 2:
		_ = w.cancelActivity(ref)
	default:
		_, _ = w.heartbeat(ref, strings.Repeat("p", l.rng.IntN(10)))
		return
	}
	if l.rng.IntN(2) == 0 { // else the report is repeated later
		l.activities = slices.Delete(l.activities, i, i+1)
	}
}

func TestSizeOfAChainCountsWhatWorkersReport(t *testing.T) {
	w, task := startedActivity(t)
	before := w.chain().Size()
	if _, err := w.heartbeat(w.refOf(task), strings.Repeat("x", 100_000)); err != nil {
		t.Fatal(err)
	}
	if after := w.chain().Size(); after < before+100_000 {
		t.Errorf("size is %d after %d", after, before)
	}
	if err := w.completeActivity(w.refOf(task), "done"); err != nil {
		t.Fatal(err)
	}
	if after := w.chain().Size(); after > before+10_000 {
		t.Errorf("size is %d after the activity is gone, was %d", after, before)
	}
}
