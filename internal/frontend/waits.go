package frontend

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/internal/api/methods"
)

// errWaitOver is the cause of the end of a wait that its caller has not given up: it
// tells matching that the caller is still there.
var errWaitOver = errors.New("frontend: the time of the long poll is over")

// waits are the long polls of all handlers: how long each may take, how many there
// may be, and that all end when the server drains.
type waits struct {
	// draining ends when the server begins to shut down, and all long polls with it.
	draining context.Context
	drain    context.CancelFunc
	// open counts the long polls that are open.
	open    atomic.Int64
	parking *parking
	// longest replaces the time that the table allows, if it is not zero.
	longest time.Duration
}

func newWaits(longest time.Duration) *waits {
	w := &waits{longest: longest, parking: newParking()}
	w.draining, w.drain = context.WithCancel(context.Background())
	return w
}

// hold makes the context of a wait. It ends after the time that the method's row
// in the table allows, shortly before the caller's deadline so that the reply still
// arrives, or when the server drains. A method that always waits refuses a caller
// whose deadline is too short for it; one that waits sometimes makes do with what
// there is. done must be called at the end of the wait.
func (w *waits) hold(ctx context.Context) (wait context.Context, done func(), err error) {
	return w.holdUntil(ctx, w.draining)
}

// holdUntil is hold of a wait that ends with another context than when the server drains.
func (w *waits) holdUntil(ctx, ends context.Context) (wait context.Context, done func(), err error) {
	row := callOf(ctx).method
	limit := cmp.Or(w.longest, row.Wait.Max)
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		tail := longPollTail
		if row.Wait.When == methods.Always {
			if left < minLongPoll {
				return nil, nil, errDeadlineTooShort
			}
		} else {
			tail = min(tail, left/5)
		}
		limit = min(limit, left-tail)
	}
	if w.draining.Err() != nil {
		// Not an empty reply: the client would ask again at once.
		return nil, nil, errDraining
	}
	if w.open.Add(1) > maxLongPolls {
		w.open.Add(-1)
		return nil, nil, errTooManyLongPolls
	}
	// A timer and no deadline: of a deadline, whoever waits would keep some time
	// for the reply, which has been kept already.
	wait, cancel := context.WithCancelCause(ctx)
	over := func() { cancel(errWaitOver) }
	timer := time.AfterFunc(limit, over)
	stop := context.AfterFunc(ends, over)
	return wait, func() {
		timer.Stop()
		stop()
		over()
		w.open.Add(-1)
	}, nil
}
