package workflow

import (
	activitypb "go.temporal.io/api/activity/v1"
	rulespb "go.temporal.io/api/rules/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/rule"
)

// What operators do, in scripts.

// target is which activities the next word names.
func (s *script) target(w *words) ActivityTarget {
	if w.is("all") {
		return ActivityTarget{All: true}
	}
	if name, ok := w.take("type"); ok {
		return ActivityTarget{Type: name}
	}
	return ActivityTarget{ID: w.next()}
}

func (s *script) jitter(w *words) *durationpb.Duration {
	if text, ok := w.take("jitter"); ok {
		return durationpb.New(s.duration(text))
	}
	return nil
}

func (s *script) doPauseActivity(w *words) {
	subject, target := s.subject(w), s.target(w)
	pause := ActivityPause{Identity: testClient}
	pause.Reason, _ = w.take("reason")
	pause.RequestID, _ = w.take("request_id")
	s.sayError(subject.step(func(step *entity.Step, c *Chain) error {
		return c.PauseActivities(step, "", target, pause)
	}))
}

func (s *script) doUnpauseActivity(w *words) {
	subject, target := s.subject(w), s.target(w)
	resume := ActivityResume{ResetAttempts: w.is("reset-attempts"), ResetHeartbeat: w.is("reset-heartbeat"), Jitter: s.jitter(w)}
	s.sayError(subject.step(func(step *entity.Step, c *Chain) error {
		return c.UnpauseActivities(step, "", target, resume)
	}))
}

func (s *script) doResetActivity(w *words) {
	subject, target := s.subject(w), s.target(w)
	reset := ActivityReset{ResetHeartbeat: w.is("reset-heartbeat"), KeepPaused: w.is("keep-paused"), RestoreOptions: w.is("restore-options"), Jitter: s.jitter(w)}
	s.sayError(subject.step(func(step *entity.Step, c *Chain) error {
		return c.ResetActivities(step, "", target, reset)
	}))
}

// doUpdateActivity changes the options that the line sets.
func (s *script) doUpdateActivity(w *words) {
	subject, target := s.subject(w), s.target(w)
	mask := new(fieldmaskpb.FieldMask)
	if path, ok := w.take("mask"); ok {
		mask.Paths = append(mask.Paths, path)
	}
	for _, field := range w.fields {
		mask.Paths = append(mask.Paths, field.field)
	}
	wanted := new(activitypb.ActivityOptions)
	s.set(wanted, w)
	s.sayOptions(subject, func(step *entity.Step, c *Chain) (*activitypb.ActivityOptions, error) {
		return c.UpdateActivityOptions(step, "", target, wanted, mask)
	})
}

func (s *script) doRestoreActivity(w *words) {
	subject, target := s.subject(w), s.target(w)
	s.sayOptions(subject, func(step *entity.Step, c *Chain) (*activitypb.ActivityOptions, error) {
		return c.RestoreActivityOptions(step, "", target)
	})
}

func (s *script) sayOptions(subject subject, change func(*entity.Step, *Chain) (*activitypb.ActivityOptions, error)) {
	var options *activitypb.ActivityOptions
	err := subject.step(func(step *entity.Step, c *Chain) (err error) {
		options, err = change(step, c)
		return err
	})
	if err != nil {
		s.sayError(err)
		return
	}
	s.sayReply("options", options)
}

func (s *script) doPause(w *words) {
	subject := s.subject(w)
	req := &workflowservice.PauseWorkflowExecutionRequest{Identity: testClient}
	s.set(req, w)
	s.sayError(subject.step(func(step *entity.Step, c *Chain) error { return c.Pause(step, req) }))
}

func (s *script) doUnpause(w *words) {
	subject := s.subject(w)
	req := &workflowservice.UnpauseWorkflowExecutionRequest{Identity: testClient}
	s.set(req, w)
	s.sayError(subject.step(func(step *entity.Step, c *Chain) error { return c.Unpause(step, req) }))
}

// pauseRule is a rule that pauses activities.
func pauseRule(t tester, id, predicate string) *rule.Rule {
	t.Helper()
	r, err := rule.Compile(&rulespb.WorkflowRule{
		CreatedByIdentity: testClient,
		Description:       "for a test",
		Spec: &rulespb.WorkflowRuleSpec{
			Id:      id,
			Trigger: &rulespb.WorkflowRuleSpec_ActivityStart{ActivityStart: &rulespb.WorkflowRuleSpec_ActivityStartingTrigger{Predicate: predicate}},
			Actions: []*rulespb.WorkflowRuleAction{{Variant: &rulespb.WorkflowRuleAction_ActivityPause{ActivityPause: &rulespb.WorkflowRuleAction_ActionActivityPause{}}}},
		},
	})
	if err != nil {
		t.Fatalf("rule %s: %v", id, err)
	}
	return r
}

// doRule makes a rule the only one of the namespace, or leaves it without any.
func (s *script) doRule(w *words) {
	s.rules = nil
	if id := w.next(); id != "none" {
		s.rules = append(s.rules, pauseRule(s.t, id, s.data.Input))
	}
}

func (s *script) doApplyRule(w *words) {
	subject, r := s.subject(w), pauseRule(s.t, "applied", s.data.Input)
	var applied bool
	err := subject.step(func(step *entity.Step, c *Chain) (err error) {
		applied, err = c.ApplyRule(step, "", r)
		return err
	})
	if err != nil {
		s.sayError(err)
		return
	}
	s.say("applied: %v", applied)
}

func (s *script) doRetain(w *words) {
	s.sayError(s.subject(w).step(func(step *entity.Step, c *Chain) error { return c.Retain(step) }))
}

// doPurge removes a workflow step by step, as its namespace is being deleted.
func (s *script) doPurge(w *words) {
	s.deleted = true
	subject := s.subject(w)
	for more := true; more; {
		err := subject.step(func(step *entity.Step, c *Chain) (err error) {
			more, err = c.Purge(step)
			return err
		})
		if err != nil {
			s.sayError(err)
			return
		}
	}
}

// doFastForward tells how a fast-forward stands.
func (s *script) doFastForward(w *words) {
	subject := s.subject(w)
	c := subject.engine.chain(keyOf(subject.id))
	reply, pending, err := c.FastForward(func() entity.Reader { return reader(s.records[keyOf(subject.id)]) }, "", w.next(), nil)
	switch {
	case err != nil:
		s.sayError(err)
	case reply != nil:
		s.sayReply("fast-forward", reply)
	default:
		s.sayReply("pending", pending)
	}
}
