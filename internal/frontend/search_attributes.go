package frontend

import (
	"context"

	"go.temporal.io/api/operatorservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/searchattribute"
)

// searchAttributeHandlers define the custom search attributes of namespaces.
type searchAttributeHandlers struct{ namespaces *namespace.Registry }

// AddSearchAttributes defines custom search attributes of a namespace. Those it
// has already are left as they are.
func (h *searchAttributeHandlers) AddSearchAttributes(ctx context.Context, req *operatorservice.AddSearchAttributesRequest) (*operatorservice.AddSearchAttributesResponse, error) {
	if len(req.GetSearchAttributes()) == 0 {
		return nil, errAttributesNotSet
	}
	if err := check.NamespaceSet(req.GetNamespace()); err != nil {
		return nil, err
	}
	if err := h.namespaces.AddSearchAttributes(ctx, req.GetNamespace(), req.GetSearchAttributes()); err != nil {
		return nil, err
	}
	return &operatorservice.AddSearchAttributesResponse{}, nil
}

// RemoveSearchAttributes takes custom search attributes from a namespace.
func (h *searchAttributeHandlers) RemoveSearchAttributes(ctx context.Context, req *operatorservice.RemoveSearchAttributesRequest) (*operatorservice.RemoveSearchAttributesResponse, error) {
	if len(req.GetSearchAttributes()) == 0 {
		return nil, errAttributesNotSet
	}
	if err := check.NamespaceSet(req.GetNamespace()); err != nil {
		return nil, err
	}
	if err := h.namespaces.RemoveSearchAttributes(ctx, req.GetNamespace(), req.GetSearchAttributes()); err != nil {
		return nil, err
	}
	return &operatorservice.RemoveSearchAttributesResponse{}, nil
}

// ListSearchAttributes returns what attributes a namespace has.
func (h *searchAttributeHandlers) ListSearchAttributes(ctx context.Context, req *operatorservice.ListSearchAttributesRequest) (*operatorservice.ListSearchAttributesResponse, error) {
	if err := check.NamespaceSet(req.GetNamespace()); err != nil {
		return nil, err
	}
	return &operatorservice.ListSearchAttributesResponse{
		CustomAttributes: callOf(ctx).namespace.SearchAttributes,
		SystemAttributes: searchattribute.System(),
	}, nil
}
