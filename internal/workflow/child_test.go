//lint:file-ignore SA1019 Deprecated fields of commands and events are recorded as they come.

package workflow

import (
	"errors"
	"strings"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// afterChildStarted is the number of events of a parent whose first workflow task
// has started one child, once the child's start is recorded.
const afterChildStarted = 7

// parentAndChild is an engine with workflow "p" whose child "c" has been started.
func parentAndChild(t *testing.T, change ...func(*childAttributes)) *engine {
	t.Helper()
	w := newEngine(t)
	w.workflow("p").start()
	w.workflow("p").decide(startChild("c", change...))
	w.deliver()
	return w
}

func TestChildStartsInTwoPhases(t *testing.T) {
	w := newEngine(t)
	parentRun := w.workflow("p").start(func(req *startRequest) {
		req.Priority = &commonpb.Priority{PriorityKey: 2, FairnessKey: "tenant"}
	}).RunId
	w.workflow("p").decide(startChild("c", func(attr *childAttributes) {
		attr.Priority = &commonpb.Priority{PriorityKey: 1}
	}))
	initiated := w.workflow("p").wantEvents(4, "StartChildWorkflowExecutionInitiated")[0].GetStartChildWorkflowExecutionInitiatedEventAttributes()
	if initiated.Namespace != "space" || initiated.NamespaceId != testNamespace || initiated.TaskQueue.GetName() != testQueue ||
		initiated.ParentClosePolicy != enumspb.PARENT_CLOSE_POLICY_TERMINATE ||
		initiated.WorkflowIdReusePolicy != enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE ||
		initiated.WorkflowTaskTimeout.AsDuration() != 10*time.Second || initiated.WorkflowRunTimeout == nil {
		t.Errorf("initiated event is %v", initiated)
	}

	w.deliverOne() // StartChild
	w.workflow("c").wantEvents(0, "WorkflowExecutionStarted")
	if w.workflow("c").task(entity.TaskWorkflow) != nil {
		t.Fatal("the child may run before its parent has recorded its start")
	}
	started := w.workflow("c").history()[0].GetWorkflowExecutionStartedEventAttributes()
	if started.ParentWorkflowNamespace != "space" || started.ParentInitiatedEventId != 5 ||
		!proto.Equal(started.ParentWorkflowExecution, &commonpb.WorkflowExecution{WorkflowId: "p", RunId: parentRun}) ||
		!proto.Equal(started.RootWorkflowExecution, &commonpb.WorkflowExecution{WorkflowId: "p", RunId: parentRun}) ||
		!proto.Equal(started.Priority, &commonpb.Priority{PriorityKey: 1, FairnessKey: "tenant"}) ||
		!proto.Equal(started.Input, payloads("input of c")) {
		t.Errorf("the child's started event is %v", started)
	}

	w.deliverOne() // ChildStarted
	events := w.workflow("p").wantEvents(5, "ChildWorkflowExecutionStarted", "WorkflowTaskScheduled")
	want := &historypb.ChildWorkflowExecutionStartedEventAttributes{
		Namespace:         "space",
		NamespaceId:       testNamespace,
		InitiatedEventId:  5,
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "c", RunId: w.workflow("c").run().info.RunId},
		WorkflowType:      &commonpb.WorkflowType{Name: "Child"},
		Header:            initiated.Header,
	}
	if got := events[0].GetChildWorkflowExecutionStartedEventAttributes(); !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if w.workflow("c").task(entity.TaskWorkflow) != nil {
		t.Fatal("the child may run before it is told so")
	}

	w.deliverOne() // ChildFirstTask
	if w.workflow("c").task(entity.TaskWorkflow) == nil {
		t.Error("the child does not run")
	}
	if len(w.outbox) != 0 {
		t.Errorf("%d messages are left", len(w.outbox))
	}
}

