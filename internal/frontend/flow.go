package frontend

import (
	"context"

	commonpb "go.temporal.io/api/common/v1"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/flow"
)

// flowHandlers are the FlowService: the policies of flow control, and how they work.
type flowHandlers struct {
	runtime interface {
		stepper
		viewer
		flow.Records
	}
}

func (h *flowHandlers) step(ctx context.Context, fn func(*entity.Step, *flow.Policies) error) error {
	return h.runtime.Step(ctx, flow.PoliciesKey(callOf(ctx).namespace.ID), func(step *entity.Step, e entity.Entity) error {
		return fn(step, e.(*flow.Policies))
	})
}

func (h *flowHandlers) view(ctx context.Context, fn func(*flow.Policies) error) error {
	return h.runtime.View(ctx, flow.PoliciesKey(callOf(ctx).namespace.ID), func(e entity.Entity, _ entity.View) error {
		return fn(e.(*flow.Policies))
	})
}

// SetPolicy makes or changes a policy.
func (h *flowHandlers) SetPolicy(ctx context.Context, req *flowv1.SetPolicyRequest) (*flowv1.SetPolicyResponse, error) {
	if err := flow.Check(req.GetPolicy(), callOf(ctx).namespace.SearchAttributes); err != nil {
		return nil, err
	}
	resp := new(flowv1.SetPolicyResponse)
	err := h.step(ctx, func(step *entity.Step, p *flow.Policies) (err error) {
		resp.Policy, err = p.Set(step, req.GetPolicy())
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// GetPolicy returns a policy.
func (h *flowHandlers) GetPolicy(ctx context.Context, req *flowv1.GetPolicyRequest) (*flowv1.GetPolicyResponse, error) {
	resp := new(flowv1.GetPolicyResponse)
	err := h.view(ctx, func(p *flow.Policies) (err error) {
		resp.Policy, err = p.Get(req.GetName())
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// ListPolicies lists the policies of the namespace.
func (h *flowHandlers) ListPolicies(ctx context.Context, _ *flowv1.ListPoliciesRequest) (*flowv1.ListPoliciesResponse, error) {
	resp := new(flowv1.ListPoliciesResponse)
	err := h.view(ctx, func(p *flow.Policies) error {
		resp.Policies = p.List()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// DeletePolicy removes a policy.
func (h *flowHandlers) DeletePolicy(ctx context.Context, req *flowv1.DeletePolicyRequest) (*flowv1.DeletePolicyResponse, error) {
	err := h.step(ctx, func(step *entity.Step, p *flow.Policies) error { return p.Delete(step, req.GetName()) })
	if err != nil {
		return nil, err
	}
	return new(flowv1.DeletePolicyResponse), nil
}

// DescribeGate tells what runs and waits.
func (h *flowHandlers) DescribeGate(ctx context.Context, req *flowv1.DescribeGateRequest) (*flowv1.DescribeGateResponse, error) {
	if err := flow.CheckName(req.GetPolicy()); err != nil {
		return nil, err
	}
	var resp *flowv1.DescribeGateResponse
	key := flow.GateKey(callOf(ctx).namespace.ID, req.GetPolicy(), req.GetKey())
	err := h.runtime.View(ctx, key, func(e entity.Entity, view entity.View) (err error) {
		resp, err = e.(*flow.Gate).Describe(view, view.Now(), int(req.GetMaxItems()))
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// ListGates tells for which values of the key of a policy something runs or waits.
func (h *flowHandlers) ListGates(ctx context.Context, req *flowv1.ListGatesRequest) (*flowv1.ListGatesResponse, error) {
	if req.GetPolicy() != "" {
		if err := flow.CheckName(req.GetPolicy()); err != nil {
			return nil, err
		}
	}
	return flow.ListGates(ctx, h.runtime, callOf(ctx).namespace.ID, req.GetPolicy(), int(req.GetPageSize()))
}

// DescribeWorkflow tells where a run stands with the policies that it is under.
func (h *flowHandlers) DescribeWorkflow(ctx context.Context, req *flowv1.DescribeWorkflowRequest) (*flowv1.DescribeWorkflowResponse, error) {
	type chain interface {
		DescribeFlow(reader entity.Reader, runID string) (*flowv1.DescribeWorkflowResponse, error)
	}
	if err := limitsOf(ctx).CheckExecution(&commonpb.WorkflowExecution{WorkflowId: req.GetWorkflowId(), RunId: req.GetRunId()}, check.Request); err != nil {
		return nil, err
	}
	var resp *flowv1.DescribeWorkflowResponse
	err := viewWorkflow(ctx, h.runtime, req.GetWorkflowId(), func(c chain, view entity.View) (err error) {
		resp, err = c.DescribeFlow(view, req.GetRunId())
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}
