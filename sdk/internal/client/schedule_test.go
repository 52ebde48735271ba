package client_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporal"
)

func nightly() client.ScheduleOptions {
	return client.ScheduleOptions{
		ID: "nightly",
		Spec: client.ScheduleSpec{
			Calendars:    []client.ScheduleCalendarSpec{{Hour: []client.ScheduleRange{{Start: 3}}, Comment: "at night"}},
			Intervals:    []client.ScheduleIntervalSpec{{Every: time.Hour, Offset: time.Minute}},
			StartAt:      time.Unix(1000, 0).UTC(),
			TimeZoneName: "Europe/Berlin",
		},
		Action: &client.ScheduleWorkflowAction{ID: "report", Workflow: "Report", Args: []any{"all"}, TaskQueue: "q",
			Memo: map[string]any{"by": "me"}, StaticSummary: "a report"},
		CatchupWindow:    time.Minute,
		RemainingActions: 3,
	}
}

// keepSchedule answers with the schedule that was written last.
func keepSchedule(s *fakeServer) {
	var kept *schedulepb.Schedule
	on(s, func(q *workflowservice.CreateScheduleRequest) (*workflowservice.CreateScheduleResponse, error) {
		kept = proto.CloneOf(q.GetSchedule())
		return &workflowservice.CreateScheduleResponse{}, nil
	})
	on(s, func(q *workflowservice.UpdateScheduleRequest) (*workflowservice.UpdateScheduleResponse, error) {
		kept = proto.CloneOf(q.GetSchedule())
		return &workflowservice.UpdateScheduleResponse{}, nil
	})
	on(s, func(*workflowservice.DescribeScheduleRequest) (*workflowservice.DescribeScheduleResponse, error) {
		return &workflowservice.DescribeScheduleResponse{Schedule: kept}, nil
	})
}

func TestAScheduleThatIsReadAndWrittenBackIsTheSame(t *testing.T) {
	s := newFakeServer(t)
	keepSchedule(s)
	ctx := context.Background()
	handle, err := s.client(client.Options{}).ScheduleClient().Create(ctx, nightly())
	if err != nil {
		t.Fatal(err)
	}
	err = handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		return &client.ScheduleUpdate{Schedule: &in.Description.Schedule}, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	wantProto(t, request[*workflowservice.UpdateScheduleRequest](s, 2).GetSchedule(),
		request[*workflowservice.CreateScheduleRequest](s, 0).GetSchedule())
}

func TestACalendarWithoutRangesIsMidnight(t *testing.T) {
	s := newFakeServer(t)
	keepSchedule(s)
	ctx := context.Background()
	options := nightly()
	options.Spec.Calendars = []client.ScheduleCalendarSpec{{}}
	handle, err := s.client(client.Options{}).ScheduleClient().Create(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	description, err := handle.Describe(ctx)
	if err != nil {
		t.Fatal(err)
	}
	zero := []client.ScheduleRange{{}}
	want := client.ScheduleCalendarSpec{Second: zero, Minute: zero, Hour: zero, Year: []client.ScheduleRange{},
		DayOfMonth: []client.ScheduleRange{{Start: 1, End: 31}}, Month: []client.ScheduleRange{{Start: 1, End: 12}},
		DayOfWeek: []client.ScheduleRange{{Start: 0, End: 6}}}
	if got := description.Schedule.Spec.Calendars[0]; !reflect.DeepEqual(got, want) {
		t.Errorf("the calendar is %+v, want %+v", got, want)
	}
}

func TestAScheduleThatExistsIsReportedAsSuch(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.CreateScheduleRequest) (*workflowservice.CreateScheduleResponse, error) {
		return nil, serviceerror.NewWorkflowExecutionAlreadyStarted("there", "", "")
	})
	_, err := s.client(client.Options{}).ScheduleClient().Create(context.Background(), nightly())
	if !errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		t.Errorf("the error is %v", err)
	}
}

func TestAnUpdateOfAScheduleCanBeSkipped(t *testing.T) {
	for name, result := range map[string]error{"by the error": temporal.ErrSkipScheduleUpdate, "by nil": nil} {
		t.Run(name, func(t *testing.T) {
			s := newFakeServer(t)
			keepSchedule(s)
			ctx := context.Background()
			handle, err := s.client(client.Options{}).ScheduleClient().Create(ctx, nightly())
			if err != nil {
				t.Fatal(err)
			}
			err = handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
				return nil, result
			}})
			if err != nil || len(s.requests) != 2 {
				t.Errorf("%v after %d requests", err, len(s.requests))
			}
		})
	}
}

func TestListsOfSchedulesGoThroughAllPages(t *testing.T) {
	s := newFakeServer(t)
	for _, page := range []*workflowservice.ListSchedulesResponse{
		{Schedules: []*schedulepb.ScheduleListEntry{{ScheduleId: "a"}}, NextPageToken: []byte("1")},
		{NextPageToken: []byte("2")},
		{Schedules: []*schedulepb.ScheduleListEntry{{ScheduleId: "b"}}},
	} {
		on(s, func(*workflowservice.ListSchedulesRequest) (*workflowservice.ListSchedulesResponse, error) {
			return page, nil
		})
	}
	iterator, err := s.client(client.Options{}).ScheduleClient().List(context.Background(), client.ScheduleListOptions{PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	var ids string
	for iterator.HasNext() {
		entry, err := iterator.Next()
		if err != nil {
			t.Fatal(err)
		}
		ids += entry.ID
	}
	if ids != "ab" {
		t.Errorf("the list is %q", ids)
	}
}

func TestSchedulesArePausedTriggeredAndBackfilled(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.PatchScheduleRequest) (*workflowservice.PatchScheduleResponse, error) {
		return &workflowservice.PatchScheduleResponse{}, nil
	})
	ctx := context.Background()
	handle := s.client(client.Options{}).ScheduleClient().GetHandle(ctx, "nightly")
	for _, call := range []func() error{
		func() error { return handle.Pause(ctx, client.SchedulePauseOptions{}) },
		func() error { return handle.Unpause(ctx, client.ScheduleUnpauseOptions{Note: "go on"}) },
		func() error { return handle.Trigger(ctx, client.ScheduleTriggerOptions{}) },
		func() error {
			return handle.Backfill(ctx, client.ScheduleBackfillOptions{Backfill: []client.ScheduleBackfill{{Start: time.Unix(1, 0), End: time.Unix(2, 0)}}})
		},
	} {
		if err := call(); err != nil {
			t.Fatal(err)
		}
	}
	patch := func(i int) *schedulepb.SchedulePatch {
		return request[*workflowservice.PatchScheduleRequest](s, i).GetPatch()
	}
	if patch(0).GetPause() == "" || patch(1).GetUnpause() != "go on" || patch(2).GetTriggerImmediately() == nil || len(patch(3).GetBackfillRequest()) != 1 {
		t.Errorf("the patches are %v, %v, %v, %v", patch(0), patch(1), patch(2), patch(3))
	}
}
