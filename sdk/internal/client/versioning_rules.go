package client

//lint:file-ignore SA1019 versioning by rules is deprecated, and kept for the servers that have it

import (
	"context"
	"errors"

	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// UpdateWorkerVersioningRules changes the versioning rules of a task queue, and returns
// what they are then.
func (c *Client) UpdateWorkerVersioningRules(ctx context.Context, options UpdateWorkerVersioningRulesOptions) (*WorkerVersioningRules, error) {
	request, err := options.toProto()
	if err != nil {
		return nil, err
	}
	request.Namespace = c.namespace
	response, err := c.service.UpdateWorkerVersioningRules(ctx, request)
	if err != nil {
		return nil, err
	}
	return versioningRulesFromProto(response), nil
}

// GetWorkerVersioningRules returns the versioning rules of a task queue.
func (c *Client) GetWorkerVersioningRules(ctx context.Context, options GetWorkerVersioningOptions) (*WorkerVersioningRules, error) {
	if options.TaskQueue == "" {
		return nil, errors.New("missing TaskQueue field")
	}
	response, err := c.service.GetWorkerVersioningRules(ctx, &workflowservice.GetWorkerVersioningRulesRequest{
		Namespace: c.namespace,
		TaskQueue: options.TaskQueue,
	})
	if err != nil {
		return nil, err
	}
	return versioningRulesFromProto(response), nil
}

func (options UpdateWorkerVersioningRulesOptions) toProto() (*workflowservice.UpdateWorkerVersioningRulesRequest, error) {
	switch {
	case options.TaskQueue == "":
		return nil, errors.New("missing TaskQueue field")
	case options.Operation == nil:
		return nil, errors.New("missing Operation field")
	}
	if err := options.Operation.validateOp(); err != nil {
		return nil, err
	}
	request := &workflowservice.UpdateWorkerVersioningRulesRequest{
		TaskQueue:     options.TaskQueue,
		ConflictToken: options.ConflictToken.token,
	}
	switch o := options.Operation.(type) {
	case *VersioningOperationInsertAssignmentRule:
		request.Operation = &workflowservice.UpdateWorkerVersioningRulesRequest_InsertAssignmentRule{
			InsertAssignmentRule: &workflowservice.UpdateWorkerVersioningRulesRequest_InsertBuildIdAssignmentRule{
				RuleIndex: o.RuleIndex,
				Rule:      o.Rule.toProto(),
			},
		}
	case *VersioningOperationReplaceAssignmentRule:
		request.Operation = &workflowservice.UpdateWorkerVersioningRulesRequest_ReplaceAssignmentRule{
			ReplaceAssignmentRule: &workflowservice.UpdateWorkerVersioningRulesRequest_ReplaceBuildIdAssignmentRule{
				RuleIndex: o.RuleIndex,
				Rule:      o.Rule.toProto(),
				Force:     o.Force,
			},
		}
	case *VersioningOperationDeleteAssignmentRule:
		request.Operation = &workflowservice.UpdateWorkerVersioningRulesRequest_DeleteAssignmentRule{
			DeleteAssignmentRule: &workflowservice.UpdateWorkerVersioningRulesRequest_DeleteBuildIdAssignmentRule{
				RuleIndex: o.RuleIndex,
				Force:     o.Force,
			},
		}
	case *VersioningOperationAddRedirectRule:
		request.Operation = &workflowservice.UpdateWorkerVersioningRulesRequest_AddCompatibleRedirectRule{
			AddCompatibleRedirectRule: &workflowservice.UpdateWorkerVersioningRulesRequest_AddCompatibleBuildIdRedirectRule{
				Rule: o.Rule.toProto(),
			},
		}
	case *VersioningOperationReplaceRedirectRule:
		request.Operation = &workflowservice.UpdateWorkerVersioningRulesRequest_ReplaceCompatibleRedirectRule{
			ReplaceCompatibleRedirectRule: &workflowservice.UpdateWorkerVersioningRulesRequest_ReplaceCompatibleBuildIdRedirectRule{
				Rule: o.Rule.toProto(),
			},
		}
	case *VersioningOperationDeleteRedirectRule:
		request.Operation = &workflowservice.UpdateWorkerVersioningRulesRequest_DeleteCompatibleRedirectRule{
			DeleteCompatibleRedirectRule: &workflowservice.UpdateWorkerVersioningRulesRequest_DeleteCompatibleBuildIdRedirectRule{
				SourceBuildId: o.SourceBuildID,
			},
		}
	case *VersioningOperationCommitBuildID:
		request.Operation = &workflowservice.UpdateWorkerVersioningRulesRequest_CommitBuildId_{
			CommitBuildId: &workflowservice.UpdateWorkerVersioningRulesRequest_CommitBuildId{
				TargetBuildId: o.TargetBuildID,
				Force:         o.Force,
			},
		}
	}
	return request, nil
}

func (r *VersioningAssignmentRule) toProto() *taskqueuepb.BuildIdAssignmentRule {
	rule := &taskqueuepb.BuildIdAssignmentRule{TargetBuildId: r.TargetBuildID}
	if ramp, ok := r.Ramp.(*VersioningRampByPercentage); ok {
		rule.Ramp = &taskqueuepb.BuildIdAssignmentRule_PercentageRamp{
			PercentageRamp: &taskqueuepb.RampByPercentage{RampPercentage: ramp.Percentage},
		}
	}
	return rule
}

func (r *VersioningRedirectRule) toProto() *taskqueuepb.CompatibleBuildIdRedirectRule {
	return &taskqueuepb.CompatibleBuildIdRedirectRule{SourceBuildId: r.SourceBuildID, TargetBuildId: r.TargetBuildID}
}

// versioningRulesResponse is what both RPCs answer.
type versioningRulesResponse interface {
	GetAssignmentRules() []*taskqueuepb.TimestampedBuildIdAssignmentRule
	GetCompatibleRedirectRules() []*taskqueuepb.TimestampedCompatibleBuildIdRedirectRule
	GetConflictToken() []byte
}

func versioningRulesFromProto(response versioningRulesResponse) *WorkerVersioningRules {
	rules := &WorkerVersioningRules{
		AssignmentRules: make([]*VersioningAssignmentRuleWithTimestamp, 0, len(response.GetAssignmentRules())),
		RedirectRules:   make([]*VersioningRedirectRuleWithTimestamp, 0, len(response.GetCompatibleRedirectRules())),
		ConflictToken:   VersioningConflictToken{token: response.GetConflictToken()},
	}
	for _, p := range response.GetAssignmentRules() {
		rule := &VersioningAssignmentRuleWithTimestamp{
			Rule:       VersioningAssignmentRule{TargetBuildID: p.GetRule().GetTargetBuildId()},
			CreateTime: timeOrZero(p.GetCreateTime()),
		}
		if ramp := p.GetRule().GetPercentageRamp(); ramp != nil {
			rule.Rule.Ramp = &VersioningRampByPercentage{Percentage: ramp.GetRampPercentage()}
		}
		rules.AssignmentRules = append(rules.AssignmentRules, rule)
	}
	for _, p := range response.GetCompatibleRedirectRules() {
		rules.RedirectRules = append(rules.RedirectRules, &VersioningRedirectRuleWithTimestamp{
			Rule: VersioningRedirectRule{
				SourceBuildID: p.GetRule().GetSourceBuildId(),
				TargetBuildID: p.GetRule().GetTargetBuildId(),
			},
			CreateTime: timeOrZero(p.GetCreateTime()),
		})
	}
	return rules
}
