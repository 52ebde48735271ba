package client_test

import (
	"context"
	"errors"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/temporal"
)

const (
	stageUnspecified = enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_UNSPECIFIED
	stageAccepted    = enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_ACCEPTED
	stageCompleted   = enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED
)

func updateRef() *updatepb.UpdateRef {
	return &updatepb.UpdateRef{WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "w", RunId: "r"}, UpdateId: "u"}
}

func succeeded(t *testing.T, value any) *updatepb.Outcome {
	t.Helper()
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(value)
	if err != nil {
		t.Fatal(err)
	}
	return &updatepb.Outcome{Value: &updatepb.Outcome_Success{Success: payloads}}
}

func rejected(message string) *updatepb.Outcome {
	return &updatepb.Outcome{Value: &updatepb.Outcome_Failure{Failure: &failurepb.Failure{
		Message:     message,
		FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{}},
	}}}
}

func updateOptions(stage client.WorkflowUpdateStage) client.UpdateWorkflowOptions {
	return client.UpdateWorkflowOptions{WorkflowID: "w", UpdateID: "u", UpdateName: "add", Args: []any{2}, WaitForStage: stage}
}

func TestAnUpdateIsSentAgainUntilItIsDurable(t *testing.T) {
	s := newFakeServer(t)
	for _, stage := range []enumspb.UpdateWorkflowExecutionLifecycleStage{stageUnspecified, stageAccepted} {
		on(s, func(*workflowservice.UpdateWorkflowExecutionRequest) (*workflowservice.UpdateWorkflowExecutionResponse, error) {
			return &workflowservice.UpdateWorkflowExecutionResponse{UpdateRef: updateRef(), Stage: stage}, nil
		})
	}
	update, err := s.client(client.Options{}).UpdateWorkflow(context.Background(), updateOptions(client.WorkflowUpdateStageAccepted))
	if err != nil {
		t.Fatal(err)
	}
	if update.WorkflowID() != "w" || update.RunID() != "r" || update.UpdateID() != "u" {
		t.Errorf("the handle is of %s %s %s", update.WorkflowID(), update.RunID(), update.UpdateID())
	}
	wantProto(t, s.requests[0], s.requests[1])
	sent := request[*workflowservice.UpdateWorkflowExecutionRequest](s, 0)
	if sent.GetWaitPolicy().GetLifecycleStage() != stageAccepted || sent.GetRequest().GetInput().GetName() != "add" ||
		string(sent.GetRequest().GetInput().GetArgs().GetPayloads()[0].GetData()) != "2" {
		t.Errorf("the request is %v", sent)
	}
}

func TestAnUpdateIsPolledUntilItHasAnOutcome(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.UpdateWorkflowExecutionRequest) (*workflowservice.UpdateWorkflowExecutionResponse, error) {
		return &workflowservice.UpdateWorkflowExecutionResponse{UpdateRef: updateRef(), Stage: stageAccepted}, nil
	})
	for _, outcome := range []*updatepb.Outcome{nil, succeeded(t, 5)} {
		on(s, func(*workflowservice.PollWorkflowExecutionUpdateRequest) (*workflowservice.PollWorkflowExecutionUpdateResponse, error) {
			return &workflowservice.PollWorkflowExecutionUpdateResponse{Outcome: outcome}, nil
		})
	}
	update, err := s.client(client.Options{}).UpdateWorkflow(context.Background(), updateOptions(client.WorkflowUpdateStageCompleted))
	if err != nil {
		t.Fatal(err)
	}
	asked := len(s.requests)
	var sum int
	if err := update.Get(context.Background(), &sum); err != nil || sum != 5 {
		t.Errorf("the result is %d, %v", sum, err)
	}
	if len(s.requests) != asked {
		t.Error("Get asks for an outcome that is known")
	}
}

func TestARejectedUpdateFailsInGet(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.UpdateWorkflowExecutionRequest) (*workflowservice.UpdateWorkflowExecutionResponse, error) {
		return &workflowservice.UpdateWorkflowExecutionResponse{UpdateRef: updateRef(), Stage: stageCompleted, Outcome: rejected("no")}, nil
	})
	update, err := s.client(client.Options{}).UpdateWorkflow(context.Background(), updateOptions(client.WorkflowUpdateStageAccepted))
	if err != nil {
		t.Fatal(err)
	}
	if e := wantError[*temporal.ApplicationError](t, update.Get(context.Background(), nil)); e.Message() != "no" {
		t.Errorf("the error is %v", e)
	}
}

