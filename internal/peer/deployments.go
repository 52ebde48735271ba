package peer

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/frontend"
	"github.com/perdure/perdure/internal/runtime"
)

// Register implements frontend.Elsewhere.
func (n *Node) Register(ctx context.Context, deployments entity.Key, method string, poll proto.Message) error {
	encoded, err := proto.Marshal(poll)
	if err != nil {
		return err
	}
	req := &RegisterRequest{NamespaceId: deployments.Namespace, Method: method, Request: encoded}
	err = n.elsewhere(forwardContext(ctx), deployments, func() error {
		_, err := n.register(ctx, req) // they have come here meanwhile
		return err
	}, methodRegister, req, new(Nothing))
	if err != nil {
		return frontend.Forwarded(err)
	}
	return nil
}

// register registers the version of a worker that polls another node.
func (n *Node) register(ctx context.Context, req *RegisterRequest) (*Nothing, error) {
	if key := deployment.Key(req.GetNamespaceId()); !n.runtime.Holds(key) {
		return nil, refuse(ctx, runtime.NotHeld(key, n.shards))
	}
	if err := n.local.Invoke(frontend.RegisterOnly(forwardContext(ctx)), req.GetMethod(), raw(req.GetRequest()), new(emptypb.Empty)); err != nil {
		return nil, err
	}
	return new(Nothing), nil
}

// news are what the other nodes have to be told of. The zero value has none.
type news struct {
	mu          sync.Mutex
	deployments map[string]bool // by the id of the namespace
	// noted counts what there was to tell, and told how much of that was. round is closed when
	// told grows; nil if nobody waits.
	noted, told int64
	round       chan struct{}
}

// toldPatience is how long a change of worker deployments waits for the other nodes to have heard of it.
const toldPatience = time.Second

// DeploymentsChanged tells the other nodes, soon, that worker deployments were changed here. It does not
// block. A node that cannot be told finds out later.
func (n *Node) DeploymentsChanged(namespaceID string) {
	n.news.mu.Lock()
	if n.news.deployments == nil {
		n.news.deployments = make(map[string]bool)
	}
	n.news.deployments[namespaceID] = true
	n.news.noted++
	n.news.mu.Unlock()
	signal(n.told)
}

// Told implements frontend.Elsewhere.
func (n *Node) Told(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, toldPatience)
	defer cancel()
	n.news.mu.Lock()
	defer n.news.mu.Unlock()
	for noted := n.news.noted; n.news.told < noted && ctx.Err() == nil; {
		if n.news.round == nil {
			n.news.round = make(chan struct{})
		}
		round := n.news.round
		n.news.mu.Unlock()
		select {
		case <-round:
		case <-ctx.Done():
		}
		n.news.mu.Lock()
	}
}

// tellNews is the goroutine that tells the others.
func (n *Node) tellNews() {
	for {
		select {
		case <-n.told:
		case <-n.ctx.Done():
			return
		}
		n.news.mu.Lock()
		changed, noted := &Changed{DeploymentsOf: slices.Collect(maps.Keys(n.news.deployments))}, n.news.noted
		n.news.deployments = nil
		n.news.mu.Unlock()
		ctx, cancel := context.WithTimeout(n.ctx, toldPatience)
		_ = source{n}.all(ctx, n.following.linked(), func(ctx context.Context, _ int, l *link) error {
			return l.call(ctx, methodTell, changed, new(Nothing))
		})
		cancel()
		n.news.mu.Lock()
		n.news.told = noted
		if n.news.round != nil {
			close(n.news.round)
			n.news.round = nil
		}
		n.news.mu.Unlock()
	}
}

func (n *Node) tell(ctx context.Context, changed *Changed) (*Nothing, error) {
	if n.options.DeploymentsChanged != nil {
		for _, id := range changed.GetDeploymentsOf() {
			n.options.DeploymentsChanged(ctx, id)
		}
	}
	return new(Nothing), nil
}
