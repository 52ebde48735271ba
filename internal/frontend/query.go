package frontend

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/workflow"
)

// A query is answered by a worker that has the workflow's state. The state
// machine decides the way: with the workflow task that is pending, or, if none
// is, straight to a worker through matching. A query leaves no trace in the
// history, and is gone with its caller.

// queryHandlers ask workflows, and hand their questions to workers.
type queryHandlers struct {
	runtime interface {
		stepper
		viewer
		awaiter
	}
	matching interface {
		// DispatchQuery returns when a poll has taken the query.
		DispatchQuery(ctx context.Context, query *matching.QueryTask) error
	}
	waits   *waits
	logger  *slog.Logger
	queries queries
}

// queried is what they need of a workflow.
type queried interface {
	Query(step *entity.Step, req *workflowservice.QueryWorkflowRequest, done func(*workflow.QueryResult)) (*workflow.QueryPlan, error)
	QueryReady(runID string) bool
	CancelQuery(runID, id string)
	DirectQueryTask(reader entity.Reader, runID string, input *querypb.WorkflowQuery, sticky bool, token []byte) (*workflowservice.PollWorkflowTaskQueueResponse, error)
}

var _ queried = (*workflow.Chain)(nil)

// QueryWorkflow asks a workflow something.
func (h *queryHandlers) QueryWorkflow(ctx context.Context, req *workflowservice.QueryWorkflowRequest) (*workflowservice.QueryWorkflowResponse, error) {
	if settingOf(ctx, dynamicconfig.DisallowQuery) {
		return nil, errQueriesOff
	}
	if err := limitsOf(ctx).CheckExecution(req.GetExecution(), check.Request); err != nil {
		return nil, err
	}
	if req.GetQuery() == nil {
		return nil, errQueryNotSet
	}
	if err := check.Set("QueryType", req.GetQuery().GetQueryType(), check.Request); err != nil {
		return nil, err
	}
	if err := limitsOf(ctx).CheckBlob(req.GetQuery().GetQueryArgs()); err != nil {
		return nil, err
	}
	if req.QueryRejectCondition == enumspb.QUERY_REJECT_CONDITION_UNSPECIFIED {
		req.QueryRejectCondition = enumspb.QUERY_REJECT_CONDITION_NONE
	}
	if _, deadline := ctx.Deadline(); !deadline {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callOf(ctx).method.Wait.Max)
		defer cancel()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(h.waits.draining, func() { cancel(errDraining) })
	defer stop()

	resp, err := h.query(ctx, req)
	if err != nil && ctx.Err() != nil {
		if cause := context.Cause(ctx); errors.Is(cause, errDraining) {
			return nil, cause
		}
		if errors.Is(err, context.DeadlineExceeded) {
			return nil, errQueryTimeout
		}
	}
	return resp, err
}

// query asks until there is an answer. The state machine may have to be asked
// more than once: after a wait for the first workflow task, and when the task
// that was to take the query along does not.
func (h *queryHandlers) query(ctx context.Context, req *workflowservice.QueryWorkflowRequest) (*workflowservice.QueryWorkflowResponse, error) {
	workflowID := req.GetExecution().GetWorkflowId()
	for {
		plan, answer, err := h.planQuery(ctx, req)
		if err != nil {
			return nil, err
		}
		// The run is the same from now on, even if another one starts.
		req.Execution.RunId = plan.RunID
		switch plan.Disposition {
		case workflow.QueryRejected:
			return &workflowservice.QueryWorkflowResponse{QueryRejected: &querypb.QueryRejected{Status: plan.Rejected}}, nil
		case workflow.QueryDirect:
			return h.queryDirectly(ctx, workflowID, plan, req)
		case workflow.QueryWait:
			if deadline, ok := ctx.Deadline(); ok && plan.Wait > time.Until(deadline) {
				return nil, workflow.ErrQueryNotReady()
			}
			err := h.runtime.Await(ctx, workflowKey(ctx, workflowID), func(e entity.Entity) bool {
				return e.(queried).QueryReady(plan.RunID)
			})
			if err != nil && ctx.Err() != nil {
				return nil, workflow.ErrQueryNotReady()
			}
			if err != nil {
				return nil, err
			}
		case workflow.QueryBuffered:
			select {
			case result := <-answer:
				if result.Err != nil {
					return nil, result.Err
				}
				if r := result.Result; r != nil {
					return queryResponse(r.GetResultType(), r.GetAnswer(), r.GetErrorMessage(), r.GetFailure())
				}
			case <-ctx.Done():
				h.cancelQuery(ctx, workflowID, plan)
				return nil, ctx.Err()
			}
		}
	}
}

