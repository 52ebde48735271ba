package test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	querypb "go.temporal.io/api/query/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// A bad call is answered with the gRPC code and the kind of detail with which
// the Temporal server answers it. The golden file has one line a call.

// badCall is one call and what it needs before.
type badCall struct {
	name string
	call func(b *bad) error
}

// bad is where bad calls are made: a server with one running workflow that has no
// worker, one that is closed, and tokens of tasks of both.
type bad struct {
	ctx    context.Context
	client workflowservice.WorkflowServiceClient
	prefix string

	running, closed *commonpb.WorkflowExecution
	// other is another namespace.
	other string
	// finishedToken is of the workflow task that closed the closed workflow.
	finishedToken []byte
}

const namespace = "default"

func (b *bad) queue() *taskqueuepb.TaskQueue { return &taskqueuepb.TaskQueue{Name: b.prefix} }

// startRequest is a valid start of a new workflow.
func (b *bad) startRequest() *workflowservice.StartWorkflowExecutionRequest {
	return &workflowservice.StartWorkflowExecutionRequest{
		Namespace:    namespace,
		WorkflowId:   b.prefix + "-" + uuid.NewString(),
		WorkflowType: &commonpb.WorkflowType{Name: "type"},
		TaskQueue:    b.queue(),
		RequestId:    uuid.NewString(),
	}
}

func (b *bad) start(change func(*workflowservice.StartWorkflowExecutionRequest)) error {
	request := b.startRequest()
	change(request)
	_, err := b.client.StartWorkflowExecution(b.ctx, request)
	return err
}

func newBad(t *testing.T, address string) *bad {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	t.Cleanup(cancel)
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	b := &bad{ctx: ctx, client: workflowservice.NewWorkflowServiceClient(conn), prefix: "bad-" + uuid.NewString()[:8]}

	b.other = b.prefix + "-other"
	if _, err := b.client.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace: b.other, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)}); err != nil {
		t.Fatal(err)
	}

	// The closed workflow has a queue of its own, from which its task is taken.
	request := b.startRequest()
	request.TaskQueue = &taskqueuepb.TaskQueue{Name: b.prefix + "-closed"}
	started, err := b.client.StartWorkflowExecution(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	b.closed = &commonpb.WorkflowExecution{WorkflowId: request.WorkflowId, RunId: started.RunId}
	task, err := b.client.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{
		Namespace: namespace, TaskQueue: request.TaskQueue, Identity: "test"})
	if err != nil {
		t.Fatal(err)
	}
	b.finishedToken = task.TaskToken
	if _, err := b.client.TerminateWorkflowExecution(ctx, &workflowservice.TerminateWorkflowExecutionRequest{
		Namespace: namespace, WorkflowExecution: b.closed}); err != nil {
		t.Fatal(err)
	}

	request = b.startRequest()
	started, err = b.client.StartWorkflowExecution(ctx, request)
	if err != nil {
		t.Fatal(err)
	}
	b.running = &commonpb.WorkflowExecution{WorkflowId: request.WorkflowId, RunId: started.RunId}
	return b
}

const timeout = 2 * time.Minute

func unknownExecution() *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: "no-such-workflow-" + uuid.NewString()}
}

func payloadOf(size int) *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{{
		Metadata: map[string][]byte{"encoding": []byte("binary/plain")}, Data: make([]byte, size)}}}
}

var long = strings.Repeat("x", 1001)

