package flow

import (
	"reflect"
	"sync"

	"github.com/perdure/perdure/sdk/internal/registry"
)

// Workflow functions that wait hold their stack, and a call through reflection holds more than
// a kilobyte of it, which keeps the stack from being shrunk to half. Functions of common
// types, therefore, are called as what they are.

// directly returns how to call fn without reflection, nil if it is of a type that is not
// common.
func directly(fn any) registry.Call {
	if call := direct()[reflect.TypeOf(fn)]; call != nil {
		return call(fn)
	}
	return nil
}

// direct says how to call functions, by their type.
var direct = sync.OnceValue(func() map[reflect.Type]func(fn any) registry.Call {
	table := make(map[reflect.Type]func(any) registry.Call)
	table[reflect.TypeFor[func(Context) error]()] = func(fn any) registry.Call {
		f := fn.(func(Context) error)
		return func(ctx any, _ []any) (any, error) { return nil, f(ctx.(Context)) }
	}
	returning[string](table)
	returning[bool](table)
	returning[int](table)
	returning[int32](table)
	returning[int64](table)
	returning[float64](table)
	returning[[]byte](table)
	returning[[]string](table)
	returning[map[string]string](table)
	returning[any](table)
	return table
})

// returning adds functions that return an R, and those that take one and return no value.
func returning[R any](table map[reflect.Type]func(any) registry.Call) {
	table[reflect.TypeFor[func(Context) (R, error)]()] = func(fn any) registry.Call {
		f := fn.(func(Context) (R, error))
		return func(ctx any, _ []any) (any, error) {
			result, err := f(ctx.(Context))
			return result, err
		}
	}
	table[reflect.TypeFor[func(Context, R) error]()] = func(fn any) registry.Call {
		f := fn.(func(Context, R) error)
		return func(ctx any, args []any) (any, error) { return nil, f(ctx.(Context), argument[R](args)) }
	}
	taking[string, R](table)
	taking[int, R](table)
	taking[int64, R](table)
	taking[[]byte, R](table)
	taking[[]string, R](table)
	taking[any, R](table)
}

// taking adds functions that take a P and return an R.
func taking[P, R any](table map[reflect.Type]func(any) registry.Call) {
	table[reflect.TypeFor[func(Context, P) (R, error)]()] = func(fn any) registry.Call {
		f := fn.(func(Context, P) (R, error))
		return func(ctx any, args []any) (any, error) {
			result, err := f(ctx.(Context), argument[P](args))
			return result, err
		}
	}
}

// argument is the only one. A nil argument stands for the zero value.
func argument[P any](args []any) P {
	if args[0] == nil {
		var zero P
		return zero
	}
	return args[0].(P)
}
