package server

import (
	"context"
	"fmt"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/endpoint"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
)

// startNexus starts what makes the calls of Nexus operations.
func (s *Server) startNexus(ctx context.Context) error {
	// The registry of endpoints follows the entity from its first loading on.
	if err := s.runtime.Peek(ctx, endpoint.Key, func(entity.Entity) error { return nil }); err != nil {
		return fmt.Errorf("reading the Nexus endpoints: %w", err)
	}
	config := s.settings.Config()
	settings := dynamicconfig.Derive(config, nexus.ReadSettings)
	s.dispatcher = nexus.NewDispatcher(s.queues())
	if s.node != nil {
		s.dispatcher.OfNode(string(s.node.Member().ID()))
	}
	s.nexus = nexus.Start(nexus.Options{
		Runtime:    s.runtime,
		Tasks:      s.matching,
		Dispatcher: s.dispatcher,
		Endpoints:  &s.endpoints,
		Namespace: func(id string) (string, bool) {
			ns, err := s.namespaces.ByID(id)
			if err != nil || ns.State == enumspb.NAMESPACE_STATE_DELETED {
				return "", false
			}
			return ns.Name, true
		},
		Settings: func(namespace string) *nexus.Settings {
			return settings.Get(func() string { return namespace })
		},
		Logger: s.logger,
	})
	return nil
}

// endpointID is the id of the Nexus endpoint with the name.
func (s *Server) endpointID(name string) (id string, ok bool) {
	found := s.endpoints.ByName(name)
	return found.GetId(), found != nil
}
