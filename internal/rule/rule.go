// Package rule is about workflow rules: what operators have a server do to the
// activities of any workflow of a namespace, without being there.
//
// A rule has a trigger with a condition over activities, a condition over their
// workflows, and actions, of which there is one: the activity is paused. It applies
// from its creation until it is deleted or expires. Rules are kept with their namespace
// (package namespace), and asked before an attempt of an activity begins and after one
// has failed (internal/workflow/rules.go).
//
// The conditions are compiled when a rule is created: one that makes no sense is
// refused, where a Temporal server takes it and never applies it.
package rule

import (
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	rulespb "go.temporal.io/api/rules/v1"

	"github.com/perdure/perdure/internal/filter"
)

// Rule is a rule that can be asked. It is never changed.
type Rule struct {
	// Rule is the rule as the API has it, and belongs to the Rule.
	*rulespb.WorkflowRule

	workflows  filter.Predicate[*Subject] // nil: all
	activities filter.Predicate[*Subject] // nil: none
	pauses     bool
}

// Subject is the activity that a rule is asked about, and its workflow.
type Subject struct {
	WorkflowID, WorkflowType string
	WorkflowStatus           enumspb.WorkflowExecutionStatus
	WorkflowStart            time.Time

	ID, Type, TaskQueue string
	// Attempt is the one that is under way, or that is to be made; the first is 1.
	Attempt int32
	// State is that of a pending activity, Scheduled while it is backing off.
	State enumspb.PendingActivityState
	// Started is when the attempt has begun; zero: it has not.
	Started time.Time
	// Backoff is how long the attempt was put off after the one before it.
	Backoff time.Duration
	// LastFailure is the message of the failure of the attempt before; "": none.
	LastFailure string
}

var workflowFields = filter.Fields[*Subject]{
	Of: "workflow",
	Text: map[string]func(*Subject) string{
		"WorkflowId":      func(s *Subject) string { return s.WorkflowID },
		"WorkflowType":    func(s *Subject) string { return s.WorkflowType },
		"ExecutionStatus": func(s *Subject) string { return s.WorkflowStatus.String() },
	},
	Times: map[string]func(*Subject) (time.Time, bool){
		"StartTime": func(s *Subject) (time.Time, bool) { return s.WorkflowStart, true },
	},
}

// activityFields has each field by the name that Temporal servers know, and where the
// API's documentation has another, by that, too.
var activityFields = filter.Fields[*Subject]{
	Of: "activity",
	Text: map[string]func(*Subject) string{
		"ActivityId":     func(s *Subject) string { return s.ID },
		"ActivityType":   func(s *Subject) string { return s.Type },
		"ActivityState":  func(s *Subject) string { return s.State.String() },
		"ActivityStatus": func(s *Subject) string { return s.State.String() },
		"TaskQueue":      func(s *Subject) string { return s.TaskQueue },
		"LastFailure":    func(s *Subject) string { return s.LastFailure },
	},
	Numbers: map[string]func(*Subject) (int64, bool){
		"Attempts":        attempt,
		"ActivityAttempt": attempt,
		"BackoffInterval": func(s *Subject) (int64, bool) { return int64(s.Backoff.Seconds()), s.Attempt > 1 },
	},
	Times: map[string]func(*Subject) (time.Time, bool){
		"StartedTime": func(s *Subject) (time.Time, bool) { return s.Started, !s.Started.IsZero() },
	},
}

func attempt(s *Subject) (int64, bool) { return int64(s.Attempt), true }

// Compile makes a rule that can be asked of one of the API, which belongs to it
// afterwards. It fails with InvalidArgument if a condition makes no sense.
func Compile(r *rulespb.WorkflowRule) (*Rule, error) {
	compiled := &Rule{WorkflowRule: r}
	spec := r.GetSpec()
	var err error
	if query := strings.TrimSpace(spec.GetVisibilityQuery()); query != "" {
		if compiled.workflows, err = workflowFields.Compile(query); err != nil {
			return nil, err
		}
	}
	if trigger := spec.GetActivityStart(); trigger != nil {
		if compiled.activities, err = activityFields.Compile(trigger.GetPredicate()); err != nil {
			return nil, err
		}
	}
	for _, action := range spec.GetActions() {
		if action.GetActivityPause() != nil {
			compiled.pauses = true
		}
	}
	return compiled, nil
}

// Expired reports whether the rule does not apply any more.
func (r *Rule) Expired(now time.Time) bool {
	at := r.GetSpec().GetExpirationTime()
	return at != nil && at.AsTime().Before(now)
}

// Pauses reports whether the rule has the activity paused.
func (r *Rule) Pauses(s *Subject, now time.Time) bool {
	return r.pauses && !r.Expired(now) && r.activities != nil && r.activities(s) && (r.workflows == nil || r.workflows(s))
}
