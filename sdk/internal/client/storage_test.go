package client_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/extstore"
	"github.com/perdure/perdure/sdk/internal/extstore/extstoretest"
)

func TestLargePayloadsAreStoredOnTheWayOutAndRetrievedOnTheWayIn(t *testing.T) {
	s := newFakeServer(t)
	s.answer(&workflowservice.StartWorkflowExecutionRequest{}, nil)
	on(s, func(request *workflowservice.QueryWorkflowRequest) (*workflowservice.QueryWorkflowResponse, error) {
		return &workflowservice.QueryWorkflowResponse{QueryResult: request.GetQuery().GetQueryArgs()}, nil
	})
	driver := &extstoretest.Shelf{}
	c := s.client(client.Options{
		Namespace:       "ns",
		ExternalStorage: converter.ExternalStorage{Drivers: []converter.StorageDriver{driver}, PayloadSizeThreshold: 100},
	})
	text := fmt.Sprintf("%0200d", 7)
	if _, err := c.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "w", TaskQueue: "tq"}, "wf", text, "short"); err != nil {
		t.Fatal(err)
	}
	input := request[*workflowservice.StartWorkflowExecutionRequest](s, 0).GetInput().GetPayloads()
	if !extstore.IsReference(input[0]) || extstore.IsReference(input[1]) {
		t.Errorf("sent %v", input)
	}
	answer, err := c.QueryWorkflow(t.Context(), "w", "r", "echo", text)
	if err != nil {
		t.Fatal(err)
	}
	var got string
	if err := answer.Get(&got); err != nil || got != text {
		t.Errorf("got %q, %v", got, err)
	}
	want := []converter.StorageDriverTargetInfo{
		converter.StorageDriverWorkflowInfo{Namespace: "ns", WorkflowID: "w", WorkflowType: "wf"},
		converter.StorageDriverWorkflowInfo{Namespace: "ns", WorkflowID: "w", RunID: "r"},
	}
	if got := driver.Targets(); !slices.Equal(got, want) {
		t.Errorf("targets are %v", got)
	}
}

func TestWhatIsStoredCannotBeDecodedWithoutADriver(t *testing.T) {
	s := newFakeServer(t)
	s.answer(&workflowservice.QueryWorkflowRequest{}, &workflowservice.QueryWorkflowResponse{QueryResult: &commonpb.Payloads{
		Payloads: []*commonpb.Payload{{
			Metadata: map[string][]byte{"encoding": []byte("json/protobuf"), "messageType": []byte(extstore.MessageType)},
			Data:     []byte(`{"driverName":"shelf"}`),
		}}}})
	answer, err := s.client(client.Options{}).QueryWorkflow(t.Context(), "w", "", "q")
	if err != nil {
		t.Fatal(err)
	}
	var got string
	if err := answer.Get(&got); !errors.Is(err, extstore.ErrNoDriver) {
		t.Errorf("got %v", err)
	}
}
