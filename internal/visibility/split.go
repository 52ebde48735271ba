package visibility

import (
	"context"
	"fmt"
	"slices"

	"github.com/perdure/perdure/internal/storage"
)

// When a shard is split, entries of its change log become those of the new one, with their numbers. The new one begins
// in the index where the old one is when nothing is written to it any more: what was applied is not applied again, and
// what was not is in the log of the new shard.
//
// The rows of what has moved are still noted as the old shard's. All find them; but a shard that is read anew is
// cleared first, which would be too much. So whoever follows the new shard applies its rows once, page by page beside
// its log, whereby they become its own.

// adoptPage is how many rows are adopted before the logs have their turn.
const adoptPage = 500

// Splitting has the index know that a shard is being made of a part of another one, of whose log nothing is
// written or trimmed any more. The index has to be open.
func (x *Indexer) Splitting(ctx context.Context, parent, child storage.ShardID) error {
	x.indexMu.RLock()
	defer x.indexMu.RUnlock()
	if x.index == nil {
		return errBuilding
	}
	shared, ok := x.index.(Shared)
	if !ok {
		return nil
	}
	return shared.Split(ctx, parent, child)
}

// findOrphans finds which of the shards that are new here have rows to adopt.
func (x *Indexer) findOrphans(ctx context.Context, index Shared, fresh []storage.ShardID) error {
	orphans, err := index.Orphans(ctx)
	if err != nil {
		return err
	}
	for _, id := range orphans {
		if slices.Contains(fresh, id) {
			x.adopting[id] = nil
		}
	}
	return nil
}

// adopt applies some rows of a shard that was made by a split, and has the rest follow.
func (x *Indexer) adopt(ctx context.Context) error {
	for id, next := range x.adopting {
		if _, known := x.positions[id]; !known {
			continue
		}
		x.look()
		return x.unlessLost(id, x.adoptSome(ctx, id, next))
	}
	return nil
}

func (x *Indexer) adoptSome(ctx context.Context, id storage.ShardID, next []byte) (err error) {
	rows, after, err := x.source.ReadRows(ctx, id, next, adoptPage)
	if err != nil {
		return fmt.Errorf("reading rows of shard %d, which is new: %w", id, err)
	}
	// With the position: if another indexer has gone on with the shard, it is not for this one.
	batch := &Batch{Through: map[storage.ShardID]int64{id: x.positions[id]}}
	if batch.Changes, err = x.decode(nil, id, rows); err != nil {
		return err
	}
	if err := x.apply(ctx, batch); err != nil {
		return err
	}
	if _, still := x.adopting[id]; !still {
		return nil // it has moved
	}
	if x.adopting[id] = after; after != nil {
		return nil
	}
	delete(x.adopting, id)
	shared, ok := x.index.(Shared)
	if !ok {
		return nil
	}
	return shared.Adopted(ctx, id)
}
