package frontend

import (
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
)

// FastForward has completed when the chain is asked the second time.
func (f *fakeChain) FastForward(_ func() entity.Reader, _, id string, before *commonpb.TimeSkippingFastForwardInfo) (
	*workflowservice.PollWorkflowExecutionTimeSkippingResponse, *commonpb.TimeSkippingFastForwardInfo, error,
) {
	pending := &commonpb.TimeSkippingFastForwardInfo{FastForwardId: id}
	if err := f.step("FastForward", nil); err != nil || before == nil || id == "never" {
		return nil, pending, err
	}
	return &workflowservice.PollWorkflowExecutionTimeSkippingResponse{
		FastForwardPollingResult: enumspb.FAST_FORWARD_POLLING_RESULT_FAST_FORWARD_COMPLETED}, pending, nil
}

func (f *fakeChain) FastForwardSettled(_, id string, _ *commonpb.TimeSkippingFastForwardInfo) bool {
	return id != "never"
}

var timeSkippingOn = dynamicconfig.Override{Key: "frontend.WorkflowTimeSkippingEnabled", Value: "true"}

func TestTimeSkippingHasToBeSwitchedOn(t *testing.T) {
	d := newDoor(t)
	start := validStart()
	start.TimeSkippingConfig = &commonpb.TimeSkippingConfig{Enabled: true}
	d.refused(start, codes.Unimplemented, "The Time-Skipping feature is not enabled for namespace.")
	d.refused(&workflowservice.PollWorkflowExecutionTimeSkippingRequest{
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w"}, FastForwardId: "f",
	}, codes.Unimplemented, "The Time-Skipping feature is not enabled for namespace.")
}

func TestTheNumberOfSkipsHasADefault(t *testing.T) {
	d := newDoor(t, timeSkippingOn)
	for given, want := range map[int32]int32{0: 200, -1: 200, 7: 7} {
		start := validStart()
		start.TimeSkippingConfig = &commonpb.TimeSkippingConfig{Enabled: true, MaxSessionSkipCount: given}
		if _, err := d.call(t.Context(), start); err != nil {
			t.Fatal(err)
		}
		if got := d.chain.last.(*workflowservice.StartWorkflowExecutionRequest).TimeSkippingConfig.MaxSessionSkipCount; got != want {
			t.Errorf("%d skips have become %d", given, got)
		}
	}
}

func TestWhoWantsTimeToSkipIsToldWhatIsWrong(t *testing.T) {
	d := newDoor(t, timeSkippingOn)
	minute := durationpb.New(60e9)
	for _, c := range []struct {
		enabled bool
		forward *commonpb.FastForwardConfig
		says    string
	}{
		{true, &commonpb.FastForwardConfig{Id: "f"}, "fast_forward duration must be positive"},
		{true, &commonpb.FastForwardConfig{Id: "f", Duration: durationpb.New(-1)}, "fast_forward duration must be positive"},
		{true, &commonpb.FastForwardConfig{Id: " ", Duration: minute}, "fast_forward_id must be set"},
		{true, &commonpb.FastForwardConfig{Id: strings.Repeat("f", 1001), Duration: minute}, "length exceeds limit"},
		{false, &commonpb.FastForwardConfig{Id: "f", Duration: minute}, "cannot set fast_forward when enabled is false"},
	} {
		start := validStart()
		start.TimeSkippingConfig = &commonpb.TimeSkippingConfig{Enabled: c.enabled, FastForwardConfig: c.forward}
		d.refused(start, codes.InvalidArgument, c.says)
	}
	d.refused(&workflowservice.PollWorkflowExecutionTimeSkippingRequest{Namespace: "default"}, codes.InvalidArgument, "Execution is not set")
	d.refused(&workflowservice.PollWorkflowExecutionTimeSkippingRequest{
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w"},
	}, codes.InvalidArgument, "fast_forward_id must be set")
}

func TestAPollForAFastForwardWaitsUntilItHasCompleted(t *testing.T) {
	d := newDoor(t, timeSkippingOn)
	resp, err := d.call(t.Context(), &workflowservice.PollWorkflowExecutionTimeSkippingRequest{
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w"}, FastForwardId: "f"})
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.(*workflowservice.PollWorkflowExecutionTimeSkippingResponse).FastForwardPollingResult; got != enumspb.FAST_FORWARD_POLLING_RESULT_FAST_FORWARD_COMPLETED {
		t.Errorf("result is %v", got)
	}
}

func TestAPollForAFastForwardEndsWithItsTime(t *testing.T) {
	d := newDoor(t, timeSkippingOn)
	d.chain.act = d.service.Drain // once it waits
	resp, err := d.call(t.Context(), &workflowservice.PollWorkflowExecutionTimeSkippingRequest{
		Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w"}, FastForwardId: "never"})
	if err != nil {
		t.Fatal(err)
	}
	got := resp.(*workflowservice.PollWorkflowExecutionTimeSkippingResponse)
	if got.FastForwardPollingResult != enumspb.FAST_FORWARD_POLLING_RESULT_POLL_TIMEOUT || got.FastForwardInfo.GetFastForwardId() != "never" {
		t.Errorf("response is %v", got)
	}
}
