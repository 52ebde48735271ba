package activities

import (
	"context"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/flow"
)

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
