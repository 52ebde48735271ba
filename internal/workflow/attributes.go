package workflow

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// What the attributes of several commands have in common: durations, retry
// policies, task queues, priorities. The functions check a value and fill in
// what it leaves out.

// maxDuration caps every duration a client sets, so that no sum of a time and a
// duration overflows.
const maxDuration = 100 * 365 * 24 * time.Hour

var (
	errNegativeDuration = errors.New("negative duration")
	errMixedSigns       = errors.New("duration has seconds and nanos with different signs")
)

// capDuration checks a duration and cuts it to maxDuration in place. Nil is 0.
func capDuration(d *durationpb.Duration) error {
	if d == nil {
		return nil
	}
	if d.Seconds > 0 && d.Nanos < 0 || d.Seconds < 0 && d.Nanos > 0 {
		return errMixedSigns
	}
	switch value := d.AsDuration(); {
	case value < 0:
		return errNegativeDuration
	case value > maxDuration:
		d.Seconds, d.Nanos = int64(maxDuration/time.Second), 0
	}
	return nil
}

// timeoutNonRetryable begins a non-retryable error type that names a timeout.
const timeoutNonRetryable = "TemporalTimeout:"

// completeRetryPolicy fills in what the policy leaves open and checks it. The
// defaults: first interval 1 s, doubled each time up to a hundred times the
// first, no limit of attempts.
func completeRetryPolicy(policy *commonpb.RetryPolicy) error {
	if policy.InitialInterval.AsDuration() == 0 {
		policy.InitialInterval = durationpb.New(time.Second)
	}
	if policy.MaximumInterval.AsDuration() == 0 {
		initial := policy.InitialInterval.AsDuration()
		policy.MaximumInterval = durationpb.New(min(initial, maxDuration/100) * 100)
	}
	if policy.BackoffCoefficient == 0 {
		policy.BackoffCoefficient = 2
	}
	if policy.MaximumAttempts == 1 {
		return nil // never retried: nothing else of it matters
	}
	if err := capDuration(policy.InitialInterval); err != nil {
		return fmt.Errorf("invalid InitialInterval set on retry policy: %w", err)
	}
	if !(policy.BackoffCoefficient >= 1) { // also when it is not a number
		return errors.New("BackoffCoefficient cannot be less than 1 on retry policy")
	}
	if err := capDuration(policy.MaximumInterval); err != nil {
		return fmt.Errorf("invalid MaximumInterval set on retry policy: %w", err)
	}
	if policy.MaximumInterval.AsDuration() < policy.InitialInterval.AsDuration() {
		return errors.New("MaximumInterval cannot be less than InitialInterval on retry policy")
	}
	if policy.MaximumAttempts < 0 {
		return errors.New("MaximumAttempts cannot be negative on retry policy")
	}
	for _, name := range policy.NonRetryableErrorTypes {
		if kind, ok := strings.CutPrefix(name, timeoutNonRetryable); ok {
			if value, err := enumspb.TimeoutTypeFromString(kind); err != nil || value == enumspb.TIMEOUT_TYPE_UNSPECIFIED {
				return fmt.Errorf("invalid timeout type value: %v", kind)
			}
		}
	}
	return nil
}

// completeTaskQueue checks a task queue that a command names, and fills in the
// default name and the kind.
func completeTaskQueue(queue *taskqueuepb.TaskQueue, defaultName string, maxLength int) error {
	if queue == nil {
		return errors.New("taskQueue is not set")
	}
	queue.Name = cmp.Or(queue.Name, defaultName)
	if queue.Kind == enumspb.TASK_QUEUE_KIND_UNSPECIFIED {
		queue.Kind = enumspb.TASK_QUEUE_KIND_NORMAL
	}
	switch {
	case queue.Name == "":
		return errors.New("missing task queue name")
	case tooLong(queue.Name, maxLength):
		return errors.New("taskQueue length exceeds limit")
	case strings.HasPrefix(queue.Name, "/_sys/"):
		return errors.New("task queue name cannot start with reserved prefix /_sys/")
	}
	return nil
}

// tooLong reports whether an id or name is longer than the limit; 0 is no limit.
func tooLong(s string, limit int) bool { return limit > 0 && len(s) > limit }

// checkPriority checks a priority; nil is fine.
func checkPriority(p *commonpb.Priority) error {
	switch {
	case p.GetPriorityKey() < 0:
		return errors.New("priority key can't be negative")
	case len(p.GetFairnessKey()) > 64:
		return errors.New("fairness key length exceeds limit")
	case p.GetFairnessWeight() < 0:
		return errors.New("fairness weight must be greater than zero")
	}
	return nil
}

// mergePriority completes a priority with what it leaves open from a base, such
// as the priority of the workflow.
func mergePriority(base, own *commonpb.Priority) *commonpb.Priority {
	if base == nil || own == nil {
		return cmp.Or(own, base)
	}
	return &commonpb.Priority{
		PriorityKey:    cmp.Or(own.PriorityKey, base.PriorityKey),
		FairnessKey:    cmp.Or(own.FairnessKey, base.FairnessKey),
		FairnessWeight: cmp.Or(own.FairnessWeight, base.FairnessWeight),
	}
}

// setOverlay notes in a map of a command batch what a command will do.
func setOverlay[K comparable](overlay *map[K]bool, key K, value bool) {
	if *overlay == nil {
		*overlay = make(map[K]bool)
	}
	(*overlay)[key] = value
}
