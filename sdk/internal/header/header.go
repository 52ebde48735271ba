// Package header carries what context propagators write from the code that starts
// something to the code that runs it.
package header

import (
	"context"
	"fmt"

	commonpb "go.temporal.io/api/common/v1"
)

// Writer is where a propagator writes.
type Writer interface {
	// Set writes value under key, in place of what may be there.
	Set(key string, value *commonpb.Payload)
}

// Reader is where a propagator reads.
type Reader interface {
	// Get returns what is under key, and whether there is anything.
	Get(key string) (*commonpb.Payload, bool)
	// ForEachKey calls handler with each key and value, in no order, until it returns an
	// error, which it returns.
	ForEachKey(handler func(key string, value *commonpb.Payload) error) error
}

// Propagator is the half of a workflow.ContextPropagator that deals with Go contexts.
type Propagator interface {
	// Inject writes what is to be propagated from ctx.
	Inject(ctx context.Context, to Writer) error
	// Extract returns ctx with what was propagated.
	Extract(ctx context.Context, from Reader) (context.Context, error)
}

type fields map[string]*commonpb.Payload

func (f fields) Set(key string, value *commonpb.Payload) { f[key] = value }

func (f fields) Get(key string) (*commonpb.Payload, bool) {
	value, ok := f[key]
	return value, ok
}

func (f fields) ForEachKey(handler func(string, *commonpb.Payload) error) error {
	for key, value := range f {
		if err := handler(key, value); err != nil {
			return err
		}
	}
	return nil
}

// NewReader returns a reader of h, which may be nil.
func NewReader(h *commonpb.Header) Reader { return fields(h.GetFields()) }

// NewWriter returns a writer into h. What is written to a nil header is dropped.
func NewWriter(h *commonpb.Header) Writer {
	if h == nil {
		return fields{}
	}
	if h.Fields == nil {
		h.Fields = make(map[string]*commonpb.Payload)
	}
	return fields(h.Fields)
}

type fieldsKey struct{}

// WithFields returns ctx with the fields of a header, for interceptors to read if it
// came, and to write in if it is to be sent.
func WithFields(ctx context.Context, fields map[string]*commonpb.Payload) context.Context {
	return context.WithValue(ctx, fieldsKey{}, fields)
}

// FieldsOf returns what WithFields put into ctx, or nil.
func FieldsOf(ctx context.Context) map[string]*commonpb.Payload {
	fields, _ := ctx.Value(fieldsKey{}).(map[string]*commonpb.Payload)
	return fields
}

// WithoutFields hides the fields of a header from code that is not an interceptor.
func WithoutFields(ctx context.Context) context.Context {
	if FieldsOf(ctx) == nil {
		return ctx
	}
	return WithFields(ctx, nil)
}

// Inject returns the header that propagators write from ctx, besides the fields that ctx
// has. With nothing to propagate the header is empty but not nil: histories show which of
// the two was sent, and clients have always sent one.
func Inject[P Propagator](ctx context.Context, propagators []P) (*commonpb.Header, error) {
	h := &commonpb.Header{Fields: FieldsOf(ctx)}
	if len(propagators) == 0 {
		return h, nil
	}
	writer := NewWriter(h)
	for _, p := range propagators {
		if err := p.Inject(ctx, writer); err != nil {
			return nil, fmt.Errorf("failed propagating header: %w", err)
		}
	}
	return h, nil
}

// Extract returns ctx with what propagators find in h, which may be nil.
func Extract[P Propagator](ctx context.Context, propagators []P, h *commonpb.Header) (context.Context, error) {
	reader := NewReader(h)
	for _, p := range propagators {
		var err error
		if ctx, err = p.Extract(ctx, reader); err != nil {
			return nil, fmt.Errorf("failed propagating header: %w", err)
		}
	}
	return ctx, nil
}