func TestGrandchildKnowsTheRootOfTheTree(t *testing.T) {
	w := parentAndChild(t)
	w.workflow("c").decide(startChild("g"))
	w.deliver()
	started := w.workflow("g").history()[0].GetWorkflowExecutionStartedEventAttributes()
	if started.RootWorkflowExecution.GetWorkflowId() != "p" || started.ParentWorkflowExecution.GetWorkflowId() != "c" {
		t.Errorf("root %v, parent %v", started.RootWorkflowExecution, started.ParentWorkflowExecution)
	}
}

func TestHowAChildEndsIsRecordedByItsParent(t *testing.T) {
	failure := &failurepb.Failure{Message: "broken", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{}}}
	for _, test := range []struct {
		name string
		end  func(*engine)
		want string
	}{
		{"completed", func(w *engine) { w.workflow("c").decide(completeWorkflow("done")) }, "ChildWorkflowExecutionCompleted"},
		{"failed", func(w *engine) {
			w.workflow("c").decide(&commandpb.Command{
				CommandType: enumspb.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION,
				Attributes: &commandpb.Command_FailWorkflowExecutionCommandAttributes{
					FailWorkflowExecutionCommandAttributes: &commandpb.FailWorkflowExecutionCommandAttributes{Failure: failure}},
			})
		}, "ChildWorkflowExecutionFailed"},
		{"canceled", func(w *engine) {
			w.workflow("c").decide(&commandpb.Command{
				CommandType: enumspb.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
				Attributes: &commandpb.Command_CancelWorkflowExecutionCommandAttributes{
					CancelWorkflowExecutionCommandAttributes: &commandpb.CancelWorkflowExecutionCommandAttributes{Details: payloads("why")}},
			})
		}, "ChildWorkflowExecutionCanceled"},
		{"terminated", func(w *engine) { w.workflow("c").terminate() }, "ChildWorkflowExecutionTerminated"},
		{"timed out", func(w *engine) { w.advance(time.Hour) }, "ChildWorkflowExecutionTimedOut"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := parentAndChild(t, func(attr *childAttributes) {
				attr.WorkflowRunTimeout = durationpb.New(time.Hour)
			})
			w.workflow("p").decide()
			child := w.workflow("c").run().info.RunId
			test.end(w)
			w.deliver()
			event := w.workflow("p").wantEvents(afterChildStarted+2, test.want, "WorkflowTaskScheduled")[0]
			type ended interface {
				GetWorkflowExecution() *commonpb.WorkflowExecution
				GetWorkflowType() *commonpb.WorkflowType
				GetNamespace() string
				GetNamespaceId() string
				GetInitiatedEventId() int64
				GetStartedEventId() int64
			}
			var got ended
			switch test.name {
			case "completed":
				attr := event.GetChildWorkflowExecutionCompletedEventAttributes()
				if got = attr; !proto.Equal(attr.Result, payloads("done")) {
					t.Errorf("result is %v", attr.Result)
				}
			case "failed":
				attr := event.GetChildWorkflowExecutionFailedEventAttributes()
				if got = attr; !proto.Equal(attr.Failure, failure) || attr.RetryState != enumspb.RETRY_STATE_RETRY_POLICY_NOT_SET {
					t.Errorf("got %v", attr)
				}
			case "canceled":
				attr := event.GetChildWorkflowExecutionCanceledEventAttributes()
				if got = attr; !proto.Equal(attr.Details, payloads("why")) {
					t.Errorf("details are %v", attr.Details)
				}
			case "terminated":
				got = event.GetChildWorkflowExecutionTerminatedEventAttributes()
			case "timed out":
				got = event.GetChildWorkflowExecutionTimedOutEventAttributes()
			}
			if got.GetWorkflowExecution().GetWorkflowId() != "c" || got.GetWorkflowExecution().GetRunId() != child ||
				got.GetWorkflowType().GetName() != "Child" || got.GetNamespace() != "space" || got.GetNamespaceId() != testNamespace ||
				got.GetInitiatedEventId() != 5 || got.GetStartedEventId() != 6 {
				t.Errorf("got %v", got)
			}
			if n := w.workflow("p").run().children.len(); n != 0 {
				t.Errorf("%d children are pending", n)
			}
		})
	}
}

