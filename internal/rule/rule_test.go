package rule

import (
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	rulespb "go.temporal.io/api/rules/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

var now = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

func pausing(query, predicate string) *rulespb.WorkflowRule {
	return &rulespb.WorkflowRule{Spec: &rulespb.WorkflowRuleSpec{
		Id:              "rule",
		VisibilityQuery: query,
		Trigger:         &rulespb.WorkflowRuleSpec_ActivityStart{ActivityStart: &rulespb.WorkflowRuleSpec_ActivityStartingTrigger{Predicate: predicate}},
		Actions:         []*rulespb.WorkflowRuleAction{{Variant: &rulespb.WorkflowRuleAction_ActivityPause{ActivityPause: &rulespb.WorkflowRuleAction_ActionActivityPause{}}}},
	}}
}

func subject() *Subject {
	return &Subject{
		WorkflowID: "order-1", WorkflowType: "Order", WorkflowStatus: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, WorkflowStart: now.Add(-time.Hour),
		ID: "7", Type: "Charge", TaskQueue: "billing", Attempt: 3, State: enumspb.PENDING_ACTIVITY_STATE_SCHEDULED,
		Backoff: 4500 * time.Millisecond, LastFailure: "no route",
	}
}

func TestARulePausesTheActivitiesThatBothItsConditionsHoldFor(t *testing.T) {
	for _, c := range []struct {
		query, predicate string
		want             bool
	}{
		{"", "ActivityType = 'Charge'", true},
		{"", "ActivityType != 'Charge'", false},
		{"", "ActivityType starts_with 'Ch' and ActivityId = '7'", true},
		{"", "ActivityType NOT STARTS_WITH 'Ch'", false},
		{"", "Attempts > 2", true},
		{"", "ActivityAttempt between 1 and 2", false},
		{"", "BackoffInterval >= 4 AND BackoffInterval < 5", true},
		{"", "ActivityState = 'Scheduled'", true},
		{"", "ActivityStatus = 'Started' or TaskQueue = 'billing'", true},
		{"", "(ActivityStatus = 'Started' or TaskQueue = 'billing') and LastFailure = 'timeout'", false},
		{"", "LastFailure starts_with 'no '", true},
		{"", "StartedTime < '2040-01-01T00:00:00Z'", false},
		{"WorkflowType = 'Order'", "ActivityType = 'Charge'", true},
		{"WorkflowType starts_with 'Ord'", "ActivityType = 'Charge'", true},
		{"WorkflowId = 'order-2'", "ActivityType = 'Charge'", false},
		{"ExecutionStatus = 'Running' AND StartTime BETWEEN '2029-12-31T00:00:00Z' AND '2030-01-01T00:00:00Z'", "ActivityType = 'Charge'", true},
		{"StartTime > '2029-12-31T23:30:00Z'", "ActivityType = 'Charge'", false},
	} {
		r, err := Compile(pausing(c.query, c.predicate))
		if err != nil {
			t.Errorf("%q, %q: %v", c.query, c.predicate, err)
			continue
		}
		if got := r.Pauses(subject(), now); got != c.want {
			t.Errorf("%q, %q: %v", c.query, c.predicate, got)
		}
	}
}

func TestNothingIsKnownOfTheBackoffOfAFirstAttempt(t *testing.T) {
	s := subject()
	s.Attempt, s.Backoff = 1, 0
	for _, predicate := range []string{"BackoffInterval < 10", "BackoffInterval >= 0", "BackoffInterval != 5"} {
		r, err := Compile(pausing("", predicate))
		if err != nil {
			t.Fatal(err)
		}
		if r.Pauses(s, now) {
			t.Errorf("%s holds", predicate)
		}
	}
}

func TestARuleThatHasExpiredPausesNothing(t *testing.T) {
	spec := pausing("", "ActivityType = 'Charge'")
	spec.Spec.ExpirationTime = timestamppb.New(now)
	r, err := Compile(spec)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Pauses(subject(), now) {
		t.Error("it does not apply until it expires")
	}
	if r.Pauses(subject(), now.Add(1)) {
		t.Error("it applies after it has expired")
	}
}

func TestARuleWithoutATriggerOrAnActionPausesNothing(t *testing.T) {
	noTrigger, noAction := pausing("", "Attempts > 0"), pausing("", "Attempts > 0")
	noTrigger.Spec.Trigger, noAction.Spec.Actions = nil, nil
	for _, spec := range []*rulespb.WorkflowRule{noTrigger, noAction} {
		r, err := Compile(spec)
		if err != nil {
			t.Fatal(err)
		}
		if r.Pauses(subject(), now) {
			t.Errorf("%v pauses", spec)
		}
	}
}

func TestConditionsThatMakeNoSenseAreRefused(t *testing.T) {
	for _, c := range []struct{ query, predicate, says string }{
		{"", "", "malformed query"},
		{"", "ActivityType", "incomplete expression"},
		{"", "Colour = 'red'", "unknown or unsupported activity search field: Colour"},
		{"", "ActivityType = 5", "invalid value for ActivityType"},
		{"", "ActivityType = ''", "ActivityType cannot be empty"},
		{"", "ActivityType > 'a'", "operation > is not supported for ActivityType column"},
		{"", "Attempts = '3'", "invalid value for Attempts"},
		{"", "Attempts = 99999999999999999999", "invalid value for Attempts"},
		{"", "StartedTime > 'yesterday'", "invalid value for StartedTime"},
		{"", "ActivityType is null", "'is' expression"},
		{"", "not ActivityType = 'a'", "'not' expression"},
		{"", "where ActivityType = 'a'", "invalid filter"},
		{"", "ActivityType = 'a' limit 1", "'limit' clause"},
		{"", "ActivityType = 'a' order by ActivityId", "only a condition"},
		{"", "ActivityType = 'a'; drop table t", "malformed query"},
		{"", "ActivityType = '" + strings.Repeat("a", 10_000) + "'", "longer than 10000 bytes"},
		{"ActivityType = 'a'", "Attempts > 0", "unknown or unsupported workflow search field"},
	} {
		if _, err := Compile(pausing(c.query, c.predicate)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%q, %.40q: %v, want %q", c.query, c.predicate, err, c.says)
		}
	}
}
