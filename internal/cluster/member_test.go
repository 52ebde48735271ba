package cluster_test

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/cluster"
)

// inWorld runs a test in virtual time.
func inWorld(t *testing.T, shards int, test func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, shards)
		defer w.close()
		test(t, w)
	})
}

func TestTheFirstNodeTakesAllShardsAndLaterOnesTheirShareStepByStep(t *testing.T) {
	inWorld(t, 64, func(t *testing.T, w *world) {
		a := w.mustStart("a")
		w.until(3*time.Second, w.settled)
		b := w.mustStart("b")
		free := 0
		took := w.until(time.Minute, func() bool {
			one, _ := w.census()
			free = max(free, w.store.Shards()-one)
			return w.settled()
		})
		if free > 8 {
			t.Errorf("at one time %d shards were with nobody", free)
		}
		if n, m := len(a.Shards()), len(b.Shards()); n < 16 || m < 16 {
			t.Errorf("they hold %d and %d shards", n, m)
		}
		t.Logf("a join has taken %v; at most %d of 64 shards were with nobody at a time", took, free)
	})
}

func TestTheShardsOfANodeThatDiesAreServedAgainAsSoonAsItsRowHasRunOut(t *testing.T) {
	inWorld(t, 64, func(t *testing.T, w *world) {
		for i := range 3 {
			w.mustStart(fmt.Sprint(i))
		}
		w.until(time.Minute, w.settled)
		w.nodes[1].kill()
		if took := w.until(time.Minute, w.allServed); took > cluster.DefaultTTL+200*time.Millisecond {
			t.Errorf("it has taken %v", took)
		}
	})
}

func TestANodeHearsOfChangesOfOthersThatAllLookUpAndOfThoseThatMayHaveChangedSomething(t *testing.T) {
	inWorld(t, 4, func(t *testing.T, w *world) {
		var heard, changes atomic.Int64
		listener := func(_ *node, o *cluster.Options) { o.News = func() { heard.Add(1) } }
		if _, err := w.start("listener", listener); err != nil {
			t.Fatal(err)
		}
		speaker, err := w.start("speaker", func(_ *node, o *cluster.Options) { o.Changes = changes.Load })
		if err != nil {
			t.Fatal(err)
		}
		w.until(time.Minute, w.settled)
		hears := func(what string, want bool) {
			t.Helper()
			time.Sleep(5 * time.Second)
			if got := heard.Swap(0) > 0; got != want {
				t.Errorf("%s: the other node has heard of it: %v, want %v", what, got, want)
			}
		}
		time.Sleep(2 * cluster.DefaultInterval)
		heard.Store(0)
		hears("nothing is changed", false)
		changes.Add(1)
		hears("something is changed", true)
		hears("nothing more is changed", false)
		speaker.kill()
		hears("a node dies that may have changed something", true)
	})
}

func TestANodeThatIsCutOffGivesUpItsShardsBeforeOthersTakeThem(t *testing.T) {
	inWorld(t, 64, func(t *testing.T, w *world) {
		for i := range 3 {
			w.mustStart(fmt.Sprint(i))
		}
		w.until(time.Minute, w.settled)
		w.nodes[1].cut.Store(true)
		w.until(5*time.Second, func() bool { return len(w.nodes[1].Shards()) == 0 && !w.nodes[1].member.Sure() })
		w.until(5*time.Second, w.allServed)
		w.nodes[1].cut.Store(false)
		w.until(time.Minute, func() bool { return w.settled() && len(w.nodes[1].Shards()) > 8 })
	})
}

func TestWhenTheStoreComesBackEachNodeGoesOnWithItsShards(t *testing.T) {
	inWorld(t, 64, func(t *testing.T, w *world) {
		for i := range 3 {
			w.mustStart(fmt.Sprint(i))
		}
		w.until(time.Minute, w.settled)
		before := w.holders()
		for _, n := range w.nodes {
			n.cut.Store(true)
		}
		w.until(5*time.Second, func() bool { one, _ := w.census(); return one == 0 })
		time.Sleep(10 * time.Second)
		for _, n := range w.nodes {
			n.cut.Store(false)
		}
		w.until(4*time.Second, w.allServed) // calls that hang end first
		if !slices.Equal(w.holders(), before) {
			t.Errorf("the shards were with\n%v, and are with\n%v", before, w.holders())
		}
	})
}

