// Package sessions: activities that share a machine.
//
// A file that one activity has fetched is on one machine, and the activity that reads it
// has to run there, too. A session binds the activities of a part of a workflow to one
// worker. If that is lost, the session fails, and the workflow may begin another.
package sessions

import (
	"context"
	"os"
	"strings"
	"time"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "sessions", Title: "activities that share a machine",
	Worker: worker.Options{EnableSessionWorker: true, MaxConcurrentSessionExecutionSize: 10},
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(CountWords)
		r.RegisterActivity(Fetch)
		r.RegisterActivity(Count)
		r.RegisterActivity(os.Remove)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		words, err := lesson.Execute[int](ctx, c, "sessions", CountWords, "to be or not to be")
		if err != nil {
			return err
		}
		say("%d words", words)
		return nil
	},
	Says: []string{"6 words"},
}

// CountWords fetches a text, and counts its words where it has been fetched to.
func CountWords(ctx workflow.Context, text string) (words int, err error) {
	ctx, err = workflow.CreateSession(lesson.Quick(ctx), &workflow.SessionOptions{
		CreationTimeout:  time.Minute, // until a worker has room
		ExecutionTimeout: time.Hour,
	})
	if err != nil {
		return 0, err
	}
	defer workflow.CompleteSession(ctx)

	var file string
	if err := workflow.ExecuteActivity(ctx, Fetch, text).Get(ctx, &file); err != nil {
		return 0, err
	}
	if err := workflow.ExecuteActivity(ctx, Count, file).Get(ctx, &words); err != nil {
		return 0, err
	}
	return words, workflow.ExecuteActivity(ctx, os.Remove, file).Get(ctx, nil)
}

// Fetch writes a text to a file of this machine.
func Fetch(_ context.Context, text string) (string, error) {
	file, err := os.CreateTemp("", "lesson-*")
	if err != nil {
		return "", err
	}
	if _, err := file.WriteString(text); err != nil {
		return "", err
	}
	return file.Name(), file.Close()
}

// Count counts the words of a file.
func Count(_ context.Context, file string) (int, error) {
	text, err := os.ReadFile(file)
	return len(strings.Fields(string(text))), err
}
