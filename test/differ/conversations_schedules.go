package differ

import (
	"slices"
	"strings"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
)

// Schedules of these scenarios act when they are triggered, for times that the trigger says:
// so what they do is the same on every day.

// scheduleRequest is a valid request to create the schedule of that name. Its workflows have
// ids that begin with the name, and times behind it.
func (w *World) scheduleRequest(name string, settings ...string) *workflowservice.CreateScheduleRequest {
	return Set(&workflowservice.CreateScheduleRequest{
		Namespace: Namespace, ScheduleId: w.Other(name), RequestId: w.requestID(), Identity: "client",
		Schedule: &schedulepb.Schedule{
			Spec: &schedulepb.ScheduleSpec{StructuredCalendar: []*schedulepb.StructuredCalendarSpec{{
				Year: []*schedulepb.Range{{Start: 2090}}, Month: []*schedulepb.Range{{Start: 3}}, DayOfMonth: []*schedulepb.Range{{Start: 1, End: 31}},
				Hour: []*schedulepb.Range{{Start: 12}}, Minute: []*schedulepb.Range{{Start: 0}}, Second: []*schedulepb.Range{{Start: 0}}, DayOfWeek: []*schedulepb.Range{{Start: 0, End: 6}},
			}}},
			Action: &schedulepb.ScheduleAction{Action: &schedulepb.ScheduleAction_StartWorkflow{StartWorkflow: &workflowpb.NewWorkflowExecutionInfo{
				WorkflowId: w.Other(name), WorkflowType: &commonpb.WorkflowType{Name: "flow"}, TaskQueue: w.taskQueue(name),
			}}},
			Policies: &schedulepb.SchedulePolicies{},
			State:    &schedulepb.ScheduleState{},
		}}, settings...)
}

func (w *World) createSchedule(name string, settings ...string) {
	_, _ = w.API.CreateSchedule(w.Ctx, w.scheduleRequest(name, settings...))
}

func (w *World) describeSchedule(name string, settings ...string) {
	_, _ = w.API.DescribeSchedule(w.Ctx, Set(&workflowservice.DescribeScheduleRequest{Namespace: Namespace, ScheduleId: w.Other(name)}, settings...))
}

func (w *World) patchSchedule(name string, settings ...string) {
	_, _ = w.API.PatchSchedule(w.Ctx, Set(&workflowservice.PatchScheduleRequest{
		Namespace: Namespace, ScheduleId: w.Other(name), RequestId: w.requestID(), Identity: "client"}, settings...))
}

// updateRequest is a request to replace the schedule by one that scheduleRequest makes.
func (w *World) updateRequest(name string, settings ...string) *workflowservice.UpdateScheduleRequest {
	return Set(&workflowservice.UpdateScheduleRequest{Namespace: Namespace, ScheduleId: w.Other(name), RequestId: w.requestID(), Identity: "client",
		Schedule: w.scheduleRequest(name).Schedule}, settings...)
}

func (w *World) deleteSchedule(name string) {
	_, _ = w.API.DeleteSchedule(w.Ctx, &workflowservice.DeleteScheduleRequest{Namespace: Namespace, ScheduleId: w.Other(name), Identity: "client"})
}

// trigger triggers an action for the minute of a day.
func (w *World) trigger(name, minute string, settings ...string) {
	w.patchSchedule(name, append([]string{"patch.trigger_immediately.scheduled_time=" + at(minute)}, settings...)...)
}

func at(minute string) string { return "2030-01-01T12:" + minute + ":00Z" }

// scheduled is the name of the workflow of a schedule for the minute.
func scheduled(name, minute string) string { return name + "-" + at(minute) }

// when waits until the schedule is described in some way. A Temporal server does what it is asked
// for later than it answers.
func (w *World) when(name string, what string, ready func(*workflowservice.DescribeScheduleResponse) bool) {
	w.T.Helper()
	w.Eventually(what, func() bool {
		resp, err := w.Quiet.DescribeSchedule(w.Ctx, &workflowservice.DescribeScheduleRequest{Namespace: Namespace, ScheduleId: w.Other(name)})
		return err == nil && ready(resp)
	})
}

func (w *World) whenActed(name string, actions int64) {
	w.T.Helper()
	w.when(name, "the schedule has acted", func(d *workflowservice.DescribeScheduleResponse) bool { return d.Info.ActionCount == actions })
}

