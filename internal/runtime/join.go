package runtime

import (
	"cmp"
	goruntime "runtime"
	"slices"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// A step may have other entities take part in it (entity.Step.Join): they are changed under their own
// locks, and what all have noted becomes durable as one, if the store can write batches of
// several shards as one (storage.Joiner). What it spares is a message, the step that receives it, and the
// commits of both; where it cannot be had, a message it is.
//
// Each that takes part is a call of its own, which nobody waits for: it has its step, its
// numbers and its flight, and publishes what is its own when it lands.

// joinTries is how often a lock is tried that may not be waited for.
const joinTries = 100

// CanJoin reports whether steps may have others take part.
func (r *Runtime) CanJoin() bool { return r.joiner != nil }

// Join implements entity.Joiner.
func (x *execution) Join(key entity.Key) (entity.Entity, *entity.Step) {
	r := x.rt
	if r.joiner == nil || x.isJoined || r.machines[key.Kind] == nil || key == x.entry.key || !r.Holds(key) {
		return nil, nil
	}
	for _, j := range x.joined {
		if j.execution.entry.key == key {
			x.catchUp()
			return j.execution.entry.state, &j.execution.step
		}
	}
	j, err := r.begin(x.reader.ctx, key)
	if err != nil {
		return nil, nil
	}
	j.ticket.after = ignore
	if !x.lockJoined(j.execution.entry) {
		j.ticket.drop()
		return nil, nil
	}
	if !j.execution.join() {
		j.execution.entry.mu.Unlock()
		j.ticket.drop()
		return nil, nil
	}
	x.joined = append(x.joined, j)
	x.catchUp()
	return j.execution.entry.state, &j.execution.step
}

// ignore is told the outcome of those that take part: the call in which they do hears of it by its own.
func ignore(error) {}

// lockJoined takes the lock of an entity that is to take part. Who has several waits for them in the order of their
// keys, so that no two wait for each other; for one that comes before what he has already he does not wait long.
func (x *execution) lockJoined(e *entry) bool {
	for _, j := range x.joined {
		if compareKeys(j.execution.entry.key, e.key) > 0 {
			for range joinTries {
				if e.mu.TryLock() {
					return true
				}
				goruntime.Gosched()
			}
			return false
		}
	}
	e.mu.Lock()
	return true
}

func compareKeys(a, b entity.Key) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.ID, b.ID))
}

// join begins the step of an entity that takes part. Its lock is held.
func (x *execution) join() bool {
	e, s := x.entry, x.entry.shard
	x.isJoined = true
	x.begun(s.time())
	if s.refusal() != nil {
		e.state = nil
		return false
	}
	if e.state == nil {
		state, err := x.load()
		if err != nil {
			return false
		}
		e.state = state
	}
	if keeper, ok := e.state.(entity.Timekeeper); ok {
		keeper.BeginStep(&x.step)
	}
	return true
}

// catchUp sets the time of the step to the present one: what it does from now on comes after all that the
// one which takes part has done before.
func (x *execution) catchUp() {
	now := timeOf(x.entry.shard.time())
	x.step.Now = x.step.Now.Add(now.Sub(x.now))
	x.now = now
}

// endJoined ends the steps of those that take part.
func (x *execution) endJoined() error {
	for _, j := range x.joined {
		e := j.execution.entry
		if err := e.state.EndStep(&j.execution.step); err != nil {
			return err
		}
		e.measure()
	}
	return nil
}

// dropJoined forgets what those have done that take part in a step which is not to be.
func (x *execution) dropJoined() {
	for _, j := range x.joined {
		e := j.execution.entry
		if step := &j.execution.step; step.Touched() || !step.Empty() {
			e.discard()
		}
		j.execution.entry.shard.numbers.retire(&j.execution.span)
		e.mu.Unlock()
		j.ticket.drop()
	}
	clear(x.joined)
	x.joined = x.joined[:0]
}

// submitted is a batch that is submitted with others.
type submitted struct {
	shard  *shard
	latest int64
	part   storage.Part
}

// commitJoined submits the batch of the call with those of the ones that take part, and gives up all locks. lazy is not
// for them: durability is Synced.
func (c *call) commitJoined(batch *storage.Batch) {
	x := &c.execution
	r, e := x.rt, x.entry
	// The call may be over as soon as it is submitted; those that take part stay until their tickets are left.
	joined := slices.Clone(x.joined)
	clear(x.joined)
	x.joined = x.joined[:0]
	c.under.Add(int32(len(joined)))
	all := make([]submitted, 0, len(joined)+1)
	for _, j := range joined {
		jx := &j.execution
		j.host = c
		encoded := jx.encode()
		jx.entry.order.Lock()
		jx.entry.last, jx.entry.lastSynced = &j.flight, &j.flight
		jx.entry.order.Unlock()
		all = append(all, submitted{jx.entry.shard, jx.latest(), storage.Part{Lease: jx.entry.shard.lease, Batch: encoded, Done: j.onDone}})
	}
	all = append(all, submitted{e.shard, x.latest(), storage.Part{Lease: e.shard.lease, Batch: batch, Done: c.onDone}})
	r.submitJoined(all)
	e.mu.Unlock()
	for _, j := range joined {
		j.execution.entry.mu.Unlock()
		j.ticket.leave()
	}
}

// submitJoined is shard.submit for batches that are written as one. The locks of the bounds are taken in the order of
// the shards.
func (r *Runtime) submitJoined(all []submitted) {
	slices.SortStableFunc(all, func(a, b submitted) int { return cmp.Compare(a.shard.id, b.shard.id) })
	parts := make([]storage.Part, len(all))
	for i := 0; i < len(all); {
		s, first, latest := all[i].shard, i, int64(0)
		for ; i < len(all) && all[i].shard == s; i++ {
			latest = max(latest, all[i].latest)
			parts[i] = all[i].part
		}
		if latest <= s.clock.bound.Load() {
			continue
		}
		s.clock.raising.Lock()
		defer s.clock.raising.Unlock()
		if latest > s.clock.bound.Load() {
			bound := latest + clockAhead
			parts[first].Batch.Set(clockKey, entity.AppendInt(nil, bound))
			defer s.clock.bound.Store(bound) // before the lock is given up
		}
	}
	r.joiner.CommitJoined(parts, storage.Synced)
}
