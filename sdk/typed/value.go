package typed

import "reflect"

// None is the type of an input or an output that is not there. Nothing is sent for
// it, so a function of another program that takes no arguments, or returns just an
// error, matches.
type None struct{}

// Args2 is an input of two arguments, for workflows, activities and handlers of
// other programs that take as many.
type Args2[A, B any] struct {
	// First and Second are the arguments, in order.
	First  A
	Second B
}

// Args3 is an input of three arguments.
type Args3[A, B, C any] struct {
	// First, Second and Third are the arguments, in order.
	First  A
	Second B
	Third  C
}

// several is implemented by the inputs that are not exactly one argument.
type several interface{ arguments() []any }

func (None) arguments() []any { return nil }

func (a Args2[A, B]) arguments() []any { return []any{a.First, a.Second} }

func (a Args3[A, B, C]) arguments() []any { return []any{a.First, a.Second, a.Third} }

// argumentsOf is what the classic calls are given for an input.
func argumentsOf(in any) []any {
	if s, ok := in.(several); ok {
		return s.arguments()
	}
	return []any{in}
}

// pointerTo is what a result is decoded into: nil for None, which has none.
func pointerTo[Out any](out *Out) any {
	if _, none := any(*out).(None); none {
		return nil
	}
	return out
}

// untyped is a function of a context (if there is one) and an In, which returns an
// Out and an error, in the form that the classic calls expect: with as many
// parameters as the input has arguments, and without the result if that is None.
func untyped[In, Out any](fn any) any {
	_, silent := any(*new(Out)).(None)
	return reshaped[In](fn, silent)
}

// reshaped spreads the last parameter of fn, an In, over as many as it has
// arguments, and if silent drops its first result.
func reshaped[In any](fn any, silent bool) any {
	_, spread := any(*new(In)).(several)
	if !spread && !silent {
		return fn
	}
	value, input := reflect.ValueOf(fn), reflect.TypeFor[In]()
	params, results := parts(value.Type())
	last := len(params) - 1
	if spread {
		params = params[:last]
		for i := range input.NumField() {
			params = append(params, input.Field(i).Type)
		}
	}
	if silent {
		results = results[1:]
	}
	return reflect.MakeFunc(reflect.FuncOf(params, results, false), func(args []reflect.Value) []reflect.Value {
		if spread {
			gathered := reflect.New(input).Elem()
			for i, arg := range args[last:] {
				gathered.Field(i).Set(arg)
			}
			args = append(args[:last:last], gathered)
		}
		returned := value.Call(args)
		if silent {
			returned = returned[1:]
		}
		return returned
	}).Interface()
}

// parts are the types of a function's parameters and results.
func parts(fn reflect.Type) (params, results []reflect.Type) {
	for in := range fn.Ins() {
		params = append(params, in)
	}
	for out := range fn.Outs() {
		results = append(results, out)
	}
	return params, results
}
