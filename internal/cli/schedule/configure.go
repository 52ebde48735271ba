package schedule

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
)

// configuration are the flags of a schedule: when it acts, and what it starts.
type configuration struct {
	identified
	overlap
	start                     flags.StartShared
	input                     flags.Input
	calendars, cron, interval []string
	catchup, jitter           flags.Duration
	from, to                  flags.Time
	notes, zone               string
	paused, pauseOnFailure    bool
	remaining                 int64
	attributes, memo          []string
}

func (c *configuration) addTo(cmd *cobra.Command) {
	c.identified.addTo(cmd)
	c.overlap.addTo(cmd)
	set := cmd.Flags()
	set.StringArrayVar(&c.cron, "cron", nil, "when to act, as a cron string such as '0 12 * * MON'; may be repeated")
	set.StringArrayVar(&c.interval, "interval", nil, "when to act, as PERIOD or PERIOD/OFFSET such as 1h/10m; may be repeated")
	set.StringArrayVar(&c.calendars, "calendar", nil, `when to act, as JSON such as '{"dayOfWeek":"Fri","hour":"17"}'; may be repeated`)
	set.StringVar(&c.zone, "time-zone", "", "time zone of cron strings and calendars, such as Europe/Berlin; UTC if not given")
	set.Var(&c.from, "start-time", "do not act before this time")
	set.Var(&c.to, "end-time", "do not act after this time")
	set.Var(&c.jitter, "jitter", "act up to this much later, at random")
	set.Var(&c.catchup, "catchup-window", "what was missed by no more than this is made up for")
	set.Int64Var(&c.remaining, "remaining-actions", 0, "act this often at most; no limit if 0")
	set.BoolVar(&c.paused, "paused", false, "begin paused")
	set.BoolVar(&c.pauseOnFailure, "pause-on-failure", false, "pause when a workflow fails or times out")
	set.StringVar(&c.notes, "notes", "", "note about its state")
	set.StringArrayVar(&c.attributes, "schedule-search-attribute", nil, "search attribute of the schedule, as KEY=JSON; may be repeated")
	set.StringArrayVar(&c.memo, "schedule-memo", nil, "memo of the schedule, as KEY=JSON; may be repeated")
	c.start.AddTo(cmd)
	c.input.AddTo(set, "", "workflow")
}

// schedule makes the schedule of the flags.
func (c *configuration) schedule(s *command.Session) (*schedulepb.Schedule, error) {
	spec, err := c.spec()
	if err != nil {
		return nil, err
	}
	workflow, err := c.workflow(s)
	if err != nil {
		return nil, err
	}
	schedule := &schedulepb.Schedule{
		Spec:     spec,
		Action:   &schedulepb.ScheduleAction{Action: &schedulepb.ScheduleAction_StartWorkflow{StartWorkflow: workflow}},
		Policies: &schedulepb.SchedulePolicies{OverlapPolicy: c.value(), PauseOnFailure: c.pauseOnFailure},
		State:    &schedulepb.ScheduleState{Notes: c.notes, Paused: c.paused},
	}
	if c.catchup > 0 {
		schedule.Policies.CatchupWindow = durationpb.New(time.Duration(c.catchup))
	}
	if c.remaining > 0 {
		schedule.State.LimitedActions, schedule.State.RemainingActions = true, c.remaining
	}
	return schedule, nil
}

func (c *configuration) spec() (*schedulepb.ScheduleSpec, error) {
	spec := &schedulepb.ScheduleSpec{CronString: c.cron, TimezoneName: c.zone}
	for _, text := range c.calendars {
		calendar := &schedulepb.CalendarSpec{}
		if err := protojson.Unmarshal([]byte(text), calendar); err != nil {
			return nil, flags.Usagef("--calendar must be JSON with second, minute, hour, dayOfMonth, month, year, dayOfWeek or comment: %v", err)
		}
		spec.Calendar = append(spec.Calendar, calendar)
	}
	for _, text := range c.interval {
		period, offset, ok := strings.Cut(text, "/")
		every, err := flags.ParseDuration(period)
		if err != nil {
			return nil, flags.Usagef("--interval %s: %v", text, err)
		}
		interval := &schedulepb.IntervalSpec{Interval: durationpb.New(every)}
		if ok {
			phase, err := flags.ParseDuration(offset)
			if err != nil {
				return nil, flags.Usagef("--interval %s: %v", text, err)
			}
			interval.Phase = durationpb.New(phase)
		}
		spec.Interval = append(spec.Interval, interval)
	}
	if from := time.Time(c.from); !from.IsZero() {
		spec.StartTime = timestamppb.New(from)
	}
	if to := time.Time(c.to); !to.IsZero() {
		spec.EndTime = timestamppb.New(to)
	}
	spec.Jitter = durationpb.New(time.Duration(c.jitter))
	return spec, nil
}

