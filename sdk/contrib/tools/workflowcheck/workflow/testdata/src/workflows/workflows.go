package workflows // want package:".*"

import (
	"context"
	"math/rand"
	"time"

	temporal "go.temporal.io/sdk/workflow"

	"github.com/perdure/perdure/sdk/workflow"
	"helpers"
)

func Deterministic(ctx workflow.Context, n int) (int, error) {
	workflow.Go(ctx, func(workflow.Context) { n++ })
	return helpers.Half(n), ctx.Err()
}

func Clock(workflow.Context) error { // want "workflows.Clock is non-deterministic, reason: calls non-deterministic function time.Now\n  time.Now is non-deterministic, reason: declared non-deterministic"
	time.Now()
	return nil
}

func FarAway(ctx workflow.Context) string { // want "workflows.FarAway is non-deterministic, reason: calls non-deterministic function workflows.near\n  workflows.near is non-deterministic, reason: calls non-deterministic function helpers.Stamp\n    helpers.Stamp is non-deterministic, reason: calls non-deterministic function time.Now\n      time.Now is non-deterministic, reason: declared non-deterministic"
	return near()
}

func near() string { return helpers.Stamp() }

func TwoReasons(ctx workflow.Context, counts map[string]int) int { // want "reason: iterates over map" "reason: starts goroutine"
	for range counts {
	}
	go func() {}()
	return 0
}

func InsideACoroutine(ctx workflow.Context) error { // want "reason: receives from channel"
	workflow.Go(ctx, func(workflow.Context) { <-make(chan int) })
	return nil
}

func Random(ctx workflow.Context) int { // want "calls non-deterministic function math/rand.Int"
	return rand.Int()
}

func Seeded(ctx workflow.Context) int { return rand.New(rand.NewSource(1)).Int() }

func SideEffects(ctx workflow.Context) error {
	workflow.SideEffect(ctx, func(workflow.Context) any { return time.Now() })
	workflow.MutableSideEffect(ctx, "id", func(workflow.Context) any { return helpers.Stamp() }, func(a, b any) bool { return a == b })
	return nil
}

func BesideASideEffect(ctx workflow.Context) error { // want "calls non-deterministic function time.Now"
	workflow.SideEffect(ctx, func(workflow.Context) any { return time.Now() })
	time.Now()
	return nil
}

func Ignored(ctx workflow.Context, counts map[string]int) int {
	time.Now() //workflowcheck:ignore
	//workflowcheck:ignore
	for range counts {
		time.Now()
	}
	return 0
}

// IgnoredWhole is right.
//
//workflowcheck:ignore
func IgnoredWhole(ctx workflow.Context) { time.Now() }

type methods struct{}

func (*methods) Workflow(ctx workflow.Context) error { // want `\(\*workflows.methods\).Workflow is non-deterministic, reason: iterates over map`
	for range map[int]int{} {
	}
	return nil
}

func Temporals(ctx temporal.Context) error { // want "workflows.Temporals is non-deterministic, reason: calls non-deterministic function time.Sleep"
	time.Sleep(time.Second)
	return nil
}

func NoWorkflow(ctx context.Context) time.Time { return time.Now() }
