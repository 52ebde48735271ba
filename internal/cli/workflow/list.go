package workflow

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
)

func newList(g *command.Group) *cobra.Command {
	var query string
	var limit, pageSize int
	var archived bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List workflows",
		Long: `List workflows, the newest first, or those that a query finds. A query compares search
attributes such as WorkflowId, WorkflowType, ExecutionStatus, StartTime and custom ones,
and can end with ORDER BY.`,
		Example: `  perdure workflow list
  perdure workflow list --query 'WorkflowType = "OrderWorkflow" AND ExecutionStatus = "Failed"' --limit 20

  # The ids, for a script
  perdure workflow list --output jsonl | jq -r .execution.workflowId`,
		Args: command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			if limit > 0 && (pageSize == 0 || limit < pageSize) {
				pageSize = limit
			}
			table := s.Out.Table(output.Col("Status"), output.Col("WorkflowId"), output.Shrinks("Type"), output.Col("StartTime"))
			return command.List(s.Out, limit, func(token []byte) ([]*workflowpb.WorkflowExecutionInfo, []byte, error) {
				if archived {
					page, err := s.ListArchivedWorkflow(ctx, &workflowservice.ListArchivedWorkflowExecutionsRequest{
						Query: query, NextPageToken: token, PageSize: int32(pageSize),
					})
					return page.GetExecutions(), page.GetNextPageToken(), listing(err)
				}
				page, err := s.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
					Query: query, NextPageToken: token, PageSize: int32(pageSize),
				})
				return page.GetExecutions(), page.GetNextPageToken(), listing(err)
			}, table, func(info *workflowpb.WorkflowExecutionInfo) []any {
				return []any{output.Status(info.GetStatus()), info.GetExecution().GetWorkflowId(), info.GetType().GetName(), info.GetStartTime()}
			})
		}),
	}
	set := cmd.Flags()
	set.StringVarP(&query, "query", "q", "", "list what this finds")
	set.IntVar(&limit, "limit", 0, "list this many at most; all if 0")
	set.IntVar(&pageSize, "page-size", 0, "ask the server for this many at a time; the server decides if 0")
	set.BoolVar(&archived, "archived", false, "list workflows of the archive")
	return cmd
}

func listing(err error) error {
	if err != nil {
		return fmt.Errorf("listing workflows: %w", err)
	}
	return nil
}

func newCount(g *command.Group) *cobra.Command {
	var query string
	cmd := &cobra.Command{
		Use:   "count",
		Short: "Count workflows",
		Long: `Count workflows, or those that a query finds. A query that ends with GROUP BY and a
search attribute counts by its values.`,
		Example: `  perdure workflow count
  perdure workflow count --query 'WorkflowType = "OrderWorkflow" GROUP BY ExecutionStatus'`,
		Args: command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			count, err := s.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
			if err != nil {
				return fmt.Errorf("counting workflows: %w", err)
			}
			if s.Out.JSON() {
				// With its type, the payload of a search attribute is not shown as what it holds.
				for _, group := range count.GetGroups() {
					for _, value := range group.GetGroupValues() {
						delete(value.GetMetadata(), "type")
					}
				}
				return s.Out.Value(count)
			}
			s.Out.Printf("Total: %d", count.GetCount())
			if len(count.GetGroups()) > 0 {
				table := s.Out.Table(output.Number("Count"), output.Col("Value"))
				rows := make([][]any, len(count.GetGroups()))
				for i, group := range count.GetGroups() {
					rows[i] = []any{group.GetCount(), group.GetGroupValues()}
				}
				table.Rows(rows...)
			}
			return nil
		}),
	}
	cmd.Flags().StringVarP(&query, "query", "q", "", "count what this finds")
	return cmd
}
