// Package nexus: a workflow calls an operation of another team.
//
// The callers know an endpoint, a service and the types of its operations; how an
// operation is carried out, and where, they do not. Here it is a workflow; the caller
// waits for its result without anyone polling for it.
package nexus

import (
	"context"
	"errors"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporalnexus"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// What callers and handlers share.
const (
	endpoint = "lesson-payments"
	service  = "payments"
)

type (
	ChargeInput  struct{ Order, Card string }
	ChargeOutput struct{ Receipt string }
)

var charge = nexus.NewOperationReference[ChargeInput, ChargeOutput]("charge")

var Lesson = lesson.Lesson{
	Name: "nexus", Title: "a workflow calls an operation of another team",
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Order)
		r.RegisterWorkflow(Charge)
		r.RegisterNexusService(payments())
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		// Operators do this once: it says where the service is.
		_, err := c.OperatorService().CreateNexusEndpoint(ctx, &operatorservice.CreateNexusEndpointRequest{
			Spec: &nexuspb.EndpointSpec{
				Name: endpoint,
				Target: &nexuspb.EndpointTarget{Variant: &nexuspb.EndpointTarget_Worker_{Worker: &nexuspb.EndpointTarget_Worker{
					Namespace: client.DefaultNamespace, TaskQueue: lesson.TaskQueue,
				}}},
			},
		})
		var exists *serviceerror.AlreadyExists
		if err != nil && !errors.As(err, &exists) {
			return err
		}
		state, err := lesson.Execute[string](ctx, c, "nexus", Order, "4711")
		if err != nil {
			return err
		}
		say("%s", state)
		return nil
	},
	Says: []string{"order 4711 is paid: receipt of charge-4711"},
}

// payments is the handlers' side: an operation that a workflow carries out. Its workflow id
// follows from the input, so that a request that comes twice charges once.
func payments() *nexus.Service {
	s := nexus.NewService(service)
	s.MustRegister(temporalnexus.NewWorkflowRunOperation(charge.Name(), Charge,
		func(_ context.Context, in ChargeInput, _ nexus.StartOperationOptions) (client.StartWorkflowOptions, error) {
			return client.StartWorkflowOptions{ID: "charge-" + in.Order}, nil
		}))
	return s
}

// Charge may take its time.
func Charge(ctx workflow.Context, _ ChargeInput) (ChargeOutput, error) {
	if err := workflow.Sleep(ctx, time.Second); err != nil {
		return ChargeOutput{}, err
	}
	return ChargeOutput{Receipt: "receipt of " + workflow.GetInfo(ctx).WorkflowExecution.ID}, nil
}

// Order is the callers' side.
func Order(ctx workflow.Context, id string) (string, error) {
	client := workflow.NewNexusClient(endpoint, service)
	var out ChargeOutput
	err := client.ExecuteOperation(ctx, charge, ChargeInput{Order: id, Card: "visa"}, workflow.NexusOperationOptions{
		ScheduleToCloseTimeout: time.Hour,
	}).Get(ctx, &out)
	if err != nil {
		return "", err
	}
	return "order " + id + " is paid: " + out.Receipt, nil
}
