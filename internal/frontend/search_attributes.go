package frontend

import (
	"context"
	"maps"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/searchattribute"
)

// The frontend checks no more than the size of the search attributes of a start.
// Whether they are defined is checked by the workflow, as it is for those that
// commands set.

// operator implements the OperatorService.
type operator struct {
	operatorservice.UnimplementedOperatorServiceServer
	service *Service
}

// AddSearchAttributes defines custom search attributes of a namespace. Those it
// has already are left as they are.
func (o operator) AddSearchAttributes(ctx context.Context, req *operatorservice.AddSearchAttributesRequest) (*operatorservice.AddSearchAttributesResponse, error) {
	if len(req.GetSearchAttributes()) == 0 {
		return nil, errAttributesNotSet
	}
	if req.GetNamespace() == "" {
		return nil, errNamespaceNotSet
	}
	if err := o.service.namespaces.AddSearchAttributes(ctx, req.GetNamespace(), req.GetSearchAttributes()); err != nil {
		return nil, err
	}
	return &operatorservice.AddSearchAttributesResponse{}, nil
}

// RemoveSearchAttributes takes custom search attributes from a namespace.
func (o operator) RemoveSearchAttributes(ctx context.Context, req *operatorservice.RemoveSearchAttributesRequest) (*operatorservice.RemoveSearchAttributesResponse, error) {
	if len(req.GetSearchAttributes()) == 0 {
		return nil, errAttributesNotSet
	}
	if req.GetNamespace() == "" {
		return nil, errNamespaceNotSet
	}
	if err := o.service.namespaces.RemoveSearchAttributes(ctx, req.GetNamespace(), req.GetSearchAttributes()); err != nil {
		return nil, err
	}
	return &operatorservice.RemoveSearchAttributesResponse{}, nil
}

// ListSearchAttributes returns what attributes a namespace has.
func (o operator) ListSearchAttributes(ctx context.Context, req *operatorservice.ListSearchAttributesRequest) (*operatorservice.ListSearchAttributesResponse, error) {
	if req.GetNamespace() == "" {
		return nil, errNamespaceNotSet
	}
	return &operatorservice.ListSearchAttributesResponse{
		CustomAttributes: callOf(ctx).namespace.SearchAttributes,
		SystemAttributes: searchattribute.System(),
	}, nil
}

// GetSearchAttributes returns what attributes there are without asking for a
// namespace: not the custom ones, but the fields they may take.
func (s *Service) GetSearchAttributes(context.Context, *workflowservice.GetSearchAttributesRequest) (*workflowservice.GetSearchAttributesResponse, error) {
	keys := searchattribute.System()
	maps.Copy(keys, searchattribute.Fields())
	return &workflowservice.GetSearchAttributesResponse{Keys: keys}, nil
}