// whenDecided waits until it is decided about all but the first of some triggers.
func (w *World) whenDecided(name string, others int64) {
	w.T.Helper()
	w.when(name, "the overlap policy has been applied", func(d *workflowservice.DescribeScheduleResponse) bool {
		return d.Info.ActionCount-1+d.Info.OverlapSkipped+d.Info.BufferSize == others
	})
}

// whenOpen waits until the schedule knows of so many of its last actions that they run.
func (w *World) whenOpen(name string, open int) {
	w.T.Helper()
	w.when(name, "the schedule knows which workflows have closed", func(d *workflowservice.DescribeScheduleResponse) bool {
		open := open
		for _, action := range d.Info.RecentActions {
			if action.StartWorkflowStatus == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
				open--
			}
		}
		return open == 0
	})
}

// finishScheduled has a worker end the next workflow of the schedule, and waits until the schedule knows.
func (w *World) finishScheduled(name, minute string, command *commandpb.Command) {
	w.T.Helper()
	id := w.ID(scheduled(name, minute))
	task := w.Poll(name)
	task.Complete(command)
	w.when(name, "the schedule knows that its workflow has ended", func(d *workflowservice.DescribeScheduleResponse) bool {
		return slices.ContainsFunc(d.Info.RecentActions, func(a *schedulepb.ScheduleActionResult) bool {
			return a.StartWorkflowResult.GetWorkflowId() == id && a.StartWorkflowStatus != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
		})
	})
}

// overlapping triggers a schedule three times in a row. The rest completes workflows, until so many are
// open.
func overlapping(policy enumspb.ScheduleOverlapPolicy, open int, rest func(w *World)) Scenario {
	return Scenario{"a schedule that is triggered three times in a row: " + policy.String(), func(w *World) {
		w.quietly(func() {
			w.createSchedule("s", "schedule.policies.overlap_policy="+policy.String())
			w.trigger("s", "01")
			w.whenActed("s", 1)
			w.trigger("s", "02")
			w.whenDecided("s", 1)
			w.trigger("s", "03")
			w.whenDecided("s", 2)
		})
		rest(w)
		w.whenOpen("s", open)
		w.describeSchedule("s")
		w.quietly(func() { w.deleteSchedule("s") })
	}}
}

