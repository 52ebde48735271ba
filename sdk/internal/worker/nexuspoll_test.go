package worker

import (
	"context"
	"slices"
	"testing"

	"github.com/nexus-rpc/sdk-go/nexus"
	enumspb "go.temporal.io/api/enums/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	"github.com/perdure/perdure/sdk/converter"
)

func (f *fakeServer) PollNexusTaskQueue(ctx context.Context, _ *workflowservice.PollNexusTaskQueueRequest, _ ...grpc.CallOption) (*workflowservice.PollNexusTaskQueueResponse, error) {
	select {
	case task := <-f.nexus:
		return task, nil
	case <-f.down:
		return &workflowservice.PollNexusTaskQueueResponse{}, nil
	case <-ctx.Done():
		return nil, serviceerror.NewCanceled("poll ended")
	}
}

func (f *fakeServer) RespondNexusTaskCompleted(_ context.Context, in *workflowservice.RespondNexusTaskCompletedRequest, _ ...grpc.CallOption) (*workflowservice.RespondNexusTaskCompletedResponse, error) {
	f.answers <- in
	return &workflowservice.RespondNexusTaskCompletedResponse{}, nil
}

func (f *fakeServer) RespondNexusTaskFailed(_ context.Context, in *workflowservice.RespondNexusTaskFailedRequest, _ ...grpc.CallOption) (*workflowservice.RespondNexusTaskFailedResponse, error) {
	f.answers <- in
	return &workflowservice.RespondNexusTaskFailedResponse{}, nil
}

// withNexus registers a service with an operation that doubles numbers, and one that returns
// what it is given.
func withNexus(t *testing.T) func(*config, *fakeServer) {
	return func(c *config, _ *fakeServer) {
		service := nexus.NewService("math")
		double := nexus.NewSyncOperation("double", func(_ context.Context, n int, _ nexus.StartOperationOptions) (int, error) { return 2 * n, nil })
		echo := nexus.NewSyncOperation("echo", func(_ context.Context, s string, _ nexus.StartOperationOptions) (string, error) { return s, nil })
		if err := service.Register(double, echo); err != nil {
			t.Fatal(err)
		}
		if err := c.registry.RegisterNexusService(service); err != nil {
			t.Fatal(err)
		}
	}
}

func nexusTaskOf(t *testing.T, operation string, input any) *workflowservice.PollNexusTaskQueueResponse {
	payload, err := converter.GetDefaultDataConverter().ToPayload(input)
	if err != nil {
		t.Fatal(err)
	}
	return &workflowservice.PollNexusTaskQueueResponse{TaskToken: []byte("token"), Request: &nexuspb.Request{
		Variant: &nexuspb.Request_StartOperation{StartOperation: &nexuspb.StartOperationRequest{Service: "math", Operation: operation, Payload: payload}},
	}}
}

func TestAPolledNexusTaskIsHandledAndAnswered(t *testing.T) {
	workerTest(t, withNexus(t), func(t *testing.T, _ *Worker, f *fakeServer) {
		f.nexus <- nexusTaskOf(t, "double", 4)
		done := answer[*workflowservice.RespondNexusTaskCompletedRequest](t, f)
		if got := string(done.GetResponse().GetStartOperation().GetSyncSuccess().GetPayload().GetData()); got != "8" || done.GetIdentity() != "tester" {
			t.Errorf("answer %v", done)
		}
		f.nexus <- nexusTaskOf(t, "triple", 4)
		//lint:ignore SA1019 what servers get that do not ask for failures
		if failed := answer[*workflowservice.RespondNexusTaskFailedRequest](t, f); failed.GetError().GetErrorType() != string(nexus.HandlerErrorTypeNotFound) {
			t.Errorf("answer %v", failed)
		}
	})
}

func TestTheServerIsToldOfNexusWhenTheWorkerStops(t *testing.T) {
	workerTest(t, withNexus(t), func(t *testing.T, w *Worker, f *fakeServer) {
		w.Stop()
		if types := f.shutdowns[0].GetTaskQueueTypes(); !slices.Contains(types, enumspb.TASK_QUEUE_TYPE_NEXUS) {
			t.Errorf("types %v", types)
		}
	})
}

func TestAStartedWorkerTakesNoMoreNexusServices(t *testing.T) {
	workerTest(t, nil, func(t *testing.T, w *Worker, _ *fakeServer) {
		if err := w.Registry().RegisterNexusService(nexus.NewService("late")); err == nil {
			t.Error("it was registered")
		}
	})
}