func (c *configuration) workflow(s *command.Session) (*workflowpb.NewWorkflowExecutionInfo, error) {
	options, err := c.start.Options()
	if err != nil {
		return nil, err
	}
	input, err := c.input.Payloads(s.In)
	if err != nil {
		return nil, err
	}
	memo, err := flags.EncodedMap(options.Memo)
	if err != nil {
		return nil, err
	}
	//lint:ignore SA1019 they are given without their types
	attributes, err := flags.EncodedMap(options.SearchAttributes)
	if err != nil {
		return nil, err
	}
	metadata, err := flags.UserMetadata(options.StaticSummary, options.StaticDetails)
	if err != nil {
		return nil, err
	}
	id := options.ID
	if id == "" {
		id = c.id + "-workflow"
	}
	workflow := &workflowpb.NewWorkflowExecutionInfo{
		WorkflowId:               id,
		WorkflowType:             &commonpb.WorkflowType{Name: c.start.Type},
		TaskQueue:                &taskqueuepb.TaskQueue{Name: options.TaskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		Input:                    input,
		WorkflowTaskTimeout:      durationpb.New(options.WorkflowTaskTimeout),
		WorkflowExecutionTimeout: durationpb.New(options.WorkflowExecutionTimeout),
		WorkflowRunTimeout:       durationpb.New(options.WorkflowRunTimeout),
		UserMetadata:             metadata,
		Header:                   &commonpb.Header{},
	}
	if memo != nil {
		workflow.Memo = &commonpb.Memo{Fields: memo}
	}
	if attributes != nil {
		workflow.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: attributes}
	}
	if p := options.Priority; p.PriorityKey != 0 || p.FairnessKey != "" || p.FairnessWeight != 0 {
		workflow.Priority = &commonpb.Priority{PriorityKey: int32(p.PriorityKey), FairnessKey: p.FairnessKey, FairnessWeight: p.FairnessWeight}
	}
	return workflow, nil
}

func newCreate(g *command.Group) *cobra.Command {
	var c configuration
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Create a schedule",
		Long: `Create a schedule that starts a workflow at certain times. Each of --cron, --interval and
--calendar adds times. Workflows get --workflow-id with the time appended as their ids.`,
		Example: `  # Mondays at noon
  perdure schedule create --schedule-id report --cron '0 12 * * MON' --type ReportWorkflow --task-queue reports

  # Every 90 minutes, ten times
  perdure schedule create --schedule-id poll --interval 90m --remaining-actions 10 --type PollWorkflow --task-queue polls

  # Fridays at 17:00 in Berlin
  perdure schedule create --schedule-id close --calendar '{"dayOfWeek":"Fri","hour":"17"}' --time-zone Europe/Berlin \
      --type CloseWorkflow --task-queue office`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			schedule, err := c.schedule(s)
			if err != nil {
				return err
			}
			request := &workflowservice.CreateScheduleRequest{
				Namespace: s.Namespace, ScheduleId: c.id, Schedule: schedule, Identity: s.Identity, RequestId: uuid.NewString(),
			}
			if request.Memo, request.SearchAttributes, err = c.about(); err != nil {
				return err
			}
			if _, err := s.WorkflowService().CreateSchedule(ctx, request); err != nil {
				return fmt.Errorf("creating the schedule: %w", err)
			}
			s.Out.Printf("Schedule created")
			return nil
		}),
	}
	c.addTo(cmd)
	return cmd
}

// about is what the schedule can be found by.
func (c *configuration) about() (*commonpb.Memo, *commonpb.SearchAttributes, error) {
	encode := func(flag string, items []string) (map[string]*commonpb.Payload, error) {
		values, err := flags.JSONValues(flag, items)
		if err != nil {
			return nil, err
		}
		return flags.EncodedMap(values)
	}
	memo, err := encode("schedule-memo", c.memo)
	if err != nil {
		return nil, nil, err
	}
	attributes, err := encode("schedule-search-attribute", c.attributes)
	if err != nil {
		return nil, nil, err
	}
	var m *commonpb.Memo
	var a *commonpb.SearchAttributes
	if memo != nil {
		m = &commonpb.Memo{Fields: memo}
	}
	if attributes != nil {
		a = &commonpb.SearchAttributes{IndexedFields: attributes}
	}
	return m, a, nil
}

func newUpdate(g *command.Group) *cobra.Command {
	var c configuration
	cmd := &cobra.Command{
		Use:   "update",
		Short: "Replace a schedule",
		Long: `Replace a schedule by another with the same id. What is not given is as if the schedule
were new; 'perdure schedule describe' shows what it is now.`,
		Example: `  perdure schedule update --schedule-id report --cron '0 11 * * MON' --type ReportWorkflow --task-queue reports`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			schedule, err := c.schedule(s)
			if err != nil {
				return err
			}
			request := &workflowservice.UpdateScheduleRequest{
				Namespace: s.Namespace, ScheduleId: c.id, Schedule: schedule, Identity: s.Identity, RequestId: uuid.NewString(),
			}
			if request.Memo, request.SearchAttributes, err = c.about(); err != nil {
				return err
			}
			if _, err := s.WorkflowService().UpdateSchedule(ctx, request); err != nil {
				return fmt.Errorf("updating the schedule: %w", err)
			}
			s.Out.Printf("Schedule updated")
			return nil
		}),
	}
	c.addTo(cmd)
	return cmd
}
