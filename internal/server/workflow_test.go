package server_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/server"
)

// Whole workflows through the front door: state machine, runtime, matching and
// frontend as they are in the binary.

func TestAWorkflowRunsAnActivityATimerAndASignalToItsResult(t *testing.T) {
	b := start(t, server.Options{})
	started := b.startWorkflow("w")
	if !started.GetStarted() || started.GetRunId() == "" || started.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING {
		t.Errorf("start was answered %v", started)
	}

	task := b.pollWorkflow()
	if task.GetAttempt() != 1 || task.GetStartedEventId() != 3 || task.GetPreviousStartedEventId() != 0 ||
		task.GetWorkflowExecution().GetRunId() != started.GetRunId() || task.GetWorkflowType().GetName() != "order" {
		t.Errorf("first task is %v", task)
	}
	b.checkEvents(task.GetHistory().GetEvents(),
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED)
	b.complete(task, scheduleActivity("a"))

	activity := b.pollActivity()
	if activity.GetActivityId() != "a" || activity.GetActivityType().GetName() != "charge" || text(activity.GetInput()) != "amount" ||
		activity.GetWorkflowNamespace() != ns || activity.GetAttempt() != 1 {
		t.Errorf("activity task is %v", activity)
	}
	beat, err := b.client.RecordActivityTaskHeartbeat(b.ctx(), &workflowservice.RecordActivityTaskHeartbeatRequest{TaskToken: activity.GetTaskToken(), Details: payload("half")})
	if err != nil || beat.GetCancelRequested() {
		t.Errorf("heartbeat: %v, %v", beat, err)
	}
	if _, err := b.client.RespondActivityTaskCompleted(b.ctx(), &workflowservice.RespondActivityTaskCompletedRequest{TaskToken: activity.GetTaskToken(), Result: payload("paid")}); err != nil {
		t.Fatal(err)
	}

	b.complete(b.pollWorkflow(), startTimer("t", time.Millisecond))
	b.complete(b.pollWorkflow())
	if _, err := b.client.SignalWorkflowExecution(b.ctx(), &workflowservice.SignalWorkflowExecutionRequest{
		Namespace: ns, WorkflowExecution: execution("w"), SignalName: "go", Input: payload("now")}); err != nil {
		t.Fatal(err)
	}
	b.complete(b.pollWorkflow(), completeWorkflow("done"))

	events := b.history("w")
	b.checkEvents(events,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED, enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_TIMER_FIRED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED)
	last := events[len(events)-1].GetWorkflowExecutionCompletedEventAttributes()
	if text(last.GetResult()) != "done" {
		t.Errorf("result is %v", last)
	}
	d, err := b.client.DescribeWorkflowExecution(b.ctx(), &workflowservice.DescribeWorkflowExecutionRequest{Namespace: ns, Execution: execution("w")})
	if err != nil || d.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED ||
		d.GetWorkflowExecutionInfo().GetHistoryLength() != int64(len(events)) {
		t.Errorf("described as %v, %v", d, err)
	}
}

func TestASecondStartIsRefusedWithTheRunningRunsID(t *testing.T) {
	b := start(t, server.Options{})
	first := b.startWorkflow("w")
	_, err := b.client.StartWorkflowExecution(b.ctx(), &workflowservice.StartWorkflowExecutionRequest{
		Namespace: ns, WorkflowId: "w", WorkflowType: &commonpb.WorkflowType{Name: "order"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}})
	var already *serviceerror.WorkflowExecutionAlreadyStarted
	if err := serviceerror.FromStatus(status.Convert(err)); !errors.As(err, &already) || already.RunId != first.GetRunId() {
		t.Errorf("error is %v, want AlreadyStarted with run %s", err, first.GetRunId())
	}
}

