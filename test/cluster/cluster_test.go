//go:build linux

// Package cluster runs three nodes on a PostgreSQL and lets go wrong what can: nodes are killed, stopped and
// go on, cut off from each other or from the database, and the database is restarted. All the time
// workflows run, and at the end nothing is lost that was acknowledged, and nothing has
// happened twice that must happen once.
package cluster

import (
	"flag"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"
)

var (
	kills    = flag.Int("kills", 1, "how often to kill a node")
	stops    = flag.Int("stops", 1, "how often to stop a node by SIGSTOP for -pause")
	cuts     = flag.Int("cuts", 1, "how often to cut a node off from the others for -pause")
	pairCuts = flag.Int("pair-cuts", 1, "how often to cut two nodes off from each other for -pause, while the third one reaches both")
	dbCuts   = flag.Int("db-cuts", 1, "how often to cut a node off from the database for -pause")
	restarts = flag.Int("restarts", 1, "how often to restart the database")
	pause    = flag.Duration("pause", 5*time.Second, "how long nodes are stopped or cut off")
	seed     = flag.Uint64("seed", 0, "seed of the order and the moments of faults; 0: a random one, which is printed")
	loops    = flag.Int("loops", 4, "how many workflows run at a time")
	keep     = flag.String("keep", "", "directory for the logs of the nodes, with all their goroutines, if nothing goes on any more")
	perdure  = flag.String("perdure", "", "the binary; by default the test builds it")
)

// fault is something that goes wrong, and is well again when it returns. away is for how long nobody could have answered.
type fault struct {
	name string
	of   *int
	do   func(n *nodes, p *probes, victim int) (away time.Duration)
}

var faults = []fault{
	{"killed", kills, func(n *nodes, p *probes, victim int) (away time.Duration) {
		p.spare(victim)
		n.all[victim].kill()
		n.all[victim].start() // as a supervisor does
		p.well[victim].Store(true)
		return 0
	}},
	{"stopped", stops, func(n *nodes, p *probes, victim int) (away time.Duration) {
		p.spare(victim)
		n.all[victim].signal(syscall.SIGSTOP)
		time.Sleep(*pause)
		n.all[victim].signal(syscall.SIGCONT)
		p.well[victim].Store(true)
		return 0
	}},
	{"cut off from the others", cuts, func(n *nodes, p *probes, victim int) (away time.Duration) {
		p.spare(victim)
		var wires []wire
		for i, other := range n.all {
			if i != victim {
				wires = append(wires, wire{n.all[victim].name, other.name}, wire{other.name, n.all[victim].name})
			}
		}
		n.network.sever(wires...)
		time.Sleep(*pause)
		n.network.mend()
		p.well[victim].Store(true)
		return 0
	}},
	{"cut off from one other", pairCuts, func(n *nodes, _ *probes, victim int) (away time.Duration) {
		one, other := n.all[victim].name, n.all[(victim+1)%len(n.all)].name
		n.network.sever(wire{one, other}, wire{other, one})
		time.Sleep(*pause)
		n.network.mend()
		return 0
	}},
	{"cut off from the database", dbCuts, func(n *nodes, p *probes, victim int) (away time.Duration) {
		p.spare(victim)
		n.network.sever(wire{n.all[victim].name, database})
		time.Sleep(*pause)
		n.network.mend()
		p.well[victim].Store(true)
		return 0
	}},
	{"without the database, which is restarted", restarts, func(n *nodes, _ *probes, victim int) (away time.Duration) {
		signal := syscall.SIGINT
		if victim == 0 {
			signal = syscall.SIGQUIT // a crash
		}
		began := time.Now()
		n.postgres.Stop(signal)
		if err := n.postgres.Start(); err != nil {
			n.t.Fatal(err)
		}
		away = time.Since(began)
		n.t.Logf("the database was away for %v (%v)", away.Round(10*time.Millisecond), signal)
		return away
	}},
}

func TestNodesThatAreKilledStoppedOrCutOffLoseNothing(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	random := rand.New(rand.NewPCG(*seed, 1))
	t.Logf("seed %d", *seed)
	n := startNodes(t, "a", "b", "c")
	c := dial(t, n.all...)
	l := startLoad(t, c, *loops)
	l.stuck = n.dump
	p := startProbes(t, n.all)
	r := startRegisters(t, c, p.clients, *seed)
	l.progress(int64(2 * *loops))
	all := map[string]waits{}
	for _, next := range inSomeOrder(random) {
		p.look()
		victim := random.IntN(len(n.all))
		time.Sleep(time.Duration(random.IntN(1000)) * time.Millisecond)
		before := l.count.Load()
		away := next.do(n, p, victim)
		l.progress(int64(*loops))
		w := p.look().without(away)
		all[next.name] = append(all[next.name], w...)
		t.Logf("node %s %s, %d orders acknowledged meanwhile: %v", n.all[victim].name, next.name, l.count.Load()-before, w)
		if t.Failed() {
			break
		}
	}
	p.end()
	r.end()
	l.end()
	for _, f := range faults {
		if *f.of > 0 {
			t.Logf("%s, %d times: %v", f.name, *f.of, all[f.name])
		}
	}
	fenced := 0
	for _, node := range n.all {
		fenced += node.said("The node has given up its shards")
	}
	if fenced == 0 && *stops+*dbCuts > 0 && *pause > 4*time.Second { // a node that had just come may have had none
		t.Errorf("no node has said that it has given up its shards, and %d were stopped or cut off from the database", *stops+*dbCuts)
	}
	t.Logf("%d orders are complete and whole; %d activities ran at most once", len(l.orders), len(l.book.Charged()))
}

// inSomeOrder are the faults in an order made up.
func inSomeOrder(random *rand.Rand) (all []*fault) {
	for i := range faults {
		for range *faults[i].of {
			all = append(all, &faults[i])
		}
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}
