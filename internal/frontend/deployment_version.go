package frontend

import (
	"cmp"
	"context"

	deploymentpb "go.temporal.io/api/deployment/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/google/uuid"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
)

// versionRequest is what the calls have in common that name a version.
type versionRequest interface {
	GetDeploymentVersion() *deploymentpb.WorkerDeploymentVersion
}

// checkNewVersion checks the version of a request that has both of its parts.
func checkNewVersion(ctx context.Context, req versionRequest) (deployment.Version, error) {
	v := deployment.FromProto(req.GetDeploymentVersion())
	switch {
	case v.Deployment == "":
		return v, errDeploymentNameSet
	case v.BuildID == "":
		return v, errDeploymentBuildSet
	}
	return v, cmp.Or(checkDeploymentsOn(ctx), checkVersion(ctx, v))
}

// parseDeploymentVersion is the version of a request that older clients write as text.
func parseDeploymentVersion(ctx context.Context, text string) (deployment.Version, error) {
	v, err := deployment.Parse(text)
	if err != nil {
		return v, serviceerror.NewInvalidArgumentf("invalid version string %q, expected format is \"<deployment_name>.<build_id>\"", text)
	}
	return v, checkVersion(ctx, v)
}

// CreateWorkerDeploymentVersion makes a version before any worker of it has polled.
func (h *deploymentHandlers) CreateWorkerDeploymentVersion(ctx context.Context, req *workflowservice.CreateWorkerDeploymentVersionRequest) (*workflowservice.CreateWorkerDeploymentVersionResponse, error) {
	v, err := checkNewVersion(ctx, req)
	if err := cmp.Or(err, limitsOf(ctx).CheckIdentity(req.GetIdentity()), limitsOf(ctx).CheckRequestID(req.GetRequestId())); err != nil {
		return nil, err
	}
	if err := checkCompute(ctx, deployment.NewGroups(req.GetComputeConfig()), nil); err != nil {
		return nil, err
	}
	limits := deploymentLimits(ctx)
	polled, err := h.polledVersions(ctx, v, limits)
	if err != nil {
		return nil, err
	}
	err = stepDeployments(ctx, h.runtime, func(step *entity.Step, d *deployment.Deployments) error {
		return d.CreateVersion(step, v, req.GetIdentity(), cmp.Or(req.GetRequestId(), uuid.NewString()), req.GetComputeConfig(), limits, polled)
	})
	if err != nil {
		return nil, err
	}
	return new(workflowservice.CreateWorkerDeploymentVersionResponse), nil
}

// DescribeWorkerDeploymentVersion tells of a version and its task queues.
func (h *deploymentHandlers) DescribeWorkerDeploymentVersion(ctx context.Context, req *workflowservice.DescribeWorkerDeploymentVersionRequest) (*workflowservice.DescribeWorkerDeploymentVersionResponse, error) {
	if err := checkDeploymentsOn(ctx); err != nil {
		return nil, err
	}
	//lint:ignore SA1019 older clients use it
	text := req.GetVersion()
	if text == "" {
		if req.GetDeploymentVersion() == nil {
			return nil, serviceerror.NewInvalidArgument("deployment version cannot be empty")
		}
		text = oldText(req.GetDeploymentVersion())
	}
	v, err := parseDeploymentVersion(ctx, text)
	if err != nil {
		return nil, err
	}
	resp := new(workflowservice.DescribeWorkerDeploymentVersionResponse)
	var queues []entity.Queue
	err = viewDeployments(ctx, h.runtime, func(d *deployment.Deployments) (err error) {
		resp.WorkerDeploymentVersionInfo, err = d.DescribeVersion(v)
		queues = d.Queues(v)
		return err
	})
	if err != nil {
		return nil, err
	}
	info := resp.WorkerDeploymentVersionInfo
	for _, queue := range queues {
		t := queueTypeOf(queue)
		info.TaskQueueInfos = append(info.TaskQueueInfos, &deploymentpb.WorkerDeploymentVersionInfo_VersionTaskQueueInfo{Name: queue.Name, Type: t})
		entry := &workflowservice.DescribeWorkerDeploymentVersionResponse_VersionTaskQueue{Name: queue.Name, Type: t}
		resp.VersionTaskQueues = append(resp.VersionTaskQueues, entry)
		if !req.GetReportTaskQueueStats() {
			continue
		}
		whole, err := h.matching.Describe(ctx, queue, "")
		if err != nil {
			return nil, err
		}
		part := whole.Of(v.String())
		entry.Stats = queueStats(part, part.Total())
		entry.StatsByPriorityKey = make(map[int32]*taskqueuepb.TaskQueueStats, len(part.Stats))
		for priority, stats := range part.Stats {
			entry.StatsByPriorityKey[priority] = queueStats(part, stats)
		}
	}
	return resp, nil
}

