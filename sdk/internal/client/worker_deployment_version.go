package client

//lint:file-ignore SA1019 older servers read and write the fields that are deprecated

import (
	"context"

	deploymentpb "go.temporal.io/api/deployment/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/policy"
)

func (h *workerDeploymentHandle) DescribeVersion(ctx context.Context, options WorkerDeploymentDescribeVersionOptions) (WorkerDeploymentVersionDescription, error) {
	if err := h.checkVersion(options.BuildID); err != nil {
		return WorkerDeploymentVersionDescription{}, err
	}
	response, err := h.client.service.DescribeWorkerDeploymentVersion(ctx, &workflowservice.DescribeWorkerDeploymentVersionRequest{
		Namespace:         h.client.namespace,
		Version:           h.canonical(options.BuildID),
		DeploymentVersion: h.version(options.BuildID),
	})
	if err != nil {
		return WorkerDeploymentVersionDescription{}, err
	}
	return WorkerDeploymentVersionDescription{Info: versionInfoFromProto(response.GetWorkerDeploymentVersionInfo())}, nil
}

func (h *workerDeploymentHandle) DeleteVersion(ctx context.Context, options WorkerDeploymentDeleteVersionOptions) (WorkerDeploymentDeleteVersionResponse, error) {
	if err := h.checkVersion(options.BuildID); err != nil {
		return WorkerDeploymentDeleteVersionResponse{}, err
	}
	_, err := h.client.service.DeleteWorkerDeploymentVersion(ctx, &workflowservice.DeleteWorkerDeploymentVersionRequest{
		Namespace:         h.client.namespace,
		Version:           h.canonical(options.BuildID),
		DeploymentVersion: h.version(options.BuildID),
		SkipDrainage:      options.SkipDrainage,
		Identity:          h.client.identityOr(options.Identity),
	})
	return WorkerDeploymentDeleteVersionResponse{}, err
}

func (h *workerDeploymentHandle) UpdateVersionMetadata(ctx context.Context, options WorkerDeploymentUpdateVersionMetadataOptions) (WorkerDeploymentUpdateVersionMetadataResponse, error) {
	if err := h.checkVersion(options.Version.BuildID); err != nil {
		return WorkerDeploymentUpdateVersionMetadataResponse{}, err
	}
	entries, err := h.client.encodeMetadata(ctx, options.MetadataUpdate.UpsertEntries)
	if err != nil {
		return WorkerDeploymentUpdateVersionMetadataResponse{}, err
	}
	response, err := h.client.service.UpdateWorkerDeploymentVersionMetadata(ctx, &workflowservice.UpdateWorkerDeploymentVersionMetadataRequest{
		Namespace:         h.client.namespace,
		Version:           policy.CanonicalVersion(options.Version.DeploymentName, options.Version.BuildID),
		DeploymentVersion: policy.WorkerDeploymentVersionToProto(options.Version),
		UpsertEntries:     entries,
		RemoveEntries:     options.MetadataUpdate.RemoveEntries,
	})
	if err != nil {
		return WorkerDeploymentUpdateVersionMetadataResponse{}, err
	}
	return WorkerDeploymentUpdateVersionMetadataResponse{Metadata: response.GetMetadata().GetEntries()}, nil
}

func versionInfoFromProto(p *deploymentpb.WorkerDeploymentVersionInfo) WorkerDeploymentVersionInfo {
	info := WorkerDeploymentVersionInfo{
		CreateTime:         timeOrZero(p.GetCreateTime()),
		RoutingChangedTime: timeOrZero(p.GetRoutingChangedTime()),
		CurrentSinceTime:   timeOrZero(p.GetCurrentSinceTime()),
		RampingSinceTime:   timeOrZero(p.GetRampingSinceTime()),
		RampPercentage:     p.GetRampPercentage(),
		TaskQueuesInfos:    make([]WorkerDeploymentTaskQueueInfo, 0, len(p.GetTaskQueueInfos())),
		Metadata:           p.GetMetadata().GetEntries(),
	}
	if version := optionalVersion(p.GetDeploymentVersion(), p.GetVersion()); version != nil {
		info.Version = *version
	}
	for _, queue := range p.GetTaskQueueInfos() {
		info.TaskQueuesInfos = append(info.TaskQueuesInfos, WorkerDeploymentTaskQueueInfo{
			Name: queue.GetName(),
			Type: TaskQueueType(queue.GetType()),
		})
	}
	if drainage := p.GetDrainageInfo(); drainage != nil {
		info.DrainageInfo = &WorkerDeploymentVersionDrainageInfo{
			DrainageStatus:  WorkerDeploymentVersionDrainageStatus(drainage.GetStatus()),
			LastChangedTime: timeOrZero(drainage.GetLastChangedTime()),
			LastCheckedTime: timeOrZero(drainage.GetLastCheckedTime()),
		}
	}
	return info
}
