package flow

import "time"

type Context interface{ Err() error }

// Go is right, whatever it does: it is the SDK's.
func Go(ctx Context, f func(Context)) { go f(ctx); time.Sleep(time.Second) }
