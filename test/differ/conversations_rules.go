package differ

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	rulespb "go.temporal.io/api/rules/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Rule is a rule of that id that pauses activities which the predicate is about.
func (w *World) Rule(id, predicate string, settings ...string) *rulespb.WorkflowRuleSpec {
	return Set(&rulespb.WorkflowRuleSpec{Id: w.Other(id),
		Trigger: &rulespb.WorkflowRuleSpec_ActivityStart{ActivityStart: &rulespb.WorkflowRuleSpec_ActivityStartingTrigger{Predicate: predicate}},
		Actions: []*rulespb.WorkflowRuleAction{{Variant: &rulespb.WorkflowRuleAction_ActivityPause{ActivityPause: &rulespb.WorkflowRuleAction_ActionActivityPause{}}}},
	}, settings...)
}

// CreateRule makes a rule in a namespace.
func (w *World) CreateRule(namespace string, spec *rulespb.WorkflowRuleSpec, settings ...string) {
	_, _ = w.API.CreateWorkflowRule(w.Ctx, Set(&workflowservice.CreateWorkflowRuleRequest{Namespace: namespace, Spec: spec, Identity: "operator",
		Description: "why", RequestId: w.requestID()}, settings...))
}

// DescribeRule describes a rule.
func (w *World) DescribeRule(namespace, id string) {
	_, _ = w.API.DescribeWorkflowRule(w.Ctx, &workflowservice.DescribeWorkflowRuleRequest{Namespace: namespace, RuleId: id})
}

// DeleteRule deletes a rule.
func (w *World) DeleteRule(namespace, id string) {
	_, _ = w.API.DeleteWorkflowRule(w.Ctx, &workflowservice.DeleteWorkflowRuleRequest{Namespace: namespace, RuleId: id})
}

// ruled has a rule that pauses what the predicate is about, in the namespace of all, and waits until
// it is known: until another rule that was made after it pauses an activity.
func (w *World) ruled(predicate string, settings ...string) {
	w.quietly(func() {
		w.CreateRule(Namespace, w.Rule("rule", fmt.Sprintf("ActivityType = '%s-act'%s", w.Prefix, predicate), settings...))
		w.CreateRule(Namespace, w.Rule("known", fmt.Sprintf("ActivityType = '%s-known'", w.Prefix)))
		w.Start("known")
		tries := 0
		w.Eventually("the rules are known", func() bool {
			w.Signal("known", "s")
			tries++
			w.Decide("known", w.activity(fmt.Sprint(tries), "activity_type="+w.Prefix+"-known", "task_queue="+w.Queue("known")))
			ctx, cancel := context.WithTimeout(w.Ctx, 3*time.Second)
			defer cancel()
			taken, _ := w.Quiet.PollActivityTaskQueue(ctx, w.activityPoll("known"))
			return len(taken.GetTaskToken()) == 0
		})
		w.Terminate("known")
	})
	w.forget("known")
}

// whenPaused waits until an activity of the workflow "w" is paused.
func (w *World) whenPaused() {
	w.Eventually("the activity is paused", func() bool {
		d, _ := w.Quiet.DescribeWorkflowExecution(w.Ctx, describeRequest(w, "w"))
		return slices.ContainsFunc(d.GetPendingActivities(), func(a *workflowpb.PendingActivityInfo) bool { return a.Paused })
	})
}

// ruledActivity is an activity that the rule of ruled may be about.
func (w *World) ruledActivity() *commandpb.Command {
	return w.activity("a", "activity_type="+w.Prefix+"-act", "task_queue="+w.Queue("a"), retried)
}

// offered polls for the ruled activity, which brings nothing.
func (w *World) offered() {
	ctx, cancel := context.WithTimeout(w.Ctx, onePoll)
	defer cancel()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = w.Quiet.PollActivityTaskQueue(ctx, w.activityPoll("a"))
	}()
	w.whenPaused()
	cancel()
	<-done
}

// rules are what rules do to activities.
var rules = []Scenario{
	{"a rule is made, described, listed and deleted", func(w *World) {
		name := w.namespace("rules")
		w.CreateRule(name, w.Rule("a", `ActivityType = "act"`))
		w.CreateRule(name, w.Rule("b", `ActivityAttempt > 2`, "visibility_query=WorkflowType = 'flow'"))
		w.CreateRule(name, w.Rule("a", `ActivityType = "act"`))
		w.DescribeRule(name, w.Other("a"))
		w.DescribeRule(name, w.Other("b"))
		w.DeleteRule(name, w.Other("a"))
		_, _ = w.API.ListWorkflowRules(w.Ctx, &workflowservice.ListWorkflowRulesRequest{Namespace: name})
		w.DescribeRule(name, w.Other("a"))
		w.DeleteRule(name, w.Other("a"))
	}},
	{"rules that cannot be", func(w *World) {
		name := w.namespace("rules")
		w.CreateRule(name, nil)
		w.CreateRule(name, w.Rule("a", `ActivityType = "act"`, "id=none"))
		w.CreateRule(name, w.Rule("a", `ActivityType = "act"`, "id="+strings.Repeat("x", 1001)))
		w.DescribeRule(name, "")
		w.DescribeRule(name, "no-such-rule")
		w.DeleteRule(name, "")
		w.DeleteRule(name, "no-such-rule")
		w.CreateRule("no-such-namespace", w.Rule("a", `ActivityType = "act"`))
	}},
	{"a namespace has too many rules", func(w *World) {
		name := w.namespace("rules")
		for _, id := range strings.Split("abcdefghijk", "") {
			w.CreateRule(name, w.Rule(id, `ActivityType = "act"`))
		}
	}},
	{"a rule that has expired makes room", func(w *World) {
		name := w.namespace("rules")
		old := w.Rule("old", `ActivityType = "act"`)
		old.ExpirationTime = timestamppb.New(time.Now().Add(-time.Hour))
		w.quietly(func() { w.CreateRule(name, old) })
		for _, id := range strings.Split("abcdefghij", "") {
			w.CreateRule(name, w.Rule(id, `ActivityType = "act"`))
		}
	}},
	{"an activity of a type is paused by a rule, and let go", func(w *World) {
		w.ruled("")
		w.Start("w")
		w.Decide("w", w.ruledActivity(), w.activity("b"))
		w.PollActivity("w").Complete("out")
		w.offered()
		w.Describe("w")
		w.DeleteRule(Namespace, w.Other("rule"))
		w.UnpauseActivity("w", "a")
		w.Describe("w")
		w.Terminate("w")
	}},
	{"an activity is paused by a rule before its second attempt", func(w *World) {
		w.ruled(" AND Attempts > 1")
		w.Start("w")
		w.Decide("w", w.ruledActivity())
		w.PollActivity("a").Fail(Failure("Bad"))
		w.whenPaused()
		w.Describe("w")
		w.Terminate("w")
	}},
	{"a rule is about workflows of another type", func(w *World) {
		w.ruled("", "visibility_query=WorkflowType = 'other'")
		w.Start("w")
		w.Decide("w", w.ruledActivity())
		w.PollActivity("a").Complete("out")
		w.Await("w", 1, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
		w.Decide("w", complete("done"))
	}},
}
