package workflow

import (
	"math"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

func TestRetryPolicyIsCompletedWithDefaults(t *testing.T) {
	got := &commonpb.RetryPolicy{}
	if err := completeRetryPolicy(got); err != nil {
		t.Fatal(err)
	}
	want := &commonpb.RetryPolicy{
		InitialInterval:    durationpb.New(time.Second),
		BackoffCoefficient: 2,
		MaximumInterval:    durationpb.New(100 * time.Second),
	}
	if !proto.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestBadRetryPoliciesAreRefused(t *testing.T) {
	for name, policy := range map[string]*commonpb.RetryPolicy{
		"negative first interval":            {InitialInterval: durationpb.New(-1)},
		"negative maximum interval":          {MaximumInterval: durationpb.New(-1)},
		"maximum interval below the first":   {InitialInterval: durationpb.New(2), MaximumInterval: durationpb.New(1)},
		"coefficient below 1":                {BackoffCoefficient: 0.5},
		"coefficient that is no number":      {BackoffCoefficient: math.NaN()},
		"negative attempts":                  {MaximumAttempts: -1},
		"excluded timeout that there is not": {NonRetryableErrorTypes: []string{"TemporalTimeout:Tea"}},
		"duration with mixed signs":          {InitialInterval: &durationpb.Duration{Seconds: 1, Nanos: -1}},
	} {
		t.Run(name, func(t *testing.T) {
			if err := completeRetryPolicy(policy); err == nil {
				t.Errorf("accepted: %v", policy)
			}
		})
	}
}

func TestDurationsAreCappedAtAHundredYears(t *testing.T) {
	d := &durationpb.Duration{Seconds: math.MaxInt64}
	if err := capDuration(d); err != nil {
		t.Fatal(err)
	}
	if d.AsDuration() != maxDuration {
		t.Errorf("capped to %v", d.AsDuration())
	}
}

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
			if failure := completeActivityTimeouts(attr, test.run); failure != nil {
				t.Fatal(failure.err)
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

func TestTaskQueuesOfCommandsAreChecked(t *testing.T) {
	for name, test := range map[string]struct {
		queue *taskqueuepb.TaskQueue
		ok    bool
	}{
		"unset":                      {nil, false},
		"nameless takes the default": {&taskqueuepb.TaskQueue{}, true},
		"named":                      {&taskqueuepb.TaskQueue{Name: "q"}, true},
		"too long":                   {&taskqueuepb.TaskQueue{Name: "12345678901"}, false},
		"reserved":                   {&taskqueuepb.TaskQueue{Name: "/_sys/q"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := completeTaskQueue(test.queue, "default", 10)
			if (err == nil) != test.ok {
				t.Fatal(err)
			}
			if err == nil && (test.queue.Name == "" || test.queue.Kind != enumspb.TASK_QUEUE_KIND_NORMAL) {
				t.Errorf("queue is %v", test.queue)
			}
		})
	}
	if err := completeTaskQueue(&taskqueuepb.TaskQueue{}, "", 10); err == nil {
		t.Error("accepted a queue without any name")
	}
}
