// Package activities: a workflow calls activities.
//
// A workflow is a function that survives crashes, because the server keeps a history
// of what it has done, and a worker can run the function again on that history. So
// it must do the same when it is run again: no clocks, no random numbers, no network.
// What has side effects is an activity: an ordinary function, which the server has
// some worker run, and run again if it fails.
package activities

import (
	"context"
	"strings"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "activities", Title: "a workflow calls activities",
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Greet)
		r.RegisterActivity(&Post{Office: "the north"})
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		receipt, err := lesson.Execute[string](ctx, c, "activities", Greet, "ann")
		if err != nil {
			return err
		}
		say("%s", receipt)
		return nil
	},
	Says: []string{`"Dear ANN" posted in the north`},
}

// Greet is the workflow. Arguments and results are encoded as JSON.
func Greet(ctx workflow.Context, name string) (string, error) {
	// An activity needs to be told how long one attempt may take: only then can
	// the server know that the worker is gone and have another one try.
	ctx = lesson.Quick(ctx)

	// A nil pointer is enough to name a method: it is the worker that has the Post.
	var post *Post
	var letter string
	if err := workflow.ExecuteActivity(ctx, post.Write, name).Get(ctx, &letter); err != nil {
		return "", err
	}
	var receipt string
	err := workflow.ExecuteActivity(ctx, post.Send, letter).Get(ctx, &receipt)
	return receipt, err
}

// Post has activities as methods, so that they can have what they need: connections,
// configuration.
type Post struct{ Office string }

func (p *Post) Write(_ context.Context, name string) (string, error) {
	return "Dear " + strings.ToUpper(name), nil
}

func (p *Post) Send(_ context.Context, letter string) (string, error) {
	return `"` + letter + `" posted in ` + p.Office, nil
}
