package batch

import (
	"encoding/json"
	"math/bits"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/searchattribute"
)

// In lists a job looks like the workflow that a Temporal server carries it out by: of
// these names and types, and in this division, which keeps it out of lists of workflows.
const (
	Division     = "TemporalBatcher"
	workflowType = "temporal-sys-batch-workflow-protobuf"
	taskQueue    = "temporal-sys-per-ns-tq"

	memoType       = "batch_operation_type"
	memoReason     = "batch_operation_reason"
	memoQuery      = "batch_operation_visibility_query"
	memoExecutions = "batch_operation_executions"
	memoStats      = "batch_operation_stats"
)

// indexEntry is the row of the job.
func (j *Job) indexEntry() (entity.IndexEntry, error) {
	row, err := proto.Marshal(j.row())
	return entity.IndexEntry{ID: j.record.RunId, Row: row}, err
}

func (j *Job) row() *records.WorkflowRow {
	r := j.record
	keyword := func(value string) *commonpb.Payload {
		return searchattribute.Encode(value, enumspb.INDEXED_VALUE_TYPE_KEYWORD)
	}
	memo := map[string]*commonpb.Payload{
		memoType:   plain(operationOf(r.Request).memo),
		memoReason: plain(r.Request.GetReason()),
	}
	if query := r.Request.GetVisibilityQuery(); query != "" {
		memo[memoQuery] = plain(query)
	}
	if executions := Executions(r.Request); len(executions) > 0 {
		memo[memoExecutions] = plain(executions)
	}
	if r.Status == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
		memo[memoStats] = plain(struct{ NumSuccess, NumFailure int64 }{j.progress.Complete, j.progress.Failed})
	}
	return &records.WorkflowRow{
		WorkflowId: j.key.ID, RunId: r.RunId, FirstRunId: r.RunId,
		WorkflowType: workflowType, TaskQueue: taskQueue,
		Status: r.Status, StartTime: r.StartTime, ExecutionTime: r.StartTime, CloseTime: r.CloseTime,
		Memo: &commonpb.Memo{Fields: memo},
		SearchAttributes: &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{
			"BatcherUser":               keyword(Identity(r.Request)),
			"TemporalNamespaceDivision": keyword(Division),
		}},
		Root: &commonpb.WorkflowExecution{WorkflowId: j.key.ID, RunId: r.RunId},
	}
}

// plain encodes a value as SDKs do.
func plain(value any) *commonpb.Payload {
	data, err := json.Marshal(value)
	if err != nil {
		panic("batch: a value of the memo does not encode: " + err.Error())
	}
	return &commonpb.Payload{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: data}
}

// isDone reports whether a bit is set.
func isDone(done []byte, i int) bool { return i/8 < len(done) && done[i/8]&(1<<(i%8)) != 0 }

func countDone(done []byte) (n int) {
	for _, b := range done {
		n += bits.OnesCount8(b)
	}
	return n
}
