package flow

import (
	"encoding/hex"
	"strings"
	"testing"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/sdk/internal/policy"
)

// The values are those that the Temporal SDK draws: histories depend on them.
func TestRandomStreamsAreTheSameAsInTheTemporalSDK(t *testing.T) {
	s := newScript(t, func(ctx Context) (string, error) {
		const name = "go.temporal.io/sdk/internal/test"
		b := make([]byte, 32)
		if _, err := GetRandomStream(ctx, name).Read(b); err != nil {
			return "", err
		}
		return hex.EncodeToString(b), nil
	})
	s.events[0].GetWorkflowExecutionStartedEventAttributes().OriginalExecutionRunId = "runID"
	s.run(`CompleteWorkflowExecution "10861bf410d33891bef9b1f2ebddc1af2f5bceffe86c13fdcb8534a08805b1a7"`)
}

func TestNumbersAndReadsTakeFromOneStream(t *testing.T) {
	s := newScript(t, func(ctx Context) (bool, error) {
		whole := make([]byte, 16)
		_, _ = (&randomStream{run: runOf(ctx), name: "a"}).Read(whole)
		parts := make([]byte, 16)
		stream := GetRandomStream(ctx, "a")
		_, _ = stream.Read(parts[:3])
		number := stream.Uint64()
		for n := range 8 {
			parts[3+n] = byte(number >> (8 * n))
		}
		_, _ = GetRandomStream(ctx, "a").Read(parts[11:])
		return string(whole) == string(parts), nil
	})
	s.run("CompleteWorkflowExecution true")
}

func TestAResetBeginsAnotherRandomStream(t *testing.T) {
	var drawn []uint64
	s := newScript(t, func(ctx Context) error {
		stream := GetRandomStream(ctx, "a")
		drawn = []uint64{stream.Uint64()}
		GetSignalChannel(ctx, "go").Receive(ctx, nil)
		drawn = append(drawn, stream.Uint64())
		want := (&randomStream{run: runOf(ctx), name: "a"}).Uint64()
		if runOf(ctx).machine.RunID() != "new" || drawn[1] != want {
			t.Errorf("drew %x after the reset, want %x", drawn[1], want)
		}
		return nil
	})
	s.run().task()
	s.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED, &historypb.HistoryEvent_WorkflowTaskFailedEventAttributes{
		WorkflowTaskFailedEventAttributes: &historypb.WorkflowTaskFailedEventAttributes{
			Cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW, NewRunId: "new",
		}})
	s.evict().signal("go", nil).run("CompleteWorkflowExecution")
	if len(drawn) != 2 || drawn[0] == drawn[1] {
		t.Errorf("drew %x, want two numbers", drawn)
	}
}

func TestQueriesMustNotDrawRandomNumbers(t *testing.T) {
	s := newScript(t, func(ctx Context) error {
		if err := SetQueryHandler(ctx, "draw", func() (uint64, error) { return GetRandomStream(ctx, "a").Uint64(), nil }); err != nil {
			return err
		}
		GetSignalChannel(ctx, "go").Receive(ctx, nil)
		return nil
	})
	s.run()
	if answer := s.query("draw"); !strings.Contains(answer.GetErrorMessage(), "query handler must not use") {
		t.Errorf("the query was answered: %v", answer)
	}
}

func TestLocalVariablesAreSharedByCopiesAndBelongToOneRun(t *testing.T) {
	var other Context
	newScript(t, func(ctx Context) error { other = ctx; return nil }).run("CompleteWorkflowExecution")
	s := newScript(t, func(ctx Context) ([]string, error) {
		v := NewLocalVar[string](ctx)
		same, fresh := v, NewLocalVar[string](ctx)
		got := []string{v.Get(ctx)}
		done, settable := NewFuture(ctx)
		Go(ctx, func(ctx Context) {
			same.Set(ctx, "set")
			settable.SetValue(nil)
		})
		_ = done.Get(ctx, nil)
		got = append(got, v.Get(ctx), fresh.Get(ctx))
		for _, f := range []func(){
			func() { v.Get(other) },
			func() { LocalVar[string]{}.Get(ctx) },
			func() { _ = SideEffect(ctx, func(ctx Context) any { v.Set(ctx, "no"); return 1 }) },
		} {
			func() {
				defer func() { got = append(got, strings.SplitN(recover().(string), ":", 2)[0]) }()
				f()
			}()
		}
		return append(got, v.Get(ctx)), nil
	})
	s.run(`CompleteWorkflowExecution ["","set","","workflow.LocalVar","workflow.LocalVar is not initialized; use workflow.NewLocalVar(ctx)","getState","set"]`)
}

func TestContextsBelowOneAreCancelledInOrderAndOtherSDKsAreTold(t *testing.T) {
	s := newScript(t, func(ctx Context) error {
		ctx = activities(ctx)
		for range 3 {
			child, _ := WithCancel(ctx)
			NewTimer(child, 1e9)
		}
		GetSignalChannel(ctx, "cancel").Receive(ctx, nil)
		return ctx.Err()
	})
	s.run("StartTimer 5 1s", "StartTimer 6 1s", "StartTimer 7 1s").cancel()
	outcome := s.task().handle()
	s.expect(outcome, "CancelTimer 5", "CancelTimer 6", "CancelTimer 7")
	if flags := outcome.Completed.GetSdkMetadata().GetLangUsedFlags(); len(flags) != 1 || flags[0] != 9 {
		t.Errorf("new flags %v, want 9", flags)
	}
}

func TestChildWorkflowsCanBeSentToADeploymentVersion(t *testing.T) {
	s := newScript(t, func(ctx Context) error {
		ctx = WithChildOptions(ctx, ChildWorkflowOptions{WorkflowID: "child", VersioningOverride: &policy.PinnedVersioningOverride{
			Version: policy.WorkerDeploymentVersion{DeploymentName: "shop", BuildID: "7"}}})
		return ExecuteChildWorkflow(ctx, "Child").Get(ctx, nil)
	})
	outcome := s.task().handle()
	s.expect(outcome, "StartChildWorkflowExecution child")
	command := outcome.Completed.Commands[0].GetAttributes().(*commandpb.Command_StartChildWorkflowExecutionCommandAttributes)
	version := command.StartChildWorkflowExecutionCommandAttributes.GetVersioningOverride().GetPinned().GetVersion()
	if version.GetDeploymentName() != "shop" || version.GetBuildId() != "7" {
		t.Errorf("pinned to %v", version)
	}
}
