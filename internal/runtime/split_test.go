package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
)

// testSplit is a split of a shard of a testStore. What it does goes through the queue of the store like all else, so a crash
// may come between any two of its steps.
type testSplit struct {
	store *testStore
	lease storage.Lease
	child *testShard
	moves func(key, value []byte) bool
}

// testErrand is what is done for a split with a batch, after it.
type testErrand struct {
	copied [][]byte
	finish bool
}

// testVisible and testDurable choose the data of a shard that a batch is applied to.
func testVisible(shard *testShard) *orderedMap { return &shard.visible }
func testDurable(shard *testShard) *orderedMap { return &shard.durable }

// apply applies the batch to the data of its shard and of what is split of it, and reports how many shards are finished.
func (q *queuedBatch) apply(parent *testShard, left func(*testShard) *testShard, data func(*testShard) *orderedMap) (finished int) {
	from := data(parent)
	from.apply(q.batch)
	if q.split == nil {
		return 0
	}
	to := data(left(q.split.child))
	var moved storage.Batch
	for _, op := range q.batch.Ops() {
		switch {
		case op.Kind == storage.OpDelete:
			moved.Delete(op.Key)
		case op.Kind == storage.OpDeleteRange:
			moved.DeleteRange(op.Key, op.Value)
		case q.split.moves(op.Key, op.Value):
			moved.Set(op.Key, op.Value)
		}
	}
	to.apply(&moved)
	if q.errand.finish {
		var gone storage.Batch
		for _, p := range *to {
			gone.Delete(p.key)
		}
		from.apply(&gone)
		finished = 1
	}
	var copied storage.Batch
	for _, key := range q.errand.copied {
		if i, ok := from.find(key); ok {
			copied.Set(key, (*from)[i].value)
		}
	}
	to.apply(&copied)
	return finished
}

// following is the split that follows a batch; nil: none. The lock is held.
func (s *testStore) following(q queuedBatch) *testSplit {
	if split := s.splits[q.shard]; split != nil && split.lease.Epoch == q.epoch {
		return split
	}
	return nil
}

// finish makes a shard known. The lock is held.
func (s *testStore) finish(q queuedBatch) {
	s.shards = append(s.shards, q.split.child)
	s.layout = s.layout.Grown()
	s.shards[q.shard].epoch++
	q.split.child.epoch = 1
	delete(s.splits, q.shard)
}

// BeginSplit implements storage.Splitter.
func (s *testStore) BeginSplit(ctx context.Context, lease storage.Lease, moves func(key, value []byte) bool) (storage.Split, error) {
	s.mu.Lock()
	split := &testSplit{s, lease, new(testShard), moves}
	if parent, ok := s.layout.Parent(storage.ShardID(len(s.shards))); !ok || parent != lease.Shard {
		s.mu.Unlock()
		return nil, fmt.Errorf("the next shard is made of shard %d", parent)
	}
	s.splits[lease.Shard] = split
	s.mu.Unlock()
	return split, split.run(testErrand{})
}

// Refresh implements storage.Splitter.
func (s *testStore) Refresh(context.Context) error { return nil }

func (sp *testSplit) run(e testErrand) error {
	result := make(chan error, 1)
	s := sp.store
	s.mu.Lock()
	s.queue = append(s.queue, queuedBatch{shard: sp.lease.Shard, epoch: sp.lease.Epoch, batch: new(storage.Batch), synced: true, done: func(err error) { result <- err }, errand: e})
	s.wake.Signal()
	s.mu.Unlock()
	return <-result
}

// Copy implements storage.Split.
func (sp *testSplit) Copy(ctx context.Context, progress func(int64)) error {
	next, looked := []byte(nil), int64(0)
	for more := true; more; {
		var e testErrand
		more = false
		_ = sp.store.Scan(ctx, sp.lease.Shard, storage.Range{Start: next}, func(key, value []byte) bool {
			if looked++; sp.moves(key, value) {
				e.copied = append(e.copied, key)
			}
			next, more = append(bytes.Clone(key), 0), len(e.copied) == 3
			return !more
		})
		if err := errors.Join(ctx.Err(), sp.run(e)); err != nil {
			return err
		}
		progress(looked)
	}
	return nil
}

// Finish implements storage.Split.
func (sp *testSplit) Finish(_ context.Context, common ...[]byte) error {
	return sp.run(testErrand{copied: common, finish: true})
}

// Abandon implements storage.Split.
func (sp *testSplit) Abandon() {
	sp.store.set(func() {
		if sp.store.splits[sp.lease.Shard] == sp {
			delete(sp.store.splits, sp.lease.Shard)
		}
	})
}

