package frontend

import (
	"time"

	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/workflow"
)

// chain is what the frontend does to a workflow: the methods of *workflow.Chain,
// which documents them.
type chain interface {
	Start(*entity.Step, *workflowservice.StartWorkflowExecutionRequest) (*workflowservice.StartWorkflowExecutionResponse, error)
	SignalWithStart(*entity.Step, *workflowservice.SignalWithStartWorkflowExecutionRequest) (*workflowservice.SignalWithStartWorkflowExecutionResponse, error)
	Signal(*entity.Step, *workflowservice.SignalWorkflowExecutionRequest) error
	RequestCancel(*entity.Step, *workflowservice.RequestCancelWorkflowExecutionRequest) error
	Terminate(*entity.Step, *workflowservice.TerminateWorkflowExecutionRequest) error

	StartWorkflowTask(*entity.Step, *entity.Task, *workflowservice.PollWorkflowTaskQueueRequest) (*workflowservice.PollWorkflowTaskQueueResponse, error)
	CompleteWorkflowTask(*entity.Step, *records.TaskToken, *workflowservice.RespondWorkflowTaskCompletedRequest) (*workflow.Completion, error)
	FailWorkflowTask(*entity.Step, *records.TaskToken, *workflowservice.RespondWorkflowTaskFailedRequest) error
	ResetSticky(*entity.Step, *workflowservice.ResetStickyTaskQueueRequest) error

	StartActivity(*entity.Step, *entity.Task, *workflowservice.PollActivityTaskQueueRequest) (*workflowservice.PollActivityTaskQueueResponse, error)
	CompleteActivity(step *entity.Step, ref workflow.ActivityRef, result *commonpb.Payloads, identity string) error
	FailActivity(step *entity.Step, ref workflow.ActivityRef, failure *failurepb.Failure, lastHeartbeat *commonpb.Payloads, identity string) ([]*failurepb.Failure, error)
	CancelActivity(step *entity.Step, ref workflow.ActivityRef, details *commonpb.Payloads, identity string) error
	Heartbeat(step *entity.Step, ref workflow.ActivityRef, details *commonpb.Payloads, identity string) (cancelRequested bool, err error)

	Query(step *entity.Step, req *workflowservice.QueryWorkflowRequest, done func(*workflow.QueryResult)) (*workflow.QueryPlan, error)
	QueryReady(runID string) bool
	CancelQuery(runID, id string)
	DirectQueryTask(reader entity.Reader, runID string, input *querypb.WorkflowQuery, sticky bool, token []byte) (*workflowservice.PollWorkflowTaskQueueResponse, error)

	Describe(entity.Reader, time.Time, *workflowservice.DescribeWorkflowExecutionRequest) (*workflowservice.DescribeWorkflowExecutionResponse, error)
	ReadHistory(entity.Reader, workflow.HistoryRequest) (*workflow.HistoryPage, error)
	CloseEvent(reader entity.Reader, runID string) (*workflow.HistoryPage, error)
	HistoryEnd(runID string) (end int64, closed bool)
	Delete(*entity.Step, *workflowservice.DeleteWorkflowExecutionRequest) error
}

// The methods are those of the real thing; tests have others.
var _ chain = (*workflow.Chain)(nil)
