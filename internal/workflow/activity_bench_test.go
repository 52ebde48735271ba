package workflow

import (
	"fmt"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
)

// The cost of a step must follow what it touches, not what is pending.

func benchmarkPending(b *testing.B, pending int, do func(w subject, c *Chain, ref attempt.Ref) error) {
	w := newWorkflow(b)
	w.start()
	var commands []*commandpb.Command
	for i := range pending {
		commands = append(commands, scheduleActivity(fmt.Sprint(i), timeouts(0, 0, time.Hour, time.Minute)))
	}
	w.decide(commands...)
	ref := w.refOf(w.startActivity())
	c := w.chain()
	b.ReportAllocs()
	for b.Loop() {
		if err := do(w, c, ref); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHeartbeat(b *testing.B) {
	for _, pending := range []int{1, 2000} {
		b.Run(fmt.Sprintf("%d pending", pending), func(b *testing.B) {
			details := payloads("progress")
			benchmarkPending(b, pending, func(w subject, c *Chain, ref attempt.Ref) error {
				w.now = w.now.Add(time.Microsecond)
				step := entity.NewStep(w.now, w.env())
				if _, err := c.Heartbeat(step, ref, details, testWorker); err != nil {
					return err
				}
				return c.EndStep(step)
			})
		})
	}
}

func BenchmarkActivityAttempt(b *testing.B) {
	for _, pending := range []int{1, 2000} {
		b.Run(fmt.Sprintf("%d pending", pending), func(b *testing.B) {
			failure := applicationFailure("Broken", nextRetryDelay(time.Nanosecond))
			benchmarkPending(b, pending, func(w subject, c *Chain, ref attempt.Ref) error {
				step := func(do func(*entity.Step) error) error {
					w.now = w.now.Add(time.Nanosecond)
					step := entity.NewStep(w.now, w.env())
					if err := do(step); err != nil {
						return err
					}
					return c.EndStep(step)
				}
				act := c.current.activities.get(ref.Token.ScheduledEventId)
				ref.Token.Attempt, ref.Token.Stamp, ref.Token.StartedTime = act.Attempt, act.Stamp, act.StartedTime.AsTime().UnixNano()
				err := step(func(step *entity.Step) error {
					_, err := c.FailActivity(step, ref, failure, nil, testWorker)
					return err
				})
				if err != nil {
					return err
				}
				if err := step(c.Fire); err != nil {
					return err
				}
				return step(func(step *entity.Step) error {
					task := &entity.Task{ID: act.TaskId, RunID: c.current.info.RunId, EventID: act.ScheduledEventId, Stamp: act.Stamp}
					_, err := c.StartActivity(step, task, nil)
					return err
				})
			})
		})
	}
}