func TestANodeThatDoesNotComeBackWithTheStoreLosesItsShardsSoon(t *testing.T) {
	inWorld(t, 64, func(t *testing.T, w *world) {
		for i := range 3 {
			w.mustStart(fmt.Sprint(i))
		}
		w.until(time.Minute, w.settled)
		for _, n := range w.nodes {
			n.cut.Store(true)
		}
		time.Sleep(10 * time.Second)
		w.nodes[0].kill()
		for _, n := range w.nodes[1:] {
			n.cut.Store(false)
		}
		w.until(8*time.Second, w.allServed)
	})
}

func TestANodeThatLeavesGivesItsShardsAwayFirst(t *testing.T) {
	inWorld(t, 64, func(t *testing.T, w *world) {
		for i := range 3 {
			w.mustStart(fmt.Sprint(i))
		}
		w.until(time.Minute, w.settled)
		left := make(chan error, 1)
		go func() { left <- w.nodes[0].member.Leave(t.Context()) }()
		w.until(10*time.Second, func() bool { return len(left) > 0 })
		if n := len(w.nodes[0].Shards()); n > 0 {
			t.Errorf("it has left with %d shards", n)
		}
		w.until(2*time.Second, w.allServed)
	})
}

func TestTheLastNodeLeavesAtOnce(t *testing.T) {
	inWorld(t, 8, func(t *testing.T, w *world) {
		a := w.mustStart("a")
		w.until(3*time.Second, w.settled)
		began := time.Now()
		if err := a.member.Leave(t.Context()); err != nil || time.Since(began) > time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

func TestANodeThatIsAskedToDrainHoldsNothingUntilThatIsTakenBack(t *testing.T) {
	inWorld(t, 64, func(t *testing.T, w *world) {
		for i := range 3 {
			w.mustStart(fmt.Sprint(i))
		}
		w.until(time.Minute, w.settled)
		directory, a := w.store.Node("operator"), w.nodes[0]
		if err := directory.Drain(t.Context(), a.member.ID(), true); err != nil {
			t.Fatal(err)
		}
		w.until(10*time.Second, func() bool { return len(a.Shards()) == 0 && w.settled() })
		if err := directory.Drain(t.Context(), a.member.ID(), false); err != nil {
			t.Fatal(err)
		}
		w.until(time.Minute, func() bool { return len(a.Shards()) > 8 && w.settled() })
	})
}

func TestWhenAllNodesDrainShardsStayWhereTheyAre(t *testing.T) {
	inWorld(t, 8, func(t *testing.T, w *world) {
		w.mustStart("a")
		w.mustStart("b")
		w.until(time.Minute, w.settled)
		for _, n := range w.nodes {
			_ = w.store.Node("operator").Drain(t.Context(), n.member.ID(), true)
		}
		for range 100 {
			w.until(time.Minute, w.allServed)
			time.Sleep(100 * time.Millisecond)
		}
	})
}

func TestANodeWithTheAddressOfAnotherIsRefused(t *testing.T) {
	inWorld(t, 4, func(t *testing.T, w *world) {
		w.mustStart("a")
		_, err := w.start("b", func(_ *node, o *cluster.Options) { o.Node.Address = "a:1" })
		if !errors.Is(err, cluster.ErrAddressTaken) {
			t.Errorf("got %v", err)
		}
		if m, _ := w.store.Node("x").Members(t.Context()); len(m.Nodes) != 1 {
			t.Errorf("there are %d nodes", len(m.Nodes))
		}
	})
}

func TestANodeWithTheNameOfAnotherIsRefused(t *testing.T) {
	inWorld(t, 4, func(t *testing.T, w *world) {
		w.mustStart("a")
		if _, err := w.start("a", func(_ *node, o *cluster.Options) { o.Node.Address = "b:1" }); !errors.Is(err, cluster.ErrNameTaken) {
			t.Errorf("got %v", err)
		}
	})
}

func TestANodeThatHasCrashedComesBackUnderItsName(t *testing.T) {
	inWorld(t, 4, func(t *testing.T, w *world) {
		w.mustStart("a").kill()
		w.mustStart("a")
		w.until(5*time.Second, w.settled)
	})
}

func TestANodeWithAClockHoursFromThatOfTheStoreIsRefused(t *testing.T) {
	inWorld(t, 4, func(t *testing.T, w *world) {
		for _, skew := range []time.Duration{-2 * time.Hour, 2 * time.Hour} {
			if _, err := w.start("a", func(n *node, _ *cluster.Options) { n.skew = skew }); !errors.Is(err, cluster.ErrClock) {
				t.Errorf("got %v", err)
			}
		}
		if _, err := w.start("b", func(n *node, _ *cluster.Options) { n.skew = 10 * time.Second }); err != nil {
			t.Error(err)
		}
	})
}

func TestANodeThatWasTakenForDeadForLongSaysSo(t *testing.T) {
	inWorld(t, 4, func(t *testing.T, w *world) {
		a := w.mustStart("a")
		w.mustStart("b")
		w.until(time.Minute, w.settled)
		a.cut.Store(true)
		time.Sleep(5 * time.Minute)
		a.cut.Store(false)
		w.until(5*time.Second, func() bool { return a.failed.Load() != nil })
		if err := *a.failed.Load(); !errors.Is(err, cluster.ErrOusted) {
			t.Errorf("got %v", err)
		}
	})
}

func TestMostShardsStayWhereTheyAreWhenANodeComes(t *testing.T) {
	nodes := func(n int) (list []cluster.Node) {
		for i := range n {
			list = append(list, cluster.Node{ID: cluster.NodeID(fmt.Sprint(i)), Name: fmt.Sprint("node", i)})
		}
		return list
	}
	const shards = 4096
	before, after := cluster.Place(nodes(9), shards), cluster.Place(nodes(10), shards)
	moved, counts := 0, map[cluster.NodeID]int{}
	for i := range before {
		counts[after[i]]++
		if before[i] != after[i] {
			moved++
			if after[i] != "9" {
				t.Errorf("shard %d moves between two nodes that were there", i)
			}
		}
	}
	if moved != counts["9"] {
		t.Errorf("%d moved, the new one has %d", moved, counts["9"])
	}
	for id, n := range counts {
		if n < shards/10*3/4 || n > shards/10*5/4 {
			t.Errorf("node %s has %d of %d", id, n, shards)
		}
	}
}

func TestANodeThatMostOthersCannotReachGivesItsShardsAway(t *testing.T) {
	inWorld(t, 30, func(t *testing.T, w *world) {
		var apart atomic.Bool // "c" is, from then on
		cutOff := func(own string) func(*node, *cluster.Options) {
			return func(_ *node, o *cluster.Options) {
				o.CutOff = func() (ids []cluster.NodeID) {
					if !apart.Load() {
						return nil
					}
					for _, n := range w.nodes {
						if n.name != own && (own == "c" || n.name == "c") {
							ids = append(ids, n.member.ID())
						}
					}
					return ids
				}
			}
		}
		for _, name := range []string{"a", "b", "c"} {
			if _, err := w.start(name, cutOff(name)); err != nil {
				t.Fatal(err)
			}
		}
		w.until(time.Minute, w.settled)
		c := w.nodes[2]
		if len(c.Shards()) == 0 {
			t.Fatal("the node has no shards")
		}
		apart.Store(true)
		w.until(5*time.Second, func() bool { return len(c.Shards()) == 0 && w.allServed() })
		apart.Store(false)
		w.until(time.Minute, func() bool { return len(c.Shards()) > 0 && w.settled() })
	})
}

func TestOfTwoNodesThatDoNotReachEachOtherBothKeepTheirShards(t *testing.T) {
	nodes := []cluster.Node{{ID: "1", Name: "a", CutOff: []cluster.NodeID{"2"}}, {ID: "2", Name: "b", CutOff: []cluster.NodeID{"1"}}}
	held := map[cluster.NodeID]int{}
	for _, id := range cluster.Place(nodes, 64) {
		held[id]++
	}
	if held["1"] == 0 || held["2"] == 0 {
		t.Errorf("the shards are placed so: %v", held)
	}
}
