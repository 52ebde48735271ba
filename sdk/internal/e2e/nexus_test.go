package e2e

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nexus-rpc/sdk-go/nexus"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/operatorservice/v1"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporal"
	"github.com/perdure/perdure/sdk/temporalnexus"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// bank serves the operations of a service "bank" from the scenario's worker, and returns
// the endpoint at which they are.
func (s *scenario) bank() (endpoint string) {
	s.t.Helper()
	open := func(ctx workflow.Context, customer string) (string, error) {
		if customer == "nobody" {
			return "", temporal.NewApplicationError("no such customer", "Unknown")
		}
		selector := workflow.NewSelector(ctx)
		selector.AddReceive(ctx.Done(), func(workflow.ReceiveChannel, bool) {})
		selector.AddReceive(workflow.GetSignalChannel(ctx, "approve"), func(c workflow.ReceiveChannel, _ bool) { c.Receive(ctx, nil) })
		selector.Select(ctx)
		return "account of " + customer, ctx.Err()
	}
	service := nexus.NewService("bank")
	if err := service.Register(
		nexus.NewSyncOperation("greet", func(_ context.Context, who string, _ nexus.StartOperationOptions) (string, error) {
			return "hello " + who, nil
		}),
		temporalnexus.NewWorkflowRunOperation("open", open, func(_ context.Context, customer string, _ nexus.StartOperationOptions) (client.StartWorkflowOptions, error) {
			return client.StartWorkflowOptions{ID: "open-" + customer}, nil
		}),
	); err != nil {
		s.t.Fatal(err)
	}
	endpoint = "e2e-" + uuid.NewString()
	created, err := s.OperatorService().CreateNexusEndpoint(s.ctx, &operatorservice.CreateNexusEndpointRequest{Spec: &nexuspb.EndpointSpec{
		Name: endpoint,
		Target: &nexuspb.EndpointTarget{Variant: &nexuspb.EndpointTarget_Worker_{Worker: &nexuspb.EndpointTarget_Worker{
			Namespace: client.DefaultNamespace, TaskQueue: s.queue,
		}}},
	}})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		_, err := s.OperatorService().DeleteNexusEndpoint(context.Background(), &operatorservice.DeleteNexusEndpointRequest{
			Id: created.GetEndpoint().GetId(), Version: created.GetEndpoint().GetVersion(),
		})
		if err != nil {
			s.t.Error(err)
		}
	})
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterNexusService(service)
		w.RegisterWorkflowWithOptions(open, workflow.RegisterOptions{Name: "open"})
		w.RegisterWorkflowWithOptions(func(ctx workflow.Context, operation, input string) (result string, err error) {
			err = workflow.NewNexusClient(endpoint, "bank").ExecuteOperation(ctx, operation, input, workflow.NexusOperationOptions{}).Get(ctx, &result)
			return result, err
		}, workflow.RegisterOptions{Name: "Caller"})
	})
	return endpoint
}

func TestAnOperationOfAnEndpointAnswersAtOnce(t *testing.T) {
	s := newScenario(t)
	s.bank()
	if got := result[string](s, s.start("Caller", "greet", "Ada")); got != "hello Ada" {
		t.Fatalf("result %q", got)
	}
}

func TestAnOperationThatIsAWorkflowEndsWithIt(t *testing.T) {
	s := newScenario(t)
	s.bank()
	customer := uuid.NewString()
	caller := s.start("Caller", "open", customer)
	for {
		if err := s.SignalWorkflow(s.ctx, "open-"+customer, "", "approve", nil); err == nil {
			break
		} else if s.ctx.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if got := result[string](s, caller); got != "account of "+customer {
		t.Fatalf("result %q", got)
	}
}

func TestAnOperationThatIsAWorkflowFailsAsItDoes(t *testing.T) {
	s := newScenario(t)
	s.bank()
	err := s.failure(s.start("Caller", "open", "nobody"))
	var failed *temporal.NexusOperationError
	if !errors.As(err, &failed) || failed.Operation != "open" || !strings.Contains(err.Error(), "no such customer") {
		t.Fatalf("error %v", err)
	}
}

func TestAnOperationIsCancelledWithItsCaller(t *testing.T) {
	s := newScenario(t)
	s.bank()
	customer := uuid.NewString()
	caller := s.start("Caller", "open", customer)
	for {
		if _, err := s.DescribeWorkflowExecution(s.ctx, "open-"+customer, ""); err == nil {
			break
		} else if s.ctx.Err() != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := s.CancelWorkflow(s.ctx, caller.GetID(), ""); err != nil {
		t.Fatal(err)
	}
	if err := s.failure(caller); !temporal.IsCanceledError(err) {
		t.Fatalf("the caller: %v", err)
	}
	if err := s.failure(s.GetWorkflow(s.ctx, "open-"+customer, "")); !temporal.IsCanceledError(err) {
		t.Fatalf("the operation: %v", err)
	}
}
