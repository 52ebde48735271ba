package workflow

import (
	"cmp"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
)

// A query sees every event that came before it. If no workflow task is pending,
// the worker's state is up to date and the query goes to it directly, through
// matching. Else it waits for the pending task, or for the next one if that is
// started, and travels with it.

// Disposition is what is to be done with a query.
type Disposition int

const (
	// QueryDirect: dispatch it through matching now.
	QueryDirect Disposition = iota
	// QueryBuffered: it travels with a workflow task; done is called in the end.
	QueryBuffered
	// QueryRejected: the reject condition applies.
	QueryRejected
	// QueryWait: the first workflow task is yet to be scheduled. A caller who cannot
	// wait as long as QueryPlan.Wait gets ErrQueryNotReady at once. For others: await a
	// change of the entity (see Chain.QueryReady) and ask again.
	QueryWait
)

// ErrQueryNotReady is for a query whose caller's time ends before the first
// workflow task is scheduled.
func ErrQueryNotReady() error {
	return serviceerror.NewWorkflowNotReady("Workflow task is not scheduled yet.")
}

// failedQueryAttempt is from which attempt of a workflow task on queries fail at
// once: the workflow's code cannot be brought to where they could be answered.
const failedQueryAttempt = 3

// QueryPlan says what is to be done with a query.
type QueryPlan struct {
	Disposition Disposition
	RunID       string
	// ID names a buffered query, for CancelQuery.
	ID string
	// Rejected is the status of the run, of a rejected query.
	Rejected enumspb.WorkflowExecutionStatus
	// TaskQueue and StickyQueue are where a direct query goes.
	TaskQueue, StickyQueue string
	// Version is what decides about the version of the worker; nil: nothing is known of it.
	Version  *entity.TaskVersion
	Priority *commonpb.Priority
	// Wait is how long it is, of a query that has to wait, until the first workflow
	// task is due; 0 if it is not time that it waits for.
	Wait time.Duration
}

// QueryResult is how a buffered query ends. Neither field is set if the query is
// to be dispatched directly now: no workflow task will take it along.
type QueryResult struct {
	Result *querypb.WorkflowQueryResult
	Err    error
}

// query is one that waits for a workflow task. Volatile.
type query struct {
	id    string
	input *querypb.WorkflowQuery
	done  func(*QueryResult)
}

// Query takes a query in. done is called once, without the entity's lock, if the
// plan is QueryBuffered and CancelQuery does not come before.
func (c *Chain) Query(step *entity.Step, req *workflowservice.QueryWorkflowRequest, done func(*QueryResult)) (*QueryPlan, error) {
	r, err := c.findRun(step, req.GetExecution().GetRunId())
	if err != nil {
		return nil, err
	}
	plan := &QueryPlan{
		RunID:       r.info.RunId,
		TaskQueue:   r.info.TaskQueue,
		StickyQueue: r.state.StickyQueue,
		Priority:    r.info.Priority,
		Version:     r.taskVersion(false),
	}
	if r.closed() && rejects(req.GetQueryRejectCondition(), r.state.Status) {
		plan.Disposition, plan.Rejected = QueryRejected, r.state.Status
		return plan, nil
	}
	if r.paused() {
		plan.Disposition, plan.Rejected = QueryRejected, r.state.Status
		return plan, nil
	}
	if r.closed() && r.state.LastCompletedStartedEventId == 0 {
		return nil, serviceerror.NewWorkflowNotReady("Workflow execution closed before WorkflowTaskStarted event")
	}
	if !r.queryReady() {
		plan.Disposition = QueryWait
		if r.state.FirstTaskBackoffPending {
			plan.Wait = max(0, r.info.ExecutionTime.AsTime().Sub(step.Now))
		}
		return plan, nil
	}
	if !r.closed() && r.state.WorkflowTaskAttempt >= failedQueryAttempt {
		return nil, serviceerror.NewWorkflowNotReady("Unable to query workflow due to Workflow Task in failed state.")
	}
	if r.state.LastCompletedStartedEventId != 0 && (r.closed() || r.state.WorkflowTask == nil) {
		plan.Disposition = QueryDirect
		return plan, nil
	}
	if len(r.queries) >= c.limits().WaitingQueries {
		return nil, serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW,
			"consistent query buffer is full, this may be caused by too many queries and workflow not able to process query fast enough")
	}
	q := &query{id: step.NewID(), input: req.GetQuery(), done: done}
	r.queries = append(r.queries, q)
	plan.Disposition, plan.ID = QueryBuffered, q.id
	return plan, nil
}

