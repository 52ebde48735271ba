// Package parallel: many activities at once, but not too many.
//
// Starting an activity returns a future at once. workflow.Go starts a coroutine;
// coroutines of a workflow run one at a time, so they need no locks for variables,
// and they run in the same order every time.
package parallel

import (
	"context"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "parallel", Title: "many activities at once, but not too many",
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Sum)
		r.RegisterActivity(Square)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		sum, err := lesson.Execute[int](ctx, c, "parallel", Sum, 20)
		if err != nil {
			return err
		}
		say("the sum of 20 squares is %d", sum)
		return nil
	},
	Says: []string{"the sum of 20 squares is 2870"},
}

// Sum has at most four activities running.
func Sum(ctx workflow.Context, n int) (sum int, err error) {
	ctx = lesson.Quick(ctx)
	slots, all := workflow.NewSemaphore(ctx, 4), workflow.NewWaitGroup(ctx)
	for i := 1; i <= n; i++ {
		if err := slots.Acquire(ctx, 1); err != nil {
			return 0, err
		}
		all.Add(1)
		workflow.Go(ctx, func(ctx workflow.Context) {
			defer all.Done()
			defer slots.Release(1)
			var square int
			if failed := workflow.ExecuteActivity(ctx, Square, i).Get(ctx, &square); failed != nil {
				err = failed
			}
			sum += square
		})
	}
	all.Wait(ctx)
	return sum, err
}

// Square is the activity.
func Square(_ context.Context, i int) (int, error) { return i * i, nil }
