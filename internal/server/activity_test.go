package server_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	batchpb "go.temporal.io/api/batch/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

func (b *bench) startActivity(id string) *workflowservice.StartActivityExecutionResponse {
	b.t.Helper()
	resp, err := b.client.StartActivityExecution(b.ctx(), &workflowservice.StartActivityExecutionRequest{
		Namespace: ns, ActivityId: id, ActivityType: &commonpb.ActivityType{Name: "type"},
		TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, StartToCloseTimeout: durationpb.New(time.Minute),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return resp
}

func TestAnActivityWithoutAWorkflowIsRunAndListedAcrossARestart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	b := start(t, server.Options{DataDir: dir})
	started := b.startActivity("a")
	b.startActivity("other")
	if err := b.server.Stop(b.ctx()); err != nil {
		t.Fatal(err)
	}

	b = start(t, server.Options{DataDir: dir})
	outcome := make(chan *workflowservice.PollActivityExecutionResponse, 1)
	go func() {
		resp, _ := b.client.PollActivityExecution(b.ctx(), &workflowservice.PollActivityExecutionRequest{Namespace: ns, ActivityId: "a"})
		outcome <- resp
	}()
	var task *workflowservice.PollActivityTaskQueueResponse
	for task.GetActivityId() != "a" {
		var err error
		if task, err = b.client.PollActivityTaskQueue(b.ctx(), &workflowservice.PollActivityTaskQueueRequest{
			Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}}); err != nil {
			t.Fatal(err)
		}
	}
	result := &commonpb.Payloads{Payloads: []*commonpb.Payload{{Data: []byte("done")}}}
	if _, err := b.client.RespondActivityTaskCompleted(b.ctx(), &workflowservice.RespondActivityTaskCompletedRequest{
		Namespace: ns, TaskToken: task.TaskToken, Result: result}); err != nil {
		t.Fatal(err)
	}
	if got := <-outcome; got.GetRunId() != started.RunId || !proto.Equal(got.GetOutcome().GetResult(), result) {
		t.Errorf("the outcome is %v", got)
	}

	list, err := b.client.ListActivityExecutions(b.ctx(), &workflowservice.ListActivityExecutionsRequest{
		Namespace: ns, Query: "ActivityId = 'a' AND ActivityType = 'type' AND ExecutionStatus = 'Completed'"})
	if err != nil || len(list.GetExecutions()) != 1 || list.Executions[0].GetStatus() != enumspb.ACTIVITY_EXECUTION_STATUS_COMPLETED {
		t.Errorf("the list is %v, %v", list, err)
	}
	count, err := b.client.CountActivityExecutions(b.ctx(), &workflowservice.CountActivityExecutionsRequest{Namespace: ns, Query: "GROUP BY ExecutionStatus"})
	if err != nil || count.GetCount() != 2 || len(count.GetGroups()) != 2 {
		t.Errorf("the count is %v, %v", count, err)
	}
	workflows, err := b.client.ListWorkflowExecutions(b.ctx(), &workflowservice.ListWorkflowExecutionsRequest{Namespace: ns})
	if err != nil || len(workflows.GetExecutions()) != 0 {
		t.Errorf("the list of workflows is %v, %v", workflows, err)
	}
}

func TestTheCallbackOfAnActivityWithoutAWorkflowIsCalled(t *testing.T) {
	called := make(chan http.Header, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { called <- r.Header }))
	defer receiver.Close()
	b := start(t, server.Options{DynamicConfig: append([]dynamicconfig.Override{{Key: "activity.enableCallbacks", Value: "true"}}, anyAddress...)})
	if _, err := b.client.StartActivityExecution(b.ctx(), &workflowservice.StartActivityExecutionRequest{
		Namespace: ns, ActivityId: "a", ActivityType: &commonpb.ActivityType{Name: "type"},
		TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, StartToCloseTimeout: durationpb.New(time.Minute),
		CompletionCallbacks: []*commonpb.Callback{{Variant: &commonpb.Callback_Nexus_{Nexus: &commonpb.Callback_Nexus{Url: receiver.URL}}}},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.client.RespondActivityTaskCompletedById(b.ctx(), &workflowservice.RespondActivityTaskCompletedByIdRequest{Namespace: ns, ActivityId: "a"}); err != nil {
		t.Fatal(err)
	}
	header := <-called
	if header.Get("Nexus-Operation-State") != "succeeded" || !strings.Contains(header.Get("Nexus-Link"), "/namespaces/default/activities/a/") {
		t.Errorf("the callback has the header %v", header)
	}
	for {
		resp, err := b.client.DescribeActivityExecution(b.ctx(), &workflowservice.DescribeActivityExecutionRequest{Namespace: ns, ActivityId: "a"})
		if err != nil || len(resp.GetCallbacks()) != 1 {
			t.Fatalf("described as %v, %v", resp, err)
		}
		if resp.Callbacks[0].GetInfo().GetState() == enumspb.CALLBACK_STATE_SUCCEEDED {
			break
		}
	}
}

func TestABatchOperationActsOnActivitiesWithoutAWorkflow(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: append([]dynamicconfig.Override{
		{Key: "frontend.enableBatchOperationsForStandaloneActivities", Value: "true"}}, fast...)})
	for _, id := range []string{"a-1", "a-2", "b"} {
		b.startActivity(id)
	}
	terminate := &workflowservice.StartBatchOperationRequest_TerminateActivitiesOperation{
		TerminateActivitiesOperation: &batchpb.BatchOperationTerminateActivities{Identity: "ann"}}
	if got := b.runBatch("job", &batchRequest{VisibilityQuery: "ActivityId STARTS_WITH 'a-' AND ActivityType = 'type'", Operation: terminate}); got != "Completed 2 2 0" {
		t.Errorf("it ends %s", got)
	}
	for id, want := range map[string]enumspb.ActivityExecutionStatus{
		"a-1": enumspb.ACTIVITY_EXECUTION_STATUS_TERMINATED, "a-2": enumspb.ACTIVITY_EXECUTION_STATUS_TERMINATED, "b": enumspb.ACTIVITY_EXECUTION_STATUS_RUNNING,
	} {
		resp, err := b.client.DescribeActivityExecution(b.ctx(), &workflowservice.DescribeActivityExecutionRequest{Namespace: ns, ActivityId: id})
		if err != nil || resp.GetInfo().GetStatus() != want {
			t.Errorf("activity %s is %v, %v", id, resp.GetInfo().GetStatus(), err)
		}
	}
}
