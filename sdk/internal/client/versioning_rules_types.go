package client

import (
	"errors"
	"time"
)

// VersioningRamp says which part of new workflows an assignment rule holds for:
// [*VersioningRampByPercentage].
type VersioningRamp interface {
	validateRamp() error
}

// VersioningRampByPercentage is a part of all new workflows.
type VersioningRampByPercentage struct {
	// Percentage is at least 0 and less than 100.
	Percentage float32
}

// VersioningAssignmentRule assigns new workflows to a build. Of the rules of a task queue,
// the first one that a workflow falls under holds.
type VersioningAssignmentRule struct {
	// TargetBuildID is the build. It is required.
	TargetBuildID string
	// Ramp is the part of workflows that the rule is for. The default, nil, is all.
	Ramp VersioningRamp
}

// VersioningAssignmentRuleWithTimestamp is an assignment rule of a task queue.
type VersioningAssignmentRuleWithTimestamp struct {
	// Rule itself, as it was inserted or last replaced.
	Rule VersioningAssignmentRule
	// CreateTime is when it was added.
	CreateTime time.Time
}

// VersioningRedirectRule moves the workflows of a build to a compatible one.
type VersioningRedirectRule struct {
	// SourceBuildID is the build that the workflows are on.
	SourceBuildID string
	// TargetBuildID is the build that they move to.
	TargetBuildID string
}

// VersioningRedirectRuleWithTimestamp is a redirect rule of a task queue.
type VersioningRedirectRuleWithTimestamp struct {
	// Rule itself, as it was added or last replaced.
	Rule VersioningRedirectRule
	// CreateTime is when it was added.
	CreateTime time.Time
}

// VersioningConflictToken makes an update fail if the rules have changed since they were
// read.
type VersioningConflictToken struct {
	token []byte
}

// Token returns the token as the server made it.
func (c *VersioningConflictToken) Token() []byte { return c.token }

// UpdateWorkerVersioningRulesOptions are the options of UpdateWorkerVersioningRules.
type UpdateWorkerVersioningRulesOptions struct {
	// TaskQueue is the task queue whose rules change. It is required.
	TaskQueue string
	// ConflictToken is from the last time that the rules were read or changed. It is
	// required, so begin with GetWorkerVersioningRules.
	ConflictToken VersioningConflictToken
	// Operation is the change: a pointer to one of the types that begin with
	// VersioningOperation. It is required.
	Operation VersioningOperation
}

// VersioningOperation is a change of the rules of a task queue.
type VersioningOperation interface {
	validateOp() error
}

// VersioningOperationInsertAssignmentRule inserts an assignment rule. It is an error to put
// a rule without a ramp before the last one.
type VersioningOperationInsertAssignmentRule struct {
	// RuleIndex is where the rule will be, from 0. A number beyond the end is the end.
	RuleIndex int32
	// Rule is the new rule.
	Rule VersioningAssignmentRule
}

// VersioningOperationReplaceAssignmentRule puts another assignment rule in the place of one.
type VersioningOperationReplaceAssignmentRule struct {
	// RuleIndex is which one, from 0.
	RuleIndex int32
	// Rule is what takes its place.
	Rule VersioningAssignmentRule
	// Force allows to replace the last rule without a ramp.
	Force bool
}

// VersioningOperationDeleteAssignmentRule takes an assignment rule out of the list.
type VersioningOperationDeleteAssignmentRule struct {
	// RuleIndex is which one, from 0.
	RuleIndex int32
	// Force allows to delete the last rule without a ramp.
	Force bool
}

// VersioningOperationAddRedirectRule adds a redirect rule. There must be none for the
// source.
type VersioningOperationAddRedirectRule struct {
	// Rule is the new rule.
	Rule VersioningRedirectRule
}

// VersioningOperationReplaceRedirectRule replaces the redirect rule of a source.
type VersioningOperationReplaceRedirectRule struct {
	// Rule is the new rule.
	Rule VersioningRedirectRule
}

// VersioningOperationDeleteRedirectRule deletes the redirect rule of a source.
type VersioningOperationDeleteRedirectRule struct {
	// SourceBuildID is the build that the rule redirects from. It is required.
	SourceBuildID string
}

// VersioningOperationCommitBuildID ends the roll-out of a build: the build gets all new
// workflows, and rules that ramp it are dropped.
type VersioningOperationCommitBuildID struct {
	// TargetBuildID is the build that becomes the only one that new workflows are assigned to.
	// It is required.
	TargetBuildID string
	// Force commits the build though no worker of it has polled lately.
	Force bool
}

// GetWorkerVersioningOptions are the options of GetWorkerVersioningRules.
type GetWorkerVersioningOptions struct {
	// TaskQueue is the task queue to ask about. It is required.
	TaskQueue string
}

// WorkerVersioningRules are the rules of a task queue.
type WorkerVersioningRules struct {
	// AssignmentRules are in order.
	AssignmentRules []*VersioningAssignmentRuleWithTimestamp
	// RedirectRules are in no order.
	RedirectRules []*VersioningRedirectRuleWithTimestamp
	// ConflictToken is for a change that is to follow.
	ConflictToken VersioningConflictToken
}

func (r *VersioningRampByPercentage) validateRamp() error {
	// Written so that NaN is refused as well.
	if r.Percentage >= 0 && r.Percentage < 100 {
		return nil
	}
	return errors.New("the percentage of a ramp must be at least 0 and less than 100")
}

func (r *VersioningAssignmentRule) validate() error {
	if r.TargetBuildID == "" {
		return errors.New("missing TargetBuildID in assignment rule")
	}
	if r.Ramp == nil {
		return nil
	}
	return r.Ramp.validateRamp()
}

func (r *VersioningRedirectRule) validate() error {
	switch {
	case r.TargetBuildID == "":
		return errors.New("missing TargetBuildID in redirect rule")
	case r.SourceBuildID == "":
		return errors.New("missing SourceBuildID in redirect rule")
	}
	return nil
}

func (o *VersioningOperationInsertAssignmentRule) validateOp() error  { return o.Rule.validate() }
func (o *VersioningOperationReplaceAssignmentRule) validateOp() error { return o.Rule.validate() }
func (o *VersioningOperationDeleteAssignmentRule) validateOp() error  { return nil }
func (o *VersioningOperationAddRedirectRule) validateOp() error       { return o.Rule.validate() }
func (o *VersioningOperationReplaceRedirectRule) validateOp() error   { return o.Rule.validate() }

func (o *VersioningOperationDeleteRedirectRule) validateOp() error {
	if o.SourceBuildID == "" {
		return errors.New("missing SourceBuildID")
	}
	return nil
}

func (o *VersioningOperationCommitBuildID) validateOp() error {
	if o.TargetBuildID == "" {
		return errors.New("missing TargetBuildID")
	}
	return nil
}
