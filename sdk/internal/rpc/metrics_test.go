package rpc_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/metrics/metricstest"
	"github.com/perdure/perdure/sdk/internal/rpc"
)

func measured(t *testing.T, s *server, r *metricstest.Recorder, noCodes bool) (reliably, once workflowservice.WorkflowServiceClient) {
	t.Helper()
	a, b := connect(t, s, rpc.Options{}).Measured(rpc.NewMetrics(r, noCodes))
	return workflowservice.NewWorkflowServiceClient(a), workflowservice.NewWorkflowServiceClient(b)
}

func wantValue(t *testing.T, r *metricstest.Recorder, want float64, name string, tags ...string) {
	t.Helper()
	if got := r.Value(name, tags...); got != want {
		t.Errorf("%s %v is %v, want %v", name, tags, got, want)
	}
}

func TestCallsAndAttemptsAreCountedAndTimed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{answer: func(n int) error {
			if n < 3 {
				return status.Error(codes.Unavailable, "later")
			}
			return nil
		}}
		r := metricstest.New()
		reliably, _ := measured(t, s, r, false)
		if err := signal(t.Context(), reliably); err != nil {
			t.Fatal(err)
		}
		tags := []string{"operation", "SignalWorkflowExecution", "namespace", "ns"}
		wantValue(t, r, 1, "temporal_request", tags...)
		wantValue(t, r, 1, "temporal_request_latency", tags...)
		wantValue(t, r, 0, "temporal_request_failure", tags...)
		wantValue(t, r, 3, "temporal_request_attempt", tags...)
		wantValue(t, r, 3, "temporal_request_latency_attempt", tags...)
		wantValue(t, r, 2, "temporal_request_failure_attempt", append(tags, "status_code", "UNAVAILABLE")...)
		wantValue(t, r, 0, "temporal_long_request")
	})
}

func TestFailuresOfCallsCarryTheirCode(t *testing.T) {
	s := &server{answer: func(int) error { return status.Error(codes.NotFound, "no") }}
	for _, noCodes := range []bool{false, true} {
		r := metricstest.New()
		reliably, once := measured(t, s, r, noCodes)
		for _, service := range []workflowservice.WorkflowServiceClient{reliably, once} {
			if err := signal(t.Context(), service); err == nil {
				t.Error("there is no error")
			}
		}
		wantValue(t, r, 2, "temporal_request_failure")
		wantValue(t, r, 2, "temporal_request_failure_attempt")
		withCode := 2.0
		if noCodes {
			withCode = 0
		}
		wantValue(t, r, withCode, "temporal_request_failure", "status_code", "NOT_FOUND")
	}
}

func TestWhatIsExhaustedIsCounted(t *testing.T) {
	s := &server{answer: func(int) error {
		return serviceerror.ToStatus(serviceerror.NewResourceExhausted(enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT, "slow down")).Err()
	}}
	r := metricstest.New()
	_, once := measured(t, s, r, false)
	if err := signal(t.Context(), once); err == nil {
		t.Error("there is no error")
	}
	// Once for the call, once for its attempt.
	wantValue(t, r, 2, "temporal_request_resource_exhausted", "cause", enumspb.RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT.String())
}

func TestCallsThatWaitAreLongRequests(t *testing.T) {
	r := metricstest.New()
	reliably, _ := measured(t, &server{}, r, false)
	ctx := t.Context()
	_, _ = reliably.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{})
	_, _ = reliably.GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{WaitNewEvent: true})
	_, _ = reliably.GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{})
	wantValue(t, r, 1, "temporal_long_request", "operation", "PollWorkflowTaskQueue")
	wantValue(t, r, 1, "temporal_long_request", "operation", "GetWorkflowExecutionHistory")
	wantValue(t, r, 1, "temporal_request", "operation", "GetWorkflowExecutionHistory")
}

func TestCallsCanHaveMoreTags(t *testing.T) {
	r := metricstest.New()
	reliably, _ := measured(t, &server{}, r, false)
	ctx := rpc.About(t.Context(), "wf", "tq")
	if err := signal(ctx, reliably); err != nil {
		t.Fatal(err)
	}
	wantValue(t, r, 1, "temporal_request", "workflow_type", "wf", "task_queue", "tq", "namespace", "ns")
}

func TestMetricsThatAreOffCostNothing(t *testing.T) {
	if m := rpc.NewMetrics(metrics.NopHandler, false); m != nil {
		t.Error("there are metrics")
	}
}

func TestAServerThatIsNotThereIsNamed(t *testing.T) {
	// Port 1 of this machine refuses connections.
	conn, err := rpc.Connect(rpc.Options{HostPort: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_, err = conn.Capabilities(context.Background())
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1") || !strings.Contains(err.Error(), "perdure server start-dev") {
		t.Errorf("got %v", err)
	}
}
