package frontend

import (
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

func TestResetIsRefusedForBadForm(t *testing.T) {
	type request = workflowservice.ResetWorkflowExecutionRequest
	after := func(operation *workflowpb.PostResetOperation) func(*request) {
		return func(r *request) { r.PostResetOperations = []*workflowpb.PostResetOperation{operation} }
	}
	signal := func(name string, input *commonpb.Payloads, links ...*commonpb.Link) func(*request) {
		return after(&workflowpb.PostResetOperation{Variant: &workflowpb.PostResetOperation_SignalWorkflow_{
			SignalWorkflow: &workflowpb.PostResetOperation_SignalWorkflow{SignalName: name, Input: input, Links: links}}})
	}
	options := func(options *workflowpb.WorkflowExecutionOptions) func(*request) {
		return after(&workflowpb.PostResetOperation{Variant: &workflowpb.PostResetOperation_UpdateWorkflowOptions_{
			UpdateWorkflowOptions: &workflowpb.PostResetOperation_UpdateWorkflowOptions{
				WorkflowExecutionOptions: options, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"priority"}}}}})
	}
	d := newDoor(t)
	for name, c := range map[string]struct {
		change func(*request)
		code   codes.Code
		says   string
	}{
		"no request id":     {func(r *request) { r.RequestId = "" }, codes.InvalidArgument, "RequestId is not set on request."},
		"long request id":   {func(r *request) { r.RequestId = long(1001) }, codes.InvalidArgument, "RequestId length exceeds limit."},
		"nobody":            {func(r *request) { r.WorkflowExecution = nil }, codes.InvalidArgument, "Execution is not set on request."},
		"no workflow id":    {func(r *request) { r.WorkflowExecution.WorkflowId = "" }, codes.InvalidArgument, "WorkflowId is not set on request."},
		"bad run id":        {func(r *request) { r.WorkflowExecution.RunId = "1" }, codes.InvalidArgument, "Invalid RunId."},
		"big reason":        {func(r *request) { r.Reason = long(3 << 20) }, codes.InvalidArgument, "Blob data size exceeds limit."},
		"unknown type":      {func(r *request) { r.ResetReapplyType = enumspb.ResetReapplyType(77) }, codes.InvalidArgument, "unknown reset reapply type"}, //lint:ignore SA1019 older clients use it
		"nameless signal":   {signal("", nil), codes.InvalidArgument, "SignalName is not set on request."},
		"long signal":       {signal(long(1001), nil), codes.InvalidArgument, "SignalName length exceeds limit."},
		"big signal":        {signal("s", bytesPayload(3<<20)), codes.InvalidArgument, "Blob data size exceeds limit."},
		"link to nowhere":   {signal("s", nil, &commonpb.Link{}), codes.InvalidArgument, "link"},
		"negative priority": {options(&workflowpb.WorkflowExecutionOptions{Priority: &commonpb.Priority{PriorityKey: -1}}), codes.InvalidArgument, "priority key can't be negative"},
		"time skipping":     {options(&workflowpb.WorkflowExecutionOptions{TimeSkippingConfig: &commonpb.TimeSkippingConfig{}}), codes.Unimplemented, "Time-Skipping"},
	} {
		t.Run(name, func(t *testing.T) {
			req := &request{Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w"}, RequestId: "r", WorkflowTaskFinishEventId: 4}
			c.change(req)
			d.t = t
			d.refused(req, c.code, c.says)
		})
	}
}
