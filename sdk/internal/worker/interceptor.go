package worker

import (
	"context"

	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/nexusop"
)

// WorkerInterceptor intercepts what a worker runs. Embed WorkerInterceptorBase in
// implementations.
type WorkerInterceptor interface {
	activities.ActivityInterceptor
	flow.WorkflowInterceptor
	nexusop.Interceptor

	mustEmbedWorkerInterceptorBase()
}

// WorkerInterceptorBase intercepts nothing. Embed it in implementations of
// WorkerInterceptor.
type WorkerInterceptorBase struct{}

var _ WorkerInterceptor = (*WorkerInterceptorBase)(nil)

// InterceptActivity implements WorkerInterceptor.
func (*WorkerInterceptorBase) InterceptActivity(_ context.Context, next activities.ActivityInboundInterceptor) activities.ActivityInboundInterceptor {
	return next
}

// InterceptWorkflow implements WorkerInterceptor.
func (*WorkerInterceptorBase) InterceptWorkflow(_ flow.Context, next flow.WorkflowInboundInterceptor) flow.WorkflowInboundInterceptor {
	return next
}

// InterceptNexusOperation implements WorkerInterceptor.
func (*WorkerInterceptorBase) InterceptNexusOperation(_ context.Context, next nexusop.NexusOperationInboundInterceptor) nexusop.NexusOperationInboundInterceptor {
	return next
}

func (*WorkerInterceptorBase) mustEmbedWorkerInterceptorBase() {}

// interceptorsOf are the interceptors of a worker: those of its client that are for
// workers as well, and inside of them its own.
func interceptorsOf(backend *client.Backend, own []WorkerInterceptor) []WorkerInterceptor {
	var all []WorkerInterceptor
	for _, i := range backend.Interceptors {
		if w, ok := i.(WorkerInterceptor); ok {
			all = append(all, w)
		}
	}
	return append(all, own...)
}

// WorkflowInterceptors are the halves of interceptors that deal with workflows.
func WorkflowInterceptors(all []WorkerInterceptor) []flow.WorkflowInterceptor {
	var halves []flow.WorkflowInterceptor
	for _, i := range all {
		halves = append(halves, i)
	}
	return halves
}

// NexusInterceptors are the halves of interceptors that deal with Nexus operations.
func NexusInterceptors(all []WorkerInterceptor) []nexusop.Interceptor {
	var halves []nexusop.Interceptor
	for _, i := range all {
		halves = append(halves, i)
	}
	return halves
}

func activityInterceptors(all []WorkerInterceptor) []activities.ActivityInterceptor {
	var halves []activities.ActivityInterceptor
	for _, i := range all {
		halves = append(halves, i)
	}
	return halves
}
