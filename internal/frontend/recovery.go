package frontend

import (
	"context"
	"fmt"
	"runtime/debug"

	"go.temporal.io/api/serviceerror"
)

// recovered turns a panic of a handler into an error of its one request. The
// stack goes to the log; the client learns only that something went wrong.
func (s *Service) recovered(ctx context.Context, method string, cause any) error {
	s.logger.ErrorContext(ctx, "A request made the server panic. Please report this as a bug, with the stack.",
		"method", method, "panic", cause, "stack", string(debug.Stack()))
	return serviceerror.NewInternal(fmt.Sprintf("panic: %v", cause))
}
