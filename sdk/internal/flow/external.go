package flow

import (
	"cmp"
	"errors"
	"fmt"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/failure"
)

var errNoWorkflowID = errors.New("workflowId is not set")

// SignalExternalWorkflow signals another workflow, of its namespace unless
// WithWorkflowNamespace says otherwise. An empty runID means the current run.
// The future has no value; it fails with an
// UnknownExternalWorkflowExecutionError if there is no such workflow.
func SignalExternalWorkflow(ctx Context, workflowID, runID, signalName string, arg any) Future {
	r := enterMutable(ctx).run
	return r.outbound.SignalExternalWorkflow(r.outgoing(ctx), workflowID, runID, signalName, arg)
}

func (o outbound) SignalExternalWorkflow(ctx Context, workflowID, runID, signalName string, arg any) Future {
	return o.mutable().signalExternal(ctx, workflowID, runID, signalName, arg, false)
}

func (o outbound) SignalChildWorkflow(ctx Context, workflowID, signalName string, arg any) Future {
	return o.mutable().signalExternal(ctx, workflowID, "", signalName, arg, true)
}

func (r *run) signalExternal(ctx Context, workflowID, runID, name string, arg any, childOnly bool) Future {
	options := workflowOptionsOf(ctx)
	f := &future{}
	if workflowID == "" {
		f.SetError(errNoWorkflowID)
		return f
	}
	dc := converterFor(ctx, converter.WorkflowSerializationContext{
		Namespace:  cmp.Or(options.Namespace, r.info.Namespace),
		WorkflowID: workflowID,
	})
	input, err := dc.ToPayloads(arg)
	if err != nil {
		f.SetError(err)
		return f
	}
	header, err := r.headerFrom(ctx)
	if err != nil {
		f.SetError(err)
		return f
	}
	r.machine.SignalExternal(&commandpb.SignalExternalWorkflowExecutionCommandAttributes{
		//lint:ignore SA1019 the field is how a workflow in another namespace is named
		Namespace:         options.Namespace,
		Execution:         &commonpb.WorkflowExecution{WorkflowId: workflowID, RunId: runID},
		SignalName:        name,
		Input:             input,
		ChildWorkflowOnly: childOnly,
		Header:            header,
	}, func(failed *historypb.SignalExternalWorkflowExecutionFailedEventAttributes) {
		if failed == nil {
			f.Set(nil, nil)
			return
		}
		switch failed.GetCause() {
		case enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND:
			f.SetError(&failure.UnknownExternalWorkflowExecutionError{})
		case enumspb.SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND:
			f.SetError(&failure.NamespaceNotFoundError{})
		default:
			f.SetError(fmt.Errorf("unable to signal external workflow for unknown cause: %v", failed.GetCause()))
		}
	})
	return f
}

// RequestCancelExternalWorkflow asks another workflow, of its namespace unless
// WithWorkflowNamespace says otherwise, to cancel. An empty runID means the
// current run. The future is ready when the request was delivered; it fails
// with an UnknownExternalWorkflowExecutionError if there is no such workflow.
func RequestCancelExternalWorkflow(ctx Context, workflowID, runID string) Future {
	return mutableCalls(ctx).RequestCancelExternalWorkflow(ctx, workflowID, runID)
}

func (o outbound) RequestCancelExternalWorkflow(ctx Context, workflowID, runID string) Future {
	r := o.mutable()
	f := &future{}
	if workflowID == "" {
		f.SetError(errNoWorkflowID)
		return f
	}
	r.machine.CancelExternal(&commandpb.RequestCancelExternalWorkflowExecutionCommandAttributes{
		//lint:ignore SA1019 the field is how a workflow in another namespace is named
		Namespace:  workflowOptionsOf(ctx).Namespace,
		WorkflowId: workflowID,
		RunId:      runID,
	}, func(failed *historypb.RequestCancelExternalWorkflowExecutionFailedEventAttributes) {
		if failed == nil {
			f.Set(nil, nil)
			return
		}
		switch failed.GetCause() {
		case enumspb.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_EXTERNAL_WORKFLOW_EXECUTION_NOT_FOUND:
			f.SetError(&failure.UnknownExternalWorkflowExecutionError{})
		case enumspb.CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED_CAUSE_NAMESPACE_NOT_FOUND:
			f.SetError(&failure.NamespaceNotFoundError{})
		default:
			f.SetError(fmt.Errorf("unable to cancel external workflow for unknown cause: %v", failed.GetCause()))
		}
	})
	return f
}
