package runtime

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// Step runs one step of an entity and returns when all it did is durable and
// published; a lazy step returns as soon as it is submitted and what it may have
// seen is durable. fn runs with the entity's lock held; it must not use the step
// or the entity after it has returned.
//
// Errors of fn are returned as they are. When the context ends while the step is
// on its way to the disk, its error is returned and the step takes effect all
// the same. Unavailable means that the server is going down or that its store has
// failed, in which case the step may or may not have taken effect.
func (r *Runtime) Step(ctx context.Context, key entity.Key, fn func(*entity.Step, entity.Entity) error) error {
	u, err := r.begin(ctx, key)
	if err != nil {
		return err
	}
	u.stepFn = fn
	return u.run()
}

// View looks at an entity. What fn has seen is durable when View returns; the
// reader reads the entity's records. fn must not change the entity, nor use it or
// the reader after it has returned. Errors are as those of Step.
func (r *Runtime) View(ctx context.Context, key entity.Key, fn func(entity.Entity, entity.Reader) error) error {
	u, err := r.begin(ctx, key)
	if err != nil {
		return err
	}
	u.viewFn = fn
	return u.run()
}

// update is the way of one call through the runtime, from the taking of the
// entity's lock to the moment its outcome is known. It is the environment of the
// step, and the reader. Updates are pooled.
type update struct {
	rt    *Runtime
	entry *entry // nil for one that only waits
	ctx   context.Context

	stepFn func(*entity.Step, entity.Entity) error
	viewFn func(entity.Entity, entity.Reader) error
	// after, if set, is called with the outcome instead of handing it to a
	// waiting Step. It must not block.
	after func(error)

	step entity.Step
	span span
	// messages are the numbers of the step's messages, in their order.
	messages []int64

	// owners is how many hold the update: the caller, who waits for the outcome,
	// and the one who will report it. The last one gives it back to the pool.
	owners atomic.Int32
	// outcome is sent to when err is set.
	outcome chan struct{}
	err     error

	// followers wait for the batch of this update; guarded by the entry's order
	// lock. next links them.
	followers, lastFollower, next *update

	onDone  func(error) // the method durable as a value, made once
	scratch []byte      // of the reader
}

func newUpdate(r *Runtime) *update {
	u := &update{rt: r, outcome: make(chan struct{}, 1)}
	u.onDone = u.durable
	return u
}

// begin takes a reference to the entity for a call on it.
func (r *Runtime) begin(ctx context.Context, key entity.Key) (*update, error) {
	if r.machines[key.Kind] == nil {
		return nil, errNoMachine(key)
	}
	e, err := r.acquire(key)
	if err != nil {
		return nil, err
	}
	u := r.updates.Get().(*update)
	u.entry, u.ctx = e, ctx
	u.owners.Store(2)
	return u, nil
}

// leave is called by each owner when it is through with the update.
func (u *update) leave() {
	if u.owners.Add(-1) > 0 {
		return
	}
	if u.entry != nil {
		u.rt.cache.release(u.entry)
	}
	select {
	case <-u.outcome:
	default:
	}
	u.step.Reset(time.Time{}, u)
	u.entry, u.ctx, u.err = nil, nil, nil
	u.stepFn, u.viewFn, u.after = nil, nil, nil
	u.followers, u.lastFollower, u.next = nil, nil, nil
	u.messages = u.messages[:0]
	u.rt.updates.Put(u)
}

// run carries the update out and waits for its outcome, unless it is lazy or has
// somebody else to report to.
func (u *update) run() error {
	e := u.entry
	e.mu.Lock()
	err := u.apply()
	if err == nil && u.step.Writes() {
		return u.commit()
	}

	// Nothing to write: the outcome is due when what is in flight is durable. If
	// it is an error of the step it has to wait as well, as it tells of the state.
	u.err = err
	e.order.Lock()
	last := e.lastSynced
	if err == nil && !u.step.Empty() {
		last = e.last // what it has to publish comes after what came before
	}
	if last != nil {
		last.addFollower(u)
	}
	e.order.Unlock()
	e.mu.Unlock()
	if last == nil {
		// What was in flight when the step ran may have failed since.
		if f := e.shard.failure.Load(); f != nil {
			err = f.reply
		} else {
			err = nil
		}
		u.settle(err)
	}
	return u.wait()
}

