package frontend

import (
	"strings"
	"testing"

	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/workflow"
)

func (f *fakeChain) PauseActivities(_ *entity.Step, _ string, _ workflow.ActivityTarget, _ workflow.ActivityPause) error {
	return f.step("PauseActivities", nil)
}

func (f *fakeChain) UnpauseActivities(*entity.Step, string, workflow.ActivityTarget, workflow.ActivityResume) error {
	return f.step("UnpauseActivities", nil)
}

func (f *fakeChain) ResetActivities(*entity.Step, string, workflow.ActivityTarget, workflow.ActivityReset) error {
	return f.step("ResetActivities", nil)
}

func (f *fakeChain) UpdateActivityOptions(*entity.Step, string, workflow.ActivityTarget, *activitypb.ActivityOptions, *fieldmaskpb.FieldMask) (*activitypb.ActivityOptions, error) {
	return &activitypb.ActivityOptions{}, f.step("UpdateActivityOptions", nil)
}

func (f *fakeChain) RestoreActivityOptions(*entity.Step, string, workflow.ActivityTarget) (*activitypb.ActivityOptions, error) {
	return &activitypb.ActivityOptions{}, f.step("RestoreActivityOptions", nil)
}

func TestOperatorsReachTheActivitiesOfAWorkflow(t *testing.T) {
	ok := &commonpb.WorkflowExecution{WorkflowId: "w"}
	options, mask := &activitypb.ActivityOptions{}, &fieldmaskpb.FieldMask{Paths: []string{"heartbeat_timeout"}}
	for name, c := range map[string]struct {
		req    proto.Message
		called string
	}{
		"pause by id":    {&workflowservice.PauseActivityRequest{Namespace: "default", Execution: ok, Activity: &workflowservice.PauseActivityRequest_Id{Id: "a"}}, "PauseActivities"},
		"pause one":      {&workflowservice.PauseActivityExecutionRequest{Namespace: "default", WorkflowId: "w", ActivityId: "a"}, "PauseActivities"},
		"unpause all":    {&workflowservice.UnpauseActivityRequest{Namespace: "default", Execution: ok, Activity: &workflowservice.UnpauseActivityRequest_UnpauseAll{UnpauseAll: true}}, "UnpauseActivities"},
		"unpause one":    {&workflowservice.UnpauseActivityExecutionRequest{Namespace: "default", WorkflowId: "w", ActivityId: "a"}, "UnpauseActivities"},
		"reset by type":  {&workflowservice.ResetActivityRequest{Namespace: "default", Execution: ok, Activity: &workflowservice.ResetActivityRequest_Type{Type: "T"}}, "ResetActivities"},
		"reset one":      {&workflowservice.ResetActivityExecutionRequest{Namespace: "default", WorkflowId: "w", ActivityId: "a"}, "ResetActivities"},
		"update all":     {&workflowservice.UpdateActivityOptionsRequest{Namespace: "default", Execution: ok, Activity: &workflowservice.UpdateActivityOptionsRequest_MatchAll{MatchAll: true}, ActivityOptions: options, UpdateMask: mask}, "UpdateActivityOptions"},
		"update one":     {&workflowservice.UpdateActivityExecutionOptionsRequest{Namespace: "default", WorkflowId: "w", ActivityId: "a", ActivityOptions: options, UpdateMask: mask}, "UpdateActivityOptions"},
		"restore by id":  {&workflowservice.UpdateActivityOptionsRequest{Namespace: "default", Execution: ok, Activity: &workflowservice.UpdateActivityOptionsRequest_Id{Id: "a"}, RestoreOriginal: true}, "RestoreActivityOptions"},
		"restore one":    {&workflowservice.UpdateActivityExecutionOptionsRequest{Namespace: "default", WorkflowId: "w", ActivityId: "a", RestoreOriginal: true}, "RestoreActivityOptions"},
		"pause by a run": {&workflowservice.PauseActivityExecutionRequest{Namespace: "default", WorkflowId: "w", ActivityId: "a", RunId: runID}, "PauseActivities"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDoor(t)
			if _, err := d.call(t.Context(), c.req); err != nil || d.chain.called != c.called {
				t.Errorf("called %q, want %q; error is %v", d.chain.called, c.called, err)
			}
		})
	}
}

