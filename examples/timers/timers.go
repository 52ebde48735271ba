// Package timers: a workflow waits, for as long as it takes.
//
// A timer is kept by the server: a workflow that sleeps for a year costs some bytes
// on its disk and nothing else. Workflow code takes its time from workflow.Now and
// workflow.Sleep, which say the same when the code is run again.
package timers

import (
	"context"
	"time"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "timers", Title: "sleep, and wait for whatever comes first",
	Register: func(r worker.Registry) { r.RegisterWorkflow(Offer) },
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		accepted, err := lesson.Start(ctx, c, "timers-accepted", Offer, time.Hour)
		if err != nil {
			return err
		}
		if err := c.SignalWorkflow(ctx, accepted.GetID(), "", "accept", "ann"); err != nil {
			return err
		}
		var outcome string
		if err := accepted.Get(ctx, &outcome); err != nil {
			return err
		}
		say("first offer: %s", outcome)
		outcome, err = lesson.Execute[string](ctx, c, "timers-ignored", Offer, time.Second)
		if err != nil {
			return err
		}
		say("second offer: %s", outcome)
		return nil
	},
	Says: []string{"first offer: accepted by ann", "second offer: no answer within 1s"},
}

// Offer waits for an answer, but not for ever.
func Offer(ctx workflow.Context, patience time.Duration) (outcome string, err error) {
	// Cancelling the context cancels the timer, if the answer comes first.
	timing, cancel := workflow.WithCancel(ctx)
	selector := workflow.NewSelector(ctx)
	selector.AddFuture(workflow.NewTimer(timing, patience), func(timer workflow.Future) {
		if err = timer.Get(ctx, nil); err == nil {
			outcome = "no answer within " + patience.String()
		}
	})
	selector.AddReceive(workflow.GetSignalChannel(ctx, "accept"), func(answers workflow.ReceiveChannel, _ bool) {
		var by string
		answers.Receive(ctx, &by)
		outcome = "accepted by " + by
		cancel()
	})
	selector.Select(ctx) // runs the function of one that is ready
	return outcome, err
}
