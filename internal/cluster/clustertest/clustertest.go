// Package clustertest is the suite that every implementation of cluster.Directory must
// pass. Where its tests and the comments of package cluster seem to differ, one of them
// has a bug.
package clustertest

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/storage"
)

// Handle is the store as one node has it.
type Handle interface {
	storage.Store
	storage.Releaser
	cluster.Directory
}

// Harness is an empty store with at least two shards that nodes share.
type Harness struct {
	// Open opens the store for a node. The suite closes it.
	Open func(t *testing.T, id cluster.NodeID) Handle
	// Pass lets time pass by the clock of the store. nil: time.Sleep.
	Pass func(time.Duration)
}

// ttl is how long nodes are alive in the suite; long enough for a store under load.
const ttl = 2 * time.Second

// Run runs the suite, with a new Harness for each test.
func Run(t *testing.T, open func(t *testing.T) Harness) {
	for name, test := range map[string]func(*fixture){
		"ANodeThatRenewsIsAliveUntilItsTTLIsOver":                    renewing,
		"WhatANodeTellsIsWhatOthersAreTold":                          telling,
		"AllAreToldHowManyShardsAreWanted":                           wanting,
		"AllSeeAShardThatOneOfThemHasMade":                           growing,
		"OfTwoNodesThatAreAliveOneMayHaveAName":                      names,
		"TheNameOfANodeThatHasRunOutIsFree":                          nameOfTheDead,
		"TheLastToAcquireAShardIsItsHolder":                          holding,
		"AShardThatIsReleasedHasNoHolder":                            releasing,
		"AReleaseUnderALeaseThatWasReplacedChangesNothing":           lateRelease,
		"NothingCanBeWrittenUnderALeaseThatWasReplacedAfterARelease": fencing,
		"WhoLeavesIsNotThereAndHoldsNothing":                         leaving,
		"WhoHoldsAShardNeedNotBeAlive":                               dead,
		"ANodeThatIsAskedToDrainDrainsWhateverItRenews":              draining,
		"ANodeThatIsNotThereCanNotBeAskedToDrain":                    drainingNobody,
		"TheClockIsThatOfTheStore":                                   clock,
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			if h.Pass == nil {
				h.Pass = time.Sleep
			}
			test(&fixture{T: t, h: h})
		})
	}
}

type fixture struct {
	*testing.T
	h Harness
}

