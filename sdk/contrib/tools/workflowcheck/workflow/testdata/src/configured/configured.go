package configured // want package:".*"

import (
	"time"

	"github.com/perdure/perdure/sdk/workflow"
	"helpers"
)

func AllowedClock(workflow.Context) error {
	time.Now()
	return nil
}

func ForbiddenHalf(workflow.Context) int { // want "configured.ForbiddenHalf is non-deterministic, reason: calls non-deterministic function helpers.Half at .*configured.go:16:9 -> helpers.Half is non-deterministic, reason: declared non-deterministic at .*helpers.go:14:6"
	return helpers.Half(2)
}
