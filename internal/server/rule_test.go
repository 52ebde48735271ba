package server_test

import (
	"testing"

	rulespb "go.temporal.io/api/rules/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

func TestAWorkerIsGivenTheActivityBehindTheOneThatARulePauses(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: []dynamicconfig.Override{{Key: "frontend.workflowRulesAPIsEnabled", Value: "true"}}})
	_, err := b.client.CreateWorkflowRule(b.ctx(), &workflowservice.CreateWorkflowRuleRequest{Namespace: ns, Spec: &rulespb.WorkflowRuleSpec{
		Id:      "stop",
		Trigger: &rulespb.WorkflowRuleSpec_ActivityStart{ActivityStart: &rulespb.WorkflowRuleSpec_ActivityStartingTrigger{Predicate: "ActivityId = 'first'"}},
		Actions: []*rulespb.WorkflowRuleAction{{Variant: &rulespb.WorkflowRuleAction_ActivityPause{ActivityPause: &rulespb.WorkflowRuleAction_ActionActivityPause{}}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	b.startWorkflow("w")
	b.complete(b.pollWorkflow(), scheduleActivity("first"), scheduleActivity("second"))
	if task := b.pollActivity(); task.GetActivityId() != "second" {
		t.Errorf("the worker is given %v", task)
	}
	resp, err := b.client.DescribeWorkflowExecution(b.ctx(), &workflowservice.DescribeWorkflowExecutionRequest{Namespace: ns, Execution: execution("w")})
	if err != nil {
		t.Fatal(err)
	}
	if first := resp.GetPendingActivities()[0]; first.GetPauseInfo().GetRule().GetRuleId() != "stop" {
		t.Errorf("the activity is %v", first)
	}
}
