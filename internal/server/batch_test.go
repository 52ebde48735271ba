package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	batchpb "go.temporal.io/api/batch/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

type batchRequest = workflowservice.StartBatchOperationRequest

var (
	terminateAll = &workflowservice.StartBatchOperationRequest_TerminationOperation{TerminationOperation: &batchpb.BatchOperationTermination{Identity: "ann"}}
	cancelAll    = &workflowservice.StartBatchOperationRequest_CancellationOperation{CancellationOperation: &batchpb.BatchOperationCancellation{}}
	deleteAll    = &workflowservice.StartBatchOperationRequest_DeletionOperation{DeletionOperation: &batchpb.BatchOperationDeletion{}}
	resetAll     = &workflowservice.StartBatchOperationRequest_ResetOperation{ResetOperation: &batchpb.BatchOperationReset{
		Options: &commonpb.ResetOptions{Target: &commonpb.ResetOptions_FirstWorkflowTask{}}}}
)

func signalAll(name string) *workflowservice.StartBatchOperationRequest_SignalOperation {
	return &workflowservice.StartBatchOperationRequest_SignalOperation{SignalOperation: &batchpb.BatchOperationSignal{Signal: name}}
}

// fast lets batch operations do as much as they can.
var fast = []dynamicconfig.Override{{Key: "worker.batcherRPS", Value: "100000"}}

func (b *bench) startBatch(job string, req *batchRequest) error {
	req.Namespace, req.JobId, req.Reason = ns, job, "a reason"
	for ctx := b.ctx(); ; time.Sleep(time.Millisecond) {
		_, err := b.client.StartBatchOperation(ctx, req)
		if status.Code(err) != codes.Unavailable { // while the index is being built
			return err
		}
	}
}

func (b *bench) describeBatch(job string) *workflowservice.DescribeBatchOperationResponse {
	b.t.Helper()
	resp, err := b.client.DescribeBatchOperation(b.ctx(), &workflowservice.DescribeBatchOperationRequest{Namespace: ns, JobId: job})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp
}

// await waits until a batch operation has got somewhere.
func (b *bench) awaitBatch(job string, there func(*workflowservice.DescribeBatchOperationResponse) bool) *workflowservice.DescribeBatchOperationResponse {
	b.t.Helper()
	ctx := b.ctx()
	for ctx.Err() == nil {
		if resp := b.describeBatch(job); there(resp) {
			return resp
		}
		time.Sleep(time.Millisecond)
	}
	b.t.Fatalf("batch operation %s is %v", job, b.describeBatch(job))
	return nil
}

func closedBatch(resp *workflowservice.DescribeBatchOperationResponse) bool {
	return resp.State != enumspb.BATCH_OPERATION_STATE_RUNNING
}

// runBatch carries out a batch operation, and says how it has ended: state, and items in
// all, done and failed.
func (b *bench) runBatch(job string, req *batchRequest) string {
	b.t.Helper()
	if err := b.startBatch(job, req); err != nil {
		b.t.Fatal(err)
	}
	resp := b.awaitBatch(job, closedBatch)
	return fmt.Sprintf("%v %d %d %d", resp.State, resp.TotalOperationCount, resp.CompleteOperationCount, resp.FailureOperationCount)
}

// count is how many events of a type the current run of a workflow has.
func (b *bench) count(id string, event enumspb.EventType) (n int) {
	b.t.Helper()
	for _, e := range b.history(id) {
		if e.GetEventType() == event {
			n++
		}
	}
	return n
}

func TestABatchOperationActsOnAllThatItsQueryFindsAndOnNothingElse(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: append(fast, dynamicconfig.Override{Key: "frontend.WorkflowPauseEnabled", Value: "true"})})
	for i := range 7 {
		b.startWorkflow(fmt.Sprintf("a-%d", i))
	}
	b.startWorkflow("b")
	b.terminate("a-6")
	if _, err := b.client.PauseWorkflowExecution(b.ctx(), &workflowservice.PauseWorkflowExecutionRequest{Namespace: ns, WorkflowId: "a-5", Reason: "r", RequestId: "p"}); err != nil {
		t.Fatal(err)
	}
	if got := b.runBatch("job", &batchRequest{VisibilityQuery: "WorkflowId STARTS_WITH 'a-'", Operation: terminateAll}); got != "Completed 6 6 0" {
		t.Errorf("it ends %s", got)
	}
	b.expect("ExecutionStatus = 'Running'", "b")
	b.expect("ExecutionStatus = 'Terminated'", "a-0", "a-1", "a-2", "a-3", "a-4", "a-5", "a-6")
	last := b.history("a-5")
	if got := last[len(last)-1].GetWorkflowExecutionTerminatedEventAttributes(); got.GetReason() != "a reason" || got.GetIdentity() != "ann" {
		t.Errorf("a workflow is terminated with %v", got)
	}

	resp := b.describeBatch("job")
	if resp.OperationType != enumspb.BATCH_OPERATION_TYPE_TERMINATE_WORKFLOW || resp.Identity != "ann" || resp.Reason != "a reason" ||
		resp.Query != "WorkflowId STARTS_WITH 'a-'" || resp.StartTime == nil || resp.CloseTime == nil {
		t.Errorf("it is described as %v", resp)
	}
	b.expect("TemporalNamespaceDivision = 'TemporalBatcher' AND BatcherUser = 'ann' AND ExecutionStatus = 'Completed'", "job")
}

