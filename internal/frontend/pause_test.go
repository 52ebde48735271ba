package frontend

import (
	"strings"
	"testing"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
)

func (f *fakeChain) Pause(_ *entity.Step, r *workflowservice.PauseWorkflowExecutionRequest) error {
	return f.step("Pause", r)
}

func (f *fakeChain) Unpause(_ *entity.Step, r *workflowservice.UnpauseWorkflowExecutionRequest) error {
	return f.step("Unpause", r)
}

func TestPausesOfWorkflowsHaveToBeSwitchedOn(t *testing.T) {
	pause := &workflowservice.PauseWorkflowExecutionRequest{Namespace: "default", WorkflowId: "w"}
	if _, err := newDoor(t).call(t.Context(), pause); status.Code(err) != codes.Unimplemented {
		t.Errorf("error is %v, want Unimplemented", err)
	}
	d := newDoor(t, dynamicconfig.Override{Key: "frontend.workflowPauseEnabled", Value: "true"})
	if _, err := d.call(t.Context(), pause); err != nil || d.chain.called != "Pause" {
		t.Errorf("called %q; error is %v", d.chain.called, err)
	}
}

func TestWhoPausesIsToldWhatIsWrong(t *testing.T) {
	long := strings.Repeat("x", 1001)
	for name, c := range map[string]struct {
		change func(*workflowservice.UnpauseWorkflowExecutionRequest)
		code   codes.Code
		says   string
	}{
		"nothing":         {func(*workflowservice.UnpauseWorkflowExecutionRequest) {}, codes.OK, ""},
		"no workflow":     {func(r *workflowservice.UnpauseWorkflowExecutionRequest) { r.WorkflowId = "" }, codes.InvalidArgument, "Can't load workflow execution.  WorkflowId not set."},
		"a bad run":       {func(r *workflowservice.UnpauseWorkflowExecutionRequest) { r.RunId = "r" }, codes.InvalidArgument, "RunId is not valid UUID."},
		"a long reason":   {func(r *workflowservice.UnpauseWorkflowExecutionRequest) { r.Reason = long }, codes.InvalidArgument, "reason is too long."},
		"a long request":  {func(r *workflowservice.UnpauseWorkflowExecutionRequest) { r.RequestId = long }, codes.InvalidArgument, "request id is too long."},
		"a long identity": {func(r *workflowservice.UnpauseWorkflowExecutionRequest) { r.Identity = long }, codes.InvalidArgument, "identity is too long."},
	} {
		t.Run(name, func(t *testing.T) {
			req := &workflowservice.UnpauseWorkflowExecutionRequest{Namespace: "default", WorkflowId: "w"}
			c.change(req)
			_, err := newDoor(t).call(t.Context(), req)
			if status.Code(err) != c.code || !strings.Contains(status.Convert(err).Message(), c.says) {
				t.Errorf("error is %v, want %v with %q", err, c.code, c.says)
			}
		})
	}
}
