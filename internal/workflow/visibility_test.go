package workflow

import (
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// rows are the rows of the last step, by run id; nil for one that is removed.
func (e *engine) rows() map[string]*records.WorkflowRow {
	e.t.Helper()
	rows := make(map[string]*records.WorkflowRow)
	for _, entry := range e.last.Index {
		if entry.Row == nil {
			rows[entry.ID] = nil
			continue
		}
		row := new(records.WorkflowRow)
		if err := proto.Unmarshal(entry.Row, row); err != nil {
			e.t.Fatalf("row of %s: %v", entry.ID, err)
		}
		rows[entry.ID] = row
	}
	return rows
}

func TestARunIsIndexedWhenItStartsAndWhenItCloses(t *testing.T) {
	w := newWorkflow(t)
	w.start(func(req *startRequest) { req.Memo = &commonpb.Memo{Fields: payloadsByName("note", "x")} })
	row := w.rows()[w.runID()]
	if row.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING || row.WorkflowId != "w" || row.Memo.GetFields()["note"] == nil || row.CloseTime != nil {
		t.Errorf("row is %v", row)
	}
	task := w.poll()
	if len(w.rows()) != 0 {
		t.Errorf("a poll is indexed: %v", w.rows())
	}
	w.complete(task, completeWorkflow("done"))
	row = w.rows()[w.runID()]
	if row.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED || row.CloseTime == nil || row.HistoryLength != 5 || row.HistorySize == 0 {
		t.Errorf("row is %v", row)
	}
}

func TestARunIsIndexedWhenItsMemoOrItsSearchAttributesChange(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.decide(modifyProperties(&commonpb.Memo{Fields: payloadsByName("note", "x")}))
	if row := w.rows()[w.runID()]; row.GetMemo().GetFields()["note"] == nil {
		t.Errorf("row is %v", row)
	}
	w.signal("s")
	w.decide(upsertSearchAttributes(searchAttributes("a", "x")))
	if row := w.rows()[w.runID()]; row.GetSearchAttributes().GetIndexedFields()["a"] == nil {
		t.Errorf("row is %v", row)
	}
	w.signal("s")
	if len(w.rows()) != 0 {
		t.Errorf("a signal is indexed: %v", w.rows())
	}
}

func TestADeletedRunIsTakenOutOfTheIndex(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	runID := w.runID()
	w.must(func(step *entity.Step, c *Chain) error {
		return c.Delete(step, &workflowservice.DeleteWorkflowExecutionRequest{})
	})
	if row, ok := w.rows()[runID]; !ok || row != nil {
		t.Errorf("row is %v, noted: %v", row, ok)
	}
}

func payloadsByName(name, value string) map[string]*commonpb.Payload {
	return map[string]*commonpb.Payload{name: payload(value)}
}
