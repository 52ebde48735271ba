package workflow

import (
	"errors"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/entity"
)

func withReuse(p enumspb.WorkflowIdReusePolicy) func(*startRequest) {
	return func(r *startRequest) { r.WorkflowIdReusePolicy, r.RequestId = p, "start-2" }
}

func withConflict(p enumspb.WorkflowIdConflictPolicy) func(*startRequest) {
	return func(r *startRequest) { r.WorkflowIdConflictPolicy, r.RequestId = p, "start-2" }
}

func TestStartedEventTellsHowTheRunWasStarted(t *testing.T) {
	w := newWorkflow(t)
	resp := w.start(func(r *startRequest) {
		r.WorkflowExecutionTimeout = durationpb.New(time.Hour)
		r.Memo = &commonpb.Memo{Fields: map[string]*commonpb.Payload{"k": textPayloads("v").Payloads[0]}}
	})
	if !resp.Started || resp.RunId == "" || resp.FirstExecutionRunId != resp.RunId || resp.Status != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		t.Fatalf("response is %v", resp)
	}
	a := w.events[resp.RunId][0].GetWorkflowExecutionStartedEventAttributes()
	if a.Attempt != 1 || a.OriginalExecutionRunId != resp.RunId || a.FirstExecutionRunId != resp.RunId || a.WorkflowId != "w" ||
		a.WorkflowRunTimeout.AsDuration() != time.Hour || a.WorkflowTaskTimeout.AsDuration() != 10*time.Second ||
		a.FirstWorkflowTaskBackoff == nil || !a.WorkflowExecutionExpirationTime.AsTime().Equal(w.now.Add(time.Hour)) || len(a.Memo.GetFields()) != 1 {
		t.Fatalf("started event is %v", a)
	}
}

func TestRepeatedStartRequestIsTheSameStart(t *testing.T) {
	w := newWorkflow(t)
	same := withRequestID("start-1")
	first := w.start(same)
	for _, crash := range []bool{false, true} {
		if crash {
			w.crash()
		}
		if again := w.start(same); !again.Started || again.RunId != first.RunId {
			t.Fatalf("second response is %v", again)
		}
	}
	w.terminate()
	if again := w.start(same); !again.Started || again.RunId != first.RunId || again.Status != enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED {
		t.Fatalf("response after the end is %v", again)
	}
}

func TestStartOfARunningWorkflowFailsByDefault(t *testing.T) {
	w := newWorkflow(t)
	first := w.start(withRequestID("start-1"))
	_, err := w.tryStart()
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	if !errors.As(err, &already) || already.RunId != first.RunId || already.StartRequestId != "start-1" || already.FirstExecutionRunId != first.RunId {
		t.Fatalf("second start: %v", err)
	}
}

func TestUseExistingReturnsTheRunningRun(t *testing.T) {
	w := newWorkflow(t)
	first := w.start()
	again := w.start(withConflict(enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING))
	if again.Started || again.RunId != first.RunId {
		t.Fatalf("response is %v", again)
	}
}

func TestTerminateExistingReplacesTheRunningRun(t *testing.T) {
	w := newWorkflow(t)
	first := w.start()
	w.poll()
	second := w.start(withConflict(enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING))
	if !second.Started || second.RunId == first.RunId {
		t.Fatalf("response is %v", second)
	}
	w.wantHistoryOf(first.RunId, "Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskFailed Terminated")
	w.wantHistory("Started WorkflowTaskScheduled")
}

func TestReusePolicyDecidesAboutClosedRuns(t *testing.T) {
	complete := func(w subject) { w.complete(w.poll(), completeWorkflow("done")) }
	terminate := func(w subject) { w.terminate() }
	for _, tc := range []struct {
		name   string
		policy enumspb.WorkflowIdReusePolicy
		end    func(subject)
		starts bool
	}{
		{"allow duplicate", enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, complete, true},
		{"failed only after success", enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY, complete, false},
		{"failed only after termination", enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE_FAILED_ONLY, terminate, true},
		{"reject duplicate", enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE, terminate, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorkflow(t)
			w.start()
			tc.end(w)
			_, err := w.tryStart(withReuse(tc.policy))
			if (err == nil) != tc.starts {
				t.Fatalf("second start: %v", err)
			}
		})
	}
}

