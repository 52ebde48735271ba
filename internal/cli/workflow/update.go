package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/temporal"
)

func newUpdate(g *command.Group) *cobra.Command {
	cmd := command.NewParent("update", "Send updates to workflows",
		`Send updates to workflows: requests that a workflow accepts or rejects, and answers.`,
		`  perdure workflow update execute order-17 --name set-address --input '"12 High Street"'`)
	cmd.AddCommand(newUpdateStart(g), newUpdateExecute(g), newUpdateResult(g), newUpdateDescribe(g))
	return cmd
}

// updating are the flags of an update to send.
type updating struct {
	flags.Execution
	name, id, firstRunID string
	input                flags.Input
}

func (u *updating) addTo(cmd *cobra.Command) {
	u.Execution.AddTo(cmd)
	set := cmd.Flags()
	set.StringVar(&u.name, "name", "", "name of the update (also --type); required")
	set.StringVar(&u.id, "update-id", "", "id of the update; made up if not given. An update is carried out once for an id")
	set.StringVar(&u.firstRunID, "first-execution-run-id", "", "the update is for runs only that go back to this one")
	u.input.AddTo(set, "", "update")
	_ = cmd.MarkFlagRequired("name")
	flags.Alias(set, map[string]string{"type": "name"})
}

func (u *updating) send(ctx context.Context, s *command.Session, stage client.WorkflowUpdateStage) (client.WorkflowUpdateHandle, error) {
	args, err := u.input.Args(s.In)
	if err != nil {
		return nil, err
	}
	handle, err := s.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		UpdateID: u.id, WorkflowID: u.WorkflowID, RunID: u.RunID, UpdateName: u.name,
		Args: args, WaitForStage: stage, FirstExecutionRunID: u.firstRunID,
	})
	if err != nil {
		return nil, fmt.Errorf("updating the workflow: %w", err)
	}
	return handle, nil
}

// alreadyFailed is the error of an update whose outcome came with the answer to it. It
// makes no call.
func alreadyFailed(ctx context.Context, handle client.WorkflowUpdateHandle) error {
	done, cancel := context.WithCancel(ctx)
	cancel()
	err := handle.Get(done, nil)
	var notYet *client.WorkflowUpdateServiceTimeoutOrCanceledError
	if err == nil || errors.As(err, &notYet) {
		return nil
	}
	return fmt.Errorf("updating the workflow: %w", err)
}

// outcome waits for the result of an update and shows it as it is.
func outcome(ctx context.Context, s *command.Session, handle client.WorkflowUpdateHandle) (json.RawMessage, error) {
	var value converter.RawValue
	if err := handle.Get(ctx, &value); err != nil {
		return nil, err
	}
	return payloadJSON(s, value.Payload())
}

func payloadJSON(s *command.Session, payload *commonpb.Payload) (json.RawMessage, error) {
	if payload == nil {
		return json.RawMessage("null"), nil
	}
	return s.Out.Marshal(payload)
}

// stageFlag adds a flag for the stage that is waited for, of which there is one to choose.
func stageFlag(cmd *cobra.Command, name string) {
	stage := flags.NewEnum("", "accepted")
	cmd.Flags().Var(stage, name, "stage of the update to wait for: "+stage.Choices()+"; required")
	_ = cmd.MarkFlagRequired(name)
}

func newUpdateStart(g *command.Group) *cobra.Command {
	var u updating
	cmd := &cobra.Command{
		Use:     "start",
		Short:   "Send an update and wait until the workflow has accepted it",
		Long:    `Send an update to a running workflow and return when the workflow has accepted or rejected it.`,
		Example: `  perdure workflow update start order-17 --name set-address --input '"12 High Street"' --wait-for-stage accepted`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			handle, err := u.send(ctx, s, client.WorkflowUpdateStageAccepted)
			if err != nil {
				return err
			}
			if err := alreadyFailed(ctx, handle); err != nil {
				return err
			}
			return s.Out.Show("", output.F("Name", u.name), output.F("UpdateId", handle.UpdateID()))
		}),
	}
	u.addTo(cmd)
	stageFlag(cmd, "wait-for-stage")
	return cmd
}