// oldText is the text that older clients write for a version of today.
func oldText(v *deploymentpb.WorkerDeploymentVersion) string {
	return v.GetDeploymentName() + "." + v.GetBuildId()
}

// DeleteWorkerDeploymentVersion removes a version that nobody needs.
func (h *deploymentHandlers) DeleteWorkerDeploymentVersion(ctx context.Context, req *workflowservice.DeleteWorkerDeploymentVersionRequest) (*workflowservice.DeleteWorkerDeploymentVersionResponse, error) {
	//lint:ignore SA1019 older clients use it
	text := req.GetVersion()
	if req.GetDeploymentVersion() != nil {
		text = oldText(req.GetDeploymentVersion())
	}
	v, err := deployment.Parse(text)
	if err != nil {
		_, err = parseDeploymentVersion(ctx, text)
		return nil, err
	}
	if err := cmp.Or(limitsOf(ctx).CheckDeploymentName(v.Deployment), limitsOf(ctx).CheckIdentity(req.GetIdentity())); err != nil {
		return nil, err
	}
	var queues []entity.Queue
	if err := viewDeployments(ctx, h.runtime, func(d *deployment.Deployments) error { queues = d.Queues(v); return nil }); err != nil {
		return nil, err
	}
	polled, err := anyPolled(ctx, h.matching, v, queues)
	if err != nil {
		return nil, err
	}
	err = stepDeployments(ctx, h.runtime, func(step *entity.Step, d *deployment.Deployments) error {
		return d.DeleteVersion(step, v, cmp.Or(req.GetIdentity(), uuid.NewString()), req.GetSkipDrainage(), polled)
	})
	if err != nil {
		return nil, err
	}
	return new(workflowservice.DeleteWorkerDeploymentVersionResponse), nil
}

// UpdateWorkerDeploymentVersionMetadata changes what people have noted of a version.
func (h *deploymentHandlers) UpdateWorkerDeploymentVersionMetadata(ctx context.Context, req *workflowservice.UpdateWorkerDeploymentVersionMetadataRequest) (*workflowservice.UpdateWorkerDeploymentVersionMetadataResponse, error) {
	if req.GetUpsertEntries() == nil && req.GetRemoveEntries() == nil {
		return nil, serviceerror.NewInvalidArgument("At least one of remove_entries or upsert_entries must be provided")
	}
	v := deployment.FromProto(req.GetDeploymentVersion())
	if req.GetDeploymentVersion() == nil {
		//lint:ignore SA1019 older clients use it
		v, _ = deployment.Parse(req.GetVersion())
	}
	if err := cmp.Or(checkVersion(ctx, v), limitsOf(ctx).CheckIdentity(req.GetIdentity())); err != nil {
		return nil, err
	}
	for _, payload := range req.GetUpsertEntries() {
		if err := limitsOf(ctx).CheckBlob(payload); err != nil {
			return nil, err
		}
	}
	resp := new(workflowservice.UpdateWorkerDeploymentVersionMetadataResponse)
	err := stepDeployments(ctx, h.runtime, func(_ *entity.Step, d *deployment.Deployments) (err error) {
		resp.Metadata, err = d.UpdateMetadata(v, req.GetUpsertEntries(), req.GetRemoveEntries(), req.GetIdentity())
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}
