package client_test

import (
	"errors"
	"fmt"
	"testing"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/extstore"
)

// shelf is a driver that keeps payloads in memory.
type shelf struct {
	payloads []*commonpb.Payload
	targets  []converter.StorageDriverTargetInfo
}

func (*shelf) Name() string { return "shelf" }
func (*shelf) Type() string { return "shelf" }

func (s *shelf) Store(ctx converter.StorageDriverStoreContext, payloads []*commonpb.Payload) ([]converter.StorageDriverClaim, error) {
	s.targets = append(s.targets, ctx.Target)
	var claims []converter.StorageDriverClaim
	for _, payload := range payloads {
		claims = append(claims, converter.StorageDriverClaim{ClaimData: map[string]string{"n": fmt.Sprint(len(s.payloads))}})
		s.payloads = append(s.payloads, payload)
	}
	return claims, nil
}

func (s *shelf) Retrieve(_ converter.StorageDriverRetrieveContext, claims []converter.StorageDriverClaim) ([]*commonpb.Payload, error) {
	var payloads []*commonpb.Payload
	for _, claim := range claims {
		var n int
		if _, err := fmt.Sscan(claim.ClaimData["n"], &n); err != nil {
			return nil, err
		}
		payloads = append(payloads, s.payloads[n])
	}
	return payloads, nil
}

func TestLargePayloadsAreStoredOnTheWayOutAndRetrievedOnTheWayIn(t *testing.T) {
	s := newFakeServer(t)
	s.answer(&workflowservice.StartWorkflowExecutionRequest{}, nil)
	on(s, func(request *workflowservice.QueryWorkflowRequest) (*workflowservice.QueryWorkflowResponse, error) {
		return &workflowservice.QueryWorkflowResponse{QueryResult: request.GetQuery().GetQueryArgs()}, nil
	})
	driver := &shelf{}
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
	if len(driver.targets) != 2 || driver.targets[0] != want[0] || driver.targets[1] != want[1] {
		t.Errorf("targets are %v", driver.targets)
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
