package e2e

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// update sends an update and waits for its outcome. The test is skipped if the
// server has no updates.
func (s *scenario) update(run client.WorkflowRun, name string, args ...any) *updatepb.Outcome {
	s.t.Helper()
	input, err := converter.GetDefaultDataConverter().ToPayloads(args...)
	if err != nil {
		s.t.Fatal(err)
	}
	request := &workflowservice.UpdateWorkflowExecutionRequest{
		Namespace:         client.DefaultNamespace,
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: run.GetID()},
		WaitPolicy:        &updatepb.WaitPolicy{LifecycleStage: enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED},
		Request: &updatepb.Request{
			Meta:  &updatepb.Meta{UpdateId: uuid.NewString()},
			Input: &updatepb.Input{Name: name, Args: input},
		},
	}
	for {
		response, err := s.WorkflowService().UpdateWorkflowExecution(s.ctx, request)
		if _, ok := errors.AsType[*serviceerror.Unimplemented](err); ok {
			s.t.Skip("the server has no updates")
		}
		if err != nil {
			s.t.Fatal(err)
		}
		if response.GetOutcome() != nil {
			return response.GetOutcome()
		}
	}
}

// cart is a workflow that updates fill.
func cart(ctx workflow.Context) ([]string, error) {
	var items []string
	done := false
	err := workflow.SetUpdateHandlerWithOptions(ctx, "add", func(ctx workflow.Context, item string) (int, error) {
		if err := workflow.Sleep(ctx, 10*time.Millisecond); err != nil {
			return 0, err
		}
		items = append(items, item+" by "+workflow.GetCurrentUpdateInfo(ctx).Name)
		return len(items), nil
	}, workflow.UpdateHandlerOptions{Validator: func(item string) error {
		if item == "" {
			return errors.New("the item needs a name")
		}
		return nil
	}})
	if err != nil {
		return nil, err
	}
	if err := workflow.SetUpdateHandler(ctx, "checkout", func(workflow.Context) error { done = true; return nil }); err != nil {
		return nil, err
	}
	err = workflow.Await(ctx, func() bool { return done && workflow.AllHandlersFinished(ctx) })
	return items, err
}

func TestUpdatesAreValidatedCarriedOutAndReplayed(t *testing.T) {
	s := newScenario(t)
	register := func(w worker.Worker) { w.RegisterWorkflow(cart) }
	stop := s.work(worker.Options{}, register)
	run := s.start(cart)
	if got := string(s.update(run, "add", "apple").GetSuccess().GetPayloads()[0].GetData()); got != "1" {
		t.Errorf("the first update returned %s", got)
	}
	if got := s.update(run, "add", "").GetFailure().GetMessage(); got != "the item needs a name" {
		t.Errorf("the update was rejected with %q", got)
	}
	// Another worker has to replay what the first one did.
	stop()
	s.work(worker.Options{}, register)
	if got := string(s.update(run, "add", "pear").GetSuccess().GetPayloads()[0].GetData()); got != "2" {
		t.Errorf("the second update returned %s", got)
	}
	if got := s.update(run, "checkout"); got.GetFailure() != nil {
		t.Errorf("checkout: %v", got.GetFailure())
	}
	if got := strings.Join(result[[]string](s, run), ", "); got != "apple by add, pear by add" {
		t.Errorf("result %q", got)
	}
	replayer := worker.NewWorkflowReplayer()
	replayer.RegisterWorkflow(cart)
	if err := replayer.ReplayWorkflowExecution(s.ctx, s.WorkflowService(), nil, client.DefaultNamespace, workflow.Execution{ID: run.GetID()}); err != nil {
		t.Error(err)
	}
}
