package frontend

import (
	"cmp"
	"context"
	"errors"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/workflow"
)

// updateHandlers update workflows, and wait for what comes of it.
type updateHandlers struct {
	runtime stepper
	waits   *waits
	places  *places
}

// updated is what they need of a workflow.
type updated interface {
	Update(step *entity.Step, req *workflowservice.UpdateWorkflowExecutionRequest, done func(*workflow.UpdateStatus)) (*workflow.UpdatePlan, error)
	UpdateWithStart(step *entity.Step, start *workflowservice.StartWorkflowExecutionRequest, update *workflowservice.UpdateWorkflowExecutionRequest,
		done func(*workflow.UpdateStatus)) (*workflow.UpdateWithStart, error)
	PollUpdate(step *entity.Step, ref *updatepb.UpdateRef, stage workflow.UpdateStage, done func(*workflow.UpdateStatus)) (*workflow.UpdatePlan, error)
	Expect(*workflow.Places)
	StopUpdateWait(step *entity.Step, wait *workflow.UpdateWait) (*workflow.UpdateStatus, error)
}

var _ updated = (*workflow.Chain)(nil)

// UpdateWorkflowExecution updates a workflow, and waits until it has accepted the
// update or carried it out, as the request says. When the time for waiting is over,
// the reply says how far the update has come, and the client goes on with
// PollWorkflowExecutionUpdate.
func (h *updateHandlers) UpdateWorkflowExecution(ctx context.Context, req *workflowservice.UpdateWorkflowExecutionRequest) (*workflowservice.UpdateWorkflowExecutionResponse, error) {
	if err := checkUpdate(ctx, req); err != nil {
		return nil, err
	}
	workflowID := req.GetWorkflowExecution().GetWorkflowId()
	status, err := h.await(ctx, workflowID, func(done func(*workflow.UpdateStatus)) (plan *workflow.UpdatePlan, err error) {
		err = stepWorkflow(ctx, h.runtime, workflowID, func(step *entity.Step, c updated) (err error) {
			plan, err = c.Update(step, req, done)
			return err
		})
		return plan, err
	})
	if err != nil {
		return nil, err
	}
	return updateResponse(ctx, req, status), nil
}

// checkUpdate checks the request and fills in what it leaves open.
func checkUpdate(ctx context.Context, req *workflowservice.UpdateWorkflowExecutionRequest) error {
	if !settingOf(ctx, dynamicconfig.Updates) {
		return errUpdatesOff
	}
	if err := limitsOf(ctx).CheckExecution(req.GetWorkflowExecution(), check.Request); err != nil {
		return err
	}
	update := req.GetRequest()
	switch meta := update.GetMeta(); {
	case meta == nil:
		return errUpdateMetaNotSet
	case len(meta.GetUpdateId()) > limitsOf(ctx).ID:
		return errUpdateIDTooLong
	case update.GetInput() == nil:
		return errUpdateInputNotSet
	case update.GetInput().GetName() == "":
		return errUpdateNameNotSet
	case meta.GetUpdateId() == "":
		meta.UpdateId = uuid.NewString()
	}
	if callbacks := update.GetCompletionCallbacks(); len(callbacks) > 0 && settingOf(ctx, dynamicconfig.UpdateCallbacks) {
		if err := checkCallbacks(ctx, callbacks); err != nil {
			return err
		}
	}
	if err := limitsOf(ctx).CheckLinks(update.GetLinks()); err != nil {
		return err
	}
	if req.WaitPolicy == nil {
		req.WaitPolicy = new(updatepb.WaitPolicy)
	}
	switch req.WaitPolicy.LifecycleStage {
	case enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_UNSPECIFIED:
		req.WaitPolicy.LifecycleStage = enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
	case enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ADMITTED:
		return errUpdateAdmitted
	case enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED:
		if !settingOf(ctx, dynamicconfig.UpdatesAccepted) {
			return errUpdatesAcceptedOff
		}
	}
	return nil
}

