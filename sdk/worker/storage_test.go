package worker_test

import (
	"errors"
	"strings"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/extstore"
	"github.com/perdure/perdure/sdk/internal/extstore/extstoretest"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// storedInput is activityHistory with an input that the drivers of the options have stored.
func storedInput(t *testing.T, options converter.ExternalStorage, value string) *historypb.History {
	t.Helper()
	storage, err := extstore.New(options, logger.Discard{})
	if err != nil {
		t.Fatal(err)
	}
	input, err := converter.GetDefaultDataConverter().ToPayloads(value)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := storage.StorePayloads(t.Context(), input.GetPayloads())
	if err != nil {
		t.Fatal(err)
	}
	history := activityHistory()
	history.Events[0].GetWorkflowExecutionStartedEventAttributes().Input = &commonpb.Payloads{Payloads: stored}
	return history
}

func TestAReplayerRetrievesWhatWasStored(t *testing.T) {
	shelf := &extstoretest.Shelf{}
	options := converter.ExternalStorage{Drivers: []converter.StorageDriver{shelf}, PayloadSizeThreshold: 100}
	word := strings.Repeat("x", 200)
	history := storedInput(t, options, word)
	replay := func(options worker.WorkflowReplayerOptions) error {
		replayer, err := worker.NewWorkflowReplayerWithOptions(options)
		if err != nil {
			t.Fatal(err)
		}
		replayer.RegisterWorkflowWithOptions(func(ctx workflow.Context, got string) error {
			if got != word {
				return errors.New("the input is " + got)
			}
			return workflow.ExecuteActivity(workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: 1}), "Charge").Get(ctx, nil)
		}, workflow.RegisterOptions{Name: "Order"})
		return replayer.ReplayWorkflowHistory(nil, history)
	}
	if err := replay(worker.WorkflowReplayerOptions{ExternalStorage: options}); err != nil {
		t.Error(err)
	}
	if payload := history.Events[0].GetWorkflowExecutionStartedEventAttributes().GetInput().GetPayloads()[0]; !extstore.IsReference(payload) {
		t.Error("the history of the caller has changed")
	}
	if err := replay(worker.WorkflowReplayerOptions{}); err == nil {
		t.Error("a replayer without storage has replayed")
	}
	shelf.RetrieveError = errors.New("the shelf is locked")
	if err := replay(worker.WorkflowReplayerOptions{ExternalStorage: options}); !errors.Is(err, shelf.RetrieveError) {
		t.Errorf("the error is %v", err)
	}
}

func TestAReplayerRefusesStorageOptionsThatMakeNoSense(t *testing.T) {
	shelf := &extstoretest.Shelf{}
	_, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{
		ExternalStorage: converter.ExternalStorage{Drivers: []converter.StorageDriver{shelf, shelf}},
	})
	if err == nil || !strings.Contains(err.Error(), "invalid ExternalStorage options") {
		t.Errorf("the error is %v", err)
	}
}
