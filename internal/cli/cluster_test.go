package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/cli/output"
)

// threeNodes is a cluster with a node that gets shards, one that is drained, and one that is cut off.
var threeNodes = &admin.DescribeClusterResponse{
	Time: "2026-11-29T12:00:00Z", AnsweredBy: "a", Shards: 64, ShardsFree: 2,
	Nodes: []*admin.ClusterNode{
		{Name: "a", Address: "10.0.0.1:7244", Version: "0.1.0", Started: "2026-11-29T10:00:00Z", Shards: 32, ShardsPlaced: 40, Load: 1.25,
			LeaseAgeMs: 400, LeaseMs: 2300, SkewMs: -7, VisibilityLagMs: 20, CutOff: []string{"c"}, Moves: &admin.ShardMoves{Acquired: 33, Released: 1}},
		{Name: "b", Address: "10.0.0.2:7244", Version: "0.1.0", Started: "2026-11-29T11:59:00Z", Draining: true, LeaseMs: 2000, Moves: &admin.ShardMoves{}},
		{Name: "c", Address: "10.0.0.3:7244", Version: "0.1.0", Started: "2026-11-29T11:59:50Z", Shards: 30, ShardsPlaced: 24, LeaseAgeMs: 2900, Unreachable: "connection refused"},
	},
}

func TestTheStatusOfAClusterHasALineForEachNodeAndOneForWhatIsWrong(t *testing.T) {
	var text bytes.Buffer
	var options output.Options
	options.AddTo(pflag.NewFlagSet("", pflag.ContinueOnError))
	showCluster(options.Printer(&text), threeNodes)
	want := `
  NODE  ADDRESS        VERSION  STATE        SHARDS  LOAD  LEASE  SKEW   LAG  UP
  a     10.0.0.1:7244  0.1.0    moving        32/40  1.25  400ms  -7ms  20ms  2h
  b     10.0.0.2:7244  0.1.0    drained           0  0.00     0s    0s    0s  1m
  c     10.0.0.3:7244  0.1.0    unreachable   30/24  0.00   2.9s              10s

  3 nodes, 64 shards, 2 of them with nobody
  Node a does not reach c.
  Node c does not answer node a: connection refused
`
	if got := "\n" + text.String(); got != want {
		t.Errorf("it shows%s\nwant%s", got, want)
	}
}

func TestTheStatusOfAClusterTellsOfShardsThatAreSplit(t *testing.T) {
	var text bytes.Buffer
	var options output.Options
	options.AddTo(pflag.NewFlagSet("", pflag.ContinueOnError))
	state := &admin.DescribeClusterResponse{Shards: 9, ShardsWanted: 16, Nodes: []*admin.ClusterNode{{Name: "a", LeaseMs: 1, Split: &admin.ShardSplit{Shard: 1, Child: 9, Pairs: 4000}}}}
	showCluster(options.Printer(&text), state)
	for _, want := range []string{"There are to be 16 shards", "Node a makes shard 9 of a part of shard 1; 4000 pairs"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("there is no %q in\n%s", want, text.String())
		}
	}
	if encoded, err := json.Marshal(clusterInfoOf(state)); err != nil || !strings.Contains(string(encoded), `"shardsWanted":16`) || !strings.Contains(string(encoded), `"split":{"shard":1,"child":9,"pairs":4000}`) {
		t.Errorf("in JSON it is %s, %v", encoded, err)
	}
}

func TestTheStatusOfAClusterInJSONHasNumbersAndLeavesOutWhatIsNotKnown(t *testing.T) {
	encoded, err := json.Marshal(clusterInfoOf(threeNodes))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"shardsFree":2`, `"state":"moving"`, `"leaseAgeMillis":400`, `"moves":{"acquired":33,"released":1,"lost":0,"abandoned":0}`,
		`"leaseAgeMillis":2900,"unreachable":"connection refused"}`} {
		if !strings.Contains(string(encoded), want) {
			t.Errorf("there is no %s in %s", want, encoded)
		}
	}
}
