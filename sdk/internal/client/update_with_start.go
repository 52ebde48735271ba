package client

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/google/uuid"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/execution"
)

// WithStartWorkflowOperation is the start of a workflow that goes together with an update.
// It can be used once.
type WithStartWorkflowOperation interface {
	// Get waits until UpdateWithStartWorkflow has started the workflow, or found it
	// running, and returns its run, or why there is none.
	Get(ctx context.Context) (WorkflowRun, error)
}

// UpdateWithStartWorkflowOptions are the options of UpdateWithStartWorkflow.
type UpdateWithStartWorkflowOptions struct {
	// StartWorkflowOperation comes from NewWithStartWorkflowOperation. It is required.
	StartWorkflowOperation WithStartWorkflowOperation
	// UpdateOptions say what to send. RunID and FirstExecutionRunID must be empty.
	UpdateOptions UpdateWorkflowOptions
}

var (
	errInvalidWithStart = errors.New("invalid WithStartWorkflowOperation")
	errInvalidResponse  = errors.New("invalid server response")
)

type withStartWorkflow struct {
	input *ClientExecuteWorkflowInput
	err   error // of the arguments
	used  atomic.Bool

	// done is closed when run and startErr, one of which is set, may be read.
	done     chan struct{}
	run      WorkflowRun
	startErr error
}

func (w *withStartWorkflow) Get(ctx context.Context) (WorkflowRun, error) {
	select {
	case <-w.done:
		return w.run, w.startErr
	default:
	}
	select {
	case <-w.done:
		return w.run, w.startErr
	case <-ctx.Done():
		if !w.used.Load() {
			return nil, fmt.Errorf("%w: %w", ctx.Err(), errors.New("operation was not executed"))
		}
		return nil, ctx.Err()
	}
}

// NewWithStartWorkflowOperation returns the start for UpdateWithStartWorkflow. What is wrong
// with it is reported there.
func (c *Client) NewWithStartWorkflowOperation(options StartWorkflowOptions, workflow any, args ...any) WithStartWorkflowOperation {
	operation := &withStartWorkflow{done: make(chan struct{})}
	name, err := workflowType(workflow, args)
	switch {
	case err != nil:
	case options.WorkflowIDConflictPolicy == enumspb.WORKFLOW_ID_CONFLICT_POLICY_UNSPECIFIED:
		err = errors.New("WorkflowIDConflictPolicy must be set in StartWorkflowOptions")
	case options.StartDelay != 0:
		err = errors.New("StartDelay cannot be set in StartWorkflowOptions: the update would wait for it")
	}
	if err != nil {
		operation.err = fmt.Errorf("%w: %w", errInvalidWithStart, err)
		operation.startErr = operation.err
		close(operation.done)
		return operation
	}
	if options.ID == "" {
		options.ID = uuid.NewString()
	}
	operation.input = &ClientExecuteWorkflowInput{Options: &options, WorkflowType: name, Args: args}
	return operation
}

// UpdateWithStartWorkflow starts a workflow if it is not running and sends it an update,
// both or neither.
func (c *Client) UpdateWithStartWorkflow(ctx context.Context, options UpdateWithStartWorkflowOptions) (WorkflowUpdateHandle, error) {
	if _, err := ownOperation(options.StartWorkflowOperation); err != nil {
		return nil, err
	}
	for field, value := range map[string]string{"RunID": options.UpdateOptions.RunID, "FirstExecutionRunID": options.UpdateOptions.FirstExecutionRunID} {
		if value != "" {
			return nil, fmt.Errorf("invalid UpdateWorkflowOptions: %s cannot be set for UpdateWithStartWorkflow because the workflow might not be running", field)
		}
	}
	return c.outbound.UpdateWithStartWorkflow(c.outgoing(ctx), &ClientUpdateWithStartWorkflowInput{
		UpdateOptions:          &options.UpdateOptions,
		StartWorkflowOperation: options.StartWorkflowOperation,
	})
}

func ownOperation(operation WithStartWorkflowOperation) (*withStartWorkflow, error) {
	own, ok := operation.(*withStartWorkflow)
	if !ok {
		return nil, fmt.Errorf("%w: it must be created by NewWithStartWorkflowOperation", errInvalidWithStart)
	}
	return own, own.err
}

