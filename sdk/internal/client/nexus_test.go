package client_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/sdk/client"
)

var nexusGreet = nexus.NewOperationReference[string, string]("greet")

func nexusClient(t *testing.T, c client.Client) client.NexusClient {
	t.Helper()
	n, err := c.NewNexusClient(client.NexusClientOptions{Endpoint: "e", Service: "s"})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestNexusOperations(t *testing.T) {
	handle := func(c client.Client) client.NexusOperationHandle {
		return c.GetNexusOperationHandle(client.GetNexusOperationHandleOptions{OperationID: "o", RunID: "r"})
	}
	runWireTests(t, map[string]wireTest{
		"execute": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				h, err := nexusClient(t, c).ExecuteOperation(ctx, nexusGreet, "in", client.StartNexusOperationOptions{
					ID: "o", ScheduleToCloseTimeout: time.Minute, Summary: "sum",
					IDReusePolicy:    enumspb.NEXUS_OPERATION_ID_REUSE_POLICY_REJECT_DUPLICATE,
					IDConflictPolicy: enumspb.NEXUS_OPERATION_ID_CONFLICT_POLICY_USE_EXISTING,
				})
				if err != nil {
					return nil, err
				}
				return h.GetID() + " " + h.GetRunID(), nil
			},
			want: &workflowservice.StartNexusOperationExecutionRequest{
				Namespace: "ns", Identity: "me", OperationId: "o", Endpoint: "e", Service: "s", Operation: "greet",
				ScheduleToCloseTimeout: durationpb.New(time.Minute), Input: jsonPayload(`"in"`),
				IdReusePolicy:    enumspb.NEXUS_OPERATION_ID_REUSE_POLICY_REJECT_DUPLICATE,
				IdConflictPolicy: enumspb.NEXUS_OPERATION_ID_CONFLICT_POLICY_USE_EXISTING,
				UserMetadata:     &sdkpb.UserMetadata{Summary: jsonPayload(`"sum"`)},
			},
			response: &workflowservice.StartNexusOperationExecutionResponse{RunId: "r1"},
			check:    wantResult("o r1"),
		},
		"cancel": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return errorOnly(handle(c).Cancel(ctx, client.CancelNexusOperationOptions{Reason: "why"}))
			},
			want: &workflowservice.RequestCancelNexusOperationExecutionRequest{Namespace: "ns", OperationId: "o", RunId: "r", Identity: "me", Reason: "why"},
		},
		"terminate": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return errorOnly(handle(c).Terminate(ctx, client.TerminateNexusOperationOptions{Reason: "why"}))
			},
			want: &workflowservice.TerminateNexusOperationExecutionRequest{Namespace: "ns", OperationId: "o", RunId: "r", Identity: "me", Reason: "why"},
		},
		"count": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return c.CountNexusOperations(ctx, client.CountNexusOperationsOptions{Query: "q"})
			},
			want: &workflowservice.CountNexusOperationExecutionsRequest{Namespace: "ns", Query: "q"},
			response: &workflowservice.CountNexusOperationExecutionsResponse{Count: 2, Groups: []*workflowservice.CountNexusOperationExecutionsResponse_AggregationGroup{
				{GroupValues: []*commonpb.Payload{jsonPayload(`"Running"`)}, Count: 1}}},
			check: wantResult(&client.CountNexusOperationsResult{Count: 2, Groups: []client.CountNexusOperationsAggregationGroup{{GroupValues: []any{"Running"}, Count: 1}}}),
		},
		"list": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				result, err := c.ListNexusOperations(ctx, client.ListNexusOperationsOptions{Query: "q"})
				if err != nil {
					return nil, err
				}
				for operation, err := range result.Results {
					return operation.OperationID + " " + operation.Endpoint, err
				}
				return nil, errors.New("nothing is listed")
			},
			want:     &workflowservice.ListNexusOperationExecutionsRequest{Namespace: "ns", Query: "q"},
			response: &workflowservice.ListNexusOperationExecutionsResponse{Operations: []*nexuspb.NexusOperationExecutionListInfo{{OperationId: "o", Endpoint: "e"}}},
			check:    wantResult("o e"),
		},
		"describe": {
			call: func(ctx context.Context, c client.Client) (any, error) {
				return handle(c).Describe(ctx, client.DescribeNexusOperationOptions{})
			},
			want: &workflowservice.DescribeNexusOperationExecutionRequest{Namespace: "ns", OperationId: "o", RunId: "r"},
			response: &workflowservice.DescribeNexusOperationExecutionResponse{Info: &nexuspb.NexusOperationExecutionInfo{
				OperationId: "o", Endpoint: "e", Attempt: 2, ScheduleTime: timestamppb.New(then), LastAttemptFailure: &failurepb.Failure{Message: "no"},
				UserMetadata: &sdkpb.UserMetadata{Summary: jsonPayload(`"sum"`)},
				CancellationInfo: &nexuspb.NexusOperationExecutionCancellationInfo{
					Reason: "why", RequestedTime: timestamppb.New(then), LastAttemptFailure: &failurepb.Failure{Message: "never"}},
			}},
			check: func(t *testing.T, got any) {
				d := got.(*client.NexusOperationExecutionDescription)
				if d.OperationID != "o" || d.Attempt != 2 || !d.ScheduledTime.Equal(then) || d.CancellationInfo.Reason != "why" {
					t.Errorf("got %+v", d)
				}
				if summary, err := d.GetSummary(); err != nil || summary != "sum" {
					t.Errorf("summary is %q, %v", summary, err)
				}
				if err := d.GetLastAttemptFailure(); err == nil || err.Error() != "no" {
					t.Errorf("failure is %v", err)
				}
				if err := d.CancellationInfo.GetLastAttemptFailure(); err == nil || err.Error() != "never" {
					t.Errorf("failure of the cancellation is %v", err)
				}
			},
		},
	})
}