func TestAnActivityIsCompletedByIDs(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("w")
	b.complete(b.pollWorkflow(), scheduleActivity("a"))
	b.pollActivity()
	_, err := b.client.RespondActivityTaskFailedById(b.ctx(), &workflowservice.RespondActivityTaskFailedByIdRequest{
		Namespace: ns, WorkflowId: "w", ActivityId: "a", Failure: &failurepb.Failure{Message: "no funds",
			FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{NonRetryable: true}}}})
	if err != nil {
		t.Fatal(err)
	}
	events := b.pollWorkflow().GetHistory().GetEvents()
	if got := events[6].GetActivityTaskFailedEventAttributes().GetFailure().GetMessage(); got != "no funds" {
		t.Errorf("failure in the history is %q: %v", got, events[6])
	}
	_, err = b.client.RespondActivityTaskCompletedById(b.ctx(), &workflowservice.RespondActivityTaskCompletedByIdRequest{Namespace: ns, WorkflowId: "w", ActivityId: "a"})
	var notFound *serviceerror.NotFound
	if err := serviceerror.FromStatus(status.Convert(err)); !errors.As(err, &notFound) {
		t.Errorf("completing it again: %v, want NotFound", err)
	}
}

func TestABadCommandFailsTheTaskAndIsAnsweredInvalidArgument(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("w")
	task := b.pollWorkflow()
	_, err := b.client.RespondWorkflowTaskCompleted(b.ctx(), &workflowservice.RespondWorkflowTaskCompletedRequest{
		TaskToken: task.GetTaskToken(), Commands: []*commandpb.Command{startTimer("", time.Second)}})
	var invalid *serviceerror.InvalidArgument
	if err := serviceerror.FromStatus(status.Convert(err)); !errors.As(err, &invalid) {
		t.Errorf("error is %v, want InvalidArgument", err)
	}
	b.checkEvents(b.history("w"), enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED) // of the second attempt, which may leave no trace
	if again := b.pollWorkflow(); again.GetAttempt() != 2 {
		t.Errorf("next attempt is %d, want 2", again.GetAttempt())
	}
}

func TestHistoryLongPollReturnsEachNewEventOnce(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("w")
	seen := make(chan []*historypb.HistoryEvent, 1)
	go func() {
		var events []*historypb.HistoryEvent
		req := &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: ns, Execution: execution("w"), WaitNewEvent: true}
		for {
			resp, err := b.client.GetWorkflowExecutionHistory(b.ctx(), req)
			if err != nil {
				t.Errorf("long poll: %v", err)
				break
			}
			events = append(events, resp.GetHistory().GetEvents()...)
			if req.NextPageToken = resp.GetNextPageToken(); len(req.NextPageToken) == 0 {
				break
			}
		}
		seen <- events
	}()
	b.complete(b.pollWorkflow(), startTimer("t", time.Millisecond))
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	events := <-seen
	b.checkEvents(events,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		enumspb.EVENT_TYPE_TIMER_STARTED, enumspb.EVENT_TYPE_TIMER_FIRED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED)
}

func TestCloseEventIsWaitedForAndIsTheOnlyEventReturned(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("w")
	request := func(wait bool) *workflowservice.GetWorkflowExecutionHistoryRequest {
		return &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: ns, Execution: execution("w"), WaitNewEvent: wait,
			HistoryEventFilterType: enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT}
	}
	resp, err := b.client.GetWorkflowExecutionHistory(b.ctx(), request(false))
	if err != nil || len(resp.GetHistory().GetEvents()) != 0 || len(resp.GetNextPageToken()) != 0 {
		t.Errorf("without waiting, an open run answers %v, %v", resp, err)
	}
	closed := make(chan *workflowservice.GetWorkflowExecutionHistoryResponse, 1)
	go func() {
		resp, err := b.client.GetWorkflowExecutionHistory(b.ctx(), request(true))
		if err != nil {
			t.Errorf("waiting for the close event: %v", err)
		}
		closed <- resp
	}()
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	resp = <-closed
	if len(resp.GetNextPageToken()) != 0 {
		t.Error("there is a page token after the close event")
	}
	b.checkEvents(resp.GetHistory().GetEvents(), enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED)
}

