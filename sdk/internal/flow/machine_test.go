package flow

import (
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	sdkpb "go.temporal.io/api/sdk/v1"

	"github.com/perdure/perdure/sdk/internal/coroutine"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/replay"
)

// clockwork is a machine without a history: timers fire when the code waits, in
// the order in which they were started, and time jumps.
type clockwork struct {
	Machine // not implemented
	now     time.Time
	task    replay.TaskInfo
	due     []func()
}

func (c *clockwork) Now() time.Time            { return c.now }
func (c *clockwork) Replaying() bool           { return false }
func (c *clockwork) SetReplaying(bool)         {}
func (c *clockwork) Task() *replay.TaskInfo    { return &c.task }
func (c *clockwork) CancelTimer(*replay.Timer) {}

func (c *clockwork) StartTimer(d time.Duration, _ *sdkpb.UserMetadata, fire func(bool)) *replay.Timer {
	c.due = append(c.due, func() {
		c.now = c.now.Add(d)
		fire(true)
	})
	return &replay.Timer{ID: "timer"}
}

func (c *clockwork) SideEffect(_ *sdkpb.UserMetadata, f func() (*commonpb.Payloads, error)) (*commonpb.Payloads, error) {
	return f()
}

func TestAnotherMachineThanReplayRunsWorkflowCode(t *testing.T) {
	s := newScript(t, func(ctx Context) (time.Duration, error) {
		begun := Now(ctx)
		var nap time.Duration
		if err := SideEffect(ctx, func(Context) any { return time.Hour }).Get(&nap); err != nil {
			return 0, err
		}
		for range 3 {
			if err := Sleep(ctx, nap); err != nil {
				return 0, err
			}
		}
		return Now(ctx).Sub(begun), nil
	})
	started := s.events[0]
	r := newRun(s.options.WithDefaults(), coroutine.New(), nil, execution.Workflow{ID: "id", RunID: "run"}, started)
	defer r.close()
	machine := &clockwork{now: epoch}
	r.bind(machine)
	if err := r.Start(started); err != nil {
		t.Fatal(err)
	}
	for {
		closing, err := r.Run()
		if err != nil {
			t.Fatal(err)
		}
		if closing != nil {
			if closing.GetCommandType() != enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION || describe(closing) != "CompleteWorkflowExecution 10800000000000" {
				t.Fatalf("the workflow ended with %v", closing)
			}
			return
		}
		fire := machine.due[0]
		machine.due = machine.due[1:]
		fire()
	}
}
