package nexusoperation

import (
	"encoding/json"
	"maps"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runchain"
	"github.com/perdure/perdure/internal/searchattribute"
)

// Division is the namespace division in which rows of operations are, which keeps them
// out of lists of workflows: the number by which Temporal servers know the kind.
const Division = "131748067"

// divisionAttribute is the search attribute that says so.
const divisionAttribute = "TemporalNamespaceDivision"

// noteRow notes the run's row if the step has changed what is in it.
func (r *Run) noteRow(step *entity.Step) {
	if r.rec.Status != r.listed && step.Indexed() {
		r.listed = r.rec.Status
		step.Index(entity.IndexEntry{ID: r.rec.RunId, Row: runchain.MustMarshal(r.Row())})
	}
}

// ListedStatus is the status that a row says.
func ListedStatus(row enumspb.WorkflowExecutionStatus) enumspb.NexusOperationExecutionStatus {
	for status, listed := range rowStatus {
		if listed == row {
			return status
		}
	}
	return enumspb.NEXUS_OPERATION_EXECUTION_STATUS_UNSPECIFIED
}

// rowStatus is the status of a run as rows have it, where that of a workflow stands.
var rowStatus = map[enumspb.NexusOperationExecutionStatus]enumspb.WorkflowExecutionStatus{
	enumspb.NEXUS_OPERATION_EXECUTION_STATUS_RUNNING:    enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
	enumspb.NEXUS_OPERATION_EXECUTION_STATUS_COMPLETED:  enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED,
	enumspb.NEXUS_OPERATION_EXECUTION_STATUS_FAILED:     enumspb.WORKFLOW_EXECUTION_STATUS_FAILED,
	enumspb.NEXUS_OPERATION_EXECUTION_STATUS_CANCELED:   enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED,
	enumspb.NEXUS_OPERATION_EXECUTION_STATUS_TERMINATED: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED,
	enumspb.NEXUS_OPERATION_EXECUTION_STATUS_TIMED_OUT:  enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT,
}

// serviceField is the field of the memo of a row that has the service.
const serviceField = "Service"

// ListedService is the service that a row says.
func ListedService(row *records.WorkflowRow) string {
	var service string
	_ = json.Unmarshal(row.GetMemo().GetFields()[serviceField].GetData(), &service) // the server's own
	return service
}

// Row is what lists and counts know of the run: the id of the operation stands where that of
// a workflow does, its name where the type does, the endpoint where the task queue does.
func (r *Run) Row() *records.WorkflowRow {
	attributes := maps.Clone(r.rec.SearchAttributes.GetIndexedFields())
	if attributes == nil {
		attributes = make(map[string]*commonpb.Payload, 1)
	}
	attributes[divisionAttribute] = searchattribute.Encode(Division, enumspb.INDEXED_VALUE_TYPE_KEYWORD)
	return &records.WorkflowRow{
		WorkflowId:           r.chain.Key().ID,
		RunId:                r.rec.RunId,
		FirstRunId:           r.rec.RunId,
		WorkflowType:         r.op().Operation,
		TaskQueue:            r.op().Endpoint,
		Status:               rowStatus[r.rec.Status],
		StartTime:            r.op().ScheduledTime,
		ExecutionTime:        r.op().ScheduledTime,
		CloseTime:            r.rec.CloseTime,
		SearchAttributes:     &commonpb.SearchAttributes{IndexedFields: attributes},
		Memo:                 &commonpb.Memo{Fields: map[string]*commonpb.Payload{serviceField: searchattribute.Encode(r.op().Service, enumspb.INDEXED_VALUE_TYPE_KEYWORD)}},
		HistorySize:          int64(r.size),
		StateTransitionCount: r.rec.TransitionCount,
	}
}
