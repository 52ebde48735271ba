package server

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/visibility/query"
)

// openDeployments loads which versions of workers there are.
func (s *Server) openDeployments(ctx context.Context) error {
	return s.deployments.Open(ctx, peeker{s.runtime}, s.namespaceIDs())
}

// openFlows loads the policies of flow control.
func (s *Server) openFlows(ctx context.Context) error {
	return s.flows.Open(ctx, peeker{s.runtime}, s.namespaceIDs())
}

// namespaceIDs are the ids of all namespaces.
func (s *Server) namespaceIDs() (ids []string) {
	_ = s.eachNamespace(func(id string) error { ids = append(ids, id); return nil })
	return ids
}

// eachNamespace calls fn with the id of each namespace, until it returns an error.
func (s *Server) eachNamespace(fn func(id string) error) error {
	const page = 1000
	for after := ""; ; {
		list := s.namespaces.List(after, page, true)
		for _, ns := range list {
			if err := fn(ns.ID); err != nil {
				return err
			}
			after = ns.Name
		}
		if len(list) < page {
			return nil
		}
	}
}

// startDrainer starts what sees when no workflow is pinned to a version any more.
func (s *Server) startDrainer() {
	config := s.settings.Config()
	name := func(id string) (string, bool) {
		ns, err := s.namespaces.ByID(id)
		if err != nil || ns.State == enumspb.NAMESPACE_STATE_DELETED {
			return "", false
		}
		return ns.Name, true
	}
	s.drainer = deployment.StartDrainer(deployment.DrainerOptions{
		Registry: s.deployments,
		Runtime:  s.runtime,
		Logger:   s.logger,
		Times: func(id string) (grace, interval time.Duration, ok bool) {
			ns, ok := name(id)
			if !ok || s.node != nil && !s.runtime.Holds(deployment.Key(id)) {
				return 0, 0, false
			}
			return dynamicconfig.DrainageGrace.Get(config, ns), dynamicconfig.DrainageInterval.Get(config, ns), true
		},
		Pinned: func(ctx context.Context, id string, v deployment.Version) (bool, error) {
			q, err := query.Parse(deployment.PinnedQuery(v), query.Attributes{})
			if err != nil {
				return false, err
			}
			groups, err := s.visibility.Count(ctx, id, q)
			if err != nil {
				return false, err
			}
			n := int64(0)
			for _, group := range groups {
				n += group.Count
			}
			return n > 0, nil
		},
	})
}