// PollWorkflowExecutionUpdate waits for what comes of an update.
func (h *updateHandlers) PollWorkflowExecutionUpdate(ctx context.Context, req *workflowservice.PollWorkflowExecutionUpdateRequest) (*workflowservice.PollWorkflowExecutionUpdateResponse, error) {
	ref := req.GetUpdateRef()
	if ref == nil {
		return nil, errUpdateRefNotSet
	}
	if err := cmp.Or(
		limitsOf(ctx).CheckKnownWorkflowID(ref.GetWorkflowExecution().GetWorkflowId(), check.Loading),
		check.RunID(ref.GetWorkflowExecution().GetRunId(), check.Loading),
	); err != nil {
		return nil, err
	}
	workflowID := ref.GetWorkflowExecution().GetWorkflowId()
	status, err := h.await(ctx, workflowID, func(done func(*workflow.UpdateStatus)) (plan *workflow.UpdatePlan, err error) {
		err = stepWorkflow(ctx, h.runtime, workflowID, func(step *entity.Step, c updated) (err error) {
			plan, err = c.PollUpdate(step, ref, req.GetWaitPolicy().GetLifecycleStage(), done)
			return err
		})
		return plan, err
	})
	if err != nil {
		return nil, err
	}
	return &workflowservice.PollWorkflowExecutionUpdateResponse{
		Outcome:   status.Outcome,
		Stage:     status.Stage,
		UpdateRef: updateRef(workflowID, status.RunID, ref.GetUpdateId()),
	}, nil
}

// await takes an update to the state machine with ask, and waits for what comes of it
// if that is not known at once.
func (h *updateHandlers) await(ctx context.Context, workflowID string, ask func(done func(*workflow.UpdateStatus)) (*workflow.UpdatePlan, error)) (*workflow.UpdateStatus, error) {
	answer := make(chan *workflow.UpdateStatus, 1)
	plan, err := ask(func(status *workflow.UpdateStatus) { answer <- status })
	if err != nil {
		if plan != nil && plan.Wait != nil {
			// The caller has gone after the update was taken in.
			_, _ = h.stop(ctx, workflowID, plan.Wait)
		}
		return nil, err
	}
	status := plan.Status
	if status == nil {
		status, err = h.wait(ctx, workflowID, plan.Wait, answer)
	}
	if err != nil {
		return nil, err
	}
	return status, status.Err
}

func (h *updateHandlers) wait(ctx context.Context, workflowID string, wait *workflow.UpdateWait, answer <-chan *workflow.UpdateStatus) (*workflow.UpdateStatus, error) {
	hold, done, err := h.waits.hold(ctx)
	if err != nil {
		_, stopErr := h.stop(ctx, workflowID, wait)
		return nil, errors.Join(err, stopErr)
	}
	defer done()
	select {
	case status := <-answer:
		return status, nil
	case <-hold.Done():
	}
	status, err := h.stop(ctx, workflowID, wait)
	select {
	case late := <-answer:
		return late, nil
	default:
	}
	return status, cmp.Or(ctx.Err(), err)
}

// stop ends the wait of a caller whose time is over, or who has gone.
func (h *updateHandlers) stop(ctx context.Context, workflowID string, wait *workflow.UpdateWait) (status *workflow.UpdateStatus, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTaskWait)
	defer cancel()
	err = stepWorkflow(ctx, h.runtime, workflowID, func(step *entity.Step, c updated) (err error) {
		status, err = c.StopUpdateWait(step, wait)
		return err
	})
	return status, err
}

func updateRef(workflowID, runID, updateID string) *updatepb.UpdateRef {
	return &updatepb.UpdateRef{
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflowID, RunId: runID},
		UpdateId:          updateID,
	}
}

// updateResponse is what a client is told of its update. The link leads to the event
// of the acceptance or, where a failure may mean that there is none, to the workflow.
func updateResponse(ctx context.Context, req *workflowservice.UpdateWorkflowExecutionRequest, status *workflow.UpdateStatus) *workflowservice.UpdateWorkflowExecutionResponse {
	workflowID, namespace := req.GetWorkflowExecution().GetWorkflowId(), callOf(ctx).namespace.Name
	resp := &workflowservice.UpdateWorkflowExecutionResponse{
		UpdateRef: updateRef(workflowID, status.RunID, req.GetRequest().GetMeta().GetUpdateId()),
		Outcome:   status.Outcome,
		Stage:     status.Stage,
	}
	switch {
	case status.Outcome.GetFailure() != nil:
		resp.Link = &commonpb.Link{Variant: &commonpb.Link_Workflow_{Workflow: &commonpb.Link_Workflow{
			Namespace: namespace, WorkflowId: workflowID, RunId: status.RunID, Reason: "Update rejected",
		}}}
	case status.Stage >= enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED:
		resp.Link = &commonpb.Link{Variant: &commonpb.Link_WorkflowEvent_{WorkflowEvent: &commonpb.Link_WorkflowEvent{
			Namespace: namespace, WorkflowId: workflowID, RunId: status.RunID,
			Reference: &commonpb.Link_WorkflowEvent_RequestIdRef{RequestIdRef: &commonpb.Link_WorkflowEvent_RequestIdReference{
				RequestId: req.GetRequest().GetRequestId(), EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED,
			}},
		}}}
	}
	return resp
}
