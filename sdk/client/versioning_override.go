package client

import (
	iclient "github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/policy"
)

type (
	// VersioningOverride says on which version a workflow runs, whatever its type and its
	// workers say: [*PinnedVersioningOverride], [*AutoUpgradeVersioningOverride] or
	// [*OneTimeVersioningOverride].
	VersioningOverride = policy.VersioningOverride

	// PinnedVersioningOverride keeps a workflow on one version.
	PinnedVersioningOverride = policy.PinnedVersioningOverride

	// AutoUpgradeVersioningOverride moves a workflow to the current version of its
	// deployment, at every workflow task.
	AutoUpgradeVersioningOverride = policy.AutoUpgradeVersioningOverride

	// OneTimeVersioningOverride sends a workflow to a version for one workflow task.
	OneTimeVersioningOverride = policy.OneTimeVersioningOverride

	// UpdateWorkflowExecutionOptionsRequest is the request of
	// Client.UpdateWorkflowExecutionOptions.
	UpdateWorkflowExecutionOptionsRequest = iclient.UpdateWorkflowExecutionOptionsRequest

	// WorkflowExecutionOptions are how a workflow is run.
	WorkflowExecutionOptions = iclient.WorkflowExecutionOptions

	// WorkflowExecutionOptionsChanges are changes of [WorkflowExecutionOptions].
	WorkflowExecutionOptionsChanges = iclient.WorkflowExecutionOptionsChanges

	// VersioningOverrideChange sets an override, or removes it.
	VersioningOverrideChange = iclient.VersioningOverrideChange
)
