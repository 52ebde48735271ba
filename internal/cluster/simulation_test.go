package cluster_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// A hundred nodes and ten thousand shards, or some: nodes come, die, leave, and are cut off, one
// after the other. All the time no shard is served by two, and after each all are served
// again within five seconds.
func TestNodesComeAndGoAndAllShardsAreServedByOne(t *testing.T) {
	nodes, shards, events := 100, 10_000, 12
	if os.Getenv("PERDURE_LARGE_CLUSTER") == "" { // make cluster-simulation
		nodes, shards, events = 12, 480, 8
	}
	inWorld(t, shards, func(t *testing.T, w *world) {
		random := rand.New(rand.NewPCG(1, 2))
		for i := range nodes {
			w.mustStart(fmt.Sprint("node", i))
		}
		t.Logf("%d nodes have %d shards where they belong after %v", nodes, shards, w.until(5*time.Minute, w.settled))
		calls, began := w.calls.Load(), time.Now()
		time.Sleep(10 * time.Second)
		t.Logf("at rest each node asks the directory %.2f times a second", float64(w.calls.Load()-calls)/time.Since(began).Seconds()/float64(nodes))

		alive := func() *node {
			for {
				if n := w.nodes[random.IntN(len(w.nodes))]; !n.gone.Load() && !n.cut.Load() {
					return n
				}
			}
		}
		for event := range events {
			what := ""
			var cut *node
			switch event % 4 {
			case 0:
				what = "a node dies"
				alive().kill()
			case 1:
				what = "a node comes"
				w.mustStart(fmt.Sprint("late", event))
			case 2:
				what = "a node leaves"
				n := alive()
				n.gone.Store(false)
				go func() {
					_ = n.member.Leave(t.Context())
					_ = n.member.Close(t.Context())
					n.gone.Store(true)
				}()
			case 3:
				what = "a node is cut off"
				cut = alive()
				cut.cut.Store(true)
				w.until(5*time.Second, func() bool { return !cut.member.Sure() })
			}
			served := w.until(5*time.Second, w.allServed)
			if cut != nil {
				cut.cut.Store(false)
			}
			t.Logf("%s: all shards are served after %v, and where they belong after %v more", what, served, w.until(5*time.Minute, w.settled))
		}
	})
}
