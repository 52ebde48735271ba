package workflow

import (
	"errors"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/entity"
)

// ask sends a query; the result, if it comes, is put in *result.
func (w subject) ask(condition enumspb.QueryRejectCondition, result **QueryResult) (plan *QueryPlan, err error) {
	w.t.Helper()
	err = w.step(func(s *entity.Step, c *Chain) (err error) {
		plan, err = c.Query(s, &workflowservice.QueryWorkflowRequest{
			Query:                &querypb.WorkflowQuery{QueryType: "q"},
			QueryRejectCondition: condition,
		}, func(r *QueryResult) { *result = r })
		return err
	})
	return plan, err
}

func (w subject) wantPlan(want Disposition, result **QueryResult) *QueryPlan {
	w.t.Helper()
	plan, err := w.ask(enumspb.QUERY_REJECT_CONDITION_NONE, result)
	if err != nil || plan.Disposition != want {
		w.t.Fatalf("query: %v, %v; want disposition %v", plan, err, want)
	}
	return plan
}

func isNotReady(err error) bool {
	var e *serviceerror.WorkflowNotReady
	return errors.As(err, &e)
}

func TestQueryGoesStraightToTheWorkerIfNothingIsNew(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.completeSticky(w.poll())
	var result *QueryResult
	plan := w.wantPlan(QueryDirect, &result)
	if plan.StickyQueue != stickyQueue || plan.TaskQueue != testQueue {
		t.Fatalf("plan is %v", plan)
	}
	task, err := w.chain().DirectQueryTask(w.reader(), plan.RunID, &querypb.WorkflowQuery{QueryType: "q"}, false, []byte("token"))
	if err != nil {
		t.Fatal(err)
	}
	task = overWire(t, task)
	if got := names(task.History.Events); got != "Started WorkflowTaskScheduled WorkflowTaskStarted WorkflowTaskCompleted" || task.Query == nil {
		t.Fatalf("query task is %v", task)
	}
	task, err = w.chain().DirectQueryTask(w.reader(), plan.RunID, &querypb.WorkflowQuery{QueryType: "q"}, true, []byte("token"))
	if task = overWire(t, task); err != nil || task.History == nil || len(task.History.Events) != 0 {
		t.Fatalf("sticky query task is %v, %v", task, err)
	}
}

func TestQueryTravelsWithThePendingTask(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	var result *QueryResult
	plan := w.wantPlan(QueryBuffered, &result)
	if !w.chain().Pinned() {
		t.Fatal("a chain with a waiting query may be evicted")
	}
	task := w.poll()
	if task.Queries[plan.ID].GetQueryType() != "q" {
		t.Fatalf("task has queries %v", task.Queries)
	}
	w.completeWith(task, &completeRequest{QueryResults: map[string]*querypb.WorkflowQueryResult{
		plan.ID: {ResultType: enumspb.QUERY_RESULT_TYPE_ANSWERED, Answer: textPayloads("a")}}})
	if result.Result.GetAnswer() == nil {
		t.Fatalf("result is %v", result)
	}
}

func TestQueryIsAnsweredByTheTaskThatClosesTheWorkflow(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	var result *QueryResult
	plan := w.wantPlan(QueryBuffered, &result)
	w.completeWith(w.poll(), &completeRequest{
		Commands:     commands(completeWorkflow("done")),
		QueryResults: map[string]*querypb.WorkflowQueryResult{plan.ID: {ResultType: enumspb.QUERY_RESULT_TYPE_ANSWERED, Answer: textPayloads("a")}},
	})
	if result.Result.GetAnswer() == nil {
		t.Fatalf("result is %v", result)
	}
}

func TestQueryThatMissedTheTaskIsReleased(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	task := w.poll()
	var result *QueryResult
	w.wantPlan(QueryBuffered, &result)
	w.complete(task)
	if result == nil || result.Result != nil || result.Err != nil {
		t.Fatalf("result is %v", result)
	}
}

func TestQueryThatMissedTheTaskTravelsWithTheNext(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	task := w.poll()
	w.signal("a")
	var result *QueryResult
	plan := w.wantPlan(QueryBuffered, &result)
	w.complete(task)
	if result != nil {
		t.Fatalf("result is %v", result)
	}
	if task = w.poll(); task.Queries[plan.ID] == nil {
		t.Fatalf("task has queries %v", task.Queries)
	}
	w.terminate()
	if result == nil {
		t.Fatal("a query waits for a closed workflow")
	}
}

func TestWaitingQueriesAreLimited(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	var result *QueryResult
	plan := w.wantPlan(QueryBuffered, &result)
	if _, err := w.ask(enumspb.QUERY_REJECT_CONDITION_NONE, &result); !isResourceExhausted(err) {
		t.Fatalf("second query: %v", err)
	}
	w.chain().CancelQuery(plan.RunID, plan.ID)
	w.wantPlan(QueryBuffered, &result)
}

func TestQueryBeforeTheFirstTaskWaits(t *testing.T) {
	w := newWorkflow(t)
	w.start(func(r *startRequest) { r.WorkflowStartDelay = durationpb.New(time.Minute) })
	var result *QueryResult
	w.wantPlan(QueryWait, &result)
	if w.chain().QueryReady("") {
		t.Fatal("ready before the first task")
	}
	w.advance(time.Minute)
	if !w.chain().QueryReady("") {
		t.Fatal("not ready after the first task was scheduled")
	}
	w.wantPlan(QueryBuffered, &result)
}

func TestQueryOfAFailingWorkflowFailsAtOnce(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	w.fail(w.poll())
	w.fail(w.poll())
	var result *QueryResult
	if _, err := w.ask(enumspb.QUERY_REJECT_CONDITION_NONE, &result); !isNotReady(err) {
		t.Fatalf("query: %v", err)
	}
}

func TestQueryOfAClosedWorkflow(t *testing.T) {
	var result *QueryResult
	w := newWorkflow(t)
	w.start()
	w.terminate()
	if _, err := w.ask(enumspb.QUERY_REJECT_CONDITION_NONE, &result); !isNotReady(err) {
		t.Fatalf("query of one that never ran: %v", err)
	}

	w = newWorkflow(t)
	w.start()
	w.complete(w.poll(), cancelWorkflow())
	w.wantPlan(QueryDirect, &result)
	for _, condition := range []enumspb.QueryRejectCondition{enumspb.QUERY_REJECT_CONDITION_NOT_OPEN, enumspb.QUERY_REJECT_CONDITION_NOT_COMPLETED_CLEANLY} {
		plan, err := w.ask(condition, &result)
		if err != nil || plan.Disposition != QueryRejected || plan.Rejected != enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED {
			t.Fatalf("query with %v: %v, %v", condition, plan, err)
		}
	}
}
