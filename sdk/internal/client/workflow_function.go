package client

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
)

// workflowType returns the name under which workflow, a function or a name, is
// registered, and fails if args are not what the function takes. A function goes by its
// Go name: the client does not know what it may be registered as.
func workflowType(workflow any, args []any) (string, error) {
	v := reflect.ValueOf(workflow)
	switch v.Kind() {
	case reflect.String:
		return v.String(), nil
	case reflect.Func:
		name := functionName(v)
		return name, checkArgs(v.Type(), name, args)
	default:
		return "", fmt.Errorf("invalid type 'workflowFunc' parameter provided, it can be either worker function or function name: %v", workflow)
	}
}

// functionName returns the last part of the function's name: without the package, the
// receiver and what the compiler appends to method values.
func functionName(fn reflect.Value) string {
	full := runtime.FuncForPC(fn.Pointer()).Name()
	return strings.TrimSuffix(full[strings.LastIndex(full, ".")+1:], "-fm")
}

func checkArgs(fn reflect.Type, name string, args []any) error {
	first := 0
	if fn.NumIn() > 0 && isContext(fn.In(0)) {
		first = 1
	}
	if want := fn.NumIn() - first; want != len(args) {
		return fmt.Errorf("expected %d args for function: %v but found %v", want, name, len(args))
	}
	for i, arg := range args {
		want, got := fn.In(first+i), reflect.TypeOf(arg)
		if got != nil && !got.AssignableTo(want) {
			return fmt.Errorf("cannot assign function argument: %d from type: %s to type: %s", first+i+1, got, want)
		}
	}
	return nil
}

// isContext tells whether t is an interface with the methods that workflow.Context has.
// They are looked for by name so that the client does not depend on all that workflows
// run on.
func isContext(t reflect.Type) bool {
	if t.Kind() != reflect.Interface {
		return false
	}
	for _, method := range []string{"Deadline", "Done", "Err", "Value"} {
		if _, ok := t.MethodByName(method); !ok {
			return false
		}
	}
	return true
}
