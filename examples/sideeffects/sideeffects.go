// Package sideeffects: chance, in a workflow.
//
// Workflow code must do the same when it is run again. What would differ (a random
// number, a new id) is made in a side effect: its value is recorded and not made
// again.
package sideeffects

import (
	"context"
	"math/rand/v2"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "sideeffects", Title: "chance, in a workflow",
	Register: func(r worker.Registry) { r.RegisterWorkflow(Dice) },
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		run, err := lesson.Start(ctx, c, "sideeffects", Dice)
		if err != nil {
			return err
		}
		var thrown int
		if err := run.Get(ctx, &thrown); err != nil {
			return err
		}
		// The query runs the workflow again, if the worker does not have it in
		// its cache any more: the dice still show the same.
		worker.PurgeStickyWorkflowCache()
		answer, err := c.QueryWorkflow(ctx, run.GetID(), "", "thrown")
		if err != nil {
			return err
		}
		var again int
		if err := answer.Get(&again); err != nil {
			return err
		}
		say("the same again: %v", thrown == again)
		return nil
	},
	Says: []string{"the same again: true"},
}

// Dice throws two dice.
func Dice(ctx workflow.Context) (sum int, err error) {
	if err := workflow.SetQueryHandler(ctx, "thrown", func() (int, error) { return sum, nil }); err != nil {
		return 0, err
	}
	for range 2 {
		var eyes int
		err := workflow.SideEffect(ctx, func(workflow.Context) any { return 1 + rand.IntN(6) }).Get(&eyes)
		if err != nil {
			return 0, err
		}
		sum += eyes
	}
	return sum, nil
}
