package server

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/cluster"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/reclaim"
	"github.com/perdure/perdure/internal/storage"
)

// unfinished are the namespaces of which something has to be done to what is in them.
func (s *Server) unfinished() reclaim.Namespaces {
	if s.node == nil {
		return s.namespaces
	}
	return &s.reclaimed
}

// reclaimed are the namespaces of a cluster, of which each node sees to what it holds. The one that holds
// the namespaces notes that all are done.
type reclaimed struct {
	*namespace.Registry
	server *Server
	// acquired is how many shards had come to this node when the reclaimer last began to look.
	acquired int64

	mu sync.Mutex
	// retained are namespaces whose retention has been applied to what is held here.
	retained map[string]retained
}

// retained says that the retention was applied to what a node held, at a time when so many shards
// had come to it. If more have, there may be something that it has not looked at.
type retained struct {
	retention time.Duration
	acquired  int64
}

// Unfinished implements reclaim.Namespaces.
func (r *reclaimed) Unfinished() []*namespace.Namespace {
	r.acquired = r.server.node.Member().Moves().Acquired
	return r.Registry.Unfinished()
}

// Emptied implements reclaim.Namespaces.
func (r *reclaimed) Emptied(ctx context.Context, id string) error {
	s := r.server
	if !s.runtime.Holds(namespace.Key) {
		return fmt.Errorf("%w: the node that holds the namespaces has to say so", reclaim.ErrOthers)
	}
	// What belongs to one shard when that is looked at may be in another one when that is: then it is looked at again.
	before, err := s.countShards(ctx)
	if err != nil {
		return err
	}
	for shard := range before {
		for _, kind := range kindsInNamespaces() {
			found, err := s.runtime.HasEntities(ctx, storage.ShardID(shard), kind, id)
			if err != nil {
				return err
			}
			if found {
				return fmt.Errorf("%w: shard %d still has something in it", reclaim.ErrOthers, shard)
			}
		}
	}
	if after, err := s.countShards(ctx); err != nil {
		return err
	} else if after != before {
		return fmt.Errorf("%w: a shard has been split meanwhile", reclaim.ErrOthers)
	}
	return r.Registry.Emptied(ctx, id)
}

// countShards asks the directory how many shards there are.
func (s *Server) countShards(ctx context.Context) (int, error) {
	m, err := s.store.(cluster.Directory).Members(ctx)
	return len(m.Holders), err
}

// RetentionApplied implements reclaim.Namespaces.
func (r *reclaimed) RetentionApplied(ctx context.Context, id string, retention time.Duration) error {
	r.mu.Lock()
	if r.retained == nil {
		r.retained = make(map[string]retained)
	}
	r.retained[id] = retained{retention, r.acquired}
	r.mu.Unlock()
	switch {
	case !r.server.runtime.Holds(namespace.Key):
		return fmt.Errorf("%w: the node that holds the namespaces has to say so", reclaim.ErrOthers)
	case !r.has(id, retention) || !r.server.node.AllHaveRetained(ctx, id, retention):
		return reclaim.ErrOthers
	}
	return r.Registry.RetentionApplied(ctx, id, retention)
}

// has reports whether the retention has been applied to all that is held here.
func (r *reclaimed) has(id string, retention time.Duration) bool {
	acquired := r.server.node.Member().Moves().Acquired
	r.mu.Lock()
	defer r.mu.Unlock()
	done, ok := r.retained[id]
	return ok && done.retention == retention && done.acquired == acquired
}
