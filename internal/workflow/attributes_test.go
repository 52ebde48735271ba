package workflow

import (
	"math"
	"strings"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/api/check"
)

func TestActivityTimeoutsAreDerived(t *testing.T) {
	const s = time.Second
	for _, test := range []struct {
		name                         string
		close, queued, attempt, beat time.Duration // as commanded
		run                          time.Duration // the workflow's run timeout
		want                         [4]time.Duration
	}{
		{"from schedule-to-close", 10 * s, 0, 0, 0, 0, [4]time.Duration{10 * s, 10 * s, 10 * s, 0}},
		{"within schedule-to-close", 10 * s, 20 * s, 30 * s, 40 * s, 0, [4]time.Duration{10 * s, 10 * s, 10 * s, 10 * s}},
		{"from start-to-close alone", 0, 0, 5 * s, 0, 0, [4]time.Duration{0, 0, 5 * s, 0}},
		{"and the run timeout", 0, 0, 5 * s, 0, 60 * s, [4]time.Duration{60 * s, 60 * s, 5 * s, 0}},
		{"and capped by the run timeout", 90 * s, 80 * s, 70 * s, 65 * s, 60 * s, [4]time.Duration{60 * s, 60 * s, 60 * s, 60 * s}},
		{"and schedule-to-start is kept", 0, 3 * s, 5 * s, 0, 0, [4]time.Duration{0, 3 * s, 5 * s, 0}},
		{"and heartbeat is at most start-to-close", 0, 0, 5 * s, 7 * s, 0, [4]time.Duration{0, 0, 5 * s, 5 * s}},
	} {
		t.Run(test.name, func(t *testing.T) {
			attr := &commandpb.ScheduleActivityTaskCommandAttributes{
				ScheduleToCloseTimeout: durationpb.New(test.close),
				ScheduleToStartTimeout: durationpb.New(test.queued),
				StartToCloseTimeout:    durationpb.New(test.attempt),
			}
			if test.beat != 0 {
				attr.HeartbeatTimeout = durationpb.New(test.beat)
			}
			if err := completeActivityTimeouts(attr, test.run); err != nil {
				t.Fatal(err)
			}
			for _, d := range []*durationpb.Duration{
				attr.ScheduleToCloseTimeout, attr.ScheduleToStartTimeout, attr.StartToCloseTimeout, attr.HeartbeatTimeout,
			} {
				if d == nil {
					t.Fatal("a timeout is left unset, which some SDKs do not expect")
				}
			}
			got := [4]time.Duration{
				attr.ScheduleToCloseTimeout.AsDuration(), attr.ScheduleToStartTimeout.AsDuration(),
				attr.StartToCloseTimeout.AsDuration(), attr.HeartbeatTimeout.AsDuration(),
			}
			if got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestPrioritiesMergeFieldByField(t *testing.T) {
	base := &commonpb.Priority{PriorityKey: 3, FairnessKey: "a", FairnessWeight: 2}
	own := &commonpb.Priority{PriorityKey: 1, FairnessWeight: 5}
	want := &commonpb.Priority{PriorityKey: 1, FairnessKey: "a", FairnessWeight: 5}
	if got := mergePriority(base, own); !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if mergePriority(nil, own) != own || mergePriority(base, nil) != base || mergePriority(nil, nil) != nil {
		t.Error("a priority without another is not kept as it is")
	}
}

func TestFairnessKeyInAnActivityIdIsUnderstood(t *testing.T) {
	for id, want := range map[string]*commonpb.Priority{
		"x-temporal-internal-fairness-key[tenant:2.5]a": {FairnessKey: "tenant", FairnessWeight: 2.5},
		"x-temporal-internal-fairness-key[tenant:2.5":   nil,
		"x-temporal-internal-fairness-key[tenant]":      nil,
		"x-temporal-internal-fairness-key[tenant:much]": nil,
		"a": nil,
	} {
		attr := &commandpb.ScheduleActivityTaskCommandAttributes{ActivityId: id}
		if applyFairnessPrefix(attr); !proto.Equal(attr.Priority, want) {
			t.Errorf("%s: priority is %v", id, attr.Priority)
		}
	}
}

// That the form of fields is checked at all in commands; what is checked is the
// table of package check.
func TestCommandsWithBadFieldsFailTheWorkflowTask(t *testing.T) {
	long := strings.Repeat("x", check.MaxID+1)
	weight := func(w float32) func(*activityAttributes) {
		return func(a *activityAttributes) { a.Priority = &commonpb.Priority{FairnessWeight: w} }
	}
	childWeight := func(a *childAttributes) { a.Priority = &commonpb.Priority{FairnessWeight: float32(math.NaN())} }
	for says, command := range map[string]*commandpb.Command{
		"invalid priorities: must be greater than zero":             scheduleActivity("a", weight(float32(math.NaN()))),
		"must be greater than zero":                                 scheduleActivity("a", weight(float32(math.Inf(1)))),
		"BadStartChildExecutionAttributes: must be greater":         startChild("c", childWeight),
		"activityId exceeds length limit. Length=1001 Limit=1000":   scheduleActivity(long),
		"TimerId on StartTimerCommand exceeds length limit":         startTimer(long, time.Second),
		"TimerId is not set on CancelTimerCommand":                  cancelTimer(""),
		"WorkflowId on StartChildWorkflowExecutionCommand exceeds":  startChild(long),
		"Invalid RunId set on SignalExternalWorkflowExecutionComma": signalExternal("w", func(a *signalExternalAttributes) { a.Execution.RunId = "r" }),
		"SignalName is not set on SignalExternalWorkflowExecutio":   signalExternal("w", func(a *signalExternalAttributes) { a.SignalName = "" }),
		"MarkerName is not set on RecordMarkerCommand":              recordMarker(""),
		"cannot use internal per-namespace task queue": scheduleActivity("a", func(a *activityAttributes) {
			a.TaskQueue.Name = check.InternalQueue
		}),
	} {
		t.Run(says, func(t *testing.T) {
			w := newWorkflow(t)
			w.start()
			if got := w.refuse(command).GetFailure().GetMessage(); !strings.Contains(got, says) {
				t.Errorf("the task failed with %q", got)
			}
		})
	}
}
