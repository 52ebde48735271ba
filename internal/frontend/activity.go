package frontend

import (
	"cmp"
	"context"

	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/activity"
	"github.com/perdure/perdure/internal/api/check"
	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/namespace"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/searchattribute"
	"github.com/perdure/perdure/internal/visibility"
)

// activityHandlers are what clients do to activities without a workflow: start, describe,
// wait for, cancel, terminate, delete, list. What workers do to them is in
// activity_task.go, what operators do in activity_operator.go.
type activityHandlers struct {
	runtime interface {
		stepper
		viewer
		awaiter
	}
	waits *waits
	lists *visibilityHandlers
}

// standaloneActivity is what they need of an activity.
type standaloneActivity interface {
	Start(*entity.Step, *workflowservice.StartActivityExecutionRequest) (*workflowservice.StartActivityExecutionResponse, error)
	Describe(entity.View, *workflowservice.DescribeActivityExecutionRequest) (*workflowservice.DescribeActivityExecutionResponse, error)
	Outcome(view entity.View, runID string) (id string, outcome *activitypb.ActivityExecutionOutcome, err error)
	Changed(runID string, since *records.DescriptionToken) bool
	Over(runID string) bool
	RequestCancel(*entity.Step, *workflowservice.RequestCancelActivityExecutionRequest) error
	Terminate(*entity.Step, *workflowservice.TerminateActivityExecutionRequest) error
	Delete(step *entity.Step, runID string) error
}

var _ standaloneActivity = (*activity.Chain)(nil)

// activityKey is the key of an activity without a workflow in the request's namespace.
func activityKey(ctx context.Context, activityID string) entity.Key {
	return keyOf(ctx, entity.KindActivity, activityID)
}

// stepActivity runs one step of an activity without a workflow. A is the part of its
// methods that the caller needs.
func stepActivity[A any](ctx context.Context, runtime stepper, activityID string, fn func(*entity.Step, A) error) error {
	return runtime.Step(ctx, activityKey(ctx, activityID), func(step *entity.Step, e entity.Entity) error {
		return fn(step, e.(A))
	})
}

// checkStandaloneActivities refuses requests if activities without a workflow are switched off.
func checkStandaloneActivities(ctx context.Context) error {
	if !settingOf(ctx, dynamicconfig.StandaloneActivities) {
		return errStandaloneActivitiesOff
	}
	return nil
}

