package server

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/reclaim"
	"github.com/perdure/perdure/internal/storage"
)

// unfinished are the namespaces of which something has to be done to what is in them.
func (s *Server) unfinished() reclaim.Namespaces {
	if s.node == nil {
		return s.namespaces
	}
	return emptiedByAll{s.namespaces, s}
}

// emptiedByAll are the namespaces of a cluster, of which each node empties what it holds:
// one is empty when all have.
type emptiedByAll struct {
	*namespace.Registry
	server *Server
}

// Emptied implements reclaim.Namespaces.
func (e emptiedByAll) Emptied(ctx context.Context, id string) error {
	s := e.server
	for shard := range s.store.Shards() {
		for _, kind := range kindsInNamespaces() {
			found, err := s.runtime.HasEntities(ctx, storage.ShardID(shard), kind, id)
			if err != nil {
				return err
			}
			if found {
				return fmt.Errorf("shard %d still has something in it, which the node that holds the shard has to remove", shard)
			}
		}
	}
	return e.Registry.Emptied(ctx, id)
}