func newUpdateExecute(g *command.Group) *cobra.Command {
	var u updating
	cmd := &cobra.Command{
		Use:     "execute",
		Short:   "Send an update and wait for its result",
		Long:    `Send an update to a running workflow and wait for its result. The exit code is 1 if it fails or is rejected.`,
		Example: `  perdure workflow update execute order-17 --name set-address --input '"12 High Street"'`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			handle, err := u.send(ctx, s, client.WorkflowUpdateStageCompleted)
			if err != nil {
				return err
			}
			result, err := outcome(ctx, s, handle)
			if err != nil {
				return fmt.Errorf("updating the workflow: %w", err)
			}
			return s.Out.Show("", output.F("Name", u.name), output.F("UpdateId", handle.UpdateID()), output.F("Result", result))
		}),
	}
	u.addTo(cmd)
	return cmd
}

// updateTarget are the flags that name an update which was sent.
type updateTarget struct {
	flags.Execution
	id string
}

func (u *updateTarget) addTo(cmd *cobra.Command) {
	u.Execution.AddTo(cmd)
	cmd.Flags().StringVar(&u.id, "update-id", "", "id of the update; required")
	_ = cmd.MarkFlagRequired("update-id")
}

func newUpdateResult(g *command.Group) *cobra.Command {
	var u updateTarget
	cmd := &cobra.Command{
		Use:     "result",
		Short:   "Wait for an update and show its result",
		Long:    `Wait for the result of an update that was sent before. The exit code is 1 if the update has failed.`,
		Example: `  perdure workflow update result order-17 --update-id 4f7c`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			handle := s.GetWorkflowUpdateHandle(client.GetWorkflowUpdateHandleOptions{WorkflowID: u.WorkflowID, RunID: u.RunID, UpdateID: u.id})
			result, err := outcome(ctx, s, handle)
			var failed *temporal.ApplicationError
			switch {
			case errors.As(err, &failed):
				if err := s.Out.Show("", output.F("UpdateId", u.id), output.F("Failure", failureOf(s, failed))); err != nil {
					return err
				}
				return errors.New("update is failed")
			case err != nil:
				return fmt.Errorf("waiting for the update: %w", err)
			}
			return s.Out.Show("", output.F("UpdateId", u.id), output.Optional("Result", noNull(result)))
		}),
	}
	u.addTo(cmd)
	return cmd
}

// noNull makes of null nothing, which is left out.
func noNull(value json.RawMessage) json.RawMessage {
	if string(value) == "null" {
		return nil
	}
	return value
}

// structuredFailure is a failure in JSON.
type structuredFailure struct {
	Message string `json:"message"`
	Type    string `json:"type,omitempty"`
	Details any    `json:"details,omitempty"`
}

func failureOf(s *command.Session, failed *temporal.ApplicationError) any {
	if !s.Out.JSON() {
		return failed.Error()
	}
	result := structuredFailure{Message: failed.Error(), Type: failed.Type()}
	_ = failed.Details(&result.Details) // left out if there are none, or none that can be read
	return result
}

func newUpdateDescribe(g *command.Group) *cobra.Command {
	var u updateTarget
	cmd := &cobra.Command{
		Use:     "describe",
		Short:   "Show how far an update is",
		Long:    `Show how far an update is, and its outcome if it has one, without waiting.`,
		Example: `  perdure workflow update describe order-17 --update-id 4f7c`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			response, err := s.WorkflowService().PollWorkflowExecutionUpdate(ctx, &workflowservice.PollWorkflowExecutionUpdateRequest{
				Namespace: s.Namespace,
				UpdateRef: &updatepb.UpdateRef{WorkflowExecution: u.Proto(), UpdateId: u.id},
				Identity:  s.Identity,
			})
			if err != nil {
				return fmt.Errorf("describing the update: %w", err)
			}
			fields := []output.Field{output.F("UpdateId", u.id)}
			switch v := response.GetOutcome().GetValue().(type) {
			case *updatepb.Outcome_Failure:
				fields = append(fields, output.F("Failure", v.Failure))
			case *updatepb.Outcome_Success:
				result, err := friendly(s.Out, v.Success)
				if err != nil {
					return err
				}
				fields = append(fields, output.Optional("Result", noNull(result)))
			}
			return s.Out.Show("", append(fields, output.F("Stage", response.GetStage().String()))...)
		}),
	}
	u.addTo(cmd)
	return cmd
}
