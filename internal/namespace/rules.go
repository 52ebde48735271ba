package namespace

import (
	"context"
	"maps"
	"slices"
	"time"

	rulespb "go.temporal.io/api/rules/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/rule"
)

var (
	errRuleExists  = serviceerror.NewInvalidArgument("Workflow Rule with this ID already exists.")
	errRuleMissing = serviceerror.NewInvalidArgument("Workflow Rule with this ID not Found.")
)

// CreateRule adds a workflow rule to a namespace and returns it. A rule with the id
// and the request id of one that there is is that one. Rules that have expired make
// room. It fails with NamespaceNotFound and, if the id is taken, there are too many
// rules, or a condition makes no sense, with InvalidArgument.
func (r *Registry) CreateRule(ctx context.Context, req *workflowservice.CreateWorkflowRuleRequest) (created *rulespb.WorkflowRule, err error) {
	err = r.runtime.Step(ctx, Key, func(step *entity.Step, e entity.Entity) (err error) {
		created, err = e.(*directory).createRule(step, req)
		return err
	})
	return created, err
}

// DeleteRule removes a workflow rule. It fails with NamespaceNotFound and, if there is
// no such rule, with InvalidArgument.
func (r *Registry) DeleteRule(ctx context.Context, namespace, id string) error {
	return r.runtime.Step(ctx, Key, func(step *entity.Step, e entity.Entity) error {
		return e.(*directory).deleteRule(step, namespace, id)
	})
}

// Rule is the namespace's rule with the id. It fails with InvalidArgument if there is
// none.
func (n *Namespace) Rule(id string) (*rule.Rule, error) {
	for _, r := range n.Rules {
		if r.GetSpec().GetId() == id {
			return r, nil
		}
	}
	return nil, errRuleMissing
}

func (d *directory) createRule(step *entity.Step, req *workflowservice.CreateWorkflowRuleRequest) (*rulespb.WorkflowRule, error) {
	old, err := d.byName(req.GetNamespace())
	if err != nil {
		return nil, err
	}
	id := req.GetSpec().GetId()
	known := old.WorkflowRules[id]
	if known != nil && known.RequestId != "" && known.RequestId == req.GetRequestId() {
		return known.Rule, nil
	}
	created := &rulespb.WorkflowRule{
		CreateTime:        timestamppb.New(step.Now),
		Spec:              req.GetSpec(),
		CreatedByIdentity: req.GetIdentity(),
		Description:       req.GetDescription(),
	}
	if _, err := rule.Compile(created); err != nil {
		return nil, err
	}
	record := proto.CloneOf(old)
	maps.DeleteFunc(record.WorkflowRules, func(_ string, r *records.NamespaceRule) bool { return expired(r, step.Now) })
	if most := dynamicconfig.MaxWorkflowRules.Get(d.registry.config, record.Name); len(record.WorkflowRules) >= most {
		return nil, serviceerror.NewInvalidArgumentf("Workflow Rule limit exceeded. Max: %v", most)
	}
	if record.WorkflowRules[id] != nil {
		return nil, errRuleExists
	}
	if record.WorkflowRules == nil {
		record.WorkflowRules = make(map[string]*records.NamespaceRule)
	}
	record.WorkflowRules[id] = &records.NamespaceRule{Rule: created, RequestId: req.GetRequestId()}
	return created, d.put(step, record)
}

func expired(r *records.NamespaceRule, now time.Time) bool {
	return (&rule.Rule{WorkflowRule: r.GetRule()}).Expired(now)
}

func (d *directory) deleteRule(step *entity.Step, namespace, id string) error {
	old, err := d.byName(namespace)
	if err != nil {
		return err
	}
	if old.WorkflowRules[id] == nil {
		return errRuleMissing
	}
	record := proto.CloneOf(old)
	delete(record.WorkflowRules, id)
	return d.put(step, record)
}

// compileRules makes rules of those in a record, in the order of their ids. They have
// been compiled before they were stored; what a version compiles that this one does
// not is a rule that applies to nothing.
func compileRules(stored map[string]*records.NamespaceRule) (rules []*rule.Rule) {
	for _, id := range slices.Sorted(maps.Keys(stored)) {
		r, err := rule.Compile(stored[id].GetRule())
		if err != nil {
			r = &rule.Rule{WorkflowRule: stored[id].GetRule()}
		}
		rules = append(rules, r)
	}
	return rules
}