func TestAWaitForAnUpdateThatRunsOutSaysSo(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.PollWorkflowExecutionUpdateRequest) (*workflowservice.PollWorkflowExecutionUpdateResponse, error) {
		return nil, serviceerror.NewCanceled("shutting down")
	})
	handle := s.client(client.Options{}).GetWorkflowUpdateHandle(client.GetWorkflowUpdateHandleOptions{WorkflowID: "w", UpdateID: "u"})
	e := wantError[*client.WorkflowUpdateServiceTimeoutOrCanceledError](t, handle.Get(context.Background(), nil))
	wantError[*serviceerror.Canceled](t, errors.Unwrap(e))
}

func TestAnUpdateNeedsAStageThatCanBeWaitedFor(t *testing.T) {
	c := newFakeServer(t).client(client.Options{})
	for _, stage := range []client.WorkflowUpdateStage{client.WorkflowUpdateStageUnspecified, client.WorkflowUpdateStageAdmitted} {
		if _, err := c.UpdateWorkflow(context.Background(), updateOptions(stage)); err == nil {
			t.Errorf("stage %d passes", stage)
		}
	}
}

func multi(t *testing.T, c client.Client) (client.WithStartWorkflowOperation, client.WorkflowUpdateHandle, error) {
	t.Helper()
	operation := c.NewWithStartWorkflowOperation(client.StartWorkflowOptions{
		ID: "w", TaskQueue: "q", WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, "Sum")
	options := updateOptions(client.WorkflowUpdateStageCompleted)
	options.WorkflowID = ""
	handle, err := c.UpdateWithStartWorkflow(context.Background(), client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: operation, UpdateOptions: options,
	})
	return operation, handle, err
}

func TestUpdateWithStartGivesTheRunAndTheUpdate(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.ExecuteMultiOperationRequest) (*workflowservice.ExecuteMultiOperationResponse, error) {
		return &workflowservice.ExecuteMultiOperationResponse{Responses: []*workflowservice.ExecuteMultiOperationResponse_Response{
			{Response: &workflowservice.ExecuteMultiOperationResponse_Response_StartWorkflow{
				StartWorkflow: &workflowservice.StartWorkflowExecutionResponse{RunId: "r"}}},
			{Response: &workflowservice.ExecuteMultiOperationResponse_Response_UpdateWorkflow{
				UpdateWorkflow: &workflowservice.UpdateWorkflowExecutionResponse{UpdateRef: updateRef(), Stage: stageCompleted, Outcome: succeeded(t, 2)}}},
		}}, nil
	})
	c := s.client(client.Options{})
	operation, handle, err := multi(t, c)
	if err != nil {
		t.Fatal(err)
	}
	var sum int
	if err := handle.Get(context.Background(), &sum); err != nil || sum != 2 {
		t.Errorf("the result is %d, %v", sum, err)
	}
	if run, err := operation.Get(context.Background()); err != nil || run.GetRunID() != "r" {
		t.Errorf("the run is %v, %v", run, err)
	}
	sent := request[*workflowservice.ExecuteMultiOperationRequest](s, 0).GetOperations()
	if sent[1].GetUpdateWorkflow().GetWorkflowExecution().GetWorkflowId() != "w" {
		t.Error("the update is not for the workflow that is started")
	}
	_, err = c.UpdateWithStartWorkflow(context.Background(), client.UpdateWithStartWorkflowOptions{
		StartWorkflowOperation: operation, UpdateOptions: updateOptions(client.WorkflowUpdateStageAccepted),
	})
	if err == nil {
		t.Error("a start that was used passes")
	}
}

func TestUpdateWithStartFailsWithTheErrorThatCausedTheOther(t *testing.T) {
	s := newFakeServer(t)
	on(s, func(*workflowservice.ExecuteMultiOperationRequest) (*workflowservice.ExecuteMultiOperationResponse, error) {
		return nil, serviceerror.NewMultiOperationExecution("failed", []error{
			serviceerror.NewMultiOperationAborted("aborted"),
			serviceerror.NewNotFound("no handler"),
		})
	})
	operation, _, err := multi(t, s.client(client.Options{}))
	wantError[*serviceerror.NotFound](t, err)
	_, err = operation.Get(context.Background())
	wantError[*serviceerror.NotFound](t, err)
}

func TestUpdateWithStartNeedsAConflictPolicy(t *testing.T) {
	c := newFakeServer(t).client(client.Options{})
	operation := c.NewWithStartWorkflowOperation(client.StartWorkflowOptions{ID: "w", TaskQueue: "q"}, "Sum")
	if _, err := operation.Get(context.Background()); err == nil {
		t.Error("a start without a conflict policy passes")
	}
}
