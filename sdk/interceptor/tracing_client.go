package interceptor

import (
	"context"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
)

// tracedClient traces the calls of a client.
type tracedClient struct {
	ClientOutboundInterceptorBase
	root *tracingInterceptor
}

// outgoing are the options of a span of a call about a workflow, whose header it goes in.
func outgoing(operation, name, workflowID string) *TracerStartSpanOptions {
	return &TracerStartSpanOptions{
		Operation: operation,
		Name:      name,
		Tags:      map[string]string{workflowIDTag: workflowID},
		ToHeader:  true,
	}
}

func (c *tracedClient) ExecuteWorkflow(ctx context.Context, in *ClientExecuteWorkflowInput) (client.WorkflowRun, error) {
	return trace(ctx, c.root, outgoing("StartWorkflow", in.WorkflowType, in.Options.ID), func(ctx context.Context) (client.WorkflowRun, error) {
		return c.Next.ExecuteWorkflow(ctx, in)
	})
}

func (c *tracedClient) SignalWorkflow(ctx context.Context, in *ClientSignalWorkflowInput) error {
	if c.root.options.DisableSignalTracing {
		return c.Next.SignalWorkflow(ctx, in)
	}
	_, err := trace(ctx, c.root, outgoing("SignalWorkflow", in.SignalName, in.WorkflowID), func(ctx context.Context) (struct{}, error) {
		return struct{}{}, c.Next.SignalWorkflow(ctx, in)
	})
	return err
}

func (c *tracedClient) SignalWithStartWorkflow(ctx context.Context, in *ClientSignalWithStartWorkflowInput) (client.WorkflowRun, error) {
	return trace(ctx, c.root, outgoing("SignalWithStartWorkflow", in.WorkflowType, in.Options.ID), func(ctx context.Context) (client.WorkflowRun, error) {
		return c.Next.SignalWithStartWorkflow(ctx, in)
	})
}

func (c *tracedClient) QueryWorkflow(ctx context.Context, in *ClientQueryWorkflowInput) (converter.EncodedValue, error) {
	if c.root.options.DisableQueryTracing {
		return c.Next.QueryWorkflow(ctx, in)
	}
	return trace(ctx, c.root, outgoing("QueryWorkflow", in.QueryType, in.WorkflowID), func(ctx context.Context) (converter.EncodedValue, error) {
		return c.Next.QueryWorkflow(ctx, in)
	})
}

func (c *tracedClient) CreateSchedule(ctx context.Context, in *ScheduleClientCreateInput) (client.ScheduleHandle, error) {
	options := &TracerStartSpanOptions{Operation: "CreateSchedule", Name: in.Options.ID, ToHeader: true}
	return trace(ctx, c.root, options, func(ctx context.Context) (client.ScheduleHandle, error) {
		return c.Next.CreateSchedule(ctx, in)
	})
}

func (c *tracedClient) UpdateWorkflow(ctx context.Context, in *ClientUpdateWorkflowInput) (client.WorkflowUpdateHandle, error) {
	if c.root.options.DisableUpdateTracing {
		return c.Next.UpdateWorkflow(ctx, in)
	}
	return trace(ctx, c.root, outgoing("UpdateWorkflow", in.UpdateName, in.WorkflowID), func(ctx context.Context) (client.WorkflowUpdateHandle, error) {
		return c.Next.UpdateWorkflow(ctx, in)
	})
}

func (c *tracedClient) UpdateWithStartWorkflow(ctx context.Context, in *ClientUpdateWithStartWorkflowInput) (client.WorkflowUpdateHandle, error) {
	if c.root.options.DisableUpdateTracing {
		return c.Next.UpdateWithStartWorkflow(ctx, in)
	}
	options := outgoing("UpdateWithStartWorkflow", in.UpdateOptions.UpdateName, in.UpdateOptions.WorkflowID)
	options.Tags[updateIDTag] = in.UpdateOptions.UpdateID
	return trace(ctx, c.root, options, func(ctx context.Context) (client.WorkflowUpdateHandle, error) {
		return c.Next.UpdateWithStartWorkflow(ctx, in)
	})
}

func (c *tracedClient) ExecuteActivity(ctx context.Context, in *ClientExecuteActivityInput) (client.ActivityHandle, error) {
	options := &TracerStartSpanOptions{
		Operation: "StartActivity", Name: in.ActivityType, Tags: map[string]string{activityIDTag: in.Options.ID}, ToHeader: true,
	}
	return trace(ctx, c.root, options, func(ctx context.Context) (client.ActivityHandle, error) {
		return c.Next.ExecuteActivity(ctx, in)
	})
}
