package schedule

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/output"
)

func newDescribe(g *command.Group) *cobra.Command {
	var i identified
	cmd := &cobra.Command{
		Use:     "describe",
		Short:   "Show a schedule",
		Long:    `Show a schedule: when it acts, what it starts, what it has done, and what comes next.`,
		Example: `  perdure schedule describe --schedule-id report`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			d, err := s.WorkflowService().DescribeSchedule(ctx, &workflowservice.DescribeScheduleRequest{Namespace: s.Namespace, ScheduleId: i.id})
			if err != nil {
				return fmt.Errorf("describing the schedule: %w", err)
			}
			s.Out.Card(describeFields(i.id, d)...)
			return s.Out.Wire(d)
		}),
	}
	i.addTo(cmd)
	return cmd
}

func describeFields(id string, d *workflowservice.DescribeScheduleResponse) []output.Field {
	schedule, info := d.GetSchedule(), d.GetInfo()
	spec, policies, state := schedule.GetSpec(), schedule.GetPolicies(), schedule.GetState()
	workflow := schedule.GetAction().GetStartWorkflow()
	fields := []output.Field{
		output.F("ScheduleId", id),
		output.F("Paused", state.GetPaused()),
		output.Optional("Notes", state.GetNotes()),
		output.F("Spec", strings.Join(times(spec), "\n")),
		output.Optional("SkipSpec", strings.Join(calendars(spec.GetExcludeStructuredCalendar()), "\n")),
		output.Optional("StartAt", spec.GetStartTime()),
		output.Optional("EndAt", spec.GetEndTime()),
		output.Optional("Jitter", spec.GetJitter()),
		output.Optional("TimeZoneName", spec.GetTimezoneName()),
		output.F("WorkflowType", workflow.GetWorkflowType().GetName()),
		output.F("WorkflowId", workflow.GetWorkflowId()),
		output.F("TaskQueue", workflow.GetTaskQueue().GetName()),
		output.Optional("Input", workflow.GetInput()),
		output.F("OverlapPolicy", policies.GetOverlapPolicy()),
		output.Optional("CatchupWindow", policies.GetCatchupWindow()),
		output.F("PauseOnFailure", policies.GetPauseOnFailure()),
	}
	if state.GetLimitedActions() {
		fields = append(fields, output.F("RemainingActions", state.GetRemainingActions()))
	}
	var running []string
	for _, e := range info.GetRunningWorkflows() {
		running = append(running, e.GetWorkflowId())
	}
	return append(fields,
		output.F("NextRunTime", first(info.GetFutureActionTimes())),
		output.F("LastRunTime", last(info.GetRecentActions())),
		output.Optional("RunningWorkflows", running),
		output.F("Actions", info.GetActionCount()),
		output.F("MissedCatchupWindow", info.GetMissedCatchupWindow()),
		output.F("SkippedOverlap", info.GetOverlapSkipped()),
		output.F("CreatedAt", info.GetCreateTime()),
		output.Optional("LastUpdateAt", info.GetUpdateTime()),
		output.Optional("Memo", d.GetMemo().GetFields()),
		output.Optional("SearchAttributes", d.GetSearchAttributes().GetIndexedFields()),
	)
}

func first(times []*timestamppb.Timestamp) *timestamppb.Timestamp {
	if len(times) == 0 {
		return nil
	}
	return times[0]
}

func last(actions []*schedulepb.ScheduleActionResult) *timestamppb.Timestamp {
	if len(actions) == 0 {
		return nil
	}
	return actions[len(actions)-1].GetScheduleTime()
}

// times is when a schedule acts, for people.
func times(spec *schedulepb.ScheduleSpec) []string {
	found := calendars(spec.GetStructuredCalendar())
	for _, interval := range spec.GetInterval() {
		text := "every " + output.Duration(interval.GetInterval().AsDuration())
		if phase := interval.GetPhase().AsDuration(); phase > 0 {
			text += ", " + output.Duration(phase) + " after"
		}
		found = append(found, text)
	}
	return found
}

