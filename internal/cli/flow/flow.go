// Package flow is the command that looks after flow control: how many workflows and activities may
// run at once, and how many are started in a second.
package flow

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"

	flowv1 "github.com/perdure/perdure/api/perdure/flow/v1"
	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
)

// New returns the command.
func New(app *command.App) *cobra.Command {
	cmd := command.NewParent("flow", "Limit how many workflows and activities run at once",
		`Limit how many workflows or activities run at once, or are started in a second: by policies, for all
of a namespace, of a type or of a task queue, or for each value of a key. What is more waits in order, or is
refused. Workers need not know. Perdure has this; a Temporal server does not.`,
		`  perdure flow set --name one-import-each --workflow-type Import --key fairness-key --max-running 1
  perdure flow list
  perdure workflow list --query 'PerdureFlowState = "Waiting"'`)
	g := app.NewGroup(cmd)
	cmd.AddCommand(newSet(g), newList(g), newDescribe(g), newGates(g), newDelete(g), newShow(g))
	return cmd
}

// flows calls the FlowService of the server that a session is with.
func flows(s *command.Session) (flowv1.Client, error) {
	client, ok := s.Client.(interface {
		Conn() grpc.ClientConnInterface
	})
	if !ok {
		return flowv1.Client{}, errors.New("the client has no connection of its own")
	}
	return flowv1.Client{Conn: client.Conn()}, nil
}

func nameFlag(cmd *cobra.Command, name *string) {
	cmd.Args = command.NoArguments
	cmd.Flags().StringVar(name, "name", "", "name of the policy; required")
	_ = cmd.MarkFlagRequired("name")
}

func newList(g *command.Group) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the policies of a namespace",
		Long:    `List the policies of a namespace in the order of their names, in which what several match asks them.`,
		Example: `  perdure flow list --namespace orders`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			client, err := flows(s)
			if err != nil {
				return err
			}
			table := s.Out.Table(output.Col("Name"), output.Shrinks("About"), output.Shrinks("Key"), output.Number("MaxRunning"), output.Col("Rate"), output.Number("MaxWaiting"))
			return command.List(s.Out, 0, func([]byte) ([]*flowv1.Policy, []byte, error) {
				page, err := client.ListPolicies(ctx, &flowv1.ListPoliciesRequest{Namespace: s.Namespace})
				if err != nil {
					return nil, nil, fmt.Errorf("listing flow policies: %w", err)
				}
				return page.GetPolicies(), nil, nil
			}, table, func(p *flowv1.Policy) []any {
				return []any{p.GetName(), about(p), keyText(p.GetKey()), limit(p.MaxRunning), rateText(p.GetRate()), limit(p.MaxWaiting)}
			})
		}),
	}
}

func newDelete(g *command.Group) *cobra.Command {
	var name string
	cmd := &cobra.Command{
		Use:     "delete",
		Short:   "Delete a policy",
		Long:    `Delete a policy. All that waits for it goes on.`,
		Example: `  perdure flow delete --name one-import-each`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			client, err := flows(s)
			if err != nil {
				return err
			}
			if _, err := client.DeletePolicy(ctx, &flowv1.DeletePolicyRequest{Namespace: s.Namespace, Name: name}); err != nil {
				return fmt.Errorf("deleting the flow policy: %w", err)
			}
			s.Out.Printf("%s", output.Good(fmt.Sprintf("Flow policy %s deleted.", name)))
			return nil
		}),
	}
	nameFlag(cmd, &name)
	return cmd
}

// about says in a few words what a policy matches.
func about(p *flowv1.Policy) string {
	text := "workflows"
	if p.GetTarget() == flowv1.Target_TARGET_ACTIVITIES {
		text = "activities"
		if p.GetActivityType() != "" {
			text += " " + p.GetActivityType()
		}
		if p.GetWorkflowType() != "" {
			text += " of " + p.GetWorkflowType()
		}
	} else if p.GetWorkflowType() != "" {
		text += " " + p.GetWorkflowType()
	}
	if p.GetTaskQueue() != "" {
		text += " on " + p.GetTaskQueue()
	}
	return text
}

func keyText(key *flowv1.Key) string {
	switch by := key.GetBy().(type) {
	case *flowv1.Key_FairnessKey:
		return "fairness key"
	case *flowv1.Key_SearchAttribute:
		return by.SearchAttribute
	case *flowv1.Key_Expression:
		return by.Expression
	}
	return ""
}

// limit is a limit, empty if there is none.
func limit(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

func rateText(r *flowv1.Rate) string {
	if r == nil {
		return ""
	}
	return fmt.Sprintf("%v/s, burst %d", r.GetPerSecond(), max(r.GetBurst(), 1))
}
