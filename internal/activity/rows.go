package activity

import (
	"maps"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runchain"
	"github.com/perdure/perdure/internal/searchattribute"
)

// Division is the namespace division in which rows of activities are, which keeps them
// out of lists of workflows: the number by which Temporal servers know the kind.
const Division = "3332429922"

// divisionAttribute is the search attribute that says so.
const divisionAttribute = "TemporalNamespaceDivision"

// listing is what lists know of a run that may change before it closes.
type listing struct {
	status    enumspb.ActivityExecutionStatus
	queue     string
	execution int64 // time, unix nanoseconds
}

func (r *Run) listing() listing {
	return listing{r.status(), r.act().TaskQueue, r.act().FirstScheduledTime.AsTime().UnixNano()}
}

// noteRow notes the run's row if the step has changed what is in it.
func (r *Run) noteRow(step *entity.Step) {
	if now := r.listing(); now != r.listed && step.Indexed() {
		r.listed = now
		step.Index(entity.IndexEntry{ID: r.rec.RunId, Row: runchain.MustMarshal(r.Row())})
	}
}

// rowStatus is the status of a run as rows have it, where that of a workflow stands.
var rowStatus = map[enumspb.ActivityExecutionStatus]enumspb.WorkflowExecutionStatus{
	enumspb.ACTIVITY_EXECUTION_STATUS_RUNNING:    enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
	enumspb.ACTIVITY_EXECUTION_STATUS_COMPLETED:  enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED,
	enumspb.ACTIVITY_EXECUTION_STATUS_FAILED:     enumspb.WORKFLOW_EXECUTION_STATUS_FAILED,
	enumspb.ACTIVITY_EXECUTION_STATUS_CANCELED:   enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED,
	enumspb.ACTIVITY_EXECUTION_STATUS_TERMINATED: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED,
	enumspb.ACTIVITY_EXECUTION_STATUS_TIMED_OUT:  enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT,
	enumspb.ACTIVITY_EXECUTION_STATUS_PAUSED:     enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED,
}

// ListedStatus is the status that a row says.
func ListedStatus(row enumspb.WorkflowExecutionStatus) enumspb.ActivityExecutionStatus {
	for status, listed := range rowStatus {
		if listed == row {
			return status
		}
	}
	return enumspb.ACTIVITY_EXECUTION_STATUS_UNSPECIFIED
}

// Row is what lists and counts know of the run: the id of the activity stands where that
// of a workflow does, and its type likewise.
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
		WorkflowType:         r.act().ActivityType,
		TaskQueue:            r.act().TaskQueue,
		Status:               rowStatus[r.status()],
		StartTime:            r.rec.ScheduleTime,
		ExecutionTime:        r.act().FirstScheduledTime,
		CloseTime:            r.rec.CloseTime,
		SearchAttributes:     &commonpb.SearchAttributes{IndexedFields: attributes},
		HistorySize:          int64(r.size),
		StateTransitionCount: r.rec.TransitionCount,
	}
}
