package cluster_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/perdure/perdure/internal/cluster"
)

func (w *world) want(shards, instead int) error {
	return w.store.Node("operator").Want(w.t.Context(), shards, instead)
}

func (w *world) shards() int { return w.store.Shards() }

func TestTheShardsThatAreAskedForAreMadeOneByOneByTheNodesThatHoldTheirParents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 3)
		defer w.close()
		for _, name := range []string{"a", "b", "c"} {
			w.mustStart(name)
		}
		time.Sleep(20 * time.Second)
		if err := w.want(50, 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if n := w.shards(); n != 50 {
			t.Fatalf("there are %d shards, 50 are asked for", n)
		}
		held := 0
		for _, n := range w.nodes {
			here := len(n.Shards())
			held += here
			if n.member.Moves().Split == 0 || here == 0 {
				t.Errorf("node %s has split %d shards and holds %d", n.name, n.member.Moves().Split, here)
			}
		}
		if held != 50 {
			t.Errorf("%d shards are held, of 50", held)
		}
	})
}

func TestAfterTheDeathOfANodeThatSplitsAnotherOneGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 2)
		defer w.close()
		first, second := w.mustStart("a"), w.mustStart("b")
		time.Sleep(10 * time.Second)
		if err := w.want(32, 0); err != nil {
			t.Fatal(err)
		}
		for w.shards() < 10 {
			time.Sleep(100 * time.Millisecond)
		}
		first.kill()
		time.Sleep(2 * time.Minute)
		if n := w.shards(); n != 32 || len(second.Shards()) != 32 {
			t.Errorf("there are %d shards, of which %d are held", n, len(second.Shards()))
		}
	})
}

func TestWhileThereIsANodeOfAnOlderReleaseNoShardIsSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4)
		defer w.close()
		w.mustStart("a")
		older, err := w.start("older", func(_ *node, o *cluster.Options) { o.Node.Splits = false })
		if err != nil {
			t.Fatal(err)
		}
		if err := w.want(8, 0); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := w.shards(); n != 4 {
			t.Fatalf("there are %d shards", n)
		}
		older.kill()
		time.Sleep(time.Minute)
		if n := w.shards(); n != 8 {
			t.Errorf("when it has gone there are %d shards", n)
		}
	})
}

func TestWhatIsAskedForCanBeTakenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 4)
		defer w.close()
		w.mustStart("a")
		w.mustStart("b")
		time.Sleep(10 * time.Second)
		if err := w.want(64, 0); err != nil {
			t.Fatal(err)
		}
		for w.shards() < 7 {
			time.Sleep(100 * time.Millisecond)
		}
		if err := w.want(w.shards(), 64); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		after := w.shards()
		time.Sleep(time.Minute)
		if n := w.shards(); n != after || n >= 64 {
			t.Errorf("there were %d shards, and %d later", after, n)
		}
	})
}

func TestANumberOfShardsThatCannotBeHadIsRefusedWithWhatToDo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 8)
		defer w.close()
		w.mustStart("a")
		directory := w.store.Node("operator")
		for _, c := range []struct {
			name     string
			shards   int
			stop     bool
			argument bool
			words    string // empty: it is not refused
		}{
			{"fewer than there are", 7, false, true, "stop all nodes"},
			{"none", 0, false, true, "only make more"},
			{"less than none", -1, false, true, "only make more"},
			{"more than there may be", cluster.MaxShards + 1, false, true, "4096 shards at most"},
			{"as many as there are", 8, false, false, ""},
			{"more", 4096, false, false, ""},
			{"the same again", 4096, false, false, ""},
			{"another number meanwhile", 64, false, false, "on their way to 4096"},
			{"a stop", 0, true, false, ""},
			{"another number after that", 64, false, false, ""},
		} {
			now, wanted, err := cluster.Reshard(t.Context(), directory, c.shards, c.stop)
			var refused *cluster.ReshardError
			switch {
			case c.words == "" && err != nil:
				t.Errorf("%s: %v", c.name, err)
			case c.words == "":
				if want := max(c.shards, now); wanted != want {
					t.Errorf("%s: %d are wanted, of %d", c.name, wanted, now)
				}
			case !errors.As(err, &refused) || refused.Argument != c.argument || !strings.Contains(err.Error(), c.words):
				t.Errorf("%s: %v", c.name, err)
			}
		}
		older, err := w.start("older", func(_ *node, o *cluster.Options) { o.Node.Splits = false })
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := cluster.Reshard(t.Context(), directory, 64, false); err == nil || !strings.Contains(err.Error(), older.name) {
			t.Errorf("with a node of an older release: %v", err)
		}
	})
}
