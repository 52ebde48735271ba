package workflow

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/rule"
)

// Workflow rules of the namespace are asked three times: when a worker is about to be
// given the first attempt of an activity, when an attempt has failed that may be
// retried, and when a further attempt is about to be offered to workers. What they do
// is what an operator does (activity_operator.go); the activity is paused by the rule.
//
// A rule that is still there when the pause ends pauses the activity again, unless an
// attempt has begun.

// rules are those of the namespace; as a rule, none.
func (c *Chain) rules() []*rule.Rule {
	ns, _ := c.config.Namespace(c.key.Namespace)
	return ns.Rules
}

// pausedByRule pauses the activity if a rule of the namespace says so, and reports
// whether it has.
func (r *Run) pausedByRule(step *entity.Step, act *records.Activity) bool {
	rules := r.chain.rules()
	if len(rules) == 0 || attempt.Paused(act) {
		return false
	}
	subject := r.ruleSubject(act)
	for _, rule := range rules {
		if rule.Pauses(subject, step.Now) {
			r.pauseActivity(step, act, ActivityPause{RuleID: rule.GetSpec().GetId()})
			r.updatePauseInfo()
			return true
		}
	}
	return false
}

// ApplyRule applies a rule to the pending activities of a running run, and reports
// whether there were any that it applies to. It fails with NotFound.
func (c *Chain) ApplyRule(step *entity.Step, runID string, rule *rule.Rule) (applied bool, err error) {
	r, err := c.findRun(step, runID)
	if err != nil {
		return false, err
	}
	if r.closed() {
		return false, errCompleted()
	}
	for _, id := range r.activities.keys() {
		act := r.activities.get(id)
		if !attempt.Paused(act) && rule.Pauses(r.ruleSubject(act), step.Now) {
			r.pauseActivity(step, act, ActivityPause{RuleID: rule.GetSpec().GetId()})
			applied = true
		}
	}
	if applied {
		r.updatePauseInfo()
	}
	return applied, nil
}

// ruleSubject is what rules look at of the activity, which is not paused.
func (r *Run) ruleSubject(act *records.Activity) *rule.Subject {
	subject := &rule.Subject{
		WorkflowID:     r.chain.key.ID,
		WorkflowType:   r.info.WorkflowType,
		WorkflowStatus: r.state.Status,
		WorkflowStart:  asTime(r.info.StartTime),
		ID:             act.ActivityId,
		Type:           act.ActivityType,
		TaskQueue:      act.TaskQueue,
		Attempt:        act.Attempt,
		State:          enumspb.PENDING_ACTIVITY_STATE_SCHEDULED,
		Started:        asTime(act.StartedTime),
		LastFailure:    act.LastFailure.GetMessage(),
	}
	switch {
	case act.StartedTime != nil:
		subject.State = enumspb.PENDING_ACTIVITY_STATE_STARTED
	case act.CancelRequested:
		subject.State = enumspb.PENDING_ACTIVITY_STATE_CANCEL_REQUESTED
	}
	if act.Attempt > 1 && act.LastAttemptCompleteTime != nil {
		subject.Backoff = max(0, act.ScheduledTime.AsTime().Sub(act.LastAttemptCompleteTime.AsTime()).Truncate(time.Second))
	}
	return subject
}

// describePauseOf is what describe says of the pause of an activity that is paused.
func (r *Run) describePauseOf(act *records.Activity) *workflowpb.PendingActivityInfo_PauseInfo {
	control := act.Control
	info := &workflowpb.PendingActivityInfo_PauseInfo{PauseTime: control.PauseTime}
	if control.PauseRuleId == "" {
		info.PausedBy = &workflowpb.PendingActivityInfo_PauseInfo_Manual_{Manual: &workflowpb.PendingActivityInfo_PauseInfo_Manual{
			Identity: control.PauseIdentity,
			Reason:   control.PauseReason,
		}}
		return info
	}
	by := &workflowpb.PendingActivityInfo_PauseInfo_Rule{RuleId: control.PauseRuleId}
	for _, rule := range r.chain.rules() {
		if rule.GetSpec().GetId() == control.PauseRuleId {
			by.Identity, by.Reason = rule.GetCreatedByIdentity(), rule.GetDescription()
		}
	}
	info.PausedBy = &workflowpb.PendingActivityInfo_PauseInfo_Rule_{Rule: by}
	return info
}
