package runtime

import (
	"context"
	"sync"
	"sync/atomic"
)

// Tasks, messages and entries of the change log are numbered. A number is a time
// and a shard: nanoseconds since 1970, of which the low shardBits are replaced by
// the number of the shard that gives it. So no two shards ever give the same one,
// wherever they are, and numbers of different shards are in order of time, as far
// as the clocks agree. Within a shard each is greater than the last; one that gives
// more than one in 4 µs runs ahead of its clock.
//
// That holds over all owners of a shard: see clock.go. It holds over a change of
// the number of shards as well, which moves what is numbered without numbering it
// anew, because the new shards begin above everything the old ones have given.

// shardBits are the bits of a number that hold the shard.
const shardBits = 12

// MaxShards is how many shards a store may have.
const MaxShards = 1 << shardBits

// numbers gives the numbers of a shard and knows which of them belong to steps that
// are neither durable nor gone. Numbers are given while a step runs and its batch
// becomes visible later, so records do not appear in the order of their numbers;
// whoever reads them in that order has to know how far it is complete.
type numbers struct {
	shard int64

	// last is not below any number given. Changed with mu held.
	last atomic.Int64

	mu sync.Mutex
	// oldest and newest are the ends of the list of spans, in order of first.
	oldest, newest *span
	waiters        []numberWaiter
}

// span is the numbers of one step, from the first it has got to the last; zero if
// it has got none.
type span struct {
	first, last int64
	prev, next  *span
}

// numberWaiter is told when no span with numbers up to bound is left.
type numberWaiter struct {
	bound int64
	ready chan struct{}
}

// next gives the step with this span, whose time is now, another number.
func (n *numbers) next(now int64, sp *span) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	last := n.last.Load()
	number := max(now, last)&^(MaxShards-1) | n.shard
	if number <= last {
		number += MaxShards
	}
	n.last.Store(number)
	sp.last = number
	if sp.first != 0 {
		return number
	}
	sp.first = number
	if sp.prev = n.newest; sp.prev != nil {
		sp.prev.next = sp
	} else {
		n.oldest = sp
	}
	n.newest = sp
	return number
}

// raise makes all later numbers be above bound.
func (n *numbers) raise(bound int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if bound > n.last.Load() {
		n.last.Store(bound)
	}
}

// retire takes the span off the list: the records with its numbers are visible and
// published, or will never be.
func (n *numbers) retire(sp *span) {
	if sp.first == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if sp.prev != nil {
		sp.prev.next = sp.next
	} else {
		n.oldest = sp.next
	}
	if sp.next != nil {
		sp.next.prev = sp.prev
	} else {
		n.newest = sp.prev
	}
	*sp = span{}
	keep := n.waiters[:0]
	for _, w := range n.waiters {
		if n.oldest == nil || n.oldest.first > w.bound {
			close(w.ready)
		} else {
			keep = append(keep, w)
		}
	}
	clear(n.waiters[len(keep):])
	n.waiters = keep
}

// complete returns the greatest number up to which all spans are retired.
func (n *numbers) complete() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.oldest != nil {
		return n.oldest.first - 1
	}
	return n.last.Load()
}

// wait returns when all spans with numbers up to bound are retired.
func (n *numbers) wait(ctx context.Context, bound int64) error {
	n.mu.Lock()
	if n.oldest == nil || n.oldest.first > bound {
		n.mu.Unlock()
		return nil
	}
	w := numberWaiter{bound, make(chan struct{})}
	n.waiters = append(n.waiters, w)
	n.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		n.mu.Lock()
		defer n.mu.Unlock()
		for i := range n.waiters {
			if n.waiters[i].ready == w.ready {
				n.waiters = append(n.waiters[:i], n.waiters[i+1:]...)
				break
			}
		}
		return ctx.Err()
	}
}

// Bound returns a number that is not below any given so far by a shard that
// is held here, and makes all later ones be above it.
func (r *Runtime) Bound() (bound int64) {
	for s := range r.held() {
		bound = max(bound, s.numbers.last.Load())
	}
	for s := range r.held() {
		s.numbers.raise(bound)
	}
	return bound
}

// Advance makes Bound, and Watermark where nothing is on its way to the disk, return the
// time of now at least: where nothing happens, both would stand still otherwise.
func (r *Runtime) Advance() {
	now := r.clock().UnixNano()
	for s := range r.held() {
		s.numbers.raise(now)
	}
}