var schedules = []Scenario{
	{"a schedule is created, described and deleted", func(w *World) {
		w.createSchedule("s", "memo=(a:1)", "search_attributes=(BatcherUser:\"me\")", "schedule.state.notes=n", "schedule.action.start_workflow.input=in",
			"schedule.action.start_workflow.search_attributes=(BatcherUser:\"you\")", "schedule.action.start_workflow.memo=(m:1)", "schedule.action.start_workflow.workflow_run_timeout=1h")
		w.describeSchedule("s")
		w.deleteSchedule("s")
		w.describeSchedule("s")
		w.deleteSchedule("s")
		w.createSchedule("s")
	}},
	{"a schedule is created twice", func(w *World) {
		request := w.scheduleRequest("s")
		_, _ = w.API.CreateSchedule(w.Ctx, request)
		_, _ = w.API.CreateSchedule(w.Ctx, request)
		w.createSchedule("s")
	}},
	{"a schedule without anything", func(w *World) {
		_, _ = w.API.CreateSchedule(w.Ctx, &workflowservice.CreateScheduleRequest{Namespace: Namespace, ScheduleId: w.Other("s"), RequestId: "r"})
		w.describeSchedule("s")
		w.trigger("s", "01")
	}},
	{"schedules that are not there", func(w *World) {
		w.describeSchedule("s")
		w.deleteSchedule("s")
		w.trigger("s", "01")
		_, _ = w.API.UpdateSchedule(w.Ctx, w.updateRequest("s"))
		_, _ = w.API.ListScheduleMatchingTimes(w.Ctx, Set(&workflowservice.ListScheduleMatchingTimesRequest{Namespace: Namespace, ScheduleId: w.Other("s")},
			"start_time="+at("00"), "end_time="+at("59")))
	}},
	{"specifications that are refused", func(w *World) {
		for _, settings := range [][]string{
			{"schedule.spec.cron_string+=nonsense"}, {"schedule.spec.cron_string+=61 * * * *"}, {"schedule.spec.cron_string+=@every nothing"}, {"schedule.spec.cron_string+=@every 500ms"},
			{"schedule.spec.cron_string+=TZ=Nowhere * * * * *"}, {"schedule.spec.timezone_name=Nowhere"}, {"schedule.spec.timezone_data=garbage"},
			{"schedule.spec.interval+.interval=1ms"}, {"schedule.spec.interval+.interval=-1s"}, {"schedule.spec.interval+.interval=10s", "schedule.spec.interval.phase=10s"}, {"schedule.spec.interval+.interval=10s", "schedule.spec.interval.phase=-1s"},
			{"schedule.spec.calendar+.hour=25"}, {"schedule.spec.calendar+.month=Junember"}, {"schedule.spec.calendar+.year=1999"}, {"schedule.spec.calendar+.day_of_week=8"},
			{"schedule.spec.structured_calendar.hour.start=24"}, {"schedule.spec.structured_calendar.hour.step=-1"}, {"schedule.spec.structured_calendar.hour.end=1"},
			{"schedule.spec.structured_calendar.comment=" + strings.Repeat("x", 201)},
			{"schedule.spec.exclude_calendar+.second=99"},
			{"schedule.spec.jitter=-1s"},
		} {
			w.Say("%s", shortened(strings.Join(settings, ", ")))
			w.createSchedule("s", settings...)
			w.quietly(func() { w.deleteSchedule("s") })
		}
	}},
	{"a specification becomes canonical", func(w *World) {
		w.createSchedule("s", "schedule.spec.cron_string+=0 12 * * MON-FRI # noon", "schedule.spec.cron_string+=@every 3h/20m", "schedule.spec.calendar+.hour=3,5", "schedule.spec.calendar.comment=night",
			"schedule.spec.exclude_calendar+.month=Feb", "schedule.spec.timezone_name=Europe/Berlin", "schedule.spec.jitter=10s", "schedule.spec.start_time=2089-01-01T00:00:00Z", "schedule.spec.end_time=2091-01-01T00:00:00Z")
		w.describeSchedule("s")
	}},
	{"a schedule is updated", func(w *World) {
		w.createSchedule("s", "memo=(a:1)", "search_attributes=(BatcherUser:\"me\")")
		_, _ = w.API.UpdateSchedule(w.Ctx, w.updateRequest("s", "schedule.state.notes=new", "schedule.policies.overlap_policy=BUFFER_ALL", "schedule.policies.catchup_window=1s", "schedule.policies.pause_on_failure=true",
			"schedule.spec.timezone_name=Asia/Tokyo"))
		w.when("s", "it is updated", func(d *workflowservice.DescribeScheduleResponse) bool { return d.Schedule.State.Notes == "new" })
		w.describeSchedule("s")
		w.Say("with search attributes")
		_, _ = w.API.UpdateSchedule(w.Ctx, w.updateRequest("s", "search_attributes=(BatcherNamespace:\"n\")", "schedule.state.notes=newer"))
		w.when("s", "it is updated", func(d *workflowservice.DescribeScheduleResponse) bool { return d.Schedule.State.Notes == "newer" })
		w.describeSchedule("s")
		w.Say("without an action")
		_, _ = w.API.UpdateSchedule(w.Ctx, w.updateRequest("s", "schedule.action=none"))
		_, _ = w.API.UpdateSchedule(w.Ctx, w.updateRequest("s", "schedule=none"))
	}},
	{"the memo of a schedule is updated", func(w *World) {
		w.createSchedule("s", "memo=(a:1)")
		_, _ = w.API.UpdateSchedule(w.Ctx, w.updateRequest("s", "memo=(b:2)"))
	}},
	{"a schedule is updated with conflict tokens", func(w *World) {
		w.createSchedule("s")
		update := func(notes string, token byte) {
			request := w.updateRequest("s", "schedule.state.notes="+notes)
			request.ConflictToken = []byte{0, 0, 0, 0, 0, 0, 0, token}
			_, _ = w.API.UpdateSchedule(w.Ctx, request)
		}
		update("first", 1)
		w.when("s", "it is updated", func(d *workflowservice.DescribeScheduleResponse) bool { return d.Schedule.State.Notes == "first" })
		update("stale", 1)
		update("any", 0)
		w.when("s", "it is updated", func(d *workflowservice.DescribeScheduleResponse) bool { return d.Schedule.State.Notes == "any" })
		w.describeSchedule("s")
	}},
	{"patches that are refused", func(w *World) {
		w.createSchedule("s")
		for _, settings := range [][]string{{}, {"patch.pause=" + strings.Repeat("x", 1001)}, {"patch.unpause=" + strings.Repeat("x", 1001)}, {"patch.pause=p", "request_id=" + strings.Repeat("x", 1001)}} {
			w.patchSchedule("s", settings...)
		}
	}},
	{"a schedule is paused and goes on", func(w *World) {
		w.createSchedule("s")
		w.patchSchedule("s", "patch.pause=lunch")
		w.when("s", "it is paused", func(d *workflowservice.DescribeScheduleResponse) bool { return d.Schedule.State.Paused })
		w.describeSchedule("s")
		w.trigger("s", "01")
		w.whenActed("s", 1)
		w.ID(scheduled("s", "01"))
		w.patchSchedule("s", "patch.unpause=back")
		w.when("s", "it goes on", func(d *workflowservice.DescribeScheduleResponse) bool { return !d.Schedule.State.Paused })
		w.describeSchedule("s")
	}},
	{"a schedule passes on how workflows have ended", func(w *World) {
		w.createSchedule("s", "schedule.action.start_workflow.input=in", "schedule.action.start_workflow.memo=(m:1)", "schedule.action.start_workflow.search_attributes=(BatcherUser:\"me\")",
			"schedule.action.start_workflow.header=(h:1)", "schedule.action.start_workflow.user_metadata.summary=\"s\"", "schedule.action.start_workflow.priority.priority_key=2",
			"schedule.action.start_workflow.retry_policy.maximum_attempts=1", "schedule.action.start_workflow.workflow_execution_timeout=1h")
		w.trigger("s", "01")
		w.finishScheduled("s", "01", complete("out"))
		w.trigger("s", "02")
		w.whenActed("s", 2)
		w.finishScheduled("s", "02", fail("broken"))
		w.trigger("s", "03")
		w.whenActed("s", 3)
		w.ID(scheduled("s", "03"))
		w.whenOpen("s", 1)
		w.describeSchedule("s")
	}},
	{"a schedule is paused by a failure", func(w *World) {
		w.createSchedule("s", "schedule.policies.pause_on_failure=true")
		w.trigger("s", "01")
		w.finishScheduled("s", "01", fail("broken"))
		w.quietly(func() { w.trigger("s", "02"); w.whenActed("s", 2) }) // has it look
		w.describeSchedule("s")
	}},
	{"a schedule is backfilled", func(w *World) {
		w.createSchedule("s")
		w.patchSchedule("s", "patch.backfill_request+.start_time=2090-03-01T12:00:00Z", "patch.backfill_request.end_time=2090-03-05T12:00:00Z", "patch.backfill_request.overlap_policy=ALLOW_ALL")
		w.whenActed("s", 5)
		w.describeSchedule("s")
	}},
	{"a schedule begins with a patch", func(w *World) {
		w.createSchedule("s", "initial_patch.pause=not yet", "initial_patch.trigger_immediately.scheduled_time="+at("01"))
		w.whenActed("s", 1)
		w.ID(scheduled("s", "01"))
		w.describeSchedule("s")
	}},
	{"the times of a schedule", func(w *World) {
		w.createSchedule("s")
		list := func(settings ...string) {
			w.Say("%s", strings.Join(settings, ", "))
			_, _ = w.API.ListScheduleMatchingTimes(w.Ctx, Set(&workflowservice.ListScheduleMatchingTimesRequest{Namespace: Namespace, ScheduleId: w.Other("s")}, settings...))
		}
		list("start_time=2090-03-01T12:00:00Z", "end_time=2090-03-05T12:00:00Z")
		list("start_time=2090-03-01T11:59:59Z", "end_time=2090-03-05T11:59:59Z")
		list("start_time=2080-03-01T11:59:59Z", "end_time=2200-03-05T11:59:59Z")
		list("start_time=2090-03-05T12:00:00Z", "end_time=2090-03-01T12:00:00Z")
		list("start_time=2090-03-05T12:00:00Z")
		list("end_time=2090-03-05T12:00:00Z")
	}},
	overlapping(enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, 0, func(w *World) { w.finishScheduled("s", "01", complete("out")) }),
	overlapping(enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE, 0, func(w *World) {
		w.finishScheduled("s", "01", complete("out"))
		w.finishScheduled("s", "02", complete("out"))
	}),
	overlapping(enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL, 1, func(w *World) {
		w.finishScheduled("s", "01", complete("out"))
		w.finishScheduled("s", "02", complete("out"))
		w.whenActed("s", 3)
		w.ID(scheduled("s", "03"))
	}),
	overlapping(enumspb.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER, 1, func(w *World) {
		w.Await(scheduled("s", "01"), 1, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED)
		w.finishScheduled("s", "01", complete("out"))
		w.whenActed("s", 2)
		w.ID(scheduled("s", "03"))
	}),
	{"a schedule that is triggered three times in a row: TerminateOther", func(w *World) {
		w.quietly(func() {
			w.createSchedule("s", "schedule.policies.overlap_policy=TERMINATE_OTHER")
			for n, minute := range []string{"01", "02", "03"} {
				w.trigger("s", minute)
				w.whenActed("s", int64(n+1))
				w.ID(scheduled("s", minute))
			}
			w.whenOpen("s", 1)
		})
		w.describeSchedule("s")
	}},
	overlapping(enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL, 3, func(w *World) {
		for _, minute := range []string{"01", "02", "03"} {
			w.ID(scheduled("s", minute))
		}
	}),
	{"schedules are listed and counted", func(w *World) {
		w.quietly(func() {
			w.createSchedule("a", "schedule.state.paused=true", "schedule.state.notes=n", "memo=(a:1)")
			w.createSchedule("b", "search_attributes=(BatcherUser:\"me\")")
		})
		for query, want := range map[string]int64{"": 2, " AND TemporalSchedulePaused = true": 1} {
			w.Eventually("the schedules are listed", func() bool {
				resp, err := w.Quiet.CountSchedules(w.Ctx, &workflowservice.CountSchedulesRequest{Namespace: Namespace, Query: "ScheduleId STARTS_WITH '" + w.Prefix + "'" + query})
				return err == nil && resp.Count == want
			})
		}
		for _, query := range []string{"ScheduleId = '%s-a'", "ScheduleId STARTS_WITH '%s'", "ScheduleId STARTS_WITH '%s' AND TemporalSchedulePaused = true", "ScheduleId STARTS_WITH '%s' AND BatcherUser = 'me'",
			"ScheduleId IN ('%s-a', '%s-b')", "ScheduleId STARTS_WITH '%s' AND ScheduleId != '%s-a'", "WorkflowId = '%s-a'", "ExecutionStatus = 'Running'", "TemporalNamespaceDivision = 'x'", "StartTime > '2020-01-01T00:00:00Z'",
			"TemporalScheduleId = '%s-a'", "NoSuchThing = 1", "nonsense", "ScheduleId STARTS_WITH '%s' ORDER BY ScheduleId", "GROUP BY TemporalSchedulePaused", "TemporalScheduledById = 'x'"} {
			w.Say("%s", query)
			query = strings.ReplaceAll(query, "%s", w.Prefix)
			_, _ = w.API.ListSchedules(w.Ctx, &workflowservice.ListSchedulesRequest{Namespace: Namespace, Query: query})
			_, _ = w.API.CountSchedules(w.Ctx, &workflowservice.CountSchedulesRequest{Namespace: Namespace, Query: query})
		}
	}},
}

