package schedule

import (
	"context"
	"fmt"
	"maps"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/schedule/spec"
	"github.com/perdure/perdure/internal/visibility"
)

const (
	// futureActions is how many actions to come are described, and listed how many of both
	// future and recent actions are in lists.
	futureActions = 10
	listed        = 5
	// listedFields is how many calendars, intervals and exclusions are in lists, of each.
	listedFields = 10
)

// Describe tells what there is to know. It fails with NotFound.
func (s *Schedule) Describe() (*workflowservice.DescribeScheduleResponse, error) {
	if !s.exists() {
		return nil, errNotFound
	}
	schedule := proto.CloneOf(s.def.Schedule)
	schedule.State = proto.CloneOf(s.state.State)
	spec.FillDefaults(schedule.Spec)
	info := &schedulepb.ScheduleInfo{
		ActionCount:         s.state.ActionCount,
		MissedCatchupWindow: s.state.MissedCatchupWindow,
		OverlapSkipped:      s.state.OverlapSkipped,
		BufferDropped:       s.state.BufferDropped,
		BufferSize:          s.buffered(),
		RecentActions:       cloneAll(s.state.RecentActions),
		FutureActionTimes:   s.futureTimes(futureActions),
		CreateTime:          s.def.CreateTime,
		UpdateTime:          s.state.UpdateTime,
		StateSizeBytes:      int64(s.recordBytes()),
	}
	for _, run := range s.state.Running {
		info.RunningWorkflows = append(info.RunningWorkflows, &commonpb.WorkflowExecution{WorkflowId: run.WorkflowId, RunId: run.RunId})
	}
	if s.next.err != nil {
		//lint:ignore SA1019 there is no other place to say it
		info.InvalidScheduleError = s.next.err.Error()
	}
	resp := &workflowservice.DescribeScheduleResponse{
		Schedule:      schedule,
		Info:          info,
		Memo:          proto.CloneOf(fieldsOf(s.def.Memo)),
		ConflictToken: encodeToken(s.state.ConflictToken),
	}
	if len(s.def.SearchAttributes.GetIndexedFields()) > 0 {
		resp.SearchAttributes = proto.CloneOf(s.def.SearchAttributes)
	}
	return resp, nil
}

// buffered is how many starts have not been sent.
func (s *Schedule) buffered() (n int64) {
	for _, start := range s.starts {
		if !start.Sent {
			n++
		}
	}
	return n
}

// futureTimes are the times of the next actions, so many at most, and no more than actions
// are left. A schedule that is paused has them, too.
func (s *Schedule) futureTimes(n int) []*timestamppb.Timestamp {
	if state := s.state.State; state.GetLimitedActions() {
		n = int(max(0, min(state.GetRemainingActions(), int64(n))))
	}
	var times []*timestamppb.Timestamp
	skipped := 0
	for want := n; ; want = n + skipped {
		upcoming := s.upcoming(want)
		times, skipped = times[:0], 0
		for _, t := range upcoming {
			if t.Actual.Before(s.updateTime()) {
				skipped++
				continue
			}
			times = append(times, timestamppb.New(t.Actual))
		}
		if len(times) >= n || len(upcoming) < want || skipped > maxTimes {
			return times
		}
	}
}

// Spec is the specification, and the seed of its jitter. It fails with NotFound.
func (s *Schedule) Spec() (*spec.Spec, string, error) {
	if !s.exists() {
		return nil, "", errNotFound
	}
	return s.compiled(), s.seed(), nil
}

// Rows of schedules in the index are like those of workflows, in a division of their own. What
// lists show of a schedule beyond its name is in a field of the row's memo, encoded.
const (
	// Division is the namespace division of rows of schedules.
	Division = "TemporalScheduler"
	// PausedAttribute tells whether a schedule is paused.
	PausedAttribute = "TemporalSchedulePaused"

	infoField    = "ScheduleInfo"
	rowType      = "temporal-sys-scheduler-workflow"
	rowTaskQueue = "temporal-sys-per-ns-tq"
)

// noteRow notes the row in the index, which has changed.
func (s *Schedule) noteRow(step *entity.Step) {
	if step.Indexed() {
		step.Index(entity.IndexEntry{ID: s.def.Id, Row: mustMarshal(s.row())})
	}
}

