// Package versioning: workflow code changes while workflows run.
//
// A workflow that is run again must take the same steps. New code for workflows that
// are running asks GetVersion which steps to take: the answer is recorded when it is
// first asked for, so old runs stay with the old steps and new runs take the new
// ones. Once no old run is left, the old branch can go.
package versioning

import (
	"context"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "versioning", Title: "workflow code changes while workflows run",
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Deliver)
		r.RegisterActivity(ByHorse)
		r.RegisterActivity(ByTrain)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		how, err := lesson.Execute[string](ctx, c, "versioning", Deliver)
		if err != nil {
			return err
		}
		say("delivered by %s", how)
		return nil
	},
	Says: []string{"delivered by train"},
}

// Deliver has been changed: it once used horses only.
func Deliver(ctx workflow.Context) (how string, err error) {
	ctx = lesson.Quick(ctx)
	// A run that has passed this place before there was a GetVersion gets
	// DefaultVersion, when it is run again; all others get 1.
	if workflow.GetVersion(ctx, "trains", workflow.DefaultVersion, 1) == workflow.DefaultVersion {
		err = workflow.ExecuteActivity(ctx, ByHorse).Get(ctx, &how)
	} else {
		err = workflow.ExecuteActivity(ctx, ByTrain).Get(ctx, &how)
	}
	return how, err
}

// ByHorse is the old way.
func ByHorse(context.Context) (string, error) { return "horse", nil }

// ByTrain is the new way.
func ByTrain(context.Context) (string, error) { return "train", nil }
