package storagetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/perdure/perdure/internal/storage"
)

// modelShards is how many shards the random operations use.
const modelShards = 2

// model is the store as simple as it can be said.
type model struct {
	shards [modelShards]map[string]string
	leases [modelShards]storage.Lease
}

func (m *model) apply(shard int, batch *storage.Batch) {
	data := m.shards[shard]
	for _, op := range batch.Ops() {
		switch op.Kind {
		case storage.OpSet:
			data[string(op.Key)] = string(op.Value)
		case storage.OpDelete:
			delete(data, string(op.Key))
		case storage.OpDeleteRange:
			maps.DeleteFunc(data, func(key, _ string) bool { return contains(op.Key, op.Value, key) })
		}
	}
}

func contains(start, end []byte, key string) bool {
	return key >= string(start) && (len(end) == 0 || key < string(end))
}

func (m *model) scan(shard int, r storage.Range) []string {
	pairs := []string{}
	for _, key := range slices.Sorted(maps.Keys(m.shards[shard])) {
		if contains(r.Start, r.End, key) {
			pairs = append(pairs, key+"="+m.shards[shard][key])
		}
	}
	if r.Reverse {
		slices.Reverse(pairs)
	}
	return pairs
}

var (
	drawKey = rapid.Custom(func(t *rapid.T) []byte {
		return rapid.SliceOfN(rapid.SampledFrom([]byte{0x00, 'a', 'b', 0xff}), 0, 4).Draw(t, "key")
	})
	drawShard      = rapid.IntRange(0, modelShards-1)
	drawDurability = rapid.SampledFrom([]storage.Durability{storage.Synced, storage.Lazy})
)

func drawBatch(rt *rapid.T) *storage.Batch {
	var b storage.Batch
	for range rapid.IntRange(0, 6).Draw(rt, "ops") {
		switch k := drawKey.Draw(rt, "k"); rapid.IntRange(0, 5).Draw(rt, "kind") {
		case 0:
			b.Delete(k)
		case 1:
			b.DeleteRange(k, drawKey.Draw(rt, "end"))
		default:
			b.Set(k, []byte(fmt.Sprint(rapid.IntRange(0, 99).Draw(rt, "value"))))
		}
	}
	return &b
}

// runModel lets rapid choose operations and compares the store with a map after
// each. Keys come from a small alphabet with both extremes of a byte, so that
// they collide, are prefixes of each other, and sit on the borders of shards.
func runModel(t *testing.T, open func(t *testing.T) Harness) {
	rapid.Check(t, func(rt *rapid.T) {
		h := open(t)
		m := &modelRun{store: h.Store, reopen: h.Reopen}
		defer func() {
			if err := m.store.Close(); err != nil {
				rt.Errorf("Close: %v", err)
			}
		}()
		for i := range modelShards {
			m.shards[i] = map[string]string{}
			m.acquire(rt, i)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"commit":                    m.commit,
			"commit several at once":    m.commitSeveral,
			"commit under an old lease": m.commitUnderAnOldLease,
			"acquire":                   func(rt *rapid.T) { m.acquire(rt, drawShard.Draw(rt, "shard")) },
			"get":                       m.get,
			"scan":                      m.scanRange,
			"scan a prefix":             m.scanPrefix,
			"reopen":                    m.reopenSometimes,
		})
		for i := range modelShards {
			compareScan(rt, m.store, &m.model, i, storage.Range{})
		}
	})
}

// modelRun is a store beside its model.
type modelRun struct {
	model
	store  storage.Store
	reopen func() (storage.Store, error) // nil: cannot be
}

func (m *modelRun) acquire(rt *rapid.T, shard int) {
	lease, err := m.store.Acquire(context.Background(), storage.ShardID(shard))
	if err != nil || lease.Epoch <= m.leases[shard].Epoch {
		rt.Fatalf("Acquire: epoch %d after %d, %v", lease.Epoch, m.leases[shard].Epoch, err)
	}
	m.leases[shard] = lease
}

func (m *modelRun) commit(rt *rapid.T) {
	shard := drawShard.Draw(rt, "shard")
	b := drawBatch(rt)
	if err := commit(m.store, m.leases[shard], b, drawDurability.Draw(rt, "durability")); err != nil {
		rt.Fatalf("Commit: %v", err)
	}
	m.apply(shard, b)
}

func (m *modelRun) commitSeveral(rt *rapid.T) {
	n := rapid.IntRange(2, 5).Draw(rt, "n")
	results := make(chan error, n)
	for range n {
		shard := drawShard.Draw(rt, "shard")
		b := drawBatch(rt)
		m.store.Commit(m.leases[shard], b, drawDurability.Draw(rt, "durability"), func(err error) { results <- err })
		m.apply(shard, b)
	}
	for range n {
		if err := <-results; err != nil {
			rt.Fatalf("Commit: %v", err)
		}
	}
}

func (m *modelRun) commitUnderAnOldLease(rt *rapid.T) {
	lease := m.leases[drawShard.Draw(rt, "shard")]
	lease.Epoch--
	if err := commit(m.store, lease, drawBatch(rt), storage.Synced); !errors.Is(err, storage.ErrFenced) {
		rt.Fatalf("Commit: %v, want ErrFenced", err)
	}
}

func (m *modelRun) get(rt *rapid.T) {
	shard, k := drawShard.Draw(rt, "shard"), drawKey.Draw(rt, "k")
	got, err := m.store.Get(context.Background(), storage.ShardID(shard), k)
	want, ok := m.shards[shard][string(k)]
	switch {
	case !ok && !errors.Is(err, storage.ErrNotFound):
		rt.Fatalf("Get(%q) = %q, %v; want ErrNotFound", k, got, err)
	case ok && (err != nil || string(got) != want):
		rt.Fatalf("Get(%q) = %q, %v; want %q", k, got, err, want)
	}
}

func (m *modelRun) scanRange(rt *rapid.T) {
	shard := drawShard.Draw(rt, "shard")
	r := storage.Range{Start: drawKey.Draw(rt, "start"), End: drawKey.Draw(rt, "end"), Reverse: rapid.Bool().Draw(rt, "reverse")}
	compareScan(rt, m.store, &m.model, shard, r)
}

func (m *modelRun) scanPrefix(rt *rapid.T) {
	shard := drawShard.Draw(rt, "shard")
	r := storage.Prefix(drawKey.Draw(rt, "prefix"))
	r.Reverse = rapid.Bool().Draw(rt, "reverse")
	compareScan(rt, m.store, &m.model, shard, r)
}

// reopenSometimes is rare, as opening costs far more than everything else.
func (m *modelRun) reopenSometimes(rt *rapid.T) {
	if m.reopen == nil || rapid.IntRange(0, 9).Draw(rt, "dice") != 0 {
		return
	}
	var err error
	if m.store, err = m.reopen(); err != nil {
		rt.Fatalf("Reopen: %v", err)
	}
	for i := range modelShards {
		m.acquire(rt, i)
	}
}

func compareScan(rt *rapid.T, store storage.Store, m *model, shard int, r storage.Range) {
	got, err := scan(store, storage.ShardID(shard), r)
	if err != nil {
		rt.Fatalf("Scan: %v", err)
	}
	if want := m.scan(shard, r); !slices.Equal(got, want) {
		rt.Fatalf("Scan(%q, %q, reverse %v) = %q, want %q", r.Start, r.End, r.Reverse, got, want)
	}
}
