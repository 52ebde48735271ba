// Package localactivities: activities that are cheap.
//
// A local activity runs in the worker that runs the workflow, without a task of its
// own at the server: it costs a marker in the history. For short calls that can be
// repeated: if the worker dies before the workflow task is reported, it runs again.
package localactivities

import (
	"context"
	"time"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "localactivities", Title: "activities that are cheap",
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Price)
		r.RegisterActivity(Rate)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		price, err := lesson.Execute[int](ctx, c, "localactivities", Price, 200)
		if err != nil {
			return err
		}
		say("price: %d", price)
		description, err := c.DescribeWorkflowExecution(ctx, "lesson-localactivities", "")
		if err != nil {
			return err
		}
		say("events: %d", description.GetWorkflowExecutionInfo().GetHistoryLength())
		return nil
	},
	// Started, task scheduled, started, completed, three markers, completed.
	Says: []string{"price: 600", "events: 8"},
}

// Price looks up three rates.
func Price(ctx workflow.Context, amount int) (int, error) {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Second})
	total := 0
	for _, country := range []string{"fr", "no", "pe"} {
		var rate int
		if err := workflow.ExecuteLocalActivity(ctx, Rate, country).Get(ctx, &rate); err != nil {
			return 0, err
		}
		total += amount * rate
	}
	return total, nil
}

// Rate is the local activity.
func Rate(context.Context, string) (int, error) { return 1, nil }
