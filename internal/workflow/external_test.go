//lint:file-ignore SA1019 Deprecated fields of commands and events are recorded as they come.

package workflow

import (
	"strings"
	"testing"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"
)

type (
	signalAttributes = commandpb.SignalExternalWorkflowExecutionCommandAttributes
	cancelAttributes = commandpb.RequestCancelExternalWorkflowExecutionCommandAttributes
)

func TestSignalReachesAnotherWorkflow(t *testing.T) {
	w := newEngine(t)
	w.workflow("to").start()
	runID := w.workflow("from").start().RunId
	w.workflow("from").decide(signalExternal("to"))
	w.deliver()

	signaled := w.workflow("to").wantEvents(2, "WorkflowExecutionSignaled")[0].GetWorkflowExecutionSignaledEventAttributes()
	if signaled.SignalName != "signal" || !proto.Equal(signaled.Input, payloads("signal input")) || signaled.Identity != "history-service" ||
		!proto.Equal(signaled.ExternalWorkflowExecution, &commonpb.WorkflowExecution{WorkflowId: "from", RunId: runID}) {
		t.Errorf("signaled event is %v", signaled)
	}
	events := w.workflow("from").wantEvents(4, "SignalExternalWorkflowExecutionInitiated", "ExternalWorkflowExecutionSignaled", "WorkflowTaskScheduled")
	wantInitiated := &historypb.SignalExternalWorkflowExecutionInitiatedEventAttributes{
		WorkflowTaskCompletedEventId: 4,
		NamespaceId:                  testNamespace,
		WorkflowExecution:            &commonpb.WorkflowExecution{WorkflowId: "to"},
		SignalName:                   "signal",
		Input:                        payloads("signal input"),
		Control:                      "control",
	}
	if got := events[0].GetSignalExternalWorkflowExecutionInitiatedEventAttributes(); !proto.Equal(got, wantInitiated) {
		t.Errorf("initiated event is %v", got)
	}
	want := &historypb.ExternalWorkflowExecutionSignaledEventAttributes{
		InitiatedEventId:  5,
		Namespace:         "space",
		NamespaceId:       testNamespace,
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "to"},
		Control:           "control",
	}
	if got := events[1].GetExternalWorkflowExecutionSignaledEventAttributes(); !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if r := w.workflow("from").run(); r.signals.len()+r.cancels.len() != 0 {
		t.Errorf("%d are pending", r.signals.len()+r.cancels.len())
	}
}

func TestSignalsThatDoNotArriveFail(t *testing.T) {
	const missing = enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND
	for _, test := range []struct {
		name    string
		prepare func(*engine)
		command *commandpb.Command
		cause   enumspb.SignalExternalWorkflowExecutionFailedCause
	}{
		{"no such workflow", nil, signalExternal("to"), missing},
		{"closed workflow", func(w *engine) { w.workflow("to").start(); w.workflow("to").terminate() }, signalExternal("to"), missing},
		{"no such run", func(w *engine) { w.workflow("to").start() }, signalExternal("to", func(a *signalAttributes) {
			a.Execution.RunId = "00000000-0000-4000-8000-00000000abcd"
		}), missing},
		{"not a child", func(w *engine) { w.workflow("to").start() }, signalExternal("to", func(a *signalAttributes) { a.ChildWorkflowOnly = true }), missing},
		{"itself", nil, signalExternal("from"), missing},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newEngine(t)
			if test.prepare != nil {
				test.prepare(w)
			}
			w.workflow("from").start()
			w.workflow("from").decide(test.command)
			w.deliver()
			target := test.command.GetSignalExternalWorkflowExecutionCommandAttributes().Execution
			want := &historypb.SignalExternalWorkflowExecutionFailedEventAttributes{
				Cause:             test.cause,
				Namespace:         "space",
				NamespaceId:       testNamespace,
				WorkflowExecution: target,
				InitiatedEventId:  5,
				Control:           "control",
			}
			got := w.workflow("from").wantEvents(5, "SignalExternalWorkflowExecutionFailed", "WorkflowTaskScheduled")[0].GetSignalExternalWorkflowExecutionFailedEventAttributes()
			if !proto.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestSignalToAWorkflowThatHasHadTooManyFails(t *testing.T) {
	w := newEngine(t, Limits{Signals: 1})
	w.workflow("to").start()
	w.workflow("from").start()
	w.workflow("from").decide(signalExternal("to"), signalExternal("to"))
	w.deliver()
	events := w.workflow("from").wantEvents(6, "ExternalWorkflowExecutionSignaled", "WorkflowTaskScheduled", "SignalExternalWorkflowExecutionFailed")
	if got := events[2].GetSignalExternalWorkflowExecutionFailedEventAttributes().Cause; got != enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_SIGNAL_COUNT_LIMIT_EXCEEDED {
		t.Errorf("cause is %v", got)
	}
}

func TestParentSignalsItsChild(t *testing.T) {
	w := parentAndChild(t)
	w.workflow("p").decide(signalExternal("c", func(a *signalAttributes) { a.ChildWorkflowOnly = true }))
	w.deliver()
	w.workflow("c").wantEvents(2, "WorkflowExecutionSignaled")
	w.workflow("p").wantEvents(afterChildStarted+2, "SignalExternalWorkflowExecutionInitiated", "ExternalWorkflowExecutionSignaled", "WorkflowTaskScheduled")
}

func TestCancelRequestReachesAnotherWorkflow(t *testing.T) {
	w := newEngine(t)
	w.workflow("to").start()
	runID := w.workflow("from").start().RunId
	w.workflow("from").decide(cancelExternal("to"))
	w.deliver()
	requested := w.workflow("to").wantEvents(2, "WorkflowExecutionCancelRequested")[0].GetWorkflowExecutionCancelRequestedEventAttributes()
	want := &historypb.WorkflowExecutionCancelRequestedEventAttributes{
		Cause:                     "reason",
		ExternalInitiatedEventId:  5,
		ExternalWorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "from", RunId: runID},
		Identity:                  "history-service",
	}
	if !proto.Equal(requested, want) {
		t.Errorf("got %v, want %v", requested, want)
	}
	events := w.workflow("from").wantEvents(4, "RequestCancelExternalWorkflowExecutionInitiated", "ExternalWorkflowExecutionCancelRequested", "WorkflowTaskScheduled")
	got := events[1].GetExternalWorkflowExecutionCancelRequestedEventAttributes()
	if !proto.Equal(got, &historypb.ExternalWorkflowExecutionCancelRequestedEventAttributes{
		InitiatedEventId: 5, Namespace: "space", NamespaceId: testNamespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "to"},
	}) {
		t.Errorf("got %v", got)
	}
}