// wait returns the outcome; to a caller who gives up, the context's error.
func (u *update) wait() error {
	if u.after != nil {
		u.leave()
		return nil
	}
	select {
	case <-u.outcome:
		err := u.err
		u.leave()
		return err
	default:
	}
	ctx := u.ctx
	select {
	case <-u.outcome:
		err := u.err
		u.leave()
		return err
	case <-ctx.Done():
		u.leave()
		return ctx.Err()
	}
}

// addFollower makes f wait for u's batch. The order lock of u's entry is held.
func (u *update) addFollower(f *update) {
	if u.lastFollower != nil {
		u.lastFollower.next = f
	} else {
		u.followers = f
	}
	u.lastFollower = f
}

// apply loads the entity if need be and runs the step or view on it. On an error
// nothing of the step is left.
func (u *update) apply() (err error) {
	e, s := u.entry, u.entry.shard
	u.step.Reset(time.Unix(0, s.time()).UTC(), u)
	if f := s.failure.Load(); f != nil {
		e.state = nil
		return f.reply
	}
	defer func() {
		if p := recover(); p != nil {
			u.rt.log.Error("A step has panicked; the entity is loaded again", "entity", e.key.String(), "panic", p, "stack", string(debug.Stack()))
			err = serviceerror.NewInternalf("the server has run into a bug (%v); its log has the details", p)
			e.state = nil
			u.dropStep()
		}
	}()
	if e.state == nil {
		state, err := u.rt.machines[e.key.Kind].Load(u.ctx, (*recordReader)(u), e.key)
		if err != nil {
			return fmt.Errorf("loading entity %v: %w", e.key, err)
		}
		e.state = state
		e.measure()
	}
	if u.viewFn != nil {
		return u.viewFn(e.state, (*recordReader)(u))
	}
	err = u.stepFn(&u.step, e.state)
	if err == nil {
		err = e.state.EndStep(&u.step)
	}
	if err == nil {
		e.measure()
		return nil
	}
	if !u.step.Empty() {
		u.rt.log.Error("A step has returned an error after it had noted changes; the entity is loaded again", "entity", e.key.String(), "error", err)
		e.state = nil
		u.dropStep()
	}
	return err
}

// measure notes what the cache has to know of the entity.
func (e *entry) measure() {
	e.size, e.pinned = int64(e.state.Size()), e.state.Pinned()
}

// dropStep forgets what the step has noted.
func (u *update) dropStep() {
	u.entry.shard.numbers.retire(&u.span)
	u.step.Reset(u.step.Now, u)
}

// commit submits the step's batch, unlocks the entity, and waits.
func (u *update) commit() error {
	e, s := u.entry, u.entry.shard
	lazy, background := u.step.Outputs().Lazy, u.after != nil
	batch := u.encode()

	// A lazy step's caller waits for what the step may have seen only.
	var seen *update
	e.order.Lock()
	if lazy && !background && e.lastSynced != nil {
		seen = u.rt.updates.Get().(*update)
		seen.ctx = u.ctx
		seen.owners.Store(2)
		e.lastSynced.addFollower(seen)
	}
	e.last = u
	durability := storage.Lazy
	if !lazy {
		durability = storage.Synced
		e.lastSynced = u
	}
	e.order.Unlock()

	s.submit(batch, max(u.step.Now.UnixNano(), u.span.last), durability, u.onDone) // u may be done from here on
	e.mu.Unlock()
	if !lazy || background {
		return u.wait()
	}
	u.leave()
	if seen != nil {
		return seen.wait()
	}
	return nil
}

// durable is called by the store when the update's batch is durable or has
// failed. It publishes what the step has to publish, then what those that wrote
// nothing after it have.
func (u *update) durable(err error) {
	e, s := u.entry, u.entry.shard
	if err != nil {
		err = s.fail(err)
	} else {
		u.publish()
	}
	s.numbers.retire(&u.span) // after publishing: see Runtime.Watermark

	e.order.Lock()
	followers := u.followers
	u.followers, u.lastFollower = nil, nil
	if e.last == u {
		e.last = nil
	}
	if e.lastSynced == u {
		e.lastSynced = nil
	}
	for _, w := range e.waiters {
		w.wake()
	}
	e.order.Unlock()

	for f := followers; f != nil; {
		next := f.next
		f.settle(err)
		f = next
	}
	u.report(err)
}

