package batch

import (
	"context"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/records"
)

// act is what a job does to one item, by calls of the API.
type act struct {
	client    workflowservice.WorkflowServiceClient
	namespace string // its name
	req       *workflowservice.StartBatchOperationRequest
	// requestID is of the job and the item. It is the same whenever the act is done again.
	requestID string
}

// requestID is the id of the request of a job for an item. The run id of the job's row
// stands for the job, as job ids may be used again.
func requestID(jobRunID string, item *records.BatchItem) string {
	return uuid.NewSHA1(uuid.Nil, []byte(jobRunID+"\x00"+item.Id+"\x00"+item.RunId)).String()
}

// do acts on a run. The error is that of the call.
func (a *act) do(ctx context.Context, item *records.BatchItem) (err error) {
	execution := &commonpb.WorkflowExecution{WorkflowId: item.Id, RunId: item.RunId}
	switch o := a.req.GetOperation().(type) {
	case *termination:
		_, err = a.client.TerminateWorkflowExecution(ctx, &workflowservice.TerminateWorkflowExecutionRequest{
			Namespace: a.namespace, WorkflowExecution: execution, Reason: a.req.GetReason(),
			Details: o.TerminationOperation.GetDetails(), Identity: o.TerminationOperation.GetIdentity(),
		})
	case *signal:
		_, err = a.client.SignalWorkflowExecution(ctx, &workflowservice.SignalWorkflowExecutionRequest{
			Namespace: a.namespace, WorkflowExecution: execution, RequestId: a.requestID,
			SignalName: o.SignalOperation.GetSignal(), Input: o.SignalOperation.GetInput(),
			Header: o.SignalOperation.GetHeader(), Identity: o.SignalOperation.GetIdentity(),
		})
	case *cancellation:
		_, err = a.client.RequestCancelWorkflowExecution(ctx, &workflowservice.RequestCancelWorkflowExecutionRequest{
			Namespace: a.namespace, WorkflowExecution: execution, RequestId: a.requestID,
			Reason: a.req.GetReason(), Identity: o.CancellationOperation.GetIdentity(),
		})
	case *deletion:
		_, err = a.client.DeleteWorkflowExecution(ctx, &workflowservice.DeleteWorkflowExecutionRequest{Namespace: a.namespace, WorkflowExecution: execution})
	case *reset:
		err = a.reset(ctx, execution, o.ResetOperation)
	case *updateWorkflowOptions:
		_, err = a.client.UpdateWorkflowExecutionOptions(ctx, &workflowservice.UpdateWorkflowExecutionOptionsRequest{
			Namespace: a.namespace, WorkflowExecution: execution,
			WorkflowExecutionOptions: o.UpdateWorkflowOptionsOperation.GetWorkflowExecutionOptions(),
			UpdateMask:               o.UpdateWorkflowOptionsOperation.GetUpdateMask(),
			Identity:                 o.UpdateWorkflowOptionsOperation.GetIdentity(),
		})
	case *unpauseActivities, *resetActivities, *updateActivityOptions:
		err = a.doToActivities(ctx, execution)
	case *cancelActivities, *terminateActivities, *deleteActivities:
		err = a.doToStandalone(ctx, item)
	default:
		err = serviceerror.NewInvalidArgumentf("The operation type %T is not supported", o)
	}
	return err
}

// doToActivities acts on activities of a workflow.
func (a *act) doToActivities(ctx context.Context, execution *commonpb.WorkflowExecution) (err error) {
	switch o := a.req.GetOperation().(type) {
	case *unpauseActivities:
		u := o.UnpauseActivitiesOperation
		req := &workflowservice.UnpauseActivityRequest{
			Namespace: a.namespace, Execution: execution, Identity: u.GetIdentity(),
			ResetAttempts: u.GetResetAttempts(), ResetHeartbeat: u.GetResetHeartbeat(), Jitter: u.GetJitter(),
			Activity: &workflowservice.UnpauseActivityRequest_UnpauseAll{UnpauseAll: true},
		}
		if u.GetType() != "" {
			req.Activity = &workflowservice.UnpauseActivityRequest_Type{Type: u.GetType()}
		}
		_, err = a.client.UnpauseActivity(ctx, req)
	case *resetActivities:
		r := o.ResetActivitiesOperation
		req := &workflowservice.ResetActivityRequest{
			Namespace: a.namespace, Execution: execution, Identity: r.GetIdentity(),
			ResetHeartbeat: r.GetResetHeartbeat(), KeepPaused: r.GetKeepPaused(), Jitter: r.GetJitter(),
			RestoreOriginalOptions: r.GetRestoreOriginalOptions(),
			Activity:               &workflowservice.ResetActivityRequest_MatchAll{MatchAll: true},
		}
		if r.GetType() != "" {
			req.Activity = &workflowservice.ResetActivityRequest_Type{Type: r.GetType()}
		}
		_, err = a.client.ResetActivity(ctx, req)
	case *updateActivityOptions:
		u := o.UpdateActivityOptionsOperation
		req := &workflowservice.UpdateActivityOptionsRequest{
			Namespace: a.namespace, Execution: execution, Identity: u.GetIdentity(),
			ActivityOptions: u.GetActivityOptions(), UpdateMask: u.GetUpdateMask(), RestoreOriginal: u.GetRestoreOriginal(),
			Activity: &workflowservice.UpdateActivityOptionsRequest_MatchAll{MatchAll: true},
		}
		if u.GetType() != "" {
			req.Activity = &workflowservice.UpdateActivityOptionsRequest_Type{Type: u.GetType()}
		}
		_, err = a.client.UpdateActivityOptions(ctx, req)
	}
	return err
}

// doToStandalone acts on an activity that has no workflow.
func (a *act) doToStandalone(ctx context.Context, item *records.BatchItem) (err error) {
	switch o := a.req.GetOperation().(type) {
	case *cancelActivities:
		_, err = a.client.RequestCancelActivityExecution(ctx, &workflowservice.RequestCancelActivityExecutionRequest{
			Namespace: a.namespace, ActivityId: item.Id, RunId: item.RunId, RequestId: a.requestID,
			Identity: o.CancelActivitiesOperation.GetIdentity(), Reason: o.CancelActivitiesOperation.GetReason(),
		})
	case *terminateActivities:
		_, err = a.client.TerminateActivityExecution(ctx, &workflowservice.TerminateActivityExecutionRequest{
			Namespace: a.namespace, ActivityId: item.Id, RunId: item.RunId, RequestId: a.requestID,
			Identity: o.TerminateActivitiesOperation.GetIdentity(), Reason: o.TerminateActivitiesOperation.GetReason(),
		})
	case *deleteActivities:
		_, err = a.client.DeleteActivityExecution(ctx, &workflowservice.DeleteActivityExecutionRequest{Namespace: a.namespace, ActivityId: item.Id, RunId: item.RunId})
	}
	return err
}

// currentRun is the run that an item without one is about now.
func (a *act) currentRun(ctx context.Context, id string) (runID string, err error) {
	if Standalone(a.req) {
		resp, err := a.client.DescribeActivityExecution(ctx, &workflowservice.DescribeActivityExecutionRequest{Namespace: a.namespace, ActivityId: id})
		return resp.GetRunId(), err
	}
	resp, err := a.client.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: a.namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: id},
	})
	return resp.GetWorkflowExecutionInfo().GetExecution().GetRunId(), err
}
