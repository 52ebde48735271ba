package activity

import (
	"context"
	"errors"
	"fmt"
	"maps"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
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
		step.Index(entity.IndexEntry{ID: r.rec.RunId, Row: mustMarshal(r.row())})
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

// row is what lists and counts know of the run: the id of the activity stands where that
// of a workflow does, and its type likewise.
func (r *Run) row() *records.WorkflowRow {
	attributes := maps.Clone(r.rec.SearchAttributes.GetIndexedFields())
	if attributes == nil {
		attributes = make(map[string]*commonpb.Payload, 1)
	}
	attributes[divisionAttribute] = searchattribute.Encode(Division, enumspb.INDEXED_VALUE_TYPE_KEYWORD)
	return &records.WorkflowRow{
		WorkflowId:           r.chain.key.ID,
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

// IndexRows implements entity.Indexed.
func (m *machine) IndexRows(_ context.Context, reader entity.Reader, key entity.Key) (entries []entity.IndexEntry, err error) {
	err = m.runs(reader, key, func(r *Run) error {
		entries = append(entries, entity.IndexEntry{ID: r.rec.RunId, Row: mustMarshal(r.row())})
		return nil
	})
	return entries, err
}

// Verify implements entity.Verifier: every run has what it was started with, and a closed
// one its outcome.
func (m *machine) Verify(_ context.Context, reader entity.Reader, key entity.Key) (problems []error) {
	err := m.runs(reader, key, func(r *Run) error {
		if _, err := r.requestOf(func() entity.Reader { return reader }); err != nil {
			problems = append(problems, err)
		}
		if _, err := r.readOutcome(reader); err != nil {
			problems = append(problems, err)
		}
		return nil
	})
	if err != nil {
		problems = append(problems, err)
	}
	return problems
}

// runs visits all runs of an activity, as they are in their records.
func (m *machine) runs(reader entity.Reader, key entity.Key, visit func(*Run) error) error {
	c := &Chain{config: &m.config, key: key}
	var found []*Run
	var bad error
	err := reader.Scan([]byte{letterRuns}, nil, false, func(record, value []byte) bool {
		runID, rest, err := entity.DecodeString(record[1:])
		if err != nil || len(rest) != 1 {
			bad = fmt.Errorf("activity: record %q of %v is of no run", record, key)
			return false
		}
		if rest[0] != letterRun {
			return true
		}
		rec := new(records.ActivityRun)
		if err := proto.Unmarshal(value, rec); err != nil {
			bad = fmt.Errorf("activity: run %s of %v: %w", runID, key, err)
			return false
		}
		found = append(found, &Run{chain: c, rec: rec, size: len(value)})
		return true
	})
	if err := errors.Join(err, bad); err != nil {
		return err
	}
	for _, r := range found {
		if err := visit(r); err != nil {
			return err
		}
	}
	return nil
}