// settle ends an update that wrote nothing: what it followed is durable, or has
// failed with err.
func (u *update) settle(err error) {
	if err != nil {
		u.err = err
	} else if u.err == nil && u.entry != nil {
		u.publish()
	}
	if u.entry != nil {
		u.entry.shard.numbers.retire(&u.span)
	}
	u.report(u.err)
}

// report hands over the outcome.
func (u *update) report(err error) {
	u.err = err
	if u.after != nil {
		u.after(err)
	} else {
		u.outcome <- struct{}{}
	}
	u.leave()
}

// publish shows the world what a durable step has done.
func (u *update) publish() {
	r, s, step := u.rt, u.entry.shard, u.step.Outputs()
	for _, task := range step.Tasks {
		r.tasks.Add(task)
	}
	for _, ref := range step.Removed {
		r.tasks.Remove(ref)
	}
	if len(step.Timers)+len(step.Wakes) > 0 {
		r.timers.publish(u)
	}
	if len(step.Messages) > 0 {
		s.outbox.publish(u.entry.key, step.Messages, u.messages)
	}
	for _, effect := range step.Effects {
		u.perform(effect)
	}
}

func (u *update) perform(effect func()) {
	defer func() {
		if p := recover(); p != nil {
			u.rt.log.Error("An effect of a step has panicked", "entity", u.entry.key.String(), "panic", p, "stack", string(debug.Stack()))
		}
	}()
	effect()
}

// settled waits until what an entity has in flight is durable: all of it, or
// what is not lazy.
func (r *Runtime) settled(ctx context.Context, e *entry, all bool) error {
	e.order.Lock()
	last := e.lastSynced
	if all {
		last = e.last
	}
	if last == nil {
		e.order.Unlock()
		if f := e.shard.failure.Load(); f != nil {
			return f.reply
		}
		return nil
	}
	w := r.updates.Get().(*update)
	w.ctx = ctx
	w.owners.Store(2)
	last.addFollower(w)
	e.order.Unlock()
	return w.wait()
}

// NewID implements entity.Env.
func (u *update) NewID() string { return u.rt.newID() }

// NextTaskID implements entity.Env.
func (u *update) NextTaskID() int64 {
	return u.entry.shard.numbers.next(u.step.Now.UnixNano(), &u.span)
}

// Reader implements entity.Env.
func (u *update) Reader() entity.Reader { return (*recordReader)(u) }

// recordReader reads the records of the entity of an update.
type recordReader update

// Get implements entity.Reader.
func (rd *recordReader) Get(record []byte) ([]byte, error) {
	e := rd.entry
	if err := rd.rt.settled(rd.ctx, e, true); err != nil {
		return nil, err
	}
	rd.scratch = append(append(rd.scratch[:0], e.prefix...), record...)
	value, err := rd.rt.store.Get(rd.ctx, e.shard.id, rd.scratch)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	return value, rd.wrap(err)
}

// Scan implements entity.Reader.
func (rd *recordReader) Scan(prefix, from []byte, reverse bool, visit func(record, value []byte) bool) error {
	e := rd.entry
	if err := rd.rt.settled(rd.ctx, e, true); err != nil {
		return err
	}
	key := func(record []byte) []byte {
		return append(append(make([]byte, 0, len(e.prefix)+len(record)), e.prefix...), record...)
	}
	bounds := storage.Prefix(key(prefix))
	bounds.Reverse = reverse
	if from != nil {
		switch limit := key(from); {
		case reverse && string(limit) < string(bounds.End):
			bounds.End = limit
		case !reverse && string(limit) > string(bounds.Start):
			bounds.Start = limit
		}
		if string(bounds.Start) >= string(bounds.End) {
			return nil
		}
	}
	return rd.wrap(rd.rt.store.Scan(rd.ctx, e.shard.id, bounds, func(key, value []byte) bool {
		return visit(key[len(e.prefix):], value)
	}))
}

// wrap says what was being done. A read that fails may succeed later.
func (rd *recordReader) wrap(err error) error {
	if err == nil || rd.ctx.Err() != nil {
		return err
	}
	return serviceerror.NewUnavailablef("reading records of entity %v: %v; try again, and check the disk if it goes on", rd.entry.key, err)
}

func errNoMachine(key entity.Key) error {
	return serviceerror.NewInternalf("this version of the server knows no entities of kind %q (%v)", byte(key.Kind), key)
}
