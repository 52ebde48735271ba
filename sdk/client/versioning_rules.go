package client

import iclient "github.com/perdure/perdure/sdk/internal/client"

type (
	// VersioningRampByPercentage is a part of all new workflows.
	VersioningRampByPercentage = iclient.VersioningRampByPercentage

	// VersioningAssignmentRule assigns new workflows to a build. Of the rules of a task queue,
	// the first one that a workflow falls under holds.
	VersioningAssignmentRule = iclient.VersioningAssignmentRule

	// VersioningAssignmentRuleWithTimestamp is an assignment rule of a task queue.
	VersioningAssignmentRuleWithTimestamp = iclient.VersioningAssignmentRuleWithTimestamp

	// VersioningRedirectRule moves the workflows of a build to a compatible one.
	VersioningRedirectRule = iclient.VersioningRedirectRule

	// VersioningRedirectRuleWithTimestamp is a redirect rule of a task queue.
	VersioningRedirectRuleWithTimestamp = iclient.VersioningRedirectRuleWithTimestamp

	// VersioningConflictToken makes an update fail if the rules have changed since they were
	// read.
	VersioningConflictToken = iclient.VersioningConflictToken

	// UpdateWorkerVersioningRulesOptions are the options of UpdateWorkerVersioningRules.
	UpdateWorkerVersioningRulesOptions = iclient.UpdateWorkerVersioningRulesOptions

	// VersioningOperationInsertAssignmentRule inserts an assignment rule. It is an error to put
	// a rule without a ramp before the last one.
	VersioningOperationInsertAssignmentRule = iclient.VersioningOperationInsertAssignmentRule

	// VersioningOperationReplaceAssignmentRule puts another assignment rule in the place of
	// one.
	VersioningOperationReplaceAssignmentRule = iclient.VersioningOperationReplaceAssignmentRule

	// VersioningOperationDeleteAssignmentRule takes an assignment rule out of the list.
	VersioningOperationDeleteAssignmentRule = iclient.VersioningOperationDeleteAssignmentRule

	// VersioningOperationAddRedirectRule adds a redirect rule. There must be none for the
	// source.
	VersioningOperationAddRedirectRule = iclient.VersioningOperationAddRedirectRule

	// VersioningOperationReplaceRedirectRule replaces the redirect rule of a source.
	VersioningOperationReplaceRedirectRule = iclient.VersioningOperationReplaceRedirectRule

	// VersioningOperationDeleteRedirectRule deletes the redirect rule of a source.
	VersioningOperationDeleteRedirectRule = iclient.VersioningOperationDeleteRedirectRule

	// VersioningOperationCommitBuildID ends the roll-out of a build: the build gets all new
	// workflows, and rules that ramp it are dropped.
	VersioningOperationCommitBuildID = iclient.VersioningOperationCommitBuildID

	// GetWorkerVersioningOptions are the options of GetWorkerVersioningRules.
	GetWorkerVersioningOptions = iclient.GetWorkerVersioningOptions

	// WorkerVersioningRules are the rules of a task queue.
	WorkerVersioningRules = iclient.WorkerVersioningRules
)
