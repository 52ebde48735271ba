package flow

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	querypb "go.temporal.io/api/query/v1"
	sdkpb "go.temporal.io/api/sdk/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/registry"
)

func Greet(context.Context, string) (string, error) { return "", nil }

func activities(ctx Context) Context {
	return WithActivityOptions(ctx, ActivityOptions{StartToCloseTimeout: time.Minute})
}

// threeSteps is an activity, a timer and a signal.
func threeSteps(ctx Context, name string) (string, error) {
	ctx = activities(ctx)
	var greeting, suffix string
	if err := ExecuteActivity(ctx, Greet, name).Get(ctx, &greeting); err != nil {
		return "", err
	}
	if err := Sleep(ctx, time.Hour); err != nil {
		return "", err
	}
	GetSignalChannel(ctx, "suffix").Receive(ctx, &suffix)
	return greeting + suffix, nil
}

func TestWorkflowGoesOnTaskByTask(t *testing.T) {
	for _, evict := range []bool{false, true} {
		t.Run(fmt.Sprintf("evicted between tasks %v", evict), func(t *testing.T) {
			s := newScript(t, threeSteps, "world")
			between := func() {
				if evict {
					s.evict()
				}
			}
			s.run("ScheduleActivityTask 5 Greet")
			between()
			s.activityDone("hello").run("StartTimer 10 1h0m0s")
			between()
			s.signal("suffix", "!").run()
			between()
			s.timerFired("10").run(`CompleteWorkflowExecution "hello!"`)
		})
	}
}

func TestHistoryComesInPages(t *testing.T) {
	s := newScript(t, threeSteps, "world")
	s.run("ScheduleActivityTask 5 Greet").evict()
	s.activityDone("hello").task()
	poll := s.poll(0)
	pages := poll.History.Events[2:]
	poll.History.Events = poll.History.Events[:2]
	poll.NextPageToken = []byte{0}
	asked := 0
	instance := NewInstance(&s.options)
	defer instance.Close()
	outcome, err := instance.HandleTask(context.Background(), &Task{Poll: poll, NextPage: func(_ context.Context, token []byte) (*historypb.History, []byte, error) {
		asked++
		i := int(token[0])
		if i == len(pages)-1 {
			return &historypb.History{Events: pages[i:]}, nil, nil
		}
		return &historypb.History{Events: pages[i : i+1]}, []byte{byte(i + 1)}, nil
	}})
	if err != nil || asked != len(pages) {
		t.Fatalf("err %v, %d pages fetched, want %d", err, asked, len(pages))
	}
	s.expect(outcome, "StartTimer 10 1h0m0s")
}

func TestAPageThatCanNotBeFetchedIsNotTheWorkflowsFault(t *testing.T) {
	s := newScript(t, threeSteps, "world")
	s.run("ScheduleActivityTask 5 Greet").evict().activityDone("x").task()
	poll := s.poll(0)
	poll.History.Events = poll.History.Events[:2]
	poll.NextPageToken = []byte("more")
	cause := errors.New("unavailable")
	instance := NewInstance(&s.options)
	defer instance.Close()
	outcome, err := instance.HandleTask(context.Background(), &Task{Poll: poll, NextPage: func(context.Context, []byte) (*historypb.History, []byte, error) {
		return nil, nil, cause
	}})
	if outcome != nil || !errors.Is(err, cause) {
		t.Fatalf("outcome %v, err %v", outcome, err)
	}
}

func TestHistoryThatDoesNotGoOnFromTheCacheIsStale(t *testing.T) {
	s := newScript(t, threeSteps, "world")
	s.run("ScheduleActivityTask 5 Greet").activityDone("hello").task()
	for name, from := range map[string]int{"from the beginning": 0, "with a gap": s.fed + 1} {
		if _, err := s.instance.HandleTask(context.Background(), &Task{Poll: s.poll(from)}); !errors.Is(err, ErrStale) {
			t.Errorf("%s: %v", name, err)
		}
	}
	fresh := NewInstance(&s.options)
	defer fresh.Close()
	if _, err := fresh.HandleTask(context.Background(), &Task{Poll: s.poll(s.fed)}); !errors.Is(err, ErrStale) {
		t.Errorf("partial history for a new instance: %v", err)
	}
}