func TestParentLearnsOfTheLastOfAChildsRunsOnly(t *testing.T) {
	w := parentAndChild(t)
	w.workflow("p").decide()
	first := w.workflow("c").run().info.RunId
	w.workflow("c").decide(&commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_ContinueAsNewWorkflowExecutionCommandAttributes{
			ContinueAsNewWorkflowExecutionCommandAttributes: &commandpb.ContinueAsNewWorkflowExecutionCommandAttributes{}},
	})
	w.deliver()
	w.workflow("p").wantEvents(afterChildStarted + 2)
	w.advance(time.Minute) // a run that is too short makes the next one wait
	w.workflow("c").decide(completeWorkflow("done"))
	w.deliver()
	attr := w.workflow("p").wantEvents(afterChildStarted+2, "ChildWorkflowExecutionCompleted", "WorkflowTaskScheduled")[0].GetChildWorkflowExecutionCompletedEventAttributes()
	if got := attr.WorkflowExecution.RunId; got == first || got != w.workflow("c").run().info.RunId {
		t.Errorf("run is %v", got)
	}
}

func TestChildWhoseIdIsTakenIsNotStarted(t *testing.T) {
	w := newEngine(t)
	w.workflow("c").start()
	w.workflow("p").start()
	w.workflow("p").decide(startChild("c"))
	w.deliver()
	want := &historypb.StartChildWorkflowExecutionFailedEventAttributes{
		Namespace:        "space",
		NamespaceId:      testNamespace,
		WorkflowId:       "c",
		WorkflowType:     &commonpb.WorkflowType{Name: "Child"},
		Cause:            enumspb.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS,
		Control:          "control",
		InitiatedEventId: 5,
	}
	got := w.workflow("p").wantEvents(5, "StartChildWorkflowExecutionFailed", "WorkflowTaskScheduled")[0].GetStartChildWorkflowExecutionFailedEventAttributes()
	if !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestAWorkflowCannotBeItsOwnChild(t *testing.T) {
	w := newEngine(t)
	w.workflow("p").start()
	w.workflow("p").decide(startChild("p"))
	w.deliver()
	w.workflow("p").wantEvents(5, "StartChildWorkflowExecutionFailed", "WorkflowTaskScheduled")
}

func TestChildIdIsReusedOnlyAsItsPolicyAllows(t *testing.T) {
	w := newEngine(t)
	w.workflow("c").start()
	w.workflow("c").decide(completeWorkflow("done"))
	w.workflow("p").start()
	w.workflow("p").decide(startChild("c", func(attr *childAttributes) {
		attr.WorkflowIdReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
	}))
	w.deliver()
	w.workflow("p").wantEvents(5, "StartChildWorkflowExecutionFailed", "WorkflowTaskScheduled")
	w.workflow("p").decide(startChild("c"))
	w.deliver()
	w.workflow("p").wantEvents(9, "StartChildWorkflowExecutionInitiated", "ChildWorkflowExecutionStarted", "WorkflowTaskScheduled")
}

func TestChildOfANamespaceThatIsGoneIsNotStarted(t *testing.T) {
	w := newEngine(t)
	w.workflow("p").start()
	w.workflow("p").decide(startChild("c"))
	w.outbox[0].To.Namespace = "gone"
	w.deliver()
	got := w.workflow("p").wantEvents(5, "StartChildWorkflowExecutionFailed", "WorkflowTaskScheduled")[0].GetStartChildWorkflowExecutionFailedEventAttributes()
	if got.Cause != enumspb.START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND {
		t.Errorf("cause is %v", got.Cause)
	}
}

func TestBadChildCommandsFailTheWorkflowTask(t *testing.T) {
	type attributes = childAttributes
	for name, change := range map[string]func(*attributes){
		"no id":                   func(a *attributes) { a.WorkflowId = "" },
		"no type":                 func(a *attributes) { a.WorkflowType = nil },
		"long id":                 func(a *attributes) { a.WorkflowId = strings.Repeat("c", 1001) },
		"negative timeout":        func(a *attributes) { a.WorkflowRunTimeout = durationpb.New(-1) },
		"bad cron schedule":       func(a *attributes) { a.CronSchedule = "now and then" },
		"bad retry policy":        func(a *attributes) { a.RetryPolicy = &commonpb.RetryPolicy{MaximumAttempts: -1} },
		"another namespace":       func(a *attributes) { a.Namespace = "other" },
		"namespace there is none": func(a *attributes) { a.Namespace = "nowhere" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newEngine(t)
			w.workflow("p").start()
			failed := w.workflow("p").refuse(startChild("c", change))
			if failed.Cause != enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_START_CHILD_EXECUTION_ATTRIBUTES {
				t.Errorf("cause is %v", failed.Cause)
			}
		})
	}
}

