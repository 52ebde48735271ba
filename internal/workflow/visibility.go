package workflow

import (
	"context"
	"errors"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// The index of workflows has a row for each run, by run id: a records.WorkflowRow.
// It is noted when the run starts and when it closes, and when what lists show of it
// changes in between; its removal when the run is deleted.

// noteRow notes the run's row if the step has changed what is in it.
func (r *Run) noteRow(step *entity.Step) {
	if (r.dirty.visible || r.dirty.memo || r.dirty.searchAttributes) && step.Indexed() {
		step.Index(entity.IndexEntry{ID: r.info.RunId, Row: mustMarshal(r.row())})
	}
}

// row is what lists and counts know of the run.
func (r *Run) row() *records.WorkflowRow {
	row := &records.WorkflowRow{
		WorkflowId:           r.chain.key.ID,
		RunId:                r.info.RunId,
		FirstRunId:           r.info.FirstRunId,
		WorkflowType:         r.info.WorkflowType,
		TaskQueue:            r.info.TaskQueue,
		Status:               r.state.Status,
		StartTime:            r.info.StartTime,
		ExecutionTime:        r.info.ExecutionTime,
		CloseTime:            r.state.CloseTime,
		Memo:                 r.info.Memo,
		SearchAttributes:     r.info.SearchAttributes,
		Root:                 r.root(),
		HistoryLength:        r.state.NextEventId - 1,
		HistorySize:          r.state.HistorySize,
		StateTransitionCount: r.state.StateTransitionCount,
		BuildIds:             r.buildIDs(),
	}
	if p := r.info.Parent; p != nil {
		if parent := parentKey(p); parent.Kind == entity.KindWorkflow {
			row.ParentNamespaceId = parent.Namespace
			row.Parent = &commonpb.WorkflowExecution{WorkflowId: parent.ID, RunId: p.RunId}
		}
	}
	return row
}

// removeRow takes a deleted run out of the index.
func removeRow(step *entity.Step, runID string) {
	if step.Indexed() {
		step.Index(entity.IndexEntry{ID: runID})
	}
}

// buildIDs are the builds of the workers that have completed workflow tasks of the
// run, as far as its reset points tell.
func (r *Run) buildIDs() (ids []string) {
	for _, p := range r.resetPoints.points.GetPoints() {
		if p.GetBuildId() != "" && p.GetRunId() == r.info.RunId {
			ids = append(ids, p.GetBuildId())
		}
	}
	return ids
}

// IndexRows implements entity.Indexed. Of a run it reads what is in its row only.
func (m *machine) IndexRows(_ context.Context, reader entity.Reader, key entity.Key) (entries []entity.IndexEntry, err error) {
	c := &Chain{config: &m.config, key: key}
	var run *Run
	var runID string
	add := func() {
		if run != nil && run.info != nil && run.state != nil {
			entries = append(entries, entity.IndexEntry{ID: run.info.RunId, Row: mustMarshal(run.row())})
		}
		run = nil
	}
	var bad error
	err = reader.Scan([]byte{'r'}, nil, false, func(record, value []byte) bool {
		id, rest, err := entity.DecodeString(record[1:])
		if bad = err; err != nil || len(rest) == 0 {
			return err == nil
		}
		if run == nil || id != runID {
			add()
			run, runID = &Run{chain: c}, id
		}
		switch rest[0] {
		case letterInfo, letterState, letterResetPoints:
			if bad = run.loadRecord(rest[0], rest[1:], value); bad != nil {
				bad = fmt.Errorf("workflow: run %s of %v: %w", id, key, bad)
			}
		}
		return bad == nil
	})
	add()
	if err := errors.Join(err, bad); err != nil {
		return entries, err
	}
	imports, err := c.importRows(reader)
	return append(entries, imports...), err
}
