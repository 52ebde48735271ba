package differ

import (
	"fmt"
	"strings"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// lowLimits is the namespace whose limits are so low that conversations reach them.
const lowLimits = "limited"

// inLimited is the setting of a request that is about that namespace.
const inLimited = "namespace=" + lowLimits

// limitedStart starts the workflow "w" in the namespace lowLimits, which it registers if it is not there.
func (w *World) limitedStart(settings ...string) {
	w.T.Helper()
	request := w.StartRequest("w", append([]string{inLimited}, settings...)...)
	_, _ = w.Quiet.RegisterNamespace(w.Ctx, &workflowservice.RegisterNamespaceRequest{Namespace: lowLimits, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)})
	w.forget("w")
	w.quietly(func() {
		w.Eventually("the workflow is started", func() bool {
			_, err := w.Quiet.StartWorkflowExecution(w.Ctx, request)
			return err == nil
		})
		w.Eventually("the task queue is known", func() bool {
			_, err := w.Quiet.DescribeTaskQueue(w.Ctx, &workflowservice.DescribeTaskQueueRequest{Namespace: lowLimits, TaskQueue: w.taskQueue("w")})
			return err == nil
		})
	})
}

// limitedDecide takes a workflow task of "w" and completes it.
func (w *World) limitedDecide(commands ...*commandpb.Command) {
	w.T.Helper()
	w.Poll("w", inLimited).CompleteWith(Settings{inLimited}, commands...)
	w.forget("w")
}

// limitedEnd describes "w" and shows its history.
func (w *World) limitedEnd() {
	d, _ := w.API.DescribeWorkflowExecution(w.Ctx, Set(describeRequest(w, "w"), inLimited))
	w.forget("w")
	h, err := w.Quiet.GetWorkflowExecutionHistory(w.Ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: lowLimits, Execution: d.GetWorkflowExecutionInfo().GetExecution()})
	if err != nil {
		w.Say("no history: %v", err)
		return
	}
	w.showRun("w", h.History.Events)
}

func (w *World) limitedSignal(settings ...string) {
	w.Signal("w", "s", append([]string{inLimited}, settings...)...)
	w.forget("w")
}