func TestTooManyPendingChildrenFailTheWorkflowTask(t *testing.T) {
	w := newEngine(t, Limits{PendingChildren: 1})
	w.workflow("p").start()
	if failed := w.workflow("p").refuse(startChild("a"), startChild("b")); failed.Cause != enumspb.WORKFLOW_TASK_FAILED_CAUSE_PENDING_CHILD_WORKFLOWS_LIMIT_EXCEEDED {
		t.Errorf("cause is %v", failed.Cause)
	}
}

func TestClosingTheParentDoesToItsChildWhatThePolicySays(t *testing.T) {
	for _, test := range []struct {
		policy    enumspb.ParentClosePolicy
		status    enumspb.WorkflowExecutionStatus
		cancelled bool
	}{
		{enumspb.PARENT_CLOSE_POLICY_UNSPECIFIED, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, false},
		{enumspb.PARENT_CLOSE_POLICY_TERMINATE, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, false},
		{enumspb.PARENT_CLOSE_POLICY_ABANDON, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, false},
		{enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL, enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, true},
	} {
		t.Run(test.policy.String(), func(t *testing.T) {
			w := parentAndChild(t, parentClosePolicy(test.policy))
			w.workflow("p").decide(completeWorkflow("done"))
			w.deliver()
			w.workflow("c").wantStatus(test.status)
			if got := w.workflow("c").run().state.CancelRequested; got != test.cancelled {
				t.Errorf("cancel requested: %v", got)
			}
			if test.status == enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED {
				attr := w.workflow("c").wantEvents(2, "WorkflowExecutionTerminated")[0].GetWorkflowExecutionTerminatedEventAttributes()
				if attr.Reason != "by parent close policy" || attr.Identity != "history-service" {
					t.Errorf("terminated event is %v", attr)
				}
			}
		})
	}
}

func TestParentClosePolicyReachesTheLaterRunsOfAChild(t *testing.T) {
	w := parentAndChild(t)
	w.workflow("c").decide(&commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_ContinueAsNewWorkflowExecutionCommandAttributes{
			ContinueAsNewWorkflowExecutionCommandAttributes: &commandpb.ContinueAsNewWorkflowExecutionCommandAttributes{}},
	})
	w.workflow("p").decide(completeWorkflow("done"))
	w.deliver()
	w.workflow("c").wantStatus(enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
}

