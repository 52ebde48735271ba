// Package postgres is the storage.Store in PostgreSQL, for many nodes on one store.
//
// # The way of a commit
//
// What a transaction costs the database is mostly what each costs, not what is in it, so as many
// batches as possible share one. A store has a few writers in each database (writer.go), and each
// shard belongs to one of them:
//
//	Commit, with the mutex of the writer locked:
//	  wait while too much has gathered
//	  check the lease against the epoch of the shard in memory
//	  put the batch into the queue, and wake the writer if it is idle
//
//	writer, for ever:
//	  with the mutex locked: take the queue
//	  merge the batches: each key at most once (group.go)
//	  send one transaction, all of it at once (transaction.go):
//	    claim: lock the rows of the shards, check their epochs, write the number of the transaction
//	    delete ranges, delete keys, set keys: each a statement with arrays
//	  wait for the answer
//	  call the dones, in order
//
// While one transaction is under way the next one gathers, so their size follows the load.
//
// # Leases
//
// A lease is a row of perdure_shards: epoch and holder. Acquire raises the epoch (lease.go); every
// transaction checks the epochs and the holder of all its shards, with locks that keep them until
// its end. So when Acquire has returned, whatever the holder before had reported as done is there,
// and it can write no more, however long it was paused.
//
// # When the database fails
//
// A transaction is exactly once: it has a number, which it leaves behind, and which cannot be there
// twice (writer.go). So a lost connection, a restart, a failover, a serialization failure, a disk
// that is full, a database that is read-only: all are tried again until they pass, with the same
// transaction. Meanwhile commits wait, and reads are tried for some seconds. A shard is
// given up in three cases only: somebody else has acquired it; the database has forgotten what it
// had acknowledged, which the numbers tell; the database refuses what is in the batch.
// Its commits fail then, and it can be acquired again; others are not touched.
//
// # Reads
//
// A scan of few pairs is one statement, which sees one state of the shard. A longer one is a
// transaction of repeatable reads, page after page (read.go).
//
// # Other engines
//
// Only what engines have that speak PostgreSQL's protocol is used: tables, primary keys, INSERT … ON
// CONFLICT, unnest of arrays, row locks. No triggers, functions, advisory locks, or notifications.
// Settings that other engines do not know are passed over.
//
// # Designs considered
//
//   - A sequence number in the row of each shard, in place of perdure_commits and the row locks: one
//     row version for each shard and transaction, which a long snapshot (a backup, a standby's query)
//     keeps from being removed, so that every update gets slower while it lasts.
//   - A log of encoded batches in the database, with the pairs written later, when most of those that
//     live briefly are gone again: less work for the database, but every read has to know what is
//     in the log, and another node has to read it before it can take over.
package postgres
