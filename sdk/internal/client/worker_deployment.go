package client

//lint:file-ignore SA1019 older servers read and write the fields that are deprecated

import (
	"context"
	"errors"
	"fmt"
	"strings"

	deploymentpb "go.temporal.io/api/deployment/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/policy"
)

type workerDeploymentClient struct{ client *Client }

// WorkerDeploymentClient returns the client for worker deployments.
func (c *Client) WorkerDeploymentClient() WorkerDeploymentClient { return workerDeploymentClient{c} }

func (w workerDeploymentClient) GetHandle(name string) WorkerDeploymentHandle {
	return &workerDeploymentHandle{client: w.client, name: name}
}

func (w workerDeploymentClient) List(ctx context.Context, options WorkerDeploymentListOptions) (WorkerDeploymentListIterator, error) {
	type summary = workflowservice.ListWorkerDeploymentsResponse_WorkerDeploymentSummary
	return newPages("WorkerDeploymentListIterator", func(token []byte) ([]*summary, []byte, error) {
		response, err := w.client.service.ListWorkerDeployments(ctx, &workflowservice.ListWorkerDeploymentsRequest{
			Namespace:     w.client.namespace,
			PageSize:      int32(options.PageSize),
			NextPageToken: token,
		})
		return response.GetWorkerDeployments(), response.GetNextPageToken(), err
	}, func(p *summary) *WorkerDeploymentListEntry {
		return &WorkerDeploymentListEntry{
			Name:          p.GetName(),
			CreateTime:    timeOrZero(p.GetCreateTime()),
			RoutingConfig: routingConfigFromProto(p.GetRoutingConfig()),
		}
	}), nil
}

func (w workerDeploymentClient) Delete(ctx context.Context, options WorkerDeploymentDeleteOptions) (WorkerDeploymentDeleteResponse, error) {
	if options.Name == "" {
		return WorkerDeploymentDeleteResponse{}, errors.New("missing worker deployment name argument")
	}
	_, err := w.client.service.DeleteWorkerDeployment(ctx, &workflowservice.DeleteWorkerDeploymentRequest{
		Namespace:      w.client.namespace,
		DeploymentName: options.Name,
		Identity:       w.client.identityOr(options.Identity),
	})
	return WorkerDeploymentDeleteResponse{}, err
}

// identityOr returns the identity that the caller gave for one call, or else the client's.
func (c *Client) identityOr(identity string) string {
	if identity != "" {
		return identity
	}
	return c.identity
}

type workerDeploymentHandle struct {
	client *Client
	name   string
}

var errNoBuildID = errors.New("BuildID cannot be empty")

func (h *workerDeploymentHandle) check() error {
	switch {
	case h.name == "":
		return errors.New("missing worker deployment name in handle")
	case strings.Contains(h.name, policy.VersionSeparator):
		return fmt.Errorf("worker deployment name contains reserved separator '%v'", policy.VersionSeparator)
	}
	return nil
}

// checkVersion is check for methods that need a version.
func (h *workerDeploymentHandle) checkVersion(buildID string) error {
	if err := h.check(); err != nil {
		return err
	}
	if buildID == "" {
		return errNoBuildID
	}
	return nil
}

// canonical returns the version as older servers have it.
func (h *workerDeploymentHandle) canonical(buildID string) string {
	if buildID == "" {
		return policy.UnversionedVersion
	}
	return policy.CanonicalVersion(h.name, buildID)
}

func (h *workerDeploymentHandle) version(buildID string) *deploymentpb.WorkerDeploymentVersion {
	return &deploymentpb.WorkerDeploymentVersion{DeploymentName: h.name, BuildId: buildID}
}

func (h *workerDeploymentHandle) Describe(ctx context.Context, _ WorkerDeploymentDescribeOptions) (WorkerDeploymentDescribeResponse, error) {
	if err := h.check(); err != nil {
		return WorkerDeploymentDescribeResponse{}, err
	}
	response, err := h.client.service.DescribeWorkerDeployment(ctx, &workflowservice.DescribeWorkerDeploymentRequest{
		Namespace:      h.client.namespace,
		DeploymentName: h.name,
	})
	if err != nil {
		return WorkerDeploymentDescribeResponse{}, err
	}
	info := response.GetWorkerDeploymentInfo()
	description := WorkerDeploymentDescribeResponse{
		ConflictToken: response.GetConflictToken(),
		Info: WorkerDeploymentInfo{
			Name:                 info.GetName(),
			CreateTime:           timeOrZero(info.GetCreateTime()),
			VersionSummaries:     make([]WorkerDeploymentVersionSummary, 0, len(info.GetVersionSummaries())),
			RoutingConfig:        routingConfigFromProto(info.GetRoutingConfig()),
			LastModifierIdentity: info.GetLastModifierIdentity(),
			ManagerIdentity:      info.GetManagerIdentity(),
		},
	}
	for _, summary := range info.GetVersionSummaries() {
		version := optionalVersion(summary.GetDeploymentVersion(), summary.GetVersion())
		if version == nil {
			continue
		}
		description.Info.VersionSummaries = append(description.Info.VersionSummaries, WorkerDeploymentVersionSummary{
			Version:        *version,
			CreateTime:     timeOrZero(summary.GetCreateTime()),
			DrainageStatus: WorkerDeploymentVersionDrainageStatus(summary.GetDrainageStatus()),
		})
	}
	return description, nil
}

