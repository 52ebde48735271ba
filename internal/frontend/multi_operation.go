package frontend

import (
	"context"
	"errors"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/workflow"
)

// The API has one combination of operations: update-with-start.

// multiFailed says why for each of the operations; errMultiAborted for one that is
// not to blame.
func multiFailed(start, update error) error {
	return serviceerror.NewMultiOperationExecution("Update-with-Start could not be executed.", []error{start, update})
}

// ExecuteMultiOperation starts a workflow with an update, or updates the one that is
// running, in one step, and waits for the update.
func (h *updateHandlers) ExecuteMultiOperation(ctx context.Context, req *workflowservice.ExecuteMultiOperationRequest) (*workflowservice.ExecuteMultiOperationResponse, error) {
	ops := req.GetOperations()
	if len(ops) != 2 || ops[0].GetStartWorkflow() == nil || ops[1].GetUpdateWorkflow() == nil {
		return nil, errMultiNotStartUpdate
	}
	start, update := ops[0].GetStartWorkflow(), ops[1].GetUpdateWorkflow()
	if err := checkUpdateWithStart(ctx, start, update); err != nil {
		return nil, err
	}
	resp, started, err := h.updateWithStart(ctx, start, update)
	if started || !errors.Is(err, workflow.ErrUpdateAborted) {
		return resp, err
	}
	// The run has closed before it has taken the update in: another one can be started.
	resp, started, err = h.updateWithStart(ctx, start, update)
	if !started && errors.Is(err, workflow.ErrUpdateAborted) {
		return nil, multiFailed(errMultiAborted, serviceerror.NewAborted(workflow.ErrUpdateAborted.Error()))
	}
	return resp, err
}

// abortedUpdate is the failure of an update-with-start whose update has been
// aborted.
type abortedUpdate struct{ error }

func (e abortedUpdate) Unwrap() []error { return []error{e.error, workflow.ErrUpdateAborted} }

// updateWithStart makes one attempt. started says that it has started a run.
func (h *updateHandlers) updateWithStart(ctx context.Context, start *workflowservice.StartWorkflowExecutionRequest, update *workflowservice.UpdateWorkflowExecutionRequest) (
	resp *workflowservice.ExecuteMultiOperationResponse, started bool, err error,
) {
	workflowID := start.GetWorkflowId()
	kept, err := h.places.keep(ctx, start)
	if err != nil {
		return nil, false, multiFailed(err, errMultiAborted)
	}
	defer h.places.giveUp(ctx, kept)
	var both *workflow.UpdateWithStart
	var plain error
	status, err := h.await(ctx, workflowID, func(done func(*workflow.UpdateStatus)) (*workflow.UpdatePlan, error) {
		plain = stepWorkflow(ctx, h.runtime, workflowID, func(step *entity.Step, c updated) (err error) {
			c.Expect(kept)
			defer c.Expect(nil)
			both, err = c.UpdateWithStart(step, start, update, done)
			return err
		})
		switch {
		case plain != nil && both != nil:
			return both.Update, plain
		case plain != nil:
			return nil, plain
		case both.StartErr != nil:
			plain = multiFailed(both.StartErr, errMultiAborted)
			return nil, plain
		case both.UpdateErr != nil:
			plain = multiFailed(errMultiAborted, both.UpdateErr)
			return nil, plain
		}
		return both.Update, nil
	})
	switch {
	case plain != nil:
		return nil, false, plain
	case err != nil && ctx.Err() != nil:
		return nil, both.Started, err
	case err != nil && both.Started:
		return nil, true, multiFailed(nil, err)
	case errors.Is(err, workflow.ErrUpdateAborted):
		return nil, false, abortedUpdate{multiFailed(errMultiAborted, err)}
	case err != nil:
		return nil, false, multiFailed(errMultiAborted, err)
	}
	updated := updateResponse(ctx, update, status)
	if both.Update.Wait == nil && status.Outcome != nil {
		updated.Link = nil // it was completed before
	}
	return &workflowservice.ExecuteMultiOperationResponse{Responses: []*workflowservice.ExecuteMultiOperationResponse_Response{
		{Response: &workflowservice.ExecuteMultiOperationResponse_Response_StartWorkflow{StartWorkflow: both.Start}},
		{Response: &workflowservice.ExecuteMultiOperationResponse_Response_UpdateWorkflow{UpdateWorkflow: updated}},
	}}, both.Started, nil
}

// checkUpdateWithStart checks both operations, so that each can be told what is
// wrong with it.
func checkUpdateWithStart(ctx context.Context, start *workflowservice.StartWorkflowExecutionRequest, update *workflowservice.UpdateWorkflowExecutionRequest) error {
	startErr, updateErr := checkStartOfUpdate(ctx, start), checkUpdateOfStart(ctx, update)
	if startErr == nil && updateErr == nil && start.GetWorkflowId() != update.GetWorkflowExecution().GetWorkflowId() {
		updateErr = errMultiWorkflowID
	}
	if startErr == nil && updateErr == nil {
		return nil
	}
	if startErr == nil {
		startErr = errMultiAborted
	}
	if updateErr == nil {
		updateErr = errMultiAborted
	}
	return multiFailed(startErr, updateErr)
}

func checkStartOfUpdate(ctx context.Context, req *workflowservice.StartWorkflowExecutionRequest) error {
	if !sameNamespace(ctx, req.GetNamespace()) {
		return errMultiNamespace
	}
	if err := checkStart(ctx, req); err != nil {
		return err
	}
	switch {
	case req.GetCronSchedule() != "":
		return errMultiCron
	case req.GetRequestEagerExecution():
		return errMultiEager
	case req.GetWorkflowStartDelay().AsDuration() > 0:
		return errMultiStartDelay
	}
	return nil
}

func checkUpdateOfStart(ctx context.Context, req *workflowservice.UpdateWorkflowExecutionRequest) error {
	if !sameNamespace(ctx, req.GetNamespace()) {
		return errMultiNamespace
	}
	if err := checkUpdate(ctx, req); err != nil {
		return err
	}
	switch {
	case req.GetFirstExecutionRunId() != "":
		return errMultiFirstRunID
	case req.GetWorkflowExecution().GetRunId() != "":
		return errMultiRunID
	}
	return nil
}

// sameNamespace reports whether an operation is meant for the namespace of the
// request, which it need not name.
func sameNamespace(ctx context.Context, name string) bool {
	return name == "" || name == callOf(ctx).namespace.Name
}
