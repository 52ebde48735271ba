package scenario

import (
	"context"
	"fmt"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Reset resets a run to before the nth workflow task that it has completed, counted from
// 1, and has the history of the new run compared, after those of the others.
func (e *Env) Reset(run client.WorkflowRun, nth int, change ...func(*workflowservice.ResetWorkflowExecutionRequest)) client.WorkflowRun {
	e.T.Helper()
	req := &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:         "default",
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: run.GetID(), RunId: run.GetRunID()},
		Reason:            "a better way",
		RequestId:         fmt.Sprint(run.GetID(), "-reset-", len(e.resets[run.GetID()])),
	}
	for _, event := range e.History(run.GetID(), run.GetRunID()) {
		if event.EventType == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			if nth--; nth == 0 {
				req.WorkflowTaskFinishEventId = event.EventId
			}
		}
	}
	for _, f := range change {
		f(req)
	}
	resp, err := e.Client.ResetWorkflowExecution(e.Ctx, req)
	e.Must(err)
	e.mu.Lock()
	defer e.mu.Unlock()
	e.resets[run.GetID()] = append(e.resets[run.GetID()], resp.RunId)
	return e.Client.GetWorkflow(e.Ctx, run.GetID(), resp.RunId)
}

// note takes updates "add" and signals "add", and ends with what it has got when it gets
// the signal "end".
func note(ctx workflow.Context) (string, error) {
	var values []string
	err := workflow.SetUpdateHandler(ctx, "add", func(ctx workflow.Context, value string) (int, error) {
		values = append(values, value)
		return len(values), nil
	})
	if err != nil {
		return "", err
	}
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var value string
			workflow.GetSignalChannel(ctx, "add").Receive(ctx, &value)
			values = append(values, value)
		}
	})
	workflow.GetSignalChannel(ctx, "end").Receive(ctx, nil)
	return strings.Join(values, " "), nil
}

// errand runs an activity, waits for the signal "go", and runs another one.
func errand(ctx workflow.Context) (string, error) {
	var first, second string
	if err := workflow.ExecuteActivity(quick(ctx), fetch, "first").Get(ctx, &first); err != nil {
		return "", err
	}
	workflow.GetSignalChannel(ctx, "go").Receive(ctx, nil)
	err := workflow.ExecuteActivity(quick(ctx), fetch, "second").Get(ctx, &second)
	return first + " " + second, err
}

// patient begins an activity and a timer, counts the signals "go" until both are over.
func patient(ctx workflow.Context) (string, error) {
	activity, timer := workflow.ExecuteActivity(quick(ctx), later), workflow.NewTimer(ctx, time.Second)
	workflow.GetSignalChannel(ctx, "go").Receive(ctx, nil)
	var result string
	if err := timer.Get(ctx, nil); err != nil {
		return "", err
	}
	err := activity.Get(ctx, &result)
	return result, err
}

func quick(ctx workflow.Context) workflow.Context {
	return workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, DisableEagerExecution: true})
}

func fetch(_ context.Context, what string) (string, error) { return what, nil }

// later is completed from outside.
func later(context.Context) (string, error) { return "", activity.ErrResultPending }

// gather takes signals "add" until one is "end". One is "next" makes it continue as new,
// if it is told that it may.
func gather(mayContinue bool) func(workflow.Context) (string, error) {
	return func(ctx workflow.Context) (string, error) {
		var values []string
		for {
			var value string
			workflow.GetSignalChannel(ctx, "add").Receive(ctx, &value)
			switch {
			case value == "end":
				return strings.Join(values, " "), nil
			case value == "next" && mayContinue:
				return "", workflow.NewContinueAsNewError(ctx, "gather")
			}
			values = append(values, value)
		}
	}
}

func registerGather(mayContinue bool) func(worker.Registry) {
	return func(r worker.Registry) {
		r.RegisterWorkflowWithOptions(gather(mayContinue), workflow.RegisterOptions{Name: "gather"})
	}
}

func registerResets(r worker.Registry) {
	registerFamily(r)
	r.RegisterWorkflow(note)
	r.RegisterWorkflow(errand)
	r.RegisterWorkflow(patient)
	r.RegisterWorkflow(pokedParent)
	r.RegisterActivity(fetch)
	r.RegisterActivity(later)
}

