package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// named registers a workflow that is a closure.
func named(w worker.Worker, name string, fn any) {
	w.RegisterWorkflowWithOptions(fn, workflow.RegisterOptions{Name: name})
}

func TestATimerFires(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		named(w, "Nap", func(ctx workflow.Context) (time.Duration, error) {
			begun := workflow.Now(ctx)
			err := workflow.Sleep(ctx, time.Second)
			return workflow.Now(ctx).Sub(begun), err
		})
	})
	run := s.start("Nap")
	if got := result[time.Duration](s, run); got < time.Second {
		t.Fatalf("the timer took %v", got)
	}
	if n := count(s.history(run), enumspb.EVENT_TYPE_TIMER_FIRED); n != 1 {
		t.Fatalf("the history has %d TimerFired events", n)
	}
}

func TestATimerThatIsCancelledDoesNotFire(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		named(w, "Race", func(ctx workflow.Context) (string, error) {
			timerCtx, cancel := workflow.WithCancel(ctx)
			timer := workflow.NewTimer(timerCtx, time.Hour)
			nap := workflow.NewTimer(ctx, 100*time.Millisecond)
			winner := ""
			workflow.NewSelector(ctx).
				AddFuture(timer, func(workflow.Future) { winner = "long" }).
				AddFuture(nap, func(workflow.Future) { winner = "short" }).
				Select(ctx)
			cancel()
			if err := timer.Get(ctx, nil); !temporal.IsCanceledError(err) {
				return "", fmt.Errorf("the timer ended with %w", err)
			}
			return winner, workflow.Sleep(ctx, 10*time.Millisecond)
		})
	})
	run := s.start("Race")
	if got := result[string](s, run); got != "short" {
		t.Fatalf("%q won", got)
	}
	if n := count(s.history(run), enumspb.EVENT_TYPE_TIMER_CANCELED); n != 1 {
		t.Fatalf("the history has %d TimerCanceled events", n)
	}
}

// Collect gathers signals until one says "done".
func Collect(ctx workflow.Context) ([]string, error) {
	var words []string
	if err := workflow.SetQueryHandler(ctx, "words", func() ([]string, error) { return words, nil }); err != nil {
		return nil, err
	}
	channel := workflow.GetSignalChannel(ctx, "word")
	for {
		var word string
		channel.Receive(ctx, &word)
		if word == "done" {
			return words, nil
		}
		words = append(words, word)
	}
}

func TestSignalsArriveInOrder(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) { w.RegisterWorkflow(Collect) })
	run := s.start(Collect)
	want := []string{"a", "b", "c", "d", "e"}
	for _, word := range want {
		s.signal(run, "word", word)
	}
	s.signal(run, "word", "done")
	if got := result[[]string](s, run); !slices.Equal(got, want) {
		t.Fatalf("got %q", got)
	}
}

func TestASignalCanStartTheWorkflow(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) { w.RegisterWorkflow(Collect) })
	id := "wf-" + s.queue
	run, err := s.SignalWithStartWorkflow(s.ctx, id, "word", "first", client.StartWorkflowOptions{TaskQueue: s.queue}, Collect)
	if err != nil {
		t.Fatal(err)
	}
	s.signal(run, "word", "done")
	if got := result[[]string](s, run); !slices.Equal(got, []string{"first"}) {
		t.Fatalf("got %q", got)
	}
}

func TestAQuerySeesTheStateOfARunningWorkflow(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) { w.RegisterWorkflow(Collect) })
	run := s.start(Collect)
	s.signal(run, "word", "a")
	s.signal(run, "word", "b")
	s.eventually("the signals to be handled", func() bool { return len(query[[]string](s, run, "words")) == 2 })
	s.signal(run, "word", "done")
	s.get(run, nil)
	if got := query[[]string](s, run, "words"); !slices.Equal(got, []string{"a", "b"}) {
		t.Fatalf("after the workflow closed the query answers %q", got)
	}
}

