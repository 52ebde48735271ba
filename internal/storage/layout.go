package storage

// Layout says where things are that are found by a hash: how many shards there are, and how many there were when the
// store was made. It grows by one shard at a time, which is made of a part of one other, its parent, and nothing else
// moves (linear hashing).
//
// With base·2^k ≤ n < base·2^(k+1) shards, a hash belongs to its remainder by base·2^(k+1) if that is less than n, and
// else to its remainder by base·2^k. A store that was never split has the plain remainder.
//
// The number of shards is the version of the layout: it never gets smaller while the store is in use, and with it
// and the base all else is known.
type Layout struct{ base, shards, low, high uint32 }

// NewLayout is the layout of a store that was made with base shards and has so many now, base at least.
func NewLayout(base, shards int) Layout {
	l := Layout{base: uint32(max(1, base))}
	l.shards = max(l.base, uint32(max(0, shards)))
	l.low = l.base
	for l.low*2 <= l.shards {
		l.low *= 2
	}
	if l.high = l.low * 2; l.low == l.shards {
		l.high = l.low // one division is enough
	}
	return l
}

// Fixed is the layout of a store whose shards are as many as when it was made.
func Fixed(shards int) Layout { return NewLayout(shards, shards) }

// Shards is how many there are.
func (l Layout) Shards() int { return int(l.shards) }

// Base is how many there were when the store was made.
func (l Layout) Base() int { return int(l.base) }

// Plain reports whether things are where they are in a store that was made with as many shards.
func (l Layout) Plain() bool { return l.low == l.shards }

// Shard is where a hash belongs.
func (l Layout) Shard(hash uint64) ShardID {
	if shard := hash % uint64(l.high); shard < uint64(l.shards) {
		return ShardID(shard)
	}
	return ShardID(hash % uint64(l.low))
}

// Grown is the layout with one shard more: the number of that shard is l.Shards().
func (l Layout) Grown() Layout { return NewLayout(int(l.base), int(l.shards)+1) }

// Parent is the shard of which a shard was made, or will be; ok is false for those that the store was made with.
func (l Layout) Parent(shard ShardID) (parent ShardID, ok bool) {
	if uint32(shard) < l.base {
		return 0, false
	}
	step := l.base
	for step*2 <= uint32(shard) {
		step *= 2
	}
	return shard - ShardID(step), true
}

// Root is the shard of those that the store was made with of which a shard was made, by way of others.
func (l Layout) Root(shard ShardID) ShardID { return shard % ShardID(l.base) }
