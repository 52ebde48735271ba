package flow

import (
	commonpb "go.temporal.io/api/common/v1"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Subject is what policies are matched with: a workflow or an activity that is to start.
type Subject struct {
	WorkflowID   string
	WorkflowType string
	// ActivityType is empty of a workflow.
	ActivityType string
	TaskQueue    string
	Priority     *commonpb.Priority
	Input        *commonpb.Payloads
	Header       *commonpb.Header
	Memo         *commonpb.Memo
	Attributes   *commonpb.SearchAttributes
	// Load, if not nil, reads Input and Header, for keys that are made of them.
	Load func() (*commonpb.Payloads, *commonpb.Header, error)
}

// Workflow returns a pass with the policies that a workflow is under, by tickets with the id; nil if
// there are none. The error says why the key of a policy could not be found; the pass has the empty
// key for it then.
func (v *View) Workflow(s *Subject, id string) (*records.FlowPass, error) {
	if v == nil {
		return nil, nil
	}
	return pass(v.workflows, s, id)
}

// Activity is Workflow for an attempt of an activity.
func (v *View) Activity(s *Subject, id string) (*records.FlowPass, error) {
	if v == nil {
		return nil, nil
	}
	return pass(v.activities, s, id)
}

// HasActivities reports whether there are policies about activities.
func (v *View) HasActivities() bool { return v != nil && len(v.activities) > 0 }

func pass(policies []*policy, s *Subject, id string) (pass *records.FlowPass, err error) {
	for _, p := range policies {
		if !matches(p.spec, s) {
			continue
		}
		key, keyErr := p.value(s)
		if keyErr != nil && err == nil {
			err = keyErr
		}
		priority, fairness := entity.ParseLane(entity.LaneOf(s.Priority.GetPriorityKey(), s.Priority.GetFairnessKey()))
		if pass == nil {
			pass = new(records.FlowPass)
		}
		pass.Tickets = append(pass.Tickets, &records.FlowTicket{
			Policy: p.spec.Name, Key: key, Id: id, Priority: priority, FairnessKey: fairness, Limits: p.limits,
		})
	}
	return pass, err
}

func matches(p *flowv1.Policy, s *Subject) bool {
	return (p.WorkflowType == "" || p.WorkflowType == s.WorkflowType) &&
		(p.ActivityType == "" || p.ActivityType == s.ActivityType) &&
		(p.TaskQueue == "" || p.TaskQueue == s.TaskQueue)
}
