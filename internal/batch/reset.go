package batch

import (
	"context"
	"time"

	batchpb "go.temporal.io/api/batch/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
)

// reset resets a run to the point that the operation says.
func (a *act) reset(ctx context.Context, execution *commonpb.WorkflowExecution, o *batchpb.BatchOperationReset) error {
	req := &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: a.namespace, WorkflowExecution: execution, Reason: a.req.GetReason(), RequestId: a.requestID,
		PostResetOperations: o.GetPostResetOperations(), Identity: o.GetIdentity(),
	}
	options := o.GetOptions()
	if options == nil {
		//lint:ignore SA1019 older clients use it
		options = &commonpb.ResetOptions{ResetReapplyType: o.GetResetReapplyType()}
		//lint:ignore SA1019 older clients use it
		switch o.GetResetType() {
		case enumspb.RESET_TYPE_FIRST_WORKFLOW_TASK:
			options.Target = &commonpb.ResetOptions_FirstWorkflowTask{}
		case enumspb.RESET_TYPE_LAST_WORKFLOW_TASK:
			options.Target = &commonpb.ResetOptions_LastWorkflowTask{}
		}
	}
	//lint:ignore SA1019 older clients use it
	req.ResetReapplyType = options.GetResetReapplyType()
	req.ResetReapplyExcludeTypes = options.GetResetReapplyExcludeTypes()
	var err error
	if req.WorkflowTaskFinishEventId, err = a.resetPoint(ctx, execution, options); err != nil {
		return err
	}
	_, err = a.client.ResetWorkflowExecution(ctx, req)
	return err
}

// resetPoint is the event that the options name. The one of a build may be in an earlier
// run, which the execution then names.
func (a *act) resetPoint(ctx context.Context, execution *commonpb.WorkflowExecution, options *commonpb.ResetOptions) (int64, error) {
	switch target := options.GetTarget().(type) {
	case *commonpb.ResetOptions_FirstWorkflowTask:
		return a.firstWorkflowTask(ctx, execution)
	case *commonpb.ResetOptions_LastWorkflowTask:
		return a.lastWorkflowTask(ctx, execution)
	case *commonpb.ResetOptions_WorkflowTaskId:
		return target.WorkflowTaskId, nil
	case *commonpb.ResetOptions_BuildId:
		return a.buildPoint(ctx, execution, target.BuildId, options.GetCurrentRunOnly())
	}
	return 0, invalid("provided reset target (%+v) is not supported.", options.GetTarget())
}

var errNoWorkflowTask = serviceerror.NewInvalidArgument("unable to find any scheduled or completed task")

// firstWorkflowTask is the first workflow task that has been completed, or else the event
// after the first that has been scheduled.
func (a *act) firstWorkflowTask(ctx context.Context, execution *commonpb.WorkflowExecution) (int64, error) {
	point := int64(0)
	req := &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: a.namespace, Execution: execution}
	for {
		resp, err := a.client.GetWorkflowExecutionHistory(ctx, req)
		if err != nil {
			return 0, err
		}
		if id, ok := completedTask(resp.GetHistory().GetEvents(), func(scheduled int64) {
			if point == 0 {
				point = scheduled + 1
			}
		}); ok {
			return id, nil
		}
		if req.NextPageToken = resp.GetNextPageToken(); req.NextPageToken == nil {
			break
		}
	}
	if point == 0 {
		return 0, errNoWorkflowTask
	}
	return point, nil
}

// lastWorkflowTask is the last workflow task that has been completed, or else the event
// after the first that has been scheduled.
func (a *act) lastWorkflowTask(ctx context.Context, execution *commonpb.WorkflowExecution) (int64, error) {
	point := int64(0)
	req := &workflowservice.GetWorkflowExecutionHistoryReverseRequest{Namespace: a.namespace, Execution: execution}
	for {
		resp, err := a.client.GetWorkflowExecutionHistoryReverse(ctx, req)
		if err != nil {
			return 0, err
		}
		if id, ok := completedTask(resp.GetHistory().GetEvents(), func(scheduled int64) { point = scheduled + 1 }); ok {
			return id, nil
		}
		if req.NextPageToken = resp.GetNextPageToken(); req.NextPageToken == nil {
			break
		}
	}
	if point == 0 {
		return 0, errNoWorkflowTask
	}
	return point, nil
}

// completedTask is the first of the events that completes a workflow task. Those before
// that schedule one are told.
func completedTask(events []*historypb.HistoryEvent, scheduled func(int64)) (int64, bool) {
	for _, e := range events {
		switch e.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			return e.GetEventId(), true
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
			scheduled(e.GetEventId())
		}
	}
	return 0, false
}

// buildPoint is the first workflow task that workers of a build have completed.
func (a *act) buildPoint(ctx context.Context, execution *commonpb.WorkflowExecution, buildID string, currentRunOnly bool) (int64, error) {
	resp, err := a.client.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{Namespace: a.namespace, Execution: execution})
	if err != nil {
		return 0, err
	}
	for _, point := range resp.GetWorkflowExecutionInfo().GetAutoResetPoints().GetPoints() {
		switch {
		case point.GetBuildId() != buildID:
			continue
		case !point.GetResettable():
			return 0, invalid("Reset point for %v is not resettable", buildID)
		case point.GetExpireTime() != nil && point.GetExpireTime().AsTime().Before(time.Now()):
			return 0, invalid("Reset point for %v is expired", buildID)
		case point.GetRunId() != execution.GetRunId() && currentRunOnly:
			return 0, invalid("Reset point for %v points to previous run and CurrentRunOnly is set", buildID)
		}
		execution.RunId = point.GetRunId()
		return point.GetFirstWorkflowTaskCompletedId(), nil
	}
	return 0, invalid("Can't find reset point for %v", buildID)
}