// planQuery takes the query to the state machine.
func (h *queryHandlers) planQuery(ctx context.Context, req *workflowservice.QueryWorkflowRequest) (plan *workflow.QueryPlan, answer <-chan *workflow.QueryResult, err error) {
	answers := make(chan *workflow.QueryResult, 1)
	workflowID := req.GetExecution().GetWorkflowId()
	err = stepWorkflow(ctx, h.runtime, workflowID, func(step *entity.Step, c queried) (err error) {
		plan, err = c.Query(step, req, func(result *workflow.QueryResult) { answers <- result })
		return err
	})
	if err != nil && plan != nil && plan.Disposition == workflow.QueryBuffered {
		// The caller has gone after the query was taken in.
		h.cancelQuery(ctx, workflowID, plan)
	}
	return plan, answers, err
}

// cancelQuery takes back a query whose caller has gone.
func (h *queryHandlers) cancelQuery(ctx context.Context, workflowID string, plan *workflow.QueryPlan) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTaskWait)
	defer cancel()
	err := stepWorkflow(ctx, h.runtime, workflowID, func(_ *entity.Step, c queried) error {
		c.CancelQuery(plan.RunID, plan.ID)
		return nil
	})
	if err != nil {
		h.logger.WarnContext(ctx, "A query whose caller has gone could not be taken back; it goes with the next workflow task.",
			workflowKey(ctx, workflowID).Attr(), "error", err)
	}
}

// queryDirectly dispatches a query to a worker: for a moment to the one that has
// the workflow in its cache, then to any.
func (h *queryHandlers) queryDirectly(ctx context.Context, workflowID string, plan *workflow.QueryPlan, req *workflowservice.QueryWorkflowRequest) (*workflowservice.QueryWorkflowResponse, error) {
	key := workflowKey(ctx, workflowID)
	id, answer, err := h.queries.add(key.Namespace)
	if err != nil {
		return nil, err
	}
	defer h.queries.remove(id)
	task := matching.QueryTask{
		ID:      id,
		Queue:   queryQueue(key.Namespace, plan),
		Version: plan.Version,
		Sticky:  plan.StickyQueue,
		Entity:  key,
		RunID:   plan.RunID,
		Query:   req.GetQuery(),
	}
	if task.Sticky != "" {
		sticky := task
		stickyCtx, cancel := context.WithTimeout(ctx, stickyQueryWait)
		resp, err := h.ask(stickyCtx, &sticky, answer)
		cancel()
		if err == nil || !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
			return resp, err
		}
		task.Sticky = ""
	}
	return h.ask(ctx, &task, answer)
}

