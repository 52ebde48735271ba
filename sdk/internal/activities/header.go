package activities

import (
	"context"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/flow"
)

// headerReader reads the header of a task for context propagators.
type headerReader struct{ header *commonpb.Header }

// Get implements flow.HeaderReader.
func (r headerReader) Get(key string) (*commonpb.Payload, bool) {
	value, ok := r.header.GetFields()[key]
	return value, ok
}

// ForEachKey implements flow.HeaderReader.
func (r headerReader) ForEachKey(handler func(string, *commonpb.Payload) error) error {
	for key, value := range r.header.GetFields() {
		if err := handler(key, value); err != nil {
			return err
		}
	}
	return nil
}

// extractHeader lets the propagators move the header into the context.
func extractHeader(ctx context.Context, header *commonpb.Header, propagators []flow.ContextPropagator) (context.Context, error) {
	reader := headerReader{header: header}
	for _, propagator := range propagators {
		var err error
		if ctx, err = propagator.Extract(ctx, reader); err != nil {
			return nil, err
		}
	}
	return ctx, nil
}

// withContext gives a data converter that wants it the context it is used in.
func withContext(ctx context.Context, dc converter.DataConverter) converter.DataConverter {
	if dc == nil {
		dc = converter.GetDefaultDataConverter()
	}
	if aware, ok := dc.(flow.ContextAware); ok {
		return aware.WithContext(ctx)
	}
	return dc
}
