package cluster

import (
	"maps"
	"math"
	"slices"
	"time"

	"github.com/perdure/perdure/internal/storage"
)

// View is what a node knows of the cluster, as of its last renewal.
type View struct {
	Membership
	// Placement is the node where each shard belongs; nil if all nodes are draining.
	Placement []NodeID
	// Skew is how far the clock here is ahead of that of the store, as far as can be told.
	Skew time.Duration

	self NodeID
	// apart are the isolated ones.
	apart map[NodeID]bool
	byID  map[NodeID]*Node
	// held were held here when the directory was asked.
	held map[storage.ShardID]bool
	// seen is when the answer was there, and runsOut when the first of the other nodes is not alive any more unless it
	// renews its row, since the member began; far away if there are none.
	seen, runsOut time.Duration
}

// newView makes a view of what the directory has said. The placement is that of the last
// view, if the nodes are the same.
func newView(self NodeID, m Membership, held []storage.ShardID, seen time.Duration, last *View) *View {
	v := &View{
		Membership: m,
		self:       self,
		apart:      isolated(m.Nodes),
		byID:       make(map[NodeID]*Node, len(m.Nodes)),
		held:       make(map[storage.ShardID]bool, len(held)),
		seen:       seen,
		runsOut:    math.MaxInt64,
	}
	for i := range m.Nodes {
		n := &m.Nodes[i]
		v.byID[n.ID] = n
		if n.ID != self {
			v.runsOut = min(v.runsOut, seen+n.Expires.Sub(m.Now))
		}
	}
	for _, shard := range held {
		v.held[shard] = true
	}
	if last != nil && len(last.Holders) == len(v.Holders) && maps.EqualFunc(v.byID, last.byID, samePlace) {
		v.Placement = last.Placement
	} else {
		v.Placement = Place(m.Nodes, len(m.Holders))
	}
	return v
}

// samePlace reports whether the node gets the same shards as before.
func samePlace(a, b *Node) bool {
	return a.Draining == b.Draining && a.Name == b.Name && slices.Equal(a.CutOff, b.CutOff)
}

// Node returns a node that is alive, or nil.
func (v *View) Node(id NodeID) *Node { return v.byID[id] }

// Holder returns the node that has the shard, or nil if nobody has who is alive.
func (v *View) Holder(shard storage.ShardID) *Node {
	if int(shard) >= len(v.Holders) {
		return nil
	}
	return v.byID[v.Holders[shard]]
}

// Isolated reports whether most of the others cannot reach the node: it has no shards any more, or not for
// long.
func (v *View) Isolated(id NodeID) bool { return v.apart[id] }

// Others are the nodes that are alive but for this one, in the order of their ids.
func (v *View) Others() []*Node {
	var others []*Node
	for i := range v.Nodes {
		if v.Nodes[i].ID != v.self {
			others = append(others, &v.Nodes[i])
		}
	}
	return others
}

// anybodyElse reports whether another node takes shards.
func (v *View) anybodyElse() bool {
	return slices.ContainsFunc(v.Others(), func(n *Node) bool { return !n.Draining })
}

// news reports whether what all nodes look up may have been changed by others since an older view.
func (v *View) news(last *View) bool {
	if !v.same(last) {
		return true
	}
	for _, other := range v.Others() {
		if other.Changes != last.byID[other.ID].Changes {
			return true
		}
	}
	return false
}

// same reports whether the two show the same nodes and holders.
func (v *View) same(other *View) bool {
	return other != nil && slices.Equal(v.Holders, other.Holders) &&
		maps.EqualFunc(v.byID, other.byID, func(a, b *Node) bool { return samePlace(a, b) && a.Address == b.Address })
}

// Stats are what a node knows of the cluster at a moment.
type Stats struct {
	// Nodes are alive. CutOff of them cannot be reached from here.
	Nodes, CutOff int
	// Placed shards belong here, and Free ones are held by nobody who is alive.
	Placed, Free int
	// Lease is for how long the node is sure of its shards, and Skew how far its clock is ahead.
	Lease, Skew time.Duration
	Moves       Moves
	// Forwarded counts calls that were carried out by another node.
	Forwarded uint64
	// Hot queues are at home here, and HandedOut counts what of them has gone to polls at other nodes.
	Hot       int
	HandedOut uint64
}

// Stats looks at the member. What it does not know is zero.
func (m *Member) Stats() Stats {
	v := m.View()
	s := Stats{Nodes: len(v.Nodes), Lease: m.SureFor(), Skew: v.Skew, Moves: m.Moves()}
	for shard := range v.Holders {
		if v.Placement != nil && v.Placement[shard] == v.self {
			s.Placed++
		}
		if v.Holder(storage.ShardID(shard)) == nil {
			s.Free++
		}
	}
	return s
}