func TestAQueryIsAnsweredByAWorkerThatMustReplay(t *testing.T) {
	s := newScenario(t)
	stop := s.work(worker.Options{}, func(w worker.Worker) { w.RegisterWorkflow(Collect) })
	run := s.start(Collect)
	s.signal(run, "word", "a")
	s.eventually("the signal to be handled", func() bool { return len(query[[]string](s, run, "words")) == 1 })
	stop()
	s.work(worker.Options{}, func(w worker.Worker) { w.RegisterWorkflow(Collect) })
	if got := query[[]string](s, run, "words"); !slices.Equal(got, []string{"a"}) {
		t.Fatalf("got %q", got)
	}
}

func TestAQueryThatNobodyHandlesSaysWhatIsHandled(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) { w.RegisterWorkflow(Collect) })
	run := s.start(Collect)
	_, err := s.QueryWorkflow(s.ctx, run.GetID(), "", "nonsense")
	failed := as[*serviceerror.QueryFailed](t, err)
	if !strings.Contains(failed.Error(), "words") {
		t.Fatalf("the error is %v", failed)
	}
}

func TestTheStackTraceQueryShowsWhereTheWorkflowWaits(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) { w.RegisterWorkflow(Collect) })
	run := s.start(Collect)
	if got := query[string](s, run, client.QueryTypeStackTrace); !strings.Contains(got, "Collect") {
		t.Fatalf("got %q", got)
	}
}

func TestAChildWorkflowReturnsItsResult(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		named(w, "Child", func(ctx workflow.Context, n int) (int, error) {
			if n < 0 {
				return 0, temporal.NewApplicationError("negative", "Negative")
			}
			return n * 2, nil
		})
		named(w, "Parent", func(ctx workflow.Context, n int) (int, error) {
			var doubled int
			err := workflow.ExecuteChildWorkflow(ctx, "Child", n).Get(ctx, &doubled)
			return doubled, err
		})
	})
	if got := result[int](s, s.start("Parent", 21)); got != 42 {
		t.Fatalf("got %d", got)
	}
	err := s.failure(s.start("Parent", -1))
	if child := as[*temporal.ChildWorkflowExecutionError](t, err); child.WorkflowType() != "Child" {
		t.Errorf("the child's type is %q", child.WorkflowType())
	}
	if application := as[*temporal.ApplicationError](t, err); application.Type() != "Negative" {
		t.Errorf("the error is %v", application)
	}
}

func TestAChildWorkflowCanBeSignalledAndCancelled(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(Collect)
		named(w, "Parent", func(ctx workflow.Context) ([]string, error) {
			child := workflow.ExecuteChildWorkflow(ctx, Collect)
			for _, word := range []string{"x", "y", "done"} {
				if err := child.SignalChildWorkflow(ctx, "word", word).Get(ctx, nil); err != nil {
					return nil, err
				}
			}
			var words []string
			if err := child.Get(ctx, &words); err != nil {
				return nil, err
			}
			second, cancel := workflow.WithCancel(ctx)
			other := workflow.ExecuteChildWorkflow(second, "Forever")
			if err := other.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
				return nil, err
			}
			cancel()
			if err := other.Get(ctx, nil); !temporal.IsCanceledError(err) {
				return nil, fmt.Errorf("the second child ended with %w", err)
			}
			return words, nil
		})
		named(w, "Forever", func(ctx workflow.Context) error {
			ctx.Done().Receive(ctx, nil)
			return ctx.Err()
		})
	})
	if got := result[[]string](s, s.start("Parent")); !slices.Equal(got, []string{"x", "y"}) {
		t.Fatalf("got %q", got)
	}
}

func TestAWorkflowContinuesAsNew(t *testing.T) {
	s := newScenario(t)
	countdown := func(ctx workflow.Context, n int) (string, error) {
		if n > 0 {
			return "", workflow.NewContinueAsNewError(ctx, "Countdown", n-1)
		}
		return workflow.GetInfo(ctx).FirstRunID, nil
	}
	s.work(worker.Options{}, func(w worker.Worker) { named(w, "Countdown", countdown) })
	run := s.start("Countdown", 3)
	first := run.GetRunID()
	if got := result[string](s, run); got != first {
		t.Fatalf("the last run says that the first was %q; it was %q", got, first)
	}
}