func TestOperatorsOfActivitiesAreToldWhatIsWrong(t *testing.T) {
	long := strings.Repeat("x", 1001)
	ok := &commonpb.WorkflowExecution{WorkflowId: "w"}
	byID := func(change func(*workflowservice.UpdateActivityOptionsRequest)) proto.Message {
		req := &workflowservice.UpdateActivityOptionsRequest{Namespace: "default", Execution: ok, Activity: &workflowservice.UpdateActivityOptionsRequest_Id{Id: "a"}}
		change(req)
		return req
	}
	for name, c := range map[string]struct {
		req  proto.Message
		code codes.Code
		says string
	}{
		"no workflow":            {&workflowservice.PauseActivityRequest{Namespace: "default"}, codes.InvalidArgument, "WorkflowId is not set on request."},
		"no activity":            {&workflowservice.PauseActivityRequest{Namespace: "default", Execution: ok}, codes.InvalidArgument, "Either Activity.Id or Activity.Type should be set on request."},
		"an empty id":            {&workflowservice.ResetActivityRequest{Namespace: "default", Execution: ok, Activity: &workflowservice.ResetActivityRequest_Id{}}, codes.InvalidArgument, "Either Activity.Id"},
		"not all":                {&workflowservice.UnpauseActivityRequest{Namespace: "default", Execution: ok, Activity: &workflowservice.UnpauseActivityRequest_UnpauseAll{}}, codes.InvalidArgument, "Either Activity.Id"},
		"a bad run":              {&workflowservice.PauseActivityRequest{Namespace: "default", Execution: &commonpb.WorkflowExecution{WorkflowId: "w", RunId: "r"}}, codes.InvalidArgument, "RunId is not valid UUID."},
		"a long reason":          {&workflowservice.PauseActivityExecutionRequest{Namespace: "default", WorkflowId: "w", ActivityId: "a", Reason: long}, codes.InvalidArgument, "Reason length"},
		"a long request":         {&workflowservice.PauseActivityExecutionRequest{Namespace: "default", WorkflowId: "w", ActivityId: "a", RequestId: long}, codes.InvalidArgument, "request ID exceeds length limit"},
		"a long identity":        {&workflowservice.ResetActivityExecutionRequest{Namespace: "default", WorkflowId: "w", ActivityId: "a", Identity: long}, codes.InvalidArgument, "identity exceeds length limit"},
		"a jitter back":          {&workflowservice.UnpauseActivityExecutionRequest{Namespace: "default", WorkflowId: "w", ActivityId: "a", Jitter: durationpb.New(-1)}, codes.InvalidArgument, "invalid jitter"},
		"an activity of its own": {&workflowservice.PauseActivityExecutionRequest{Namespace: "default", ActivityId: "a"}, codes.Unimplemented, "operator commands are disabled"},
		"no options":             {byID(func(*workflowservice.UpdateActivityOptionsRequest) {}), codes.InvalidArgument, "ActivityOptions are not provided"},
		"no mask": {byID(func(r *workflowservice.UpdateActivityOptionsRequest) {
			r.ActivityOptions = &activitypb.ActivityOptions{}
		}), codes.InvalidArgument, "UpdateMask is not provided"},
		"a mask and the original": {byID(func(r *workflowservice.UpdateActivityOptionsRequest) {
			r.RestoreOriginal, r.UpdateMask = true, &fieldmaskpb.FieldMask{Paths: []string{"x"}}
		}), codes.InvalidArgument, "Both UpdateMask and RestoreOriginal are provided"},
		"a bad priority": {byID(func(r *workflowservice.UpdateActivityOptionsRequest) {
			r.ActivityOptions, r.UpdateMask = &activitypb.ActivityOptions{Priority: &commonpb.Priority{PriorityKey: -1}}, &fieldmaskpb.FieldMask{}
		}), codes.InvalidArgument, "priority key"},
		"an empty mask": {&workflowservice.UpdateActivityExecutionOptionsRequest{Namespace: "default", WorkflowId: "w", ActivityId: "a",
			ActivityOptions: &activitypb.ActivityOptions{}, UpdateMask: &fieldmaskpb.FieldMask{}}, codes.InvalidArgument, "at least one path"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := newDoor(t).call(t.Context(), c.req)
			if status.Code(err) != c.code || !strings.Contains(status.Convert(err).Message(), c.says) {
				t.Errorf("error is %v, want %v with %q", err, c.code, c.says)
			}
		})
	}
}

func TestAHeartbeatTellsOfAPause(t *testing.T) {
	d := newDoor(t)
	resp, err := d.call(t.Context(), &workflowservice.RecordActivityTaskHeartbeatRequest{Namespace: "default", TaskToken: d.token(func(*records.TaskToken) {})})
	if err != nil || !resp.(*workflowservice.RecordActivityTaskHeartbeatResponse).GetActivityPaused() {
		t.Errorf("answer is %v, %v", resp, err)
	}
}
