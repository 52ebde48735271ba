package visibility

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/perdure/perdure/internal/storage"
)

// An index is built beside the one there is, if there is one: first it is noted where the
// logs of all shards end, then the rows of all entities are read from their records, and
// written as the index of that moment; the log is followed from there. What changed during
// the reading is in the log as well, and is applied a second time, in order: the end is the
// same.

// builder builds an index in a goroutine of its own.
type builder struct {
	cancel context.CancelFunc
	done   chan struct{}
	// Of the goroutine, until done is closed.
	err       error
	index     Index
	positions map[storage.ShardID]int64
}

// ensureIndex opens the index, or has it built if there is none that could be used. An
// error is not the end: it is called again.
func (x *Indexer) ensureIndex(ctx context.Context) error {
	if x.builder != nil {
		select {
		case <-x.builder.done:
			return x.takeOver(ctx)
		default:
			return nil
		}
	}
	x.mu.Lock()
	why := error(nil)
	if x.damaged {
		why = ErrCorrupt
	}
	wanted := x.rebuild
	x.rebuild, x.damaged = false, false
	x.mu.Unlock()
	_, shared := x.options.Files.(SharedFiles)
	if x.index == nil && x.positions == nil && why == nil {
		why = x.open(ctx)
		if why != nil && (ctx.Err() != nil || shared) {
			return why
		}
	}
	if shared {
		if err := x.share(ctx, wanted); err != nil {
			x.mu.Lock()
			x.rebuild = x.rebuild || wanted
			x.mu.Unlock()
			return err
		}
		return nil
	}
	switch {
	case why != nil:
		// Said once: until the next damage there is nothing to be said.
		if !errors.Is(why, errNoIndex) {
			x.log.Error("The visibility index cannot be used and is built anew.", "error", why)
		}
		x.dropIndex()
	case !wanted:
		return nil
	}
	x.build()
	return nil
}

var errNoIndex = errors.New("there is no visibility index")

// open opens the index there is. An error is why it has to be built anew.
func (x *Indexer) open(ctx context.Context) error {
	index, err := x.options.Files.Open(ctx)
	if err != nil {
		return err
	}
	if index == nil {
		return errNoIndex
	}
	if _, shared := index.(Shared); shared {
		x.use(index, make(map[storage.ShardID]int64)) // see share
		return nil
	}
	positions, err := index.Positions(ctx)
	if err == nil {
		err = x.checkPositions(ctx, positions)
	}
	if err != nil {
		return errors.Join(err, index.Close())
	}
	x.use(index, positions)
	return nil
}

// checkPositions checks that the logs go on from where an index is.
func (x *Indexer) checkPositions(ctx context.Context, positions map[storage.ShardID]int64) error {
	held := x.source.Shards()
	if len(positions) > len(held) {
		return fmt.Errorf("the index is of a store with %d shards, which has %d", len(positions), len(held))
	}
	for _, id := range held {
		trimmed, err := x.source.Trimmed(ctx, id)
		if err != nil {
			return err
		}
		if position, ok := positions[id]; !ok || position < trimmed {
			return fmt.Errorf("the index is older than what is left of the change log of shard %d", id)
		}
	}
	return nil
}

// use makes the index the one there is.
func (x *Indexer) use(index Index, positions map[storage.ShardID]int64) {
	x.indexMu.Lock()
	x.index = index
	x.indexMu.Unlock()
	x.positions = positions
	x.pending = 0
	clear(x.untrimmed)
}

// dropIndex closes the index there is.
func (x *Indexer) dropIndex() {
	x.indexMu.Lock()
	defer x.indexMu.Unlock()
	if x.index != nil {
		_ = x.index.Close() // it is of no use any more
	}
	x.index = nil
}

// build begins to build an index.
func (x *Indexer) build() {
	ctx, cancel := context.WithCancel(context.Background())
	b := &builder{cancel: cancel, done: make(chan struct{})}
	x.builder = b
	x.mu.Lock()
	x.state.Building, x.state.Shards, x.state.ShardsTotal, x.state.Rows = true, 0, len(x.source.Shards()), 0
	x.mu.Unlock()
	x.done.Go(func() {
		defer close(b.done)
		b.index, b.positions, b.err = x.fill(ctx)
	})
}

// built is closed when the builder is done.
func (x *Indexer) built() <-chan struct{} {
	if x.builder == nil {
		return nil
	}
	return x.builder.done
}

func (x *Indexer) stopBuilder() {
	if x.builder != nil {
		x.builder.cancel()
		<-x.builder.done
		if x.builder.index != nil {
			_ = x.builder.index.Close() // it is built anew by the next server
		}
	}
}

// takeOver puts the index that has been built in the place of the one there is.
func (x *Indexer) takeOver(ctx context.Context) error {
	b := x.builder
	b.cancel()
	x.builder = nil
	x.mu.Lock()
	x.state.Building = false
	x.mu.Unlock()
	if b.err != nil {
		x.mu.Lock()
		x.rebuild = true
		x.mu.Unlock()
		return fmt.Errorf("building the visibility index: %w", b.err)
	}
	x.dropIndex()
	index, err := x.options.Files.Replace(ctx, b.index)
	if err != nil {
		x.mu.Lock()
		x.rebuild = true
		x.mu.Unlock()
		return fmt.Errorf("putting the visibility index in its place: %w", err)
	}
	x.use(index, b.positions)
	maps.Copy(x.untrimmed, b.positions)
	x.pending, x.since = 1, time.Now()
	x.mu.Lock()
	x.state.Builds++
	rows := x.state.Rows
	x.mu.Unlock()
	if rows > 0 {
		x.log.Info("The visibility index has been built.", "rows", rows)
	}
	return nil
}

// fill makes an index of the records of all entities.
func (x *Indexer) fill(ctx context.Context) (index Index, positions map[storage.ShardID]int64, err error) {
	positions = make(map[storage.ShardID]int64)
	for _, id := range x.source.Shards() {
		end, err := x.source.ChangesEnd(id)
		if err != nil {
			return nil, nil, err
		}
		// What matters is not what is read, but that all with numbers up to the end
		// are in the records when it returns.
		if _, positions[id], _, err = x.source.ReadChanges(ctx, id, end, 1); err != nil {
			return nil, nil, err
		}
	}
	if index, err = x.options.Files.Create(ctx); err != nil {
		return nil, nil, err
	}
	for _, id := range x.source.Shards() {
		if err = x.fillShard(ctx, index, id, positions[id]); err != nil {
			break
		}
		x.mu.Lock()
		x.state.Shards++
		x.mu.Unlock()
	}
	if err == nil {
		err = index.Sync(ctx)
	}
	if err != nil {
		return nil, nil, errors.Join(err, index.Close())
	}
	return index, positions, nil
}

func (x *Indexer) fillShard(ctx context.Context, index Index, id storage.ShardID, through int64) error {
	var next []byte
	for {
		rows, after, err := x.source.ReadRows(ctx, id, next, batchSize)
		if err != nil {
			return err
		}
		batch := &Batch{}
		if after == nil {
			batch.Through = map[storage.ShardID]int64{id: through}
		}
		if batch.Changes, err = x.decode(nil, id, rows); err != nil {
			return err
		}
		if err := index.Apply(ctx, batch); err != nil {
			return err
		}
		x.mu.Lock()
		x.state.Rows += int64(len(rows))
		x.mu.Unlock()
		if next = after; next == nil {
			return nil
		}
	}
}
