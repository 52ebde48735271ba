package frontend

import (
	"context"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/endpoint"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/namespace"
)

// namespaceDeletionHandlers delete namespaces.
type namespaceDeletionHandlers struct {
	namespaces *namespace.Registry
	runtime    peeker
}

// peeker looks at entities wherever they are held. *runtime.Runtime, which documents the method, is one.
type peeker interface {
	Peek(ctx context.Context, key entity.Key, fn func(entity.Entity) error) error
}

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
	if err := h.checkNoTarget(ctx); err != nil {
		return nil, err
	}
	deleted, err := h.namespaces.Delete(ctx, callOf(ctx).namespace.Name, delay)
	if err != nil {
		return nil, err
	}
	return &operatorservice.DeleteNamespaceResponse{DeletedNamespace: deleted}, nil
}

// checkNoTarget refuses to delete a namespace that Nexus operations go to.
func (h *namespaceDeletionHandlers) checkNoTarget(ctx context.Context) error {
	if dynamicconfig.DeleteEndpointTargets.Get(callOf(ctx).settings.config) {
		return nil
	}
	return h.runtime.Peek(ctx, endpoint.Key, func(e entity.Entity) error {
		if name := e.(*endpoint.Endpoints).Targeting(callOf(ctx).namespace.ID); name != "" {
			return serviceerror.NewFailedPreconditionf("cannot delete a namespace that is a target of a Nexus endpoint %s", name)
		}
		return nil
	})
}
