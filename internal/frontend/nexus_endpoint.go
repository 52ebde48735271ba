package frontend

import (
	"context"

	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/endpoint"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/records"
)

// endpointHandlers keep the registry of Nexus endpoints.
type endpointHandlers struct {
	runtime interface {
		stepper
		viewer
	}
	namespaces *namespace.Registry
}

func (h *endpointHandlers) step(ctx context.Context, fn func(*entity.Step, *endpoint.Endpoints) error) error {
	return h.runtime.Step(ctx, endpoint.Key, func(step *entity.Step, e entity.Entity) error { return fn(step, e.(*endpoint.Endpoints)) })
}

func viewEndpoints(ctx context.Context, runtime viewer, fn func(*endpoint.Endpoints) error) error {
	return runtime.View(ctx, endpoint.Key, func(e entity.Entity, _ entity.View) error { return fn(e.(*endpoint.Endpoints)) })
}

func (h *endpointHandlers) checkSpec(ctx context.Context, spec *nexuspb.EndpointSpec) (namespaceID string, err error) {
	config := callOf(ctx).settings.config
	limits := endpoint.Limits{
		Name: dynamicconfig.EndpointName.Get(config), URL: dynamicconfig.EndpointURL.Get(config), Description: dynamicconfig.EndpointDescription.Get(config),
		Fields: limitsOf(ctx),
	}
	return endpoint.CheckSpec(spec, limits, func(name string) (string, error) {
		ns, err := h.namespaces.ByName(name)
		if err != nil {
			return "", err
		}
		return ns.ID, nil
	})
}

// CreateNexusEndpoint adds an endpoint.
func (h *endpointHandlers) CreateNexusEndpoint(ctx context.Context, req *operatorservice.CreateNexusEndpointRequest) (*operatorservice.CreateNexusEndpointResponse, error) {
	namespaceID, err := h.checkSpec(ctx, req.GetSpec())
	if err != nil {
		return nil, err
	}
	var created *records.NexusEndpoint
	err = h.step(ctx, func(step *entity.Step, e *endpoint.Endpoints) (err error) {
		created, err = e.Create(step, req.GetSpec(), namespaceID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &operatorservice.CreateNexusEndpointResponse{Endpoint: h.shown(created)}, nil
}

// UpdateNexusEndpoint replaces what an endpoint is, if it has not been changed meanwhile.
func (h *endpointHandlers) UpdateNexusEndpoint(ctx context.Context, req *operatorservice.UpdateNexusEndpointRequest) (*operatorservice.UpdateNexusEndpointResponse, error) {
	namespaceID, err := h.checkSpec(ctx, req.GetSpec())
	if err != nil {
		return nil, err
	}
	var updated *records.NexusEndpoint
	err = h.step(ctx, func(step *entity.Step, e *endpoint.Endpoints) (err error) {
		updated, err = e.Update(step, req.GetId(), req.GetVersion(), req.GetSpec(), namespaceID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &operatorservice.UpdateNexusEndpointResponse{Endpoint: h.shown(updated)}, nil
}

// DeleteNexusEndpoint removes an endpoint, if it has not been changed meanwhile.
func (h *endpointHandlers) DeleteNexusEndpoint(ctx context.Context, req *operatorservice.DeleteNexusEndpointRequest) (*operatorservice.DeleteNexusEndpointResponse, error) {
	if err := endpoint.CheckDelete(req.GetId(), req.GetVersion()); err != nil {
		return nil, err
	}
	if err := h.step(ctx, func(step *entity.Step, e *endpoint.Endpoints) error {
		return e.Delete(step, req.GetId(), req.GetVersion())
	}); err != nil {
		return nil, err
	}
	return &operatorservice.DeleteNexusEndpointResponse{}, nil
}

// GetNexusEndpoint returns an endpoint.
func (h *endpointHandlers) GetNexusEndpoint(ctx context.Context, req *operatorservice.GetNexusEndpointRequest) (*operatorservice.GetNexusEndpointResponse, error) {
	if err := endpoint.CheckID(req.GetId()); err != nil {
		return nil, err
	}
	var found *records.NexusEndpoint
	err := viewEndpoints(ctx, h.runtime, func(e *endpoint.Endpoints) (err error) {
		found, err = e.Get(req.GetId())
		return err
	})
	if err != nil {
		return nil, err
	}
	return &operatorservice.GetNexusEndpointResponse{Endpoint: h.shown(found)}, nil
}

// ListNexusEndpoints lists endpoints in the order of their ids, or the one with a name. The
// token of a page is the last id of the one before.
func (h *endpointHandlers) ListNexusEndpoints(ctx context.Context, req *operatorservice.ListNexusEndpointsRequest) (*operatorservice.ListNexusEndpointsResponse, error) {
	config := callOf(ctx).settings.config
	size, most := int(req.GetPageSize()), dynamicconfig.EndpointPageSize.Get(config)
	token := string(req.GetNextPageToken())
	switch {
	case req.GetName() != "":
		size, token = 0, ""
	case size == 0:
		size = min(dynamicconfig.EndpointPage.Get(config), most)
	case size < 0:
		return nil, serviceerror.NewInvalidArgument("page_size is negative")
	case size > most:
		return nil, serviceerror.NewInvalidArgumentf("page_size exceeds limit of %d", most)
	}
	if token != "" && endpoint.CheckID(token) != nil {
		return nil, serviceerror.NewInvalidArgument("Invalid NextPageToken.")
	}
	var found []*records.NexusEndpoint
	more := false
	err := viewEndpoints(ctx, h.runtime, func(e *endpoint.Endpoints) error {
		if req.GetName() == "" {
			found, more = e.List(token, size)
		} else if named := e.ByName(req.GetName()); named != nil {
			found = append(found, named)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	resp := &operatorservice.ListNexusEndpointsResponse{}
	for _, record := range found {
		resp.Endpoints = append(resp.Endpoints, h.shown(record))
	}
	if more {
		resp.NextPageToken = []byte(found[len(found)-1].Id)
	}
	return resp, nil
}

// shown is an endpoint as the API has it. A namespace that is called something else by
// now has its present name.
func (h *endpointHandlers) shown(record *records.NexusEndpoint) *nexuspb.Endpoint {
	spec := proto.CloneOf(record.Spec)
	if worker := spec.GetTarget().GetWorker(); worker != nil {
		if ns, err := h.namespaces.ByID(record.NamespaceId); err == nil {
			worker.Namespace = ns.Name
		}
	}
	return &nexuspb.Endpoint{
		Version: record.Version, Id: record.Id, Spec: spec,
		CreatedTime: record.Created, LastModifiedTime: record.Modified,
		UrlPrefix: "/nexus/endpoints/" + record.Id + "/services",
	}
}
