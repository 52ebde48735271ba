package cluster_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/storage"
	"github.com/perdure/perdure/internal/storage/memory"
)

// world is a store and the nodes that share it, in virtual time.
type world struct {
	t     *testing.T
	store *memory.Store
	// nodes are those that have joined. Members look for others while further ones join: mu is for those.
	mu    sync.Mutex
	nodes []*node
	calls atomic.Int64 // of the directory
}

// node is a member with shards that do nothing but hold leases.
type node struct {
	world  *world
	id     cluster.NodeID
	name   string
	member *cluster.Member // once it has joined
	// cut: no call of the store returns before its context ends. skew is added to the
	// time that the directory tells.
	cut  atomic.Bool
	skew time.Duration
	// gone: its process has ended.
	gone   atomic.Bool
	failed atomic.Pointer[error]

	mu     sync.Mutex
	leases map[storage.ShardID]storage.Lease
}

// link is the store as a node has it.
type link struct {
	*memory.Node
	node *node
}

func (l link) wait(ctx context.Context) error {
	if l.node.cut.Load() || l.node.gone.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (l link) Renew(ctx context.Context, n cluster.Node, ttl time.Duration) (cluster.Membership, error) {
	if err := l.wait(ctx); err != nil {
		return cluster.Membership{}, err
	}
	l.node.world.calls.Add(1)
	m, err := l.Node.Renew(ctx, n, ttl)
	m.Now = m.Now.Add(-l.node.skew)
	return m, err
}

func (l link) Leave(ctx context.Context, id cluster.NodeID) error {
	return errors.Join(l.wait(ctx), l.Node.Leave(ctx, id))
}

func newWorld(t *testing.T, shards int) *world { return &world{t: t, store: memory.New(shards)} }

var serial atomic.Int64

// start makes a node join. Options may be changed.
func (w *world) start(name string, change ...func(*node, *cluster.Options)) (*node, error) {
	w.t.Helper()
	id := cluster.NodeID(fmt.Sprintf("%s-%d", name, serial.Add(1)))
	n := &node{world: w, id: id, name: name, leases: make(map[storage.ShardID]storage.Lease)}
	options := cluster.Options{
		Node:   cluster.Node{ID: id, Name: name, Address: name + ":1", Splits: true},
		Shards: n,
		Handed: func(to cluster.Node) {
			if other := w.joined(to.ID); other != nil && !other.gone.Load() {
				other.member.Nudge()
			}
		},
		Failed: func(err error) { n.failed.Store(&err) },
		Logger: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(n, &options)
	}
	options.Directory = link{w.store.Node(id), n}
	member, err := cluster.Join(w.t.Context(), options)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	n.member = member
	w.nodes = append(w.nodes, n)
	return n, nil
}

// joined is the node with the id; nil if it has not joined yet.
func (w *world) joined(id cluster.NodeID) *node {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.nodes {
		if n.id == id {
			return n
		}
	}
	return nil
}

func (w *world) mustStart(name string) *node {
	w.t.Helper()
	n, err := w.start(name)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

func (w *world) close() {
	for _, n := range w.nodes {
		if !n.gone.Load() {
			_ = n.member.Close(w.t.Context())
		}
	}
}

// kill ends the process of the node.
func (n *node) kill() {
	n.gone.Store(true)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = n.member.Close(ctx)
}

// Shards implements cluster.Shards.
func (n *node) Shards() (ids []storage.ShardID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for id := range n.leases {
		ids = append(ids, id)
	}
	return ids
}

// AcquireShard implements cluster.Shards.
func (n *node) AcquireShard(ctx context.Context, id storage.ShardID) error {
	n.mu.Lock()
	_, held := n.leases[id]
	n.mu.Unlock()
	if held {
		return nil
	}
	l := link{n.world.store.Node(n.id), n}
	if err := l.wait(ctx); err != nil {
		return err
	}
	lease, err := l.Acquire(ctx, id)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.leases[id] = lease
	return nil
}

// ReleaseShard implements cluster.Shards.
func (n *node) ReleaseShard(ctx context.Context, id storage.ShardID) error {
	n.mu.Lock()
	lease := n.leases[id]
	delete(n.leases, id)
	n.mu.Unlock()
	l := link{n.world.store.Node(n.id), n}
	if err := l.wait(ctx); err != nil {
		return err
	}
	return l.Release(ctx, lease)
}

// Layout implements cluster.Shards.
func (n *node) Layout() storage.Layout { return n.world.store.Layout() }

// SplitShard implements cluster.Shards.
func (n *node) SplitShard(ctx context.Context, id storage.ShardID) error {
	n.mu.Lock()
	lease := n.leases[id]
	n.mu.Unlock()
	l := link{n.world.store.Node(n.id), n}
	if err := l.wait(ctx); err != nil {
		return err
	}
	split, err := l.BeginSplit(ctx, lease, func(key, value []byte) bool { return false })
	if err == nil {
		err = split.Finish(ctx)
	}
	if err != nil {
		return err
	}
	n.mu.Lock()
	delete(n.leases, id)
	n.mu.Unlock()
	return errors.Join(n.AcquireShard(ctx, id), n.AcquireShard(ctx, storage.ShardID(n.Layout().Shards()-1)))
}

// AbandonShard implements cluster.Shards.
func (n *node) AbandonShard(id storage.ShardID, _ error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.leases, id)
}

// serves reports whether the node answers for the shard.
func (n *node) serves(id storage.ShardID) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	_, held := n.leases[id]
	return held && !n.gone.Load() && n.member.Sure()
}

// census is how many shards are served by one node, and by more.
func (w *world) census() (one, more int) {
	for id := range storage.ShardID(w.store.Shards()) {
		servers := 0
		for _, n := range w.nodes {
			if n.serves(id) {
				servers++
			}
		}
		switch {
		case servers == 1:
			one++
		case servers > 1:
			more++
		}
	}
	return one, more
}

// until passes time, step by step, until reached reports true, and returns how long that
// took. At each step no shard may be served by two.
func (w *world) until(most time.Duration, reached func() bool) (took time.Duration) {
	w.t.Helper()
	began := time.Now()
	for !reached() {
		if time.Since(began) > most {
			w.t.Fatalf("not reached in %v", most)
		}
		time.Sleep(100 * time.Millisecond)
		if _, more := w.census(); more > 0 {
			w.t.Fatalf("%d shards are served by two nodes", more)
		}
	}
	return time.Since(began)
}

// holders are the nodes that hold the shards, by their names.
func (w *world) holders() []string {
	m, err := w.store.Node("operator").Members(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	names := make([]string, len(m.Holders))
	for i, id := range m.Holders {
		for _, n := range w.nodes {
			if n.member.ID() == id {
				names[i] = n.name
			}
		}
	}
	return names
}

func (w *world) allServed() bool {
	one, _ := w.census()
	return one == w.store.Shards()
}

// settled reports whether all shards are where they belong.
func (w *world) settled() bool {
	if !w.allServed() {
		return false
	}
	for _, n := range w.nodes {
		if n.gone.Load() {
			continue
		}
		v := n.member.View()
		for id, holder := range v.Holders {
			if v.Placement != nil && v.Placement[id] != holder {
				return false
			}
		}
	}
	return true
}