func TestTheResultOfANexusOperationIsWaitedForOnce(t *testing.T) {
	s := newFakeServer(t)
	poll := &workflowservice.PollNexusOperationExecutionRequest{Namespace: "ns", OperationId: "o", RunId: "r", WaitStage: enumspb.NEXUS_OPERATION_WAIT_STAGE_CLOSED}
	s.answer(poll, nil)
	s.answer(poll, &workflowservice.PollNexusOperationExecutionResponse{
		Outcome: &workflowservice.PollNexusOperationExecutionResponse_Result{Result: jsonPayload(`"done"`)}})
	h := s.client(client.Options{Namespace: "ns"}).GetNexusOperationHandle(client.GetNexusOperationHandleOptions{OperationID: "o", RunID: "r"})
	for range 2 {
		var got string
		if err := h.Get(t.Context(), &got); err != nil || got != "done" {
			t.Errorf("got %q, %v", got, err)
		}
	}
	if len(s.requests) != 2 {
		t.Errorf("there are %d requests", len(s.requests))
	}
	wantProto(t, s.requests[1], poll)
}

func TestNexusOperationsThatMakeNoSenseAreRefused(t *testing.T) {
	execute := func(operation, input any, options client.StartNexusOperationOptions) func(context.Context, client.Client) error {
		return func(ctx context.Context, c client.Client) error {
			_, err := nexusClient(t, c).ExecuteOperation(ctx, operation, input, options)
			return err
		}
	}
	options := client.StartNexusOperationOptions{ID: "o"}
	wantRefused(t, map[string]func(context.Context, client.Client) error{
		"no id":            execute("op", nil, client.StartNexusOperationOptions{}),
		"negative timeout": execute("op", nil, client.StartNexusOperationOptions{ID: "o", ScheduleToCloseTimeout: -1}),
		"no name":          execute("", nil, options),
		"not an operation": execute(7, nil, options),
		"wrong input":      execute(nexusGreet, 7, options),
		"no endpoint": func(_ context.Context, c client.Client) error {
			_, err := c.NewNexusClient(client.NexusClientOptions{Service: "s"})
			return err
		},
		"no service": func(_ context.Context, c client.Client) error {
			_, err := c.NewNexusClient(client.NexusClientOptions{Endpoint: "e"})
			return err
		},
	})
}
