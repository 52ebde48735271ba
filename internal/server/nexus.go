package server

import (
	"context"
	"fmt"
	"net/http"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/api/nexusdoor"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/endpoint"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/httpapi"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/nexushttp"
	"github.com/perdure/perdure/internal/nexusoperation"
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
	s.commander.Store(nexus.NewCommander(s.dispatcher, s.logger))
	s.nexus = nexus.Start(nexus.Options{
		Runtime:    s.runtime,
		Tasks:      s.matching,
		Dispatcher: s.dispatcher,
		Endpoints:  &s.endpoints,
		Namespace:  s.namespaceName,
		Settings: func(namespace string) *nexus.Settings {
			return settings.Get(func() string { return namespace })
		},
		Observer: s.telemetry.outbound(),
		Logger:   s.logger,
	})
	return nil
}

// endpointID is the id of the Nexus endpoint with the name.
func (s *Server) endpointID(name string) (id string, ok bool) {
	found := s.endpoints.ByName(name)
	return found.GetId(), found != nil
}

// namespaceName is the name of a namespace; ok is false if there is none, or not any more.
func (s *Server) namespaceName(id string) (name string, ok bool) {
	ns, err := s.namespaces.ByID(id)
	if err != nil || ns.State == enumspb.NAMESPACE_STATE_DELETED {
		return "", false
	}
	return ns.Name, true
}

// nexusRoutes sends requests to the Nexus routes of the HTTP port, and others to next.
func (s *Server) nexusRoutes(api *httpapi.Handler, next http.Handler) http.Handler {
	handler := nexushttp.New(nexushttp.Options{
		Door:      nexusdoor.Client{Conn: outside{s.local}},
		Context:   api.CallContext,
		Endpoints: &s.endpoints,
		Namespace: s.namespaceName,
		Logger:    s.logger,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler.Serves(r) {
			handler.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// operationConfig tells the state machine of Nexus operations without a workflow about
// namespaces and settings.
func (s *Server) operationConfig() nexusoperation.Config {
	return nexusoperation.Config{
		Namespace: func(id string) (nexusoperation.Namespace, bool) {
			ns, err := s.namespaces.ByID(id)
			if err != nil {
				return nexusoperation.Namespace{}, false
			}
			return nexusoperation.Namespace{Name: ns.Name, Retention: ns.Retention}, true
		},
		Blob: func(id string) int {
			name, _ := s.namespaceName(id)
			return dynamicconfig.BlobSize.Get(s.settings.Config(), name)
		},
	}
}
