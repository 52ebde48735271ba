package client

import (
	"context"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/flow"
)

// converterFor returns the data converter for payloads of a workflow that the caller's
// context has a say in.
func (c *Client) converterFor(ctx context.Context, payloadsOf converter.SerializationContext) converter.DataConverter {
	return converter.WithDataConverterSerializationContext(c.converterIn(ctx), payloadsOf)
}

// converterIn returns the data converter for payloads that belong to no workflow.
func (c *Client) converterIn(ctx context.Context) converter.DataConverter {
	if aware, ok := c.dataConverter.(flow.ContextAware); ok {
		return aware.WithContext(ctx)
	}
	return c.dataConverter
}

// resultConverters return the converters for what a workflow returns.
func (c *Client) resultConverters(workflowID string) (converter.DataConverter, converter.FailureConverter) {
	payloadsOf := c.workflowPayloads(workflowID)
	return converter.WithDataConverterSerializationContext(c.dataConverter, payloadsOf),
		converter.WithFailureConverterSerializationContext(c.failureConverter, payloadsOf)
}

func (c *Client) workflowPayloads(workflowID string) converter.WorkflowSerializationContext {
	return converter.WorkflowSerializationContext{Namespace: c.namespace, WorkflowID: workflowID}
}
