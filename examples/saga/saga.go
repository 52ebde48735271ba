// Package saga: what has been done is undone when a later step fails.
//
// A workflow is a good place for it: it knows what has been done, and it will not
// forget to undo it because a process has died.
package saga

import (
	"context"
	"errors"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "saga", Title: "undo what has been done when a later step fails",
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Trip)
		r.RegisterActivity(Book)
		r.RegisterActivity(Cancel)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		run, err := lesson.Start(ctx, c, "saga", Trip, "flight", "hotel", "full car")
		if err != nil {
			return err
		}
		err = run.Get(ctx, nil)
		failure, ok := errors.AsType[*temporal.ApplicationError](err)
		if !ok {
			return err
		}
		answer, err := c.QueryWorkflow(ctx, run.GetID(), "", "journal")
		if err != nil {
			return err
		}
		var journal []string
		if err := answer.Get(&journal); err != nil {
			return err
		}
		for _, entry := range journal {
			say("%s", entry)
		}
		say("failed: %s", failure.Message())
		return nil
	},
	Says: []string{"booked flight", "booked hotel", "cancelled hotel", "cancelled flight", "failed: no full car left"},
}

// Trip books everything or nothing.
func Trip(ctx workflow.Context, flight, hotel, car string) (err error) {
	var journal []string
	if err := workflow.SetQueryHandler(ctx, "journal", func() ([]string, error) { return journal, nil }); err != nil {
		return err
	}
	ctx = lesson.Quick(ctx)

	var undo []string
	defer func() {
		if err == nil {
			return
		}
		// The context may have been cancelled, which would cancel the clean-up, too.
		ctx, cancel := workflow.NewDisconnectedContext(ctx)
		defer cancel()
		for i := len(undo) - 1; i >= 0; i-- {
			if failed := workflow.ExecuteActivity(ctx, Cancel, undo[i]).Get(ctx, nil); failed != nil {
				err = errors.Join(err, failed)
			}
			journal = append(journal, "cancelled "+undo[i])
		}
	}()

	for _, thing := range []string{flight, hotel, car} {
		if err := workflow.ExecuteActivity(ctx, Book, thing).Get(ctx, nil); err != nil {
			return err
		}
		undo = append(undo, thing)
		journal = append(journal, "booked "+thing)
	}
	return nil
}

// Book books a thing, if it is not full.
func Book(_ context.Context, thing string) error {
	if thing == "full car" {
		return temporal.NewNonRetryableApplicationError("no full car left", "Full", nil)
	}
	return nil
}

// Cancel undoes Book. It can be called for what was never booked.
func Cancel(context.Context, string) error { return nil }