// limitsOfRuns are limits that a namespace sets for its runs.
var limitsOfRuns = []Scenario{
	{"a run gets more signals than it may", func(w *World) {
		w.limitedStart()
		w.limitedDecide()
		for i := range 5 {
			w.limitedSignal(fmt.Sprintf("request_id=s%d", i))
		}
		w.limitedSignal("request_id=s0")
		w.limitedDecide(complete("done"))
		w.limitedEnd()
	}},
	{"a workflow signals one that takes no more signals", func(w *World) {
		w.limitedStart()
		w.limitedDecide()
		for i := range 4 {
			w.limitedSignal(fmt.Sprintf("request_id=s%d", i))
		}
		_, _ = w.Quiet.StartWorkflowExecution(w.Ctx, w.StartRequest("other", inLimited))
		w.Poll("other", inLimited).CompleteWith(Settings{inLimited}, w.signalExternal("w", "s"))
		w.Poll("other", inLimited).CompleteWith(Settings{inLimited}, complete("done"))
		w.forget("w")
		w.forget("other")
	}},
	{"a signal with start of a run that takes no more signals", func(w *World) {
		w.limitedStart()
		w.limitedDecide()
		for i := range 5 {
			w.SignalWithStart("w", "s", inLimited, fmt.Sprintf("request_id=s%d", i))
		}
		w.limitedDecide(complete("done"))
		w.limitedEnd()
	}},
	{"a run gets more updates than it may", func(w *World) {
		w.limitedStart()
		w.limitedDecide()
		for _, id := range []string{"u1", "u2", "u3"} {
			wait := w.Update("w", id, inLimited)
			w.forget("w")
			if id != "u3" {
				task := w.Poll("w", inLimited)
				w.carryOutLimited(task, id)
			}
			wait()
		}
		w.Update("w", "u1", inLimited)()
		w.limitedEnd()
	}},
	{"a run has more activities pending than it may", func(w *World) {
		w.limitedStart()
		w.limitedDecide(w.activity("a"), w.activity("b"))
		w.limitedSignal()
		w.limitedDecide(w.activity("c"))
		w.limitedDecide(complete("done"))
		w.limitedEnd()
	}},
	{"a run has more children, signals and cancellations pending than it may", func(w *World) {
		for _, commands := range [][]*commandpb.Command{
			{w.child("c"), w.child("d"), w.child("e")},
			{w.signalExternal("x", "s"), w.signalExternal("y", "s"), w.signalExternal("z", "s")},
			{w.cancelExternal("x"), w.cancelExternal("y"), w.cancelExternal("z")},
		} {
			w.limitedStart("workflow_id_conflict_policy=TERMINATE_EXISTING")
			for _, name := range []string{"c", "d", "e", "x", "y", "z"} {
				w.forget(name)
			}
			w.limitedDecide(commands...)
			w.limitedEnd()
		}
	}},
	{"a history gets long", func(w *World) {
		w.limitedStart()
		for range 5 {
			w.limitedDecide(marker("m"), marker("m"))
			w.limitedSignal()
		}
		w.Poll("w", inLimited)
		w.forget("w")
	}},
	{"a history gets too long", func(w *World) {
		w.limitedStart()
		for range 10 {
			w.limitedDecide(marker("1"), marker("2"), marker("3"), marker("4"), marker("5"))
			w.limitedSignal()
		}
		w.limitedEnd()
	}},
	{"a worker says a build id that is longer than may be", func(w *World) {
		long := strings.Repeat("x", 101)
		for _, setting := range []string{"worker_version_capabilities.build_id=" + long, "deployment_options.build_id=" + long} {
			_, _ = w.API.PollWorkflowTaskQueue(w.Ctx, w.pollRequest("w", setting))
			_, _ = w.API.PollActivityTaskQueue(w.Ctx, w.activityPoll("w", setting))
		}
	}},
	{"names and ids are longer than they may be", func(w *World) {
		long := strings.Repeat("x", 201)
		w.Start("w", "workflow_id="+long)
		for _, field := range []string{"workflow_type=", "task_queue=", "request_id="} {
			w.Start("w", field+long)
		}
		w.Start("w")
		w.Signal("w", long)
		w.Signal("w", "s", "request_id="+long)
		w.SignalWithStart("w", long)
		w.Update("w", long)()
		w.Query("w", "q", "execution.workflow_id="+long)()
		_, _ = w.API.PollWorkflowTaskQueue(w.Ctx, w.pollRequest("w", "identity="+long))
		_, _ = w.API.DescribeTaskQueue(w.Ctx, &workflowservice.DescribeTaskQueueRequest{Namespace: Namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: long}})
		_, _ = w.API.DescribeNamespace(w.Ctx, &workflowservice.DescribeNamespaceRequest{Namespace: long})
		for _, command := range []*commandpb.Command{
			timer(long, "1h"), marker(long), w.activity(long), w.activity("a", "activity_type="+long), w.child("c", "workflow_type="+long),
		} {
			w.Decide("w", command)
			w.Terminate("w")
			w.Start("w")
		}
		w.Terminate("w")
		w.forget("w")
	}},
	{"inputs and memos are larger than a namespace lets them be", func(w *World) {
		big := "input=" + strings.Repeat("x", 4000)
		w.limitedStart()
		w.limitedSignal(big)
		_, _ = w.API.StartWorkflowExecution(w.Ctx, w.StartRequest("other", inLimited, big))
		w.forget("other")
		w.limitedDecide(complete(strings.Repeat("x", 4000)))
		w.limitedEnd()
	}},
}

// carryOutLimited accepts and completes an update.
func (w *World) carryOutLimited(t *Task, id string) {
	request := Set(t.completion(protocolMessage(id+"/accept"), protocolMessage(id+"/complete")), inLimited)
	request.Messages = messages(t.Accept(id), Outcome(id, "out"))
	_, _ = w.API.RespondWorkflowTaskCompleted(w.Ctx, request)
}
