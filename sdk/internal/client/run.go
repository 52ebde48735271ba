package client

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/failure"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// WorkflowRun is a workflow that was started, or that is assumed to have been. It is
// safe for concurrent use.
type WorkflowRun interface {
	// GetID returns the workflow id, which all runs of the workflow have.
	GetID() string

	// GetRunID returns the run id. Once Get has followed the workflow to a later run, it
	// is that run's. For a workflow named without a run, the server is asked for the
	// current one; the run id is empty if that fails.
	GetRunID() string

	// GetFirstExecutionRunID returns the id of the first of the runs that follow one
	// another by continue-as-new, retry or cron. It is empty if the run comes from
	// GetWorkflow or from a server that does not say.
	GetFirstExecutionRunID() string

	// Get waits for the workflow to close, and decodes its result into what valuePtr
	// points to, which should be a new value: what is in it stays where the result says
	// nothing. A nil valuePtr only waits. It waits as long as ctx allows, across restarts
	// of the server; no worker need be there. It can be called again, and by many.
	//
	// If the workflow did not complete, it returns a [*temporal.WorkflowExecutionError] that
	// says why. Other errors are about the call: [*serviceerror.NotFound] if there is no such
	// workflow or its retention is over, the error of ctx, that of decoding the result.
	//
	// It follows the workflow through continue-as-new, retry and cron to the last run.
	Get(ctx context.Context, valuePtr any) error

	// GetWithOptions is Get with a choice of whether to follow.
	GetWithOptions(ctx context.Context, valuePtr any, options WorkflowRunGetOptions) error
}

// WorkflowRunGetOptions are the options of WorkflowRun.GetWithOptions.
type WorkflowRunGetOptions struct {
	// DisableFollowingRuns returns the result of this very run. A run that continued as
	// new has a [*workflow.ContinueAsNewError] for a result.
	DisableFollowingRuns bool
}

type workflowRun struct {
	client       *Client
	ctx          context.Context // of GetWorkflow, for GetRunID, which takes none
	workflowType string          // empty if not known
	taskQueue    string          // on which it was started, empty if not known
	workflowID   string
	firstRunID   string
	dc           converter.DataConverter
	fc           converter.FailureConverter

	mu    sync.Mutex
	runID string // empty while not known
}

func (c *Client) newRun(workflowType, taskQueue, workflowID, runID, firstRunID string) *workflowRun {
	dc, fc := c.resultConverters(workflowID)
	return &workflowRun{
		client:       c,
		ctx:          context.Background(),
		workflowType: workflowType,
		taskQueue:    taskQueue,
		workflowID:   workflowID,
		runID:        runID,
		firstRunID:   firstRunID,
		dc:           dc,
		fc:           fc,
	}
}

// GetWorkflow returns the run of a workflow, without asking the server about it.
func (c *Client) GetWorkflow(ctx context.Context, workflowID, runID string) WorkflowRun {
	run := c.newRun("", "", workflowID, runID, "")
	run.ctx = ctx
	return run
}

func (r *workflowRun) GetID() string { return r.workflowID }

func (r *workflowRun) GetFirstExecutionRunID() string { return r.firstRunID }

func (r *workflowRun) GetRunID() string { return r.currentRunID(r.ctx) }

// currentRunID returns the run id, if need be from the server.
func (r *workflowRun) currentRunID(ctx context.Context) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.runID == "" {
		description, err := r.client.DescribeWorkflowExecution(ctx, r.workflowID, "")
		if err != nil {
			// Left unknown: whatever is asked for next gets the error again, and has a
			// way to return it.
			return ""
		}
		r.runID = description.GetWorkflowExecutionInfo().GetExecution().GetRunId()
	}
	return r.runID
}

func (r *workflowRun) Get(ctx context.Context, valuePtr any) error {
	return r.GetWithOptions(ctx, valuePtr, WorkflowRunGetOptions{})
}

func (r *workflowRun) GetWithOptions(ctx context.Context, valuePtr any, options WorkflowRunGetOptions) error {
	if valuePtr != nil && reflect.TypeOf(valuePtr).Kind() != reflect.Pointer {
		return errors.New("value parameter is not a pointer")
	}
	runID := r.currentRunID(ctx)
	if r.workflowType != "" {
		ctx = r.client.measured(ctx, r.workflowType, r.taskQueue)
	}
	for {
		events := r.client.GetWorkflowHistory(ctx, r.workflowID, runID, true, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
		if !events.HasNext() {
			return fmt.Errorf("the server returned no close event for workflow %q, run %q", r.workflowID, runID)
		}
		event, err := events.Next()
		if err != nil {
			return err
		}
		next := nextRunID(event)
		if options.DisableFollowingRuns || next == "" {
			if err := r.client.storage.Retrieve(ctx, event); err != nil {
				return err
			}
			return r.outcome(event, runID, valuePtr)
		}
		runID = next
		r.mu.Lock()
		r.runID = next
		r.mu.Unlock()
	}
}

// nextRunID returns the id of the run that follows the one that event closed, or an
// empty string if there is none.
func nextRunID(event *historypb.HistoryEvent) string {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		return event.GetWorkflowExecutionCompletedEventAttributes().GetNewExecutionRunId()
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		return event.GetWorkflowExecutionFailedEventAttributes().GetNewExecutionRunId()
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		return event.GetWorkflowExecutionTimedOutEventAttributes().GetNewExecutionRunId()
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
	default:
		return ""
	}
}

// outcome decodes the result of the run that event closed, or returns its error.
func (r *workflowRun) outcome(event *historypb.HistoryEvent, runID string, valuePtr any) error {
	var cause error
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		result := event.GetWorkflowExecutionCompletedEventAttributes().GetResult()
		if valuePtr == nil || result == nil {
			return nil
		}
		return r.dc.FromPayloads(result, valuePtr)
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		cause = r.fc.FailureToError(event.GetWorkflowExecutionFailedEventAttributes().GetFailure())
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		details := event.GetWorkflowExecutionCanceledEventAttributes().GetDetails()
		cause = failure.NewCanceledError(failure.CanceledErrorOptions{Details: []any{encoded.NewValues(details, r.dc)}})
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:
		cause = failure.NewTerminatedError()
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		cause = failure.NewTimeoutError("Workflow timeout", enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil)
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		attributes := event.GetWorkflowExecutionContinuedAsNewEventAttributes()
		return &failure.ContinueAsNewError{
			WorkflowType:        &execution.WorkflowType{Name: attributes.GetWorkflowType().GetName()},
			Input:               attributes.GetInput(),
			Header:              attributes.GetHeader(),
			TaskQueueName:       attributes.GetTaskQueue().GetName(),
			WorkflowRunTimeout:  attributes.GetWorkflowRunTimeout().AsDuration(),
			WorkflowTaskTimeout: attributes.GetWorkflowTaskTimeout().AsDuration(),
		}
	default:
		return fmt.Errorf("unexpected event type %s when handling workflow execution result", event.GetEventType())
	}
	return failure.NewWorkflowExecutionError(r.workflowID, runID, r.workflowType, cause)
}
