// Package batch are the commands below `perdure batch`. Flags, and fields of JSON output,
// are those of the Temporal CLI.
package batch

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	batchpb "go.temporal.io/api/batch/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
)

// New makes the command.
func New(app *command.App) *cobra.Command {
	cmd := command.NewParent("batch", "Look at batch jobs, and stop them",
		`Look at batch jobs, and stop them. They are started by commands of 'perdure workflow' and
'perdure activity' that take a --query.`,
		`  perdure workflow terminate --query 'WorkflowType = "OrderWorkflow"' --yes
  perdure batch list`)
	g := app.NewGroup(cmd)
	cmd.AddCommand(newDescribe(g), newList(g), newTerminate(g))
	return cmd
}

// explain names the job that is not there.
func explain(doing, job string, err error) error {
	var notFound *serviceerror.NotFound
	if errors.As(err, &notFound) {
		return fmt.Errorf("could not find Batch Job '%s'; 'perdure batch list' shows which there are", job)
	}
	return fmt.Errorf("%s the batch job: %w", doing, err)
}

func jobFlag(cmd *cobra.Command, job *string) {
	cmd.Args = command.NoArguments
	cmd.Flags().StringVar(job, "job-id", "", "id of the batch job; required")
	_ = cmd.MarkFlagRequired("job-id")
}

func state(s enumspb.BatchOperationState) string {
	switch s {
	case enumspb.BATCH_OPERATION_STATE_COMPLETED:
		return output.Good(s.String())
	case enumspb.BATCH_OPERATION_STATE_FAILED:
		return output.Bad(s.String())
	}
	return s.String()
}

func newDescribe(g *command.Group) *cobra.Command {
	var job string
	cmd := &cobra.Command{
		Use:     "describe",
		Short:   "Show how far a batch job is",
		Long:    `Show how far a batch job is.`,
		Example: `  perdure batch describe --job-id 3f1c`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			d, err := s.WorkflowService().DescribeBatchOperation(ctx, &workflowservice.DescribeBatchOperationRequest{Namespace: s.Namespace, JobId: job})
			if err != nil {
				return explain("describing", job, err)
			}
			s.Out.Card(
				output.F("State", state(d.GetState())),
				output.F("Type", d.GetOperationType()),
				output.F("StartTime", d.GetStartTime()),
				output.Optional("CloseTime", d.GetCloseTime()),
				output.F("CompletedCount", fmt.Sprintf("%d/%d", d.GetCompleteOperationCount(), d.GetTotalOperationCount())),
				output.F("FailureCount", fmt.Sprintf("%d/%d", d.GetFailureOperationCount(), d.GetTotalOperationCount())),
				output.Optional("Reason", d.GetReason()),
				output.Optional("By", d.GetIdentity()),
			)
			return s.Out.Value(d)
		}),
	}
	jobFlag(cmd, &job)
	return cmd
}

func newList(g *command.Group) *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List batch jobs",
		Long:    `List the batch jobs of a namespace, the newest first.`,
		Example: `  perdure batch list`,
		Args:    command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			table := s.Out.Table(output.Col("JobId"), output.Col("State"), output.Col("StartTime"), output.Col("CloseTime"))
			return command.List(s.Out, limit, func(token []byte) ([]*batchpb.BatchOperationInfo, []byte, error) {
				page, err := s.WorkflowService().ListBatchOperations(ctx, &workflowservice.ListBatchOperationsRequest{Namespace: s.Namespace, NextPageToken: token})
				if err != nil {
					return nil, nil, fmt.Errorf("listing batch jobs: %w", err)
				}
				return page.GetOperationInfo(), page.GetNextPageToken(), nil
			}, table, func(job *batchpb.BatchOperationInfo) []any {
				return []any{job.GetJobId(), state(job.GetState()), job.GetStartTime(), job.GetCloseTime()}
			})
		}),
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "list this many at most; all if 0")
	return cmd
}

func newTerminate(g *command.Group) *cobra.Command {
	var job, reason string
	cmd := &cobra.Command{
		Use:     "terminate",
		Short:   "Stop a batch job",
		Long:    `Stop a batch job. What it has done already stays done.`,
		Example: `  perdure batch terminate --job-id 3f1c --reason 'wrong query'`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			_, err := s.WorkflowService().StopBatchOperation(ctx, &workflowservice.StopBatchOperationRequest{
				Namespace: s.Namespace, JobId: job, Reason: reason, Identity: s.Identity,
			})
			if err != nil {
				return explain("stopping", job, err)
			}
			s.Out.Printf("Terminated Batch Job '%s'", job)
			return nil
		}),
	}
	jobFlag(cmd, &job)
	cmd.Flags().StringVar(&reason, "reason", "", "why; required")
	_ = cmd.MarkFlagRequired("reason")
	return cmd
}
