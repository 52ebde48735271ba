package cluster

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/storage"
)

const (
	// concurrentMoves is how many shards are acquired or given up at once.
	concurrentMoves = 16
	// In one interval a node gives up this part of its shards, and at least minMoves: those
	// who use them wait for as long as a shard is with nobody.
	movePart = 16
	minMoves = 4
	// A node that drains gives up more at a time.
	drainPart = 4
)

// movements is the goroutine that acquires shards and gives them up.
func (m *Member) movements() {
	for {
		select {
		case <-m.work:
		case <-m.ctx.Done():
			return
		}
		m.look()
	}
}

// look does what is to be done according to the last view.
func (m *Member) look() {
	v := m.view.Load()
	if !m.Sure() {
		return
	}
	held := make(map[storage.ShardID]bool)
	for _, shard := range m.options.Shards.Shards() {
		held[shard] = v.held[shard]
	}
	next := plan(v.self, v.Membership, v.Placement, m.patient(), func(shard storage.ShardID) bool { return held[shard] })
	for _, shard := range next.lost {
		m.options.Shards.AbandonShard(shard, storage.ErrFenced)
	}
	if n := len(next.lost); n > 0 {
		m.count(Moves{Lost: int64(n)})
		m.log.Warn("Other nodes have taken shards that were held here.", "shards", n)
	}
	// What has been given up since the view was made may be with another node already.
	next.acquire = slices.DeleteFunc(next.acquire, func(shard storage.ShardID) bool {
		_, here := held[shard]
		return v.held[shard] && !here
	})
	m.acquire(v, next.acquire)
	m.release(v, len(held), next.release)
}

// patient reports whether the node has become sure again not long ago. If it was the store that was away, it was for
// all nodes, and those that are not alive yet come back, too, within the time that a call of the directory may take: to take
// their shards meanwhile would be to take them away.
func (m *Member) patient() bool {
	back := time.Duration(m.back.Load())
	return back != 0 && m.now()-back < m.options.TTL
}

// acquire takes shards that nobody has.
func (m *Member) acquire(v *View, shards []storage.ShardID) {
	if len(shards) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(m.ctx, m.options.TTL)
	defer cancel()
	errs := each(shards, func(shard storage.ShardID) error {
		// On an old view a shard would be taken from who has it by right.
		if !m.Sure() || m.now()-v.seen > m.options.TTL {
			return errUnsure
		}
		return m.options.Shards.AcquireShard(ctx, shard)
	})
	failed := 0
	for _, err := range errs {
		if err != nil {
			failed++
		}
	}
	m.count(Moves{Acquired: int64(len(shards) - failed)})
	if err := errors.Join(errs...); err != nil && m.ctx.Err() == nil {
		m.log.Error("Shards could not be taken over; it is tried again.", "shards", failed, "error", errs[firstError(errs)])
	} else if err == nil {
		m.log.Info("Shards have been taken over.", "shards", len(shards))
	}
}

func firstError(errs []error) int {
	for i, err := range errs {
		if err != nil {
			return i
		}
	}
	return 0
}

// release gives up shards that belong elsewhere, some at a time.
func (m *Member) release(v *View, held int, shards map[NodeID][]storage.ShardID) {
	part := movePart
	if self := v.Node(v.self); m.draining.Load() || self != nil && self.Draining {
		part = drainPart
	}
	budget := max(minMoves, held/part)
	if v.Isolated(v.self) {
		budget = held // nobody reaches them here
	}
	// Each of those who get some in turn, so that they take them at the same time.
	var next []storage.ShardID
	for taken := true; taken && len(next) < budget; {
		taken = false
		for to, list := range shards {
			if len(list) > 0 && len(next) < budget {
				next, shards[to], taken = append(next, list[0]), list[1:], true
			}
		}
	}
	if len(next) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(m.ctx, m.options.TTL)
	defer cancel()
	errs := each(next, func(shard storage.ShardID) error { return m.options.Shards.ReleaseShard(ctx, shard) })
	told := make(map[NodeID]bool)
	released := 0
	for i, shard := range next {
		if errs[i] != nil {
			continue
		}
		released++
		if to := v.Placement[shard]; !told[to] && v.Node(to) != nil && m.options.Handed != nil {
			told[to] = true
			m.options.Handed(*v.Node(to))
		}
	}
	m.count(Moves{Released: int64(released)})
	m.log.Info("Shards have been given to other nodes.", "shards", released, "nodes", len(told))
	if err := errors.Join(errs...); err != nil && m.ctx.Err() == nil {
		m.log.Error("Shards could not be given up in order.", "error", errs[firstError(errs)])
	}
}

// each calls fn for all shards, some at a time, and returns what they have returned.
func each(shards []storage.ShardID, fn func(storage.ShardID) error) []error {
	errs := make([]error, len(shards))
	var all sync.WaitGroup
	turns := make(chan struct{}, concurrentMoves)
	for i, shard := range shards {
		turns <- struct{}{}
		all.Go(func() {
			defer func() { <-turns }()
			errs[i] = fn(shard)
		})
	}
	all.Wait()
	return errs
}