func TestCancellingAWorkflowThatHasClosedIsASuccess(t *testing.T) {
	w := newEngine(t)
	w.workflow("to").start()
	w.workflow("to").terminate()
	w.workflow("from").start()
	w.workflow("from").decide(cancelExternal("to"))
	w.deliver()
	w.workflow("from").wantEvents(5, "ExternalWorkflowExecutionCancelRequested", "WorkflowTaskScheduled")
}

func TestCancelRequestsThatDoNotArriveFail(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(*engine)
		command *commandpb.Command
	}{
		{"no such workflow", nil, cancelExternal("to")},
		{"not a child", func(w *engine) { w.workflow("to").start() }, cancelExternal("to", func(a *cancelAttributes) { a.ChildWorkflowOnly = true })},
		{"itself", nil, cancelExternal("from")},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newEngine(t)
			if test.prepare != nil {
				test.prepare(w)
			}
			w.workflow("from").start()
			w.workflow("from").decide(test.command)
			w.deliver()
			got := w.workflow("from").wantEvents(5, "RequestCancelExternalWorkflowExecutionFailed", "WorkflowTaskScheduled")[0].GetRequestCancelExternalWorkflowExecutionFailedEventAttributes()
			if got.Cause != enumspb.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND || got.InitiatedEventId != 5 {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestBadExternalCommandsFailTheWorkflowTask(t *testing.T) {
	const (
		badSignal = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_SIGNAL_WORKFLOW_EXECUTION_ATTRIBUTES
		badCancel = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_ATTRIBUTES
	)
	for _, test := range []struct {
		name     string
		commands []*commandpb.Command
		cause    enumspb.WorkflowTaskFailedCause
	}{
		{"signal to nobody", []*commandpb.Command{signalExternal("to", func(a *signalAttributes) { a.Execution = nil })}, badSignal},
		{"signal without a workflow id", []*commandpb.Command{signalExternal("")}, badSignal},
		{"signal without a name", []*commandpb.Command{signalExternal("to", func(a *signalAttributes) { a.SignalName = "" })}, badSignal},
		{"signal to a run id that is none", []*commandpb.Command{signalExternal("to", func(a *signalAttributes) { a.Execution.RunId = "x" })}, badSignal},
		{"signal to another namespace", []*commandpb.Command{signalExternal("to", func(a *signalAttributes) { a.Namespace = "other" })}, badSignal},
		{"cancel without a workflow id", []*commandpb.Command{cancelExternal("")}, badCancel},
		{"cancel of a long workflow id", []*commandpb.Command{cancelExternal(strings.Repeat("x", 1001))}, badCancel},
		{"cancel of a child that is just being started", []*commandpb.Command{startChild("c"), cancelExternal("c")}, badCancel},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newEngine(t)
			w.workflow("from").start()
			if failed := w.workflow("from").refuse(test.commands...); failed.Cause != test.cause {
				t.Errorf("cause is %v, want %v", failed.Cause, test.cause)
			}
			if len(w.outbox) != 0 {
				t.Errorf("sent %v", w.outbox)
			}
		})
	}
}

func TestPendingSignalsAndCancelRequestsAreLimitedApart(t *testing.T) {
	w := newEngine(t, Limits{PendingSignals: 1, PendingCancels: 1})
	w.workflow("from").start()
	w.workflow("from").decide(signalExternal("a"), cancelExternal("b"), startTimer("t", 0))
	w.advance(0)
	w.crash()
	decision := w.workflow("from").poll()
	if completion := w.workflow("from").respond(decision.TaskToken, nil, signalExternal("a")); completion.Err == nil {
		t.Error("a second signal was accepted")
	}
	w.deliver()
	w.workflow("from").decide(signalExternal("a"), cancelExternal("b"))
}
