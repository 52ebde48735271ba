// Package retries: activities fail, and try again.
//
// An activity that returns an error is tried again, after longer and longer breaks,
// until it succeeds, its policy gives up, or its time is over. The workflow sees only
// the end. An error that will not go away by itself says so.
package retries

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "retries", Title: "activities fail, and try again",
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Pay)
		r.RegisterActivity(Charge)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		for _, card := range []string{"good", "expired"} {
			receipt, err := lesson.Execute[string](ctx, c, "retries-"+card, Pay, card)
			// Errors keep their type, their details and their causes on the way from
			// the activity over the workflow to the client.
			if failure, ok := errors.AsType[*temporal.ApplicationError](err); ok {
				say("%s card: %s: %s", card, failure.Type(), failure.Message())
				continue
			}
			if err != nil {
				return err
			}
			say("%s card: %s", card, receipt)
		}
		return nil
	},
	Says: []string{"good card: paid at attempt 3", "expired card: CardError: this card has expired"},
}

// Pay charges a card.
func Pay(ctx workflow.Context, card string) (receipt string, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: 5 * time.Second, // each attempt
		RetryPolicy: &temporal.RetryPolicy{
			InitialInterval:    100 * time.Millisecond,
			BackoffCoefficient: 2,
			MaximumInterval:    time.Minute,
			MaximumAttempts:    10,
		},
	})
	err = workflow.ExecuteActivity(ctx, Charge, card).Get(ctx, &receipt)
	return receipt, err
}

// Charge fails twice before it works, as networks do.
func Charge(ctx context.Context, card string) (string, error) {
	if card == "expired" {
		return "", temporal.NewNonRetryableApplicationError("this card has expired", "CardError", nil)
	}
	attempt := activity.GetInfo(ctx).Attempt
	if attempt < 3 {
		return "", errors.New("the bank does not answer")
	}
	return fmt.Sprintf("paid at attempt %d", attempt), nil
}
