package runtime

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// call is the way of one step or view through the runtime, from the taking of the
// entity's lock to the moment its outcome is known. What it consists of are three
// things with a job each: an execution, which is the step with what it has noted; a
// flight, which is its batch on the way to the disk; and a ticket, which brings the
// outcome to whoever waits for it. They are one piece of memory, which is pooled.
type call struct {
	execution execution
	flight    flight
	ticket    ticket

	stepFn func(*entity.Step, entity.Entity) error
	viewFn func(entity.Entity, entity.View) error

	onDone func(error) // the method landed as a value, made once

	// under is how many batches are on their way before the call's outcome is due: its own, and those of the ones that take
	// part. host is the call in which this one takes part; nil: none.
	under atomic.Int32
	host  *call
}

func newCall(r *Runtime) *call {
	c := &call{}
	c.execution.init(r)
	c.ticket.init(r, c)
	c.onDone = c.landed
	return c
}

// begin takes a reference to the entity for a call on it.
func (r *Runtime) begin(ctx context.Context, key entity.Key) (*call, error) {
	if r.machines[key.Kind] == nil {
		return nil, errNoMachine(key)
	}
	e, err := r.acquire(key)
	if err != nil {
		return nil, err
	}
	c := r.calls.Get().(*call)
	c.execution.begin(ctx, e)
	c.ticket.begin(ctx)
	c.under.Store(1)
	return c, nil
}

// free gives the call back when nobody needs its outcome any more.
func (c *call) free() {
	r := c.execution.rt
	r.cache.release(c.execution.entry)
	c.execution.end()
	c.stepFn, c.viewFn, c.host = nil, nil, nil
	r.calls.Put(c)
}

// run carries the call out and waits for its outcome, unless it is lazy or has
// somebody else to report to.
func (c *call) run() error {
	e := c.execution.entry
	e.mu.Lock()
	err := c.apply()
	if err == nil && (c.execution.step.Writes() || len(c.execution.joined) > 0) {
		return c.commit()
	}
	c.execution.dropJoined()

	// Nothing to write: the outcome is due when what is in flight is durable. If
	// it is an error of the step it has to wait as well, as it tells of the state.
	c.ticket.err = cmp.Or(err, c.execution.refused)
	e.order.Lock()
	last := e.lastSynced
	if err == nil && !c.execution.step.Empty() {
		last = e.last // what it has to publish comes after what came before
	}
	if last != nil {
		last.follow(&c.ticket)
	}
	e.order.Unlock()
	e.mu.Unlock()
	if last == nil {
		c.ticket.resolve(e.shard.doubt()) // what was in flight may have failed since
	}
	return c.ticket.wait()
}

// look runs a view without waiting for what it has seen to be durable.
func (c *call) look() error {
	e := c.execution.entry
	e.mu.Lock()
	err := c.apply()
	e.mu.Unlock()
	c.ticket.drop()
	return err
}

// apply loads the entity if need be and runs the step or view on it. The entity's
// lock is held. On an error nothing of the step is left.
func (c *call) apply() (err error) {
	x := &c.execution
	e, s, r := x.entry, x.entry.shard, x.rt
	x.begun(s.time())
	if err := s.refusal(); err != nil {
		e.state = nil
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("A step has panicked; the entity is loaded again", e.key.Attr(), "panic", p, "stack", string(debug.Stack()))
			err = serviceerror.NewInternalf("the server has run into a bug (%v); its log has the details", p)
			e.discard()
			x.forget()
		}
	}()
	if e.state == nil {
		if e.state, err = x.load(); err != nil {
			return err
		}
	}
	if c.viewFn != nil {
		err = c.viewFn(e.state, &x.reader)
	} else {
		err = c.step()
	}
	if e.state != nil {
		e.measure()
	}
	return err
}

// step runs the step on the loaded entity, or what the entity wants instead.
func (c *call) step() error {
	x := &c.execution
	err := c.attempt(c.stepFn)
	var instead *entity.Instead
	if err == nil || !errors.As(err, &instead) {
		return err
	}
	e := x.entry
	e.state = nil
	x.forget()
	if e.state, err = x.load(); err != nil {
		return err
	}
	x.refused = instead.Err
	if err = c.attempt(instead.Step); errors.As(err, &instead) {
		e.state = nil
		x.forget()
	}
	return err
}

