package runtime

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/perdure/perdure/internal/storage"
)

// A shard is split by who holds it, while it works: the next shard of the layout is made of a part of it (storage.Splitter).
//
//	copy     what belongs to the new shard is copied, and what is written meanwhile is written there, too
//	switch   the tenure ends as in ReleaseShard, one write makes the new shard known, and both are acquired
//
// Calls on entities of the shard are refused during the switch, as when a shard moves to another node, and find their
// entity in one shard or the other after that. Tasks, messages, timers and entries of the change log go with their
// entity and keep their numbers; the clock of the new shard is that of the old one, so those that it gives are greater
// than all that they have (numbers.go).
//
// Whoever dies before the switch has changed nothing, and after it two shards are left for others to acquire.

// ErrNoSplit is returned for a store whose shards cannot be split.
var ErrNoSplit = errors.New("runtime: the shards of this store cannot be split while it is in use")

// Split is what is told of a split.
type Split struct {
	Parent, Child storage.ShardID
	// Pairs is how many of the parent have been looked at, and Took how long that took.
	Pairs int64
	Took  time.Duration
	// Pause is for how long calls on entities of the parent were refused.
	Pause time.Duration
}

// SplitShard makes the next shard of a part of the one with the number, which must be its parent by the layout, and is held
// here. While it runs the shard works as usual. If it fails, nothing has changed, but that the shard may have to be acquired
// again; or the split is done, and both have.
func (r *Runtime) SplitShard(ctx context.Context, id storage.ShardID) error {
	split, err := r.split(ctx, id)
	r.underWay.Store(nil)
	if err == nil {
		r.log.Info("A shard has been split.", "shard", split.Parent, "new", split.Child, "pairs", split.Pairs, "copied_in", split.Took, "pause", split.Pause)
	}
	return err
}

// Splitting is what is known of the split that is under way here; nil if none is.
func (r *Runtime) Splitting() *Split { return r.underWay.Load() }

func (r *Runtime) split(ctx context.Context, id storage.ShardID) (split Split, err error) {
	if r.splitter == nil {
		return split, ErrNoSplit
	}
	s, err := r.shard(id)
	if err != nil {
		return split, err
	}
	layout := r.store.Layout() // it may have grown since the tenure began, of other shards
	after := layout.Grown()
	split.Parent, split.Child = id, storage.ShardID(layout.Shards())
	began := time.Now()
	show := func(pairs int64) {
		split.Pairs, split.Took = pairs, time.Since(began)
		shown := split
		r.underWay.Store(&shown)
	}
	show(0)
	if r.splitting != nil { // what would fail then is not to cost a pause
		if err := r.splitting(ctx, split.Parent, split.Child); err != nil {
			return split, fmt.Errorf("runtime: splitting shard %d: %w", id, err)
		}
	}
	making, err := r.splitter.BeginSplit(ctx, s.lease, func(key, value []byte) bool {
		owner, owned, err := Owner(key, value)
		return err == nil && owned && ShardOf(owner, after) == split.Child
	})
	if err != nil {
		return split, fmt.Errorf("runtime: splitting shard %d: %w", id, err)
	}
	defer making.Abandon()
	if err := making.Copy(ctx, show); err != nil {
		return split, fmt.Errorf("runtime: splitting shard %d: %w", id, err)
	}
	split.Took = time.Since(began)
	began = time.Now()
	err = r.switchOver(ctx, s, split, making)
	split.Pause = time.Since(began)
	return split, err
}

// switchOver ends the tenure of a shard that has been copied, makes the new one known, and acquires both.
func (r *Runtime) switchOver(ctx context.Context, s *shard, split Split, making storage.Split) error {
	ctx, cancel := context.WithTimeout(ctx, switchPatience)
	defer cancel()
	r.moving[s.id].Lock()
	defer r.moving[s.id].Unlock()
	if err := s.end(ctx); err != nil {
		return err
	}
	err := error(nil)
	if r.splitting != nil {
		err = r.splitting(ctx, split.Parent, split.Child)
	}
	if err == nil {
		err = making.Finish(ctx, clockKey, trimmedKey)
	}
	switch {
	case errors.Is(err, storage.ErrFenced):
		return err
	case r.sure != nil && !r.sure():
		return errors.Join(err, errUnsure)
	}
	// If it is not known whether the split is done, it is when the parent has been acquired.
	if acquired := r.acquireAnew(ctx, split.Parent); acquired != nil || err != nil {
		return errors.Join(err, acquired)
	}
	return r.AcquireShard(ctx, split.Child)
}

// switchPatience bounds the switch. What is not done by then is left to those who acquire the shards.
const switchPatience = 15 * time.Second

// errUnsure is why what has been split is not acquired.
var errUnsure = errors.New("runtime: it is not sure any more that the shard is held here")
