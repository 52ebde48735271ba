// Package schedule are the commands below `perdure schedule`. Flags, and fields of JSON
// output, are those of the Temporal CLI.
package schedule

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
)

// New makes the command.
func New(app *command.App) *cobra.Command {
	cmd := command.NewParent("schedule", "Have workflows started at certain times",
		`Create, list and change schedules, by which workflows are started at certain times.`,
		`  perdure schedule create --schedule-id report --cron '0 12 * * MON' \
      --type ReportWorkflow --task-queue reports
  perdure schedule list`)
	g := app.NewGroup(cmd)
	cmd.AddCommand(newCreate(g), newUpdate(g), newDescribe(g), newList(g), newToggle(g), newTrigger(g), newBackfill(g), newDelete(g))
	return cmd
}

// identified is the flag that names a schedule.
type identified struct{ id string }

func (i *identified) addTo(cmd *cobra.Command) {
	cmd.Args = command.NoArguments
	cmd.Flags().StringVarP(&i.id, "schedule-id", "s", "", "id of the schedule; required")
	_ = cmd.MarkFlagRequired("schedule-id")
}

// patch does something to the schedule.
func (i *identified) patch(ctx context.Context, s *command.Session, patch *schedulepb.SchedulePatch) error {
	_, err := s.WorkflowService().PatchSchedule(ctx, &workflowservice.PatchScheduleRequest{
		Namespace: s.Namespace, ScheduleId: i.id, Patch: patch, Identity: s.Identity, RequestId: uuid.NewString(),
	})
	return err
}

// overlap is the flag that says what happens when a workflow is to be started while the
// one before is running.
type overlap struct{ policy *flags.Enum }

func (o *overlap) addTo(cmd *cobra.Command) {
	o.policy = flags.NewEnum("Skip", "Skip", "BufferOne", "BufferAll", "CancelOther", "TerminateOther", "AllowAll")
	cmd.Flags().Var(o.policy, "overlap-policy", "what to do if the workflow before is still running: "+o.policy.Choices())
}

func (o *overlap) value() enumspb.ScheduleOverlapPolicy {
	return flags.ValueOf[enumspb.ScheduleOverlapPolicy](o.policy, enumspb.ScheduleOverlapPolicy_shorthandValue)
}

func newToggle(g *command.Group) *cobra.Command {
	var i identified
	var pause, unpause bool
	var reason string
	cmd := &cobra.Command{
		Use:   "toggle",
		Short: "Pause a schedule, or let it go on",
		Long:  `Pause a schedule, so that it starts nothing, or let it go on.`,
		Example: `  perdure schedule toggle --schedule-id report --pause --reason 'holidays'
  perdure schedule toggle --schedule-id report --unpause`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			if pause == unpause {
				return flags.Usagef("exactly one of --pause or --unpause is required")
			}
			patch, done := &schedulepb.SchedulePatch{Pause: reason}, "paused"
			if unpause {
				patch, done = &schedulepb.SchedulePatch{Unpause: reason}, "unpaused"
			}
			if err := i.patch(ctx, s, patch); err != nil {
				return fmt.Errorf("toggling the schedule: %w", err)
			}
			s.Out.Printf("Schedule %s", done)
			return nil
		}),
	}
	i.addTo(cmd)
	cmd.Flags().BoolVar(&pause, "pause", false, "pause it")
	cmd.Flags().BoolVar(&unpause, "unpause", false, "let it go on")
	cmd.Flags().StringVar(&reason, "reason", "(no reason provided)", "why; becomes the schedule's note")
	return cmd
}

func newTrigger(g *command.Group) *cobra.Command {
	var i identified
	var o overlap
	cmd := &cobra.Command{
		Use:     "trigger",
		Short:   "Start a schedule's workflow now",
		Long:    `Start a schedule's workflow now, once.`,
		Example: `  perdure schedule trigger --schedule-id report --overlap-policy AllowAll`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			patch := &schedulepb.SchedulePatch{TriggerImmediately: &schedulepb.TriggerImmediatelyRequest{OverlapPolicy: o.value()}}
			if err := i.patch(ctx, s, patch); err != nil {
				return fmt.Errorf("triggering the schedule: %w", err)
			}
			s.Out.Printf("Trigger request sent")
			return nil
		}),
	}
	i.addTo(cmd)
	o.addTo(cmd)
	return cmd
}

func newBackfill(g *command.Group) *cobra.Command {
	var i identified
	var o overlap
	var from, to flags.Time
	cmd := &cobra.Command{
		Use:   "backfill",
		Short: "Start what a schedule would have started in the past",
		Long:  `Start, now, the workflows that a schedule would have started between two times.`,
		Example: `  perdure schedule backfill --schedule-id report --overlap-policy BufferAll \
      --start-time 2026-01-01T00:00:00Z --end-time 2026-02-01T00:00:00Z`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			patch := &schedulepb.SchedulePatch{BackfillRequest: []*schedulepb.BackfillRequest{{
				StartTime: timestamppb.New(time.Time(from)), EndTime: timestamppb.New(time.Time(to)), OverlapPolicy: o.value(),
			}}}
			if err := i.patch(ctx, s, patch); err != nil {
				return fmt.Errorf("backfilling the schedule: %w", err)
			}
			s.Out.Printf("Backfill request sent")
			return nil
		}),
	}
	i.addTo(cmd)
	o.addTo(cmd)
	cmd.Flags().Var(&from, "start-time", "from this time on; required")
	cmd.Flags().Var(&to, "end-time", "until this time; required")
	_ = cmd.MarkFlagRequired("start-time")
	_ = cmd.MarkFlagRequired("end-time")
	return cmd
}

func newDelete(g *command.Group) *cobra.Command {
	var i identified
	cmd := &cobra.Command{
		Use:     "delete",
		Short:   "Delete a schedule",
		Long:    `Delete a schedule. Workflows that it has started go on.`,
		Example: `  perdure schedule delete --schedule-id report`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			_, err := s.WorkflowService().DeleteSchedule(ctx, &workflowservice.DeleteScheduleRequest{Namespace: s.Namespace, ScheduleId: i.id, Identity: s.Identity})
			if err != nil {
				return fmt.Errorf("deleting the schedule: %w", err)
			}
			s.Out.Printf("Schedule deleted")
			return nil
		}),
	}
	i.addTo(cmd)
	return cmd
}