// attempt runs a step. One that fails after it has noted something is forgotten, and
// what is in memory of the entity with it.
func (c *call) attempt(fn func(*entity.Step, entity.Entity) error) error {
	x := &c.execution
	e := x.entry
	if keeper, ok := e.state.(entity.Timekeeper); ok {
		keeper.BeginStep(&x.step)
	}
	err := fn(&x.step, e.state)
	if err == nil {
		err = e.state.EndStep(&x.step)
	}
	if err == nil {
		err = x.endJoined()
	}
	var instead *entity.Instead
	if err != nil && !x.step.Empty() && !errors.As(err, &instead) {
		level := slog.LevelError
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			level = slog.LevelDebug // whoever asked has given up while something was read
		}
		x.rt.log.Log(context.Background(), level, "A step has returned an error after it had noted changes; the entity is loaded again", e.key.Attr(), "error", err)
		e.discard()
		x.forget()
	}
	return err
}

// commit submits the step's batch, unlocks the entity, and waits.
func (c *call) commit() error {
	x, t := &c.execution, &c.ticket
	e, s, r := x.entry, x.entry.shard, x.rt
	lazy, background := x.step.Outputs().Lazy && len(x.joined) == 0, t.after != nil
	batch := x.encode()

	// A lazy step's caller waits for what the step may have seen only.
	var seen *ticket
	e.order.Lock()
	if lazy && !background && e.lastSynced != nil {
		seen = r.ticket(t.ctx)
		e.lastSynced.follow(seen)
	}
	e.last = &c.flight
	durability := storage.Lazy
	if !lazy {
		durability = storage.Synced
		e.lastSynced = &c.flight
	}
	e.order.Unlock()

	if len(x.joined) > 0 {
		c.commitJoined(batch)
	} else {
		s.submit(batch, x.latest(), durability, c.onDone) // the call may be over from here on
		e.mu.Unlock()
	}
	if !lazy || background {
		return t.wait()
	}
	t.leave()
	if seen != nil {
		return seen.wait()
	}
	return nil
}

// landed is called by the store when the batch of the call is durable or has
// failed. It publishes what the step has to publish, then what those that wrote
// nothing after it have.
func (c *call) landed(err error) {
	x := &c.execution
	e, s := x.entry, x.entry.shard
	if err != nil {
		err = s.fail(err)
	} else {
		x.publish()
	}
	s.numbers.retire(&x.span) // after publishing: see Runtime.Watermark

	e.order.Lock()
	followers := c.flight.land()
	if e.last == &c.flight {
		e.last = nil
	}
	if e.lastSynced == &c.flight {
		e.lastSynced = nil
	}
	e.wakeWaiters()
	e.order.Unlock()

	for t := followers; t != nil; {
		next := t.next
		t.resolve(err)
		t = next
	}
	host := c.host
	c.ticket.err = cmp.Or(err, x.refused)
	c.arrive()
	if host != nil {
		host.arrive()
	}
}

// arrive notes that a batch has landed, and reports the outcome of the call after the last: all that a step did
// is published when its caller hears of it.
func (c *call) arrive() {
	if c.under.Add(-1) == 0 {
		c.ticket.report(c.ticket.err)
	}
}

// flight is a batch of an entity on its way to the disk, and those who wait for it.
// Guarded by the order lock of the entity.
type flight struct{ first, last *ticket }

// follow makes t wait for the batch.
func (f *flight) follow(t *ticket) {
	if f.last != nil {
		f.last.next = t
	} else {
		f.first = t
	}
	f.last = t
}

// land ends the flight and returns the first of those who wait, linked by next.
func (f *flight) land() (first *ticket) {
	first = f.first
	f.first, f.last = nil, nil
	return first
}

// load makes the entity of its records. One whose records make no sense is left
// as it is, and every call on it fails in the same way.
func (x *execution) load() (entity.Entity, error) {
	e := x.entry
	state, err := x.decode()
	var passes *serviceerror.Unavailable
	switch {
	case err == nil:
		return state, nil
	case x.reader.ctx.Err() != nil || errors.As(err, &passes):
		return nil, err
	}
	x.rt.log.Error("The records of an entity cannot be decoded; nothing is changed. Restore the store from a backup, or start the version of the server that wrote them",
		e.key.Attr(), "shard", e.shard.id, "error", err)
	return nil, serviceerror.NewDataLossf("the records of %v cannot be decoded, and nothing was changed: %v; "+
		"restore the store of the server from a backup, or start the version of the server that wrote them", e.key, err)
}

// decode has the machine make the entity. A panic is an error.
func (x *execution) decode() (state entity.Entity, err error) {
	defer func() {
		if p := recover(); p != nil {
			x.rt.log.Error("Loading an entity has panicked", x.entry.key.Attr(), "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("the server has run into a bug: %v", p)
		}
	}()
	return x.rt.machines[x.entry.key.Kind].Load(x.reader.ctx, &x.reader, x.entry.key)
}

func errNoMachine(key entity.Key) error {
	return serviceerror.NewInternalf("this version of the server knows no entities of kind %q (%v)", byte(key.Kind), key)
}
