package client

import (
	"context"
	"errors"

	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/sdk/internal/policy"
)

// UpdateWorkflowExecutionOptionsRequest says what to change about how a workflow is run.
type UpdateWorkflowExecutionOptionsRequest struct {
	// WorkflowId is required.
	WorkflowId string
	// RunId is the run to change. The default is the current one.
	RunId string
	// WorkflowExecutionOptionsChanges are the changes, at least one.
	WorkflowExecutionOptionsChanges WorkflowExecutionOptionsChanges
}

// WorkflowExecutionOptionsChanges are changes of WorkflowExecutionOptions. What is nil
// stays as it is.
type WorkflowExecutionOptionsChanges struct {
	// VersioningOverride sets or removes the override.
	VersioningOverride *VersioningOverrideChange
}

// VersioningOverrideChange sets an override, or removes it.
type VersioningOverrideChange struct {
	// Value is the override. Nil removes the one that is set.
	Value policy.VersioningOverride
}

// WorkflowExecutionOptions are how a workflow is run.
type WorkflowExecutionOptions struct {
	// VersioningOverride says on which version, or is nil.
	VersioningOverride policy.VersioningOverride
}

// UpdateWorkflowExecutionOptions changes how a workflow is run, and returns how it is then.
func (c *Client) UpdateWorkflowExecutionOptions(ctx context.Context, options UpdateWorkflowExecutionOptionsRequest) (WorkflowExecutionOptions, error) {
	change := options.WorkflowExecutionOptionsChanges.VersioningOverride
	switch {
	case options.WorkflowId == "":
		return WorkflowExecutionOptions{}, errors.New("missing workflow id argument")
	case change == nil:
		return WorkflowExecutionOptions{}, errors.New("WorkflowExecutionOptionsChanges say nothing to change")
	}
	response, err := c.service.UpdateWorkflowExecutionOptions(ctx, &workflowservice.UpdateWorkflowExecutionOptionsRequest{
		Namespace:                c.namespace,
		WorkflowExecution:        &commonpb.WorkflowExecution{WorkflowId: options.WorkflowId, RunId: options.RunId},
		WorkflowExecutionOptions: &workflowpb.WorkflowExecutionOptions{VersioningOverride: policy.VersioningOverrideToProto(change.Value)},
		UpdateMask:               &fieldmaskpb.FieldMask{Paths: []string{"versioning_override"}},
		Identity:                 c.identity,
	})
	if err != nil {
		return WorkflowExecutionOptions{}, err
	}
	return WorkflowExecutionOptions{
		VersioningOverride: policy.VersioningOverrideFromProto(response.GetWorkflowExecutionOptions().GetVersioningOverride()),
	}, nil
}
