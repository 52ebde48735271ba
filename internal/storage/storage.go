// Package storage defines the one interface the whole server stands on: an
// ordered key-value space, divided into shards, with fenced, atomic, durable
// batches.
//
// A shard has one owner at a time. The owner acquires a Lease, whose epoch
// fences every earlier holder, and commits batches under it. Batches of one
// shard become visible and durable in the order in which they were submitted;
// batches of different shards are independent, and a store is free to join many
// of them into one write and one sync.
//
// The implementations are storage/pebble (on disk) and storage/memory (an
// ordered map). storage/storagetest is the suite that every implementation
// must pass; it is the precise statement of what is promised here.
package storage

import (
	"context"
	"errors"
	"slices"
)

// ErrFenced is reported for a commit under a lease that a later Acquire of the
// same shard has replaced. Nothing of the batch was written.
var ErrFenced = errors.New("storage: shard lease is held by a later owner")

// ErrNotFound is returned by Get for a key that is not there.
var ErrNotFound = errors.New("storage: key not found")

// ErrFailed is wrapped by every error after the store has lost the ability to
// write: a full disk, an I/O error. From the first such error on, no commit
// succeeds until the store is opened anew, because what a failed sync has left
// on disk is unknown. Reads may go on working.
var ErrFailed = errors.New("storage: store has failed and no longer accepts writes")

// ErrClosed is returned by every call after Close.
var ErrClosed = errors.New("storage: store is closed")

// ShardID numbers a shard, from 0 to Store.Shards()-1. See Layout.
type ShardID uint32

// Lease is the right to write to one shard.
type Lease struct {
	Shard ShardID
	// Epoch grows with every Acquire of the shard; the greatest one wins.
	Epoch uint64
}

// Durability says what has happened to a batch when its commit is reported done.
type Durability uint8

const (
	// Synced batches are on stable storage: they survive a power cut.
	Synced Durability = iota
	// Lazy batches have been applied, in order, and are handed to the operating
	// system without waiting for the disk: they survive a killed process nearly
	// always, and a power cut once any later Synced batch of the store has been
	// reported. For what may be lost without anyone being able to tell, such as
	// heartbeats and started marks of activities that may be retried.
	Lazy
)

// Store is an ordered key-value space in shards. Keys are arbitrary bytes,
// ordered bytewise within a shard; values are arbitrary bytes. All methods may
// be called from many goroutines at once.
type Store interface {
	// Shards is the number of shards: that of Layout.
	Shards() int

	// Layout says how many shards there are and what belongs to which. That of a store that no Splitter is never
	// changes. Of one that is, it grows: what another process has done is known when Acquire of a shard that it is about has
	// returned, and else some time later.
	Layout() Layout

	// Acquire takes the shard and fences every earlier lease on it. When it
	// returns, every batch that an earlier holder saw reported as done is
	// visible, and no earlier holder can write any more.
	Acquire(ctx context.Context, shard ShardID) (Lease, error)

	// Commit submits the batch and returns at once; it may block for a moment
	// when too much is in flight. done is called exactly once, from a goroutine
	// of the store, when the batch is visible to reads and as durable as asked,
	// or has failed. The dones of one shard are called in the order of the
	// submissions, never two at a time. done must not block and must not call
	// Commit. The batch, its keys and its values must not be changed after the
	// call.
	//
	// A batch is all or nothing. When one batch of a shard fails, every batch
	// submitted for that shard after it under the same lease fails as well.
	Commit(lease Lease, batch *Batch, durability Durability, done func(error))

	// Get returns the value of key, or ErrNotFound. The caller owns the value.
	Get(ctx context.Context, shard ShardID, key []byte) ([]byte, error)

	// Scan calls visit for the pairs of the range in order, descending when
	// Range.Reverse is set, until visit returns false or the range ends. Key and
	// value are valid only during the call of visit. A scan sees one consistent
	// state of the shard.
	Scan(ctx context.Context, shard ShardID, r Range, visit func(key, value []byte) bool) error

	// Close waits for submitted batches and releases everything.
	Close() error
}

// Joiner is implemented by stores that can write batches of several shards as one.
type Joiner interface {
	// CommitJoined submits the parts, of which there may be several of one shard, as Commit does, but all or
	// nothing: if one of them is refused, all are, with its error, and every later batch of any of their shards under the same lease
	// fails as well. The dones of different shards may be called at once.
	CommitJoined(parts []Part, durability Durability)
}

