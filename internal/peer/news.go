package peer

import (
	"context"
	"maps"
	"slices"
	"sync"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/entity"
)

// What every node looks up at any time (namespaces with their search attributes and rules, Nexus endpoints, policies of flow
// control, the versions of workers) is kept by one entity each, and the others have a copy. Who changes it tells the
// others, and the call that has changed it is answered when they have read it anew: so whoever makes the next call, at
// whichever node, finds it changed. A node that could not be told hears of it by the directory (Announce), or reads it all from
// time to time.

// news are what the other nodes have to be told of. The zero value has none.
type news struct {
	mu                    sync.Mutex
	namespaces, endpoints bool
	deployments, flows    map[string]bool // by the id of the namespace
	// noted counts what there was to tell, and told how much of that was. round is closed when
	// told grows; nil if nobody waits.
	noted, told int64
	round       chan struct{}
}

// toldPatience is how long a change waits for the other nodes to have heard of it. One that does not answer for so long is not
// alive, or about to be taken for dead.
const toldPatience = cluster.DefaultTTL

// Changed tells the other nodes, soon, that the entity, which holds something that all look up, was changed here. It does not
// block. Entities of other kinds are nobody's news.
func (n *Node) Changed(key entity.Key) {
	s := &n.news
	s.mu.Lock()
	defer s.mu.Unlock()
	switch key.Kind {
	case entity.KindNamespaces:
		s.namespaces = true
	case entity.KindEndpoints:
		s.endpoints = true
	case entity.KindDeployments:
		note(&s.deployments, key.Namespace)
	case entity.KindFlowPolicies:
		note(&s.flows, key.Namespace)
	default:
		return
	}
	s.noted++
	signal(n.told)
}

func note(ids *map[string]bool, id string) {
	if *ids == nil {
		*ids = make(map[string]bool)
	}
	(*ids)[id] = true
}

// take returns what is to be told, and the number of the last of it.
func (s *news) take() (changed *Changed, noted int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed = &Changed{
		Namespaces: s.namespaces, Endpoints: s.endpoints,
		DeploymentsOf: slices.Collect(maps.Keys(s.deployments)), FlowPoliciesOf: slices.Collect(maps.Keys(s.flows)),
	}
	s.namespaces, s.endpoints, s.deployments, s.flows = false, false, nil, nil
	return changed, s.noted
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
		changed, noted := n.news.take()
		n.tellOthers(changed)
		n.news.mu.Lock()
		n.news.told = noted
		if n.news.round != nil {
			close(n.news.round)
			n.news.round = nil
		}
		n.news.mu.Unlock()
	}
}

// tellOthers returns when all nodes that can be reached have taken the news up.
func (n *Node) tellOthers(changed *Changed) {
	ctx, cancel := context.WithTimeout(n.ctx, toldPatience)
	defer cancel()
	v := n.member.View()
	var telling sync.WaitGroup
	for _, other := range v.Others() {
		if v.Isolated(other.ID) {
			continue
		}
		telling.Go(func() {
			l, err := n.links.to(other)
			if err == nil {
				err = l.call(ctx, methodTell, changed, new(Nothing))
			}
			if err != nil && n.ctx.Err() == nil {
				n.log.Warn("Another node could not be told of a change; it looks for itself later.", "node", other.Name, "error", err)
			}
		})
	}
	telling.Wait()
}

func (n *Node) tell(ctx context.Context, changed *Changed) (*Nothing, error) {
	if n.options.Heard == nil {
		return new(Nothing), nil
	}
	return new(Nothing), n.options.Heard(ctx, changed)
}
