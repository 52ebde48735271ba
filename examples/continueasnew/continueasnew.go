// Package continueasnew: a workflow that never ends.
//
// Everything that a workflow does makes its history longer, and a worker that has
// lost it from its cache reads it all. A workflow that goes on for ever continues as
// new from time to time: the same id, a fresh history, and what it needs to know as
// its input.
package continueasnew

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"

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
		count := func(n, times int) (err error) {
			for range times {
				err = errors.Join(err, c.SignalWorkflow(ctx, run.GetID(), "", "count", n))
			}
			return err
		}
		if err := count(1, 15); err != nil {
			return err
		}
		// Wait for the end of the first run: the event that closes it.
		closing := c.GetWorkflowHistory(ctx, run.GetID(), run.GetRunID(), true, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
		if _, err := closing.Next(); err != nil {
			return err
		}
		if err := errors.Join(count(1, 10), count(0, 1)); err != nil {
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
	// workflow.GetInfo(ctx).GetContinueAsNewSuggested() says when a history has become
	// long; here it is after ten signals.
	for handled := 0; ; handled++ {
		var n int
		if handled < 10 {
			counts.Receive(ctx, &n)
		} else if !counts.ReceiveAsync(&n) {
			// Signals that have arrived belong to this run, and would be lost with
			// it: it ends when there are none.
			return state, workflow.NewContinueAsNewError(ctx, Counter, state)
		}
		if n == 0 {
			return state, nil
		}
		state.Count += n
	}
}
