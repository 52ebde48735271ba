package reshard

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/cespare/xxhash/v2"

	"github.com/perdure/perdure/internal/runtime"
	"github.com/perdure/perdure/internal/storage"
)

// Census is what is in a store, whatever shards it is in.
type Census struct {
	// Spaces are the pairs that entities own, by the first byte of their keys.
	Spaces map[byte]Count
	// PerShard is the number of these pairs in each shard.
	PerShard []int64
}

// Count is the pairs of a key space.
type Count struct {
	Name  string // what they are
	Pairs int64
	Bytes int64 // in keys and values
	// Sum is the sum of the hashes of all pairs: the same in whatever order they
	// are read.
	Sum uint64
}

// Pairs is the number of all pairs.
func (c *Census) Pairs() (n int64) {
	for _, count := range c.Spaces {
		n += count.Pairs
	}
	return n
}

// Bytes is the number of bytes in all keys and values.
func (c *Census) Bytes() (n int64) {
	for _, count := range c.Spaces {
		n += count.Bytes
	}
	return n
}

// compare fails if other has not exactly the same pairs.
func (c *Census) compare(other *Census) error {
	for _, space := range slices.Sorted(maps.Keys(c.Spaces)) {
		a, b := c.Spaces[space], other.Spaces[space]
		if a.Pairs != b.Pairs || a.Bytes != b.Bytes {
			return fmt.Errorf("%d pairs with %d bytes of kind %q have become %d with %d", a.Pairs, a.Bytes, a.Name, b.Pairs, b.Bytes)
		}
		if a.Sum != b.Sum {
			return fmt.Errorf("the checksum of the %d pairs of kind %q has become another", a.Pairs, a.Name)
		}
	}
	if len(other.Spaces) != len(c.Spaces) {
		return fmt.Errorf("%d kinds of pairs have become %d", len(c.Spaces), len(other.Spaces))
	}
	return nil
}

func (c *Census) add(key, value []byte, hash *xxhash.Digest) {
	count := c.Spaces[key[0]]
	if count.Name == "" {
		count.Name = runtime.SpaceName(key)
	}
	hash.Reset()
	_, _ = hash.Write(key)
	// The length keeps the end of the key apart from the beginning of the value.
	var length [4]byte
	_, _ = hash.Write(append(length[:0], byte(len(key)>>24), byte(len(key)>>16), byte(len(key)>>8), byte(len(key))))
	_, _ = hash.Write(value)
	count.Pairs++
	count.Bytes += int64(len(key) + len(value))
	count.Sum += hash.Sum64()
	c.Spaces[key[0]] = count
}

// progressBytes is how much is read between two calls of Options.Progress.
const progressBytes = 1 << 20

// survey reads all pairs of so many shards. It fails for a pair without an owner,
// and for one that is not in the shard of its owner.
func (j *job) survey(ctx context.Context, phase Phase, shards int, total int64,
	scan func(context.Context, storage.ShardID, storage.Range, func(key, value []byte) bool) error,
) (*Census, error) {
	c := &Census{Spaces: make(map[byte]Count), PerShard: make([]int64, shards)}
	hash := xxhash.New()
	var done, told int64
	for id := range storage.ShardID(shards) {
		var bad error
		err := scan(ctx, id, storage.Range{}, func(key, value []byte) bool {
			owner, owned, err := runtime.Owner(key, value)
			switch {
			case err != nil:
				bad = fmt.Errorf("shard %d: %w: find out more with 'perdure admin verify'", id, err)
			case !owned:
				bad = j.clocks.Add(key, value)
			case runtime.ShardOf(owner, storage.Fixed(shards)) != id:
				bad = fmt.Errorf("shard %d: a %s belongs to %v, which is in shard %d: find out more with 'perdure admin verify'",
					id, runtime.SpaceName(key), owner, runtime.ShardOf(owner, storage.Fixed(shards)))
			default:
				c.add(key, value, hash)
				c.PerShard[id]++
			}
			done += int64(len(key) + len(value))
			if done-told >= progressBytes {
				told = done
				j.options.Progress(Progress{Phase: phase, Done: done, Total: total})
			}
			return bad == nil
		})
		if err == nil {
			err = bad
		}
		if err != nil {
			return nil, err
		}
	}
	j.options.Progress(Progress{Phase: phase, Done: done, Total: max(total, done)})
	return c, nil
}