func TestABatchOperationActsOnWhatIsNamed(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: fast})
	old := b.startWorkflow("w")
	b.terminate("w")
	b.startWorkflow("w")
	b.startWorkflow("x")
	named := []*commonpb.WorkflowExecution{{WorkflowId: "w"}, {WorkflowId: "w", RunId: old.RunId}, {WorkflowId: "nothing"}}
	//lint:ignore SA1019 clients still use it
	if got := b.runBatch("1", &batchRequest{Executions: named, Operation: signalAll("s")}); got != "Completed 3 3 0" {
		t.Errorf("it ends %s", got)
	}
	if n := b.count("w", enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED); n != 1 {
		t.Errorf("the workflow has %d signals, want 1", n)
	}
	target := []*commonpb.Execution{{Type: enumspb.EXECUTION_TYPE_WORKFLOW, BusinessId: "x"}}
	if got := b.runBatch("2", &batchRequest{TargetExecutions: target, Operation: cancelAll}); got != "Completed 1 1 0" {
		t.Errorf("it ends %s", got)
	}
	if n := b.count("x", enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED); n != 1 {
		t.Errorf("the workflow has %d cancel requests, want 1", n)
	}
	if got := b.describeBatch("1").Executions; len(got) != 3 || got[1].RunId != old.RunId || got[1].Type != enumspb.EXECUTION_TYPE_WORKFLOW {
		t.Errorf("its executions are %v", got)
	}
}

func TestTheSameSignalOfTwoBatchOperationsArrivesTwice(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: fast})
	b.startWorkflow("w")
	for _, job := range []string{"1", "2"} {
		b.runBatch(job, &batchRequest{VisibilityQuery: "WorkflowId = 'w'", Operation: signalAll("s")})
	}
	if n := b.count("w", enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED); n != 2 {
		t.Errorf("the workflow has %d signals, want 2", n)
	}
}

func TestABatchOperationResetsEachRunOnceAndNotTheRunsItHasMade(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: fast})
	const workflows = 30
	for i := range workflows {
		b.startWorkflow(fmt.Sprint(i))
		b.complete(b.pollWorkflow())
	}
	if got := b.runBatch("job", &batchRequest{VisibilityQuery: "WorkflowType = '" + b.list("", 1)[0].Type.Name + "'", Operation: resetAll}); got != "Completed 30 30 0" {
		t.Errorf("it ends %s", got)
	}
	for i := range workflows {
		if runs := b.list(fmt.Sprintf("WorkflowId = '%d'", i), 0); len(runs) != 2 {
			t.Errorf("workflow %d has %d runs, want 2", i, len(runs))
		}
	}
}

func TestABatchOperationDeletes(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: fast})
	for _, id := range []string{"a", "b", "c"} {
		b.startWorkflow(id)
	}
	b.terminate("a")
	if got := b.runBatch("job", &batchRequest{VisibilityQuery: "WorkflowId IN ('a', 'b')", Operation: deleteAll}); got != "Completed 2 2 0" {
		t.Errorf("it ends %s", got)
	}
	b.expect("", "c")
}

func TestWhatABatchOperationCannotDoCountsAsFailed(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: fast})
	b.startWorkflow("w")
	b.startWorkflow("never ran")
	reset := &workflowservice.StartBatchOperationRequest_ResetOperation{ResetOperation: &batchpb.BatchOperationReset{
		Options: &commonpb.ResetOptions{Target: &commonpb.ResetOptions_BuildId{BuildId: "none"}}}}
	if got := b.runBatch("job", &batchRequest{VisibilityQuery: "ExecutionStatus = 'Running'", Operation: reset}); got != "Completed 2 0 2" {
		t.Errorf("it ends %s", got)
	}
}

