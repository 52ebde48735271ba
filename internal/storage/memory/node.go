package memory

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/storage"
)

// deadFor is how long the row of a node is kept after it has run out.
const deadFor = time.Minute

// nodes are the rows of the nodes that share a store. Its clock is that of the process.
type nodes struct {
	mu   sync.Mutex
	rows map[cluster.NodeID]*row
	// holders are the nodes that have acquired the shards last, by shard, up to the last that anybody has.
	holders []cluster.NodeID
	// gone are the nodes whose rows were removed because they had run out.
	gone map[cluster.NodeID]struct{}
	// wanted is how many shards there are to be.
	wanted int
	// ahead is how far the clock of the store is ahead of that of the process.
	ahead time.Duration
}

func (s *nodes) now() time.Time { return time.Now().Add(s.ahead) }

type row struct {
	node  cluster.Node
	until time.Time
	drain bool
}

// Node is a store as one of several nodes in a process has it, and the directory of
// them all.
type Node struct {
	*Store
	id cluster.NodeID
}

var (
	_ storage.Store     = (*Node)(nil)
	_ storage.Releaser  = (*Node)(nil)
	_ storage.Splitter  = (*Node)(nil)
	_ cluster.Directory = (*Node)(nil)
)

// Node returns the store as the node with the id has it.
func (s *Store) Node(id cluster.NodeID) *Node { return &Node{s, id} }

// Acquire implements storage.Store.
func (n *Node) Acquire(ctx context.Context, id storage.ShardID) (storage.Lease, error) {
	s := &n.Store.nodes
	s.mu.Lock()
	defer s.mu.Unlock()
	lease, err := n.Store.Acquire(ctx, id)
	if err != nil {
		return lease, err
	}
	s.hold(id, n.id)
	return lease, nil
}

// hold notes who has acquired a shard. The lock is held.
func (s *nodes) hold(id storage.ShardID, node cluster.NodeID) {
	for int(id) >= len(s.holders) {
		s.holders = append(s.holders, "")
	}
	s.holders[id] = node
}

// BeginSplit implements storage.Splitter.
func (n *Node) BeginSplit(ctx context.Context, lease storage.Lease, moves func(key, value []byte) bool) (storage.Split, error) {
	sp := &nodeSplit{split{store: n.Store, lease: lease, child: new(shard), moves: moves}, n}
	sp.finished = func(child storage.ShardID) { n.Store.nodes.hold(child, n.id) }
	return sp, sp.begin(ctx)
}

// nodeSplit is a split that notes who holds the new shard.
type nodeSplit struct {
	split
	node *Node
}

// Finish implements storage.Split.
func (sp *nodeSplit) Finish(ctx context.Context, common ...[]byte) error {
	s := &sp.node.Store.nodes
	s.mu.Lock() // before that of the shard, as in Release
	defer s.mu.Unlock()
	return sp.split.Finish(ctx, common...)
}

// Release implements storage.Releaser.
func (n *Node) Release(ctx context.Context, lease storage.Lease) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	sh, err := n.shard(lease.Shard)
	if err != nil {
		return err
	}
	s := &n.Store.nodes
	s.mu.Lock()
	defer s.mu.Unlock()
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if lease.Epoch == sh.epoch && int(lease.Shard) < len(s.holders) {
		s.holders[lease.Shard] = ""
	}
	return nil
}

// SetClock sets how far the clock of the store is ahead of that of the process.
func (s *Store) SetClock(ahead time.Duration) {
	s.nodes.mu.Lock()
	defer s.nodes.mu.Unlock()
	s.nodes.ahead = ahead
}

// Close leaves the store to the other nodes.
func (n *Node) Close() error { return nil }

// Renew implements cluster.Directory.
func (n *Node) Renew(ctx context.Context, node cluster.Node, ttl time.Duration) (cluster.Membership, error) {
	if err := ctx.Err(); err != nil {
		return cluster.Membership{}, err
	}
	s := &n.Store.nodes
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	for id, r := range s.rows {
		if now.Sub(r.until) >= deadFor {
			s.remove(id)
			if s.gone == nil {
				s.gone = make(map[cluster.NodeID]struct{})
			}
			s.gone[id] = struct{}{}
		}
	}
	if _, gone := s.gone[node.ID]; gone {
		return cluster.Membership{}, cluster.ErrOusted
	}
	for id, r := range s.rows {
		if id != node.ID && r.node.Name == node.Name && now.Before(r.until) {
			return cluster.Membership{}, cluster.ErrNameTaken
		}
	}
	r := s.rows[node.ID]
	if r == nil {
		r = &row{node: cluster.Node{Started: now}}
		if s.rows == nil {
			s.rows = make(map[cluster.NodeID]*row)
		}
		s.rows[node.ID] = r
	}
	node.Started, node.Seen = r.node.Started, now
	node.Draining = node.Draining || r.drain
	r.until = now.Add(ttl)
	node.Expires = r.until
	r.node = node
	return s.members(now, n.Store.Shards()), nil
}

// Leave implements cluster.Directory.
func (n *Node) Leave(ctx context.Context, id cluster.NodeID) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s := &n.Store.nodes
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remove(id)
	for i, holder := range s.holders {
		if holder == id {
			s.holders[i] = ""
		}
	}
	return nil
}

// Members implements cluster.Directory.
func (n *Node) Members(ctx context.Context) (cluster.Membership, error) {
	if err := ctx.Err(); err != nil {
		return cluster.Membership{}, err
	}
	s := &n.Store.nodes
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.members(s.now(), n.Store.Shards()), nil
}

// Drain implements cluster.Directory.
func (n *Node) Drain(ctx context.Context, id cluster.NodeID, drain bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s := &n.Store.nodes
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rows[id]
	if r == nil {
		return cluster.ErrNoNode
	}
	r.drain, r.node.Draining = drain, drain
	return nil
}

// Want implements cluster.Directory.
func (n *Node) Want(ctx context.Context, shards, instead int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s := &n.Store.nodes
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.wanted != instead && s.wanted != shards {
		return cluster.ErrWanted
	}
	s.wanted = shards
	return nil
}

func (s *nodes) remove(id cluster.NodeID) { delete(s.rows, id) }

func (s *nodes) members(now time.Time, shards int) cluster.Membership {
	m := cluster.Membership{Now: now, Holders: make([]cluster.NodeID, shards), Wanted: s.wanted}
	copy(m.Holders, s.holders)
	for _, r := range s.rows {
		if now.Before(r.until) {
			m.Nodes = append(m.Nodes, r.node)
		}
	}
	slices.SortFunc(m.Nodes, func(a, b cluster.Node) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return m
}
