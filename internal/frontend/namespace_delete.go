package frontend

import (
	"context"

	"go.temporal.io/api/operatorservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/namespace"
)

// namespaceDeletionHandlers delete namespaces.
type namespaceDeletionHandlers struct{ namespaces *namespace.Registry }

// DeleteNamespace begins the deletion of a namespace, given by name or by id, and tells
// what it is called until it is gone.
func (h *namespaceDeletionHandlers) DeleteNamespace(ctx context.Context, req *operatorservice.DeleteNamespaceRequest) (*operatorservice.DeleteNamespaceResponse, error) {
	delay := dynamicconfig.NamespaceDeleteDelay.Get(callOf(ctx).settings.config)
	if asked := req.GetNamespaceDeleteDelay(); asked != nil {
		if err := check.Duration("NamespaceDeleteDelay", asked, check.Request); err != nil {
			return nil, err
		}
		delay = asked.AsDuration()
	}
	deleted, err := h.namespaces.Delete(ctx, callOf(ctx).namespace.Name, delay)
	if err != nil {
		return nil, err
	}
	return &operatorservice.DeleteNamespaceResponse{DeletedNamespace: deleted}, nil
}
