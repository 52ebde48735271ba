package registry

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/internal/policy"
)

var (
	contextType = reflect.TypeFor[context.Context]()
	errorType   = reflect.TypeFor[error]()
)

// Decoder is the half of converter.DataConverter that arguments need.
type Decoder interface {
	FromPayloads(payloads *commonpb.Payloads, valuePtrs ...any) error
}

// Function is a registered workflow or activity function. What reflection can
// tell about it is found out once, at registration.
type Function struct {
	// Name is the registered type name, empty for a dynamic function.
	Name string
	// Dynamic functions take all their arguments, whatever they are, as one
	// converter.EncodedValues.
	Dynamic bool

	call               Call // nil if only reflection can call it
	value              reflect.Value
	typ                reflect.Type
	takesContext       bool
	params             []reflect.Type // without the context
	versioningBehavior policy.VersioningBehavior
}

// Call calls a function as Function.Call does, with as many arguments as it takes.
type Call func(ctx any, args []any) (any, error)

func newFunction(name string, fn any, context reflect.Type) *Function {
	f := &Function{Name: name, value: reflect.ValueOf(fn), typ: reflect.TypeOf(fn)}
	first := 0
	if f.typ.NumIn() > 0 && context != nil && f.typ.In(0).Implements(context) {
		f.takesContext = true
		first = 1
	}
	for i := first; i < f.typ.NumIn(); i++ {
		f.params = append(f.params, f.typ.In(i))
	}
	return f
}

// NewFunction describes a function that is called without being registered: a
// local activity passed as a function. context is the interface type that its
// first parameter may have.
func NewFunction(name string, fn any, context reflect.Type) (*Function, error) {
	if err := checkResults(reflect.TypeOf(fn)); err != nil {
		return nil, err
	}
	return newFunction(name, fn, context), nil
}

// NewActivityFunction is NewFunction for an activity.
func NewActivityFunction(name string, fn any) (*Function, error) {
	return NewFunction(name, fn, contextType)
}

// DecodeArgs decodes the arguments of a call. Missing ones are zero values and
// surplus ones are ignored, so that callers and functions may gain parameters
// one after the other.
func (f *Function) DecodeArgs(dc Decoder, payloads *commonpb.Payloads) ([]any, error) {
	if len(f.params) == 0 {
		return nil, nil
	}
	pointers := make([]any, len(f.params))
	for i, typ := range f.params {
		pointers[i] = reflect.New(typ).Interface()
	}
	if payloads != nil {
		if err := dc.FromPayloads(payloads, pointers...); err != nil {
			return nil, fmt.Errorf("decoding the arguments of %s: %w", f.Name, err)
		}
	}
	for i, p := range pointers {
		pointers[i] = reflect.ValueOf(p).Elem().Interface()
	}
	return pointers, nil
}

// Call calls the function with ctx first, if it takes one, and decoded
// arguments. A nil argument stands for the zero value. The result is nil if
// the function has none, or a nil pointer. Panics pass through.
func (f *Function) Call(ctx any, args []any) (any, error) {
	if len(args) != len(f.params) && !f.typ.IsVariadic() {
		return nil, fmt.Errorf("calling %s: it takes %d arguments, got %d", f.Name, len(f.params), len(args))
	}
	if f.call != nil {
		return f.call(ctx, args)
	}
	return f.reflectively(ctx, args)
}

// reflectively is Call for functions of any type. Its frame is large.
func (f *Function) reflectively(ctx any, args []any) (any, error) {
	in := make([]reflect.Value, 0, len(args)+1)
	if f.takesContext {
		in = append(in, reflect.ValueOf(ctx))
	}
	for i, arg := range args {
		if arg == nil {
			in = append(in, reflect.Zero(f.params[min(i, len(f.params)-1)]))
		} else {
			in = append(in, reflect.ValueOf(arg))
		}
	}
	var out []reflect.Value
	if f.typ.IsVariadic() && len(args) == len(f.params) && isSliceFor(f.params, args) {
		out = f.value.CallSlice(in)
	} else {
		out = f.value.Call(in)
	}
	var err error
	if e := out[len(out)-1]; !e.IsNil() {
		err = e.Interface().(error)
	}
	if len(out) == 1 || out[0].Kind() == reflect.Pointer && out[0].IsNil() {
		return nil, err
	}
	return out[0].Interface(), err
}

// isSliceFor says whether the last argument is the slice of a variadic
// parameter, as it is when it was decoded.
func isSliceFor(params []reflect.Type, args []any) bool {
	last := args[len(args)-1]
	return last == nil || reflect.TypeOf(last).AssignableTo(params[len(params)-1])
}

// Type is the Go type of the function.
func (f *Function) Type() reflect.Type { return f.typ }

// TakesContext says whether the function's first parameter is the context.
func (f *Function) TakesContext() bool { return f.takesContext }

