package frontend

import (
	"cmp"
	"context"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/schedule"
	"github.com/perdure/perdure/internal/schedule/spec"
	"github.com/perdure/perdure/internal/workflow"
)

// scheduleHandlers keep schedules.
type scheduleHandlers struct {
	runtime interface {
		stepper
		viewer
		awaiter
	}
	visibility visibilityHandlers
	// elsewhere has the workflows that are not here; nil if all are.
	elsewhere Elsewhere
}

// scheduled is what they need of a schedule.
type scheduled interface {
	Create(*entity.Step, *workflowservice.CreateScheduleRequest) (token []byte, err error)
	Update(*entity.Step, *workflowservice.UpdateScheduleRequest) error
	Patch(*entity.Step, *workflowservice.PatchScheduleRequest) error
	Delete(*entity.Step) error
	Describe() (*workflowservice.DescribeScheduleResponse, error)
	Spec() (compiled *spec.Spec, seed string, err error)
}

var _ scheduled = (*schedule.Schedule)(nil)

// maxMatchingTimes is the most times that ListScheduleMatchingTimes returns. There is no way to
// ask for the others but a later start.
const maxMatchingTimes = 1000

func (h *scheduleHandlers) step(ctx context.Context, id string, fn func(*entity.Step, scheduled) error) error {
	return h.runtime.Step(ctx, keyOf(ctx, entity.KindSchedule, id), func(step *entity.Step, e entity.Entity) error {
		return fn(step, e.(scheduled))
	})
}

func (h *scheduleHandlers) view(ctx context.Context, id string, fn func(scheduled) error) error {
	return h.runtime.View(ctx, keyOf(ctx, entity.KindSchedule, id), func(e entity.Entity, _ entity.View) error {
		return fn(e.(scheduled))
	})
}