// StartActivityExecution starts an activity, or says which one is in the way.
func (h *activityHandlers) StartActivityExecution(ctx context.Context, req *workflowservice.StartActivityExecutionRequest) (*workflowservice.StartActivityExecutionResponse, error) {
	if err := checkStartActivity(ctx, req); err != nil {
		return nil, err
	}
	var resp *workflowservice.StartActivityExecutionResponse
	err := stepActivity(ctx, h.runtime, req.GetActivityId(), func(step *entity.Step, a standaloneActivity) (err error) {
		resp, err = a.Start(step, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// checkStartActivity checks the request and fills in what it leaves open.
func checkStartActivity(ctx context.Context, req *workflowservice.StartActivityExecutionRequest) error {
	if err := checkStandaloneActivities(ctx); err != nil {
		return err
	}
	if req.RetryPolicy == nil {
		req.RetryPolicy = new(commonpb.RetryPolicy)
	}
	if err := checkActivityStartDelay(ctx, req.GetStartDelay()); err != nil {
		return err
	}
	retries := settingOf(ctx, dynamicconfig.ActivityRetryPolicy)
	if err := cmp.Or(
		limitsOf(ctx).CheckUserTaskQueue(req.GetTaskQueue(), ""),
		check.Set("activityId", req.GetActivityId(), check.Activity),
		check.Set("activityType", req.GetActivityType().GetName(), check.Activity),
		check.RetryPolicy(req.GetRetryPolicy(), &retries),
		limitsOf(ctx).CheckLength("activityId", req.GetActivityId(), check.Activity),
		limitsOf(ctx).CheckLength("activityType", req.GetActivityType().GetName(), check.Activity),
	); err != nil {
		return err
	}
	if err := check.Priority(req.GetPriority()); err != nil {
		return serviceerror.NewInvalidArgumentf("invalid priorities: %v", err)
	}
	timeouts := attempt.Timeouts{
		ScheduleToClose: req.ScheduleToCloseTimeout, ScheduleToStart: req.ScheduleToStartTimeout,
		StartToClose: req.StartToCloseTimeout, Heartbeat: req.HeartbeatTimeout,
	}
	if err := timeouts.Complete(req.GetActivityId(), req.GetActivityType().GetName(), 0); err != nil {
		return err
	}
	req.ScheduleToCloseTimeout, req.ScheduleToStartTimeout = timeouts.ScheduleToClose, timeouts.ScheduleToStart
	req.StartToCloseTimeout, req.HeartbeatTimeout = timeouts.StartToClose, timeouts.Heartbeat
	return checkAttachedToActivity(ctx, req)
}

// checkAttachedToActivity checks who starts an activity, and what it is started with
// beside its options.
func checkAttachedToActivity(ctx context.Context, req *workflowservice.StartActivityExecutionRequest) error {
	limits, ns := limitsOf(ctx), callOf(ctx).namespace
	if err := cmp.Or(
		limitsOf(ctx).CheckActivityRequest(&req.RequestId, req.GetIdentity()),
		check.ActivityPolicies(req),
		limits.CheckActivityInput(req.GetInput()),
		check.UserMetadata(req.GetUserMetadata(), settingOf(ctx, dynamicconfig.UserSummarySize), settingOf(ctx, dynamicconfig.UserDetailsSize)),
	); err != nil {
		return err
	}
	if attributes := req.GetSearchAttributes(); len(attributes.GetIndexedFields()) > 0 {
		if err := searchattribute.Check(ns.Name, ns.SearchAttributes, attributes, settingOf(ctx, dynamicconfig.SearchAttributeKeys)); err != nil {
			return err
		}
		if err := limits.CheckSearchAttributes(attributes); err != nil {
			return err
		}
	}
	if callbacks := req.GetCompletionCallbacks(); len(callbacks) > 0 {
		if !settingOf(ctx, dynamicconfig.ActivityCallbacks) {
			return errActivityCallbacks
		}
		if err := checkCallbacks(ctx, callbacks); err != nil {
			return err
		}
	}
	if err := limits.CheckLinks(req.GetLinks()); err != nil {
		return err
	}
	switch options := req.GetOnConflictOptions(); {
	case options.GetAttachCompletionCallbacks() && !options.GetAttachRequestId():
		return errActivityAttachCallbacks
	case options.GetAttachRequestId() && len(req.GetLinks())+len(req.GetCompletionCallbacks()) == 0:
		return errActivityAttachRequest
	}
	return nil
}

// checkActivityStartDelay checks how long the first attempt is to wait.
func checkActivityStartDelay(ctx context.Context, delay *durationpb.Duration) error {
	if err := check.Duration("StartDelay", delay, check.Activity); err != nil {
		return err
	}
	if delay.AsDuration() > 0 && !settingOf(ctx, dynamicconfig.ActivityStartDelay) {
		return errActivityStartDelayOff
	}
	return nil
}

// checkKnownActivity checks how an activity is named that should be there.
func checkKnownActivity(ctx context.Context, req interface {
	GetActivityId() string
	GetRunId() string
}) error {
	return cmp.Or(checkStandaloneActivities(ctx), limitsOf(ctx).CheckActivityID(req.GetActivityId()), check.ActivityRunID(req.GetRunId()))
}

// DescribeActivityExecution describes an activity. With the token of a former description
// it waits until there is something new to say, and for so long says nothing.
func (h *activityHandlers) DescribeActivityExecution(ctx context.Context, req *workflowservice.DescribeActivityExecutionRequest) (*workflowservice.DescribeActivityExecutionResponse, error) {
	if err := cmp.Or(checkStandaloneActivities(ctx), limitsOf(ctx).CheckActivityID(req.GetActivityId())); err != nil {
		return nil, err
	}
	waits := len(req.GetLongPollToken()) > 0
	if waits && req.GetRunId() == "" {
		return nil, errActivityTokenRun
	}
	if err := check.ActivityRunID(req.GetRunId()); err != nil {
		return nil, err
	}
	describe := func(ctx context.Context) (resp *workflowservice.DescribeActivityExecutionResponse, current bool, err error) {
		err = h.runtime.View(ctx, activityKey(ctx, req.GetActivityId()), func(e entity.Entity, view entity.View) (err error) {
			a := e.(standaloneActivity)
			resp, err = a.Describe(view, req)
			current = !a.Over(req.GetRunId())
			return err
		})
		return resp, current, err
	}
	if !waits {
		resp, _, err := describe(ctx)
		return resp, err
	}
	running := false
	return longPoll(ctx, h.waits, func(ctx context.Context) (resp *workflowservice.DescribeActivityExecutionResponse, err error) {
		resp, running, err = describe(ctx)
		return resp, err
	}, func(ctx context.Context) error { return h.awaitChange(ctx, req, running) })
}

// awaitChange waits until a run is not any more what the token of the request says; one
// that is over never is.
func (h *activityHandlers) awaitChange(ctx context.Context, req *workflowservice.DescribeActivityExecutionRequest, running bool) error {
	if !running {
		<-ctx.Done()
		return ctx.Err()
	}
	token, err := tokens.DecodeDescription(req.GetLongPollToken())
	if err != nil {
		return err
	}
	return h.runtime.Await(ctx, activityKey(ctx, req.GetActivityId()), func(e entity.Entity) bool {
		return e.(standaloneActivity).Changed(req.GetRunId(), token)
	})
}

// PollActivityExecution waits for how an activity ends. When the time is over it says
// nothing, and the client asks again.
func (h *activityHandlers) PollActivityExecution(ctx context.Context, req *workflowservice.PollActivityExecutionRequest) (*workflowservice.PollActivityExecutionResponse, error) {
	if err := checkKnownActivity(ctx, req); err != nil {
		return nil, err
	}
	key, runID := activityKey(ctx, req.GetActivityId()), req.GetRunId()
	return longPoll(ctx, h.waits, func(ctx context.Context) (resp *workflowservice.PollActivityExecutionResponse, err error) {
		err = h.runtime.View(ctx, key, func(e entity.Entity, view entity.View) (err error) {
			var outcome *activitypb.ActivityExecutionOutcome
			if runID, outcome, err = e.(standaloneActivity).Outcome(view, runID); outcome != nil {
				resp = &workflowservice.PollActivityExecutionResponse{RunId: runID, Outcome: outcome}
			}
			return err
		})
		return resp, err
	}, func(ctx context.Context) error {
		return h.runtime.Await(ctx, key, func(e entity.Entity) bool { return e.(standaloneActivity).Over(runID) })
	})
}

// RequestCancelActivityExecution asks for an activity to be cancelled.
func (h *activityHandlers) RequestCancelActivityExecution(ctx context.Context, req *workflowservice.RequestCancelActivityExecutionRequest) (*workflowservice.RequestCancelActivityExecutionResponse, error) {
	if err := cmp.Or(
		checkStandaloneActivities(ctx), limitsOf(ctx).CheckActivityID(req.GetActivityId()), limitsOf(ctx).CheckActivityRequest(&req.RequestId, req.GetIdentity()),
		check.ActivityRunID(req.GetRunId()), limitsOf(ctx).CheckReason(req.GetReason()),
	); err != nil {
		return nil, err
	}
	err := stepActivity(ctx, h.runtime, req.GetActivityId(), func(step *entity.Step, a standaloneActivity) error {
		return a.RequestCancel(step, req)
	})
	if err != nil {
		return nil, err
	}
	return &workflowservice.RequestCancelActivityExecutionResponse{}, nil
}

// TerminateActivityExecution ends an activity at once.
func (h *activityHandlers) TerminateActivityExecution(ctx context.Context, req *workflowservice.TerminateActivityExecutionRequest) (*workflowservice.TerminateActivityExecutionResponse, error) {
	if err := cmp.Or(
		checkStandaloneActivities(ctx), limitsOf(ctx).CheckActivityID(req.GetActivityId()), limitsOf(ctx).CheckActivityRequest(&req.RequestId, req.GetIdentity()),
		check.ActivityRunID(req.GetRunId()), limitsOf(ctx).CheckReason(req.GetReason()),
	); err != nil {
		return nil, err
	}
	err := stepActivity(ctx, h.runtime, req.GetActivityId(), func(step *entity.Step, a standaloneActivity) error {
		return a.Terminate(step, req)
	})
	if err != nil {
		return nil, err
	}
	return &workflowservice.TerminateActivityExecutionResponse{}, nil
}

// DeleteActivityExecution removes an activity, whether it is running or not.
func (h *activityHandlers) DeleteActivityExecution(ctx context.Context, req *workflowservice.DeleteActivityExecutionRequest) (*workflowservice.DeleteActivityExecutionResponse, error) {
	if err := checkKnownActivity(ctx, req); err != nil {
		return nil, err
	}
	err := stepActivity(ctx, h.runtime, req.GetActivityId(), func(step *entity.Step, a standaloneActivity) error {
		return a.Delete(step, req.GetRunId())
	})
	if err != nil {
		return nil, err
	}
	return &workflowservice.DeleteActivityExecutionResponse{}, nil
}

// ListActivityExecutions lists the activities without a workflow that a query finds.
func (h *activityHandlers) ListActivityExecutions(ctx context.Context, req *workflowservice.ListActivityExecutionsRequest) (*workflowservice.ListActivityExecutionsResponse, error) {
	rows, next, err := activityKind.page(ctx, h.lists, req)
	if err != nil {
		return nil, err
	}
	resp := &workflowservice.ListActivityExecutionsResponse{NextPageToken: next}
	for _, row := range rows {
		resp.Executions = append(resp.Executions, listedActivity(row, callOf(ctx).namespace))
	}
	return resp, nil
}

// CountActivityExecutions counts the activities without a workflow that a query finds, in
// groups if it has a GROUP BY.
func (h *activityHandlers) CountActivityExecutions(ctx context.Context, req *workflowservice.CountActivityExecutionsRequest) (*workflowservice.CountActivityExecutionsResponse, error) {
	count, groups, err := activityKind.count(ctx, h.lists, req.GetQuery())
	if err != nil {
		return nil, err
	}
	resp := &workflowservice.CountActivityExecutionsResponse{Count: count}
	for _, group := range groups {
		resp.Groups = append(resp.Groups, &workflowservice.CountActivityExecutionsResponse_AggregationGroup{GroupValues: group.values, Count: group.count})
	}
	return resp, nil
}

// activityKind is how activities without a workflow are listed.
var activityKind = standaloneKind{
	name: "activities", division: activity.Division, check: checkStandaloneActivities,
	aliases: map[string]string{"ActivityId": "WorkflowId", "ActivityType": "WorkflowType"},
}

// listedActivity is a row of an activity as lists show it.
func listedActivity(row *records.WorkflowRow, ns *namespace.Namespace) *activitypb.ActivityExecutionListInfo {
	info := &activitypb.ActivityExecutionListInfo{
		ActivityId:           row.WorkflowId,
		RunId:                row.RunId,
		ActivityType:         &commonpb.ActivityType{Name: row.WorkflowType},
		ScheduleTime:         row.StartTime,
		ExecutionTime:        row.ExecutionTime,
		Status:               activity.ListedStatus(row.Status),
		SearchAttributes:     &commonpb.SearchAttributes{IndexedFields: knownAttributes(ns, row.SearchAttributes.GetIndexedFields())},
		TaskQueue:            row.TaskQueue,
		StateTransitionCount: row.StateTransitionCount,
		StateSizeBytes:       row.HistorySize,
	}
	if !visibility.Open(row.Status) {
		info.CloseTime = row.CloseTime
		info.ExecutionDuration = durationpb.New(row.CloseTime.AsTime().Sub(row.StartTime.AsTime()))
	}
	return info
}
