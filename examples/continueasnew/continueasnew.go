// Package continueasnew: a workflow that never ends.
//
// Everything that a workflow does makes its history longer, and a worker that has
// lost it from its cache reads it all. A workflow that goes on for ever continues as
// new from time to time: the same id, a fresh history, and what it needs to know as
// its input.
package continueasnew

import (
	"context"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "continueasnew", Title: "a workflow that never ends",
	Register: func(r worker.Registry) { r.RegisterWorkflow(Counter) },
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		run, err := lesson.Start(ctx, c, "continueasnew", Counter, State{})
		if err != nil {
			return err
		}
		for range 25 {
			if err := c.SignalWorkflow(ctx, run.GetID(), "", "count", 1); err != nil {
				return err
			}
		}
		if err := c.SignalWorkflow(ctx, run.GetID(), "", "count", 0); err != nil {
			return err
		}
		var total State
		if err := run.Get(ctx, &total); err != nil { // follows all runs
			return err
		}
		say("counted to %d", total.Count)
		say("in more than one run: %v", total.Runs > 1)
		return nil
	},
	Says: []string{"counted to 25", "in more than one run: true"},
}

// State is what one run tells the next.
type State struct{ Count, Runs int }

// Counter counts until it is sent a zero.
func Counter(ctx workflow.Context, state State) (State, error) {
	state.Runs++
	counts := workflow.GetSignalChannel(ctx, "count")
	for handled := 0; ; handled++ {
		var n int
		// Signals that have arrived are handled before the run ends: they belong to
		// it. (workflow.GetInfo(ctx).GetContinueAsNewSuggested() says when a
		// history has become long; here it is after ten.)
		if handled < 10 {
			counts.Receive(ctx, &n)
		} else if !counts.ReceiveAsync(&n) {
			return state, workflow.NewContinueAsNewError(ctx, Counter, state)
		}
		if n == 0 {
			return state, nil
		}
		state.Count += n
		if handled == 9 {
			// Let what is on its way arrive, so that this example has its second run.
			if counts.Len() == 0 {
				return state, workflow.NewContinueAsNewError(ctx, Counter, state)
			}
		}
	}
}