// CheckArgs says why fn, when it is a function, could not be called with args.
// A name can not be checked. context is the type of the first parameter that
// the caller does not pass.
func CheckArgs(fn any, args []any, context reflect.Type) error {
	typ := reflect.TypeOf(fn)
	if typ == nil || typ.Kind() != reflect.Func {
		return nil
	}
	first := 0
	if typ.NumIn() > 0 && typ.In(0).Implements(context) {
		first = 1
	}
	name := FunctionName(fn)
	if typ.NumIn()-first != len(args) {
		return fmt.Errorf("expected %d args for function: %v but found %v", typ.NumIn()-first, name, len(args))
	}
	for i, arg := range args {
		want, got := typ.In(first+i), reflect.TypeOf(arg)
		if got != nil && !got.AssignableTo(want) {
			return fmt.Errorf("cannot assign function argument: %d from type: %s to type: %s", first+i+1, got, want)
		}
	}
	return nil
}

// CheckActivityArgs is CheckArgs for an activity function.
func CheckActivityArgs(fn any, args []any) error { return CheckArgs(fn, args, contextType) }

// FunctionName is the name that a function is registered under when it is
// given none: its Go name without package, receiver and the compiler's mark of
// a method value.
func FunctionName(fn any) string {
	full := qualifiedName(fn)
	return strings.TrimSuffix(full[strings.LastIndexByte(full, '.')+1:], "-fm")
}

// qualifiedName is a function's Go name with package and receiver. Functions made
// by the same literal share one.
func qualifiedName(fn any) string {
	return runtime.FuncForPC(reflect.ValueOf(fn).Pointer()).Name()
}

// IsMethod says whether fn is a method of a pointer, taken as a value.
func IsMethod(fn any) bool {
	return reflect.TypeOf(fn).Kind() == reflect.Func &&
		strings.Contains(qualifiedName(fn), "(*")
}

func nameOf(fn any) (name string, isFunction bool, err error) {
	value := reflect.ValueOf(fn)
	switch value.Kind() {
	case reflect.String:
		return value.String(), false, nil
	case reflect.Func:
		return FunctionName(fn), true, nil
	default:
		return "", false, fmt.Errorf("a %T names no workflow or activity: pass the function or its registered name", fn)
	}
}

// registeredName decides under which name fn is registered.
func registeredName(fn any, explicit string) (string, error) {
	name := explicit
	if name == "" {
		name = FunctionName(fn)
	}
	if strings.HasPrefix(name, ReservedPrefix) {
		return "", errReserved(name)
	}
	return name, nil
}

func errReserved(name string) error {
	return fmt.Errorf("cannot register %q: %s is a reserved prefix", name, ReservedPrefix)
}

func (r *Registry) checkWorkflow(fn any) error {
	typ := reflect.TypeOf(fn)
	if typ == nil || typ.Kind() != reflect.Func {
		return fmt.Errorf("expected a func as input but was %v", typ)
	}
	if typ.NumIn() < 1 {
		return errors.New("expected at least one argument of type workflow.Context in function, found 0 input arguments")
	}
	if !typ.In(0).Implements(r.workflowContext) {
		return fmt.Errorf("expected first argument to be workflow.Context but found %s", typ.In(0))
	}
	return checkResults(typ)
}

func (r *Registry) checkActivity(typ reflect.Type) error {
	if typ == nil || typ.Kind() != reflect.Func {
		return fmt.Errorf("expected a func as input but was %v", typ)
	}
	// A method's receiver comes first, so look at the second parameter too.
	for i := range min(typ.NumIn(), 2) {
		if r.workflowContext != nil && typ.In(i).Implements(r.workflowContext) {
			return errors.New("unexpected use of workflow context for an activity")
		}
	}
	return checkResults(typ)
}

func checkResults(typ reflect.Type) error {
	if typ == nil || typ.Kind() != reflect.Func {
		return fmt.Errorf("expected a func as input but was %v", typ)
	}
	n := typ.NumOut()
	if n < 1 || n > 2 {
		return fmt.Errorf("expected function to return result, error or just error, but found %d return values", n)
	}
	if n == 2 {
		switch kind := typ.Out(0).Kind(); kind {
		case reflect.Func, reflect.Chan, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
			return fmt.Errorf("expected function first return value to return valid type but found: %v", kind)
		}
	}
	if !typ.Out(n - 1).Implements(errorType) {
		return fmt.Errorf("expected function's last return value to be error but found %v", typ.Out(n-1))
	}
	return nil
}

func checkDynamic(typ reflect.Type) error {
	if typ.NumIn() != 2 {
		return fmt.Errorf("expected function to have two arguments, a context and converter.EncodedValues, found %d", typ.NumIn())
	}
	if typ.In(1).Name() != "EncodedValues" {
		return fmt.Errorf("expected function to take converter.EncodedValues as second argument, got %s", typ.In(1))
	}
	return nil
}
