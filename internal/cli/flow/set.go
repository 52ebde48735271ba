package flow

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
)

// policy are the flags of a policy.
type policy struct {
	name, about, description              string
	workflowType, activityType, taskQueue string
	key, expression                       string
	maxRunning, maxWaiting, burst         int64
	rate                                  float64
	refuse                                bool
}

func newSet(g *command.Group) *cobra.Command {
	var p policy
	cmd := &cobra.Command{
		Use:   "set",
		Short: "Make a policy, or change its limits",
		Long: `Make a policy, or change the limits of the one with its name: those that are not given are none. The change
holds at once. What is running goes on in any case; workflows that were started before the policy was made do not
count.`,
		Example: `  # One import at a time for each customer, who is the fairness key
  perdure flow set --name one-import-each --workflow-type Import --key fairness-key --max-running 1

  # No more than 50 calls of an activity at once, and 10 a second
  perdure flow set --name mailer --about activities --activity-type SendMail --max-running 50 --rate 10 --burst 20

  # The key is in the argument; who would have to wait is refused
  perdure flow set --name reports --workflow-type Report --key-expression 'input[0].region' --max-running 5 --refuse`,
	}
	set := cmd.Flags()
	nameFlag(cmd, &p.name)
	set.StringVar(&p.about, "about", "workflows", "what it limits: workflows or activities")
	set.StringVar(&p.workflowType, "workflow-type", "", "type of the workflows; all if not given")
	set.StringVar(&p.activityType, "activity-type", "", "type of the activities; all if not given")
	set.StringVar(&p.taskQueue, "task-queue", "", "their task queue; all if not given")
	set.StringVar(&p.key, "key", "", "what has the limits for itself: fairness-key, or the name of a search attribute; all together if not given")
	set.StringVar(&p.expression, "key-expression", "", "the same as an expression in CEL over input, header, memo, search_attributes, workflow_id, workflow_type, …")
	set.Int64Var(&p.maxRunning, "max-running", -1, "how many may run at once; 0 lets nothing in")
	set.Float64Var(&p.rate, "rate", 0, "how many are let in each second")
	set.Int64Var(&p.burst, "burst", 1, "how many are let in at once after a quiet time")
	set.Int64Var(&p.maxWaiting, "max-waiting", -1, "how many may wait; starts that are more are refused")
	set.BoolVar(&p.refuse, "refuse", false, "refuse starts that would have to wait: --max-waiting 0")
	set.StringVar(&p.description, "description", "", "what it is for")
	cmd.RunE = g.Run(func(ctx context.Context, s *command.Session) error {
		spec, err := p.spec(cmd)
		if err != nil {
			return err
		}
		client, err := flows(s)
		if err != nil {
			return err
		}
		response, err := client.SetPolicy(ctx, &flowv1.SetPolicyRequest{Namespace: s.Namespace, Policy: spec})
		if err != nil {
			return fmt.Errorf("setting the flow policy: %w", err)
		}
		s.Out.Printf("%s", output.Good(fmt.Sprintf("Flow policy %s set: %s.", p.name, limits(response.GetPolicy()))))
		return s.Out.Value(response.GetPolicy())
	})
	return cmd
}

func (p *policy) spec(cmd *cobra.Command) (*flowv1.Policy, error) {
	given := func(name string) bool { return cmd.Flags().Changed(name) }
	spec := &flowv1.Policy{
		Name: p.name, Target: flowv1.Target_TARGET_WORKFLOWS, Description: p.description,
		WorkflowType: p.workflowType, ActivityType: p.activityType, TaskQueue: p.taskQueue,
	}
	switch p.about {
	case "workflows":
	case "activities":
		spec.Target = flowv1.Target_TARGET_ACTIVITIES
	default:
		return nil, flags.Usagef("--about is workflows or activities, not %q", p.about)
	}
	switch {
	case p.key != "" && p.expression != "":
		return nil, flags.Usagef("--key and --key-expression cannot be given together")
	case p.key == "fairness-key":
		spec.Key = &flowv1.Key{By: &flowv1.Key_FairnessKey{FairnessKey: true}}
	case p.key != "":
		spec.Key = &flowv1.Key{By: &flowv1.Key_SearchAttribute{SearchAttribute: p.key}}
	case p.expression != "":
		spec.Key = &flowv1.Key{By: &flowv1.Key_Expression{Expression: p.expression}}
	}
	if given("max-running") {
		spec.MaxRunning = &p.maxRunning
	}
	switch {
	case given("rate"):
		spec.Rate = &flowv1.Rate{PerSecond: p.rate, Burst: p.burst}
	case given("burst"):
		return nil, flags.Usagef("--burst is given without --rate")
	}
	switch {
	case p.refuse && given("max-waiting"):
		return nil, flags.Usagef("--refuse and --max-waiting cannot be given together")
	case p.refuse:
		spec.MaxWaiting = new(int64)
	case given("max-waiting"):
		spec.MaxWaiting = &p.maxWaiting
	}
	return spec, nil
}

// limits says in a few words what a policy lets in.
func limits(p *flowv1.Policy) string {
	text := ""
	if p.MaxRunning != nil {
		text = fmt.Sprintf("%d at once", *p.MaxRunning)
	}
	if p.Rate != nil {
		if text != "" {
			text += ", "
		}
		text += rateText(p.Rate)
	}
	if p.Key != nil {
		text += " for each " + keyText(p.Key)
	}
	return text
}
