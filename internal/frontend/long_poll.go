package frontend

import (
	"context"
	"time"
)

// longPoll makes the context of a wait that ends after limit, shortly before the
// caller's deadline so that the reply still arrives, or when the server drains.
// The caller's deadline may be missing but not too short. done must be called at
// the end of the wait.
func (s *Service) longPoll(ctx context.Context, limit time.Duration) (wait context.Context, done func(), err error) {
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		if left < minLongPoll {
			return nil, nil, errDeadlineTooShort
		}
		limit = min(limit, left-longPollTail)
	}
	if s.longPolls.Add(1) > maxLongPolls {
		s.longPolls.Add(-1)
		return nil, nil, errTooManyLongPolls
	}
	wait, cancel := context.WithTimeout(ctx, limit)
	stop := context.AfterFunc(s.draining, cancel)
	return wait, func() {
		stop()
		cancel()
		s.longPolls.Add(-1)
	}, nil
}
