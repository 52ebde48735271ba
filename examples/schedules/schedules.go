// Package schedules: workflows start at the times of a calendar.
//
// A schedule says when, what, and what happens if the workflow of the last time is still
// running. It can be paused, changed, triggered by hand, and made to catch up on the
// past. The server keeps it; workers see workflows like any others.
package schedules

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

const id = "lesson-schedules"

var Lesson = lesson.Lesson{
	Name: "schedules", Title: "workflows start at the times of a calendar",
	Register: func(r worker.Registry) { r.RegisterWorkflow(Report) },
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		handle, err := c.ScheduleClient().Create(ctx, client.ScheduleOptions{
			ID: id,
			Spec: client.ScheduleSpec{ // on the hour, on working days
				Calendars: []client.ScheduleCalendarSpec{{
					Hour:      []client.ScheduleRange{{Start: 0, End: 23}},
					DayOfWeek: []client.ScheduleRange{{Start: 1, End: 5}},
				}},
				TimeZoneName: "Europe/Berlin",
			},
			Action: &client.ScheduleWorkflowAction{
				ID: "lesson-report", Workflow: Report, Args: []any{"sales"}, TaskQueue: lesson.TaskQueue,
			},
			Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_SKIP,
			Paused:  true, Note: "not before the shop opens",
		})
		if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
			return errors.New("the schedule is there already: perdure schedule delete --schedule-id " + id)
		}
		if err != nil {
			return err
		}
		defer handle.Delete(context.WithoutCancel(ctx))

		// Paused schedules do what they are told by hand.
		if err := handle.Trigger(ctx, client.ScheduleTriggerOptions{}); err != nil {
			return err
		}
		actions, err := actionsOf(ctx, handle, 1)
		if err != nil {
			return err
		}
		var report string
		if err := c.GetWorkflow(ctx, actions[0].StartWorkflowResult.WorkflowID, "").Get(ctx, &report); err != nil {
			return err
		}
		say("triggered: %s", report)

		// As if it had been there on a Wednesday of the past.
		wednesday := time.Date(2024, time.May, 15, 8, 30, 0, 0, time.UTC)
		err = handle.Backfill(ctx, client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{{
			Start: wednesday, End: wednesday.Add(3 * time.Hour),
			Overlap: enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL,
		}}})
		if err != nil {
			return err
		}
		if actions, err = actionsOf(ctx, handle, 4); err != nil {
			return err
		}
		say("with three hours of the past: %d actions", len(actions))

		err = handle.Update(ctx, client.ScheduleUpdateOptions{
			DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
				schedule := in.Description.Schedule
				schedule.State.LimitedActions, schedule.State.RemainingActions = true, 100
				return &client.ScheduleUpdate{Schedule: &schedule}, nil
			},
		})
		if err != nil {
			return err
		}
		if err := handle.Unpause(ctx, client.ScheduleUnpauseOptions{Note: "the shop is open"}); err != nil {
			return err
		}
		description, err := handle.Describe(ctx)
		if err != nil {
			return err
		}
		state := description.Schedule.State
		say("paused: %v, because: %s, actions left: %d", state.Paused, state.Note, state.RemainingActions)
		return nil
	},
	Says: []string{
		"triggered: report on sales",
		"with three hours of the past: 4 actions",
		"paused: false, because: the shop is open, actions left: 100",
	},
}

// actionsOf waits until a schedule has taken so many actions.
func actionsOf(ctx context.Context, handle client.ScheduleHandle, n int) ([]client.ScheduleActionResult, error) {
	for {
		description, err := handle.Describe(ctx)
		if err != nil {
			return nil, err
		}
		if actions := description.Info.RecentActions; len(actions) >= n {
			return actions, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// Report is what the schedule starts.
func Report(_ workflow.Context, about string) (string, error) { return "report on " + about, nil }