func (o outbound) UpdateWithStartWorkflow(ctx context.Context, in *ClientUpdateWithStartWorkflowInput) (_ WorkflowUpdateHandle, err error) {
	operation, err := ownOperation(in.StartWorkflowOperation)
	if err != nil {
		return nil, err
	}
	if operation.used.Swap(true) {
		return nil, fmt.Errorf("%w: was already executed", errInvalidWithStart)
	}
	defer func() {
		if operation.run == nil {
			operation.startErr = err
			close(operation.done)
		}
	}()
	start, err := o.startRequest(ctx, operation.input.Options, operation.input.WorkflowType, operation.input.Args)
	if err != nil {
		return nil, err
	}
	updateOptions := *in.UpdateOptions
	if updateOptions.WorkflowID == "" {
		updateOptions.WorkflowID = start.GetWorkflowId()
	}
	input, err := updateInput(updateOptions)
	if err != nil {
		return nil, err
	}
	update, err := o.updateRequest(ctx, input)
	if err != nil {
		return nil, err
	}
	measured := o.measured(ctx, operation.input.WorkflowType, operation.input.Options.TaskQueue)
	for {
		started, updated, err := o.startAndUpdate(measured, start, update)
		if err != nil {
			return nil, err
		}
		if operation.run == nil {
			operation.run = o.newRun(operation.input.WorkflowType, operation.input.Options.TaskQueue, start.GetWorkflowId(), started.GetRunId(), started.GetFirstExecutionRunId())
			close(operation.done)
		}
		if isDurable(updated) {
			return o.newUpdate(ctx, input.WaitForStage, updated)
		}
	}
}

func (c *Client) startAndUpdate(
	ctx context.Context,
	start *workflowservice.StartWorkflowExecutionRequest,
	update *workflowservice.UpdateWorkflowExecutionRequest,
) (*workflowservice.StartWorkflowExecutionResponse, *workflowservice.UpdateWorkflowExecutionResponse, error) {
	response, err := c.service.ExecuteMultiOperation(ctx, &workflowservice.ExecuteMultiOperationRequest{
		Namespace:  c.namespace,
		ResourceId: execution.ResourceID(start.GetWorkflowId(), ""),
		Operations: []*workflowservice.ExecuteMultiOperationRequest_Operation{
			{Operation: &workflowservice.ExecuteMultiOperationRequest_Operation_StartWorkflow{StartWorkflow: start}},
			{Operation: &workflowservice.ExecuteMultiOperationRequest_Operation_UpdateWorkflow{UpdateWorkflow: update}},
		},
	})
	if err != nil {
		return nil, nil, startAndUpdateError(ctx, err)
	}
	if n := len(response.GetResponses()); n != 2 {
		return nil, nil, fmt.Errorf("%w: %d instead of 2 operation results", errInvalidResponse, n)
	}
	started, updated := response.GetResponses()[0].GetStartWorkflow(), response.GetResponses()[1].GetUpdateWorkflow()
	if started == nil {
		return nil, nil, fmt.Errorf("%w: StartWorkflow response has the wrong type %T", errInvalidResponse, response.GetResponses()[0].GetResponse())
	}
	if updated == nil {
		return nil, nil, fmt.Errorf("%w: UpdateWorkflow response has the wrong type %T", errInvalidResponse, response.GetResponses()[1].GetResponse())
	}
	return started, updated, nil
}

// startAndUpdateError finds the error of the operation that failed. The other one was only
// aborted because of it.
func startAndUpdateError(ctx context.Context, err error) error {
	var multi *serviceerror.MultiOperationExecution
	if !errors.As(err, &multi) {
		return updateCallError(ctx, err)
	}
	names := [...]string{"start", "update"}
	if n := len(multi.OperationErrors()); n != len(names) {
		return fmt.Errorf("%w: %d instead of %d operation errors", errInvalidResponse, n, len(names))
	}
	for n, operationErr := range multi.OperationErrors() {
		var aborted *serviceerror.MultiOperationAborted
		if operationErr != nil && !errors.As(operationErr, &aborted) {
			return fmt.Errorf("failed workflow %s: %w", names[n], operationErr)
		}
	}
	return err
}
