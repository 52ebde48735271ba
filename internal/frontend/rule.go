package frontend

import (
	"cmp"
	"context"

	rulespb "go.temporal.io/api/rules/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/rule"
	"github.com/perdure/perdure/internal/workflow"
)

// ruleHandlers keep the workflow rules of namespaces. All of them are switched on by
// one setting.
type ruleHandlers struct {
	namespaces *namespace.Registry
	runtime    stepper
}

// ruled is what they need of a workflow.
type ruled interface {
	ApplyRule(step *entity.Step, runID string, r *rule.Rule) (applied bool, err error)
}

var _ ruled = (*workflow.Chain)(nil)

var (
	errNoRuleID    = serviceerror.NewInvalidArgument("Workflow Rule ID is not set.")
	errLongRuleID  = serviceerror.NewInvalidArgument("Workflow Rule Id length exceeds limit.")
	errNoRuleSpec  = serviceerror.NewInvalidArgument("Rule Specification is not set.")
	errNoRuleGiven = serviceerror.NewInvalidArgument("Workflow Rule ID or Specification is not set.")
)

// checkRulesOn refuses calls unless rules are switched on.
func checkRulesOn(ctx context.Context) error {
	if settingOf(ctx, dynamicconfig.WorkflowRules) {
		return nil
	}
	return serviceerror.NewUnimplementedf("method %s not supported", callOf(ctx).method.Name)
}

// CreateWorkflowRule adds a rule, which applies as soon as this returns, to whatever comes to a new attempt. force_scan changes nothing of that, as on a
// Temporal server: TriggerWorkflowRule is for attempts that are under way.
func (h *ruleHandlers) CreateWorkflowRule(ctx context.Context, req *workflowservice.CreateWorkflowRuleRequest) (*workflowservice.CreateWorkflowRuleResponse, error) {
	if err := cmp.Or(checkRulesOn(ctx), checkRuleSpec(ctx, req.GetSpec())); err != nil {
		return nil, err
	}
	if err := cmp.Or(limitsOf(ctx).CheckIdentity(req.GetIdentity()), limitsOf(ctx).CheckRequestID(req.GetRequestId())); err != nil {
		return nil, err
	}
	created, err := h.namespaces.CreateRule(ctx, req)
	if err != nil {
		return nil, err
	}
	return &workflowservice.CreateWorkflowRuleResponse{Rule: created}, nil
}

// DescribeWorkflowRule returns a rule.
func (h *ruleHandlers) DescribeWorkflowRule(ctx context.Context, req *workflowservice.DescribeWorkflowRuleRequest) (*workflowservice.DescribeWorkflowRuleResponse, error) {
	if err := cmp.Or(checkRulesOn(ctx), checkRuleID(ctx, req.GetRuleId())); err != nil {
		return nil, err
	}
	r, err := callOf(ctx).namespace.Rule(req.GetRuleId())
	if err != nil {
		return nil, err
	}
	return &workflowservice.DescribeWorkflowRuleResponse{Rule: r.WorkflowRule}, nil
}

// DeleteWorkflowRule removes a rule. What it has paused stays paused.
func (h *ruleHandlers) DeleteWorkflowRule(ctx context.Context, req *workflowservice.DeleteWorkflowRuleRequest) (*workflowservice.DeleteWorkflowRuleResponse, error) {
	if err := cmp.Or(checkRulesOn(ctx), checkRuleID(ctx, req.GetRuleId())); err != nil {
		return nil, err
	}
	if err := h.namespaces.DeleteRule(ctx, req.GetNamespace(), req.GetRuleId()); err != nil {
		return nil, err
	}
	return &workflowservice.DeleteWorkflowRuleResponse{}, nil
}

// ListWorkflowRules returns all rules of a namespace on one page, in the order of
// their ids.
func (h *ruleHandlers) ListWorkflowRules(ctx context.Context, _ *workflowservice.ListWorkflowRulesRequest) (*workflowservice.ListWorkflowRulesResponse, error) {
	if err := checkRulesOn(ctx); err != nil {
		return nil, err
	}
	resp := new(workflowservice.ListWorkflowRulesResponse)
	for _, r := range callOf(ctx).namespace.Rules {
		resp.Rules = append(resp.Rules, r.WorkflowRule)
	}
	return resp, nil
}

// TriggerWorkflowRule applies a rule to the pending activities of one workflow now,
// whatever they are doing: one that there is, or one of the request. A Temporal server
// does not implement it.
func (h *ruleHandlers) TriggerWorkflowRule(ctx context.Context, req *workflowservice.TriggerWorkflowRuleRequest) (*workflowservice.TriggerWorkflowRuleResponse, error) {
	if err := cmp.Or(checkRulesOn(ctx), limitsOf(ctx).CheckExecution(req.GetExecution(), check.Request), limitsOf(ctx).CheckIdentity(req.GetIdentity())); err != nil {
		return nil, err
	}
	r, err := ruleToTrigger(ctx, req)
	if err != nil {
		return nil, err
	}
	resp := new(workflowservice.TriggerWorkflowRuleResponse)
	err = stepWorkflow(ctx, h.runtime, req.GetExecution().GetWorkflowId(), func(step *entity.Step, c ruled) (err error) {
		resp.Applied, err = c.ApplyRule(step, req.GetExecution().GetRunId(), r)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

func ruleToTrigger(ctx context.Context, req *workflowservice.TriggerWorkflowRuleRequest) (*rule.Rule, error) {
	switch given := req.GetRule().(type) {
	case *workflowservice.TriggerWorkflowRuleRequest_Id:
		if err := checkRuleID(ctx, given.Id); err != nil {
			return nil, err
		}
		return callOf(ctx).namespace.Rule(given.Id)
	case *workflowservice.TriggerWorkflowRuleRequest_Spec:
		if err := checkRuleSpec(ctx, given.Spec); err != nil {
			return nil, err
		}
		return rule.Compile(&rulespb.WorkflowRule{Spec: given.Spec, CreatedByIdentity: req.GetIdentity()})
	}
	return nil, errNoRuleGiven
}

func checkRuleSpec(ctx context.Context, spec *rulespb.WorkflowRuleSpec) error {
	if spec == nil {
		return errNoRuleSpec
	}
	return checkRuleID(ctx, spec.GetId())
}

func checkRuleID(ctx context.Context, id string) error {
	switch {
	case id == "":
		return errNoRuleID
	case len(id) > limitsOf(ctx).ID:
		return errLongRuleID
	}
	return nil
}
