package runtime_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/storage"
)

// testStore is a store in memory that can be paused, made to fail, and crashed.
// It commits in groups: all that is queued when the writer comes by is applied
// together and reported together.
type testStore struct {
	latency time.Duration // of a sync; virtual time in most tests
	// unchecked leaves out aboveBound, for benchmarks.
	unchecked bool

	mu     sync.Mutex
	wake   sync.Cond
	shards []*testShard
	// layout is that of shards, of which so many are on stable storage; splits are under way, by parent.
	layout  storage.Layout
	durable int
	splits  map[storage.ShardID]*testSplit
	// log are the batches that are applied but not synced, in order.
	log    []queuedBatch
	queue  []queuedBatch
	paused bool
	failed error
	closed bool
	ended  chan struct{}
	// removed is how many ranges batches have removed.
	removed int
}

type testShard struct {
	epoch            uint64
	refused          uint64 // the epoch under which nothing is written any more
	visible, durable orderedMap
	// late tells of a batch with a number above the bound of the shard's clock.
	late string
}

type queuedBatch struct {
	shard  storage.ShardID
	epoch  uint64
	batch  *storage.Batch
	synced bool
	done   func(error)
	// joined: the next one is written with this one, or neither is.
	joined bool
	// split follows the batch, and has what else is to be done for it; see split_test.go.
	split  *testSplit
	errand testErrand
}

func newTestStore(shards int) *testStore {
	s := &testStore{layout: storage.Fixed(shards), durable: shards, splits: map[storage.ShardID]*testSplit{}, ended: make(chan struct{})}
	for range shards {
		s.shards = append(s.shards, new(testShard))
	}
	s.wake.L = &s.mu
	go s.write()
	return s
}

// crash ends the store and returns the one that is found after it: what was
// synced, and some more of what was submitted, in order.
func (s *testStore) crash(rng *rand.Rand) *testStore {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := newTestStore(s.layout.Base())
	next.latency, next.durable = s.latency, s.durable
	unsynced := append(slices.Clone(s.log), s.queue...)
	kept := unsynced[:rng.IntN(len(unsynced)+1)]
	for n := len(kept); n > 0 && kept[n-1].joined; n++ {
		kept = unsynced[:n+1]
	}
	found := map[*testShard]*testShard{} // what is left of each
	left := func(shard *testShard) *testShard {
		if found[shard] == nil {
			found[shard] = &testShard{epoch: shard.epoch, durable: slices.Clone(shard.durable)}
		}
		return found[shard]
	}
	for _, q := range kept {
		if q.split == nil {
			q.split = s.following(q)
		}
		next.durable += q.apply(left(s.shards[q.shard]), left, testDurable)
	}
	for _, split := range s.splits { // not finished, as far as was applied
		if len(s.shards) < next.durable {
			s.shards = append(s.shards, split.child)
		}
	}
	next.shards = nil
	for _, shard := range s.shards[:next.durable] {
		next.shards = append(next.shards, left(shard))
	}
	next.layout = storage.NewLayout(s.layout.Base(), next.durable)
	for _, shard := range next.shards {
		shard.visible = slices.Clone(shard.durable)
	}
	s.failed = errors.Join(storage.ErrFailed, errors.New("power cut"))
	s.paused = false
	s.wake.Broadcast()
	return next
}

func (s *testStore) pause()  { s.set(func() { s.paused = true }) }
func (s *testStore) resume() { s.set(func() { s.paused = false }) }
func (s *testStore) fail() {
	s.set(func() { s.failed, s.paused = errors.Join(storage.ErrFailed, errors.New("disk full")), false })
}

func (s *testStore) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.wake.Broadcast()
}

func (s *testStore) write() {
	defer close(s.ended)
	for {
		s.mu.Lock()
		for (len(s.queue) == 0 || s.paused) && !s.closed {
			s.wake.Wait()
		}
		if s.closed && len(s.queue) == 0 {
			s.mu.Unlock()
			return
		}
		group := len(s.queue)
		s.mu.Unlock()
		if s.latency > 0 {
			time.Sleep(s.latency)
		}
		s.mu.Lock()
		batches := s.queue[:group:group]
		s.queue = s.queue[group:]
		errs := make([]error, group)
		sync := false
		for i, q := range batches {
			shard := s.shards[q.shard]
			switch {
			case s.failed != nil:
				errs[i] = s.failed
			case s.fenced(batches, i):
				errs[i] = storage.ErrFenced
				shard.refused = q.epoch
			default:
				q.split = s.following(q)
				if q.apply(shard, func(shard *testShard) *testShard { return shard }, testVisible) > 0 {
					s.finish(q)
				}
				if !s.unchecked {
					shard.checkBound(q.batch)
				}
				s.log = append(s.log, q)
				sync = sync || q.synced
			}
		}
		if sync {
			for _, q := range s.log {
				s.durable += q.apply(s.shards[q.shard], func(shard *testShard) *testShard { return shard }, testDurable)
			}
			s.log = nil
		}
		s.mu.Unlock()
		for i, q := range batches {
			q.done(errs[i])
		}
	}
}

