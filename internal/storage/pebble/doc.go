// Package pebble is the storage.Store on disk: one Pebble database for all
// shards, every acknowledged batch synced.
//
// # The way of a commit
//
// The cost of a durable commit is the sync, so as many batches as possible
// share one. All shards of a store have one queue and one goroutine, the
// committer, that writes it:
//
//	Commit, with the mutex locked:
//	  wait while too much has gathered
//	  check the lease against the epoch of the shard
//	  append the changes to the gathering batch, and done to its list
//	  wake the committer if it is idle
//
//	committer, for ever:
//	  with the mutex locked: take the gathering batch, leave an empty one
//	  Pebble: write to the log, insert into the memtable, sync the log
//	  call the dones, in order
//
// While one group is being synced the next one gathers, so the size of groups
// follows the load and the speed of the disk without a delay or a setting. The
// queue is the batch: Commit encodes straight into what Pebble will write to its
// log, on the goroutine of the caller, and a commit allocates nothing here.
//
// Order follows from there being one queue. It also makes fencing simple:
// Acquire raises the epoch in memory, which refuses the commits of earlier
// holders from then on, and puts the new epoch into the queue as a change like
// any other, behind all that they have submitted. When it is done, so are they.
// The epoch in memory is enough to check because one process at a time has the
// database open, which a file lock sees to.
//
// A group is written without sync if everything in it is Lazy. The next synced
// group carries it to the disk, since the log is sequential; if none comes, the
// committer syncs by itself after lazyDelay. Until then the records may still be in
// buffers of this process, so a killed one can lose the lazy batches of that time, and
// only those.
//
// The log is filled with zeros ahead of what is written (fill.go), so that a sync finds
// data to write and nothing else. On Linux a sync is one asynchronous request for a direct
// write (direct.go), for which no thread waits.
//
// # Designs tried
//
// Measured with BenchmarkCommit and its neighbours: batches of five changes of
// 300 bytes, synced, 64 writers, CPU of the whole process with flushes and
// compactions, two cores shared with other work, averages of several runs.
//
//   - Every writer calls Pebble's Apply itself and its commit pipeline does the
//     grouping (BenchmarkCommitDirect): 1.2 times the CPU and 0.87 times the
//     throughput with 64 writers, about the same with one. It pays for a batch, a log
//     record, an entry in the sync queue and two waits per commit instead of per
//     group. It also has no order between writers that could be promised.
//   - Two stages, so that a group is applied while the one before is being synced
//     (ApplyNoSyncWait and SyncWait, BenchmarkCommitPipelined): 0.95 times the
//     CPU and 1.04 times the throughput with 64 writers, within what runs differ
//     by. Groups get smaller as syncs get more frequent, which eats the gain. Not
//     worth another goroutine and another queue.
//   - Yielding after the dones, so that the writers they woke submit before the
//     next group is taken: no difference beyond noise (0.97 times the CPU).
//   - L0CompactionThreshold 2 instead of 4, for shorter scans over the tombstones
//     of finished tasks: 1.2 times the CPU.
//   - No compression in level 0, whose tables are soon compacted away: 1.06
//     times the CPU, because more bytes are read and written.
//   - Syncs in a system call that the scheduler is not told of (RawSyscall): even less CPU
//     for one commit at a time than an asynchronous request, but nothing can stop
//     the goroutine then, so each garbage collection waits for the disk, and everybody for it.
//   - fdatasync for each sync of the log: 1.15 times the CPU of a whole server
//     that is driven by one client or by 64. It is what is done where there is no
//     direct I/O. pwritev2 with RWF_DSYNC costs as much as fdatasync in a benchmark of syncs alone.
//
// About two thirds of what remains is Pebble's: the memtable insert, then flush,
// then compaction.
//
// # When the disk fails
//
// After a failed write nobody knows what is on disk until the log has been
// recovered, so the first one is the end of the store: all commits in flight and
// all later ones fail with storage.ErrFailed, reads do as well (the memtable may
// have what the disk has not), and nothing more is written. The process lives on
// to say so. guardedFS explains how Pebble is kept from ending it.
//
// # Layout, formats, resharding
//
// See key.go for the key space. The header has the version of the format (package
// format) and the number of shards. A directory is looked at before it is written
// to (directory.go, readonly.go): what this release cannot understand, what is
// damaged, and what is in use is refused, with advice, and stays as it is.
//
// The number of shards changes while the server is stopped: see reshard.go.
// OpenStopped is the way in for whoever works on the store of a stopped server;
// package reshard and 'perdure admin' are those who do.
package pebble
