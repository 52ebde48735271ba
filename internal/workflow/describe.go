package workflow

import (
	"cmp"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/entity"
)

// Describe tells all there is to know about a run but its history.
func (c *Chain) Describe(reader entity.Reader, now time.Time, req *workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	r, err := c.findRunWith(func() entity.Reader { return reader }, req.GetExecution().GetRunId())
	if err != nil {
		return nil, err
	}
	resp := &workflowservice.DescribeWorkflowExecutionResponse{
		ExecutionConfig: &workflowpb.WorkflowExecutionConfig{
			TaskQueue:                  &taskqueuepb.TaskQueue{Name: r.info.TaskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
			WorkflowExecutionTimeout:   r.info.ExecutionTimeout,
			WorkflowRunTimeout:         r.info.RunTimeout,
			DefaultWorkflowTaskTimeout: r.info.TaskTimeout,
			UserMetadata:               r.info.UserMetadata,
		},
		WorkflowExecutionInfo: r.executionInfo(),
		WorkflowExtendedInfo: &workflowpb.WorkflowExecutionExtendedInfo{
			ExecutionExpirationTime: r.info.ExecutionExpiration,
			RunExpirationTime:       r.info.RunExpiration,
			CancelRequested:         r.state.CancelRequested,
			PauseInfo:               r.describePause(),
			OriginalStartTime:       cmp.Or(r.info.OriginalStartTime, r.info.StartTime),
			ResetRunId:              r.state.ResetRunId,
			RequestIdInfos:          r.requestIDInfos(),
		},
	}
	if r.info.OriginalStartTime != nil {
		resp.WorkflowExtendedInfo.LastResetTime = r.info.StartTime
	}
	if wt := r.state.WorkflowTask; wt != nil {
		pending := &workflowpb.PendingWorkflowTaskInfo{
			State:                 enumspb.PENDING_WORKFLOW_TASK_STATE_SCHEDULED,
			ScheduledTime:         wt.ScheduledTime,
			OriginalScheduledTime: wt.OriginalScheduledTime,
			Attempt:               wt.Attempt,
		}
		if r.started != nil {
			pending.State = enumspb.PENDING_WORKFLOW_TASK_STATE_STARTED
			pending.StartedTime = r.startedEvent().EventTime
		}
		resp.PendingWorkflowTask = pending
	}
	resp.WorkflowExtendedInfo.TimeSkippingInfo = r.timeSkippingInfo(now)
	r.describePending(resp, now.Add(r.skipped()))
	resp.Callbacks = r.callbackInfos()
	resp.PendingNexusOperations = r.describeNexus()
	return resp, nil
}

func (r *Run) executionInfo() *workflowpb.WorkflowExecutionInfo {
	info := &workflowpb.WorkflowExecutionInfo{
		Execution:            r.execution(),
		Type:                 &commonpb.WorkflowType{Name: r.info.WorkflowType},
		StartTime:            r.info.StartTime,
		CloseTime:            r.state.CloseTime,
		Status:               r.state.Status,
		HistoryLength:        r.state.NextEventId - 1,
		ExecutionTime:        r.info.ExecutionTime,
		Memo:                 r.info.Memo,
		SearchAttributes:     r.info.SearchAttributes,
		TaskQueue:            r.info.TaskQueue,
		StateTransitionCount: r.state.StateTransitionCount,
		HistorySizeBytes:     r.state.HistorySize,
		RootExecution:        r.root(),
		FirstRunId:           r.info.FirstRunId,
		Priority:             r.info.Priority,
		AutoResetPoints:      r.resetPoints.points,
		VersioningInfo:       r.versioningInfo(),
		WorkerDeploymentName: r.deploymentName(),
	}
	if build := r.recentBuild(); build != "" && r.info.Versioning.GetVersion() == nil && r.info.Versioning.GetDeploymentName() == "" {
		//lint:ignore SA1019 older clients use it
		info.MostRecentWorkerVersionStamp = &commonpb.WorkerVersionStamp{BuildId: build}
	}
	// Present even when empty: clients look into them without asking first.
	if info.Memo == nil {
		info.Memo = new(commonpb.Memo)
	}
	if info.SearchAttributes == nil {
		info.SearchAttributes = new(commonpb.SearchAttributes)
	}
	if info.AutoResetPoints == nil {
		info.AutoResetPoints = new(workflowpb.ResetPoints)
	}
	if r.started != nil && !r.state.WorkflowTask.Transient {
		info.HistoryLength++ // the Started event, which is recorded later
	}
	if p := r.info.Parent; p != nil {
		parent := parentKey(p)
		info.ParentNamespaceId = parent.Namespace
		info.ParentExecution = &commonpb.WorkflowExecution{WorkflowId: parent.ID, RunId: p.RunId}
	}
	if r.state.CloseTime != nil {
		// A run that closes before its first workflow task is due has not run at all.
		info.ExecutionDuration = durationpb.New(max(0, r.state.CloseTime.AsTime().Sub(r.info.ExecutionTime.AsTime())))
	}
	return info
}
