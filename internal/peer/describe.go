package peer

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/api/admin"
	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/frontend"
)

var _ frontend.Nodes = (*Node)(nil)

// reportPatience is how long the report of another node is waited for.
const reportPatience = time.Second

// Describe implements frontend.Nodes: what the directory says, and what each node has told
// when it was asked just now.
func (n *Node) Describe(ctx context.Context) (*admin.DescribeClusterResponse, error) {
	m, err := n.options.Directory.Members(ctx)
	if err != nil {
		return nil, err
	}
	placed := make(map[cluster.NodeID]int32)
	for _, id := range cluster.Place(m.Nodes, len(m.Holders)) {
		placed[id]++
	}
	held, free := make(map[cluster.NodeID]int32), int32(len(m.Holders))
	for _, id := range m.Holders {
		held[id]++
	}
	resp := &admin.DescribeClusterResponse{Time: m.Now.UTC().Format(time.RFC3339Nano), AnsweredBy: n.options.Self.Name, Shards: int32(len(m.Holders))}
	if m.Wanted > len(m.Holders) {
		resp.ShardsWanted = int32(m.Wanted)
	}
	names := make(map[string]string, len(m.Nodes))
	var asking sync.WaitGroup
	for i := range m.Nodes {
		node := &m.Nodes[i]
		names[string(node.ID)] = node.Name
		free -= held[node.ID]
		row := &admin.ClusterNode{
			Id: string(node.ID), Name: node.Name, Address: node.Address, Version: node.Version, Format: int32(node.Format),
			Started: node.Started.UTC().Format(time.RFC3339Nano), Draining: node.Draining,
			Shards: held[node.ID], ShardsPlaced: placed[node.ID], Load: node.Load, LeaseAgeMs: m.Now.Sub(node.Seen).Milliseconds(),
		}
		resp.Nodes = append(resp.Nodes, row)
		asking.Go(func() { n.askReport(ctx, node, row) })
	}
	asking.Wait()
	resp.ShardsFree = free
	for _, row := range resp.Nodes {
		for i, id := range row.CutOff {
			row.CutOff[i] = cmp.Or(names[id], id)
		}
	}
	slices.SortFunc(resp.Nodes, func(a, b *admin.ClusterNode) int { return cmp.Compare(a.Name, b.Name) })
	return resp, nil
}

// askReport has a node tell of itself, and notes it in its row.
func (n *Node) askReport(ctx context.Context, node *cluster.Node, row *admin.ClusterNode) {
	ctx, cancel := context.WithTimeout(ctx, reportPatience)
	defer cancel()
	var report *Report
	var err error
	if node.ID == n.options.Self.ID {
		report, err = n.report(ctx, nil)
	} else {
		var l *link
		if l, err = n.links.to(node); err == nil {
			report = new(Report)
			err = l.call(ctx, methodReport, new(Nothing), report)
		}
	}
	if err != nil {
		row.Unreachable = cmp.Or(status.Convert(err).Message(), err.Error())
		return
	}
	row.LeaseMs = time.Duration(report.GetSureNs()).Milliseconds()
	row.SkewMs = time.Duration(report.GetSkewNs()).Milliseconds()
	row.VisibilityLagMs = time.Duration(report.GetVisibilityLagNs()).Milliseconds()
	row.CutOff = report.GetCutOff()
	if s := report.GetSplit(); s != nil {
		row.Split = &admin.ShardSplit{Shard: s.GetShard(), Child: s.GetChild(), Pairs: s.GetPairs()}
	}
	row.Moves = &admin.ShardMoves{Acquired: report.GetAcquired(), Released: report.GetReleased(), Lost: report.GetLost(), Abandoned: report.GetAbandoned()}
}

// report tells another node, or this one, of this node.
func (n *Node) report(context.Context, *Nothing) (*Report, error) {
	moves := n.member.Moves()
	report := &Report{
		SkewNs: int64(n.member.View().Skew), SureNs: int64(n.member.SureFor()),
		Acquired: moves.Acquired, Released: moves.Released, Lost: moves.Lost, Abandoned: moves.Abandoned,
	}
	if s := n.runtime.Splitting(); s != nil {
		report.Split = &ShardSplit{Shard: int32(s.Parent), Child: int32(s.Child), Pairs: s.Pairs}
	}
	for _, id := range n.following.cutOff() {
		report.CutOff = append(report.CutOff, string(id))
	}
	if n.options.VisibilityLag != nil {
		report.VisibilityLagNs = int64(n.options.VisibilityLag())
	}
	return report, nil
}

// Drain implements frontend.Nodes.
func (n *Node) Drain(ctx context.Context, node string, drain bool) error {
	m, err := n.options.Directory.Members(ctx)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(m.Nodes, func(other cluster.Node) bool { return other.Name == node || string(other.ID) == node })
	if at < 0 {
		return cluster.ErrNoNode
	}
	if err := n.options.Directory.Drain(ctx, m.Nodes[at].ID, drain); err != nil {
		return err
	}
	n.member.Nudge()
	n.handed(m.Nodes[at]) // so that it looks at once
	return nil
}

// Reshard implements frontend.Nodes.
func (n *Node) Reshard(ctx context.Context, shards int, stop bool) (now, wanted int, err error) {
	now, wanted, err = cluster.Reshard(ctx, n.options.Directory, shards, stop)
	n.member.Nudge()
	return now, wanted, err
}

// Stats are what this node knows of the cluster, for metrics.
func (n *Node) Stats() cluster.Stats {
	s := n.member.Stats()
	s.CutOff, s.Forwarded = len(n.following.cutOff()), n.forwarded.Load()
	s.Hot, s.HandedOut = len(n.heats.all()), n.handedOut.Load()
	return s
}
