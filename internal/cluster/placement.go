package cluster

import (
	"hash/fnv"

	"github.com/perdure/perdure/internal/storage"
)

// Place returns the node where each shard belongs: that for which the hash of its name and
// the shard is greatest (rendezvous hashing). All who know of the same nodes come to the
// same result, each node gets about as many shards as any other, and when one joins or
// leaves only the shards that it gets or had belong elsewhere.
//
// Nodes that are draining get none, unless all are: then nothing is better than to leave
// the shards where they are, and Place returns nil. Nor do those that more than half of the
// others cannot reach (isolated).
func Place(nodes []Node, shards int) []NodeID {
	var ids []NodeID
	var seeds []uint64
	apart := isolated(nodes)
	for i := range nodes {
		if !nodes[i].Draining && !apart[nodes[i].ID] {
			h := fnv.New64a()
			_, _ = h.Write([]byte(nodes[i].Name))
			ids, seeds = append(ids, nodes[i].ID), append(seeds, h.Sum64())
		}
	}
	if len(ids) == 0 {
		return nil
	}
	placement := make([]NodeID, shards)
	for shard := range placement {
		best, greatest := 0, uint64(0)
		for i, seed := range seeds {
			if weight := mix(seed + mix(uint64(shard)+1)); weight > greatest {
				best, greatest = i, weight
			}
		}
		placement[shard] = ids[best]
	}
	return placement
}

// isolated are the nodes that more than half of the others cannot reach, though they are in touch with the
// store: whose calls go to them in vain. If no node would be left that takes shards, there are none.
func isolated(nodes []Node) map[NodeID]bool {
	var missed map[NodeID]int // by how many others
	for i := range nodes {
		for _, id := range nodes[i].CutOff {
			if missed == nil {
				missed = make(map[NodeID]int)
			}
			missed[id]++
		}
	}
	if missed == nil {
		return nil
	}
	apart, left := make(map[NodeID]bool), 0
	for i := range nodes {
		if 2*missed[nodes[i].ID] > len(nodes)-1 {
			apart[nodes[i].ID] = true
		} else if !nodes[i].Draining {
			left++
		}
	}
	if left == 0 {
		return nil
	}
	return apart
}

// mix is the finalizer of SplitMix64: each bit of x changes half the bits of the result.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// move is what a node has to do to have the shards that belong to it.
type move struct {
	// acquire are those that nobody has, or somebody who is not alive; and those that this node has
	// according to the directory only, because it has given them up when it was not sure of them: nobody takes
	// them before it has released them, for which it has to hold them.
	acquire []storage.ShardID
	// lost are those that are held here and by another node too, which has them now.
	lost []storage.ShardID
	// release are those that belong to others, by whom they belong to.
	release map[NodeID][]storage.ShardID
	// waiting is how many belong here and are held by others that are alive, or may be.
	waiting int
}

// plan compares where shards are with where they belong. patient: those of nodes that are not alive are left to them. held
// reports which are held here.
func plan(self NodeID, m Membership, placement []NodeID, patient bool, held func(storage.ShardID) bool) (next move) {
	alive := make(map[NodeID]bool, len(m.Nodes))
	for i := range m.Nodes {
		alive[m.Nodes[i].ID] = true
	}
	for i, holder := range m.Holders {
		shard := storage.ShardID(i)
		here := held(shard)
		if here && holder != self {
			next.lost = append(next.lost, shard)
			here = false
		}
		switch {
		case placement == nil:
		case placement[i] == self && here:
		case placement[i] == self && (holder == "" || holder == self || !alive[holder] && !patient):
			next.acquire = append(next.acquire, shard)
		case placement[i] == self:
			next.waiting++
		case holder == self && !here:
			next.acquire = append(next.acquire, shard)
		case here:
			if next.release == nil {
				next.release = make(map[NodeID][]storage.ShardID)
			}
			next.release[placement[i]] = append(next.release[placement[i]], shard)
		}
	}
	return next
}
