package server_test

import (
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

func TestAWorkflowThatSkipsTimeDoesNotWaitForItsTimers(t *testing.T) {
	b := start(t, server.Options{DynamicConfig: []dynamicconfig.Override{{Key: "frontend.WorkflowTimeSkippingEnabled", Value: "true"}}})
	b.startWorkflow("w", func(r *workflowservice.StartWorkflowExecutionRequest) {
		r.TimeSkippingConfig = &commonpb.TimeSkippingConfig{
			Enabled: true, FastForwardConfig: &commonpb.FastForwardConfig{Id: "f", Duration: durationpb.New(36 * time.Hour)}}
	})
	b.complete(b.pollWorkflow(), startTimer("day", 24*time.Hour), startTimer("year", 365*24*time.Hour))
	b.complete(b.pollWorkflow())
	resp, err := b.client.PollWorkflowExecutionTimeSkipping(b.ctx(), &workflowservice.PollWorkflowExecutionTimeSkippingRequest{
		Namespace: ns, WorkflowExecution: execution("w"), FastForwardId: "f"})
	if err != nil || resp.FastForwardPollingResult != enumspb.FAST_FORWARD_POLLING_RESULT_FAST_FORWARD_COMPLETED {
		t.Fatalf("response is %v, error %v", resp, err)
	}
	described, err := b.client.DescribeWorkflowExecution(b.ctx(), &workflowservice.DescribeWorkflowExecutionRequest{Namespace: ns, Execution: execution("w")})
	if err != nil {
		t.Fatal(err)
	}
	began := described.WorkflowExecutionInfo.StartTime.AsTime()
	if now := described.WorkflowExtendedInfo.TimeSkippingInfo.CurrentTime.AsTime(); now.Sub(began) < 36*time.Hour || now.Sub(began) > 37*time.Hour {
		t.Errorf("its time is %v, and it began at %v", now, began)
	}
}