func TestACancelledWorkflowCanCleanUp(t *testing.T) {
	s := newScenario(t)
	cleaned := make(chan struct{}, 1)
	s.work(worker.Options{}, func(w worker.Worker) {
		named(w, "Careful", func(ctx workflow.Context) error {
			err := workflow.Sleep(ctx, time.Hour)
			cleanup, _ := workflow.NewDisconnectedContext(ctx)
			if e := workflow.ExecuteActivity(brief(cleanup), "Cleanup").Get(cleanup, nil); e != nil {
				return e
			}
			return err
		})
		w.RegisterActivityWithOptions(func() error { cleaned <- struct{}{}; return nil }, activityNamed("Cleanup"))
	})
	run := s.start("Careful")
	s.awaitEvent(run, enumspb.EVENT_TYPE_TIMER_STARTED)
	if err := s.CancelWorkflow(s.ctx, run.GetID(), run.GetRunID()); err != nil {
		t.Fatal(err)
	}
	as[*temporal.CanceledError](t, s.failure(run))
	receive(s, cleaned, "the clean up")
}

func TestAWorkflowsErrorFailsIt(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		named(w, "Fail", func(workflow.Context) error { return errors.New("plain") })
	})
	if application := as[*temporal.ApplicationError](t, s.failure(s.start("Fail"))); application.Message() != "plain" {
		t.Fatalf("the error is %v", application)
	}
}

func TestAWorkflowSignalsAnother(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(Collect)
		named(w, "Sender", func(ctx workflow.Context, id string) error {
			if err := workflow.SignalExternalWorkflow(ctx, id, "", "word", "ping").Get(ctx, nil); err != nil {
				return err
			}
			return workflow.SignalExternalWorkflow(ctx, id, "", "word", "done").Get(ctx, nil)
		})
	})
	receiver := s.start(Collect)
	s.get(s.start("Sender", receiver.GetID()), nil)
	if got := result[[]string](s, receiver); !slices.Equal(got, []string{"ping"}) {
		t.Fatalf("got %q", got)
	}
}

func TestSideEffectsAndVersionsAreRemembered(t *testing.T) {
	s := newScenario(t)
	var effects int
	s.work(worker.Options{}, func(w worker.Worker) {
		named(w, "Effects", func(ctx workflow.Context) ([]int, error) {
			var got []int
			for range 2 {
				var n int
				if err := workflow.SideEffect(ctx, func(workflow.Context) any { effects++; return 40 + effects }).Get(&n); err != nil {
					return nil, err
				}
				got = append(got, n)
				if err := workflow.Sleep(ctx, 10*time.Millisecond); err != nil {
					return nil, err
				}
			}
			var m int
			for i := range 3 {
				value := workflow.MutableSideEffect(ctx, "m", func(workflow.Context) any { return i / 2 }, func(a, b any) bool { return a == b })
				if err := value.Get(&m); err != nil {
					return nil, err
				}
				got = append(got, m)
			}
			return append(got, int(workflow.GetVersion(ctx, "change", workflow.DefaultVersion, 3))), nil
		})
	})
	run := s.start("Effects")
	if got, want := result[[]int](s, run), []int{41, 42, 0, 0, 1, 3}; !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	if err := replay(s, run, func(w worker.WorkflowReplayer) {
		w.RegisterWorkflowWithOptions(func(ctx workflow.Context) ([]int, error) { return nil, nil }, workflow.RegisterOptions{Name: "Effects"})
	}); err == nil {
		t.Fatal("replaying other code did not fail")
	}
}

func TestSearchAttributesAndMemoAreUpserted(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		named(w, "Memo", func(ctx workflow.Context) error {
			return workflow.UpsertMemo(ctx, map[string]any{"note": "changed"})
		})
	})
	run := s.startWith(client.StartWorkflowOptions{Memo: map[string]any{"note": "initial"}}, "Memo")
	s.get(run, nil)
	if n := count(s.history(run), enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED); n != 1 {
		t.Fatalf("the history has %d WorkflowPropertiesModified events", n)
	}
}
