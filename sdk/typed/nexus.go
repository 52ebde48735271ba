package typed

import (
	"context"

	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/temporalnexus"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// NexusOperation is the definition of an operation of a Nexus service that takes an In and
// returns an Out. Make one with [NewNexusOperation]. An operation has exactly one input and
// one output; nexus.NoValue stands for one that is not there.
type NexusOperation[In, Out any] struct{ service, name string }

// NewNexusOperation defines an operation of a service. Both names go over the wire: once
// there are callers, they stay.
func NewNexusOperation[In, Out any](service, name string) NexusOperation[In, Out] {
	return NexusOperation[In, Out]{service, name}
}

// Service is the name of the service.
func (o NexusOperation[In, Out]) Service() string { return o.service }

// Name is the operation's name on the wire, as NewNexusOperation got it.
func (o NexusOperation[In, Out]) Name() string { return o.name }

// NexusHandler is the code of an operation, to be registered with [RegisterNexus].
type NexusHandler struct {
	service   string
	operation nexus.RegisterableOperation
}

// Handle makes fn the code of the operation, which answers at once: within about ten
// seconds. It may call the server with temporalnexus.GetClient.
func (o NexusOperation[In, Out]) Handle(fn func(context.Context, In, nexus.StartOperationOptions) (Out, error)) NexusHandler {
	return NexusHandler{o.service, nexus.NewSyncOperation(o.name, fn)}
}

// HandleWithWorkflow has a workflow carry out the operation, which takes its input and whose
// result is the operation's. A caller that cancels the operation cancels the workflow.
//
// options says how to start it. ID is required, and should be made from the input, so that a
// start that is tried again finds the first one. TaskQueue defaults to that of the worker.
func (o NexusOperation[In, Out]) HandleWithWorkflow(
	w Workflow[In, Out],
	options func(context.Context, In, nexus.StartOperationOptions) (client.StartWorkflowOptions, error),
) NexusHandler {
	return NexusHandler{o.service, temporalnexus.MustNewWorkflowRunOperationWithOptions(temporalnexus.WorkflowRunOperationOptions[In, Out]{
		Name: o.name,
		Handler: func(ctx context.Context, in In, start nexus.StartOperationOptions) (temporalnexus.WorkflowHandle[Out], error) {
			startWorkflow, err := options(ctx, in, start)
			if err != nil {
				return nil, err
			}
			return temporalnexus.ExecuteUntypedWorkflow[Out](ctx, start, startWorkflow, w.name, argumentsOf(in)...)
		},
	})}
}

// RegisterNexus registers the operations with a worker, as the services that they belong to.
// All operations of a service must be registered together. It panics if two have the same
// name, or the worker has one of the services already.
func RegisterNexus(r worker.NexusServiceRegistry, handlers ...NexusHandler) {
	services := make(map[string]*nexus.Service)
	var order []*nexus.Service
	for _, handler := range handlers {
		service := services[handler.service]
		if service == nil {
			service = nexus.NewService(handler.service)
			services[handler.service] = service
			order = append(order, service)
		}
		service.MustRegister(handler.operation)
	}
	for _, service := range order {
		r.RegisterNexusService(service)
	}
}

// Execute calls the operation at an endpoint from workflow code and waits for its result. An
// error is a *temporal.NexusOperationError.
func (o NexusOperation[In, Out]) Execute(ctx workflow.Context, endpoint string, in In, options workflow.NexusOperationOptions) (Out, error) {
	return o.Start(ctx, endpoint, in, options).Get(ctx)
}

// Start is Execute without waiting.
func (o NexusOperation[In, Out]) Start(ctx workflow.Context, endpoint string, in In, options workflow.NexusOperationOptions) NexusFuture[Out] {
	future := workflow.NewNexusClient(endpoint, o.service).ExecuteOperation(ctx, o.name, in, options)
	return NexusFuture[Out]{Future[Out]{future}, future}
}

// StartAlone starts the operation from a client, without a workflow. Of options only ID is
// required.
func (o NexusOperation[In, Out]) StartAlone(ctx context.Context, c client.Client, endpoint string, in In, options client.StartNexusOperationOptions) (NexusHandle[Out], error) {
	caller, err := c.NewNexusClient(client.NexusClientOptions{Endpoint: endpoint, Service: o.service})
	if err != nil {
		return NexusHandle[Out]{}, err
	}
	handle, err := caller.ExecuteOperation(ctx, o.name, in, options)
	return NexusHandle[Out]{handle}, err
}

// NexusFuture is the result of a Nexus operation.
type NexusFuture[Out any] struct {
	Future[Out]
	operation workflow.NexusOperationFuture
}

// Started waits until the operation has been started and returns its token, which is empty
// if it was completed at once.
func (f NexusFuture[Out]) Started(ctx workflow.Context) (workflow.NexusOperationExecution, error) {
	var execution workflow.NexusOperationExecution
	err := f.operation.GetNexusOperationExecution().Get(ctx, &execution)
	return execution, err
}

// NexusHandle is a client's handle of an operation that it has started.
type NexusHandle[Out any] struct{ client.NexusOperationHandle }

// Get waits for the result.
func (h NexusHandle[Out]) Get(ctx context.Context) (Out, error) {
	var out Out
	err := h.NexusOperationHandle.Get(ctx, pointerTo(&out))
	return out, err
}
