package batch

import (
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
)

// The operations of the API, by their messages in StartBatchOperationRequest.
type (
	termination           = workflowservice.StartBatchOperationRequest_TerminationOperation
	signal                = workflowservice.StartBatchOperationRequest_SignalOperation
	cancellation          = workflowservice.StartBatchOperationRequest_CancellationOperation
	deletion              = workflowservice.StartBatchOperationRequest_DeletionOperation
	reset                 = workflowservice.StartBatchOperationRequest_ResetOperation
	updateWorkflowOptions = workflowservice.StartBatchOperationRequest_UpdateWorkflowOptionsOperation
	unpauseActivities     = workflowservice.StartBatchOperationRequest_UnpauseActivitiesOperation
	resetActivities       = workflowservice.StartBatchOperationRequest_ResetActivitiesOperation
	updateActivityOptions = workflowservice.StartBatchOperationRequest_UpdateActivityOptionsOperation
	cancelActivities      = workflowservice.StartBatchOperationRequest_CancelActivitiesOperation
	terminateActivities   = workflowservice.StartBatchOperationRequest_TerminateActivitiesOperation
	deleteActivities      = workflowservice.StartBatchOperationRequest_DeleteActivitiesOperation
)

// operation is what is known of a kind of operation.
type operation struct {
	kind enumspb.BatchOperationType
	// memo is its name in the memo of rows.
	memo string
	// closed: it acts on closed runs, too.
	closed bool
	// standalone: it acts on activities that have no workflow.
	standalone bool
	// identity is who asks for it, as the operation says.
	identity string
}

// operationOf is the operation of a request; the zero value if it has none that is known.
func operationOf(req *workflowservice.StartBatchOperationRequest) operation {
	switch o := req.GetOperation().(type) {
	case *termination:
		return operation{kind: enumspb.BATCH_OPERATION_TYPE_TERMINATE_WORKFLOW, memo: "terminate", identity: o.TerminationOperation.GetIdentity()}
	case *signal:
		return operation{kind: enumspb.BATCH_OPERATION_TYPE_SIGNAL_WORKFLOW, memo: "signal", identity: o.SignalOperation.GetIdentity()}
	case *cancellation:
		return operation{kind: enumspb.BATCH_OPERATION_TYPE_CANCEL_WORKFLOW, memo: "cancel", identity: o.CancellationOperation.GetIdentity()}
	case *deletion:
		return operation{kind: enumspb.BATCH_OPERATION_TYPE_DELETE_WORKFLOW, memo: "delete", identity: o.DeletionOperation.GetIdentity(), closed: true}
	case *reset:
		return operation{kind: enumspb.BATCH_OPERATION_TYPE_RESET_WORKFLOW, memo: "reset", identity: o.ResetOperation.GetIdentity(), closed: true}
	case *updateWorkflowOptions:
		return operation{kind: enumspb.BATCH_OPERATION_TYPE_UPDATE_WORKFLOW_EXECUTION_OPTIONS, memo: "update_options", identity: o.UpdateWorkflowOptionsOperation.GetIdentity()}
	case *unpauseActivities:
		return operation{kind: enumspb.BATCH_OPERATION_TYPE_UNPAUSE_ACTIVITY, memo: "unpause_activities", identity: o.UnpauseActivitiesOperation.GetIdentity()}
	case *resetActivities:
		return operation{kind: enumspb.BATCH_OPERATION_TYPE_RESET_ACTIVITY, memo: "reset_activities", identity: o.ResetActivitiesOperation.GetIdentity()}
	case *updateActivityOptions:
		return operation{kind: enumspb.BATCH_OPERATION_TYPE_UPDATE_ACTIVITY_OPTIONS, memo: "update_activity_options", identity: o.UpdateActivityOptionsOperation.GetIdentity()}
	case *cancelActivities:
		return operation{kind: enumspb.BATCH_OPERATION_TYPE_CANCEL_ACTIVITY, memo: "cancel_activities", identity: o.CancelActivitiesOperation.GetIdentity(), standalone: true}
	case *terminateActivities:
		return operation{kind: enumspb.BATCH_OPERATION_TYPE_TERMINATE_ACTIVITY, memo: "terminate_activities", identity: o.TerminateActivitiesOperation.GetIdentity(), standalone: true}
	case *deleteActivities:
		return operation{kind: enumspb.BATCH_OPERATION_TYPE_DELETE_ACTIVITY, memo: "delete_activities", closed: true, standalone: true}
	}
	return operation{}
}

