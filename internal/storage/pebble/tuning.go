package pebble

import (
	cockroach "github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
)

const (
	defaultCacheBytes    = 4 << 20
	defaultMemTableBytes = 4 << 20
)

// pebbleFormat is the on-disk format of Pebble that stores are kept in; older
// stores are raised to it when they are opened. Chosen by name, not as the newest
// one, so that a new version of the library changes nothing by itself.
const pebbleFormat = cockroach.FormatTableFormatV6

// tune fits Pebble to this server's load: small batches, each synced; records
// that live for milliseconds (tasks, timers, outbox messages) beside records
// that live for weeks; point reads of entities that have fallen out of a cache.
func tune(o *cockroach.Options, opts Options) {
	o.FormatMajorVersion = pebbleFormat

	// Large enough that most short-lived records are deleted before they are ever
	// written to a table, small enough that looking something up in it, as every
	// start of a workflow does, stays in the processor's cache, and that a server's
	// memory is not mostly these: 64 MiB cost a tenth more CPU per workflow, 8 MiB no less than
	// 4, by turns. Four of them may wait for their flush.
	o.MemTableSize = uint64(opts.memTableBytes)
	o.MemTableStopWritesThreshold = 4

	// Two would keep scans over the tombstones of old tasks a little shorter, and
	// cost a fifth more CPU per commit.
	o.L0CompactionThreshold = 4
	o.L0StopWritesThreshold = 24
	o.LBaseMaxBytes = max(64<<20, int64(opts.memTableBytes))
	o.CompactionConcurrencyRange = func() (int, int) { return 1, 2 }

	// Entities are read by their whole key, often for keys that do not exist (is
	// this workflow id in use?): ten bits per key save nearly all such reads.
	for i := range o.Levels {
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		o.Levels[i].BlockSize = 16 << 10
		o.Levels[i].IndexBlockSize = 16 << 10
	}
	// The filter of a table is read as a whole, and so is each part of its index: when a store has outgrown the block
	// cache, small tables are what makes reads cheap. Reads of 300,000 entities (BenchmarkGet): 77 us in place of
	// 91, and 53 in place of 94 for those that are not there. Larger ones further down keep the
	// number of files of a large store bounded.
	for i, mib := range []int64{4, 4, 4, 8, 16, 32, 64} {
		o.TargetFileSizes[i] = mib << 20
	}

	// Pebble counts memtables towards the size of its cache of blocks: the one that is written to, and one that it keeps to be
	// used again. Where they are as large as the cache, nothing is left for blocks.
	o.CacheSize = opts.CacheBytes + 2*int64(opts.memTableBytes)
	o.MaxOpenFiles = 4096
}
