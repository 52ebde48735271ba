package visibility

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/perdure/perdure/internal/storage"
)

// An index that is shared (Shared) is written by the indexers of several nodes, each of which follows the
// logs of the shards that its node holds. A shard that is new here goes on where the
// index says that another has stopped. If the log does not go on from there, because the index was lost or
// restored from an older copy, the rows of that shard alone are removed and read anew from
// the records of its entities: until that is done lists lack what has not been read yet.

// SharedFiles are where an index is that several indexers share. Open returns it, and makes it if
// it is not there.
type SharedFiles interface {
	Files
	// Shared returns nothing: it tells one kind of Files from the other.
	Shared()
}

// share prepares the shards that are held: it forgets those that are not any more, and finds where
// to go on with those that are new. all has each of them read anew.
func (x *Indexer) share(ctx context.Context, all bool) error {
	index, ok := x.index.(Shared)
	if !ok {
		return nil
	}
	held := x.source.Shards()
	maps.DeleteFunc(x.positions, func(id storage.ShardID, _ int64) bool { return !slices.Contains(held, id) })
	maps.DeleteFunc(x.untrimmed, func(id storage.ShardID, _ int64) bool { return !slices.Contains(held, id) })
	maps.DeleteFunc(x.adopting, func(id storage.ShardID, _ []byte) bool { return !slices.Contains(held, id) })
	fresh := slices.DeleteFunc(slices.Clone(held), func(id storage.ShardID) bool { _, known := x.positions[id]; return known })
	if all {
		fresh = held
	}
	if len(fresh) == 0 {
		return nil
	}
	positions, err := index.Positions(ctx)
	if err != nil {
		return err
	}
	// Before any of them counts as known: it is not fresh again.
	if err := x.findOrphans(ctx, index, fresh); err != nil {
		return err
	}
	var lost []storage.ShardID
	for _, id := range fresh {
		trimmed, err := x.source.Trimmed(ctx, id)
		if err != nil {
			return x.unlessLost(id, err)
		}
		if position, ok := positions[id]; all || position < trimmed || !ok && trimmed > 0 {
			lost = append(lost, id)
		} else {
			x.positions[id] = position
		}
	}
	return x.refill(ctx, index, lost)
}

// refill reads the rows of shards anew.
func (x *Indexer) refill(ctx context.Context, index Shared, ids []storage.ShardID) error {
	if len(ids) == 0 {
		return nil
	}
	x.log.Warn("The visibility index lacks rows, which are read anew.", "shards", len(ids))
	x.mu.Lock()
	x.state.Building, x.state.Shards, x.state.ShardsTotal, x.state.Rows = true, 0, len(ids), 0
	x.mu.Unlock()
	defer func() {
		x.mu.Lock()
		x.state.Building = false
		x.mu.Unlock()
	}()
	for _, id := range ids {
		if err := x.refillShard(ctx, index, id); err != nil {
			delete(x.positions, id)
			return x.unlessLost(id, fmt.Errorf("reading the rows of shard %d anew: %w", id, err))
		}
		x.mu.Lock()
		x.state.Shards++
		x.mu.Unlock()
	}
	x.mu.Lock()
	x.state.Builds++
	rows := x.state.Rows
	x.mu.Unlock()
	x.log.Info("The visibility index has all rows again.", "rows", rows)
	return nil
}

func (x *Indexer) refillShard(ctx context.Context, index Shared, id storage.ShardID) error {
	end, err := x.source.ChangesEnd(id)
	if err != nil {
		return err
	}
	// What matters is that all with numbers up to the end are in the records when it returns.
	_, through, _, err := x.source.ReadChanges(ctx, id, end, 1)
	if err != nil {
		return err
	}
	if err := index.Clear(ctx, id); err != nil {
		return err
	}
	if err := x.fillShard(ctx, index, id, through); err != nil {
		return err
	}
	if err := index.Adopted(ctx, id); err != nil {
		return err
	}
	delete(x.adopting, id)
	x.positions[id], x.untrimmed[id] = through, through
	if x.pending == 0 {
		x.pending, x.since = 1, time.Now()
	}
	return nil
}

// unlessLost is the error, unless it is because the shard is not held here any more: then it is
// none of ours.
func (x *Indexer) unlessLost(id storage.ShardID, err error) error {
	if _, shared := x.index.(Shared); shared && err != nil && !slices.Contains(x.source.Shards(), id) {
		x.forget(id)
		return nil
	}
	return err
}

// forget drops what is known of a shard with which another indexer goes on.
func (x *Indexer) forget(id storage.ShardID) {
	delete(x.positions, id)
	delete(x.untrimmed, id)
	delete(x.adopting, id)
}

// moved forgets the positions of shards with which another indexer has gone on, and has them
// read again.
func (x *Indexer) moved(batch *Batch, err error) error {
	if !errors.Is(err, ErrMoved) {
		return err
	}
	for id := range batch.Through {
		x.forget(id)
	}
	x.look()
	return nil
}
