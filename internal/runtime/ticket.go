package runtime

import (
	"context"
	"sync/atomic"
)

// ticket brings an outcome to the one who waits for it: that of a call, or that a
// batch of somebody else's is durable. Tickets are pooled.
type ticket struct {
	rt *Runtime
	// call is the one whose outcome it is; nil for one who only waits.
	call *call
	ctx  context.Context
	// after, if set, is called with the outcome, and nobody waits. It must not block.
	after func(error)

	// owners is how many hold the ticket: who waits, and who will report. The last
	// one gives it back.
	owners atomic.Int32
	// outcome is sent to when err is set.
	outcome chan struct{} // of capacity 1
	err     error

	next *ticket // in a flight
}

func (t *ticket) init(r *Runtime, c *call) {
	t.rt, t.call = r, c
	t.outcome = make(chan struct{}, 1)
}

// ticket returns one for somebody who only waits.
func (r *Runtime) ticket(ctx context.Context) *ticket {
	t := r.tickets.Get().(*ticket)
	t.begin(ctx)
	return t
}

func (t *ticket) begin(ctx context.Context) {
	t.ctx = ctx
	t.owners.Store(2)
}

// wait returns the outcome; to a caller who gives up, the context's error.
func (t *ticket) wait() error {
	if t.after != nil {
		t.leave()
		return nil
	}
	select {
	case <-t.outcome:
	default:
		ctx := t.ctx
		select {
		case <-t.outcome:
		case <-ctx.Done():
			t.leave()
			return ctx.Err()
		}
	}
	err := t.err
	t.leave()
	return err
}

// resolve is called when what the ticket was waiting for is durable, or has failed
// with err. If it is that of a call which wrote nothing, what that has to publish is
// published now.
func (t *ticket) resolve(err error) {
	if err == nil {
		err = t.err
	}
	if t.call != nil {
		x := &t.call.execution
		if err == nil {
			x.publish()
		}
		x.entry.shard.numbers.retire(&x.span)
	}
	t.report(err)
}

// report hands over the outcome.
func (t *ticket) report(err error) {
	t.err = err
	if t.after != nil {
		t.after(err)
	} else {
		t.outcome <- struct{}{}
	}
	t.leave()
}

// drop gives the ticket back without an outcome: nobody else has it.
func (t *ticket) drop() {
	t.owners.Store(1)
	t.leave()
}

// leave is called by each owner when it is through with the ticket.
func (t *ticket) leave() {
	if t.owners.Add(-1) > 0 {
		return
	}
	select {
	case <-t.outcome:
	default:
	}
	t.ctx, t.after, t.err, t.next = nil, nil, nil, nil
	if t.call != nil {
		t.call.free()
	} else {
		t.rt.tickets.Put(t)
	}
}
