package tracing

import (
	"context"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/interceptor"
)

type clientTracing struct {
	interceptor.ClientInterceptorBase
	tracer Tracer
}

func (t *clientTracing) InterceptClient(next interceptor.ClientOutboundInterceptor) interceptor.ClientOutboundInterceptor {
	return &tracedClient{interceptor.ClientOutboundInterceptorBase{Next: next}, t.tracer}
}

// tracedClient traces the calls of a client.
type tracedClient struct {
	interceptor.ClientOutboundInterceptorBase
	tracer Tracer
}

// sends is outbound for calls that send a header.
func sends[T any](c *tracedClient, ctx context.Context, operation, name string, tags map[string]string, f func(ctx context.Context) (T, error)) (T, error) {
	return outbound(c.tracer, ctx, inHeader(interceptor.Header(ctx)), &TracerStartSpanOptions{Operation: operation, Name: name, Tags: tags}, f)
}

// asks is outbound for calls that send none.
func asks[T any](c *tracedClient, ctx context.Context, operation string, tags map[string]string, f func(ctx context.Context) (T, error)) (T, error) {
	return outbound(c.tracer, ctx, carrier{}, &TracerStartSpanOptions{Operation: operation, Tags: tags}, f)
}

func (c *tracedClient) CreateSchedule(ctx context.Context, in *interceptor.ScheduleClientCreateInput) (client.ScheduleHandle, error) {
	return sends(c, ctx, "CreateSchedule", in.Options.ID, nil, func(ctx context.Context) (client.ScheduleHandle, error) {
		return c.Next.CreateSchedule(ctx, in)
	})
}

func (c *tracedClient) ExecuteWorkflow(ctx context.Context, in *interceptor.ClientExecuteWorkflowInput) (client.WorkflowRun, error) {
	return sends(c, ctx, "StartWorkflow", in.WorkflowType, executionTags(in.Options.ID, ""), func(ctx context.Context) (client.WorkflowRun, error) {
		return c.Next.ExecuteWorkflow(ctx, in)
	})
}

func (c *tracedClient) SignalWorkflow(ctx context.Context, in *interceptor.ClientSignalWorkflowInput) error {
	_, err := sends(c, ctx, "SignalWorkflow", in.SignalName, executionTags(in.WorkflowID, ""), only(func(ctx context.Context) error {
		return c.Next.SignalWorkflow(ctx, in)
	}))
	return err
}

func (c *tracedClient) SignalWithStartWorkflow(ctx context.Context, in *interceptor.ClientSignalWithStartWorkflowInput) (client.WorkflowRun, error) {
	return sends(c, ctx, "SignalWithStartWorkflow", in.WorkflowType, executionTags(in.Options.ID, ""), func(ctx context.Context) (client.WorkflowRun, error) {
		return c.Next.SignalWithStartWorkflow(ctx, in)
	})
}

func (c *tracedClient) QueryWorkflow(ctx context.Context, in *interceptor.ClientQueryWorkflowInput) (converter.EncodedValue, error) {
	return sends(c, ctx, "QueryWorkflow", in.QueryType, executionTags(in.WorkflowID, ""), func(ctx context.Context) (converter.EncodedValue, error) {
		return c.Next.QueryWorkflow(ctx, in)
	})
}

func (c *tracedClient) UpdateWorkflow(ctx context.Context, in *interceptor.ClientUpdateWorkflowInput) (client.WorkflowUpdateHandle, error) {
	tags := map[string]string{workflowIDTag: in.WorkflowID, updateIDTag: in.UpdateID}
	return sends(c, ctx, "StartWorkflowUpdate", in.UpdateName, tags, func(ctx context.Context) (client.WorkflowUpdateHandle, error) {
		return c.Next.UpdateWorkflow(ctx, in)
	})
}

func (c *tracedClient) UpdateWithStartWorkflow(ctx context.Context, in *interceptor.ClientUpdateWithStartWorkflowInput) (client.WorkflowUpdateHandle, error) {
	tags := map[string]string{workflowIDTag: in.UpdateOptions.WorkflowID, updateIDTag: in.UpdateOptions.UpdateID}
	return sends(c, ctx, "UpdateWithStartWorkflow", in.UpdateOptions.UpdateName, tags, func(ctx context.Context) (client.WorkflowUpdateHandle, error) {
		return c.Next.UpdateWithStartWorkflow(ctx, in)
	})
}

func (c *tracedClient) ExecuteActivity(ctx context.Context, in *interceptor.ClientExecuteActivityInput) (client.ActivityHandle, error) {
	return sends(c, ctx, "StartActivity", in.ActivityType, map[string]string{activityIDTag: in.Options.ID}, func(ctx context.Context) (client.ActivityHandle, error) {
		return c.Next.ExecuteActivity(ctx, in)
	})
}

func (c *tracedClient) ExecuteNexusOperation(ctx context.Context, in *interceptor.ClientExecuteNexusOperationInput) (client.NexusOperationHandle, error) {
	return outbound(c.tracer, ctx, inNexusHeader(in.NexusHeader), &TracerStartSpanOptions{
		Operation: "StartNexusOperation",
		Name:      in.Service + "/" + in.OperationType,
		Tags:      nexusTags(map[string]string{}, in.Endpoint, in.Service, in.OperationType),
	}, func(ctx context.Context) (client.NexusOperationHandle, error) {
		return c.Next.ExecuteNexusOperation(ctx, in)
	})
}

func (c *tracedClient) CancelWorkflow(ctx context.Context, in *interceptor.ClientCancelWorkflowInput) error {
	_, err := asks(c, ctx, "CancelWorkflow", executionTags(in.WorkflowID, in.RunID), only(func(ctx context.Context) error {
		return c.Next.CancelWorkflow(ctx, in)
	}))
	return err
}

func (c *tracedClient) TerminateWorkflow(ctx context.Context, in *interceptor.ClientTerminateWorkflowInput) error {
	tags := executionTags(in.WorkflowID, in.RunID)
	if in.Reason != "" {
		tags[terminateReasonTag] = in.Reason
	}
	_, err := asks(c, ctx, "TerminateWorkflow", tags, only(func(ctx context.Context) error {
		return c.Next.TerminateWorkflow(ctx, in)
	}))
	return err
}

func (c *tracedClient) DescribeWorkflow(ctx context.Context, in *interceptor.ClientDescribeWorkflowInput) (*interceptor.ClientDescribeWorkflowOutput, error) {
	return asks(c, ctx, "DescribeWorkflow", executionTags(in.WorkflowID, in.RunID), func(ctx context.Context) (*interceptor.ClientDescribeWorkflowOutput, error) {
		return c.Next.DescribeWorkflow(ctx, in)
	})
}