func (s *Schedule) row() *records.WorkflowRow {
	fields := maps.Clone(s.def.SearchAttributes.GetIndexedFields())
	if fields == nil {
		fields = make(map[string]*commonpb.Payload, 2)
	}
	fields[visibility.DivisionAttribute] = jsonPayload(Division)
	fields[PausedAttribute] = jsonPayload(s.state.State.GetPaused())
	memo := maps.Clone(s.def.Memo.GetFields())
	if memo == nil {
		memo = make(map[string]*commonpb.Payload, 1)
	}
	memo[infoField] = &commonpb.Payload{Data: mustMarshal(s.listInfo())}
	return &records.WorkflowRow{
		WorkflowId:       s.key.ID,
		RunId:            s.def.Id,
		FirstRunId:       s.def.Id,
		WorkflowType:     rowType,
		TaskQueue:        rowTaskQueue,
		Status:           enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		StartTime:        s.def.CreateTime,
		ExecutionTime:    s.def.CreateTime,
		Memo:             &commonpb.Memo{Fields: memo},
		SearchAttributes: &commonpb.SearchAttributes{IndexedFields: fields},
		Root:             &commonpb.WorkflowExecution{WorkflowId: s.key.ID, RunId: s.def.Id},
	}
}

// listInfo is what lists show.
func (s *Schedule) listInfo() *schedulepb.ScheduleListInfo {
	canonical := proto.CloneOf(s.def.Schedule.Spec)
	canonical.TimezoneData = nil
	canonical.StructuredCalendar = canonical.StructuredCalendar[:min(listedFields, len(canonical.StructuredCalendar))]
	canonical.ExcludeStructuredCalendar = canonical.ExcludeStructuredCalendar[:min(listedFields, len(canonical.ExcludeStructuredCalendar))]
	canonical.Interval = canonical.Interval[:min(listedFields, len(canonical.Interval))]
	recent := s.state.RecentActions
	return &schedulepb.ScheduleListInfo{
		Spec:              canonical,
		WorkflowType:      s.def.Schedule.GetAction().GetStartWorkflow().GetWorkflowType(),
		Notes:             s.state.State.GetNotes(),
		Paused:            s.state.State.GetPaused(),
		RecentActions:     recent[max(0, len(recent)-listed):],
		FutureActionTimes: s.futureTimes(listed),
	}
}

// ListEntry is the row of a schedule as lists show it. It may change the row.
func ListEntry(row *records.WorkflowRow) (*schedulepb.ScheduleListEntry, error) {
	entry := &schedulepb.ScheduleListEntry{ScheduleId: row.WorkflowId}
	memo, info := maps.Clone(row.Memo.GetFields()), new(schedulepb.ScheduleListInfo)
	if err := proto.Unmarshal(memo[infoField].GetData(), info); err != nil {
		return nil, fmt.Errorf("the row of schedule %q: %w", row.WorkflowId, err)
	}
	if info.Spec != nil {
		spec.FillDefaults(info.Spec)
	}
	entry.Info = info
	delete(memo, infoField)
	entry.Memo = &commonpb.Memo{Fields: memo}
	attributes := maps.Clone(row.SearchAttributes.GetIndexedFields())
	delete(attributes, visibility.DivisionAttribute)
	if delete(attributes, PausedAttribute); len(attributes) > 0 {
		entry.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: attributes}
	}
	return entry, nil
}

// IndexRows implements entity.Indexed.
func (m Machine) IndexRows(ctx context.Context, reader entity.Reader, key entity.Key) ([]entity.IndexEntry, error) {
	e, err := m.Load(ctx, reader, key)
	if err != nil {
		return nil, err
	}
	s := e.(*Schedule)
	if !s.exists() {
		return nil, nil
	}
	return []entity.IndexEntry{{ID: s.def.Id, Row: mustMarshal(s.row())}}, nil
}

func cloneAll(actions []*schedulepb.ScheduleActionResult) []*schedulepb.ScheduleActionResult {
	var clones []*schedulepb.ScheduleActionResult
	for _, action := range actions {
		clones = append(clones, proto.CloneOf(action))
	}
	return clones
}
