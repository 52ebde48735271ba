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

func newDescribe(g *command.Group) *cobra.Command {
	var name, key string
	var items int32
	cmd := &cobra.Command{
		Use:   "describe",
		Short: "Show a policy, and what runs and waits under it",
		Long:  `Show a policy, and what runs and waits under it. Of a policy with a key, --key says for which value.`,
		Example: `  perdure flow describe --name mailer
  perdure flow describe --name one-import-each --key customer-17`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			client, err := flows(s)
			if err != nil {
				return err
			}
			found, err := client.GetPolicy(ctx, &flowv1.GetPolicyRequest{Namespace: s.Namespace, Name: name})
			if err != nil {
				return fmt.Errorf("describing the flow policy: %w", err)
			}
			gate, err := client.DescribeGate(ctx, &flowv1.DescribeGateRequest{Namespace: s.Namespace, Policy: name, Key: key, MaxItems: items})
			if err != nil {
				return fmt.Errorf("describing the flow policy: %w", err)
			}
			p := found.GetPolicy()
			s.Out.Card(
				output.F("Name", p.GetName()),
				output.F("About", about(p)),
				output.Optional("Key", keyText(p.GetKey())),
				output.Optional("Description", p.GetDescription()),
				output.F("Limits", limits(p)),
				output.Optional("MaxWaiting", limit(p.MaxWaiting)),
				output.Optional("Of", key),
				output.F("Running", gate.GetRunning()),
				output.F("Waiting", gate.GetWaiting()),
			)
			for _, part := range []struct {
				name  string
				items []*flowv1.Item
			}{{"Running", gate.GetRunningItems()}, {"Waiting", gate.GetWaitingItems()}} {
				if len(part.items) == 0 {
					continue
				}
				s.Out.Heading("%s: %d", part.name, len(part.items))
				table := s.Out.Table(output.Col("WorkflowId"), output.Col("RunId"), output.Col("ActivityId"), output.Col("Since"))
				var rows [][]any
				for _, item := range part.items {
					rows = append(rows, []any{item.GetWorkflowId(), item.GetRunId(), item.GetActivityId(), item.GetTime()})
				}
				table.Rows(rows...)
			}
			return s.Out.Value(gate)
		}),
	}
	nameFlag(cmd, &name)
	cmd.Flags().StringVar(&key, "key", "", "value of the key")
	cmd.Flags().Int32Var(&items, "limit", 20, "how many of those that run, and that wait, are shown")
	return cmd
}

func newGates(g *command.Group) *cobra.Command {
	var name string
	var limit int32
	cmd := &cobra.Command{
		Use:   "gates",
		Short: "List for which keys workflows and activities run and wait",
		Long: `List for which values of the key of a policy something runs or waits, and how many, most waiting first; of all policies
if --name is not given.`,
		Example: `  perdure flow gates
  perdure flow gates --name one-import-each --limit 10`,
		Args: command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			client, err := flows(s)
			if err != nil {
				return err
			}
			found, err := client.ListGates(ctx, &flowv1.ListGatesRequest{Namespace: s.Namespace, Policy: name, PageSize: limit})
			if err != nil {
				return fmt.Errorf("listing gates: %w", err)
			}
			if s.Out.JSON() {
				return s.Out.Value(found)
			}
			table := s.Out.Table(output.Col("Policy"), output.Col("Key"), output.Number("Running"), output.Number("Waiting"))
			var rows [][]any
			for _, gate := range found.GetGates() {
				rows = append(rows, []any{gate.GetPolicy(), gate.GetKey(), gate.GetRunning(), gate.GetWaiting()})
			}
			table.Rows(rows...)
			if n := found.GetGateCount(); n > int64(len(rows)) {
				s.Out.Printf("%d of %d; in all %d run and %d wait.", len(rows), n, found.GetRunning(), found.GetWaiting())
			}
			return nil
		}),
	}
	cmd.Flags().StringVar(&name, "name", "", "name of the policy; all if not given")
	cmd.Flags().Int32Var(&limit, "limit", 100, "how many are listed, 1000 at most")
	return cmd
}

func newShow(g *command.Group) *cobra.Command {
	var execution flags.Execution
	cmd := &cobra.Command{
		Use:     "show",
		Short:   "Show which policies a workflow is under, and for which it waits",
		Long:    `Show which policies a workflow is under, and for which it waits.`,
		Example: `  perdure flow show --workflow-id import-42`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			client, err := flows(s)
			if err != nil {
				return err
			}
			found, err := client.DescribeWorkflow(ctx, &flowv1.DescribeWorkflowRequest{
				Namespace: s.Namespace, WorkflowId: execution.Proto().GetWorkflowId(), RunId: execution.Proto().GetRunId()})
			if err != nil {
				return fmt.Errorf("describing the flow of a workflow: %w", err)
			}
			if !s.Out.JSON() {
				table := s.Out.Table(output.Col("Policy"), output.Col("Key"), output.Col("State"), output.Col("Asked"))
				var rows [][]any
				for _, p := range found.GetPasses() {
					rows = append(rows, []any{p.GetPolicy(), p.GetKey(), stateText(p.GetState()), p.GetAskedTime()})
				}
				table.Rows(rows...)
				return nil
			}
			return s.Out.Value(found)
		}),
	}
	execution.AddTo(cmd)
	return cmd
}

func stateText(state flowv1.PassState) string {
	switch state {
	case flowv1.PassState_PASS_STATE_ADMITTED:
		return "Admitted"
	case flowv1.PassState_PASS_STATE_WAITING:
		return "Waiting"
	}
	return "NotAsked"
}