// pokedParent runs one child and waits for the signal "poke" before its result.
func pokedParent(ctx workflow.Context) (string, error) {
	ctx = workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: workflow.GetInfo(ctx).WorkflowExecution.ID + "-child",
	})
	child := workflow.ExecuteChildWorkflow(ctx, childSays, "hi")
	if err := child.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
		return "", err
	}
	workflow.GetSignalChannel(ctx, "poke").Receive(ctx, nil)
	var result string
	err := child.Get(ctx, &result)
	return result, err
}

// send signals the current run and waits until it has nothing to do.
func (e *Env) send(id, signal string, value any) {
	e.T.Helper()
	e.Must(e.Client.SignalWorkflow(e.Ctx, id, "", signal, value))
	e.EventuallyIdle(id)
}

// add updates the current run and waits for the result.
func (e *Env) add(id, value string) {
	e.T.Helper()
	handle, err := e.Client.UpdateWorkflow(e.Ctx, client.UpdateWorkflowOptions{
		WorkflowID: id, UpdateID: "update-" + value, UpdateName: "add", Args: []any{value},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	e.Must(err)
	e.Must(handle.Get(e.Ctx, nil))
}

var resetScenarios = []Scenario{
	{"a reset to the first task applies signals again", func(e *Env) {
		e.Worker(worker.Options{}, registerResets)
		run := e.Start("w", note)
		e.EventuallyIdle(run.GetID())
		e.send(run.GetID(), "add", "a")
		e.send(run.GetID(), "add", "b")
		again := e.Reset(run, 1)
		e.EventuallyIdle(run.GetID())
		e.send(run.GetID(), "add", "c")
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "end", nil))
		Want(e, e.Result(again), "a b c")
	}},
	{"a reset to the last task leaves what was before it", func(e *Env) {
		e.Worker(worker.Options{}, registerResets)
		run := e.Start("w", note)
		e.EventuallyIdle(run.GetID())
		e.send(run.GetID(), "add", "a")
		e.send(run.GetID(), "add", "b")
		again := e.Reset(run, 3)
		e.EventuallyIdle(run.GetID())
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "end", nil))
		Want(e, e.Result(again), "a b")
	}},
	{"a reset without signals forgets them", func(e *Env) {
		e.Worker(worker.Options{}, registerResets)
		run := e.Start("w", note)
		e.EventuallyIdle(run.GetID())
		e.send(run.GetID(), "add", "a")
		again := e.Reset(run, 1, func(req *workflowservice.ResetWorkflowExecutionRequest) {
			req.ResetReapplyExcludeTypes = []enumspb.ResetReapplyExcludeType{enumspb.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL}
		})
		e.EventuallyIdle(run.GetID())
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "end", nil))
		Want(e, e.Result(again), "")
	}},
	{"a reset admits updates again", func(e *Env) {
		e.Worker(worker.Options{}, registerResets)
		run := e.Start("w", note)
		e.EventuallyIdle(run.GetID())
		e.add(run.GetID(), "a")
		e.send(run.GetID(), "add", "b")
		e.add(run.GetID(), "c")
		again := e.Reset(run, 1)
		var count int
		for _, value := range []string{"a", "c"} {
			e.Must(e.Client.GetWorkflowUpdateHandle(client.GetWorkflowUpdateHandleOptions{
				WorkflowID: run.GetID(), RunID: again.GetRunID(), UpdateID: "update-" + value,
			}).Get(e.Ctx, &count))
		}
		e.EventuallyIdle(run.GetID())
		e.add(run.GetID(), "d")
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "end", nil))
		e.Must(again.Get(e.Ctx, nil))
	}},
	{"a reset to after an update does not repeat it", func(e *Env) {
		e.Worker(worker.Options{}, registerResets)
		run := e.Start("w", note)
		e.EventuallyIdle(run.GetID())
		e.add(run.GetID(), "a")
		e.send(run.GetID(), "add", "b")
		again := e.Reset(run, 3)
		e.EventuallyIdle(run.GetID())
		e.add(run.GetID(), "a")
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "end", nil))
		Want(e, e.Result(again), "a b")
	}},
	{"a run that was reset may be reset again", func(e *Env) {
		e.Worker(worker.Options{}, registerResets)
		run := e.Start("w", note)
		e.EventuallyIdle(run.GetID())
		e.add(run.GetID(), "a")
		again := e.Reset(run, 1)
		e.EventuallyIdle(run.GetID())
		e.send(run.GetID(), "add", "b")
		third := e.Reset(again, 1)
		e.EventuallyIdle(run.GetID())
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "end", nil))
		Want(e, len(e.Result(third)), len("a b"))
	}},
	{"a reset keeps the result of an activity", func(e *Env) {
		e.Worker(worker.Options{}, registerResets)
		run := e.Start("w", errand)
		e.EventuallyEvent(run.GetID(), enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
		e.EventuallyIdle(run.GetID())
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "go", nil))
		Want(e, e.Result(run), "first second")
		Want(e, e.Result(e.Reset(run, 3)), "first second")
	}},
	{"a reset offers a pending activity again and keeps a timer", func(e *Env) {
		e.Worker(worker.Options{}, registerResets)
		run := e.Start("w", patient)
		e.EventuallyIdle(run.GetID())
		e.EventuallyEvent(run.GetID(), enumspb.EVENT_TYPE_TIMER_FIRED)
		e.EventuallyIdle(run.GetID())
		e.send(run.GetID(), "go", nil)
		again := e.Reset(run, 3)
		e.EventuallyIdle(run.GetID())
		e.Eventually("the activity has started", func() bool {
			d, err := e.Client.DescribeWorkflowExecution(e.Ctx, run.GetID(), "")
			return err == nil && len(d.PendingActivities) == 1 && d.PendingActivities[0].State == enumspb.PENDING_ACTIVITY_STATE_STARTED
		})
		e.Must(e.Client.CompleteActivityByID(e.Ctx, "default", run.GetID(), "", "5", "done", nil))
		Want(e, e.Result(again), "done")
	}},
	{"a closed workflow is reset", func(e *Env) {
		e.Worker(worker.Options{}, registerCollect)
		run := e.Start("w", collect)
		e.EventuallyIdle(run.GetID())
		e.send(run.GetID(), "add", "a")
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "add", "end"))
		Want(e, e.Result(run), "a")
		Want(e, e.Result(e.Reset(run, 1)), "a")
	}},
	{"a reset takes signals from the runs that continue the workflow", func(e *Env) {
		w := e.Worker(worker.Options{}, registerGather(true))
		first := e.Start("w", "gather")
		first = e.Client.GetWorkflow(e.Ctx, first.GetID(), first.GetRunID())
		e.EventuallyIdle(first.GetID())
		e.send(first.GetID(), "add", "a")
		e.Must(e.Client.SignalWorkflow(e.Ctx, first.GetID(), "", "add", "next"))
		e.Eventually("it continues as new", func() bool {
			return e.History(first.GetID(), "")[0].GetWorkflowExecutionStartedEventAttributes().ContinuedExecutionRunId != ""
		})
		e.EventuallyIdle(first.GetID())
		e.send(first.GetID(), "add", "b")
		w.Stop()
		again := e.Reset(first, 1)
		e.Worker(worker.Options{}, registerGather(false))
		e.EventuallyIdle(first.GetID())
		e.Must(e.Client.SignalWorkflow(e.Ctx, first.GetID(), "", "add", "end"))
		Want(e, e.Result(again), "a next b")
	}},
	{"a child of a workflow that is reset reports to the new run", func(e *Env) {
		e.Worker(worker.Options{}, registerResets)
		e.ID("w-child")
		run := e.Start("w", pokedParent)
		e.EventuallyEvent(run.GetID(), enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED)
		e.EventuallyIdle(run.GetID())
		e.send(run.GetID(), "poke", nil)
		again := e.Reset(run, 3)
		e.EventuallyIdle(run.GetID())
		releaseChild(e, run.GetID())
		Want(e, e.Result(again), "child says hi")
	}},
	{"the result of a child is applied again by a reset", func(e *Env) {
		e.Worker(worker.Options{}, registerResets)
		e.ID("w-child")
		run := e.Start("w", pokedParent)
		releaseChild(e, run.GetID())
		e.EventuallyEvent(run.GetID(), enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED)
		e.EventuallyIdle(run.GetID())
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "poke", nil))
		Want(e, e.Result(run), "child says hi")
		Want(e, e.Result(e.Reset(run, 2)), "child says hi")
	}},
	{"a child that is reset still reports to its parent", func(e *Env) {
		e.Worker(worker.Options{}, registerResets)
		run := e.Start("w", pokedParent)
		e.EventuallyEvent(run.GetID(), enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED)
		e.EventuallyIdle(run.GetID())
		child := e.Client.GetWorkflow(e.Ctx, e.ID("w-child"), "")
		e.EventuallyIdle(child.GetID())
		e.Reset(child, 1)
		e.EventuallyIdle(child.GetID())
		e.send(run.GetID(), "poke", nil)
		e.Must(e.Client.SignalWorkflow(e.Ctx, child.GetID(), "", "go", nil))
		Want(e, e.Result(run), "child says hi")
	}},
}
