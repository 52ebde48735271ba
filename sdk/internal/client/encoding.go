package client

import (
	"context"
	"fmt"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/flow"
	commonpb "go.temporal.io/api/common/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
)

// converterFor returns the data converter for payloads of a workflow that the caller's
// context has a say in.
func (c *Client) converterFor(ctx context.Context, payloadsOf converter.SerializationContext) converter.DataConverter {
	dc := c.dataConverter
	if aware, ok := dc.(flow.ContextAware); ok {
		dc = aware.WithContext(ctx)
	}
	return converter.WithDataConverterSerializationContext(dc, payloadsOf)
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

// encodeMemo encodes a memo. Values that the user's data converter does not take are
// left to the default one, which had them all in older versions of the SDK.
func encodeMemo(memo map[string]any, dc converter.DataConverter) (*commonpb.Memo, error) {
	if memo == nil {
		return nil, nil
	}
	fields := make(map[string]*commonpb.Payload, len(memo))
	for key, value := range memo {
		payload, err := dc.ToPayload(value)
		if err != nil {
			var fallbackErr error
			if payload, fallbackErr = converter.GetDefaultDataConverter().ToPayload(value); fallbackErr != nil {
				return nil, fmt.Errorf("encode workflow memo error: %w", err)
			}
		}
		fields[key] = payload
	}
	return &commonpb.Memo{Fields: fields}, nil
}

// encodeUserMetadata encodes what user interfaces show about a workflow.
func encodeUserMetadata(summary, details string, dc converter.DataConverter) (*sdkpb.UserMetadata, error) {
	if summary == "" && details == "" {
		return nil, nil
	}
	metadata := &sdkpb.UserMetadata{}
	var err error
	if summary != "" {
		if metadata.Summary, err = dc.ToPayload(summary); err != nil {
			return nil, fmt.Errorf("failed converting summary to payload: %w", err)
		}
	}
	if details != "" {
		if metadata.Details, err = dc.ToPayload(details); err != nil {
			return nil, fmt.Errorf("failed converting details to payload: %w", err)
		}
	}
	return metadata, nil
}