// startCases are bad starts, by what is bad about them.
var startCases = []struct {
	name   string
	change func(*workflowservice.StartWorkflowExecutionRequest)
}{
	{"no namespace", func(r *workflowservice.StartWorkflowExecutionRequest) { r.Namespace = "" }},
	{"an unknown namespace", func(r *workflowservice.StartWorkflowExecutionRequest) { r.Namespace = "no-such-namespace" }},
	{"no workflow id", func(r *workflowservice.StartWorkflowExecutionRequest) { r.WorkflowId = "" }},
	{"a workflow id that is too long", func(r *workflowservice.StartWorkflowExecutionRequest) { r.WorkflowId = long }},
	{"no workflow type", func(r *workflowservice.StartWorkflowExecutionRequest) { r.WorkflowType = nil }},
	{"a workflow type that is too long", func(r *workflowservice.StartWorkflowExecutionRequest) { r.WorkflowType.Name = long }},
	{"no task queue", func(r *workflowservice.StartWorkflowExecutionRequest) { r.TaskQueue = nil }},
	{"an empty task queue", func(r *workflowservice.StartWorkflowExecutionRequest) { r.TaskQueue.Name = "" }},
	{"a task queue that is too long", func(r *workflowservice.StartWorkflowExecutionRequest) { r.TaskQueue.Name = long }},
	{"a reserved task queue", func(r *workflowservice.StartWorkflowExecutionRequest) { r.TaskQueue.Name = "/_sys/queue/1" }},
	{"a request id that is too long", func(r *workflowservice.StartWorkflowExecutionRequest) { r.RequestId = long }},
	{"a negative execution timeout", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.WorkflowExecutionTimeout = durationpb.New(-time.Second)
	}},
	{"a negative run timeout", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.WorkflowRunTimeout = durationpb.New(-time.Second)
	}},
	{"a negative task timeout", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.WorkflowTaskTimeout = durationpb.New(-time.Second)
	}},
	{"a negative start delay", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.WorkflowStartDelay = durationpb.New(-time.Second)
	}},
	{"a malformed duration", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.WorkflowRunTimeout = &durationpb.Duration{Seconds: 1, Nanos: -1}
	}},
	{"a retry policy with a negative interval", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.RetryPolicy = &commonpb.RetryPolicy{InitialInterval: durationpb.New(-time.Second)}
	}},
	{"a retry policy with a coefficient below 1", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.RetryPolicy = &commonpb.RetryPolicy{BackoffCoefficient: 0.5}
	}},
	{"a retry policy with negative attempts", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.RetryPolicy = &commonpb.RetryPolicy{MaximumAttempts: -1}
	}},
	{"a retry policy whose maximum is below its initial interval", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.RetryPolicy = &commonpb.RetryPolicy{InitialInterval: durationpb.New(2 * time.Second), MaximumInterval: durationpb.New(time.Second)}
	}},
	{"an input that is too large", func(r *workflowservice.StartWorkflowExecutionRequest) { r.Input = payloadOf(2<<20 + 1) }},
	{"a memo that is too large", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.Memo = &commonpb.Memo{Fields: map[string]*commonpb.Payload{"k": payloadOf(2<<20 + 1).Payloads[0]}}
	}},
	{"a request that is larger than a message may be", func(r *workflowservice.StartWorkflowExecutionRequest) { r.Input = payloadOf(5 << 20) }},
	{"a malformed cron schedule", func(r *workflowservice.StartWorkflowExecutionRequest) { r.CronSchedule = "every now and then" }},
	{"a start delay with a cron schedule", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.CronSchedule = "@daily"
		r.WorkflowStartDelay = durationpb.New(time.Second)
	}},
	{"policies that contradict each other", func(r *workflowservice.StartWorkflowExecutionRequest) {
		//lint:ignore SA1019 older clients still send it
		r.WorkflowIdReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING
		r.WorkflowIdConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	}},
	{"an unknown search attribute", searchAttribute("NoSuchAttribute", `"x"`)},
	{"a system search attribute", searchAttribute("WorkflowId", `"x"`)},
	{"a search attribute that only servers set", searchAttribute("TemporalWorkerDeployment", `"x"`)},
	{"a search attribute that SDKs set", searchAttribute("TemporalChangeVersion", `["x"]`)},
	{"a search attribute of the wrong type", searchAttribute("BuildIds", `1`)},
	{"a search attribute that is no list", searchAttribute("BuildIds", `"x"`)},
	{"a list for a search attribute of one value", searchAttribute("BatcherUser", `["x", "y"]`)},
	{"a search attribute that is null", searchAttribute("BatcherUser", `null`)},
	{"a search attribute that is no time", searchAttribute("TemporalScheduledStartTime", `"today"`)},
	{"a search attribute that is too large", searchAttribute("BatcherUser", `"`+strings.Repeat("x", 2048)+`"`)},
	{"a search attribute without an encoding", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{"BatcherUser": {Data: []byte(`"x"`)}}}
	}},
	{"an empty search attribute", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{"BatcherUser": {}}}
	}},
}

// searchAttribute sets one search attribute to a value in JSON.
func searchAttribute(name, value string) func(*workflowservice.StartWorkflowExecutionRequest) {
	return func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{
			name: {Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(value)}}}
	}
}

