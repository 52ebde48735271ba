package workflow

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
)

func newPause(g *command.Group) *cobra.Command {
	var e flags.Execution
	var reason string
	cmd := &cobra.Command{
		Use:   "pause",
		Short: "Hold a workflow",
		Long: `Hold a workflow: its workflow tasks and new attempts of its activities wait until it is
unpaused. The server has to allow it (the setting frontend.WorkflowPauseEnabled).`,
		Example: `  perdure workflow pause order-17 --reason 'payments are down'`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			_, err := s.WorkflowService().PauseWorkflowExecution(ctx, &workflowservice.PauseWorkflowExecutionRequest{
				Namespace: s.Namespace, WorkflowId: e.WorkflowID, RunId: e.RunID,
				Identity: s.Identity, Reason: reason, RequestId: uuid.NewString(),
			})
			if err != nil {
				return fmt.Errorf("pausing the workflow: %w", err)
			}
			s.Out.Printf("Workflow paused")
			return nil
		}),
	}
	e.AddTo(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

func newUnpause(g *command.Group) *cobra.Command {
	var e flags.Execution
	var reason string
	cmd := &cobra.Command{
		Use:     "unpause",
		Short:   "Let a workflow go on that was paused",
		Long:    `Let a workflow go on that was paused.`,
		Example: `  perdure workflow unpause order-17`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			_, err := s.WorkflowService().UnpauseWorkflowExecution(ctx, &workflowservice.UnpauseWorkflowExecutionRequest{
				Namespace: s.Namespace, WorkflowId: e.WorkflowID, RunId: e.RunID,
				Identity: s.Identity, Reason: reason, RequestId: uuid.NewString(),
			})
			if err != nil {
				return fmt.Errorf("unpausing the workflow: %w", err)
			}
			s.Out.Printf("Workflow unpaused")
			return nil
		}),
	}
	e.AddTo(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}
