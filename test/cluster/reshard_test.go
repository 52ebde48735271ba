//go:build linux

package cluster

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"
)

var (
	fewShards   = flag.Int("shards", 4, "with how many shards the store is made that is resharded")
	moreShards  = flag.Int("reshard", 8, "how many shards it gets while nodes are killed")
	splitKills  = flag.Int("split-kills", 1, "how often to kill a node while shards are split")
	reshardTime = flag.Duration("reshard-time", 4*time.Minute, "how long that may take")
)

// clusterState is what `perdure cluster status --output json` prints of shards.
type clusterState struct {
	Shards, ShardsFree, ShardsWanted int
	Nodes                            []struct {
		Name         string
		Shards       int
		ShardsPlaced int
	}
}

// tries runs a command of the binary against the node until it succeeds, and returns what it prints.
func (n *node) tries(args ...string) []byte {
	n.t.Helper()
	args = append(args, "--address", n.address)
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		out, err := exec.Command(n.args[0], args...).Output()
		if err == nil {
			return out
		}
		if time.Since(began) > patience {
			n.t.Fatalf("perdure %v: %v\n%s", args, err, out)
		}
	}
}

func (n *node) status() (state clusterState) {
	n.t.Helper()
	if err := json.Unmarshal(n.tries("cluster", "status", "--output", "json"), &state); err != nil {
		n.t.Fatal(err)
	}
	return state
}

// settled reports whether there are so many shards, each with a node.
func (s *clusterState) settled(shards int) bool {
	held := 0
	for _, n := range s.Nodes {
		held += n.Shards
	}
	return s.Shards == shards && held == shards && s.ShardsWanted == 0
}

func TestShardsAreSplitUnderLoadWhileNodesAreKilledAndNothingIsLost(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	random := rand.New(rand.NewPCG(*seed, 2))
	t.Logf("seed %d", *seed)
	n := startNodesWith(t, []string{"--postgres-shards", strconv.Itoa(*fewShards)}, "a", "b", "c")
	c := dial(t, n.all...)
	l := startLoad(t, c, *loops)
	p := startProbes(t, n.all)
	r := startRegisters(t, c, p.clients, *seed)
	l.progress(int64(2 * *loops))
	if before := n.all[0].status(); before.Shards != *fewShards {
		t.Fatalf("the store was made with %d shards: %+v", *fewShards, before)
	}
	p.look()
	began := time.Now()
	n.all[random.IntN(3)].tries("cluster", "reshard", "--shards", strconv.Itoa(*moreShards), "--yes", "--no-wait")
	var killed waits
	// The kills are spread over the splits: each comes when so many shards are there.
	for i := range *splitKills {
		due := *fewShards + (i+1)*(*moreShards-*fewShards)/(*splitKills+1)
		n.awaitShards(began, func(s clusterState) bool { return s.Shards >= due })
		time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
		calm := p.look()
		t.Logf("with %d shards: %v", due, calm)
		victim := random.IntN(3)
		p.spare(victim)
		n.all[victim].kill()
		n.all[victim].start()
		p.well[victim].Store(true)
		killed = append(killed, p.look()...)
	}
	n.awaitShards(began, func(s clusterState) bool { return s.settled(*moreShards) })
	t.Logf("%d shards became %d in %v, while nodes were killed %d times: calls had to wait %v, and %v when a node was killed",
		*fewShards, *moreShards, time.Since(began).Round(10*time.Millisecond), *splitKills, p.look(), killed)
	before := l.count.Load()
	l.progress(int64(2 * *loops))
	p.end()
	r.end()
	l.end()
	t.Logf("%d orders are complete and whole, %d of them with %d shards", len(l.orders), l.count.Load()-before, *moreShards)
	n.tellPauses()
	n.verify()
}

// awaitShards waits until the state of the cluster is as asked.
func (n *nodes) awaitShards(began time.Time, is func(clusterState) bool) {
	n.t.Helper()
	for {
		state := n.all[0].status()
		if is(state) {
			return
		}
		if time.Since(began) > *reshardTime {
			n.t.Fatalf("after %v there is %+v", *reshardTime, state)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// tellPauses says for how long the shards that were split took no calls, as the nodes have measured it.
func (n *nodes) tellPauses() {
	n.t.Helper()
	var pauses []time.Duration
	for _, node := range n.all {
		text, err := os.ReadFile(node.log)
		if err != nil {
			n.t.Fatal(err)
		}
		for _, line := range pauseOfSplit.FindAllSubmatch(text, -1) {
			if pause, err := time.ParseDuration(string(line[1])); err == nil {
				pauses = append(pauses, pause)
			}
		}
	}
	if len(pauses) == 0 {
		n.t.Error("no node has told of a split")
		return
	}
	slices.Sort(pauses)
	n.t.Logf("%d splits: half of the shards took no calls for %v or less, and none for longer than %v", len(pauses), pauses[len(pauses)/2], pauses[len(pauses)-1])
}

var pauseOfSplit = regexp.MustCompile(`A shard has been split\..*pause=(\S+)`)

// verify stops all nodes in order and has what they leave verified.
func (n *nodes) verify() {
	n.t.Helper()
	for _, node := range n.all {
		node.signal(syscall.SIGTERM)
	}
	for _, node := range n.all {
		_ = node.cmd.Wait()
		node.cmd = nil
	}
	url := fmt.Sprintf("postgres://postgres:secret@127.0.0.1:%d/postgres", n.postgres.Port)
	out, err := exec.Command(n.all[0].args[0], "admin", "verify", "--postgres-url", url).CombinedOutput()
	if err != nil {
		n.t.Errorf("perdure admin verify: %v\n%s", err, out)
	}
	n.t.Logf("%s", out)
}
