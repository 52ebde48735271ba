package replay

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"

	"github.com/perdure/perdure/sdk/converter"
)

// code is a workflow without coroutines: what it does in each Run.
type code struct {
	t       *testing.T
	m       *Machine
	steps   []func(m *Machine)
	runs    int
	seen    []string
	updates []*Update
}

func (c *code) Start(*historypb.HistoryEvent) error { return nil }
func (c *code) Signal(a *historypb.WorkflowExecutionSignaledEventAttributes) error {
	c.seen = append(c.seen, "signal "+a.GetSignalName())
	return nil
}
func (c *code) Cancel()                                             { c.seen = append(c.seen, "cancel") }
func (c *code) Update(u *Update) error                              { c.updates = append(c.updates, u); return nil }
func (c *code) Upserted(*commonpb.SearchAttributes, *commonpb.Memo) {}

func (c *code) Run() (*commandpb.Command, error) {
	c.runs++
	if c.runs <= len(c.steps) {
		c.steps[c.runs-1](c.m)
	}
	return nil, nil
}

func newCode(t *testing.T, steps ...func(m *Machine)) *code {
	c := &code{t: t, steps: steps}
	c.m = NewMachine(c, Options{Converter: converter.GetDefaultDataConverter(), SDKMetadata: true, SDKName: "sdk", SDKVersion: "1", RunID: "run"})
	return c
}

// history numbers events and gives them times.
func history(events ...*historypb.HistoryEvent) []*historypb.HistoryEvent {
	for i, e := range events {
		e.EventId = int64(i + 1)
	}
	return events
}

func event(typ enumspb.EventType) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{EventType: typ}
}

func begin() []*historypb.HistoryEvent {
	return []*historypb.HistoryEvent{
		event(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED),
		event(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED),
		event(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED),
	}
}

func completed() *historypb.HistoryEvent { return event(enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED) }

func signaled(name string) *historypb.HistoryEvent {
	e := event(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED)
	e.Attributes = &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{
		WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{SignalName: name}}
	return e
}

func timerStarted(id string) *historypb.HistoryEvent {
	e := event(enumspb.EVENT_TYPE_TIMER_STARTED)
	e.Attributes = &historypb.HistoryEvent_TimerStartedEventAttributes{
		TimerStartedEventAttributes: &historypb.TimerStartedEventAttributes{TimerId: id}}
	return e
}

func timerFired(id string) *historypb.HistoryEvent {
	e := event(enumspb.EVENT_TYPE_TIMER_FIRED)
	e.Attributes = &historypb.HistoryEvent_TimerFiredEventAttributes{
		TimerFiredEventAttributes: &historypb.TimerFiredEventAttributes{TimerId: id}}
	return e
}

func (c *code) process(mode Mode, events ...*historypb.HistoryEvent) error {
	return c.m.Process(context.Background(), NewReader(events, nil, nil, 0, 0), mode)
}

func commandTypes(commands []*commandpb.Command) []string {
	var types []string
	for _, c := range commands {
		types = append(types, c.GetCommandType().String())
	}
	return types
}

func TestIDsAreThoseOfTheEventsToCome(t *testing.T) {
	c := newCode(t, func(m *Machine) {
		a := m.ScheduleActivity(ActivityOptions{Attributes: &commandpb.ScheduleActivityTaskCommandAttributes{}}, func(ActivityResult) {})
		b := m.StartTimer(time.Second, nil, func(bool) {})
		if a.ID != "5" || b.ID != "6" || m.NextChildID() != "run_7" {
			t.Errorf("activity %s, timer %s, child %s", a.ID, b.ID, m.NextChildID())
		}
	})
	if err := c.process(Mode{}, history(begin()...)...); err != nil {
		t.Fatal(err)
	}
	if got := commandTypes(c.m.TakeCommands()); !slices.Equal(got, []string{"ScheduleActivityTask", "StartTimer"}) {
		t.Errorf("commands %v", got)
	}
	if again := c.m.TakeCommands(); len(again) != 0 {
		t.Errorf("commands again: %v", again)
	}
}