// brokenScheduleCalls are the calls about schedules of which all fields are broken.
var brokenScheduleCalls = []brokenCall{
	{method: "CreateSchedule", reply: &workflowservice.CreateScheduleResponse{}, from: nothing, skip: []string{"structured_calendar", "interval", "calendar", "exclude_calendar", "exclude_structured_calendar", "cron_string"},
		request: func(w *World) proto.Message {
			return w.scheduleRequest("s", "schedule.state.paused=true", "memo=(a:1)", "search_attributes=(BatcherUser:\"me\")", "schedule.spec.start_time=2089-01-01T00:00:00Z", "schedule.spec.jitter=1s",
				"schedule.policies.catchup_window=1h", "schedule.action.start_workflow.input=in", "schedule.action.start_workflow.workflow_run_timeout=1h")
		}},
	{method: "PatchSchedule", reply: &workflowservice.PatchScheduleResponse{}, from: nothing, skip: []string{"backfill_request"},
		request: func(w *World) proto.Message {
			if !w.shape() {
				w.createSchedule("s", "schedule.state.paused=true")
			}
			return Set(&workflowservice.PatchScheduleRequest{Namespace: Namespace, ScheduleId: w.Other("s"), RequestId: w.requestID(), Identity: "client"}, "patch.pause=p")
		}},
	{method: "UpdateSchedule", reply: &workflowservice.UpdateScheduleResponse{}, from: nothing, skip: []string{"spec", "conflict_token", "memo"},
		request: func(w *World) proto.Message {
			if !w.shape() {
				w.createSchedule("s", "schedule.state.paused=true")
			}
			return w.updateRequest("s", "schedule.state.paused=true")
		}},
	{method: "DescribeSchedule", reply: &workflowservice.DescribeScheduleResponse{}, from: nothing,
		request: func(w *World) proto.Message {
			return &workflowservice.DescribeScheduleRequest{Namespace: Namespace, ScheduleId: w.Other("s")}
		}},
}
