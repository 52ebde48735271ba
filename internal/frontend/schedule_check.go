package frontend

import (
	"cmp"
	"context"
	"maps"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/schedule"
	"github.com/perdure/perdure/internal/schedule/spec"
	"github.com/perdure/perdure/internal/searchattribute"
	"github.com/perdure/perdure/internal/visibility"
	"github.com/perdure/perdure/internal/visibility/query"
)

// Limits of schedules: InvalidArgument.
const (
	// maxScheduleSpec is the most bytes of a canonical specification.
	maxScheduleSpec = 256 << 10
	// maxScheduleNotes is the most bytes of the notes of a pause.
	maxScheduleNotes = 1000
	// scheduleIDPrefix and scheduledTime are what the ids of a schedule and of its workflows
	// have to have room for, as on a Temporal server.
	scheduleIDPrefix = "temporal-sys-scheduler:"
	scheduledTime    = "-2009-11-10T23:00:00Z"
)

var (
	errSchedulesOff         = serviceerror.NewPermissionDenied("Schedules are disabled on this namespace.", "")
	errScheduleID           = serviceerror.NewInvalidArgument("ScheduleId is not set on request.")
	errScheduleRequestID    = serviceerror.NewInvalidArgument("RequestId is not set on request.")
	errLongScheduleRequest  = serviceerror.NewInvalidArgument("RequestId length exceeds limit.")
	errSchedulePatch        = serviceerror.NewInvalidArgument("Patch is not set on request.")
	errScheduleNotes        = serviceerror.NewInvalidArgument("Schedule notes exceeds limit.")
	errScheduleCron         = serviceerror.NewInvalidArgument("Scheduled workflow must not contain CronSchedule")
	errScheduleReuse        = serviceerror.NewInvalidArgument("Scheduled workflow must not contain WorkflowIDReusePolicy")
	errScheduleAction       = serviceerror.NewInvalidArgument("Only StartWorkflow action is supported for schedules")
	errScheduleWorkflowType = serviceerror.NewInvalidArgument("WorkflowType is not set on request.")
	errScheduleLongType     = serviceerror.NewInvalidArgument("WorkflowType length exceeds limit.")
)

func checkCreateSchedule(ctx context.Context, req *workflowservice.CreateScheduleRequest) (err error) {
	if err := cmp.Or(checkSchedule(ctx, req), limitsOf(ctx).CheckNewWorkflowID(scheduleIDPrefix+req.GetScheduleId())); err != nil {
		return err
	}
	if req.GetRequestId() == "" {
		return errScheduleRequestID
	}
	if req.Schedule == nil {
		req.Schedule = new(schedulepb.Schedule)
	}
	if err := cmp.Or(
		checkScheduleRequestID(ctx, req.GetRequestId()),
		canonicalizeSchedule(req.Schedule),
		checkScheduledStart(ctx, req.Schedule.GetAction().GetStartWorkflow()),
		checkPatchTimes(req.GetInitialPatch()),
	); err != nil {
		return err
	}
	if req.SearchAttributes, err = scheduleAttributes(ctx, req.GetSearchAttributes()); err != nil {
		return err
	}
	return cmp.Or(
		limitsOf(ctx).CheckMemo(req.GetMemo()),
		checkScheduleSize(ctx, req.Schedule, req.GetMemo(), req.GetSearchAttributes(), req.GetInitialPatch()),
	)
}

func checkUpdateSchedule(ctx context.Context, req *workflowservice.UpdateScheduleRequest) (err error) {
	if err := cmp.Or(
		checkSchedule(ctx, req),
		checkScheduleRequestID(ctx, req.GetRequestId()),
		checkScheduledStart(ctx, req.GetSchedule().GetAction().GetStartWorkflow()),
	); err != nil {
		return err
	}
	if req.Schedule == nil {
		req.Schedule = new(schedulepb.Schedule)
	}
	if err := canonicalizeSchedule(req.Schedule); err != nil {
		return err
	}
	if req.SearchAttributes, err = scheduleAttributes(ctx, req.GetSearchAttributes()); err != nil {
		return err
	}
	if req.Schedule.GetAction().GetStartWorkflow() == nil {
		return errScheduleAction
	}
	return cmp.Or(
		limitsOf(ctx).CheckMemo(req.GetMemo()),
		checkScheduleSize(ctx, req.Schedule, req.GetMemo(), req.GetSearchAttributes(), nil),
	)
}

func checkPatchSchedule(ctx context.Context, req *workflowservice.PatchScheduleRequest) error {
	if req.GetPatch() == nil {
		return errSchedulePatch
	}
	if err := cmp.Or(checkSchedule(ctx, req), checkScheduleRequestID(ctx, req.GetRequestId())); err != nil {
		return err
	}
	if len(req.Patch.GetPause()) > maxScheduleNotes || len(req.Patch.GetUnpause()) > maxScheduleNotes {
		return errScheduleNotes
	}
	return cmp.Or(checkPatchTimes(req.GetPatch()), limitsOf(ctx).CheckBlob(req.GetPatch()))
}

// checkSchedule refuses a request about a schedule if there are none, or if it names none.
func checkSchedule(ctx context.Context, req interface{ GetScheduleId() string }) error {
	if err := checkSchedulesOn(ctx); err != nil {
		return err
	}
	if req.GetScheduleId() == "" {
		return errScheduleID
	}
	return nil
}

