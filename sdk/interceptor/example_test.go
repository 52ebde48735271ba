package interceptor_test

import (
	"context"
	"log"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/workflow"
	commonpb "go.temporal.io/api/common/v1"
)

// tenancy carries the name of a tenant from the program that starts a workflow to all
// activities of that workflow.
type tenancy struct{ interceptor.InterceptorBase }

const tenantHeader = "tenant"

type tenantKey struct{}

func (*tenancy) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	return &tenantClient{interceptor.ClientOutboundInterceptorBase{Next: next}}
}

type tenantClient struct {
	interceptor.ClientOutboundInterceptorBase
}

func (c *tenantClient) ExecuteWorkflow(ctx context.Context, in *interceptor.ClientExecuteWorkflowInput) (client.WorkflowRun, error) {
	if tenant, ok := ctx.Value(tenantKey{}).(string); ok {
		payload, err := converter.GetDefaultDataConverter().ToPayload(tenant)
		if err != nil {
			return nil, err
		}
		interceptor.Header(ctx)[tenantHeader] = payload
	}
	return c.Next.ExecuteWorkflow(ctx, in)
}

func (*tenancy) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &tenantWorkflow{interceptor.WorkflowInboundInterceptorBase{Next: next}}
}

type tenantWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
}

func (w *tenantWorkflow) Init(outbound interceptor.WorkflowOutboundInterceptor) error {
	return w.Next.Init(&tenantCalls{interceptor.WorkflowOutboundInterceptorBase{Next: outbound}})
}

func (w *tenantWorkflow) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	ctx = workflow.WithValue(ctx, tenantKey{}, interceptor.WorkflowHeader(ctx)[tenantHeader])
	return w.Next.ExecuteWorkflow(ctx, in)
}

type tenantCalls struct {
	interceptor.WorkflowOutboundInterceptorBase
}

func (c *tenantCalls) ExecuteActivity(ctx workflow.Context, activityType string, args ...any) workflow.Future {
	if tenant, ok := ctx.Value(tenantKey{}).(*commonpb.Payload); ok && tenant != nil {
		interceptor.WorkflowHeader(ctx)[tenantHeader] = tenant
	}
	return c.Next.ExecuteActivity(ctx, activityType, args...)
}

func (*tenancy) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &tenantActivity{interceptor.ActivityInboundInterceptorBase{Next: next}}
}

type tenantActivity struct {
	interceptor.ActivityInboundInterceptorBase
}

func (a *tenantActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	if payload := interceptor.Header(ctx)[tenantHeader]; payload != nil {
		var tenant string
		if err := converter.GetDefaultDataConverter().FromPayload(payload, &tenant); err != nil {
			return nil, err
		}
		activity.GetLogger(ctx).Info("Running an activity", "Tenant", tenant)
		ctx = context.WithValue(ctx, tenantKey{}, tenant)
	}
	return a.Next.ExecuteActivity(ctx, in)
}

// An interceptor given to the client intercepts the workers of that client, too.
func Example() {
	c, err := client.Dial(client.Options{
		Interceptors: []interceptor.ClientInterceptor{&tenancy{}},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	ctx := context.WithValue(context.Background(), tenantKey{}, "acme")
	if _, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{TaskQueue: "orders"}, "Order"); err != nil {
		log.Fatal(err)
	}
}
