// Package heartbeats: a long activity goes on where it was.
//
// An activity that takes long says from time to time that it is alive, and how far it
// is. If it falls silent, the server does not wait for the whole of its time, and the
// next attempt is told what the last one has reported. A heartbeat is also how an
// activity learns that it has been cancelled.
package heartbeats

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
	Name: "heartbeats", Title: "a long activity goes on where it was",
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Import)
		r.RegisterActivity(Copy)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		report, err := lesson.Execute[string](ctx, c, "heartbeats", Import, 10)
		if err != nil {
			return err
		}
		say("%s", report)
		return nil
	},
	Says: []string{"10 rows copied, the last attempt began with row 6"},
}

// Import copies rows.
func Import(ctx workflow.Context, rows int) (report string, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
		StartToCloseTimeout: time.Hour,
		HeartbeatTimeout:    10 * time.Second,
		RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond},
	})
	err = workflow.ExecuteActivity(ctx, Copy, rows).Get(ctx, &report)
	return report, err
}

// Copy fails in the middle of its first attempt.
func Copy(ctx context.Context, rows int) (string, error) {
	first := 1
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &first); err != nil {
			return "", err
		}
		first++
	}
	for row := first; row <= rows; row++ {
		if ctx.Err() != nil {
			return "", ctx.Err() // cancelled, or the worker is stopping
		}
		activity.RecordHeartbeat(ctx, row)
		if row == 5 && activity.GetInfo(ctx).Attempt == 1 {
			return "", errors.New("connection lost")
		}
	}
	return fmt.Sprintf("%d rows copied, the last attempt began with row %d", rows, first), nil
}