// Type is the type of the operation.
func Type(req *workflowservice.StartBatchOperationRequest) enumspb.BatchOperationType {
	return operationOf(req).kind
}

// TypeOfMemo is the type of the operation that the memo of a row tells of.
func TypeOfMemo(memo *commonpb.Memo) enumspb.BatchOperationType {
	return typesByMemo[strings.Trim(string(memo.GetFields()[memoType].GetData()), `"`)]
}

// typesByMemo are the types of operations by their names in memos.
var typesByMemo = func() map[string]enumspb.BatchOperationType {
	types := make(map[string]enumspb.BatchOperationType)
	for _, example := range []*workflowservice.StartBatchOperationRequest{
		{Operation: &termination{}}, {Operation: &signal{}}, {Operation: &cancellation{}}, {Operation: &deletion{}},
		{Operation: &reset{}}, {Operation: &updateWorkflowOptions{}}, {Operation: &unpauseActivities{}},
		{Operation: &resetActivities{}}, {Operation: &updateActivityOptions{}},
		{Operation: &cancelActivities{}}, {Operation: &terminateActivities{}}, {Operation: &deleteActivities{}},
	} {
		o := operationOf(example)
		types[o.memo] = o.kind
	}
	return types
}()

// Identity is who asks for the operation.
func Identity(req *workflowservice.StartBatchOperationRequest) string {
	return operationOf(req).identity
}

// Standalone reports whether the operation is about activities that have no workflow.
func Standalone(req *workflowservice.StartBatchOperationRequest) bool {
	return operationOf(req).standalone
}

// Executions are the executions that the request names.
func Executions(req *workflowservice.StartBatchOperationRequest) []*commonpb.Execution {
	if named := req.GetTargetExecutions(); len(named) > 0 {
		return named
	}
	//lint:ignore SA1019 clients still use it
	old := req.GetExecutions()
	named := make([]*commonpb.Execution, len(old))
	for i, execution := range old {
		named[i] = &commonpb.Execution{Type: executionType(req), BusinessId: execution.GetWorkflowId(), RunId: execution.GetRunId()}
	}
	return named
}

// executionType is the type of executions that the operation acts on.
func executionType(req *workflowservice.StartBatchOperationRequest) enumspb.ExecutionType {
	if Standalone(req) {
		return enumspb.EXECUTION_TYPE_ACTIVITY
	}
	return enumspb.EXECUTION_TYPE_WORKFLOW
}

// Query is the query of the executions that the operation acts on, or "" if the request
// names them: those that the query of the request finds and that the operation can do
// anything to.
func Query(req *workflowservice.StartBatchOperationRequest) string {
	query := req.GetVisibilityQuery()
	if query == "" {
		return ""
	}
	if o, ok := req.GetOperation().(*unpauseActivities); ok && o.UnpauseActivitiesOperation.GetType() != "" {
		query = "TemporalPauseInfo = " + quoted("property:activityType="+o.UnpauseActivitiesOperation.GetType()) + " AND (" + query + ")"
	}
	if operationOf(req).closed {
		return query
	}
	return "(" + query + ") AND (ExecutionStatus = 'Running' OR ExecutionStatus = 'Paused')"
}

// quoted is a text as a string of a query.
func quoted(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

func invalid(format string, args ...any) error {
	return serviceerror.NewInvalidArgumentf(format, args...)
}