func TestCommandsFromBeforeTheTaskStartedAreCounted(t *testing.T) {
	var timer *Timer
	c := newCode(t,
		func(m *Machine) { timer = m.StartTimer(time.Hour, nil, func(bool) {}) },
		func(m *Machine) {
			if id := m.nextID(); id != "11" {
				t.Errorf("next id %s, want 11: the cancellation comes first", id)
			}
		})
	cancel := &cancelling{code: c, do: func() { c.m.CancelTimer(timer) }}
	c.m.workflow = cancel
	err := c.process(Mode{PreviousStartedEventID: 3, Check: true}, history(append(begin(),
		completed(), timerStarted("5"),
		event(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED),
		event(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED),
		event(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED))...)...)
	if err != nil {
		t.Fatal(err)
	}
	if got := commandTypes(c.m.TakeCommands()); !slices.Equal(got, []string{"CancelTimer"}) {
		t.Errorf("commands %v", got)
	}
}

type cancelling struct {
	*code
	do func()
}

func (c *cancelling) Cancel() { c.do() }

func TestCancellationIsTakenBackWhenTheTimerHasFired(t *testing.T) {
	fired := []bool{}
	var timer *Timer
	c := newCode(t, func(m *Machine) {
		timer = m.StartTimer(time.Hour, nil, func(f bool) { fired = append(fired, f) })
	})
	c.m.workflow = &cancelling{code: c, do: func() { c.m.CancelTimer(timer) }}
	err := c.process(Mode{PreviousStartedEventID: 3, Check: true}, history(append(begin(),
		completed(), timerStarted("5"),
		event(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED), timerFired("5"),
		event(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED),
		event(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED))...)...)
	if err != nil || !slices.Equal(fired, []bool{false}) {
		t.Fatalf("err %v, fired %v", err, fired)
	}
	if got := c.m.TakeCommands(); len(got) != 0 {
		t.Errorf("commands %v", commandTypes(got))
	}
}

func TestTasksThatFailedOrTimedOutDoNotRun(t *testing.T) {
	c := newCode(t)
	err := c.process(Mode{}, history(append(begin(),
		event(enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT),
		signaled("a"),
		event(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED), event(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED),
		event(enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED),
		event(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED), event(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED))...)...)
	if err != nil || c.runs != 1 || !slices.Equal(c.seen, []string{"signal a"}) || c.m.Task().HistoryLength != 10 {
		t.Errorf("err %v, %d runs, seen %v, length %d", err, c.runs, c.seen, c.m.Task().HistoryLength)
	}
}

func TestEventsOfNoCommandAreNonDeterminism(t *testing.T) {
	for _, e := range []*historypb.HistoryEvent{timerStarted("9"), timerFired("9")} {
		c := newCode(t)
		err := c.process(Mode{}, history(append(begin(), completed(), e)...)...)
		n, ok := errors.AsType[*NonDeterminismError](err)
		if !ok || n.EventID != 5 || !strings.Contains(err.Error(), "TMPRL1100") || c.m.Failure() == nil {
			t.Errorf("%v: %v", e.GetEventType(), err)
		}
	}
}

func TestOfflineHistoryIsReplayToItsEnd(t *testing.T) {
	c := newCode(t, func(m *Machine) {
		if !m.Replaying() {
			t.Error("not replaying")
		}
	})
	err := c.process(Mode{Offline: true, Check: true}, history(append(begin(), completed(), signaled("x"),
		event(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED), event(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED))...)...)
	if err != nil || c.runs != 1 {
		t.Errorf("err %v, %d runs; the last task has no outcome to compare with", err, c.runs)
	}
}

func TestHistoryWithHolesIsNotTheWorkflowsFault(t *testing.T) {
	events := history(append(begin(), completed(), signaled("x"))...)
	hole := slices.Delete(slices.Clone(events), 3, 4)
	c := newCode(t)
	if err := c.process(Mode{}, hole...); err == nil || c.m.Failure() != nil {
		t.Errorf("hole: err %v, failure %v", err, c.m.Failure())
	}
	short := newCode(t)
	if err := short.m.Process(context.Background(), NewReader(events, nil, nil, 0, 9), Mode{}); err == nil || short.m.Failure() != nil {
		t.Errorf("too short: err %v, failure %v", err, short.m.Failure())
	}
}