func (h *workerDeploymentHandle) SetCurrentVersion(ctx context.Context, options WorkerDeploymentSetCurrentVersionOptions) (WorkerDeploymentSetCurrentVersionResponse, error) {
	if err := h.check(); err != nil {
		return WorkerDeploymentSetCurrentVersionResponse{}, err
	}
	response, err := h.client.service.SetWorkerDeploymentCurrentVersion(ctx, &workflowservice.SetWorkerDeploymentCurrentVersionRequest{
		Namespace:               h.client.namespace,
		DeploymentName:          h.name,
		Version:                 h.canonical(options.BuildID),
		BuildId:                 options.BuildID,
		ConflictToken:           options.ConflictToken,
		Identity:                h.client.identityOr(options.Identity),
		IgnoreMissingTaskQueues: options.IgnoreMissingTaskQueues,
		AllowNoPollers:          options.AllowNoPollers,
	})
	if err != nil {
		return WorkerDeploymentSetCurrentVersionResponse{}, err
	}
	return WorkerDeploymentSetCurrentVersionResponse{
		ConflictToken:   response.GetConflictToken(),
		PreviousVersion: optionalVersion(response.GetPreviousDeploymentVersion(), response.GetPreviousVersion()),
	}, nil
}

func (h *workerDeploymentHandle) SetRampingVersion(ctx context.Context, options WorkerDeploymentSetRampingVersionOptions) (WorkerDeploymentSetRampingVersionResponse, error) {
	if err := h.check(); err != nil {
		return WorkerDeploymentSetRampingVersionResponse{}, err
	}
	response, err := h.client.service.SetWorkerDeploymentRampingVersion(ctx, &workflowservice.SetWorkerDeploymentRampingVersionRequest{
		Namespace:               h.client.namespace,
		DeploymentName:          h.name,
		Version:                 h.canonical(options.BuildID),
		BuildId:                 options.BuildID,
		Percentage:              options.Percentage,
		ConflictToken:           options.ConflictToken,
		Identity:                h.client.identityOr(options.Identity),
		IgnoreMissingTaskQueues: options.IgnoreMissingTaskQueues,
		AllowNoPollers:          options.AllowNoPollers,
	})
	if err != nil {
		return WorkerDeploymentSetRampingVersionResponse{}, err
	}
	return WorkerDeploymentSetRampingVersionResponse{
		ConflictToken:      response.GetConflictToken(),
		PreviousVersion:    optionalVersion(response.GetPreviousDeploymentVersion(), response.GetPreviousVersion()),
		PreviousPercentage: response.GetPreviousPercentage(),
	}, nil
}

func (h *workerDeploymentHandle) SetManagerIdentity(ctx context.Context, options WorkerDeploymentSetManagerIdentityOptions) (WorkerDeploymentSetManagerIdentityResponse, error) {
	if err := h.check(); err != nil {
		return WorkerDeploymentSetManagerIdentityResponse{}, err
	}
	request := &workflowservice.SetWorkerDeploymentManagerRequest{
		Namespace:      h.client.namespace,
		DeploymentName: h.name,
		ConflictToken:  options.ConflictToken,
		Identity:       h.client.identityOr(options.Identity),
	}
	switch {
	case options.Self && options.ManagerIdentity != "":
		return WorkerDeploymentSetManagerIdentityResponse{}, fmt.Errorf(
			"invalid input: if Self is true, ManagerIdentity must be empty but was '%s'", options.ManagerIdentity)
	case options.Self:
		request.NewManagerIdentity = &workflowservice.SetWorkerDeploymentManagerRequest_Self{Self: true}
	default:
		request.NewManagerIdentity = &workflowservice.SetWorkerDeploymentManagerRequest_ManagerIdentity{ManagerIdentity: options.ManagerIdentity}
	}
	response, err := h.client.service.SetWorkerDeploymentManager(ctx, request)
	if err != nil {
		return WorkerDeploymentSetManagerIdentityResponse{}, err
	}
	return WorkerDeploymentSetManagerIdentityResponse{
		ConflictToken:           response.GetConflictToken(),
		PreviousManagerIdentity: response.GetPreviousManagerIdentity(),
	}, nil
}

func routingConfigFromProto(p *deploymentpb.RoutingConfig) WorkerDeploymentRoutingConfig {
	return WorkerDeploymentRoutingConfig{
		CurrentVersion:                      optionalVersion(p.GetCurrentDeploymentVersion(), p.GetCurrentVersion()),
		RampingVersion:                      optionalVersion(p.GetRampingDeploymentVersion(), p.GetRampingVersion()),
		RampingVersionPercentage:            p.GetRampingVersionPercentage(),
		CurrentVersionChangedTime:           timeOrZero(p.GetCurrentVersionChangedTime()),
		RampingVersionChangedTime:           timeOrZero(p.GetRampingVersionChangedTime()),
		RampingVersionPercentageChangedTime: timeOrZero(p.GetRampingVersionPercentageChangedTime()),
	}
}
