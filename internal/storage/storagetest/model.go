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

// runModel lets rapid choose operations and compares the store with a map after
// each. Keys come from a small alphabet with both extremes of a byte, so that
// they collide, are prefixes of each other, and sit on the borders of shards.
func runModel(t *testing.T, open func(t *testing.T) Harness) {
	ctx := context.Background()
	key := rapid.Custom(func(t *rapid.T) []byte {
		return rapid.SliceOfN(rapid.SampledFrom([]byte{0x00, 'a', 'b', 0xff}), 0, 4).Draw(t, "key")
	})
	shardID := rapid.IntRange(0, modelShards-1)

	rapid.Check(t, func(rt *rapid.T) {
		h := open(t)
		store := h.Store
		defer func() {
			if err := store.Close(); err != nil {
				rt.Errorf("Close: %v", err)
			}
		}()
		var m model
		for i := range m.shards {
			m.shards[i] = map[string]string{}
		}
		acquire := func(rt *rapid.T, shard int) {
			lease, err := store.Acquire(ctx, storage.ShardID(shard))
			if err != nil || lease.Epoch <= m.leases[shard].Epoch {
				rt.Fatalf("Acquire: epoch %d after %d, %v", lease.Epoch, m.leases[shard].Epoch, err)
			}
			m.leases[shard] = lease
		}
		drawBatch := func(rt *rapid.T) *storage.Batch {
			var b storage.Batch
			for range rapid.IntRange(0, 6).Draw(rt, "ops") {
				switch k := key.Draw(rt, "k"); rapid.IntRange(0, 5).Draw(rt, "kind") {
				case 0:
					b.Delete(k)
				case 1:
					b.DeleteRange(k, key.Draw(rt, "end"))
				default:
					b.Set(k, []byte(fmt.Sprint(rapid.IntRange(0, 99).Draw(rt, "value"))))
				}
			}
			return &b
		}
		durability := rapid.SampledFrom([]storage.Durability{storage.Synced, storage.Lazy})
		for i := range modelShards {
			acquire(rt, i)
		}

		rt.Repeat(map[string]func(*rapid.T){
			"commit": func(rt *rapid.T) {
				shard := shardID.Draw(rt, "shard")
				b := drawBatch(rt)
				if err := commit(store, m.leases[shard], b, durability.Draw(rt, "durability")); err != nil {
					rt.Fatalf("Commit: %v", err)
				}
				m.apply(shard, b)
			},
			"commit several at once": func(rt *rapid.T) {
				n := rapid.IntRange(2, 5).Draw(rt, "n")
				results := make(chan error, n)
				for range n {
					shard := shardID.Draw(rt, "shard")
					b := drawBatch(rt)
					store.Commit(m.leases[shard], b, durability.Draw(rt, "durability"), func(err error) { results <- err })
					m.apply(shard, b)
				}
				for range n {
					if err := <-results; err != nil {
						rt.Fatalf("Commit: %v", err)
					}
				}
			},
			"commit under an old lease": func(rt *rapid.T) {
				lease := m.leases[shardID.Draw(rt, "shard")]
				lease.Epoch--
				if err := commit(store, lease, drawBatch(rt), storage.Synced); !errors.Is(err, storage.ErrFenced) {
					rt.Fatalf("Commit: %v, want ErrFenced", err)
				}
			},
			"acquire": func(rt *rapid.T) { acquire(rt, shardID.Draw(rt, "shard")) },
			"get": func(rt *rapid.T) {
				shard, k := shardID.Draw(rt, "shard"), key.Draw(rt, "k")
				got, err := store.Get(ctx, storage.ShardID(shard), k)
				want, ok := m.shards[shard][string(k)]
				switch {
				case !ok && !errors.Is(err, storage.ErrNotFound):
					rt.Fatalf("Get(%q) = %q, %v; want ErrNotFound", k, got, err)
				case ok && (err != nil || string(got) != want):
					rt.Fatalf("Get(%q) = %q, %v; want %q", k, got, err, want)
				}
			},
			"scan": func(rt *rapid.T) {
				shard := shardID.Draw(rt, "shard")
				r := storage.Range{Start: key.Draw(rt, "start"), End: key.Draw(rt, "end"), Reverse: rapid.Bool().Draw(rt, "reverse")}
				compareScan(rt, store, &m, shard, r)
			},
			"scan a prefix": func(rt *rapid.T) {
				shard := shardID.Draw(rt, "shard")
				r := storage.Prefix(key.Draw(rt, "prefix"))
				r.Reverse = rapid.Bool().Draw(rt, "reverse")
				compareScan(rt, store, &m, shard, r)
			},
			"reopen": func(rt *rapid.T) {
				// Opening costs far more than everything else, so it is rare.
				if h.Reopen == nil || rapid.IntRange(0, 9).Draw(rt, "dice") != 0 {
					return
				}
				var err error
				if store, err = h.Reopen(); err != nil {
					rt.Fatalf("Reopen: %v", err)
				}
				for i := range modelShards {
					acquire(rt, i)
				}
			},
		})
		for i := range modelShards {
			compareScan(rt, store, &m, i, storage.Range{})
		}
	})
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
