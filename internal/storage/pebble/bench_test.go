package pebble

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	cockroach "github.com/cockroachdb/pebble/v2"

	"github.com/perdure/perdure/internal/storage"
)

// cpuTime is the CPU time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// reportCPU runs fn and reports the CPU time per operation.
func reportCPU(b *testing.B, fn func()) {
	b.ReportAllocs()
	before := cpuTime(b)
	b.ResetTimer()
	fn()
	b.StopTimer()
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N)/1e3, "cpu-us/op")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
}

// write lets the writers do b.N operations together.
func write(b *testing.B, writers int, op func(writer, i int)) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := int(next.Add(1)); i <= b.N; i = int(next.Add(1)) {
				op(w, i)
			}
		})
	}
	wg.Wait()
}

const (
	benchKeys  = 5
	benchValue = 300
)

// benchBatch is like a step of a workflow: an entity that is overwritten, events
// that stay, a task that is written here and deleted by the next step.
func benchBatch(w, i int, value []byte) *storage.Batch {
	var b storage.Batch
	b.Set(fmt.Appendf(nil, "e%04d", i%5000), value)
	b.Set(fmt.Appendf(nil, "h%04d/%08d", w, i), value)
	b.Set(fmt.Appendf(nil, "h%04d/%08d+", w, i), value)
	b.Set(fmt.Appendf(nil, "q%04d/%08d", w, i), value)
	b.Delete(fmt.Appendf(nil, "q%04d/%08d", w, i-1))
	return &b
}

// BenchmarkCommit is the store as it is used.
func BenchmarkCommit(b *testing.B) {
	for _, durability := range []storage.Durability{storage.Synced, storage.Lazy} {
		for _, writers := range []int{1, 64} {
			b.Run(fmt.Sprintf("%s/writers=%d", []string{"synced", "lazy"}[durability], writers), func(b *testing.B) {
				store := mustOpen(b, b.TempDir(), Options{})
				defer store.Close()
				leases := make([]storage.Lease, store.Shards())
				for i := range leases {
					leases[i] = acquire(b, store, storage.ShardID(i))
				}
				value := make([]byte, benchValue)
				results := make([]chan error, writers)
				for w := range results {
					results[w] = make(chan error, 1)
				}
				reportCPU(b, func() {
					write(b, writers, func(w, i int) {
						store.Commit(leases[w%len(leases)], benchBatch(w, i, value), durability, func(err error) { results[w] <- err })
						if err := <-results[w]; err != nil {
							b.Error(err)
						}
					})
				})
			})
		}
	}
}

// BenchmarkCommitDirect is the design without a committer: every writer applies
// its own batch, and Pebble's commit pipeline does the grouping.
func BenchmarkCommitDirect(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("synced/writers=%d", writers), func(b *testing.B) {
			store := mustOpen(b, b.TempDir(), Options{})
			defer store.Close()
			value := make([]byte, benchValue)
			reportCPU(b, func() {
				write(b, writers, func(w, i int) {
					batch := store.db.NewBatch()
					appendBatch(batch, 0, storage.ShardID(w%store.Shards()), benchBatch(w, i, value))
					if err := store.db.Apply(batch, cockroach.Sync); err != nil {
						b.Error(err)
					}
					if err := batch.Close(); err != nil {
						b.Error(err)
					}
				})
			})
		})
	}
}

// BenchmarkCommitPipelined is the design in which the committer applies the next
// group while the last one is being synced.
func BenchmarkCommitPipelined(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprintf("synced/writers=%d", writers), func(b *testing.B) {
			store := mustOpen(b, b.TempDir(), Options{})
			defer store.Close()
			value := make([]byte, benchValue)
			results := make([]chan error, writers)
			for w := range results {
				results[w] = make(chan error, 1)
			}
			p := startPipeline(store.db)
			defer p.stop()
			reportCPU(b, func() {
				write(b, writers, func(w, i int) {
					p.commit(storage.ShardID(w%store.Shards()), benchBatch(w, i, value), func(err error) { results[w] <- err })
					if err := <-results[w]; err != nil {
						b.Error(err)
					}
				})
			})
		})
	}
}

// pipeline is a committer of two stages, without anything that is not needed to
// measure it.
type pipeline struct {
	mu        sync.Mutex
	work      sync.Cond
	gathering *group
	closed    bool
	applied   chan *group
	free      chan *group
	ended     sync.WaitGroup
}

func startPipeline(db *cockroach.DB) *pipeline {
	p := &pipeline{gathering: newGroup(db), applied: make(chan *group, 2), free: make(chan *group, 3)}
	p.work.L = &p.mu
	for range 3 {
		p.free <- newGroup(db)
	}
	p.ended.Go(func() { // applies
		defer close(p.applied)
		for {
			next := <-p.free
			p.mu.Lock()
			for len(p.gathering.submissions) == 0 && !p.closed {
				p.work.Wait()
			}
			g := p.gathering
			p.gathering = next
			p.mu.Unlock()
			if len(g.submissions) == 0 {
				return
			}
			if err := db.ApplyNoSyncWait(g.batch, cockroach.Sync); err != nil {
				panic(err)
			}
			p.applied <- g
		}
	})
	p.ended.Go(func() { // waits for the sync
		for g := range p.applied {
			err := g.batch.SyncWait()
			for _, sub := range g.submissions {
				sub.done(err)
			}
			g.reset()
			p.free <- g
		}
	})
	return p
}

func (p *pipeline) commit(shard storage.ShardID, batch *storage.Batch, done func(error)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	appendBatch(p.gathering.batch, 0, shard, batch)
	p.gathering.submissions = append(p.gathering.submissions, submission{done: done})
	p.work.Signal()
}

func (p *pipeline) stop() {
	p.mu.Lock()
	p.closed = true
	p.work.Signal()
	p.mu.Unlock()
	p.ended.Wait()
}

// BenchmarkGet reads from a store of 300,000 entities with five records each: keys that are there and keys that are not,
// as when a workflow is asked for and when one is started.
func BenchmarkGet(b *testing.B) {
	store := mustOpen(b, b.TempDir(), Options{})
	defer store.Close()
	lease := acquire(b, store, 0)
	value := make([]byte, benchValue)
	key := func(entity, record int) []byte {
		return fmt.Appendf(nil, "e%016x/%d", uint64(entity)*0x9E3779B97F4A7C15, record)
	}
	const entities, atOnce = 300_000, 500
	for first := 0; first < entities; first += atOnce {
		var batch storage.Batch
		for e := first; e < first+atOnce; e++ {
			for record := range benchKeys {
				for i := range value {
					value[i] = byte(e * i >> 3)
				}
				batch.Set(key(e, record), value)
			}
		}
		done := make(chan error, 1)
		store.Commit(lease, &batch, storage.Lazy, func(err error) { done <- err })
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	for _, there := range []bool{true, false} {
		b.Run(fmt.Sprintf("there=%t", there), func(b *testing.B) {
			first := 0
			if !there {
				first = entities
			}
			reportCPU(b, func() {
				for i := range b.N {
					_, err := store.Get(b.Context(), lease.Shard, key(first+i*7919%entities, 0))
					if (err == nil) != there || err != nil && !errors.Is(err, storage.ErrNotFound) {
						b.Fatal(err)
					}
				}
			})
		})
	}
}
