package flow

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/internal/header"
)

// headerFrom is the header for a call made with ctx.
func (r *run) headerFrom(ctx Context) (*commonpb.Header, error) {
	h := &commonpb.Header{}
	writer := header.NewWriter(h)
	for _, propagator := range r.options.ContextPropagators {
		if err := propagator.InjectFromWorkflow(ctx, writer); err != nil {
			return nil, fmt.Errorf("failed propagating header: %w", err)
		}
	}
	return h, nil
}

// headerReader reads a header in an order that is the same in every replay.
type headerReader map[string]*commonpb.Payload

func (r headerReader) Get(key string) (*commonpb.Payload, bool) {
	value, ok := r[key]
	return value, ok
}

func (r headerReader) ForEachKey(handler func(string, *commonpb.Payload) error) error {
	for _, key := range DeterministicKeys(r) {
		if err := handler(key, r[key]); err != nil {
			return err
		}
	}
	return nil
}