func TestUnregisteredTypeFailsTheTaskAndNamesTheRegisteredOnes(t *testing.T) {
	s := newScript(t, threeSteps, "world")
	s.options.Registry = NewRegistry(false)
	for _, name := range []string{"Beta", "Alpha"} {
		if err := s.options.Registry.RegisterWorkflow(threeSteps, registry.WorkflowOptions{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	failed := s.task().handle().Failed
	if failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE {
		t.Errorf("cause %v", failed.GetCause())
	}
	for _, want := range []string{"Workflow", "Alpha, Beta"} {
		if !strings.Contains(failed.GetFailure().GetMessage(), want) {
			t.Errorf("no %q in %q", want, failed.GetFailure().GetMessage())
		}
	}
}

func TestPanicFailsTheTaskUnderBlockWorkflow(t *testing.T) {
	s := newScript(t, func(Context) error { panic("oh no") })
	outcome := s.task().handle()
	f := outcome.Failed
	if f.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE || !outcome.Evict {
		t.Fatalf("outcome %+v", outcome)
	}
	if f.GetFailure().GetMessage() != "oh no" || f.GetFailure().GetApplicationFailureInfo().GetType() != "PanicError" ||
		!strings.Contains(f.GetFailure().GetStackTrace(), "TestPanicFailsTheTask") {
		t.Errorf("failure %v", f.GetFailure())
	}
}

func TestPanicFailsTheWorkflowUnderFailWorkflow(t *testing.T) {
	s := newScript(t, func(Context) error { panic("oh no") })
	s.options.PanicPolicy = FailWorkflow
	outcome := s.task().handle()
	s.expect(outcome, "FailWorkflowExecution Workflow failed on panic due to FailWorkflow workflow panic policy")
	cause := outcome.Completed.Commands[0].GetFailWorkflowExecutionCommandAttributes().GetFailure().GetCause()
	if !outcome.Closed || cause.GetMessage() != "oh no" || !cause.GetApplicationFailureInfo().GetNonRetryable() {
		t.Errorf("outcome %+v, cause %v", outcome, cause)
	}
}

func TestGoexitFailsTheTask(t *testing.T) {
	s := newScript(t, func(Context) error {
		t.Helper()
		exitGoroutine()
		return nil
	})
	if outcome := s.task().handle(); outcome.Failed == nil || !strings.Contains(outcome.Err.Error(), "Goexit") {
		t.Fatalf("outcome %+v", outcome)
	}
}

func TestWorkflowThatDoesNotYieldIsReported(t *testing.T) {
	stuck, release := make(chan struct{}), make(chan struct{})
	var unwound = make(chan struct{})
	s := newScript(t, func(ctx Context) error {
		GoNamed(ctx, "culprit", func(ctx Context) {
			defer close(unwound)
			close(stuck)
			<-release
			_ = Sleep(ctx, time.Hour)
		})
		return Sleep(ctx, time.Hour)
	})
	s.options.DeadlockTimeout = 20 * time.Millisecond
	outcome := s.task().handle()
	<-stuck
	if outcome.Failed == nil || !outcome.Evict {
		t.Fatalf("outcome %+v", outcome)
	}
	message := outcome.Failed.GetFailure().GetMessage()
	if !strings.Contains(message, "[TMPRL1101]") || !strings.Contains(message, `"culprit"`) {
		t.Errorf("message %q", message)
	}
	if stack := outcome.Failed.GetFailure().GetStackTrace(); !strings.Contains(stack, "TestWorkflowThatDoesNotYieldIsReported") {
		t.Errorf("stack %q", stack)
	}
	s.instance.Close()
	close(release)
	<-unwound
}

func TestWorkflowThatDoesNotYieldFailsUnderFailWorkflow(t *testing.T) {
	release, unwound := make(chan struct{}), make(chan struct{})
	s := newScript(t, func(Context) error {
		defer close(unwound)
		<-release
		return nil
	})
	s.options.DeadlockTimeout, s.options.PanicPolicy = 20*time.Millisecond, FailWorkflow
	outcome := s.task().handle()
	if !outcome.Closed || !outcome.Evict {
		t.Fatalf("outcome %+v", outcome)
	}
	s.expect(outcome, "FailWorkflowExecution Workflow failed on panic due to FailWorkflow workflow panic policy")
	s.instance.Close()
	close(release)
	<-unwound
}

func TestAQueryOfAWorkflowThatDoesNotMatchItsHistoryFailsWithTheCause(t *testing.T) {
	deterministic := true
	s := newScript(t, func(ctx Context) error {
		if deterministic {
			return Sleep(ctx, time.Hour)
		}
		return ExecuteActivity(activities(ctx), Greet, "x").Get(ctx, nil)
	})
	s.run("StartTimer 5 1h0m0s")
	deterministic = false
	poll := s.poll(0)
	poll.Query = &querypb.WorkflowQuery{QueryType: "state"}
	outcome, err := NewInstance(&s.options).HandleTask(t.Context(), &Task{Poll: poll})
	if err != nil || outcome.QueryCompleted.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR {
		t.Fatalf("the task ended with %v, %v", outcome, err)
	}
}

func TestDataConverterWithoutDeadlockDetectionMayTakeItsTime(t *testing.T) {
	s := newScript(t, func(ctx Context) (string, error) { return "slow", nil })
	s.options.DataConverter = DataConverterWithoutDeadlockDetection(slowConverter{converter.GetDefaultDataConverter()})
	s.options.DeadlockTimeout = 10 * time.Millisecond
	s.run(`CompleteWorkflowExecution "slow"`)
}

type slowConverter struct{ converter.DataConverter }

func TestEvictionRunsDefersAndEmitsNothing(t *testing.T) {
	var unwound []string
	s := newScript(t, func(ctx Context) error {
		ctx = activities(ctx)
		defer func() {
			unwound = append(unwound, fmt.Sprint("root replaying ", IsReplaying(ctx)))
			cleanup, _ := NewDisconnectedContext(ctx)
			_ = ExecuteActivity(cleanup, Greet, "cleanup").Get(cleanup, nil)
			unwound = append(unwound, "not reached")
		}()
		Go(ctx, func(ctx Context) {
			defer func() { unwound = append(unwound, "child") }()
			GetSignalChannel(ctx, "never").Receive(ctx, nil)
		})
		return Sleep(ctx, time.Hour)
	})
	s.run("StartTimer 5 1h0m0s")
	machine := s.instance.machine
	s.instance.Close()
	s.instance.Close()
	if want := []string{"root replaying true", "child"}; !slices.Equal(unwound, want) {
		t.Errorf("unwound %q, want %q", unwound, want)
	}
	if commands := machine.TakeCommands(); len(commands) != 0 {
		t.Errorf("eviction emitted %v", commands)
	}
}

func TestActivityFailureIsAnActivityError(t *testing.T) {
	s := newScript(t, func(ctx Context) error {
		ctx = activities(ctx)
		err := ExecuteActivity(ctx, Greet, "x").Get(ctx, nil)
		a, ok := errors.AsType[*failure.ActivityError](err)
		if !ok || a.ActivityType().GetName() != "Greet" || a.ActivityID() != "5" {
			return fmt.Errorf("unexpected error %T %v", err, err)
		}
		cause, _ := errors.AsType[*failure.ApplicationError](err)
		if cause.Type() != "Broken" {
			return errors.New(cause.Type())
		}
		return nil
	})
	s.run("ScheduleActivityTask 5 Greet").activityFailed("bad").run("CompleteWorkflowExecution")
}

func TestCancelledActivityIsAbandonedUnlessWaitedFor(t *testing.T) {
	workflow := func(wait bool) func(Context) error {
		return func(ctx Context) error {
			ctx = WithWaitForCancellation(activities(ctx), wait)
			return ExecuteActivity(ctx, Greet, "x").Get(ctx, nil)
		}
	}
	t.Run("abandoned", func(t *testing.T) {
		s := newScript(t, workflow(false))
		s.run("ScheduleActivityTask 5 Greet").cancel()
		s.expect(s.task().handle(), "RequestCancelActivityTask 5", "CancelWorkflowExecution")
	})
	t.Run("waited for", func(t *testing.T) {
		s := newScript(t, workflow(true))
		s.run("ScheduleActivityTask 5 Greet").cancel().run("RequestCancelActivityTask 5")
		s.activityDone("done anyway").run("CompleteWorkflowExecution")
	})
	t.Run("ended before the cancellation was sent", func(t *testing.T) {
		s := newScript(t, workflow(true))
		s.run("ScheduleActivityTask 5 Greet").cancel().activityDone("first").run("CompleteWorkflowExecution")
	})
}

func TestTimerThatFiresBeforeItsCancellationWasSent(t *testing.T) {
	s := newScript(t, func(ctx Context) (string, error) {
		err := Sleep(ctx, time.Hour)
		return fmt.Sprint(err), nil
	})
	// The cancellation resolves the timer at once, though it fires in the same
	// task; only its command is taken back.
	s.run("StartTimer 5 1h0m0s").cancel().timerFired("5").run(`CompleteWorkflowExecution "canceled"`)
}

func TestNowIsWhenTheTaskWasStarted(t *testing.T) {
	var seen []time.Time
	s := newScript(t, func(ctx Context) error {
		seen = append(seen, Now(ctx))
		_ = Sleep(ctx, time.Hour)
		seen = append(seen, Now(ctx))
		return nil
	})
	s.run("StartTimer 5 1h0m0s").timerFired("5").run("CompleteWorkflowExecution")
	for i, id := range s.started {
		if want := s.events[id-1].GetEventTime().AsTime(); !seen[i].Equal(want) {
			t.Errorf("task %d: %v, want %v", i, seen[i], want)
		}
	}
}

func TestSDKMetadataIsReportedWhenItChanges(t *testing.T) {
	s := newScript(t, threeSteps, "world")
	first := s.task().handle()
	s.complete(first)
	m := first.Completed.SdkMetadata
	if m.GetSdkName() == "" || m.GetSdkVersion() == "" || !slices.Equal(m.GetLangUsedFlags(), []uint32{3}) {
		t.Errorf("first task reports %v", m)
	}
	for _, evict := range []bool{false, true} {
		if evict {
			s.evict()
		} else {
			s.activityDone("hello")
		}
		outcome := s.task().handle()
		if m := outcome.Completed.SdkMetadata; m.GetSdkName() != "" || m.GetSdkVersion() != "" || len(m.GetLangUsedFlags()) != 0 {
			t.Errorf("evicted %v: reports again: %v", evict, m)
		}
		s.complete(outcome)
	}
}

func TestQueriesAreAnsweredFromTheState(t *testing.T) {
	s := newScript(t, func(ctx Context) error {
		state := "new"
		if err := SetQueryHandlerWithOptions(ctx, "state", func(prefix string) (string, error) { return prefix + state, nil }, QueryHandlerOptions{Description: "how it is"}); err != nil {
			return err
		}
		if err := SetQueryHandler(ctx, "bad", func() (string, error) {
			_ = NewChannel(ctx)
			return "", nil
		}); err != nil {
			return err
		}
		GetSignalChannelWithOptions(ctx, "go", SignalChannelOptions{Description: "go on"}).Receive(ctx, &state)
		SetCurrentDetails(ctx, "*waiting*")
		return Sleep(ctx, time.Hour)
	})
	s.run()
	answer := func(queryType string, args ...any) string {
		t.Helper()
		q := s.query(queryType, args...)
		if q.GetCompletedType() != enumspb.QUERY_RESULT_TYPE_ANSWERED {
			return "failed: " + q.GetErrorMessage()
		}
		return string(q.GetQueryResult().GetPayloads()[0].GetData())
	}
	if got := answer("state", "it is "); got != `"it is new"` {
		t.Errorf("state: %s", got)
	}
	s.signal("go", "gone").run("StartTimer 9 1h0m0s")
	if got := answer("state", "it is "); got != `"it is gone"` {
		t.Errorf("state after the signal: %s", got)
	}
	if got := answer("nope"); !strings.Contains(got, "unknown queryType nope. KnownQueryTypes=[__stack_trace __open_sessions __temporal_workflow_metadata bad") {
		t.Errorf("unknown: %s", got)
	}
	if got := answer("bad"); !strings.Contains(got, "query handler must not use temporal context") {
		t.Errorf("bad: %s", got)
	}
	if got := answer(QueryTypeStackTrace); !strings.Contains(got, "coroutine root [blocked on Future.Get]") || !strings.Contains(got, "instance_test.go") {
		t.Errorf("stack trace: %s", got)
	}
	var metadata sdkpb.WorkflowMetadata
	if err := converter.GetDefaultDataConverter().FromPayloads(s.query(QueryTypeWorkflowMetadata).GetQueryResult(), &metadata); err != nil {
		t.Fatal(err)
	}
	if metadata.GetCurrentDetails() != "*waiting*" || len(metadata.GetDefinition().GetQueryDefinitions()) != 5 ||
		metadata.GetDefinition().GetSignalDefinitions()[0].GetDescription() != "go on" {
		t.Errorf("metadata %v", &metadata)
	}

	s.task()
	poll := s.poll(s.fed)
	poll.Queries = map[string]*querypb.WorkflowQuery{"q": {QueryType: "state", QueryArgs: payloads(t, "")}, "u": {QueryType: "nope"}}
	outcome, err := s.instance.HandleTask(context.Background(), &Task{Poll: poll})
	if err != nil {
		t.Fatal(err)
	}
	results := outcome.Completed.QueryResults
	if string(results["q"].GetAnswer().GetPayloads()[0].GetData()) != `"gone"` || results["u"].GetResultType() != enumspb.QUERY_RESULT_TYPE_FAILED {
		t.Errorf("results %v", results)
	}
}

func TestQueryRebuildsAWorkflowThatIsNotCached(t *testing.T) {
	s := newScript(t, func(ctx Context) error {
		if err := SetQueryHandler(ctx, "state", func() (string, error) { return "slept", nil }); err != nil {
			return err
		}
		return Sleep(ctx, time.Hour)
	})
	s.run("StartTimer 5 1h0m0s").timerFired("5").run("CompleteWorkflowExecution")
	poll := s.poll(0)
	poll.PreviousStartedEventId, poll.StartedEventId = s.started[1], 0
	poll.Query = &querypb.WorkflowQuery{QueryType: "state"}
	instance := NewInstance(&s.options)
	defer instance.Close()
	outcome, err := instance.HandleTask(context.Background(), &Task{Poll: poll})
	if err != nil || string(outcome.QueryCompleted.GetQueryResult().GetPayloads()[0].GetData()) != `"slept"` {
		t.Fatalf("outcome %+v, err %v", outcome, err)
	}
}

func TestContinueAsNewCarriesOver(t *testing.T) {
	s := newScript(t, func(ctx Context, n int) error {
		if err := UpsertMemo(ctx, map[string]any{"k": "v"}); err != nil {
			return err
		}
		return NewContinueAsNewErrorWithOptions(WithWorkflowTaskQueue(ctx, "other"), ContinueAsNewErrorOptions{BackoffStartInterval: time.Minute}, "Next", n+1)
	}, 1)
	outcome := s.task().handle()
	s.expect(outcome, "ModifyWorkflowProperties", "ContinueAsNewWorkflowExecution")
	a := outcome.Completed.Commands[1].GetContinueAsNewWorkflowExecutionCommandAttributes()
	if a.GetWorkflowType().GetName() != "Next" || a.GetTaskQueue().GetName() != "other" || string(a.GetInput().GetPayloads()[0].GetData()) != "2" ||
		a.GetBackoffStartInterval().AsDuration() != time.Minute || a.GetMemo().GetFields()["k"] == nil || a.GetWorkflowTaskTimeout().AsDuration() != 10*time.Second {
		t.Errorf("attributes %v", a)
	}
}

func TestGetVersionMarksAndUpserts(t *testing.T) {
	var got []Version
	workflow := func(ctx Context) error {
		got = []Version{GetVersion(ctx, "one", DefaultVersion, 3), GetVersion(ctx, "two", DefaultVersion, 1)}
		return Sleep(ctx, time.Hour)
	}
	s := newScript(t, workflow)
	outcome := s.task().handle()
	s.expect(outcome, "RecordMarker Version", "UpsertWorkflowSearchAttributes", "RecordMarker Version", "UpsertWorkflowSearchAttributes", "StartTimer 9 1h0m0s")
	attribute := outcome.Completed.Commands[3].GetUpsertWorkflowSearchAttributesCommandAttributes().GetSearchAttributes().GetIndexedFields()["TemporalChangeVersion"]
	if string(attribute.GetData()) != `["two-1","one-3"]` {
		t.Errorf("search attribute %s", attribute.GetData())
	}
	s.complete(outcome)
	s.evict().timerFired("9").run("CompleteWorkflowExecution")
	if !slices.Equal(got, []Version{3, 1}) {
		t.Errorf("replayed as %v", got)
	}
}

func TestGetVersionPutInLaterIsTheDefault(t *testing.T) {
	changed := false
	var got Version
	s := newScript(t, func(ctx Context) error {
		if changed {
			got = GetVersion(ctx, "new", DefaultVersion, 1)
		}
		return Sleep(ctx, time.Hour)
	})
	s.run("StartTimer 5 1h0m0s")
	changed = true
	s.evict().timerFired("5").run("CompleteWorkflowExecution")
	if got != DefaultVersion {
		t.Errorf("got %d", got)
	}
}

func TestNonDeterminismIsExplained(t *testing.T) {
	changed := false
	tests := []struct {
		name     string
		workflow func(ctx Context) error
		want     []string
	}{
		{"another activity", func(ctx Context) error {
			name := "Before"
			if changed {
				name = "After"
			}
			return ExecuteActivity(activities(ctx), name).Get(ctx, nil)
		}, []string{"event 5", "ActivityType:(Name:Before)", "ActivityType:(Name:After)", "instance_test.go:"}},
		{"a timer instead", func(ctx Context) error {
			if changed {
				return Sleep(ctx, time.Hour)
			}
			return ExecuteActivity(activities(ctx), "Before").Get(ctx, nil)
		}, []string{"history event is ActivityTaskScheduled", "replay command is StartTimer", "instance_test.go:"}},
		{"nothing", func(ctx Context) error {
			if changed {
				GetSignalChannel(ctx, "x").Receive(ctx, nil)
			}
			return ExecuteActivity(activities(ctx), "Before").Get(ctx, nil)
		}, []string{"missing replay command", "ActivityType:(Name:Before)"}},
		{"one more", func(ctx Context) error {
			f := ExecuteActivity(activities(ctx), "Before")
			if changed {
				_ = NewTimer(ctx, time.Second)
			}
			return f.Get(ctx, nil)
		}, []string{"extra replay command", "StartTimer: (TimerId:6, StartToFireTimeout:1s)", "instance_test.go:"}},
		{"the end", func(ctx Context) error {
			if changed {
				return nil
			}
			return ExecuteActivity(activities(ctx), "Before").Get(ctx, nil)
		}, []string{"missing replay command", "CompleteWorkflowExecution"}},
		{"a side effect", func(ctx Context) error {
			if changed {
				_ = SideEffect(ctx, func(Context) any { return 1 })
			}
			return ExecuteActivity(activities(ctx), "Before").Get(ctx, nil)
		}, []string{"side effect that the history has not", "instance_test.go:"}},
		{"a version no longer supported", func(ctx Context) error {
			if changed {
				_ = GetVersion(ctx, "x", 1, 2)
			}
			return ExecuteActivity(activities(ctx), "Before").Get(ctx, nil)
		}, []string{"removed support of version -1"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			changed = false
			s := newScript(t, test.workflow)
			s.run("ScheduleActivityTask 5 Before")
			s.activityDone("x")
			changed = true
			outcome := s.evict().task().handle()
			if outcome.Failed.GetCause() != enumspb.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR {
				t.Fatalf("outcome %+v", outcome)
			}
			message := outcome.Failed.GetFailure().GetMessage()
			for _, want := range append(test.want, "[TMPRL1100]") {
				if !strings.Contains(message, want) {
					t.Errorf("no %q in:\n%s", want, message)
				}
			}
		})
	}
}

func TestFailedTasksLeaveNoTrace(t *testing.T) {
	s := newScript(t, threeSteps, "world")
	s.run("ScheduleActivityTask 5 Greet").activityDone("hello").task()
	s.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED, &historypb.HistoryEvent_WorkflowTaskFailedEventAttributes{
		WorkflowTaskFailedEventAttributes: &historypb.WorkflowTaskFailedEventAttributes{}})
	s.started = s.started[:1]
	s.evict().run("StartTimer 13 1h0m0s")
}

func TestResetRunMakesOtherChildIDs(t *testing.T) {
	s := newScript(t, func(ctx Context) error {
		_ = ExecuteChildWorkflow(ctx, "Child")
		_ = Sleep(ctx, time.Hour)
		_ = ExecuteChildWorkflow(ctx, "Child")
		return Sleep(ctx, time.Hour)
	})
	s.run("StartChildWorkflowExecution run_5", "StartTimer 6 1h0m0s").timerFired("6").task()
	s.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED, &historypb.HistoryEvent_WorkflowTaskFailedEventAttributes{
		WorkflowTaskFailedEventAttributes: &historypb.WorkflowTaskFailedEventAttributes{
			Cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW, NewRunId: "reset",
		}})
	s.started = s.started[:1]
	s.evict().run("StartChildWorkflowExecution reset_14", "StartTimer 15 1h0m0s")
}

func TestUnknownEventFailsTheTaskUnlessItMayBeIgnored(t *testing.T) {
	for _, ignore := range []bool{true, false} {
		s := newScript(t, threeSteps, "world")
		s.run("ScheduleActivityTask 5 Greet")
		s.add(enumspb.EventType(9999), nil).WorkerMayIgnore = ignore
		if outcome := s.task().handle(); (outcome.Completed != nil) != ignore {
			t.Errorf("may ignore %v: outcome %+v", ignore, outcome)
		}
	}
}

func TestUnknownFlagFailsTheTask(t *testing.T) {
	s := newScript(t, threeSteps, "world")
	outcome := s.task().handle()
	outcome.Completed.SdkMetadata.LangUsedFlags = []uint32{99}
	s.complete(outcome)
	if outcome := s.evict().activityDone("x").task().handle(); outcome.Failed == nil || !strings.Contains(outcome.Err.Error(), "unknown SDK flag: 99") {
		t.Errorf("outcome %+v", outcome)
	}
}

func TestMutableSideEffectRecordsChanges(t *testing.T) {
	var values []int
	source := []int{1, 1, 2, 2}
	calls := 0
	s := newScript(t, func(ctx Context) error {
		values = nil
		for range 4 {
			var v int
			err := MutableSideEffect(ctx, "config", func(Context) any { calls++; return source[calls-1] }, func(a, b any) bool { return a == b }).Get(&v)
			if err != nil {
				return err
			}
			values = append(values, v)
		}
		return Sleep(ctx, time.Hour)
	})
	s.run("RecordMarker MutableSideEffect", "RecordMarker MutableSideEffect", "StartTimer 7 1h0m0s")
	s.evict().timerFired("7").run("CompleteWorkflowExecution")
	if !slices.Equal(values, []int{1, 1, 2, 2}) || calls != 4 {
		t.Errorf("replayed as %v, with %d calls in all", values, calls)
	}
}

func TestPanicOfAConverterFailsTheTask(t *testing.T) {
	s := newScript(t, func(ctx Context) error {
		GetSignalChannel(ctx, "x").Receive(ctx, nil)
		return nil
	})
	s.options.ContextPropagators = []ContextPropagator{panicking{}}
	if outcome := s.task().handle(); outcome.Failed == nil || outcome.Err.Error() != "propagator" {
		t.Errorf("outcome %+v", outcome)
	}
}

type panicking struct{}

func (panicking) Inject(context.Context, HeaderWriter) error { return nil }
func (panicking) Extract(ctx context.Context, _ HeaderReader) (context.Context, error) {
	return ctx, nil
}
func (panicking) InjectFromWorkflow(Context, HeaderWriter) error           { return nil }
func (panicking) ExtractToWorkflow(Context, HeaderReader) (Context, error) { panic("propagator") }

func exitGoroutine() { runtime.Goexit() }

// ToPayloads takes longer than workflow code may.
func (c slowConverter) ToPayloads(values ...any) (*commonpb.Payloads, error) {
	time.Sleep(40 * time.Millisecond)
	return c.DataConverter.ToPayloads(values...)
}

func TestFunctionsOfCommonTypesAreCalledLikeAllOthers(t *testing.T) {
	type word string
	for name, test := range map[string]struct {
		fn   any
		args []any
		want string
	}{
		"nothing in, nothing out":       {func(Context) error { return nil }, nil, ""},
		"a string in, a string out":     {func(_ Context, s string) (string, error) { return s + "!", nil }, []any{"a"}, `"a!"`},
		"an argument that was not sent": {func(_ Context, s string) (string, error) { return s + "!", nil }, nil, `"!"`},
		"a type of the user's":          {func(_ Context, s word) (word, error) { return s + "!", nil }, []any{"a"}, `"a!"`},
		"any in, any out":               {func(_ Context, v any) (any, error) { return v, nil }, []any{"a"}, `"a"`},
		"no value as any":               {func(Context) (any, error) { return nil, nil }, nil, ""},
		"a pointer that is nil":         {func(Context) (*string, error) { return nil, nil }, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			outcome := newScript(t, test.fn, test.args...).task().handle()
			got := ""
			for _, p := range outcome.Completed.GetCommands()[0].GetCompleteWorkflowExecutionCommandAttributes().GetResult().GetPayloads() {
				got += string(p.GetData())
			}
			if got != test.want {
				t.Errorf("the result is %q, want %q", got, test.want)
			}
		})
	}
}

func TestAReplayUpToATaskDoesNotMissWhatItsCommandsBecame(t *testing.T) {
	s := newScript(t, func(ctx Context) error { return Sleep(ctx, time.Hour) })
	s.complete(s.task().handle())
	whole := &historypb.History{Events: s.events}
	if last := s.events[len(s.events)-1]; last.GetEventType() != enumspb.EVENT_TYPE_TIMER_STARTED || last.GetEventId() != 5 {
		t.Fatalf("the history ends with %v", last)
	}
	if err := ReplayHistory(context.Background(), whole, ReplayOptions{Options: s.options, LastEventID: 4}); err != nil {
		t.Errorf("up to the end of the task: %v", err)
	}
	cut := &historypb.History{Events: s.events[:4]}
	if err := ReplayHistory(context.Background(), cut, ReplayOptions{Options: s.options}); err == nil || !strings.Contains(err.Error(), "extra replay command") {
		t.Errorf("a history that has nothing of the timer: %v", err)
	}
}