func (f *fixture) open(id cluster.NodeID) Handle {
	f.Helper()
	h := f.h.Open(f.T, id)
	f.Cleanup(func() { _ = h.Close() })
	return h
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

func (f *fixture) renew(h Handle, node cluster.Node) cluster.Membership {
	f.Helper()
	m, err := h.Renew(f.Context(), node, ttl)
	f.must(err)
	return m
}

func (f *fixture) members(h Handle) cluster.Membership {
	f.Helper()
	m, err := h.Members(f.Context())
	f.must(err)
	return m
}

// alive fails the test unless these nodes are alive.
func (f *fixture) alive(m cluster.Membership, ids ...cluster.NodeID) {
	f.Helper()
	var got []cluster.NodeID
	for _, n := range m.Nodes {
		got = append(got, n.ID)
	}
	if len(got) != len(ids) {
		f.Fatalf("alive are %v, want %v", got, ids)
	}
	for i := range got {
		if got[i] != ids[i] {
			f.Fatalf("alive are %v, want %v", got, ids)
		}
	}
}

// holder fails the test unless the shard has this holder.
func (f *fixture) holder(h Handle, shard storage.ShardID, want cluster.NodeID) {
	f.Helper()
	m := f.members(h)
	if len(m.Holders) != h.Shards() {
		f.Fatalf("%d holders of %d shards", len(m.Holders), h.Shards())
	}
	if got := m.Holders[shard]; got != want {
		f.Errorf("shard %d is held by %q, want %q", shard, got, want)
	}
}

func (f *fixture) acquire(h Handle, shard storage.ShardID) storage.Lease {
	f.Helper()
	lease, err := h.Acquire(f.Context(), shard)
	f.must(err)
	return lease
}

func commit(h Handle, lease storage.Lease) error {
	batch := &storage.Batch{}
	batch.Set([]byte("k"), []byte("v"))
	done := make(chan error, 1)
	h.Commit(lease, batch, storage.Synced, func(err error) { done <- err })
	return <-done
}

func named(id cluster.NodeID) cluster.Node {
	return cluster.Node{ID: id, Name: "name of " + string(id), Address: string(id) + ":1"}
}

func renewing(f *fixture) {
	a, b := f.open("a"), f.open("b")
	f.alive(f.members(a))
	f.alive(f.renew(a, named("a")), "a")
	f.alive(f.renew(b, named("b")), "a", "b")
	for range 3 {
		f.h.Pass(ttl * 3 / 4)
		f.renew(b, named("b"))
	}
	f.alive(f.members(a), "b")
	f.alive(f.renew(a, named("a")), "a", "b") // it has run out, and is back
}

func telling(f *fixture) {
	a, b := f.open("a"), f.open("b")
	node := cluster.Node{ID: "a", Name: "n", Address: "h:1", Version: "v1", Format: 7, Shards: 3, Load: 0.25, CutOff: []cluster.NodeID{"b", "c"}, Changes: 1 << 40, Splits: true}
	first := f.renew(a, node).Nodes[0]
	f.h.Pass(10 * time.Millisecond)
	node.Shards, node.Changes = 4, node.Changes+1
	own := f.renew(a, node).Nodes[0]
	got := f.members(b).Nodes[0]
	if !reflect.DeepEqual(own, got) {
		f.Errorf("it is told to be %+v when it renews, and others are told %+v", own, got)
	}
	if !got.Seen.After(first.Seen) || !got.Started.Equal(first.Started) || got.Started.IsZero() {
		f.Errorf("started %v and seen %v, at first %v and %v", got.Started, got.Seen, first.Started, first.Seen)
	}
	if got.Expires.Sub(got.Seen).Round(ttl/4) != ttl {
		f.Errorf("seen %v, it is alive until %v", got.Seen, got.Expires)
	}
	got.Started, got.Seen, got.Expires = time.Time{}, time.Time{}, time.Time{}
	if !reflect.DeepEqual(got, node) {
		f.Errorf("it says %+v, and is told to be %+v", node, got)
	}
}

func names(f *fixture) {
	a, b := f.open("a"), f.open("b")
	f.renew(a, named("a"))
	other := named("b")
	other.Name = named("a").Name
	if _, err := b.Renew(f.Context(), other, ttl); !errors.Is(err, cluster.ErrNameTaken) {
		f.Errorf("got %v, want ErrNameTaken", err)
	}
	f.alive(f.members(a), "a")
}

func nameOfTheDead(f *fixture) {
	a, b := f.open("a"), f.open("b")
	f.renew(a, named("a"))
	f.h.Pass(ttl + ttl/4)
	other := named("b")
	other.Name = named("a").Name
	f.alive(f.renew(b, other), "b")
}

func holding(f *fixture) {
	a, b := f.open("a"), f.open("b")
	f.holder(a, 0, "")
	f.acquire(a, 0)
	f.acquire(b, 1)
	f.holder(b, 0, "a")
	f.acquire(b, 0)
	f.holder(a, 0, "b")
	f.holder(a, 1, "b")
}

func releasing(f *fixture) {
	a, b := f.open("a"), f.open("b")
	lease := f.acquire(a, 0)
	f.must(commit(a, lease))
	f.must(a.Release(f.Context(), lease))
	f.holder(b, 0, "")
}

func lateRelease(f *fixture) {
	a, b := f.open("a"), f.open("b")
	old := f.acquire(a, 0)
	lease := f.acquire(b, 0)
	f.must(a.Release(f.Context(), old))
	f.holder(a, 0, "b")
	f.must(commit(b, lease))
}

func fencing(f *fixture) {
	a, b := f.open("a"), f.open("b")
	old := f.acquire(a, 0)
	f.must(a.Release(f.Context(), old))
	lease := f.acquire(b, 0)
	if lease.Epoch <= old.Epoch {
		f.Errorf("epoch %d after %d", lease.Epoch, old.Epoch)
	}
	if err := commit(a, old); !errors.Is(err, storage.ErrFenced) {
		f.Errorf("got %v, want ErrFenced", err)
	}
	f.must(commit(b, lease))
}

func leaving(f *fixture) {
	a, b := f.open("a"), f.open("b")
	f.renew(a, named("a"))
	f.renew(b, named("b"))
	f.acquire(a, 0)
	f.acquire(b, 1)
	f.must(a.Leave(f.Context(), "a"))
	f.alive(f.members(b), "b")
	f.holder(b, 0, "")
	f.holder(b, 1, "b")
	f.must(a.Leave(f.Context(), "a")) // again
}

func dead(f *fixture) {
	a, b := f.open("a"), f.open("b")
	f.renew(a, named("a"))
	f.acquire(a, 0)
	f.h.Pass(ttl + ttl/4)
	f.alive(f.renew(b, named("b")), "b")
	f.holder(b, 0, "a")
}

func draining(f *fixture) {
	a, b := f.open("a"), f.open("b")
	f.renew(a, named("a"))
	f.must(b.Drain(f.Context(), "a", true))
	if m := f.renew(a, named("a")); !m.Nodes[0].Draining {
		f.Error("it does not drain")
	}
	f.must(b.Drain(f.Context(), "a", false))
	if m := f.renew(a, named("a")); m.Nodes[0].Draining {
		f.Error("it drains though that was taken back")
	}
	own := named("a")
	own.Draining = true
	if m := f.renew(a, own); !m.Nodes[0].Draining {
		f.Error("it does not drain though it says so itself")
	}
}

func drainingNobody(f *fixture) {
	a := f.open("a")
	if err := a.Drain(f.Context(), "nobody", true); !errors.Is(err, cluster.ErrNoNode) {
		f.Errorf("got %v, want ErrNoNode", err)
	}
}

func clock(f *fixture) {
	a := f.open("a")
	first := f.members(a).Now
	f.h.Pass(20 * time.Millisecond)
	if second := f.members(a).Now; !second.After(first) {
		f.Errorf("it is %v, and was %v before", second, first)
	}
}

func wanting(f *fixture) {
	a, b := f.open("a"), f.open("b")
	if m := f.renew(a, named("a")); m.Wanted != 0 {
		f.Fatalf("at first %d are wanted", m.Wanted)
	}
	f.must(b.Want(f.Context(), 9, 0))
	f.must(a.Want(f.Context(), 9, 3)) // it is so already
	if m, told := f.members(b), f.renew(a, named("a")); m.Wanted != 9 || told.Wanted != 9 {
		f.Errorf("%d and %d are wanted, 9 were asked for", m.Wanted, told.Wanted)
	}
	if err := a.Want(f.Context(), 12, 0); !errors.Is(err, cluster.ErrWanted) {
		f.Errorf("another number in place of none: %v, want ErrWanted", err)
	}
	f.must(a.Want(f.Context(), 12, 9))
	if m := f.members(b); m.Wanted != 12 {
		f.Errorf("%d are wanted", m.Wanted)
	}
}

func growing(f *fixture) {
	a, b := f.open("a"), f.open("b")
	before := f.renew(b, named("b"))
	layout := a.Layout()
	parent, _ := layout.Parent(storage.ShardID(layout.Shards()))
	split, err := a.(storage.Splitter).BeginSplit(f.Context(), f.acquire(a, parent), func(_, _ []byte) bool { return false })
	f.must(err)
	f.must(split.Copy(f.Context(), nil))
	f.must(split.Finish(f.Context()))
	if m := f.renew(b, named("b")); len(m.Holders) != len(before.Holders)+1 || m.Holders[len(before.Holders)] != "a" || b.Layout() != a.Layout() {
		f.Errorf("there were the holders %v, and there are %v; one knows %v and the other %v", before.Holders, m.Holders, a.Layout(), b.Layout())
	}
	f.acquire(b, parent)
	f.acquire(b, storage.ShardID(layout.Shards()))
	if m := f.members(a); m.Holders[parent] != "b" || m.Holders[len(before.Holders)] != "b" {
		f.Errorf("they are acquired by b, and the holders are %v", m.Holders)
	}
}
