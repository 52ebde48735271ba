package storage_test

import (
	"testing"

	"github.com/perdure/perdure/internal/storage"
	"pgregory.net/rapid"
)

func TestAStoreThatWasNeverSplitHasThePlainRemainder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, hash := rapid.IntRange(1, 4096).Draw(t, "shards"), rapid.Uint64().Draw(t, "hash")
		if got := storage.Fixed(n).Shard(hash); got != storage.ShardID(hash%uint64(n)) {
			t.Fatalf("hash %d is in shard %d of %d", hash, got, n)
		}
	})
}

func TestAStoreThatWasDoubledIsAsOneThatWasMadeSo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, k, hash := rapid.IntRange(1, 100).Draw(t, "base"), rapid.IntRange(0, 5).Draw(t, "doublings"), rapid.Uint64().Draw(t, "hash")
		if got, want := storage.NewLayout(base, base<<k).Shard(hash), storage.Fixed(base<<k).Shard(hash); got != want {
			t.Fatalf("hash %d is in shard %d, and not in %d", hash, got, want)
		}
	})
}

func TestAnotherShardTakesFromItsParentAndFromNoOther(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.IntRange(1, 64).Draw(t, "base")
		before := storage.NewLayout(base, rapid.IntRange(base, 512).Draw(t, "shards"))
		after, child := before.Grown(), storage.ShardID(before.Shards())
		parent, ok := before.Parent(child)
		if !ok || after.Shards() != before.Shards()+1 || after.Base() != base {
			t.Fatalf("the parent is %d (%v), and then there are %d shards of %d", parent, ok, after.Shards(), after.Base())
		}
		if before.Root(parent) != before.Root(child) {
			t.Fatalf("shard %d is made of %d, and their roots are %d and %d", child, parent, before.Root(child), before.Root(parent))
		}
		hash := rapid.Uint64().Draw(t, "hash")
		from, to := before.Shard(hash), after.Shard(hash)
		if from != to && (from != parent || to != child) || int(from) >= before.Shards() {
			t.Fatalf("hash %d moves from shard %d to %d, when %d is made of %d", hash, from, to, child, parent)
		}
	})
}

func TestAShardIsHalvedWhenItIsSplit(t *testing.T) {
	before := storage.NewLayout(3, 7)
	moved, all := 0, 0
	for hash := range uint64(12_000) {
		if before.Shard(hash) == 1 {
			all++
			if before.Grown().Shard(hash) == 7 {
				moved++
			}
		}
	}
	if parent, _ := before.Parent(7); parent != 1 || all == 0 || 2*moved != all {
		t.Errorf("of the %d hashes of shard 1, %d are in the one that is made of shard %d", all, moved, parent)
	}
}
