// Package standalone: an activity without a workflow.
//
// For one thing that has to be done, and tried again until it is, a workflow around one
// activity is more than is needed. A client starts the activity itself, under an id, and
// has its result.
package standalone

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
)

var Lesson = lesson.Lesson{
	Name: "standalone", Title: "an activity without a workflow",
	Register: func(r worker.Registry) { r.RegisterActivity(Deliver) },
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		handle, err := c.ExecuteActivity(ctx, client.StartActivityOptions{
			ID: "lesson-standalone", TaskQueue: lesson.TaskQueue,
			StartToCloseTimeout: 10 * time.Second,
			RetryPolicy:         &temporal.RetryPolicy{InitialInterval: 100 * time.Millisecond},
		}, Deliver, "ann@example.com")
		if err != nil {
			return err
		}
		var said string
		if err := handle.Get(ctx, &said); err != nil {
			return err
		}
		say("%s", said)
		description, err := handle.Describe(ctx, client.DescribeActivityOptions{})
		if err != nil {
			return err
		}
		say("%s: %s", description.ActivityType, description.Status)
		return nil
	},
	Says: []string{"delivered to ann@example.com by attempt 3", "Deliver: Completed"},
}

// Deliver succeeds when it is tried for the third time.
func Deliver(ctx context.Context, address string) (string, error) {
	attempt := activity.GetInfo(ctx).Attempt
	if attempt < 3 {
		return "", errors.New("the other side is busy")
	}
	return fmt.Sprintf("delivered to %s by attempt %d", address, attempt), nil
}
