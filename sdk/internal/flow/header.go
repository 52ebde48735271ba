package flow

import (
	"fmt"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/internal/header"
)

type headerKey struct{}

// WorkflowHeader is the header that interceptors find in ctx: in inbound calls
// what came, to be read; in outbound calls that send one, a map to be filled in.
// It is nil elsewhere.
func WorkflowHeader(ctx Context) map[string]*commonpb.Payload {
	fields, _ := ctx.Value(headerKey{}).(map[string]*commonpb.Payload)
	return fields
}

// withoutHeader hides the header of an inbound call from the code that is
// entered.
func withoutHeader(ctx Context) Context {
	if WorkflowHeader(ctx) == nil {
		return ctx
	}
	return WithValue(ctx, headerKey{}, map[string]*commonpb.Payload(nil))
}

// incoming is ctx with the header of something that comes in: propagated, and for
// interceptors to look at.
func (r *run) incoming(ctx Context, h *commonpb.Header) (Context, error) {
	for _, propagator := range r.options.ContextPropagators {
		var err error
		if ctx, err = propagator.ExtractToWorkflow(ctx, headerReader(h.GetFields())); err != nil {
			return nil, fmt.Errorf("failed propagating header: %w", err)
		}
	}
	if !r.intercepted() {
		return ctx, nil
	}
	fields := h.GetFields()
	if fields == nil {
		fields = make(map[string]*commonpb.Payload)
	}
	return WithValue(ctx, headerKey{}, fields), nil
}

// outgoing is ctx with a new header, for interceptors to write in.
func (r *run) outgoing(ctx Context) Context {
	if !r.intercepted() {
		return ctx
	}
	return WithValue(ctx, headerKey{}, make(map[string]*commonpb.Payload))
}

// headerFrom is the header for a call made with ctx: what interceptors wrote, and
// what propagators write.
func (r *run) headerFrom(ctx Context) (*commonpb.Header, error) {
	h := &commonpb.Header{}
	if r.intercepted() {
		h.Fields = WorkflowHeader(ctx)
	}
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