func TestParentClosePolicySparesAnotherWorkflowUnderTheSameId(t *testing.T) {
	w := parentAndChild(t)
	w.workflow("c").terminate()
	w.outbox = nil // the parent has not been told yet
	w.workflow("c").start()
	w.workflow("p").decide(completeWorkflow("done"))
	w.deliver()
	w.workflow("c").wantStatus(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
}

func TestChildThatIsStartedAndLeftInTheSameWorkflowTaskNeverComesToBe(t *testing.T) {
	w := newEngine(t)
	w.workflow("p").start()
	w.workflow("p").decide(startChild("c", parentClosePolicy(enumspb.PARENT_CLOSE_POLICY_ABANDON)), completeWorkflow("done"))
	w.deliver()
	if w.workflow("c").chain().current != nil {
		t.Error("the child exists")
	}
}

func TestChildWhoseParentClosesBeforeItHasHeardOfItIsTerminatedUnrun(t *testing.T) {
	w := newEngine(t)
	w.workflow("p").start()
	w.workflow("p").decide(startChild("c", parentClosePolicy(enumspb.PARENT_CLOSE_POLICY_ABANDON)))
	w.deliverOne() // StartChild
	w.workflow("p").terminate()
	w.deliver()
	w.workflow("c").wantStatus(enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	w.workflow("c").wantEvents(0, "WorkflowExecutionStarted", "WorkflowExecutionTerminated")
}

func TestLateRepeatedReportOfAnAbandonedChildDoesNotHarmIt(t *testing.T) {
	w := newEngine(t)
	w.workflow("p").start()
	w.workflow("p").decide(startChild("c", parentClosePolicy(enumspb.PARENT_CLOSE_POLICY_ABANDON)))
	w.deliverOne()             // StartChild
	report := w.outbox[0].Body // ChildStarted
	w.deliver()
	w.workflow("p").decide(completeWorkflow("done"))
	w.workflow("p").must(func(step *entity.Step, c *Chain) error { return c.Receive(step, keyOf("c"), report) })
	w.deliver()
	w.workflow("c").wantStatus(enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING)
}

func TestLateRepeatedStartDoesNotLetASecondChildRun(t *testing.T) {
	w := newEngine(t)
	w.workflow("p").start()
	w.workflow("p").decide(startChild("c"))
	start := w.outbox[0].Body
	w.deliver()
	w.workflow("c").decide(completeWorkflow("done"))
	w.deliver()
	w.workflow("c").start()
	w.workflow("c").decide(completeWorkflow("unrelated"))
	w.workflow("c").must(func(step *entity.Step, c *Chain) error { return c.Receive(step, keyOf("p"), start) })
	w.deliver()
	w.workflow("c").wantStatus(enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	w.workflow("c").wantEvents(0, "WorkflowExecutionStarted", "WorkflowExecutionTerminated")
	w.workflow("p").wantEvents(afterChildStarted, "ChildWorkflowExecutionCompleted")
}

func TestEndOfAChildThatOvertakesItsStartComesAfterIt(t *testing.T) {
	w := newEngine(t)
	w.workflow("p").start()
	w.workflow("p").decide(startChild("c"))
	w.deliverOne() // StartChild
	started := w.outbox[0]
	w.outbox = nil
	w.workflow("c").terminate()
	w.deliver()
	w.workflow("p").wantEvents(5, "ChildWorkflowExecutionStarted", "ChildWorkflowExecutionTerminated", "WorkflowTaskScheduled")
	w.outbox = append(w.outbox, started)
	w.deliver()
	w.workflow("p").wantEvents(8)
}

func TestChildThatStartsAndEndsDuringAWorkflowTaskIsBufferedInOrder(t *testing.T) {
	w := newEngine(t)
	w.workflow("p").start()
	w.workflow("p").decide(startChild("c"), startTimer("t", 0))
	w.advance(0)
	decision := w.workflow("p").poll()
	w.deliver()
	w.workflow("c").decide(completeWorkflow("done"))
	w.deliver()
	w.workflow("p").respond(decision.TaskToken, nil)
	events := w.workflow("p").wantEvents(9, "WorkflowTaskCompleted", "ChildWorkflowExecutionStarted", "ChildWorkflowExecutionCompleted", "WorkflowTaskScheduled")
	if got := events[2].GetChildWorkflowExecutionCompletedEventAttributes().StartedEventId; got != 11 {
		t.Errorf("completed event refers to %d", got)
	}
}

func TestChildThatStartsDuringAWorkflowTaskAndEndsLaterRefersToItsStart(t *testing.T) {
	w := newEngine(t)
	w.workflow("p").start()
	w.workflow("p").decide(startChild("c"), startTimer("t", 0))
	w.advance(0)
	decision := w.workflow("p").poll()
	w.deliver()
	w.workflow("p").respond(decision.TaskToken, nil)
	w.crash()
	w.workflow("c").decide(completeWorkflow("done"))
	w.deliver()
	events := w.workflow("p").history()
	attr := events[len(events)-1].GetChildWorkflowExecutionCompletedEventAttributes()
	if attr == nil || attr.StartedEventId != 11 {
		t.Errorf("last event is %v", events[len(events)-1])
	}
}

func TestMessagesThatMakeNoSenseAreDropped(t *testing.T) {
	w := newEngine(t)
	w.workflow("w").start()
	from := func(m *records.Message) []byte {
		m.FromNamespaceId, m.FromWorkflowId, m.FromRunId = testNamespace, "x", "run"
		return mustMarshal(m)
	}
	for name, body := range map[string][]byte{
		"start of nothing":    from(&records.Message{Body: &records.Message_StartChild{StartChild: &records.StartChild{}}}),
		"end of no child":     from(&records.Message{Body: &records.Message_ChildClosed{ChildClosed: &records.ChildClosed{InitiatedEventId: 5}}}),
		"failed start":        from(&records.Message{Body: &records.Message_ChildStartFailed{ChildStartFailed: &records.ChildStartFailed{InitiatedEventId: 5}}}),
		"first task":          from(&records.Message{Body: &records.Message_ChildFirstTask{ChildFirstTask: &records.ChildFirstTask{RunId: "run"}}}),
		"terminate no child":  from(&records.Message{Body: &records.Message_Terminate{Terminate: &records.Terminate{}}}),
		"result for nobody":   from(&records.Message{Body: &records.Message_ExternalResult{ExternalResult: &records.ExternalResult{InitiatedEventId: 5}}}),
		"cancel of no child":  from(&records.Message{Body: &records.Message_Cancel{Cancel: &records.Cancel{ChildOnly: true}}}),
		"signal of no child":  from(&records.Message{Body: &records.Message_Signal{Signal: &records.Signal{ChildOnly: true}}}),
		"signal to no run":    from(&records.Message{Body: &records.Message_Signal{Signal: &records.Signal{RunId: "run"}}}),
		"bodies without body": from(&records.Message{Body: &records.Message_ChildClosed{}}),
	} {
		t.Run(name, func(t *testing.T) {
			w.workflow("w").must(func(step *entity.Step, c *Chain) error { return c.Receive(step, keyOf("p"), body) })
			w.workflow("w").wantEvents(2)
			if len(w.outbox) != 0 {
				t.Errorf("answered %v", w.outbox)
			}
		})
	}
}

func TestMessagesOfAKindThatIsNotKnownAreNotAcknowledged(t *testing.T) {
	w := newEngine(t)
	w.workflow("w").start()
	for name, body := range map[string][]byte{
		"does not decode": {0xff, 0xff, 0xff},
		"no known body":   {},
	} {
		t.Run(name, func(t *testing.T) {
			err := w.workflow("w").step(func(step *entity.Step, c *Chain) error { return c.Receive(step, keyOf("x"), body) })
			if !errors.Is(err, entity.ErrUnknownMessage) {
				t.Errorf("answered with %v", err)
			}
		})
	}
}

func TestParentThatContinuesAsNewLeavesItsChildrenToTheirPolicies(t *testing.T) {
	w := parentAndChild(t)
	w.workflow("p").decide(&commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_ContinueAsNewWorkflowExecutionCommandAttributes{
			ContinueAsNewWorkflowExecutionCommandAttributes: &commandpb.ContinueAsNewWorkflowExecutionCommandAttributes{}},
	})
	w.deliver()
	w.workflow("c").wantStatus(enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
}
