package workflow

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/sdk/client"
)

// updateWithStart are the flags of an update for a workflow that is started first if it
// is not running.
type updateWithStart struct {
	starting
	name, id, runID, firstRunID string
	updateInput                 flags.Input
}

func (u *updateWithStart) addTo(cmd *cobra.Command) {
	u.starting.addTo(cmd)
	set := cmd.Flags()
	set.StringVar(&u.name, "update-name", "", "name of the update (also --update-type); required")
	set.StringVar(&u.id, "update-id", "", "id of the update; made up if not given")
	set.StringVarP(&u.runID, "run-id", "r", "", "the update is for this run only")
	set.StringVar(&u.firstRunID, "update-first-execution-run-id", "", "the update is for runs only that go back to this one")
	u.updateInput.AddTo(set, "update-", "update")
	_ = cmd.MarkFlagRequired("update-name")
	flags.Alias(set, map[string]string{"update-type": "update-name"})
}

func (u *updateWithStart) send(ctx context.Context, s *command.Session, stage client.WorkflowUpdateStage) (client.WorkflowUpdateHandle, error) {
	if u.WorkflowID == "" {
		return nil, flags.Usagef("--workflow-id is required")
	}
	if !u.ConflictPolicyGiven() {
		return nil, flags.Usagef("--id-conflict-policy is required: what to do if the workflow is running already; usually UseExisting")
	}
	options, err := u.Options()
	if err != nil {
		return nil, err
	}
	workflowArgs, err := u.input.Args(s.In)
	if err != nil {
		return nil, err
	}
	args, err := u.updateInput.Args(s.In)
	if err != nil {
		return nil, err
	}
	handle, err := s.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: s.NewWithStartWorkflowOperation(options, u.Type, workflowArgs...),
		UpdateOptions: client.UpdateWorkflowOptions{
			UpdateID: u.id, WorkflowID: u.WorkflowID, RunID: u.runID, UpdateName: u.name,
			Args: args, WaitForStage: stage, FirstExecutionRunID: u.firstRunID,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("updating the workflow, or starting it: %w", err)
	}
	return handle, nil
}

func (u *updateWithStart) fields(s *command.Session, handle client.WorkflowUpdateHandle) []output.Field {
	return []output.Field{
		output.F("WorkflowId", u.WorkflowID), output.F("RunId", handle.RunID()),
		output.F("Type", u.Type), output.F("Namespace", s.Namespace),
		output.F("UpdateName", u.name), output.F("UpdateId", handle.UpdateID()),
	}
}

func newStartUpdateWithStart(g *command.Group) *cobra.Command {
	var u updateWithStart
	cmd := &cobra.Command{
		Use:   "start-update-with-start",
		Short: "Send an update to a workflow, which is started if it is not running",
		Long: `Send an update to the workflow with the id, which is started first if it is not running,
and return when the workflow has accepted or rejected the update.`,
		Example: `  perdure workflow start-update-with-start --workflow-id cart-17 --type CartWorkflow --task-queue carts \
      --id-conflict-policy UseExisting --update-name add --update-input '"shoes"' --update-wait-for-stage accepted`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			handle, err := u.send(ctx, s, client.WorkflowUpdateStageAccepted)
			if err != nil {
				return err
			}
			if err := alreadyFailed(ctx, handle); err != nil {
				return err
			}
			return s.Out.Show("Running execution:", u.fields(s, handle)...)
		}),
	}
	u.addTo(cmd)
	stageFlag(cmd, "update-wait-for-stage")
	return cmd
}

func newExecuteUpdateWithStart(g *command.Group) *cobra.Command {
	var u updateWithStart
	cmd := &cobra.Command{
		Use:   "execute-update-with-start",
		Short: "Send an update to a workflow, which is started if it is not running, and wait for its result",
		Long: `Send an update to the workflow with the id, which is started first if it is not running,
and wait for the result of the update.`,
		Example: `  perdure workflow execute-update-with-start --workflow-id cart-17 --type CartWorkflow --task-queue carts \
      --id-conflict-policy UseExisting --update-name add --update-input '"shoes"'`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			handle, err := u.send(ctx, s, client.WorkflowUpdateStageCompleted)
			if err != nil {
				return err
			}
			result, err := outcome(ctx, s, handle)
			if err != nil {
				return fmt.Errorf("updating the workflow: %w", err)
			}
			return s.Out.Show("Running execution:", append(u.fields(s, handle), output.F("UpdateResult", result))...)
		}),
	}
	u.addTo(cmd)
	return cmd
}
