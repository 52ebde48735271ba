// Package activity are the commands below `perdure activity`. Flags, and fields of JSON
// output, are those of the Temporal CLI.
package activity

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
)

// New makes the command.
func New(app *command.App) *cobra.Command {
	cmd := command.NewParent("activity", "Complete, fail, hold and change pending activities",
		`Complete, fail, hold and change activities that workflows wait for. 'perdure workflow
describe' shows which there are.`,
		`  perdure activity complete order-17 --activity-id 5 --result '{"paid": true}'
  perdure activity pause order-17 --activity-id 5`)
	g := app.NewGroup(cmd)
	cmd.AddCommand(newComplete(g), newFail(g), newPause(g), newUnpause(g), newReset(g), newUpdateOptions(g))
	return cmd
}

func newComplete(g *command.Group) *cobra.Command {
	var e flags.Execution
	var id, result string
	cmd := &cobra.Command{
		Use:     "complete",
		Short:   "Complete an activity with a result",
		Long:    `Complete a pending activity with a result, whoever runs it.`,
		Example: `  perdure activity complete order-17 --activity-id 5 --result '{"paid": true}'`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			payloads, err := flags.JSONPayloads([]string{result})
			if err != nil {
				return flags.Usagef("--result is not JSON; a text is in double quotes: --result '%q'", result)
			}
			_, err = s.WorkflowService().RespondActivityTaskCompletedById(ctx, &workflowservice.RespondActivityTaskCompletedByIdRequest{
				Namespace: s.Namespace, WorkflowId: e.WorkflowID, RunId: e.RunID, ActivityId: id, Result: payloads, Identity: s.Identity,
			})
			if err != nil {
				return fmt.Errorf("completing the activity: %w", err)
			}
			s.Out.Printf("Activity completed")
			return nil
		}),
	}
	e.AddTo(cmd)
	cmd.Flags().StringVar(&id, "activity-id", "", "id of the activity; required")
	cmd.Flags().StringVar(&result, "result", "", "its result, as JSON; required")
	_ = cmd.MarkFlagRequired("activity-id")
	_ = cmd.MarkFlagRequired("result")
	return cmd
}

func newFail(g *command.Group) *cobra.Command {
	var e flags.Execution
	var id, reason, detail string
	cmd := &cobra.Command{
		Use:     "fail",
		Short:   "Fail an activity",
		Long:    `Fail a pending activity for good, whoever runs it: it is not retried.`,
		Example: `  perdure activity fail order-17 --activity-id 5 --reason 'card was refused'`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			info := &failurepb.ApplicationFailureInfo{NonRetryable: true}
			if detail != "" {
				var err error
				if info.Details, err = flags.JSONPayloads([]string{detail}); err != nil {
					return flags.Usagef("--detail is not JSON; a text is in double quotes: --detail '%q'", detail)
				}
			}
			_, err := s.WorkflowService().RespondActivityTaskFailedById(ctx, &workflowservice.RespondActivityTaskFailedByIdRequest{
				Namespace: s.Namespace, WorkflowId: e.WorkflowID, RunId: e.RunID, ActivityId: id, Identity: s.Identity,
				Failure: &failurepb.Failure{
					Message: reason, Source: "CLI",
					FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: info},
				},
			})
			if err != nil {
				return fmt.Errorf("failing the activity: %w", err)
			}
			s.Out.Printf("Activity failed")
			return nil
		}),
	}
	e.AddTo(cmd)
	cmd.Flags().StringVar(&id, "activity-id", "", "id of the activity; required")
	cmd.Flags().StringVar(&reason, "reason", "", "message of the failure")
	cmd.Flags().StringVar(&detail, "detail", "", "details of the failure, as JSON")
	_ = cmd.MarkFlagRequired("activity-id")
	return cmd
}
