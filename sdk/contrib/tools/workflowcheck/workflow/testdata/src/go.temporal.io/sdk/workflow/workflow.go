package workflow

import "go.temporal.io/sdk/internal"

type Context = internal.Context
