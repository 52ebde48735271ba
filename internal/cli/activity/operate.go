package activity

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	batchpb "go.temporal.io/api/batch/v1"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
)

// which are the flags that say which activities of a workflow are meant.
type which struct {
	id, kind string
	all      bool
}

func (w *which) addTo(cmd *cobra.Command, batch bool) {
	cmd.Flags().StringVarP(&w.id, "activity-id", "a", "", "id of the activity")
	cmd.Flags().StringVar(&w.kind, "activity-type", "", "all activities of this type")
	if batch {
		cmd.Flags().BoolVar(&w.all, "match-all", false, "all activities; with --query")
	}
}

// one checks the flags where one workflow is meant.
func (w *which) one() error {
	switch {
	case w.id != "" && w.kind != "":
		return flags.Usagef("--activity-id and --activity-type cannot be given together")
	case w.id == "" && w.kind == "":
		return flags.Usagef("either --activity-id or --activity-type is required")
	}
	return nil
}

// many checks the flags where the workflows of a query are meant.
func (w *which) many() error {
	if w.kind == "" && !w.all {
		return flags.Usagef("either --activity-type or --match-all is required with --query")
	}
	return nil
}

// check checks the flags together with the selection of workflows.
func (w *which) check(selection *command.Selection) error {
	if selection.WorkflowID != "" {
		return w.one()
	}
	if selection.Query != "" {
		return w.many()
	}
	return nil // the selection says what is missing
}

func newPause(g *command.Group) *cobra.Command {
	var e flags.Execution
	var w which
	var reason string
	cmd := &cobra.Command{
		Use:   "pause",
		Short: "Hold an activity",
		Long: `Hold an activity: it is not started, or not tried again, until it is unpaused. An attempt
that runs goes on, and hears of it with its next heartbeat.`,
		Example: `  perdure activity pause order-17 --activity-id 5`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			if err := w.one(); err != nil {
				return err
			}
			request := &workflowservice.PauseActivityRequest{Namespace: s.Namespace, Execution: e.Proto(), Identity: s.Identity, Reason: reason}
			if w.id != "" {
				request.Activity = &workflowservice.PauseActivityRequest_Id{Id: w.id}
			} else {
				request.Activity = &workflowservice.PauseActivityRequest_Type{Type: w.kind}
			}
			if _, err := s.WorkflowService().PauseActivity(ctx, request); err != nil {
				return fmt.Errorf("pausing the activity: %w", err)
			}
			s.Out.Printf("Activity paused")
			return nil
		}),
	}
	e.AddTo(cmd)
	w.addTo(cmd, false)
	cmd.Flags().StringVar(&reason, "reason", "", "why")
	return cmd
}

func newUnpause(g *command.Group) *cobra.Command {
	var selection command.Selection
	var w which
	var attempts, heartbeats bool
	var jitter flags.Duration
	cmd := &cobra.Command{
		Use:   "unpause",
		Short: "Let an activity go on that was paused",
		Long: `Let an activity go on that was paused. With --query, those of all workflows that it finds,
as a batch job.`,
		Example: `  perdure activity unpause order-17 --activity-id 5
  perdure activity unpause --query 'WorkflowType = "OrderWorkflow"' --activity-type Charge --jitter 1m`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			if err := w.check(&selection); err != nil {
				return err
			}
			return selection.Do(ctx, s, false, func(e *commonpb.WorkflowExecution) error {
				request := &workflowservice.UnpauseActivityRequest{
					Namespace: s.Namespace, Execution: e, Identity: s.Identity,
					ResetAttempts: attempts, ResetHeartbeat: heartbeats, Jitter: durationpb.New(time.Duration(jitter)),
				}
				if w.id != "" {
					request.Activity = &workflowservice.UnpauseActivityRequest_Id{Id: w.id}
				} else {
					request.Activity = &workflowservice.UnpauseActivityRequest_Type{Type: w.kind}
				}
				if _, err := s.WorkflowService().UnpauseActivity(ctx, request); err != nil {
					return fmt.Errorf("unpausing the activity: %w", err)
				}
				s.Out.Printf("Activity unpaused")
				return nil
			}, func(request *workflowservice.StartBatchOperationRequest) {
				operation := &batchpb.BatchOperationUnpauseActivities{
					Identity: s.Identity, ResetAttempts: attempts, ResetHeartbeat: heartbeats, Jitter: durationpb.New(time.Duration(jitter)),
				}
				if w.all {
					operation.Activity = &batchpb.BatchOperationUnpauseActivities_MatchAll{MatchAll: true}
				} else {
					operation.Activity = &batchpb.BatchOperationUnpauseActivities_Type{Type: w.kind}
				}
				request.Operation = &workflowservice.StartBatchOperationRequest_UnpauseActivitiesOperation{UnpauseActivitiesOperation: operation}
			})
		}),
	}
	selection.AddTo(cmd)
	w.addTo(cmd, true)
	cmd.Flags().BoolVar(&attempts, "reset-attempts", false, "count its attempts anew")
	cmd.Flags().BoolVar(&heartbeats, "reset-heartbeats", false, "forget what its heartbeats said")
	cmd.Flags().Var(&jitter, "jitter", "start it at some time within this")
	return cmd
}