// CreateSchedule makes a schedule.
func (h *scheduleHandlers) CreateSchedule(ctx context.Context, req *workflowservice.CreateScheduleRequest) (*workflowservice.CreateScheduleResponse, error) {
	if err := checkCreateSchedule(ctx, req); err != nil {
		return nil, err
	}
	resp := new(workflowservice.CreateScheduleResponse)
	err := h.step(ctx, req.GetScheduleId(), func(step *entity.Step, s scheduled) (err error) {
		resp.ConflictToken, err = s.Create(step, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// DescribeSchedule tells how a schedule is, and what it has done and is going to do.
func (h *scheduleHandlers) DescribeSchedule(ctx context.Context, req *workflowservice.DescribeScheduleRequest) (*workflowservice.DescribeScheduleResponse, error) {
	if err := checkSchedule(ctx, req); err != nil {
		return nil, err
	}
	var resp *workflowservice.DescribeScheduleResponse
	err := h.view(ctx, req.GetScheduleId(), func(s scheduled) (err error) {
		resp, err = s.Describe()
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := h.dropClosed(ctx, resp.Info); err != nil {
		return nil, err
	}
	if attributes := resp.SearchAttributes; attributes != nil {
		attributes.IndexedFields = knownAttributes(callOf(ctx).namespace, attributes.IndexedFields)
	}
	return resp, nil
}

// dropClosed removes workflows from those that run of which the schedule has not learned yet
// that they have closed.
func (h *scheduleHandlers) dropClosed(ctx context.Context, info *schedulepb.ScheduleInfo) (err error) {
	info.RunningWorkflows = slices.DeleteFunc(info.RunningWorkflows, func(run *commonpb.WorkflowExecution) (closed bool) {
		runs, lookErr := h.runs(ctx, run)
		err = cmp.Or(err, lookErr)
		return lookErr == nil && !runs
	})
	if len(info.RunningWorkflows) == 0 {
		info.RunningWorkflows = nil
	}
	return err
}

// runs reports whether a workflow that has begun with the run is still running, here or at another node.
func (h *scheduleHandlers) runs(ctx context.Context, run *commonpb.WorkflowExecution) (runs bool, err error) {
	here := func() (any, error) {
		err := viewWorkflow(ctx, h.runtime, run.WorkflowId, func(c interface{ Runs(firstRunID string) bool }, _ entity.View) error {
			runs = c.Runs(run.RunId)
			return nil
		})
		return &runs, err
	}
	if h.elsewhere == nil {
		_, err = here()
		return runs, err
	}
	reply, err := h.elsewhere.Carry(ctx, workflowservice.WorkflowService_DescribeWorkflowExecution_FullMethodName, workflowKey(ctx, run.WorkflowId),
		&workflowservice.DescribeWorkflowExecutionRequest{
			Namespace: callOf(ctx).namespace.Name, Execution: &commonpb.WorkflowExecution{WorkflowId: run.WorkflowId}}, here)
	forwarded, ok := reply.(proto.Message)
	switch {
	case status.Code(err) == codes.NotFound:
		return false, nil
	case err != nil || !ok:
		return runs, err
	}
	resp := new(workflowservice.DescribeWorkflowExecutionResponse)
	encoded, err := proto.Marshal(forwarded)
	if err == nil {
		err = proto.Unmarshal(encoded, resp)
	}
	found := resp.GetWorkflowExecutionInfo()
	return found.GetFirstRunId() == run.RunId && found.GetCloseTime() == nil, err
}

var _ interface{ Runs(string) bool } = (*workflow.Chain)(nil)

// UpdateSchedule replaces a schedule.
func (h *scheduleHandlers) UpdateSchedule(ctx context.Context, req *workflowservice.UpdateScheduleRequest) (*workflowservice.UpdateScheduleResponse, error) {
	if err := checkUpdateSchedule(ctx, req); err != nil {
		return nil, err
	}
	err := h.step(ctx, req.GetScheduleId(), func(step *entity.Step, s scheduled) error { return s.Update(step, req) })
	if err != nil {
		return nil, err
	}
	return &workflowservice.UpdateScheduleResponse{}, nil
}

// PatchSchedule triggers actions of a schedule, pauses it, or lets it go on.
func (h *scheduleHandlers) PatchSchedule(ctx context.Context, req *workflowservice.PatchScheduleRequest) (*workflowservice.PatchScheduleResponse, error) {
	if err := checkPatchSchedule(ctx, req); err != nil {
		return nil, err
	}
	if req.GetPatch().GetTriggerImmediately() != nil {
		h.awaitClosed(ctx, req.GetScheduleId())
	}
	err := h.step(ctx, req.GetScheduleId(), func(step *entity.Step, s scheduled) error { return s.Patch(step, req) })
	if err != nil {
		return nil, err
	}
	return &workflowservice.PatchScheduleResponse{}, nil
}

// closedWait is how long an action that is triggered waits for the schedule to learn of the end of a workflow.
const closedWait = time.Second

// awaitClosed waits, not for long, until the schedule knows of the end of those of its workflows that have closed: none of them is to
// be in the way of an action that is triggered after that.
func (h *scheduleHandlers) awaitClosed(ctx context.Context, id string) {
	var running []*commonpb.WorkflowExecution
	err := h.view(ctx, id, func(s scheduled) error {
		resp, err := s.Describe()
		running = resp.GetInfo().GetRunningWorkflows()
		return err
	})
	if err != nil {
		return // the step finds out
	}
	ctx, cancel := context.WithTimeout(ctx, closedWait)
	defer cancel()
	for _, run := range running {
		if runs, err := h.runs(ctx, run); err != nil || runs {
			continue
		}
		_ = h.runtime.Await(ctx, keyOf(ctx, entity.KindSchedule, id), func(e entity.Entity) bool {
			resp, err := e.(scheduled).Describe()
			return err != nil || !slices.ContainsFunc(resp.GetInfo().GetRunningWorkflows(), func(other *commonpb.WorkflowExecution) bool { return other.RunId == run.RunId })
		})
	}
}

// DeleteSchedule removes a schedule. Workflows that it has started go on.
func (h *scheduleHandlers) DeleteSchedule(ctx context.Context, req *workflowservice.DeleteScheduleRequest) (*workflowservice.DeleteScheduleResponse, error) {
	if err := checkSchedule(ctx, req); err != nil {
		return nil, err
	}
	err := h.step(ctx, req.GetScheduleId(), func(step *entity.Step, s scheduled) error { return s.Delete(step) })
	if err != nil {
		return nil, err
	}
	return &workflowservice.DeleteScheduleResponse{}, nil
}

var (
	errMatchingTimes = serviceerror.NewQueryFailed("missing or invalid query")
	errTooExclusive  = serviceerror.NewQueryFailed("the schedule calendar specification has too many exclusions. Please modify the specification.")
)

// ListScheduleMatchingTimes lists the times of a specification that are in a range, whatever
// the state of the schedule.
func (h *scheduleHandlers) ListScheduleMatchingTimes(ctx context.Context, req *workflowservice.ListScheduleMatchingTimesRequest) (*workflowservice.ListScheduleMatchingTimesResponse, error) {
	if err := checkSchedule(ctx, req); err != nil {
		return nil, err
	}
	var compiled *spec.Spec
	var seed string
	err := h.view(ctx, req.GetScheduleId(), func(s scheduled) (err error) {
		compiled, seed, err = s.Spec()
		return err
	})
	if err != nil {
		return nil, err
	}
	if req.GetStartTime() == nil || req.GetEndTime() == nil {
		return nil, errMatchingTimes
	}
	resp := new(workflowservice.ListScheduleMatchingTimesResponse)
	after, end := req.GetStartTime().AsTime(), req.GetEndTime().AsTime()
	for range maxMatchingTimes {
		if ctx.Err() != nil { // each search may take long
			return nil, ctx.Err()
		}
		next, err := compiled.Next(seed, after)
		if err != nil {
			return nil, errTooExclusive
		}
		if next.IsZero() || next.Actual.After(end) {
			break
		}
		resp.StartTime = append(resp.StartTime, timestamppb.New(next.Actual))
		after = next.Actual
	}
	return resp, nil
}

// ListSchedules lists the schedules that a query finds.
func (h *scheduleHandlers) ListSchedules(ctx context.Context, req *workflowservice.ListSchedulesRequest) (*workflowservice.ListSchedulesResponse, error) {
	if err := checkSchedulesOn(ctx); err != nil {
		return nil, err
	}
	q, err := parseScheduleQuery(ctx, req.GetQuery())
	if err != nil {
		return nil, err
	}
	rows, next, err := h.visibility.page(ctx, q, "schedules", req.GetQuery(), req.GetMaximumPageSize(), req.GetNextPageToken())
	if err != nil {
		return nil, err
	}
	resp := &workflowservice.ListSchedulesResponse{NextPageToken: next}
	for _, row := range rows {
		entry, err := schedule.ListEntry(row)
		if err != nil {
			return nil, err
		}
		if attributes := entry.SearchAttributes; attributes != nil {
			attributes.IndexedFields = knownAttributes(callOf(ctx).namespace, attributes.IndexedFields)
		}
		resp.Schedules = append(resp.Schedules, entry)
	}
	return resp, nil
}

// CountSchedules counts the schedules that a query finds, in groups if it has a GROUP BY.
func (h *scheduleHandlers) CountSchedules(ctx context.Context, req *workflowservice.CountSchedulesRequest) (*workflowservice.CountSchedulesResponse, error) {
	if err := checkSchedulesOn(ctx); err != nil {
		return nil, err
	}
	q, err := parseScheduleQuery(ctx, req.GetQuery())
	if err != nil {
		return nil, err
	}
	count, groups, err := h.visibility.count(ctx, q)
	if err != nil {
		return nil, err
	}
	resp := &workflowservice.CountSchedulesResponse{Count: count}
	for _, group := range groups {
		resp.Groups = append(resp.Groups, &workflowservice.CountSchedulesResponse_AggregationGroup{GroupValues: group.values, Count: group.count})
	}
	return resp, nil
}

// checkSchedulesOn refuses calls unless schedules are switched on.
func checkSchedulesOn(ctx context.Context) error {
	if settingOf(ctx, dynamicconfig.Schedules) {
		return nil
	}
	return errSchedulesOff
}
