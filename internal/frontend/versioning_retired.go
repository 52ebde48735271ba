package frontend

import (
	"context"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
)

// retiredVersioningHandlers answer the calls of the forms that worker versioning had before
// worker deployments as servers do that have them switched off, which is how they come.
type retiredVersioningHandlers struct{}

var (
	errVersionSetsOff  = serviceerror.NewPermissionDenied("Worker versioning v0.1 (Version Set-based, deprecated) is disabled on this namespace.", "")
	errVersionRulesOff = serviceerror.NewPermissionDenied("Worker versioning v0.2 (Rules-based, deprecated) is disabled on this namespace.", "")
	errDeploymentsGone = serviceerror.NewUnimplemented("Deployments are deprecated and no longer supported, use Worker Deployments instead")
)

// UpdateWorkerBuildIdCompatibility is switched off.
func (retiredVersioningHandlers) UpdateWorkerBuildIdCompatibility(context.Context, *workflowservice.UpdateWorkerBuildIdCompatibilityRequest) (*workflowservice.UpdateWorkerBuildIdCompatibilityResponse, error) {
	return nil, errVersionSetsOff
}

// GetWorkerBuildIdCompatibility is switched off.
func (retiredVersioningHandlers) GetWorkerBuildIdCompatibility(context.Context, *workflowservice.GetWorkerBuildIdCompatibilityRequest) (*workflowservice.GetWorkerBuildIdCompatibilityResponse, error) {
	return nil, errVersionSetsOff
}

// UpdateWorkerVersioningRules is switched off.
func (retiredVersioningHandlers) UpdateWorkerVersioningRules(context.Context, *workflowservice.UpdateWorkerVersioningRulesRequest) (*workflowservice.UpdateWorkerVersioningRulesResponse, error) {
	return nil, errVersionRulesOff
}

// GetWorkerVersioningRules is switched off.
func (retiredVersioningHandlers) GetWorkerVersioningRules(context.Context, *workflowservice.GetWorkerVersioningRulesRequest) (*workflowservice.GetWorkerVersioningRulesResponse, error) {
	return nil, errVersionRulesOff
}

// GetWorkerTaskReachability is switched off.
func (retiredVersioningHandlers) GetWorkerTaskReachability(context.Context, *workflowservice.GetWorkerTaskReachabilityRequest) (*workflowservice.GetWorkerTaskReachabilityResponse, error) {
	return nil, errVersionRulesOff
}

// DescribeDeployment is gone.
func (retiredVersioningHandlers) DescribeDeployment(context.Context, *workflowservice.DescribeDeploymentRequest) (*workflowservice.DescribeDeploymentResponse, error) {
	return nil, errDeploymentsGone
}

// ListDeployments is gone.
func (retiredVersioningHandlers) ListDeployments(context.Context, *workflowservice.ListDeploymentsRequest) (*workflowservice.ListDeploymentsResponse, error) {
	return nil, errDeploymentsGone
}

// GetDeploymentReachability is gone.
func (retiredVersioningHandlers) GetDeploymentReachability(context.Context, *workflowservice.GetDeploymentReachabilityRequest) (*workflowservice.GetDeploymentReachabilityResponse, error) {
	return nil, errDeploymentsGone
}

// GetCurrentDeployment is gone.
func (retiredVersioningHandlers) GetCurrentDeployment(context.Context, *workflowservice.GetCurrentDeploymentRequest) (*workflowservice.GetCurrentDeploymentResponse, error) {
	return nil, errDeploymentsGone
}

// SetCurrentDeployment is gone.
func (retiredVersioningHandlers) SetCurrentDeployment(context.Context, *workflowservice.SetCurrentDeploymentRequest) (*workflowservice.SetCurrentDeploymentResponse, error) {
	return nil, errDeploymentsGone
}
