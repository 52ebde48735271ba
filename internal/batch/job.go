package batch

import (
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Job is one batch operation.
type Job struct {
	key       entity.Key
	retention func(namespaceID string) time.Duration

	// record and progress are nil if there is no such job. The request of the record is
	// never changed.
	record   *records.BatchJob
	progress *records.BatchProgress
	// changed and progressed say which of them the step has to write.
	changed, progressed bool
	size                int // of both, in bytes
}

// errEnded is returned to a Runner that works on a job that has ended, or that has been
// given to another one.
var errEnded = errors.New("the batch job has ended")

// Start begins the job. The request has been checked, and belongs to the job. Total is how
// many items there probably are. A job id is used once, as long as the job is kept.
func (j *Job) Start(step *entity.Step, req *workflowservice.StartBatchOperationRequest, total int64) error {
	if r := j.record; r != nil {
		text := "Workflow execution is already running. WorkflowId: %s, RunId: %s."
		if r.CloseTime != nil {
			text = "Workflow execution already finished. WorkflowId: %s, RunId: %s. Workflow Id reuse policy: reject duplicate workflow Id."
		}
		return serviceerror.NewWorkflowExecutionAlreadyStarted(fmt.Sprintf(text, j.key.ID, r.RunId), "", r.RunId)
	}
	j.record = &records.BatchJob{
		Request:   req,
		RunId:     step.NewID(),
		Status:    enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
		StartTime: timestamppb.New(step.Now),
		Total:     total,
	}
	j.progress = new(records.BatchProgress)
	j.changed, j.progressed = true, true
	if items := namedItems(req); len(items) > 0 {
		j.addPage(step, items, nil)
	}
	j.record.TaskId = step.AddTask(&entity.Task{Queue: Queue, Entity: j.key, Created: step.Now})
	return nil
}

// namedItems are the executions that the request names.
func namedItems(req *workflowservice.StartBatchOperationRequest) (items []*records.BatchItem) {
	for _, execution := range Executions(req) {
		items = append(items, &records.BatchItem{Id: execution.GetBusinessId(), RunId: execution.GetRunId()})
	}
	return items
}

// Stop ends the job. What is under way is finished, and counted.
func (j *Job) Stop(step *entity.Step) error {
	switch {
	case j.record == nil:
		return errNotFound(j.key.ID)
	case j.record.CloseTime != nil:
		return serviceerror.NewNotFound("workflow execution already completed")
	}
	j.close(step, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED)
	return nil
}

func errNotFound(jobID string) error {
	return serviceerror.NewNotFoundf("workflow not found for ID: %s", jobID)
}

// Fail ends the job because of what keeps it from going on.
func (j *Job) Fail(step *entity.Step, task *entity.Task, cause error) error {
	if !j.running(task) {
		return errEnded
	}
	j.record.Failure = cause.Error()
	j.close(step, enumspb.WORKFLOW_EXECUTION_STATUS_FAILED)
	return nil
}

func (j *Job) close(step *entity.Step, status enumspb.WorkflowExecutionStatus) {
	j.endTask(step)
	j.record.Status, j.record.CloseTime = status, timestamppb.New(step.Now)
	j.record.ListToken = nil
	step.DeletePrefix([]byte{pagePrefix})
	j.expireAt(step, j.expiry(step.Now))
}

// endTask takes the task of a running job back.
func (j *Job) endTask(step *entity.Step) {
	if j.record.CloseTime == nil {
		step.RemoveTask(entity.TaskRef{Queue: Queue, ID: j.record.TaskId})
	}
}

// of reports whether the task is, or was, the job's.
func (j *Job) of(task *entity.Task) bool { return j.record != nil && j.record.TaskId == task.ID }

// running reports whether the task is the job's, which goes on.
func (j *Job) running(task *entity.Task) bool { return j.of(task) && j.record.CloseTime == nil }

// State is a job at some time. It does not change.
type State struct {
	*records.BatchJob
	Progress *records.BatchProgress
}

// Due returns the job if the task is its task; nil if there is nothing to do for it.
func (j *Job) Due(task *entity.Task) *State {
	if !j.running(task) {
		return nil
	}
	return j.state()
}

// Describe returns the job. It fails with NotFound if there is none.
func (j *Job) Describe() (*State, error) {
	if j.record == nil {
		return nil, errNotFound(j.key.ID)
	}
	return j.state(), nil
}

func (j *Job) state() *State {
	// Only what changes is copied. The request may be large.
	record := &records.BatchJob{
		Request: j.record.Request, RunId: j.record.RunId, Status: j.record.Status,
		StartTime: j.record.StartTime, CloseTime: j.record.CloseTime,
		Total: j.record.Total, Listed: j.record.Listed, ListToken: j.record.ListToken, Pages: j.record.Pages,
		Failure: j.record.Failure,
	}
	return &State{record, proto.CloneOf(j.progress)}
}

// Page reads a page of items, one that is not done.
func (j *Job) Page(reader entity.Reader, number int64) (*records.BatchPage, error) {
	data, err := reader.Get(pageKey(number))
	if err != nil {
		return nil, err
	}
	if data == nil {
		return nil, fmt.Errorf("page %d of the batch job %s is missing", number, j.key)
	}
	page := new(records.BatchPage)
	return page, proto.Unmarshal(data, page)
}

// List adds a page of items, which the list has from a token on; next is where it goes on,
// nil at its end. A page that is known already is not added again.
func (j *Job) List(step *entity.Step, task *entity.Task, items []*records.BatchItem, from, next []byte) error {
	if !j.running(task) || j.record.Listed || string(j.record.ListToken) != string(from) {
		return errEnded
	}
	j.addPage(step, items, next)
	if j.record.Listed && j.record.Pages == 0 {
		j.close(step, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
	}
	return nil
}

func (j *Job) addPage(step *entity.Step, items []*records.BatchItem, next []byte) {
	if len(items) > 0 {
		step.Put(pageKey(j.record.Pages), mustMarshal(&records.BatchPage{Items: items}))
		j.record.Pages++
		j.record.Items += int64(len(items))
	}
	j.record.ListToken = next
	if next == nil {
		j.record.Listed, j.record.Total = true, j.record.Items
	}
	j.changed = true
}

func mustMarshal(m proto.Message) []byte {
	data, err := proto.Marshal(m)
	if err != nil {
		panic("batch: a record does not encode: " + err.Error()) // texts have been valid on the wire
	}
	return data
}

// Settle notes which run an item that names none is about, before it is acted on.
func (j *Job) Settle(step *entity.Step, task *entity.Task, page int64, index int, runID string) error {
	if !j.running(task) || j.progress.Page != page {
		return errEnded
	}
	if j.progress.Runs == nil {
		j.progress.Runs = make(map[int32]string)
	}
	j.progress.Runs[int32(index)] = runID
	j.progressed = true
	return nil
}

// Result is how an attempt at an item has ended.
type Result struct {
	// Index is that of the item in its page.
	Index int
	// Err is why it failed; nil if it has been acted on.
	Err error
	// Again: there will be another attempt.
	Again bool
}

// Record notes how attempts at items of a page, which has size items, have ended. The job
// ends with its last item. One that has been stopped only counts.
func (j *Job) Record(step *entity.Step, task *entity.Task, page int64, size int, results []Result) error {
	if !j.of(task) || j.progress.Page != page {
		return errEnded
	}
	p := j.progress
	if len(p.Done) == 0 {
		p.Done = make([]byte, (size+7)/8)
	}
	for _, result := range results {
		switch i := result.Index; {
		case isDone(p.Done, i):
		case result.Again:
			if p.Attempts == nil {
				p.Attempts = make(map[int32]int32)
			}
			p.Attempts[int32(i)]++
		default:
			p.Done[i/8] |= 1 << (i % 8)
			delete(p.Attempts, int32(i))
			delete(p.Runs, int32(i))
			if result.Err == nil {
				p.Complete++
			} else {
				p.Failed++
			}
		}
	}
	j.progressed = true
	if countDone(p.Done) < size {
		return nil
	}
	if j.record.CloseTime == nil {
		step.Delete(pageKey(page))
	}
	p.Page, p.Done, p.Attempts, p.Runs = page+1, nil, nil, nil
	if j.record.CloseTime == nil && p.Page == j.record.Pages {
		j.close(step, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED)
	}
	return nil
}