func (h *queryHandlers) ask(ctx context.Context, task *matching.QueryTask, answer <-chan *queryAnswer) (*workflowservice.QueryWorkflowResponse, error) {
	if err := h.matching.DispatchQuery(ctx, task); err != nil {
		return nil, err
	}
	select {
	case a := <-answer:
		return a.resp, a.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// task makes the task of a query that a poll has been given. It reports
// false, and tells the asker, if the workflow cannot be read.
func (h *queryHandlers) task(ctx context.Context, work *matching.Work) (*workflowservice.PollWorkflowTaskQueueResponse, bool) {
	q := work.Query
	token := tokens.EncodeTask(&records.TaskToken{
		NamespaceId: q.Entity.Namespace,
		WorkflowId:  q.Entity.ID,
		RunId:       q.RunID,
		QueryId:     q.ID,
		TaskQueue:   q.Queue.Name,
	})
	var resp *workflowservice.PollWorkflowTaskQueueResponse
	err := h.runtime.View(ctx, q.Entity, func(e entity.Entity, reader entity.View) (err error) {
		resp, err = e.(queried).DirectQueryTask(reader, q.RunID, q.Query, work.Sticky, token)
		return err
	})
	if err != nil {
		h.queries.answer(q.ID, q.Entity.Namespace, &queryAnswer{err: err})
		return nil, false
	}
	return resp, true
}

// RespondQueryTaskCompleted brings the answer to a query that was dispatched
// directly.
func (h *queryHandlers) RespondQueryTaskCompleted(ctx context.Context, req *workflowservice.RespondQueryTaskCompletedRequest) (*workflowservice.RespondQueryTaskCompletedResponse, error) {
	token := callOf(ctx).token
	if err := tokens.CheckQuery(token); err != nil {
		return nil, err
	}
	if err := limitsOf(ctx).CheckBlob(req.GetQueryResult()); err != nil {
		req.CompletedType = enumspb.QUERY_RESULT_TYPE_FAILED
		req.QueryResult, req.Failure, req.ErrorMessage = nil, nil, err.Error()
	}
	answer := new(queryAnswer)
	answer.resp, answer.err = queryResponse(req.GetCompletedType(), req.GetQueryResult(), req.GetErrorMessage(), req.GetFailure())
	if !h.queries.answer(token.GetQueryId(), token.GetNamespaceId(), answer) {
		return nil, errQueryNotWaiting
	}
	return &workflowservice.RespondQueryTaskCompletedResponse{}, nil
}

// queryResponse is what the asker gets for a worker's answer.
func queryResponse(result enumspb.QueryResultType, answer *commonpb.Payloads, message string, failure *failurepb.Failure) (*workflowservice.QueryWorkflowResponse, error) {
	switch result {
	case enumspb.QUERY_RESULT_TYPE_ANSWERED:
		return &workflowservice.QueryWorkflowResponse{QueryResult: answer}, nil
	case enumspb.QUERY_RESULT_TYPE_FAILED:
		return nil, serviceerror.NewQueryFailedWithFailure(message, failure)
	}
	return nil, serviceerror.NewInvalidArgumentf("The worker has answered the query with an unknown result type: %v.", result)
}

// queries are those that have been dispatched to workers and wait for answers.
type queries struct {
	mu      sync.Mutex
	waiting map[string]*waitingQuery // by id
}

type waitingQuery struct {
	namespace string
	answer    chan *queryAnswer // holds one
}

type queryAnswer struct {
	resp *workflowservice.QueryWorkflowResponse
	err  error
}

// add makes room for the answer to a new query.
func (q *queries) add(namespace string) (id string, answer <-chan *queryAnswer, err error) {
	w := &waitingQuery{namespace: namespace, answer: make(chan *queryAnswer, 1)}
	id = uuid.NewString()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) >= maxDirectQueries {
		return "", nil, errTooManyQueries
	}
	if q.waiting == nil {
		q.waiting = make(map[string]*waitingQuery)
	}
	q.waiting[id] = w
	return id, w.answer, nil
}

// remove is called when nobody waits for the answer any more.
func (q *queries) remove(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.waiting, id)
}

// answer hands over the answer and reports whether anybody waits for it. Of two
// answers, from the sticky worker and another one, the first counts.
func (q *queries) answer(id, namespace string, answer *queryAnswer) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	w := q.waiting[id]
	if w == nil || w.namespace != namespace {
		return false
	}
	delete(q.waiting, id)
	w.answer <- answer
	return true
}

// queryQueue is where a query goes: to workers of the version that its workflow is pinned to,
// or wherever the tasks of the queue go.
func queryQueue(namespace string, plan *workflow.QueryPlan) entity.Queue {
	queue := entity.Queue{Namespace: namespace, Type: entity.TaskWorkflow, Name: plan.TaskQueue}
	if plan.Version != nil && plan.Version.Pinned {
		queue.Version = plan.Version.Version
	}
	return queue
}
