package workflow

import "github.com/perdure/perdure/sdk/internal/flow"

type Context = flow.Context

func Go(ctx Context, f func(Context)) { flow.Go(ctx, f) }

func SideEffect(ctx Context, f func(Context) any) any { return f(ctx) }

func MutableSideEffect(ctx Context, id string, f func(Context) any, equals func(a, b any) bool) any {
	return f(ctx)
}
