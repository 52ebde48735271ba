package e2e

import (
	"context"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// courier carries a payload in the header from the client through a workflow to its
// activity and local activity, which return it as their result.
type courier struct{ interceptor.InterceptorBase }

func (*courier) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	return &courierClient{interceptor.ClientOutboundInterceptorBase{Next: next}}
}

type courierClient struct {
	interceptor.ClientOutboundInterceptorBase
}

func (c *courierClient) ExecuteWorkflow(ctx context.Context, in *interceptor.ClientExecuteWorkflowInput) (client.WorkflowRun, error) {
	interceptor.Header(ctx)["parcel"] = &commonpb.Payload{Data: []byte("parcel")}
	return c.Next.ExecuteWorkflow(ctx, in)
}

func (*courier) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &courierWorkflow{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}}
}

type courierWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
	parcel *commonpb.Payload
}

func (w *courierWorkflow) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	return w.Next.Init(&courierCalls{interceptor.WorkflowOutboundInterceptorBase{Next: outbound}, w})
}

func (w *courierWorkflow) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	w.parcel = interceptor.WorkflowHeader(ctx)["parcel"]
	return w.Next.ExecuteWorkflow(ctx, in)
}

type courierCalls struct {
	interceptor.WorkflowOutboundInterceptorBase
	workflow *courierWorkflow
}

func (c *courierCalls) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	interceptor.WorkflowHeader(ctx)["parcel"] = c.workflow.parcel
	return c.Next.ExecuteActivity(ctx, name, args...)
}

func (c *courierCalls) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	interceptor.WorkflowHeader(ctx)["parcel"] = c.workflow.parcel
	return c.Next.ExecuteLocalActivity(ctx, name, args...)
}

func (*courier) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &courierActivity{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type courierActivity struct {
	interceptor.ActivityInboundInterceptorBase
}

func (a *courierActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if _, err := a.Next.ExecuteActivity(ctx, in); err != nil {
		return nil, err
	}
	return string(interceptor.Header(ctx)["parcel"].GetData()), nil
}

func TestAClientsInterceptorFollowsAWorkflowToItsActivities(t *testing.T) {
	s := newScenarioWith(t, client.Options{Interceptors: []interceptor.ClientInterceptor{&courier{}}})
	deliver := func(context.Context) (string, error) { return "nothing", nil }
	order := func(ctx workflow.Context) (string, error) {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute})
		ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Minute})
		var remote, local string
		if err := workflow.ExecuteActivity(ctx, "deliver").Get(ctx, &remote); err != nil {
			return "", err
		}
		if err := workflow.ExecuteLocalActivity(ctx, deliver).Get(ctx, &local); err != nil {
			return "", err
		}
		return remote + " " + local, nil
	}
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflowWithOptions(order, workflow.RegisterOptions{Name: "order"})
		w.RegisterActivityWithOptions(deliver, activity.RegisterOptions{Name: "deliver"})
	})
	if got := result[string](s, s.start("order")); got != "parcel parcel" {
		t.Fatalf("the activities got %q", got)
	}
}
