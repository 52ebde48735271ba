package workflow

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	batchpb "go.temporal.io/api/batch/v1"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
)

func newCancel(g *command.Group) *cobra.Command {
	var selection command.Selection
	cmd := &cobra.Command{
		Use:   "cancel",
		Short: "Ask a workflow to stop",
		Long: `Ask a workflow to stop: its context is cancelled, so that it can clean up. With --query,
ask all workflows that it finds, as a batch job.`,
		Example: `  perdure workflow cancel order-17
  perdure workflow cancel --query 'WorkflowType = "OrderWorkflow"' --reason 'shop is closed' --yes`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			return selection.Do(ctx, s, false, func(e *commonpb.WorkflowExecution) error {
				if err := s.CancelWorkflow(ctx, e.GetWorkflowId(), e.GetRunId()); err != nil {
					return fmt.Errorf("cancelling the workflow: %w", err)
				}
				s.Out.Printf("Canceled workflow")
				return nil
			}, func(request *workflowservice.StartBatchOperationRequest) {
				request.Operation = &workflowservice.StartBatchOperationRequest_CancellationOperation{
					CancellationOperation: &batchpb.BatchOperationCancellation{Identity: s.Identity},
				}
			})
		}),
	}
	selection.AddTo(cmd)
	return cmd
}

func newTerminate(g *command.Group) *cobra.Command {
	var selection command.Selection
	cmd := &cobra.Command{
		Use:   "terminate",
		Short: "Stop a workflow at once",
		Long: `Stop a workflow at once, without giving it a chance to clean up ('perdure workflow
cancel' does). With --query, stop all workflows that it finds, as a batch job.`,
		Example: `  perdure workflow terminate order-17 --reason 'is stuck'
  perdure workflow terminate --query 'ExecutionStatus = "Running" AND StartTime < "2026-01-01T00:00:00Z"'`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			return selection.Do(ctx, s, true, func(e *commonpb.WorkflowExecution) error {
				if err := s.TerminateWorkflow(ctx, e.GetWorkflowId(), e.GetRunId(), selection.ReasonOr()); err != nil {
					return fmt.Errorf("terminating the workflow: %w", err)
				}
				s.Out.Printf("Workflow terminated")
				return nil
			}, func(request *workflowservice.StartBatchOperationRequest) {
				request.Operation = &workflowservice.StartBatchOperationRequest_TerminationOperation{
					TerminationOperation: &batchpb.BatchOperationTermination{Identity: s.Identity},
				}
			})
		}),
	}
	selection.AddTo(cmd)
	return cmd
}

func newDelete(g *command.Group) *cobra.Command {
	var selection command.Selection
	cmd := &cobra.Command{
		Use:   "delete",
		Short: "Remove a workflow and its history",
		Long: `Remove a run of a workflow and its history, the current run if none is named. One that
is running is terminated first. With --query, remove all workflows that it finds, as a
batch job.`,
		Example: `  perdure workflow delete order-17
  perdure workflow delete --query 'ExecutionStatus = "Completed" AND CloseTime < "2026-01-01T00:00:00Z"' --yes`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			return selection.Do(ctx, s, false, func(e *commonpb.WorkflowExecution) error {
				_, err := s.WorkflowService().DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{
					Namespace: s.Namespace, WorkflowExecution: e,
				})
				if err != nil {
					return fmt.Errorf("deleting the workflow: %w", err)
				}
				s.Out.Printf("Delete workflow succeeded")
				return nil
			}, func(request *workflowservice.StartBatchOperationRequest) {
				request.Operation = &workflowservice.StartBatchOperationRequest_DeletionOperation{
					DeletionOperation: &batchpb.BatchOperationDeletion{Identity: s.Identity},
				}
			})
		}),
	}
	selection.AddTo(cmd)
	return cmd
}
