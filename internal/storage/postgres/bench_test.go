package postgres

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/postgres/postgrestest"
)

// BenchmarkCommit commits batches of the size of a step, from so many writers at a time. Beside the time
// it tells what the processes of the database have used of their processors, for each batch.
func BenchmarkCommit(b *testing.B) {
	for _, writers := range []int{1, 8, 64, 512} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) { benchmarkCommit(b, writers) })
	}
}

func benchmarkCommit(b *testing.B, writers int) {
	c := postgrestest.Start(b, "shared_buffers=256MB")
	s, err := Open(b.Context(), Options{URLs: []string{c.URL()}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	leases := make([]storage.Lease, s.Shards())
	for i := range leases {
		if leases[i], err = s.Acquire(b.Context(), storage.ShardID(i)); err != nil {
			b.Fatal(err)
		}
	}
	value := make([]byte, 300)
	before := processorTime(b, c.Dir())
	b.ResetTimer()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := w; i < b.N; i += writers {
				batch := &storage.Batch{}
				entity := fmt.Sprintf("ewc0ffee00-0000-4000-8000-000000000001/order-%08d/", i/4)
				// Of six keys one is new for good, one replaces another, the others live briefly.
				batch.Set(fmt.Appendf(nil, "%sh%d", entity, i%4), value)
				batch.Set([]byte(entity+"s"), value)
				batch.Set(fmt.Appendf(nil, "q%s%d", entity, i%4), value[:100])
				batch.Set(fmt.Appendf(nil, "t%s%d", entity, i%4), nil)
				if i%4 > 0 {
					batch.Delete(fmt.Appendf(nil, "q%s%d", entity, i%4-1))
					batch.Delete(fmt.Appendf(nil, "t%s%d", entity, i%4-1))
				}
				result := make(chan error, 1)
				s.Commit(leases[i/4%len(leases)], batch, storage.Synced, func(err error) { result <- err })
				if err := <-result; err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	used := processorTime(b, c.Dir()) - before
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "db-us/op")
}

// processorTime is what the processes whose command line or parent is of the cluster have used.
func processorTime(b *testing.B, dir string) (used time.Duration) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	parents, times := map[string]string{}, map[string]time.Duration{}
	postmaster := ""
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		pid := filepath.Base(filepath.Dir(path))
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		// With that of children that have ended.
		ended, _ := strconv.Atoi(fields[13])
		endedSystem, _ := strconv.Atoi(fields[14])
		parents[pid], times[pid] = fields[1], time.Duration(user+system+ended+endedSystem)*10*time.Millisecond
		if line, _ := os.ReadFile(filepath.Join("/proc", pid, "cmdline")); strings.Contains(strings.SplitN(string(line), "\x00", 2)[0], "/postgres") && strings.Contains(string(line), dir+"/data") {
			postmaster = pid
		}
	}
	if postmaster == "" {
		b.Skip("the processes of the database cannot be seen here")
	}
	for pid, parent := range parents {
		if parent == postmaster || pid == postmaster {
			used += times[pid]
		}
	}
	return used
}