func checkScheduleRequestID(ctx context.Context, id string) error {
	if len(id) > limitsOf(ctx).ID {
		return errLongScheduleRequest
	}
	return nil
}

// checkPatchTimes checks the times of a patch, which may have none; nil is no patch.
func checkPatchTimes(patch *schedulepb.SchedulePatch) error {
	times := []*timestamppb.Timestamp{patch.GetTriggerImmediately().GetScheduledTime()}
	for _, b := range patch.GetBackfillRequest() {
		times = append(times, b.GetStartTime(), b.GetEndTime())
	}
	for _, t := range times {
		if t == nil {
			continue
		}
		if err := t.CheckValid(); err != nil {
			return serviceerror.NewInvalidArgumentf("Invalid time in schedule patch: %v", err)
		}
	}
	return nil
}

// canonicalizeSchedule checks the specification, and replaces it by its canonical form.
func canonicalizeSchedule(s *schedulepb.Schedule) error {
	compiled, err := spec.Compile(s.GetSpec())
	if err != nil {
		return serviceerror.NewInvalidArgumentf("Invalid schedule spec: %v", err)
	}
	if size := proto.Size(compiled.Canonical()); size > maxScheduleSpec {
		return serviceerror.NewInvalidArgumentf("Invalid schedule spec: it has %d bytes, the maximum is %d", size, maxScheduleSpec)
	}
	s.Spec = compiled.Canonical()
	return nil
}

// checkScheduledStart checks what a schedule starts; nil is nothing. It adds to search
// attributes which types they have.
func checkScheduledStart(ctx context.Context, start *workflowpb.NewWorkflowExecutionInfo) error {
	if start == nil {
		return nil
	}
	if err := limitsOf(ctx).CheckNewWorkflowID(start.GetWorkflowId() + scheduledTime); err != nil {
		return err
	}
	switch name := start.GetWorkflowType().GetName(); {
	case name == "":
		return errScheduleWorkflowType
	case len(name) > limitsOf(ctx).ID:
		return errScheduleLongType
	}
	if err := cmp.Or(limitsOf(ctx).CheckUserTaskQueue(start.GetTaskQueue(), ""), check.Timeouts(start)); err != nil {
		return err
	}
	if start.GetCronSchedule() != "" {
		return errScheduleCron
	}
	switch start.GetWorkflowIdReusePolicy() {
	case enumspb.WORKFLOW_ID_REUSE_POLICY_UNSPECIFIED, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE:
	default:
		return errScheduleReuse
	}
	if err := checkSearchAttributes(ctx, start.GetSearchAttributes()); err != nil {
		return err
	}
	// What would be refused when the workflow is to be started is refused now.
	retries, policy := settingOf(ctx, dynamicconfig.WorkflowRetryPolicy), (*commonpb.RetryPolicy)(nil)
	if start.GetRetryPolicy() != nil {
		policy = proto.CloneOf(start.GetRetryPolicy())
	}
	return cmp.Or(
		check.RetryPolicy(policy, &retries),
		check.Priority(start.GetPriority()),
		check.VersioningOverride(start.GetVersioningOverride()),
		limitsOf(ctx).CheckMemo(start.GetMemo()),
		limitsOf(ctx).CheckBlob(start.GetInput()),
	)
}

// checkScheduleSize refuses a schedule that is larger than what may be stored at once.
func checkScheduleSize(ctx context.Context, s *schedulepb.Schedule, memo *commonpb.Memo, attributes *commonpb.SearchAttributes, patch *schedulepb.SchedulePatch) error {
	return check.BlobSize(proto.Size(s)+proto.Size(memo)+proto.Size(attributes)+proto.Size(patch), limitsOf(ctx).Blob)
}

// checkSearchAttributes checks names, types and sizes of search attributes, and adds their
// types to them.
func checkSearchAttributes(ctx context.Context, attributes *commonpb.SearchAttributes) error {
	ns := callOf(ctx).namespace
	if err := searchattribute.Check(ns.Name, ns.SearchAttributes, attributes, settingOf(ctx, dynamicconfig.SearchAttributeKeys)); err != nil {
		return err
	}
	return limitsOf(ctx).CheckSearchAttributes(attributes)
}

// scheduleAttributes are the search attributes of a schedule, checked, without those that it
// has anyway.
func scheduleAttributes(ctx context.Context, attributes *commonpb.SearchAttributes) (*commonpb.SearchAttributes, error) {
	if err := checkSearchAttributes(ctx, attributes); err != nil {
		return nil, err
	}
	if attributes == nil {
		return nil, nil
	}
	fields := maps.Clone(attributes.GetIndexedFields())
	for _, own := range []string{visibility.DivisionAttribute, schedule.PausedAttribute, "BinaryChecksums", "BuildIds"} {
		delete(fields, own)
	}
	return &commonpb.SearchAttributes{IndexedFields: fields}, nil
}

// parseScheduleQuery parses a query about the schedules of the request's namespace. It may
// name custom attributes, the id, and whether the schedule is paused.
func parseScheduleQuery(ctx context.Context, text string) (*query.Query, error) {
	q, err := parseQuery(ctx, text)
	if err != nil {
		return nil, err
	}
	for column := range q.Columns() {
		if searchattribute.Reserved(column.Alias) && column.Alias != schedule.PausedAttribute {
			return nil, serviceerror.NewInvalidArgumentf("invalid query filter for schedules: cannot filter on %q", column.Alias)
		}
	}
	return q.Restrict(inDivision(schedule.Division)), nil
}
