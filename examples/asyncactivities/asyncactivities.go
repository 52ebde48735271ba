// Package asyncactivities: an activity ends when somebody else says so.
//
// An activity that waits for a person or for another system hands out its task token
// and returns. Whoever has the token completes it, from anywhere, later.
package asyncactivities

import (
	"context"
	"time"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var desk = &Desk{letters: make(chan []byte, 1)}

var Lesson = lesson.Lesson{
	Name: "asyncactivities", Title: "an activity ends when somebody else says so",
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Expense)
		r.RegisterActivity(desk)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		run, err := lesson.Start(ctx, c, "asyncactivities", Expense, 120)
		if err != nil {
			return err
		}
		select {
		case token := <-desk.letters: // the activity's function has returned by now
			if err := c.CompleteActivity(ctx, token, "approved by eve", nil); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
		var decision string
		if err := run.Get(ctx, &decision); err != nil {
			return err
		}
		say("%s", decision)
		return nil
	},
	Says: []string{"approved by eve"},
}

// Expense waits for a decision for as long as a week.
func Expense(ctx workflow.Context, amount int) (decision string, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 7 * 24 * time.Hour})
	err = workflow.ExecuteActivity(ctx, desk.Decide, amount).Get(ctx, &decision)
	return decision, err
}

// Desk is where decisions are made.
type Desk struct{ letters chan []byte }

// Decide hands out the token. In earnest it is stored, or put into a link in a mail.
func (d *Desk) Decide(ctx context.Context, _ int) (string, error) {
	d.letters <- activity.GetInfo(ctx).TaskToken
	return "", activity.ErrResultPending
}