func newReset(g *command.Group) *cobra.Command {
	var selection command.Selection
	var w which
	var keepPaused, attempts, heartbeats, restore bool
	var jitter flags.Duration
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Let an activity start over",
		Long: `Let an activity start over: its attempts are counted anew, and it is tried at once. With
--query, those of all workflows that it finds, as a batch job.`,
		Example: `  perdure activity reset order-17 --activity-id 5
  perdure activity reset order-17 --activity-id 5 --keep-paused --reset-heartbeats`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			if err := w.check(&selection); err != nil {
				return err
			}
			return selection.Do(ctx, s, false, func(e *commonpb.WorkflowExecution) error {
				request := &workflowservice.ResetActivityRequest{
					Namespace: s.Namespace, Execution: e, Identity: s.Identity,
					KeepPaused: keepPaused, ResetHeartbeat: heartbeats, Jitter: durationpb.New(time.Duration(jitter)), RestoreOriginalOptions: restore,
				}
				if w.id != "" {
					request.Activity = &workflowservice.ResetActivityRequest_Id{Id: w.id}
				} else {
					request.Activity = &workflowservice.ResetActivityRequest_Type{Type: w.kind}
				}
				if _, err := s.WorkflowService().ResetActivity(ctx, request); err != nil {
					return fmt.Errorf("resetting the activity: %w", err)
				}
				return s.Out.Show("Activity reset:", output.F("KeepPaused", keepPaused), output.F("ResetHeartbeats", heartbeats))
			}, func(request *workflowservice.StartBatchOperationRequest) {
				operation := &batchpb.BatchOperationResetActivities{
					Identity: s.Identity, ResetAttempts: attempts, ResetHeartbeat: heartbeats, KeepPaused: keepPaused,
					Jitter: durationpb.New(time.Duration(jitter)), RestoreOriginalOptions: restore,
				}
				if w.all {
					operation.Activity = &batchpb.BatchOperationResetActivities_MatchAll{MatchAll: true}
				} else {
					operation.Activity = &batchpb.BatchOperationResetActivities_Type{Type: w.kind}
				}
				request.Operation = &workflowservice.StartBatchOperationRequest_ResetActivitiesOperation{ResetActivitiesOperation: operation}
			})
		}),
	}
	selection.AddTo(cmd)
	w.addTo(cmd, true)
	cmd.Flags().BoolVar(&keepPaused, "keep-paused", false, "leave it paused if it is")
	cmd.Flags().BoolVar(&attempts, "reset-attempts", false, "count its attempts anew; a reset of one activity always does")
	cmd.Flags().BoolVar(&heartbeats, "reset-heartbeats", false, "forget what its heartbeats said")
	cmd.Flags().Var(&jitter, "jitter", "start it at some time within this")
	cmd.Flags().BoolVar(&restore, "restore-original-options", false, "give it the options again that it was scheduled with")
	return cmd
}
