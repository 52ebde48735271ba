package flow

import (
	"reflect"

	commonpb "go.temporal.io/api/common/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
)

// SideEffectOptions say what people see of a side effect.
type SideEffectOptions struct {
	// Summary is a line for people to read in the UI.
	Summary string
}

// MutableSideEffectOptions say what people see of a mutable side effect.
type MutableSideEffectOptions struct {
	// Summary is a line for people to read in the UI.
	Summary string
}

// SideEffect calls f and records what it returns, so that replay sees the
// same: for a random number, a new id, a look at the clock. f must not fail
// and must not change the workflow's state; all it does is return a value. It
// may be called more than once, when a workflow task is tried again.
func SideEffect(ctx Context, f func(ctx Context) any) converter.EncodedValue {
	return mutableCalls(ctx).SideEffect(ctx, f)
}

// SideEffectWithOptions is SideEffect with options.
func SideEffectWithOptions(ctx Context, options SideEffectOptions, f func(ctx Context) any) converter.EncodedValue {
	return mutableCalls(ctx).SideEffectWithOptions(ctx, options, f)
}

func (o outbound) SideEffect(ctx Context, f func(ctx Context) any) converter.EncodedValue {
	return o.SideEffectWithOptions(ctx, SideEffectOptions{}, f)
}

func (o outbound) SideEffectWithOptions(ctx Context, options SideEffectOptions, f func(ctx Context) any) converter.EncodedValue {
	r := o.mutable()
	dc := dataConverterOf(ctx)
	metadata, err := encoded.UserMetadata(options.Summary, "", r.converter)
	if err != nil {
		panic(err)
	}
	result, err := r.machine.SideEffect(metadata, func() (*commonpb.Payloads, error) {
		return dc.ToPayloads(r.readOnlyCall(ctx, f))
	})
	if err != nil {
		panic(err)
	}
	return encoded.NewValue(result, dc)
}

// readOnlyCall calls f where it can not change the workflow.
func (r *run) readOnlyCall(ctx Context, f func(ctx Context) any) any {
	r.readOnly = true
	defer func() { r.readOnly = false }()
	return f(ctx)
}

// MutableSideEffect is SideEffect for a value that changes now and then, such
// as configuration: it is recorded only when equals says that it differs from
// what was recorded under id before.
func MutableSideEffect(ctx Context, id string, f func(ctx Context) any, equals func(a, b any) bool) converter.EncodedValue {
	return mutableCalls(ctx).MutableSideEffect(ctx, id, f, equals)
}

// MutableSideEffectWithOptions is MutableSideEffect with options.
func MutableSideEffectWithOptions(ctx Context, id string, options MutableSideEffectOptions, f func(ctx Context) any, equals func(a, b any) bool) converter.EncodedValue {
	return mutableCalls(ctx).MutableSideEffectWithOptions(ctx, id, options, f, equals)
}

func (o outbound) MutableSideEffect(ctx Context, id string, f func(ctx Context) any, equals func(a, b any) bool) converter.EncodedValue {
	return o.MutableSideEffectWithOptions(ctx, id, MutableSideEffectOptions{}, f, equals)
}

func (o outbound) MutableSideEffectWithOptions(ctx Context, id string, options MutableSideEffectOptions, f func(ctx Context) any, equals func(a, b any) bool) converter.EncodedValue {
	r := o.mutable()
	metadata, err := encoded.UserMetadata(options.Summary, "", r.converter)
	if err != nil {
		panic(err)
	}
	value := r.machine.MutableSideEffect(id, metadata, func(current *commonpb.Payloads) (*commonpb.Payloads, bool) {
		v := r.readOnlyCall(ctx, f)
		fresh, err := r.converter.ToPayloads(v)
		if err != nil {
			panic(err)
		}
		if current == nil {
			return fresh, true
		}
		if v == nil {
			return fresh, !proto.Equal(fresh, current)
		}
		old := reflect.New(reflect.TypeOf(v))
		if err := r.converter.FromPayloads(current, old.Interface()); err != nil {
			panic(err)
		}
		return fresh, !equals(v, old.Elem().Interface())
	})
	return encoded.NewValue(value, r.converter)
}