func TestHistoryIsPagedForwardsAndBackwards(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("w")
	for i := range 10 {
		if _, err := b.client.SignalWorkflowExecution(b.ctx(), &workflowservice.SignalWorkflowExecutionRequest{
			Namespace: ns, WorkflowExecution: execution("w"), SignalName: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	whole := b.history("w")

	var forwards []*historypb.HistoryEvent
	req := &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: ns, Execution: execution("w"), MaximumPageSize: 3}
	for pages := 1; ; pages++ {
		resp, err := b.client.GetWorkflowExecutionHistory(b.ctx(), req)
		if err != nil || len(resp.GetHistory().GetEvents()) > 3 {
			t.Fatalf("page %d: %v, %v", pages, resp, err)
		}
		forwards = append(forwards, resp.GetHistory().GetEvents()...)
		if req.NextPageToken = resp.GetNextPageToken(); len(req.NextPageToken) == 0 {
			break
		}
	}
	if len(forwards) != len(whole) || forwards[len(forwards)-1].GetEventId() != int64(len(whole)) {
		t.Errorf("%d events forwards, want %d", len(forwards), len(whole))
	}
	var backwards []int64
	reverse := &workflowservice.GetWorkflowExecutionHistoryReverseRequest{Namespace: ns, Execution: execution("w"), MaximumPageSize: 4}
	for {
		resp, err := b.client.GetWorkflowExecutionHistoryReverse(b.ctx(), reverse)
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range resp.GetHistory().GetEvents() {
			backwards = append(backwards, event.GetEventId())
		}
		if reverse.NextPageToken = resp.GetNextPageToken(); len(reverse.NextPageToken) == 0 {
			break
		}
	}
	for i, id := range backwards {
		if id != int64(len(whole)-i) {
			t.Fatalf("backwards the events are %v", backwards)
		}
	}
	if len(backwards) != len(whole) {
		t.Errorf("%d events backwards, want %d", len(backwards), len(whole))
	}
	// A page token of one run is no good for another.
	req.MaximumPageSize, req.NextPageToken = 3, nil
	first, err := b.client.GetWorkflowExecutionHistory(b.ctx(), req)
	if err != nil {
		t.Fatal(err)
	}
	req.NextPageToken = first.GetNextPageToken()
	req.Execution.RunId = "00000000-0000-4000-8000-000000000000"
	_, err = b.client.GetWorkflowExecutionHistory(b.ctx(), req)
	var invalid *serviceerror.InvalidArgument
	if err := serviceerror.FromStatus(status.Convert(err)); !errors.As(err, &invalid) {
		t.Errorf("token of another run: %v, want InvalidArgument", err)
	}
}

func TestAQueryIsAnsweredDirectlyWhenNoTaskIsPending(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("w")
	b.complete(b.pollWorkflow())
	var workers sync.WaitGroup
	workers.Go(func() {
		task := b.pollWorkflow()
		if task.GetQuery().GetQueryType() != "state" || task.GetStartedEventId() != 0 || len(task.GetHistory().GetEvents()) != 4 {
			t.Errorf("query task is %v", task)
		}
		_, err := b.client.RespondQueryTaskCompleted(b.ctx(), &workflowservice.RespondQueryTaskCompletedRequest{Namespace: ns,
			TaskToken: task.GetTaskToken(), CompletedType: enumspb.QUERY_RESULT_TYPE_ANSWERED, QueryResult: payload("waiting")})
		if err != nil {
			t.Errorf("answering: %v", err)
		}
		_, err = b.client.RespondQueryTaskCompleted(b.ctx(), &workflowservice.RespondQueryTaskCompletedRequest{Namespace: ns,
			TaskToken: task.GetTaskToken(), CompletedType: enumspb.QUERY_RESULT_TYPE_ANSWERED})
		var notFound *serviceerror.NotFound
		if err := serviceerror.FromStatus(status.Convert(err)); !errors.As(err, &notFound) {
			t.Errorf("answering twice: %v, want NotFound", err)
		}
	})
	resp, err := b.client.QueryWorkflow(b.ctx(), &workflowservice.QueryWorkflowRequest{Namespace: ns, Execution: execution("w"), Query: &querypb.WorkflowQuery{QueryType: "state"}})
	if err != nil || text(resp.GetQueryResult()) != "waiting" {
		t.Errorf("the query was answered %v, %v", resp, err)
	}
	workers.Wait()
}

func TestAQueryTravelsWithThePendingTask(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("w")
	type answer struct {
		resp *workflowservice.QueryWorkflowResponse
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		resp, err := b.client.QueryWorkflow(b.ctx(), &workflowservice.QueryWorkflowRequest{Namespace: ns, Execution: execution("w"), Query: &querypb.WorkflowQuery{QueryType: "state"}})
		answers <- answer{resp, err}
	}()
	// The query may come before the task is polled or after it has been; then it
	// travels with the next one.
	for done := false; !done; {
		task := b.pollWorkflow()
		req := &workflowservice.RespondWorkflowTaskCompletedRequest{Namespace: ns, TaskToken: task.GetTaskToken()}
		if len(task.GetQueries()) == 0 {
			req.ForceCreateNewWorkflowTask = true
		}
		for id := range task.GetQueries() {
			done = true
			req.QueryResults = map[string]*querypb.WorkflowQueryResult{id: {ResultType: enumspb.QUERY_RESULT_TYPE_FAILED, ErrorMessage: "unknown query"}}
		}
		if task.GetQuery() != nil {
			t.Fatal("the query was dispatched directly")
		}
		if _, err := b.client.RespondWorkflowTaskCompleted(b.ctx(), req); err != nil {
			t.Fatal(err)
		}
	}
	a := <-answers
	var failed *serviceerror.QueryFailed
	if err := serviceerror.FromStatus(status.Convert(a.err)); !errors.As(err, &failed) || failed.Message != "unknown query" {
		t.Errorf("the query was answered %v, %v; want QueryFailed", a.resp, err)
	}
}

func TestAQueryThatNoWorkerTakesTimesOut(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("w")
	b.complete(b.pollWorkflow(), completeWorkflow("done"))
	ctx, cancel := context.WithTimeout(b.ctx(), 200*time.Millisecond)
	defer cancel()
	_, err := b.client.QueryWorkflow(ctx, &workflowservice.QueryWorkflowRequest{Namespace: ns, Execution: execution("w"), Query: &querypb.WorkflowQuery{QueryType: "state"}})
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) || status.Code(err).String() != "DeadlineExceeded" {
		t.Errorf("error is %v, want DeadlineExceeded", err)
	}
}

func TestAnEagerStartReturnsTheFirstTask(t *testing.T) {
	b := start(t, server.Options{})
	resp := b.startWorkflow("w", func(r *workflowservice.StartWorkflowExecutionRequest) { r.RequestEagerExecution = true })
	task := resp.GetEagerWorkflowTask()
	if len(task.GetTaskToken()) == 0 {
		t.Fatalf("start was answered %v", resp)
	}
	b.checkEvents(task.GetHistory().GetEvents(),
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED)
	b.complete(task, completeWorkflow("done"))
}

func TestTheNextTaskIsReturnedWithTheCompletion(t *testing.T) {
	b := start(t, server.Options{})
	b.startWorkflow("w")
	task := b.pollWorkflow()
	resp, err := b.client.RespondWorkflowTaskCompleted(b.ctx(), &workflowservice.RespondWorkflowTaskCompletedRequest{
		TaskToken: task.GetTaskToken(), ForceCreateNewWorkflowTask: true, ReturnNewWorkflowTask: true})
	if err != nil {
		t.Fatal(err)
	}
	next := resp.GetWorkflowTask()
	b.checkEvents(next.GetHistory().GetEvents(), enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED)
	b.complete(next, completeWorkflow("done"))
}

func TestAStickyTaskGoesToTheWorkersOwnQueueWithTheNewEventsOnly(t *testing.T) {
	b := start(t, server.Options{})
	sticky := &taskqueuepb.TaskQueue{Name: "worker-1", Kind: enumspb.TASK_QUEUE_KIND_STICKY, NormalName: queue}
	poll := func(wait time.Duration) *workflowservice.PollWorkflowTaskQueueResponse {
		ctx, cancel := context.WithTimeout(b.ctx(), wait)
		defer cancel()
		resp, err := b.client.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{Namespace: ns, TaskQueue: sticky, Identity: "worker"})
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	b.startWorkflow("w")
	task := b.pollWorkflow()
	polled := make(chan *workflowservice.PollWorkflowTaskQueueResponse, 1)
	go func() { polled <- poll(20 * time.Second) }()
	for {
		d, err := b.client.DescribeTaskQueue(b.ctx(), &workflowservice.DescribeTaskQueueRequest{Namespace: ns, TaskQueue: sticky})
		if err != nil {
			t.Fatal(err)
		}
		if len(d.GetPollers()) == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	_, err := b.client.RespondWorkflowTaskCompleted(b.ctx(), &workflowservice.RespondWorkflowTaskCompletedRequest{
		TaskToken: task.GetTaskToken(), ForceCreateNewWorkflowTask: true,
		StickyAttributes: &taskqueuepb.StickyExecutionAttributes{WorkerTaskQueue: sticky, ScheduleToStartTimeout: durationpb.New(5 * time.Second)}})
	if err != nil {
		t.Fatal(err)
	}
	next := <-polled
	b.checkEvents(next.GetHistory().GetEvents(), enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED)
	if next.GetWorkflowExecutionTaskQueue().GetName() != queue {
		t.Errorf("the task names the queue %v", next.GetWorkflowExecutionTaskQueue())
	}
	if _, err := b.client.ShutdownWorker(b.ctx(), &workflowservice.ShutdownWorkerRequest{Namespace: ns, StickyTaskQueue: "worker-1"}); err != nil {
		t.Fatal(err)
	}
}

func TestCancelTerminateAndSignalWithStart(t *testing.T) {
	b := start(t, server.Options{})
	resp, err := b.client.SignalWithStartWorkflowExecution(b.ctx(), &workflowservice.SignalWithStartWorkflowExecutionRequest{
		Namespace: ns, WorkflowId: "w", WorkflowType: &commonpb.WorkflowType{Name: "order"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, SignalName: "s"})
	if err != nil || !resp.GetStarted() {
		t.Fatalf("signal with start: %v, %v", resp, err)
	}
	for range 2 {
		if _, err := b.client.RequestCancelWorkflowExecution(b.ctx(), &workflowservice.RequestCancelWorkflowExecutionRequest{Namespace: ns, WorkflowExecution: execution("w")}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.client.TerminateWorkflowExecution(b.ctx(), &workflowservice.TerminateWorkflowExecutionRequest{Namespace: ns, WorkflowExecution: execution("w")}); err != nil {
		t.Fatal(err)
	}
	events := b.history("w")
	b.checkEvents(events, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
		enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED)
	if a := events[4].GetWorkflowExecutionTerminatedEventAttributes(); a.GetReason() == "" || a.GetIdentity() == "" {
		t.Errorf("a termination without reason and identity is recorded as %v", a)
	}
	_, err = b.client.SignalWorkflowExecution(b.ctx(), &workflowservice.SignalWorkflowExecutionRequest{Namespace: ns, WorkflowExecution: execution("w"), SignalName: "late"})
	var notFound *serviceerror.NotFound
	if err := serviceerror.FromStatus(status.Convert(err)); !errors.As(err, &notFound) || notFound.Message != "workflow execution already completed" {
		t.Errorf("signal after close: %v", err)
	}
}
