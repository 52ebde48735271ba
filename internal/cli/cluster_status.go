package cli

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
)

// clusterInfo is what `perdure cluster status --output json` prints.
type clusterInfo struct {
	Time       string `json:"time"`
	AnsweredBy string `json:"answeredBy"`
	Shards     int32  `json:"shards"`
	ShardsFree int32  `json:"shardsFree"`
	// ShardsWanted is left out if no shards are being split.
	ShardsWanted int32      `json:"shardsWanted,omitempty"`
	Nodes        []nodeInfo `json:"nodes"`
}

// nodeInfo is one node of it. What a node that is unreachable has not told is left out.
type nodeInfo struct {
	Name                string     `json:"name"`
	ID                  string     `json:"id"`
	Address             string     `json:"address"`
	Version             string     `json:"version"`
	Format              int32      `json:"format"`
	State               string     `json:"state"`
	Started             string     `json:"started"`
	Shards              int32      `json:"shards"`
	ShardsPlaced        int32      `json:"shardsPlaced"`
	Load                float64    `json:"load"`
	LeaseAgeMillis      int64      `json:"leaseAgeMillis"`
	Unreachable         string     `json:"unreachable,omitempty"`
	LeaseMillis         int64      `json:"leaseMillis,omitempty"`
	SkewMillis          int64      `json:"skewMillis,omitempty"`
	VisibilityLagMillis int64      `json:"visibilityLagMillis,omitempty"`
	CutOff              []string   `json:"cutOff,omitempty"`
	Moves               *moveInfo  `json:"moves,omitempty"`
	Split               *splitInfo `json:"split,omitempty"`
}

// moveInfo is what a node has done to shards.
type moveInfo struct {
	Acquired  int64 `json:"acquired"`
	Released  int64 `json:"released"`
	Lost      int64 `json:"lost"`
	Abandoned int64 `json:"abandoned"`
}

// splitInfo is how far a split is that is under way.
type splitInfo struct {
	Shard int32 `json:"shard"`
	Child int32 `json:"child"`
	Pairs int64 `json:"pairs"`
}

// stateOf says in a word how a node is.
func stateOf(n *admin.ClusterNode) string {
	switch {
	case n.GetUnreachable() != "":
		return "unreachable"
	case n.GetLeaseMs() == 0:
		return "unsure" // it cannot renew its row, and answers nothing
	case n.GetDraining() && n.GetShards() == 0:
		return "drained"
	case n.GetDraining():
		return "draining"
	case n.GetShards() != n.GetShardsPlaced():
		return "moving"
	}
	return "ready"
}

func newClusterStatusCommand(g *command.Group) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the nodes and what they hold",
		Long: `Show the nodes of a cluster and what they hold.

STATE is ready; moving (it has shards to take or to give away), draining, drained; unsure (it could not
renew its row in time, and answers nothing until it can), or unreachable (the node that answers this
command does not reach it). SHARDS are how many it holds, and after a stroke how many belong to it, if
that is another number. LOAD is how many processors it keeps busy. LEASE is how long ago it has renewed its row; at three
seconds the others take its shards. SKEW is how far its clock is ahead of that of the database, LAG how old the oldest
change is that lists of workflows do not show yet.`,
		Example: `  perdure cluster status
  perdure cluster status --output json`,
		Args: command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			client, err := adminOf(s)
			if err != nil {
				return err
			}
			state, err := client.DescribeCluster(ctx, &admin.DescribeClusterRequest{})
			if err != nil {
				return err
			}
			if s.Out.JSON() {
				return s.Out.Value(clusterInfoOf(state))
			}
			showCluster(s.Out, state)
			return nil
		}),
	}
}

