// Package replaying: is this change safe for the workflows that are running?
//
// The replayer runs workflow code on a history that was recorded, and says whether it
// takes the same steps. Run it in tests, on histories of production, before a deploy.
package replaying

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "replaying", Title: "is this change safe for what is running?",
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Cook)
		r.RegisterActivity(Boil)
		r.RegisterActivity(Season)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		if _, err := lesson.Execute[any](ctx, c, "replaying", Cook); err != nil {
			return err
		}
		var history historypb.History
		events := c.GetWorkflowHistory(ctx, "lesson-replaying", "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				return err
			}
			history.Events = append(history.Events, event)
		}
		say("today's code: %v", replay(Cook, &history) == nil)
		say("tomorrow's code: %v", replay(seasonFirst, &history) == nil)
		return nil
	},
	Says: []string{"today's code: true", "tomorrow's code: false"},
}

func replay(code any, history *historypb.History) error {
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflowWithOptions(code, workflow.RegisterOptions{Name: "Cook"})
	return replayer.ReplayWorkflowHistory(nil, history)
}

// Cook boils, then seasons.
func Cook(ctx workflow.Context) error {
	ctx = lesson.Quick(ctx)
	if err := workflow.ExecuteActivity(ctx, Boil).Get(ctx, nil); err != nil {
		return err
	}
	return workflow.ExecuteActivity(ctx, Season).Get(ctx, nil)
}

// seasonFirst would break every run that has boiled already. It needs a GetVersion.
func seasonFirst(ctx workflow.Context) error {
	ctx = lesson.Quick(ctx)
	if err := workflow.ExecuteActivity(ctx, Season).Get(ctx, nil); err != nil {
		return err
	}
	return workflow.ExecuteActivity(ctx, Boil).Get(ctx, nil)
}

// Boil is an activity.
func Boil(context.Context) error { return nil }

// Season is an activity.
func Season(context.Context) error { return nil }