// misplaced tells of a pair that is not in the shard of its owner; empty: none.
func (s *testStore) misplaced() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, shard := range s.shards {
		for _, p := range shard.visible {
			if owner, owned, err := runtime.Owner(p.key, p.value); err != nil || owned && runtime.ShardOf(owner, s.layout) != storage.ShardID(i) {
				return fmt.Sprintf("a %s of %v is in shard %d of %d (%v)", runtime.SpaceName(p.key), owner, i, len(s.shards), err)
			}
		}
	}
	return ""
}

// splitter splits one shard after the other until there are so many.
func (s *simulation) splitter(ctx context.Context, rng *rand.Rand, most int) {
	for ctx.Err() == nil {
		time.Sleep(time.Duration(rng.IntN(int(40 * time.Millisecond))))
		layout := s.Layout()
		if layout.Shards() >= most {
			return
		}
		parent, _ := layout.Parent(storage.ShardID(layout.Shards()))
		_ = s.SplitShard(ctx, parent) // it may be interrupted by the crash
	}
}

// split splits the next shard.
func (w *world) split() {
	w.t.Helper()
	layout := w.Layout()
	parent, _ := layout.Parent(storage.ShardID(layout.Shards()))
	w.must(w.SplitShard(w.t.Context(), parent))
}

func TestWhatBelongsToAShardThatWasSplitIsFoundInTheNewOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		for i := range 40 {
			w.must(w.step(fmt.Sprint(i), func(step *entity.Step, e *toy) { e.increment(step) }))
		}
		for w.Layout().Shards() < 11 {
			w.split()
			if wrong := w.store.misplaced(); wrong != "" {
				t.Fatal(wrong)
			}
		}
		for i := range 40 {
			w.must(w.step(fmt.Sprint(i), func(step *entity.Step, e *toy) { e.increment(step) }))
			if n := w.count(fmt.Sprint(i)); n != 2 {
				t.Errorf("entity %d has been incremented twice, and is at %d", i, n)
			}
		}
		if got := w.Shards(); len(got) != 11 {
			t.Errorf("the shards %v are held", got)
		}
	})
}

func TestATimerThatWasSetBeforeASplitFiresOnceAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		for i := range 40 {
			w.must(w.step(fmt.Sprint(i), func(step *entity.Step, e *toy) {
				e.setTimer(step, "near", step.Now.Add(time.Minute))
				e.setTimer(step, "far", step.Now.Add(time.Hour))
			}))
		}
		for w.Layout().Shards() < 8 {
			w.split()
		}
		time.Sleep(2 * time.Hour)
		for i := range 40 {
			if n := w.fired(fmt.Sprint(i)); n != 2 {
				t.Errorf("of two timers of entity %d, %d have fired", i, n)
			}
		}
	})
}

func TestNumbersOfANewShardAreAboveAllOfTheOneItWasMadeOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		last := make([]int64, 40)
		for round := range 5 {
			for i := range last {
				w.must(w.step(fmt.Sprint(i), func(step *entity.Step, e *toy) {
					if id := e.addTask(step, testQueue); id <= last[i] {
						t.Errorf("round %d: a task of entity %d has the number %d, after %d", round, i, id, last[i])
					} else {
						last[i] = id
					}
				}))
			}
			w.split()
		}
		tasks, _, _, err := w.ReadTasks(t.Context(), testQueue, "", 0, 1000)
		if err != nil || len(tasks) != 5*len(last) {
			t.Errorf("%d tasks are read of %d: %v", len(tasks), 5*len(last), err)
		}
	})
}

func TestASplitThatCannotBeSwitchedOverChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		refused := errors.New("the index does not answer")
		asked := 0
		w := newWorld(t, func(o *runtime.Options) {
			o.Splitting = func(context.Context, storage.ShardID, storage.ShardID) error {
				if asked++; asked%2 == 1 {
					return nil // it comes about during the split
				}
				return refused
			}
		})
		defer w.close()
		for i := range 20 {
			w.must(w.step(fmt.Sprint(i), func(step *entity.Step, e *toy) { e.increment(step) }))
		}
		if err := w.SplitShard(t.Context(), 0); !errors.Is(err, refused) {
			t.Fatalf("the split has ended with %v", err)
		}
		for i := range 20 {
			w.must(w.step(fmt.Sprint(i), func(step *entity.Step, e *toy) { e.increment(step) }))
			if n := w.count(fmt.Sprint(i)); n != 2 {
				t.Errorf("entity %d is at %d", i, n)
			}
		}
		if n := w.Layout().Shards(); n != 4 || !slices.Equal(w.Shards(), []storage.ShardID{0, 1, 2, 3}) {
			t.Errorf("there are %d shards, and %v are held", n, w.Shards())
		}
	})
}

func TestAShardThatIsNotTheParentOfTheNextOneIsNotSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		defer w.close()
		if err := w.SplitShard(t.Context(), 1); err == nil || w.Layout().Shards() != 4 {
			t.Errorf("it has ended with %v, and there are %d shards", err, w.Layout().Shards())
		}
	})
}