var clockRecord = []byte("mc")

// checkBound looks whether every number in a batch that has been applied is within
// the bound that has been.
func (s *testShard) checkBound(batch *storage.Batch) {
	i, ok := s.visible.find(clockRecord)
	for _, op := range batch.Ops() {
		if op.Kind != storage.OpSet || op.Key[0] != 'q' && op.Key[0] != 'o' && op.Key[0] != 'l' {
			continue
		}
		number := op.Key[len(op.Key)-8:]
		if !ok || bytes.Compare(number, s.visible[i].value) > 0 {
			s.late = fmt.Sprintf("%q was applied before the bound that it relies on", op.Key)
		}
	}
}

// aboveBound tells of a batch that was applied before its bound; empty: none.
func (s *testStore) aboveBound() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.shards {
		if late := s.shards[i].late; late != "" {
			return late
		}
	}
	return ""
}

// orderedMap is pairs in the order of their keys.
type orderedMap []pair

type pair struct{ key, value []byte }

func (m orderedMap) find(key []byte) (int, bool) {
	return slices.BinarySearchFunc(m, key, func(p pair, key []byte) int { return bytes.Compare(p.key, key) })
}

func (m orderedMap) between(start, end []byte) (from, to int) {
	from, _ = m.find(start)
	to = len(m)
	if len(end) > 0 {
		to, _ = m.find(end)
	}
	return from, max(from, to)
}

func (m *orderedMap) apply(batch *storage.Batch) {
	for _, op := range batch.Ops() {
		i, found := m.find(op.Key)
		switch {
		case op.Kind == storage.OpSet && found:
			(*m)[i].value = op.Value
		case op.Kind == storage.OpSet:
			*m = slices.Insert(*m, i, pair{op.Key, op.Value})
		case op.Kind == storage.OpDelete && found:
			*m = slices.Delete(*m, i, i+1)
		case op.Kind == storage.OpDeleteRange:
			from, to := m.between(op.Key, op.Value)
			*m = slices.Delete(*m, from, to)
		}
	}
}

func (s *testStore) Shards() int { return s.Layout().Shards() }

func (s *testStore) Layout() storage.Layout {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.layout
}

func (s *testStore) Acquire(_ context.Context, shard storage.ShardID) (storage.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shards[shard].epoch++
	return storage.Lease{Shard: shard, Epoch: s.shards[shard].epoch}, nil
}

func (s *testStore) Commit(lease storage.Lease, batch *storage.Batch, durability storage.Durability, done func(error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, op := range batch.Ops() {
		if op.Kind == storage.OpDeleteRange {
			s.removed++
		}
	}
	s.queue = append(s.queue, queuedBatch{shard: lease.Shard, epoch: lease.Epoch, batch: batch, synced: durability == storage.Synced, done: done})
	s.wake.Signal()
}

func (s *testStore) CommitJoined(parts []storage.Part, durability storage.Durability) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, p := range parts {
		s.queue = append(s.queue, queuedBatch{shard: p.Lease.Shard, epoch: p.Lease.Epoch, batch: p.Batch, synced: durability == storage.Synced, done: p.Done, joined: i+1 < len(parts)})
	}
	s.wake.Signal()
}

// fenced reports whether the lease of the i-th batch is no good, or that of one which is written with it.
func (s *testStore) fenced(batches []queuedBatch, i int) bool {
	for i > 0 && batches[i-1].joined {
		i--
	}
	for ; ; i++ {
		q := batches[i]
		if shard := s.shards[q.shard]; q.epoch != shard.epoch || q.epoch == shard.refused {
			return true
		}
		if !q.joined {
			return false
		}
	}
}

func (s *testStore) ranges() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.removed
}

func (s *testStore) Get(_ context.Context, shard storage.ShardID, key []byte) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	data := s.shards[shard].visible
	i, ok := data.find(key)
	if !ok {
		return nil, storage.ErrNotFound
	}
	return bytes.Clone(data[i].value), nil
}

func (s *testStore) Scan(_ context.Context, shard storage.ShardID, r storage.Range, visit func(key, value []byte) bool) error {
	s.mu.Lock()
	data := s.shards[shard].visible
	from, to := data.between(r.Start, r.End)
	found := slices.Clone(data[from:to])
	s.mu.Unlock()
	if r.Reverse {
		slices.Reverse(found)
	}
	for _, p := range found {
		if !visit(p.key, p.value) {
			break
		}
	}
	return nil
}

func (s *testStore) Close() error {
	s.set(func() { s.closed, s.paused = true, false })
	<-s.ended
	return nil
}

// put writes a record past the runtime.
func (s *testStore) put(shard int, key, value string) {
	batch := &storage.Batch{}
	batch.Set([]byte(key), []byte(value))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shards[shard].visible.apply(batch)
	s.shards[shard].durable.apply(batch)
}

// count returns the number of keys in a key space.
func (s *testStore) count(space byte) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	count := 0
	for i := range s.shards {
		for _, p := range s.shards[i].visible {
			if p.key[0] == space {
				count++
			}
		}
	}
	return count
}
