package frontend

import (
	"cmp"
	"context"

	"github.com/google/uuid"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
)

// checkCompute checks sizes of changes of a compute configuration; what they mean is checked when they are applied.
func checkCompute(ctx context.Context, groups deployment.Groups, remove []string) error {
	for id, update := range groups {
		group := update.GetScalingGroup()
		if err := cmp.Or(
			limitsOf(ctx).CheckLength("ScalingGroupId", id, check.Request),
			limitsOf(ctx).CheckLength("ComputeProvider.NexusEndpoint", group.GetProvider().GetNexusEndpoint(), check.Request),
			limitsOf(ctx).CheckLength("ComputeProvider.Type", group.GetProvider().GetType(), check.Request),
			limitsOf(ctx).CheckBlob(update),
		); err != nil {
			return err
		}
	}
	for _, id := range remove {
		if err := limitsOf(ctx).CheckLength("ScalingGroupId", id, check.Request); err != nil {
			return err
		}
	}
	return nil
}

// UpdateWorkerDeploymentVersionComputeConfig says how workers of a version are to be started, for whoever does so.
func (h *deploymentHandlers) UpdateWorkerDeploymentVersionComputeConfig(ctx context.Context, req *workflowservice.UpdateWorkerDeploymentVersionComputeConfigRequest) (*workflowservice.UpdateWorkerDeploymentVersionComputeConfigResponse, error) {
	v, err := checkNewVersion(ctx, req)
	upsert, remove := req.GetComputeConfigScalingGroups(), req.GetRemoveComputeConfigScalingGroups()
	if err := cmp.Or(err, limitsOf(ctx).CheckIdentity(req.GetIdentity()), limitsOf(ctx).CheckRequestID(req.GetRequestId()), checkCompute(ctx, upsert, remove)); err != nil {
		return nil, err
	}
	err = stepDeployments(ctx, h.runtime, func(_ *entity.Step, d *deployment.Deployments) error {
		return d.UpdateCompute(v, upsert, remove, req.GetIdentity(), cmp.Or(req.GetRequestId(), uuid.NewString()))
	})
	if err != nil {
		return nil, err
	}
	return new(workflowservice.UpdateWorkerDeploymentVersionComputeConfigResponse), nil
}

// ValidateWorkerDeploymentVersionComputeConfig tells whether UpdateWorkerDeploymentVersionComputeConfig would take what it is given.
func (h *deploymentHandlers) ValidateWorkerDeploymentVersionComputeConfig(ctx context.Context, req *workflowservice.ValidateWorkerDeploymentVersionComputeConfigRequest) (*workflowservice.ValidateWorkerDeploymentVersionComputeConfigResponse, error) {
	upsert, remove := req.GetComputeConfigScalingGroups(), req.GetRemoveComputeConfigScalingGroups()
	if err := cmp.Or(checkDeploymentsOn(ctx), limitsOf(ctx).CheckIdentity(req.GetIdentity()), checkCompute(ctx, upsert, remove)); err != nil {
		return nil, err
	}
	v := deployment.FromProto(req.GetDeploymentVersion())
	err := viewDeployments(ctx, h.runtime, func(d *deployment.Deployments) error { return d.ValidateCompute(v, upsert, remove) })
	if err != nil {
		return nil, err
	}
	return new(workflowservice.ValidateWorkerDeploymentVersionComputeConfigResponse), nil
}
