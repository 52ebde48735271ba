package frontend

import (
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	rulespb "go.temporal.io/api/rules/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/rule"
)

func (f *fakeChain) ApplyRule(_ *entity.Step, _ string, r *rule.Rule) (bool, error) {
	return true, f.step("ApplyRule "+r.GetSpec().GetId(), nil)
}

var rulesOn = dynamicconfig.Override{Key: "frontend.workflowRulesAPIsEnabled", Value: "true"}

func ruleSpec(id string) *rulespb.WorkflowRuleSpec {
	return &rulespb.WorkflowRuleSpec{Id: id, Trigger: &rulespb.WorkflowRuleSpec_ActivityStart{
		ActivityStart: &rulespb.WorkflowRuleSpec_ActivityStartingTrigger{Predicate: "ActivityType = 'A'"}}}
}

func TestWorkflowRulesHaveToBeSwitchedOn(t *testing.T) {
	d := newDoor(t)
	for _, req := range []proto.Message{
		&workflowservice.CreateWorkflowRuleRequest{Namespace: "default", Spec: ruleSpec("r")},
		&workflowservice.DescribeWorkflowRuleRequest{Namespace: "default", RuleId: "r"},
		&workflowservice.DeleteWorkflowRuleRequest{Namespace: "default", RuleId: "r"},
		&workflowservice.ListWorkflowRulesRequest{Namespace: "default"},
		&workflowservice.TriggerWorkflowRuleRequest{Namespace: "default"},
	} {
		name := strings.TrimSuffix(string(req.ProtoReflect().Descriptor().Name()), "Request")
		d.refused(req, codes.Unimplemented, "method "+name+" not supported")
	}
}

func TestWorkflowRulesAreMadeDescribedListedAndDeleted(t *testing.T) {
	d := newDoor(t, rulesOn)
	if _, err := d.call(t.Context(), &workflowservice.CreateWorkflowRuleRequest{Namespace: "default", Spec: ruleSpec("r")}); err != nil {
		t.Fatal(err)
	}
	described, err := d.call(t.Context(), &workflowservice.DescribeWorkflowRuleRequest{Namespace: "default", RuleId: "r"})
	if err != nil || described.(*workflowservice.DescribeWorkflowRuleResponse).Rule.Spec.Id != "r" {
		t.Errorf("description is %v, error %v", described, err)
	}
	count := func() int {
		listed, err := d.call(t.Context(), &workflowservice.ListWorkflowRulesRequest{Namespace: "default"})
		if err != nil {
			t.Fatal(err)
		}
		return len(listed.(*workflowservice.ListWorkflowRulesResponse).Rules)
	}
	if count() != 1 {
		t.Errorf("%d rules are listed", count())
	}
	if _, err := d.call(t.Context(), &workflowservice.DeleteWorkflowRuleRequest{Namespace: "default", RuleId: "r"}); err != nil || count() != 0 {
		t.Errorf("%d rules are left, error %v", count(), err)
	}
}

func TestARuleIsTriggeredByItsIDOrAsGiven(t *testing.T) {
	d := newDoor(t, rulesOn)
	if _, err := d.call(t.Context(), &workflowservice.CreateWorkflowRuleRequest{Namespace: "default", Spec: ruleSpec("known")}); err != nil {
		t.Fatal(err)
	}
	execution := &commonpb.WorkflowExecution{WorkflowId: "w"}
	for id, req := range map[string]*workflowservice.TriggerWorkflowRuleRequest{
		"known": {Namespace: "default", Execution: execution, Rule: &workflowservice.TriggerWorkflowRuleRequest_Id{Id: "known"}},
		"given": {Namespace: "default", Execution: execution, Rule: &workflowservice.TriggerWorkflowRuleRequest_Spec{Spec: ruleSpec("given")}},
	} {
		resp, err := d.call(t.Context(), req)
		if err != nil || d.chain.called != "ApplyRule "+id || !resp.(*workflowservice.TriggerWorkflowRuleResponse).Applied {
			t.Errorf("called %q; response is %v, error %v", d.chain.called, resp, err)
		}
	}
}

func TestWhoHasToDoWithRulesIsToldWhatIsWrong(t *testing.T) {
	d := newDoor(t, rulesOn)
	long := strings.Repeat("x", 1001)
	execution := &commonpb.WorkflowExecution{WorkflowId: "w"}
	for _, c := range []struct {
		req  proto.Message
		code codes.Code
		says string
	}{
		{&workflowservice.CreateWorkflowRuleRequest{Namespace: "default"}, codes.InvalidArgument, "Rule Specification is not set."},
		{&workflowservice.CreateWorkflowRuleRequest{Namespace: "default", Spec: ruleSpec("")}, codes.InvalidArgument, "Workflow Rule ID is not set."},
		{&workflowservice.CreateWorkflowRuleRequest{Namespace: "default", Spec: ruleSpec(long)}, codes.InvalidArgument, "Workflow Rule Id length exceeds limit."},
		{&workflowservice.CreateWorkflowRuleRequest{Namespace: "default", Spec: ruleSpec("r"), Identity: long}, codes.InvalidArgument, "Identity length exceeds limit."},
		{&workflowservice.DescribeWorkflowRuleRequest{Namespace: "default"}, codes.InvalidArgument, "Workflow Rule ID is not set."},
		{&workflowservice.DescribeWorkflowRuleRequest{Namespace: "default", RuleId: "r"}, codes.InvalidArgument, "Workflow Rule with this ID not Found."},
		{&workflowservice.DeleteWorkflowRuleRequest{Namespace: "default"}, codes.InvalidArgument, "Workflow Rule ID is not set."},
		{&workflowservice.DeleteWorkflowRuleRequest{Namespace: "default", RuleId: "r"}, codes.InvalidArgument, "Workflow Rule with this ID not Found."},
		{&workflowservice.TriggerWorkflowRuleRequest{Namespace: "default"}, codes.InvalidArgument, "Execution is not set on request."},
		{&workflowservice.TriggerWorkflowRuleRequest{Namespace: "default", Execution: execution}, codes.InvalidArgument, "Workflow Rule ID or Specification is not set."},
		{&workflowservice.TriggerWorkflowRuleRequest{Namespace: "default", Execution: execution,
			Rule: &workflowservice.TriggerWorkflowRuleRequest_Id{Id: "r"}}, codes.InvalidArgument, "Workflow Rule with this ID not Found."},
		{&workflowservice.TriggerWorkflowRuleRequest{Namespace: "default", Execution: execution,
			Rule: &workflowservice.TriggerWorkflowRuleRequest_Spec{Spec: &rulespb.WorkflowRuleSpec{Id: "r", VisibilityQuery: "Nonsense"}}}, codes.InvalidArgument, "incomplete expression"},
	} {
		d.refused(c.req, c.code, c.says)
	}
}
