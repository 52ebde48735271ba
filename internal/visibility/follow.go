package visibility

import (
	"context"
	"fmt"
	"time"

	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
)

// follow reads the logs of all shards and applies what it finds.
func (x *Indexer) follow(ctx context.Context) error {
	batch := &Batch{Through: make(map[storage.ShardID]int64)}
	for _, id := range x.source.Shards() {
		for more := true; more; {
			var err error
			if more, err = x.readInto(ctx, batch, id); err != nil {
				if err = x.unlessLost(id, err); err != nil {
					return err
				}
				break
			}
			if len(batch.Changes) >= batchSize {
				if err := x.apply(ctx, batch); err != nil {
					return err
				}
				batch = &Batch{Through: make(map[storage.ShardID]int64)}
			}
		}
	}
	if len(batch.Changes) == 0 {
		return nil
	}
	return x.apply(ctx, batch)
}

// readInto reads the log of a shard into a batch, as far as it has room, and reports whether
// there may be more.
func (x *Indexer) readInto(ctx context.Context, batch *Batch, id storage.ShardID) (more bool, err error) {
	after, ok := batch.Through[id]
	if !ok {
		after = x.positions[id]
	}
	if end, err := x.source.ChangesEnd(id); err != nil || end <= after {
		return false, err
	}
	changes, through, more, err := x.source.ReadChanges(ctx, id, after, batchSize)
	if err != nil {
		return false, err
	}
	if batch.Changes, err = x.decode(batch.Changes, id, changes); err != nil {
		return false, err
	}
	if len(changes) == 0 {
		// Nothing to be written down, but not to be read again.
		x.positions[id] = through
		return more, nil
	}
	batch.Through[id] = through
	return more, nil
}

func (x *Indexer) decode(to []Change, id storage.ShardID, changes []runtime.Change) ([]Change, error) {
	for i := range changes {
		change, err := DecodeChange(changes[i].Entity.Namespace, changes[i].ID, changes[i].Row, x.options.Types)
		if err != nil {
			return to, err
		}
		change.Shard = id
		to = append(to, change)
	}
	return to, nil
}

func (x *Indexer) apply(ctx context.Context, batch *Batch) error {
	if err := x.index.Apply(ctx, batch); err != nil {
		return x.moved(batch, err)
	}
	if x.pending == 0 {
		x.since = time.Now()
	}
	x.pending += len(batch.Changes)
	x.progress.applied.Add(uint64(len(batch.Changes)))
	for id, through := range batch.Through {
		x.positions[id] = through
		x.untrimmed[id] = through
	}
	return nil
}

// trim makes the index durable, and then drops from the logs what it has.
func (x *Indexer) trim(ctx context.Context) error {
	if x.builder != nil {
		x.since = time.Now() // it reads the logs from where they were when it began
		return nil
	}
	if err := x.index.Sync(ctx); err != nil {
		return err
	}
	for id, through := range x.untrimmed {
		if err := x.unlessLost(id, x.source.TrimChanges(ctx, id, through)); err != nil {
			return fmt.Errorf("trimming the change log: %w", err)
		}
		delete(x.untrimmed, id)
	}
	x.pending = 0
	return nil
}