func calendars(specs []*schedulepb.StructuredCalendarSpec) []string {
	var found []string
	for _, c := range specs {
		var parts []string
		for _, part := range []struct {
			name     string
			ranges   []*schedulepb.Range
			from, to int32 // what is everything, and not said
		}{
			{"month", c.GetMonth(), 1, 12}, {"day", c.GetDayOfMonth(), 1, 31}, {"weekday", c.GetDayOfWeek(), 0, 6},
			{"hour", c.GetHour(), 0, 23}, {"minute", c.GetMinute(), 0, 59}, {"second", c.GetSecond(), 0, 59}, {"year", c.GetYear(), 0, 0},
		} {
			if len(part.ranges) == 0 || (len(part.ranges) == 1 && part.ranges[0].GetStart() == part.from && part.ranges[0].GetEnd() == part.to && part.ranges[0].GetStep() <= 1 && part.to > 0) {
				continue
			}
			parts = append(parts, part.name+" "+ranges(part.ranges))
		}
		if comment := c.GetComment(); comment != "" {
			parts = append(parts, "("+comment+")")
		}
		found = append(found, strings.Join(parts, ", "))
	}
	return found
}

func ranges(all []*schedulepb.Range) string {
	texts := make([]string, len(all))
	for i, r := range all {
		texts[i] = strconv.Itoa(int(r.GetStart()))
		if r.GetEnd() > r.GetStart() {
			texts[i] += "-" + strconv.Itoa(int(r.GetEnd()))
		}
		if r.GetStep() > 1 {
			texts[i] += "/" + strconv.Itoa(int(r.GetStep()))
		}
	}
	return strings.Join(texts, ",")
}

func newList(g *command.Group) *cobra.Command {
	var query string
	var long, longer bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List schedules",
		Long:  `List schedules, or those that a query finds; --long shows when they act.`,
		Example: `  perdure schedule list --long
  perdure schedule list --query 'TemporalSchedulePaused = true'`,
		Args: command.NoArguments,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			columns := []output.Column{output.Col("ScheduleId"), output.Shrinks("Workflow"), output.Col("Paused"), output.Col("NextRunTime"), output.Col("LastRunTime")}
			if long || longer {
				columns = append(columns, output.Shrinks("Spec"), output.Shrinks("Notes"))
			}
			if longer {
				columns = append(columns, output.Shrinks("SearchAttributes"), output.Shrinks("Memo"))
			}
			return command.WireList(s.Out, 0, func(token []byte) ([]*schedulepb.ScheduleListEntry, []byte, error) {
				page, err := s.WorkflowService().ListSchedules(ctx, &workflowservice.ListSchedulesRequest{Namespace: s.Namespace, NextPageToken: token, Query: query})
				if err != nil {
					return nil, nil, fmt.Errorf("listing schedules: %w", err)
				}
				return page.GetSchedules(), page.GetNextPageToken(), nil
			}, s.Out.Table(columns...), func(e *schedulepb.ScheduleListEntry) []any {
				info := e.GetInfo()
				row := []any{e.GetScheduleId(), info.GetWorkflowType().GetName(), info.GetPaused(), first(info.GetFutureActionTimes()), last(info.GetRecentActions())}
				if long || longer {
					row = append(row, strings.Join(times(info.GetSpec()), "; "), info.GetNotes())
				}
				if longer {
					row = append(row, e.GetSearchAttributes().GetIndexedFields(), e.GetMemo().GetFields())
				}
				return row
			})
		}),
	}
	cmd.Flags().BoolVarP(&long, "long", "l", false, "show when they act, and their notes")
	cmd.Flags().BoolVar(&longer, "really-long", false, "show more still")
	cmd.Flags().StringVarP(&query, "query", "q", "", "list what this finds")
	return cmd
}
