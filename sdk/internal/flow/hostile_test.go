package flow

import (
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
)

func TestInputThatCannotBeDecodedFailsTheWorkflowAndNamesIt(t *testing.T) {
	s := newScript(t, func(Context, int) error { return nil }, "five")
	outcome := s.task().handle()
	if n := len(outcome.Completed.GetCommands()); n != 1 {
		t.Fatalf("%d commands", n)
	}
	got := outcome.Completed.GetCommands()[0].GetFailWorkflowExecutionCommandAttributes().GetFailure().GetMessage()
	if !strings.Contains(got, "unable to decode the workflow function input payload") || !strings.Contains(got, "function name: Workflow") {
		t.Fatalf("the failure is %q", got)
	}
}

func TestASignalThatCannotBeDecodedIsPassedOver(t *testing.T) {
	s := newScript(t, func(ctx Context) (int, error) {
		var n int
		GetSignalChannel(ctx, "n").Receive(ctx, &n)
		return n, nil
	})
	s.run()
	s.signal("n", "five").run()
	s.signal("n", 5).run("CompleteWorkflowExecution 5")
}

func TestAnActivitysResultThatCannotBeDecodedIsAnErrorOfItsFuture(t *testing.T) {
	s := newScript(t, func(ctx Context) (string, error) {
		var n int
		if err := ExecuteActivity(activities(ctx), "Count").Get(ctx, &n); err == nil || n != 0 {
			return "", err
		}
		return "refused", nil
	})
	s.run("ScheduleActivityTask 5 Count").activityDone("five").run(`CompleteWorkflowExecution "refused"`)
}

func TestArgumentsOfAQueryThatCannotBeDecodedFailTheQueryAlone(t *testing.T) {
	s := newScript(t, func(ctx Context) error {
		if err := SetQueryHandler(ctx, "plus", func(n int) (int, error) { return n + 1, nil }); err != nil {
			return err
		}
		return Sleep(ctx, time.Hour)
	})
	s.run("StartTimer 5 1h0m0s")
	if got := s.query("plus", "five"); got.GetCompletedType() != enumspb.QUERY_RESULT_TYPE_FAILED ||
		!strings.Contains(got.GetErrorMessage(), "unable to decode the input for queryType: plus") {
		t.Errorf("the answer is %v", got)
	}
	if got := s.query("plus", 5); string(got.GetQueryResult().GetPayloads()[0].GetData()) != "6" {
		t.Errorf("the answer to the next query is %v", got)
	}
	s.timerFired("5").run("CompleteWorkflowExecution")
}

// What a handler of a query does with the context of the workflow, which it can reach, is refused, and leaves no trace: the
// next task goes on as if nobody had asked.
func TestAQueryThatChangesTheWorkflowFailsAndChangesNothing(t *testing.T) {
	var root Context
	var ready Channel
	changes := map[string]func(){
		"activity":      func() { ExecuteActivity(activities(root), "Charge") },
		"timer":         func() { NewTimer(root, time.Second) },
		"sleep":         func() { _ = Sleep(root, time.Second) },
		"child":         func() { ExecuteChildWorkflow(root, "Child") },
		"coroutine":     func() { Go(root, func(Context) {}) },
		"side effect":   func() { SideEffect(root, func(Context) any { return 1 }) },
		"version":       func() { GetVersion(root, "change", DefaultVersion, 1) },
		"signal":        func() { SignalExternalWorkflow(root, "other", "", "go", nil) },
		"memo":          func() { _ = UpsertMemo(root, map[string]any{"a": 1}) },
		"query handler": func() { _ = SetQueryHandler(root, "q", func() (int, error) { return 1, nil }) },
		"receive":       func() { ready.Receive(root, nil) },
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			s := newScript(t, func(ctx Context) error {
				root, ready = ctx, NewChannel(ctx)
				if err := SetQueryHandler(ctx, "change", func() (int, error) { change(); return 1, nil }); err != nil {
					return err
				}
				return Sleep(ctx, time.Hour)
			})
			s.run("StartTimer 5 1h0m0s")
			if got := s.query("change"); got.GetCompletedType() != enumspb.QUERY_RESULT_TYPE_FAILED || got.GetErrorMessage() == "" {
				t.Errorf("the answer is %v", got)
			}
			s.timerFired("5").run("CompleteWorkflowExecution")
		})
	}
}