// showCluster prints the nodes as a table.
func showCluster(out *output.Printer, state *admin.DescribeClusterResponse) {
	table := out.Table(output.Col("NODE"), output.Col("ADDRESS"), output.Col("VERSION"), output.Col("STATE"), output.Number("SHARDS"),
		output.Number("LOAD"), output.Number("LEASE"), output.Number("SKEW"), output.Number("LAG"), output.Col("UP"))
	now, _ := time.Parse(time.RFC3339Nano, state.GetTime())
	var rows [][]any
	for _, n := range state.GetNodes() {
		shards := fmt.Sprint(n.GetShards())
		if n.GetShards() != n.GetShardsPlaced() {
			shards += fmt.Sprintf("/%d", n.GetShardsPlaced())
		}
		skew, lag := "", ""
		if n.GetUnreachable() == "" {
			skew, lag = millis(n.GetSkewMs()), millis(n.GetVisibilityLagMs())
		}
		started, _ := time.Parse(time.RFC3339Nano, n.GetStarted())
		rows = append(rows, []any{n.GetName(), n.GetAddress(), n.GetVersion(), stateOf(n), shards,
			fmt.Sprintf("%.2f", n.GetLoad()), millis(n.GetLeaseAgeMs()), skew, lag, output.Duration(now.Sub(started).Truncate(time.Second))})
	}
	table.Rows(rows...)
	free := ""
	if state.GetShardsFree() > 0 {
		free = fmt.Sprintf(", %d of them with nobody", state.GetShardsFree())
	}
	out.Printf("\n  %s, %s%s", plural(len(state.GetNodes()), "node", "nodes"), plural(int(state.GetShards()), "shard", "shards"), free)
	if state.GetShardsWanted() > 0 {
		out.Printf("  There are to be %d shards: they are split one after the other.", state.GetShardsWanted())
	}
	for _, n := range state.GetNodes() {
		if s := n.GetSplit(); s != nil {
			out.Printf("  Node %s makes shard %d of a part of shard %d; %d pairs have been copied or passed over.", n.GetName(), s.GetChild(), s.GetShard(), s.GetPairs())
		}
		if n.GetUnreachable() != "" {
			out.Printf("  Node %s does not answer node %s: %s", n.GetName(), state.GetAnsweredBy(), n.GetUnreachable())
		}
		if len(n.GetCutOff()) > 0 {
			out.Printf("  Node %s does not reach %s.", n.GetName(), strings.Join(n.GetCutOff(), ", "))
		}
	}
}

// millis is a short time as people read it.
func millis(ms int64) string { return (time.Duration(ms) * time.Millisecond).String() }

func clusterInfoOf(state *admin.DescribeClusterResponse) clusterInfo {
	info := clusterInfo{Time: state.GetTime(), AnsweredBy: state.GetAnsweredBy(), Shards: state.GetShards(), ShardsFree: state.GetShardsFree(), ShardsWanted: state.GetShardsWanted(), Nodes: []nodeInfo{}}
	for _, n := range state.GetNodes() {
		node := nodeInfo{
			Name: n.GetName(), ID: n.GetId(), Address: n.GetAddress(), Version: n.GetVersion(), Format: n.GetFormat(), State: stateOf(n), Started: n.GetStarted(),
			Shards: n.GetShards(), ShardsPlaced: n.GetShardsPlaced(), Load: n.GetLoad(), LeaseAgeMillis: n.GetLeaseAgeMs(),
			Unreachable: n.GetUnreachable(), LeaseMillis: n.GetLeaseMs(), SkewMillis: n.GetSkewMs(), VisibilityLagMillis: n.GetVisibilityLagMs(), CutOff: n.GetCutOff(),
		}
		if m := n.GetMoves(); m != nil {
			node.Moves = &moveInfo{m.GetAcquired(), m.GetReleased(), m.GetLost(), m.GetAbandoned()}
		}
		if s := n.GetSplit(); s != nil {
			node.Split = &splitInfo{s.GetShard(), s.GetChild(), s.GetPairs()}
		}
		info.Nodes = append(info.Nodes, node)
	}
	return info
}