func TestABatchOperationThatIsStoppedDoesNoMore(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: []dynamicconfig.Override{{Key: "worker.batcherRPS", Value: "1000"}}})
	for i := range 5 {
		b.startWorkflow(fmt.Sprint(i))
	}
	// At this rate the second would come in a minute.
	if err := b.startBatch("job", &batchRequest{VisibilityQuery: "ExecutionStatus = 'Running'", Operation: terminateAll, MaxOperationsPerSecond: 1. / 60}); err != nil {
		t.Fatal(err)
	}
	b.awaitBatch("job", func(resp *workflowservice.DescribeBatchOperationResponse) bool {
		return resp.CompleteOperationCount == 1
	})
	if err := b.startBatch("other", &batchRequest{VisibilityQuery: "ExecutionStatus = 'Running'", Operation: terminateAll}); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a second one beside it: %v", err)
	}
	if _, err := b.client.StopBatchOperation(b.ctx(), &workflowservice.StopBatchOperationRequest{Namespace: ns, JobId: "job", Reason: "enough"}); err != nil {
		t.Fatal(err)
	}
	resp := b.describeBatch("job")
	if resp.State != enumspb.BATCH_OPERATION_STATE_FAILED || resp.TotalOperationCount != 5 || resp.CompleteOperationCount != 1 || resp.CloseTime == nil {
		t.Errorf("it is %v", resp)
	}
	if _, err := b.client.StopBatchOperation(b.ctx(), &workflowservice.StopBatchOperationRequest{Namespace: ns, JobId: "job", Reason: "enough"}); status.Code(err) != codes.NotFound {
		t.Errorf("stopped again: %v", err)
	}
	if got := b.runBatch("other", &batchRequest{VisibilityQuery: "ExecutionStatus = 'Running'", Operation: terminateAll}); got != "Completed 4 4 0" {
		t.Errorf("the next one ends %s", got)
	}
	if err := b.startBatch("job", &batchRequest{VisibilityQuery: "ExecutionStatus = 'Running'", Operation: terminateAll}); status.Code(err) != codes.AlreadyExists {
		t.Errorf("its job id is used again: %v", err)
	}
}

func TestBatchOperationsAreListedThoseThatRunFirst(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: fast})
	for i := range 3 {
		b.runBatch(fmt.Sprint(i), &batchRequest{VisibilityQuery: "WorkflowId = 'none'", Operation: cancelAll})
	}
	var got []string
	req := &workflowservice.ListBatchOperationsRequest{Namespace: ns, PageSize: 2}
	for pages := 1; ; pages++ {
		resp, err := b.client.ListBatchOperations(b.ctx(), req)
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range resp.OperationInfo {
			got = append(got, info.JobId)
			if info.OperationType != enumspb.BATCH_OPERATION_TYPE_CANCEL_WORKFLOW || info.State != enumspb.BATCH_OPERATION_STATE_COMPLETED || info.CloseTime == nil {
				t.Errorf("lists %v", info)
			}
		}
		if req.NextPageToken = resp.NextPageToken; req.NextPageToken == nil {
			if pages != 2 {
				t.Errorf("%d pages, want 2", pages)
			}
			break
		}
	}
	if strings.Join(got, " ") != "2 1 0" {
		t.Errorf("lists %q, the latest first", got)
	}
	b.expect("")
}

func TestAQueryThatIsWrongStartsNoBatchOperation(t *testing.T) {
	b := start(t, server.Options{})
	for _, query := range []string{"()", "NoSuchAttribute = 1", "WorkflowId = 'x' -- rest", "WorkflowId = 'x') OR (WorkflowId = 'y'", "GROUP BY ExecutionStatus"} {
		if err := b.startBatch("job", &batchRequest{VisibilityQuery: query, Operation: cancelAll}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestABatchOperationTerminatesActivitiesWithoutAWorkflow(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: append(fast, dynamicconfig.Override{Key: "frontend.enableBatchOperationsForStandaloneActivities", Value: "true"})})
	for i := range 3 {
		_, err := b.client.StartActivityExecution(b.ctx(), &workflowservice.StartActivityExecutionRequest{
			Namespace: ns, ActivityId: fmt.Sprint("a-", i), ActivityType: &commonpb.ActivityType{Name: "work"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue},
			StartToCloseTimeout: durationpb.New(time.Hour), RequestId: fmt.Sprint("r-", i), Identity: "client"})
		if err != nil {
			t.Fatal(err)
		}
	}
	terminate := &workflowservice.StartBatchOperationRequest_TerminateActivitiesOperation{TerminateActivitiesOperation: &batchpb.BatchOperationTerminateActivities{Identity: "ann", Reason: "enough"}}
	if got := b.runBatch("job", &batchRequest{VisibilityQuery: "ActivityType = 'work'", Operation: terminate}); got != "Completed 3 3 0" {
		t.Errorf("it ends %s", got)
	}
	resp, err := b.client.DescribeActivityExecution(b.ctx(), &workflowservice.DescribeActivityExecutionRequest{Namespace: ns, ActivityId: "a-1"})
	if err != nil || resp.GetInfo().GetStatus() != enumspb.ACTIVITY_EXECUTION_STATUS_TERMINATED {
		t.Errorf("an activity is %v, %v", resp.GetInfo(), err)
	}
}