var otherCalls = []badCall{
	{"start: the workflow id is running", func(b *bad) error {
		return b.start(func(r *workflowservice.StartWorkflowExecutionRequest) { r.WorkflowId = b.running.WorkflowId })
	}},
	{"start: reuse of a closed workflow id is rejected", func(b *bad) error {
		return b.start(func(r *workflowservice.StartWorkflowExecutionRequest) {
			r.WorkflowId = b.closed.WorkflowId
			r.WorkflowIdReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
		})
	}},
	{"signal: an unknown workflow", func(b *bad) error {
		_, err := b.client.SignalWorkflowExecution(b.ctx, &workflowservice.SignalWorkflowExecutionRequest{
			Namespace: namespace, WorkflowExecution: unknownExecution(), SignalName: "s"})
		return err
	}},
	{"signal: a closed workflow", func(b *bad) error {
		_, err := b.client.SignalWorkflowExecution(b.ctx, &workflowservice.SignalWorkflowExecutionRequest{
			Namespace: namespace, WorkflowExecution: b.closed, SignalName: "s"})
		return err
	}},
	{"signal: no name", func(b *bad) error {
		_, err := b.client.SignalWorkflowExecution(b.ctx, &workflowservice.SignalWorkflowExecutionRequest{
			Namespace: namespace, WorkflowExecution: b.running})
		return err
	}},
	{"signal: no workflow", func(b *bad) error {
		_, err := b.client.SignalWorkflowExecution(b.ctx, &workflowservice.SignalWorkflowExecutionRequest{
			Namespace: namespace, SignalName: "s"})
		return err
	}},
	{"signal: a run id that is no uuid", func(b *bad) error {
		_, err := b.client.SignalWorkflowExecution(b.ctx, &workflowservice.SignalWorkflowExecutionRequest{
			Namespace: namespace, SignalName: "s",
			WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: b.running.WorkflowId, RunId: "run"}})
		return err
	}},
	{"signal: an input that is too large", func(b *bad) error {
		_, err := b.client.SignalWorkflowExecution(b.ctx, &workflowservice.SignalWorkflowExecutionRequest{
			Namespace: namespace, WorkflowExecution: b.running, SignalName: "s", Input: payloadOf(2<<20 + 1)})
		return err
	}},
	{"signal with start: no signal name", func(b *bad) error {
		_, err := b.client.SignalWithStartWorkflowExecution(b.ctx, &workflowservice.SignalWithStartWorkflowExecutionRequest{
			Namespace: namespace, WorkflowId: b.prefix, WorkflowType: &commonpb.WorkflowType{Name: "t"}, TaskQueue: b.queue()})
		return err
	}},
	{"signal with start: conflict policy fail", func(b *bad) error {
		_, err := b.client.SignalWithStartWorkflowExecution(b.ctx, &workflowservice.SignalWithStartWorkflowExecutionRequest{
			Namespace: namespace, WorkflowId: b.prefix, WorkflowType: &commonpb.WorkflowType{Name: "t"}, TaskQueue: b.queue(),
			SignalName: "s", WorkflowIdConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL})
		return err
	}},
	{"cancel: an unknown workflow", func(b *bad) error {
		_, err := b.client.RequestCancelWorkflowExecution(b.ctx, &workflowservice.RequestCancelWorkflowExecutionRequest{
			Namespace: namespace, WorkflowExecution: unknownExecution()})
		return err
	}},
	{"cancel: a closed workflow", func(b *bad) error {
		_, err := b.client.RequestCancelWorkflowExecution(b.ctx, &workflowservice.RequestCancelWorkflowExecutionRequest{
			Namespace: namespace, WorkflowExecution: b.closed})
		return err
	}},
	{"cancel: another chain of runs", func(b *bad) error {
		_, err := b.client.RequestCancelWorkflowExecution(b.ctx, &workflowservice.RequestCancelWorkflowExecutionRequest{
			Namespace: namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: b.running.WorkflowId},
			FirstExecutionRunId: uuid.NewString()})
		return err
	}},
	{"terminate: an unknown workflow", func(b *bad) error {
		_, err := b.client.TerminateWorkflowExecution(b.ctx, &workflowservice.TerminateWorkflowExecutionRequest{
			Namespace: namespace, WorkflowExecution: unknownExecution()})
		return err
	}},
	{"terminate: a closed workflow", func(b *bad) error {
		_, err := b.client.TerminateWorkflowExecution(b.ctx, &workflowservice.TerminateWorkflowExecutionRequest{
			Namespace: namespace, WorkflowExecution: b.closed})
		return err
	}},
	{"reset: an unknown workflow", func(b *bad) error {
		return b.reset(func(r *resetRequest) { r.WorkflowExecution = unknownExecution() })
	}},
	{"reset: no workflow", func(b *bad) error {
		return b.reset(func(r *resetRequest) { r.WorkflowExecution = nil })
	}},
	{"reset: no request id", func(b *bad) error {
		return b.reset(func(r *resetRequest) { r.RequestId = "" })
	}},
	{"reset: a request id that is too long", func(b *bad) error {
		return b.reset(func(r *resetRequest) { r.RequestId = strings.Repeat("x", 1001) })
	}},
	{"reset: no event", func(b *bad) error {
		return b.reset(func(r *resetRequest) { r.WorkflowTaskFinishEventId = 0 })
	}},
	{"reset: the first event", func(b *bad) error {
		return b.reset(func(r *resetRequest) { r.WorkflowTaskFinishEventId = 1 })
	}},
	{"reset: an event that no task comes before", func(b *bad) error {
		return b.reset(func(r *resetRequest) { r.WorkflowTaskFinishEventId = 2 })
	}},
	{"reset: an event after the last", func(b *bad) error {
		return b.reset(func(r *resetRequest) { r.WorkflowTaskFinishEventId = 1000 })
	}},
	{"reset: a type of reapplying that there is not", func(b *bad) error {
		return b.reset(func(r *resetRequest) {
			//lint:ignore SA1019 older clients use it
			r.ResetReapplyType = 77
		})
	}},
	{"reset: an empty operation after it", func(b *bad) error {
		return b.reset(func(r *resetRequest) { r.PostResetOperations = []*workflowpb.PostResetOperation{{}} })
	}},
	{"reset: options without a version to pin to", func(b *bad) error {
		return b.reset(func(r *resetRequest) {
			r.PostResetOperations = []*workflowpb.PostResetOperation{{Variant: &workflowpb.PostResetOperation_UpdateWorkflowOptions_{
				UpdateWorkflowOptions: &workflowpb.PostResetOperation_UpdateWorkflowOptions{
					WorkflowExecutionOptions: &workflowpb.WorkflowExecutionOptions{VersioningOverride: &workflowpb.VersioningOverride{}},
					UpdateMask:               &fieldmaskpb.FieldMask{Paths: []string{"versioning_override"}}}}}}
		})
	}},
	{"describe: an unknown workflow", func(b *bad) error {
		_, err := b.client.DescribeWorkflowExecution(b.ctx, &workflowservice.DescribeWorkflowExecutionRequest{
			Namespace: namespace, Execution: unknownExecution()})
		return err
	}},
	{"describe: no workflow", func(b *bad) error {
		_, err := b.client.DescribeWorkflowExecution(b.ctx, &workflowservice.DescribeWorkflowExecutionRequest{Namespace: namespace})
		return err
	}},
	{"history: an unknown workflow", func(b *bad) error {
		_, err := b.client.GetWorkflowExecutionHistory(b.ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: namespace, Execution: unknownExecution()})
		return err
	}},
	{"history: an unknown run", func(b *bad) error {
		_, err := b.client.GetWorkflowExecutionHistory(b.ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: b.running.WorkflowId, RunId: uuid.NewString()}})
		return err
	}},
	{"history: a malformed page token", func(b *bad) error {
		_, err := b.client.GetWorkflowExecutionHistory(b.ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{
			Namespace: namespace, Execution: b.running, NextPageToken: []byte("nonsense")})
		return err
	}},
	{"reverse history: an unknown workflow", func(b *bad) error {
		_, err := b.client.GetWorkflowExecutionHistoryReverse(b.ctx, &workflowservice.GetWorkflowExecutionHistoryReverseRequest{
			Namespace: namespace, Execution: unknownExecution()})
		return err
	}},
	{"query: an unknown workflow", func(b *bad) error {
		_, err := b.client.QueryWorkflow(b.ctx, &workflowservice.QueryWorkflowRequest{
			Namespace: namespace, Execution: unknownExecution(), Query: &querypb.WorkflowQuery{QueryType: "q"}})
		return err
	}},
	{"query: no query", func(b *bad) error {
		_, err := b.client.QueryWorkflow(b.ctx, &workflowservice.QueryWorkflowRequest{Namespace: namespace, Execution: b.running})
		return err
	}},
	{"poll: no task queue", func(b *bad) error {
		_, err := b.client.PollWorkflowTaskQueue(b.ctx, &workflowservice.PollWorkflowTaskQueueRequest{Namespace: namespace})
		return err
	}},
	{"poll: an unknown namespace", func(b *bad) error {
		_, err := b.client.PollActivityTaskQueue(b.ctx, &workflowservice.PollActivityTaskQueueRequest{
			Namespace: "no-such-namespace", TaskQueue: b.queue()})
		return err
	}},
	{"poll: a deadline that is too close", func(b *bad) error {
		ctx, cancel := context.WithTimeout(b.ctx, 1500*time.Millisecond)
		defer cancel()
		_, err := b.client.PollActivityTaskQueue(ctx, &workflowservice.PollActivityTaskQueueRequest{
			Namespace: namespace, TaskQueue: b.queue()})
		return err
	}},
	{"complete workflow task: no token", func(b *bad) error {
		_, err := b.client.RespondWorkflowTaskCompleted(b.ctx, &workflowservice.RespondWorkflowTaskCompletedRequest{Namespace: namespace})
		return err
	}},
	{"complete workflow task: a malformed token", func(b *bad) error {
		_, err := b.client.RespondWorkflowTaskCompleted(b.ctx, &workflowservice.RespondWorkflowTaskCompletedRequest{
			Namespace: namespace, TaskToken: []byte("nonsense")})
		return err
	}},
	{"complete workflow task: of a closed workflow", func(b *bad) error {
		_, err := b.client.RespondWorkflowTaskCompleted(b.ctx, &workflowservice.RespondWorkflowTaskCompletedRequest{
			Namespace: namespace, TaskToken: b.finishedToken})
		return err
	}},
	{"complete workflow task: token of another namespace", func(b *bad) error {
		_, err := b.client.RespondWorkflowTaskCompleted(b.ctx, &workflowservice.RespondWorkflowTaskCompletedRequest{
			Namespace: b.other, TaskToken: b.finishedToken})
		return err
	}},
	{"fail workflow task: of a closed workflow", func(b *bad) error {
		_, err := b.client.RespondWorkflowTaskFailed(b.ctx, &workflowservice.RespondWorkflowTaskFailedRequest{
			Namespace: namespace, TaskToken: b.finishedToken})
		return err
	}},
	{"complete activity: no token", func(b *bad) error {
		_, err := b.client.RespondActivityTaskCompleted(b.ctx, &workflowservice.RespondActivityTaskCompletedRequest{Namespace: namespace})
		return err
	}},
	{"complete activity: a malformed token", func(b *bad) error {
		_, err := b.client.RespondActivityTaskCompleted(b.ctx, &workflowservice.RespondActivityTaskCompletedRequest{
			Namespace: namespace, TaskToken: []byte("nonsense")})
		return err
	}},
	{"complete activity: token of a workflow task", func(b *bad) error {
		_, err := b.client.RespondActivityTaskCompleted(b.ctx, &workflowservice.RespondActivityTaskCompletedRequest{
			Namespace: namespace, TaskToken: b.finishedToken})
		return err
	}},
	{"fail activity: a failure that is no application failure", func(b *bad) error {
		_, err := b.client.RespondActivityTaskFailed(b.ctx, &workflowservice.RespondActivityTaskFailedRequest{
			Namespace: namespace, TaskToken: b.finishedToken, Failure: &failurepb.Failure{
				FailureInfo: &failurepb.Failure_TimeoutFailureInfo{TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{}}}})
		return err
	}},
	{"complete activity by id: no activity id", func(b *bad) error {
		_, err := b.client.RespondActivityTaskCompletedById(b.ctx, &workflowservice.RespondActivityTaskCompletedByIdRequest{
			Namespace: namespace, WorkflowId: b.running.WorkflowId})
		return err
	}},
	{"complete activity by id: an unknown activity", func(b *bad) error {
		_, err := b.client.RespondActivityTaskCompletedById(b.ctx, &workflowservice.RespondActivityTaskCompletedByIdRequest{
			Namespace: namespace, WorkflowId: b.running.WorkflowId, ActivityId: "no-such-activity"})
		return err
	}},
	{"heartbeat: a malformed token", func(b *bad) error {
		_, err := b.client.RecordActivityTaskHeartbeat(b.ctx, &workflowservice.RecordActivityTaskHeartbeatRequest{
			Namespace: namespace, TaskToken: []byte("nonsense")})
		return err
	}},
	{"heartbeat by id: an unknown activity", func(b *bad) error {
		_, err := b.client.RecordActivityTaskHeartbeatById(b.ctx, &workflowservice.RecordActivityTaskHeartbeatByIdRequest{
			Namespace: namespace, WorkflowId: b.running.WorkflowId, ActivityId: "no-such-activity"})
		return err
	}},
	{"answer query: a malformed token", func(b *bad) error {
		_, err := b.client.RespondQueryTaskCompleted(b.ctx, &workflowservice.RespondQueryTaskCompletedRequest{
			Namespace: namespace, TaskToken: []byte("nonsense")})
		return err
	}},
	{"register namespace: no name", func(b *bad) error {
		_, err := b.client.RegisterNamespace(b.ctx, &workflowservice.RegisterNamespaceRequest{
			WorkflowExecutionRetentionPeriod: durationpb.New(time.Hour)})
		return err
	}},
	{"register namespace: a name that is too long", func(b *bad) error {
		_, err := b.client.RegisterNamespace(b.ctx, &workflowservice.RegisterNamespaceRequest{
			Namespace: long, WorkflowExecutionRetentionPeriod: durationpb.New(time.Hour)})
		return err
	}},
	{"register namespace: a name that is taken", func(b *bad) error {
		_, err := b.client.RegisterNamespace(b.ctx, &workflowservice.RegisterNamespaceRequest{
			Namespace: namespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour)})
		return err
	}},
	{"register namespace: a retention that is too short", func(b *bad) error {
		_, err := b.client.RegisterNamespace(b.ctx, &workflowservice.RegisterNamespaceRequest{
			Namespace: b.prefix, WorkflowExecutionRetentionPeriod: durationpb.New(time.Minute)})
		return err
	}},
	{"describe namespace: unknown", func(b *bad) error {
		_, err := b.client.DescribeNamespace(b.ctx, &workflowservice.DescribeNamespaceRequest{Namespace: "no-such-namespace"})
		return err
	}},
	{"describe namespace: neither name nor id", func(b *bad) error {
		_, err := b.client.DescribeNamespace(b.ctx, &workflowservice.DescribeNamespaceRequest{})
		return err
	}},
}

