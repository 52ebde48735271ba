// Package queries: a workflow is asked about its state.
//
// A query is answered by the workflow's own variables, by a handler that must not
// change anything nor wait. It leaves no trace in the history, and works after the
// workflow's end, too.
package queries

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "queries", Title: "ask a workflow about its state",
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Tour)
		r.RegisterActivity(Visit)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		run, err := lesson.Start(ctx, c, "queries", Tour, []string{"Rome", "Oslo", "Lima"})
		if err != nil {
			return err
		}
		if err := run.Get(ctx, nil); err != nil {
			return err
		}
		answer, err := c.QueryWorkflow(ctx, run.GetID(), "", "progress", "visited")
		if err != nil {
			return err
		}
		var progress string
		if err := answer.Get(&progress); err != nil {
			return err
		}
		say("%s", progress)
		return nil
	},
	Says: []string{"3 visited, 0 to go"},
}

// Tour visits cities and can be asked how far it is.
func Tour(ctx workflow.Context, cities []string) error {
	visited := 0
	err := workflow.SetQueryHandler(ctx, "progress", func(word string) (string, error) {
		return fmt.Sprintf("%d %s, %d to go", visited, word, len(cities)-visited), nil
	})
	if err != nil {
		return err
	}
	ctx = lesson.Quick(ctx)
	for _, city := range cities {
		if err := workflow.ExecuteActivity(ctx, Visit, city).Get(ctx, nil); err != nil {
			return err
		}
		visited++
	}
	return nil
}

// Visit is the activity.
func Visit(context.Context, string) error { return nil }