func TestStartDelayHoldsTheFirstTaskBack(t *testing.T) {
	w := newWorkflow(t)
	w.start(func(r *startRequest) { r.WorkflowStartDelay = durationpb.New(time.Minute) })
	w.signal("a") // does not release it
	w.wantHistory("Started Signaled")
	w.crash()
	w.advance(59 * time.Second)
	w.wantHistory("Started Signaled")
	w.advance(time.Second)
	w.wantHistory("Started Signaled WorkflowTaskScheduled")
}

func TestCancelReleasesADelayedStart(t *testing.T) {
	w := newWorkflow(t)
	w.start(func(r *startRequest) { r.WorkflowStartDelay = durationpb.New(time.Minute) })
	w.must(func(s *entity.Step, c *Chain) error {
		return c.RequestCancel(s, &workflowservice.RequestCancelWorkflowExecutionRequest{})
	})
	w.wantHistory("Started CancelRequested WorkflowTaskScheduled")
	w.advance(2 * time.Minute)
	w.wantHistory("Started CancelRequested WorkflowTaskScheduled")
}

func TestEagerStartBringsTheFirstTaskInTheReply(t *testing.T) {
	w := newWorkflow(t)
	eager := func(r *startRequest) { r.RequestEagerExecution, r.RequestId = true, "start-1" }
	first := w.start(eager)
	task := overWire(t, first.EagerWorkflowTask)
	if got := names(task.History.Events); got != "Started WorkflowTaskScheduled WorkflowTaskStarted" {
		t.Fatalf("client got %s", got)
	}
	if !task.History.Events[0].GetWorkflowExecutionStartedEventAttributes().EagerExecutionAccepted {
		t.Fatal("the Started event does not tell")
	}
	if w.task(entity.TaskWorkflow) != nil {
		t.Fatal("task is dispatched as well")
	}
	if again := w.start(eager); again.EagerWorkflowTask.GetStartedEventId() != 3 {
		t.Fatalf("repeated start: %v", again)
	}
	w.complete(task, completeWorkflow("done"))
}

func TestEagerTaskOfALostClientIsDispatched(t *testing.T) {
	w := newWorkflow(t)
	w.start(func(r *startRequest) { r.RequestEagerExecution = true })
	w.advance(10 * time.Second)
	w.complete(w.poll(), completeWorkflow("done"))
}

func TestSignalWithStartStartsWithTheSignal(t *testing.T) {
	w := newWorkflow(t)
	same := func(r *signalWithStartRequest) { r.RequestId = "request" }
	if resp, err := w.signalWithStart(same); err != nil || !resp.Started {
		t.Fatalf("response is %v, %v", resp, err)
	}
	w.wantHistory("Started Signaled WorkflowTaskScheduled")
	// The same request again neither starts nor signals.
	if _, err := w.signalWithStart(same); err != nil {
		t.Fatal(err)
	}
	w.wantHistory("Started Signaled WorkflowTaskScheduled")
}

func TestSignalWithStartSignalsARunningWorkflow(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	if resp, err := w.signalWithStart(); err != nil || resp.Started || resp.RunId != w.runID() {
		t.Fatalf("response is %v", resp)
	}
	w.wantHistory("Started WorkflowTaskScheduled Signaled")
}

func TestSignalWithStartTerminatesARunningWorkflowIfAskedTo(t *testing.T) {
	w := newWorkflow(t)
	first := w.start()
	resp, err := w.signalWithStart(func(r *signalWithStartRequest) {
		r.WorkflowIdConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING
	})
	if err != nil || !resp.Started {
		t.Fatalf("response is %v, %v", resp, err)
	}
	w.wantHistoryOf(first.RunId, "Started WorkflowTaskScheduled Terminated")
	w.wantHistory("Started Signaled WorkflowTaskScheduled")
}
