package flow

import (
	"context"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/converter"
)

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
