package namespace

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	rulespb "go.temporal.io/api/rules/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func ruleRequest(id string) *workflowservice.CreateWorkflowRuleRequest {
	return &workflowservice.CreateWorkflowRuleRequest{Namespace: Default, Identity: "me", Description: "why", Spec: &rulespb.WorkflowRuleSpec{
		Id:      id,
		Trigger: &rulespb.WorkflowRuleSpec_ActivityStart{ActivityStart: &rulespb.WorkflowRuleSpec_ActivityStartingTrigger{Predicate: "ActivityType = 'A'"}},
		Actions: []*rulespb.WorkflowRuleAction{{Variant: &rulespb.WorkflowRuleAction_ActivityPause{ActivityPause: &rulespb.WorkflowRuleAction_ActionActivityPause{}}}},
	}}
}

// ruleIDs are the ids of the rules of the default namespace.
func ruleIDs(t *testing.T, r *Registry) (ids []string) {
	t.Helper()
	ns, err := r.ByName(Default)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range ns.Rules {
		ids = append(ids, rule.GetSpec().GetId())
	}
	return ids
}

func TestRulesAreKeptWithTheirNamespaceInTheOrderOfTheirIDs(t *testing.T) {
	r, f := open(t, map[string][]byte{})
	for _, id := range []string{"c", "a", "b"} {
		if _, err := r.CreateRule(t.Context(), ruleRequest(id)); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.DeleteRule(t.Context(), Default, "b"); err != nil {
		t.Fatal(err)
	}
	again, _ := open(t, f.records)
	for _, r := range []*Registry{r, again} {
		if got := ruleIDs(t, r); !slices.Equal(got, []string{"a", "c"}) {
			t.Errorf("rules are %v", got)
		}
	}
	ns, _ := again.ByName(Default)
	rule, err := ns.Rule("c")
	if err != nil || rule.GetCreatedByIdentity() != "me" || rule.GetDescription() != "why" || rule.GetCreateTime() == nil {
		t.Errorf("rule is %v, error %v", rule, err)
	}
}

func TestARuleThatIsCreatedTwiceByOneRequestIsOne(t *testing.T) {
	r, _ := open(t, map[string][]byte{})
	req := ruleRequest("a")
	req.RequestId = "once"
	first, err := r.CreateRule(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := r.CreateRule(t.Context(), req); err != nil || again.GetCreateTime().AsTime() != first.GetCreateTime().AsTime() {
		t.Errorf("the second answer is %v, error %v", again, err)
	}
	if _, err := r.CreateRule(t.Context(), ruleRequest("a")); err == nil || err.Error() != "Workflow Rule with this ID already exists." {
		t.Errorf("error is %v", err)
	}
}

func TestExpiredRulesMakeRoomForOthers(t *testing.T) {
	r, _ := open(t, map[string][]byte{})
	for i := range 10 {
		req := ruleRequest(fmt.Sprintf("rule-%d", i))
		if i == 3 {
			req.Spec.ExpirationTime = timestamppb.New(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		}
		if _, err := r.CreateRule(t.Context(), req); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.CreateRule(t.Context(), ruleRequest("another")); err != nil {
		t.Errorf("there is no room: %v", err)
	}
	if ids := ruleIDs(t, r); slices.Contains(ids, "rule-3") || len(ids) != 10 {
		t.Errorf("rules are %v", ids)
	}
	if _, err := r.CreateRule(t.Context(), ruleRequest("too much")); err == nil || err.Error() != "Workflow Rule limit exceeded. Max: 10" {
		t.Errorf("error is %v", err)
	}
}

func TestWhoMakesOrDeletesRulesIsToldWhatIsWrong(t *testing.T) {
	r, _ := open(t, map[string][]byte{})
	bad := ruleRequest("bad")
	bad.Spec.VisibilityQuery = "Nonsense"
	if _, err := r.CreateRule(t.Context(), bad); err == nil || !strings.Contains(err.Error(), "incomplete expression") {
		t.Errorf("error is %v", err)
	}
	if err := r.DeleteRule(t.Context(), Default, "bad"); err == nil || err.Error() != "Workflow Rule with this ID not Found." {
		t.Errorf("error is %v", err)
	}
	ns, _ := r.ByName(Default)
	if _, err := ns.Rule("bad"); err == nil || err.Error() != "Workflow Rule with this ID not Found." {
		t.Errorf("error is %v", err)
	}
	if len(ns.Rules) > 0 {
		t.Errorf("rules are %v", ns.Rules)
	}
}
