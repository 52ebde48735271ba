package client

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/header"
	"github.com/perdure/perdure/sdk/internal/searchattr"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// WorkflowExecutionMetadata is what the server knows about every workflow.
type WorkflowExecutionMetadata struct {
	// WorkflowExecution is the workflow id and the run id.
	WorkflowExecution execution.Workflow
	// WorkflowType is the workflow's type.
	WorkflowType execution.WorkflowType
	// TaskQueueName is the task queue that its workers poll.
	TaskQueueName string
	// Status says whether it is running, and if not, how it closed.
	Status enumspb.WorkflowExecutionStatus
	// Memo is its memo, still encoded. GetMemoValue decodes it.
	Memo *commonpb.Memo
	// TypedSearchAttributes are those that it was started with and has upserted, decoded.
	TypedSearchAttributes searchattr.SearchAttributes
	// ParentWorkflowExecution is the workflow that it is a child of, or nil.
	ParentWorkflowExecution *execution.Workflow
	// RootWorkflowExecution is the workflow at the top of the chain of parents, or nil if
	// the server does not say.
	RootWorkflowExecution *execution.Workflow
	// WorkflowStartTime is when the run was started.
	WorkflowStartTime time.Time
	// WorkflowCloseTime is when the run closed, or nil if it is running.
	WorkflowCloseTime *time.Time
	// ExecutionTime is when the run began to execute, or will: later than the start for
	// a run that is delayed. It is nil if the server does not say.
	ExecutionTime *time.Time
	// HistoryLength is the number of events in the run's history.
	HistoryLength int
}

// WorkflowExecutionDescription is the response of DescribeWorkflow.
type WorkflowExecutionDescription struct {
	WorkflowExecutionMetadata
	dc      converter.DataConverter
	summary *commonpb.Payload
	details *commonpb.Payload
}

// GetStaticSummary returns the summary that the workflow was started with, or an empty
// string.
func (d *WorkflowExecutionDescription) GetStaticSummary() (string, error) {
	return decodeString(d.dc, d.summary)
}

// GetStaticDetails returns the details that the workflow was started with, or an empty
// string.
func (d *WorkflowExecutionDescription) GetStaticDetails() (string, error) {
	return decodeString(d.dc, d.details)
}

// GetMemoValue decodes the value under key in the memo into what valuePtr points to. It
// returns temporal.ErrNoData if there is none.
func (d *WorkflowExecutionDescription) GetMemoValue(key string, valuePtr any) error {
	payload, ok := d.Memo.GetFields()[key]
	if !ok {
		return encoded.ErrNoData
	}
	return d.dc.FromPayload(payload, valuePtr)
}

// DescribeWorkflowExecution returns what the server knows about a workflow, as it says
// it.
func (c *Client) DescribeWorkflowExecution(ctx context.Context, workflowID, runID string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return c.service.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{
		Namespace: c.namespace,
		Execution: &commonpb.WorkflowExecution{WorkflowId: workflowID, RunId: runID},
	})
}

// DescribeWorkflow returns what the server knows about a workflow.
func (c *Client) DescribeWorkflow(ctx context.Context, workflowID, runID string) (*WorkflowExecutionDescription, error) {
	in := &ClientDescribeWorkflowInput{WorkflowID: workflowID, RunID: runID}
	out, err := c.outbound.DescribeWorkflow(header.WithoutFields(ctx), in)
	if err != nil {
		return nil, err
	}
	return out.Response, nil
}

func (o outbound) DescribeWorkflow(ctx context.Context, in *ClientDescribeWorkflowInput) (*ClientDescribeWorkflowOutput, error) {
	response, err := o.DescribeWorkflowExecution(ctx, in.WorkflowID, in.RunID)
	if err != nil {
		return nil, err
	}
	info := response.GetWorkflowExecutionInfo()
	metadata := response.GetExecutionConfig().GetUserMetadata()
	dc, _ := o.resultConverters(in.WorkflowID)
	return &ClientDescribeWorkflowOutput{Response: &WorkflowExecutionDescription{
		WorkflowExecutionMetadata: WorkflowExecutionMetadata{
			WorkflowExecution:       execution.WorkflowFromProto(info.GetExecution()),
			WorkflowType:            execution.WorkflowType{Name: info.GetType().GetName()},
			TaskQueueName:           info.GetTaskQueue(),
			Status:                  info.GetStatus(),
			Memo:                    info.GetMemo(),
			TypedSearchAttributes:   searchattr.Decode(o.logger, info.GetSearchAttributes()),
			ParentWorkflowExecution: optionalWorkflow(info.GetParentExecution()),
			RootWorkflowExecution:   optionalWorkflow(info.GetRootExecution()),
			WorkflowStartTime:       info.GetStartTime().AsTime(),
			WorkflowCloseTime:       optionalTime(info.GetCloseTime()),
			ExecutionTime:           optionalTime(info.GetExecutionTime()),
			HistoryLength:           int(info.GetHistoryLength()),
		},
		dc:      dc,
		summary: metadata.GetSummary(),
		details: metadata.GetDetails(),
	}}, nil
}

func optionalWorkflow(p *commonpb.WorkflowExecution) *execution.Workflow {
	if p == nil {
		return nil
	}
	w := execution.WorkflowFromProto(p)
	return &w
}

func optionalTime(p *timestamppb.Timestamp) *time.Time {
	if !p.IsValid() {
		return nil
	}
	t := p.AsTime()
	return &t
}

// timeOrZero returns the time of p, or the zero time if there is none.
func timeOrZero(p *timestamppb.Timestamp) time.Time {
	if p == nil {
		return time.Time{}
	}
	return p.AsTime()
}

// ResetWorkflowExecution starts a workflow again from a point in its history. The
// request gets a request id if it has none.
func (c *Client) ResetWorkflowExecution(ctx context.Context, request *workflowservice.ResetWorkflowExecutionRequest) (*workflowservice.ResetWorkflowExecutionResponse, error) {
	if request != nil && request.GetRequestId() == "" {
		request.RequestId = uuid.NewString()
	}
	return c.service.ResetWorkflowExecution(ctx, request)
}
