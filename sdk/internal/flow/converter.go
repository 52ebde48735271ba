package flow

import (
	"context"

	commonpb "go.temporal.io/api/common/v1"
	sdkpb "go.temporal.io/api/sdk/v1"

	"github.com/perdure/perdure/sdk/converter"
)

// withWorkflowContext binds a converter that wants it to a workflow context.
func withWorkflowContext(ctx Context, dc DataConverter) DataConverter {
	if aware, ok := dc.(ContextAware); ok {
		return aware.WithWorkflowContext(ctx)
	}
	return dc
}

// dataConverterOf is the converter for a workflow's own values.
func dataConverterOf(ctx Context) DataConverter {
	if options := workflowOptionsOf(ctx); options != nil && options.converter != nil {
		return withWorkflowContext(ctx, options.converter)
	}
	return withWorkflowContext(ctx, runOf(ctx).converter)
}

// converterFor is the converter for values of an activity or another workflow.
func converterFor(ctx Context, serialization converter.SerializationContext) DataConverter {
	return withWorkflowContext(ctx, converter.WithDataConverterSerializationContext(workflowOptionsOf(ctx).rootConverter, serialization))
}

// userMetadata encodes what people are to read, nil if there is none.
func (r *run) userMetadata(summary, details string) (*sdkpb.UserMetadata, error) {
	if summary == "" && details == "" {
		return nil, nil
	}
	m := &sdkpb.UserMetadata{}
	var err error
	if summary != "" {
		if m.Summary, err = r.converter.ToPayload(summary); err != nil {
			return nil, err
		}
	}
	if details != "" {
		if m.Details, err = r.converter.ToPayload(details); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// DataConverterWithoutDeadlockDetection returns a converter whose time does not
// count as the workflow's: converters that call out to a key service may
// take longer than workflow code is allowed to.
func DataConverterWithoutDeadlockDetection(c DataConverter) DataConverter {
	return &patientConverter{underlying: c}
}

type patientConverter struct {
	underlying DataConverter
	run        *run // nil outside of workflow code
}

func (c *patientConverter) do(f func()) {
	if c.run == nil {
		f()
		return
	}
	c.run.scheduler.Unwatched(f)
}

func (c *patientConverter) ToPayload(value any) (p *commonpb.Payload, err error) {
	c.do(func() { p, err = c.underlying.ToPayload(value) })
	return p, err
}

func (c *patientConverter) FromPayload(payload *commonpb.Payload, valuePtr any) (err error) {
	c.do(func() { err = c.underlying.FromPayload(payload, valuePtr) })
	return err
}

func (c *patientConverter) ToPayloads(values ...any) (p *commonpb.Payloads, err error) {
	c.do(func() { p, err = c.underlying.ToPayloads(values...) })
	return p, err
}

func (c *patientConverter) FromPayloads(payloads *commonpb.Payloads, valuePtrs ...any) (err error) {
	c.do(func() { err = c.underlying.FromPayloads(payloads, valuePtrs...) })
	return err
}

func (c *patientConverter) ToString(input *commonpb.Payload) (s string) {
	c.do(func() { s = c.underlying.ToString(input) })
	return s
}

func (c *patientConverter) ToStrings(input *commonpb.Payloads) (s []string) {
	c.do(func() { s = c.underlying.ToStrings(input) })
	return s
}

// WithWorkflowContext implements ContextAware.
func (c *patientConverter) WithWorkflowContext(ctx Context) converter.DataConverter {
	return &patientConverter{underlying: withWorkflowContext(ctx, c.underlying), run: runOf(ctx)}
}

// WithContext implements ContextAware.
func (c *patientConverter) WithContext(ctx context.Context) converter.DataConverter {
	if aware, ok := c.underlying.(ContextAware); ok {
		return &patientConverter{underlying: aware.WithContext(ctx), run: c.run}
	}
	return c
}

// WithSerializationContext implements
// converter.DataConverterWithSerializationContext.
func (c *patientConverter) WithSerializationContext(sc converter.SerializationContext) converter.DataConverter {
	return &patientConverter{underlying: converter.WithDataConverterSerializationContext(c.underlying, sc), run: c.run}
}