type resetRequest = workflowservice.ResetWorkflowExecutionRequest

// reset resets the closed workflow, but for what change makes bad.
func (b *bad) reset(change func(*resetRequest)) error {
	req := &resetRequest{Namespace: namespace, WorkflowExecution: b.closed, RequestId: "reset", WorkflowTaskFinishEventId: 3}
	change(req)
	_, err := b.client.ResetWorkflowExecution(b.ctx, req)
	return err
}

// answers makes all bad calls and returns a line for each.
func answers(t *testing.T, address string) string {
	b := newBad(t, address)
	var text strings.Builder
	for _, c := range startCases {
		line(&text, "start: "+c.name, b.start(c.change))
	}
	for _, c := range otherCalls {
		line(&text, c.name, c.call(b))
	}
	return text.String()
}

// line writes what a call was answered with: the code and the types of details.
func line(text *strings.Builder, name string, err error) {
	s := status.Convert(err)
	if errors.Is(err, context.DeadlineExceeded) {
		s = status.FromContextError(err)
	}
	var details []string
	for _, detail := range s.Proto().GetDetails() {
		details = append(details, detail.TypeUrl[strings.LastIndex(detail.TypeUrl, ".")+1:])
	}
	fmt.Fprintf(text, "%-70s %s %s\n", name, s.Code(), strings.Join(details, " "))
}

var errorsGolden = filepath.Join("testdata", "errors.txt")

func TestRecordGoldenErrors(t *testing.T) {
	if !*record {
		t.Skip("only with -record; `make golden` starts a Temporal server and records")
	}
	if err := os.WriteFile(errorsGolden, []byte(answers(t, *peer)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestBadCallsAreAnsweredAsTheTemporalServerAnswersThem(t *testing.T) {
	if *record {
		t.Skip("recording")
	}
	golden, err := os.ReadFile(errorsGolden)
	if err != nil {
		t.Fatalf("no golden file, record it with `make golden`: %v", err)
	}
	got := answers(t, address)
	if diff := cmp.Diff(strings.Split(string(golden), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("answers differ (- Temporal server, + here):\n%s", diff)
	}
}
