package server

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/internal/namespace"
)

// addSearchAttributes defines the search attributes of the options.
func (s *Server) addSearchAttributes(ctx context.Context, options Options) error {
	if len(options.SearchAttributes) == 0 {
		return nil
	}
	for _, name := range append([]string{namespace.Default}, options.Namespaces...) {
		if err := s.namespaces.AddSearchAttributes(ctx, name, options.SearchAttributes); err != nil {
			return fmt.Errorf("defining search attributes of namespace %q: %w", name, err)
		}
	}
	return nil
}

// clusterID identifies the data this server runs on: the id of the namespace
// that has been there from their first day on.
func (s *Server) clusterID() (string, error) {
	ns, err := s.namespaces.ByName(namespace.Default)
	if err != nil {
		return "", fmt.Errorf("reading the cluster's id: %w", err)
	}
	return ns.ID, nil
}
