package frontend

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/workflow"
)

func queryState() *workflowservice.QueryWorkflowRequest {
	return &workflowservice.QueryWorkflowRequest{Namespace: "default",
		Execution: &commonpb.WorkflowExecution{WorkflowId: "w"}, Query: &querypb.WorkflowQuery{QueryType: "state"}}
}

// poll gives the query to a poll, and returns its token.
func (d *door) takeQuery(q *matching.QueryTask) []byte {
	d.t.Helper()
	d.matching.work <- &matching.Work{Query: q, Sticky: q.Sticky != ""}
	resp, err := d.call(d.t.Context(), pollWorkflows())
	if err != nil || resp.(*workflowservice.PollWorkflowTaskQueueResponse).GetQuery().GetQueryType() != "state" {
		d.t.Errorf("polling for the query: %v, %v", resp, err)
		return nil
	}
	return resp.(*workflowservice.PollWorkflowTaskQueueResponse).GetTaskToken()
}

func (d *door) answer(token []byte, kind enumspb.QueryResultType, message string, result *commonpb.Payloads) error {
	_, err := d.call(d.t.Context(), &workflowservice.RespondQueryTaskCompletedRequest{Namespace: "default",
		TaskToken: token, CompletedType: kind, ErrorMessage: message, QueryResult: result})
	return err
}

func TestADirectQueryIsAnsweredByAWorker(t *testing.T) {
	for name, c := range map[string]struct {
		kind    enumspb.QueryResultType
		message string
		size    int
		check   func(resp any, err error) bool
	}{
		"with a result": {enumspb.QUERY_RESULT_TYPE_ANSWERED, "", 5, func(resp any, err error) bool {
			return err == nil && len(resp.(*workflowservice.QueryWorkflowResponse).GetQueryResult().GetPayloads()[0].GetData()) == 5
		}},
		"with a failure": {enumspb.QUERY_RESULT_TYPE_FAILED, "no such query", 0, func(_ any, err error) bool {
			e, ok := detail[*serviceerror.QueryFailed](err)
			return ok && e.Message == "no such query"
		}},
		"with too much": {enumspb.QUERY_RESULT_TYPE_ANSWERED, "", 3 << 20, func(_ any, err error) bool {
			_, ok := detail[*serviceerror.QueryFailed](err)
			return ok
		}},
		"with nonsense": {99, "", 0, func(_ any, err error) bool { return status.Code(err) == codes.InvalidArgument }},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			d.chain.plan = workflow.QueryPlan{Disposition: workflow.QueryDirect, RunID: runID, TaskQueue: "q"}
			go func() {
				token := d.takeQuery(<-d.matching.asked)
				if err := d.answer(token, c.kind, c.message, bytesPayload(c.size)); err != nil {
					t.Errorf("answering: %v", err)
				}
			}()
			if resp, err := d.call(t.Context(), queryState()); !c.check(resp, err) {
				t.Errorf("the query was answered %v, %v", resp, err)
			}
			if n := len(d.service.workflow.queryHandlers.queries.waiting); n != 0 {
				t.Errorf("%d queries still wait", n)
			}
		})
	}
}

func TestTheAnswerOfAnotherNamespaceDoesNotCount(t *testing.T) {
	d := newDoor(t)
	id, answer, err := d.service.workflow.queryHandlers.queries.add("mine")
	if err != nil {
		t.Fatal(err)
	}
	if d.service.workflow.queryHandlers.queries.answer(id, "yours", &queryAnswer{}) || len(answer) != 0 {
		t.Error("the answer was taken")
	}
	if !d.service.workflow.queryHandlers.queries.answer(id, "mine", &queryAnswer{}) || len(answer) != 1 {
		t.Error("the right answer was not taken")
	}
}

func TestAQueryLeavesAStickyWorkerThatDoesNotAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.chain.plan = workflow.QueryPlan{Disposition: workflow.QueryDirect, RunID: runID, TaskQueue: "q", StickyQueue: "s"}
		go func() {
			if q := <-d.matching.asked; q.Sticky != "s" {
				t.Errorf("asked %v first", q)
			}
			q := <-d.matching.asked
			if q.Sticky != "" || q.Queue.Name != "q" {
				t.Errorf("asked %v then", q)
			}
			if err := d.answer(d.takeQuery(q), enumspb.QUERY_RESULT_TYPE_ANSWERED, "", bytesPayload(1)); err != nil {
				t.Errorf("answering: %v", err)
			}
		}()
		began := time.Now()
		if _, err := d.call(t.Context(), queryState()); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != stickyQueryWait {
			t.Errorf("the answer took %v, want %v", took, stickyQueryWait)
		}
	})
}

func TestABufferedQueryIsTakenBackWhenItsCallerGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.chain.plan = workflow.QueryPlan{Disposition: workflow.QueryBuffered, RunID: runID, ID: "id"}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		_, err := d.call(ctx, queryState())
		if status.Code(err) != codes.DeadlineExceeded || status.Convert(err).Message() != "query timed out before a worker could process it" {
			t.Errorf("error is %v", err)
		}
		if d.chain.called != "CancelQuery" {
			t.Errorf("last called was %s, want CancelQuery", d.chain.called)
		}
	})
}

func TestAQueryWhoseCallerCannotWaitForTheFirstTaskIsRefusedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.chain.plan = workflow.QueryPlan{Disposition: workflow.QueryWait, RunID: runID, Wait: time.Minute + 1}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		began := time.Now()
		_, err := d.call(ctx, queryState())
		if _, ok := detail[*serviceerror.WorkflowNotReady](err); !ok {
			t.Errorf("error is %v, want WorkflowNotReady", err)
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the caller has waited %v", took)
		}
	})
}

func TestAQueryThatNoTaskTakesAlongIsPlannedAnew(t *testing.T) {
	d := newDoor(t)
	d.chain.plan = workflow.QueryPlan{Disposition: workflow.QueryBuffered, RunID: runID, ID: "id"}
	d.chain.release = true
	asked := 0
	d.chain.act = func() {
		if asked++; asked == 2 {
			d.chain.plan = workflow.QueryPlan{Disposition: workflow.QueryRejected, Rejected: enumspb.WORKFLOW_EXECUTION_STATUS_FAILED}
		}
	}
	resp, err := d.call(t.Context(), queryState())
	if err != nil || resp.(*workflowservice.QueryWorkflowResponse).GetQueryRejected().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_FAILED || asked != 2 {
		t.Errorf("answer is %v, %v after %d plans", resp, err, asked)
	}
}

func TestWaitingQueriesAreBounded(t *testing.T) {
	d := newDoor(t)
	for range maxDirectQueries {
		if _, _, err := d.service.workflow.queryHandlers.queries.add("n"); err != nil {
			t.Fatal(err)
		}
	}
	d.chain.plan = workflow.QueryPlan{Disposition: workflow.QueryDirect, RunID: runID, TaskQueue: "q"}
	_, err := d.call(t.Context(), queryState())
	if _, ok := detail[*serviceerror.ResourceExhausted](err); !ok {
		t.Errorf("error is %v, want ResourceExhausted", err)
	}
}

func TestAQueryEndsWithTheServer(t *testing.T) {
	d := newDoor(t)
	d.chain.plan = workflow.QueryPlan{Disposition: workflow.QueryDirect, RunID: runID, TaskQueue: "q"}
	go func() {
		<-d.matching.asked
		d.service.Drain()
	}()
	if _, err := d.call(t.Context(), queryState()); status.Code(err) != codes.Unavailable {
		t.Errorf("error is %v, want Unavailable", err)
	}
}