// rejects reports whether the condition rejects a query to a closed run.
func rejects(condition enumspb.QueryRejectCondition, status enumspb.WorkflowExecutionStatus) bool {
	switch condition {
	case enumspb.QUERY_REJECT_CONDITION_NOT_OPEN:
		return true
	case enumspb.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY:
		return status != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	}
	return false
}

// queryReady reports whether a query need not wait for the first workflow task
// to be scheduled.
func (r *Run) queryReady() bool {
	return r.closed() || !r.state.FirstTaskBackoffPending && !r.state.ChildFirstTaskPending && !r.held()
}

// QueryReady reports whether a query that was told to wait may be tried again.
func (c *Chain) QueryReady(runID string) bool {
	r := c.current
	return r == nil || runID != "" && r.info.RunId != runID || r.queryReady()
}

// CancelQuery forgets a buffered query whose caller has gone.
func (c *Chain) CancelQuery(runID, id string) {
	if r := c.current; r != nil && r.info.RunId == runID {
		r.queries = slices.DeleteFunc(r.queries, func(q *query) bool { return q.id == id })
	}
}

// answerQueries ends the queries that the worker has answered, and releases the
// others unless another workflow task follows to take them along.
func (r *Run) answerQueries(step *entity.Step, results map[string]*querypb.WorkflowQueryResult, taskFollows bool) {
	if len(r.queries) == 0 {
		return
	}
	waiting := r.queries[:0]
	for _, q := range r.queries {
		result, answered := results[q.id]
		switch {
		case answered && proto.Size(result.GetAnswer()) > r.limits().BlobSize:
			q.end(step, &QueryResult{Err: check.BlobSize(proto.Size(result.GetAnswer()), r.limits().BlobSize)})
		case answered:
			q.end(step, &QueryResult{Result: result})
		case !taskFollows:
			q.end(step, &QueryResult{})
		default:
			waiting = append(waiting, q)
		}
	}
	clear(r.queries[len(waiting):])
	r.queries = waiting
}

// releaseQueries has the waiting queries dispatched directly.
func (r *Run) releaseQueries(step *entity.Step) { r.answerQueries(step, nil, false) }

func (q *query) end(step *entity.Step, result *QueryResult) {
	if q.done != nil {
		step.Tell(q, func() { q.done(result) })
	}
}

// DirectQueryTask is the task that takes a direct query to a worker: with the
// whole history, or without any if the worker has polled the run's sticky queue.
// token is the frontend's name for the query.
func (c *Chain) DirectQueryTask(reader entity.Reader, runID string, input *querypb.WorkflowQuery, sticky bool, token []byte) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	r, err := c.findRunWith(func() entity.Reader { return reader }, runID)
	if err != nil {
		return nil, err
	}
	reply := &workflowservice.PollWorkflowTaskQueueResponse{
		TaskToken:                  token,
		WorkflowExecution:          r.execution(),
		WorkflowType:               &commonpb.WorkflowType{Name: r.info.WorkflowType},
		PreviousStartedEventId:     r.state.LastCompletedStartedEventId,
		Attempt:                    cmp.Or(r.state.WorkflowTaskAttempt, 1),
		Query:                      input,
		WorkflowExecutionTaskQueue: &taskqueuepb.TaskQueue{Name: r.info.TaskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
	}
	if sticky {
		spliceField(reply, pollHistoryField)
		return reply, nil
	}
	last := r.state.NextEventId - 1
	events, next, err := r.readHistory(func() entity.Reader { return reader }, 1, last, c.limits())
	if err != nil {
		return nil, err
	}
	spliceField(reply, pollHistoryField, events)
	if next <= last {
		reply.NextPageToken = encodePage(r.info.RunId, next, last)
	}
	return reply, nil
}