// Part is one of several batches that are written as one; its fields are as the arguments of Commit.
type Part struct {
	Lease Lease
	Batch *Batch
	Done  func(error)
}

// Splitter is implemented by stores that can make another shard of a part of one, while that is in use.
type Splitter interface {
	// BeginSplit begins to make the next shard, of the number Layout().Shards(), of a part of its parent, which is held
	// under the lease: of the pairs for which moves is true, which must be the same for a key whenever it is asked. What an
	// earlier split has left behind that was not finished is removed. Commits under the lease go on meanwhile.
	//
	// When it returns, the next shard has none of the pairs yet, but all that is committed from then on.
	BeginSplit(ctx context.Context, lease Lease, moves func(key, value []byte) bool) (Split, error)
	// Refresh has Layout know of all shards that are there by now.
	Refresh(ctx context.Context) error
}

// Split is a shard that is being made. One of its methods is called at a time. Nobody knows of it before Finish, whose
// effect is all or nothing; a process that dies before has changed nothing.
type Split interface {
	// Copy copies all that moves. progress is told, now and then, how many pairs have been looked at. Optional.
	Copy(ctx context.Context, progress func(pairs int64)) error
	// Finish makes the shard known, acquired by the process of the lease, takes what has moved out of the parent, and
	// gives the new one the values of the common keys, too. Copy has returned, and nothing that was committed under the
	// lease is under way. It fails if somebody else has acquired the parent. When it has returned nil, Layout has grown.
	Finish(ctx context.Context, common ...[]byte) error
	// Abandon gives the split up. After Finish it does nothing.
	Abandon()
}

// Releaser is implemented by stores that several processes share, which note with each
// lease who has it.
type Releaser interface {
	// Release notes that the holder of the lease is done with the shard, so that another
	// process may take it at once. It does nothing if the lease has been replaced. The
	// epoch stays: nothing can be written to the shard until it is acquired again.
	Release(ctx context.Context, lease Lease) error
}

// Range is the half-open interval of keys [Start, End). An empty Start means
// from the first key, an empty End to the last.
type Range struct {
	Start, End []byte
	Reverse    bool
}

// Prefix is the range of all keys that begin with prefix.
func Prefix(prefix []byte) Range {
	return Range{Start: prefix, End: PrefixEnd(prefix)}
}

// PrefixEnd is the smallest key greater than every key that begins with prefix;
// nil when there is none.
func PrefixEnd(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			end := append([]byte(nil), prefix[:i+1]...)
			end[i]++
			return end
		}
	}
	return nil
}

// Batch is a list of changes that are applied together, in order. The zero value
// is an empty batch. It keeps the slices it is given.
type Batch struct {
	ops  []Op
	size int
}

// OpKind is what an Op does.
type OpKind uint8

const (
	// OpSet writes Value at Key.
	OpSet OpKind = iota
	// OpDelete removes Key; it is no error if it is not there.
	OpDelete
	// OpDeleteRange removes the keys in [Key, Value); all from Key on when Value
	// is empty, none when Value is not greater than Key.
	OpDeleteRange
)

// Op is one change of a batch.
type Op struct {
	Kind       OpKind
	Key, Value []byte
}

// Set writes value at key.
func (b *Batch) Set(key, value []byte) { b.add(Op{OpSet, key, value}) }

// Delete removes key.
func (b *Batch) Delete(key []byte) { b.add(Op{OpDelete, key, nil}) }

// DeleteRange removes the keys in [start, end). An empty end means to the last
// key, as in Range.
func (b *Batch) DeleteRange(start, end []byte) { b.add(Op{OpDeleteRange, start, end}) }

// Grow makes room for n more changes.
func (b *Batch) Grow(n int) { b.ops = slices.Grow(b.ops, n) }

func (b *Batch) add(op Op) {
	b.ops = append(b.ops, op)
	b.size += len(op.Key) + len(op.Value)
}

// Ops are the changes, in order. Not to be modified.
func (b *Batch) Ops() []Op { return b.ops }

// Size is the number of bytes in keys and values.
func (b *Batch) Size() int { return b.size }

// Empty reports whether the batch changes nothing.
func (b *Batch) Empty() bool { return len(b.ops) == 0 }