func TestFlagsAreObeyedAndRecorded(t *testing.T) {
	c := newCode(t, func(m *Machine) {
		if !m.UseFlag(FlagMemoDataConverter) || m.UseFlag(FlagCancelAwaitTimer) {
			t.Error("defaults")
		}
	})
	if err := c.process(Mode{}, history(begin()...)...); err != nil {
		t.Fatal(err)
	}
	if got := c.m.NewFlags(); !slices.Equal(got, []uint32{3, 7}) {
		t.Errorf("new flags %v", got)
	}

	end := completed()
	end.Attributes = &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{
		WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{
			SdkMetadata: &sdkpb.WorkflowTaskCompletedMetadata{LangUsedFlags: []uint32{6}}}}
	replayed := newCode(t, func(m *Machine) {
		if m.UseFlag(FlagMemoDataConverter) || !m.UseFlag(FlagCancelAwaitTimer) {
			t.Error("replay does not obey the history")
		}
	})
	if err := replayed.process(Mode{Offline: true}, history(append(begin(), end, signaled("x"))...)...); err != nil {
		t.Fatal(err)
	}

	t.Setenv("TEMPORAL_SDK_FLAG_7", "0")
	off := newCode(t, func(m *Machine) {
		if m.UseFlag(FlagMemoDataConverter) {
			t.Error("the environment is ignored")
		}
	})
	if err := off.process(Mode{}, history(begin()...)...); err != nil {
		t.Fatal(err)
	}
}

func TestSDKVersionIsReportedWhenAnotherCompletedTheLastTask(t *testing.T) {
	for name, test := range map[string]struct{ recorded, want string }{"the same": {"1", ""}, "another": {"0.9", "1"}} {
		end := completed()
		end.Attributes = &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{
			WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{
				SdkMetadata: &sdkpb.WorkflowTaskCompletedMetadata{SdkName: "sdk", SdkVersion: test.recorded}}}
		c := newCode(t)
		if err := c.process(Mode{PreviousStartedEventID: 3}, history(append(begin(), end,
			event(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED), event(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED))...)...); err != nil {
			t.Fatal(err)
		}
		if sdk, version := c.m.NewSDKIdentity(); sdk != "" || version != test.want {
			t.Errorf("%s: reports %q %q", name, sdk, version)
		}
	}
}

func TestChildIsCancelledOnlyOnceItWasStarted(t *testing.T) {
	c := newCode(t, func(m *Machine) {
		child, err := m.StartChildWorkflow(&commandpb.StartChildWorkflowExecutionCommandAttributes{WorkflowId: "c"}, nil, ChildCallbacks{})
		if err != nil {
			t.Fatal(err)
		}
		m.CancelChildWorkflow(child)
		if _, err := m.StartChildWorkflow(&commandpb.StartChildWorkflowExecutionCommandAttributes{WorkflowId: "c"}, nil, ChildCallbacks{}); !errors.Is(err, ErrChildExists) {
			t.Errorf("twice: %v", err)
		}
		child.started = true
		m.CancelChildWorkflow(child)
		m.CancelChildWorkflow(child)
	})
	if err := c.process(Mode{}, history(begin()...)...); err != nil {
		t.Fatal(err)
	}
	if got := commandTypes(c.m.TakeCommands()); !slices.Equal(got, []string{"StartChildWorkflowExecution", "RequestCancelExternalWorkflowExecution"}) {
		t.Errorf("commands %v", got)
	}
}

func TestVersionsFillTheSearchAttributeUpToItsLimit(t *testing.T) {
	upserts, warnings := 0, 0
	c := newCode(t, func(m *Machine) {
		for _, size := range []int{10, 3000} {
			m.Version(VersionOptions{
				ChangeID: strings.Repeat("x", size), Min: DefaultVersion, Max: 1,
				EncodeAttribute: func(values []string) (*commonpb.Payload, error) {
					return converter.GetDefaultDataConverter().ToPayload(values)
				},
				Upsert: func(*commonpb.Payload) { upserts++; m.UpsertSearchAttributes(nil) },
				Warn:   func(error) { warnings++ },
			})
		}
	})
	if err := c.process(Mode{}, history(begin()...)...); err != nil {
		t.Fatal(err)
	}
	commands := c.m.TakeCommands()
	if got := commandTypes(commands); upserts != 1 || warnings != 1 || !slices.Equal(got, []string{"RecordMarker", "UpsertWorkflowSearchAttributes", "RecordMarker"}) {
		t.Fatalf("%d upserts, %d warnings, commands %v", upserts, warnings, got)
	}
	if d := commands[2].GetRecordMarkerCommandAttributes().GetDetails()["version-search-attribute-updated"]; string(d.GetPayloads()[0].GetData()) != "false" {
		t.Errorf("detail %v", d)
	}
}
