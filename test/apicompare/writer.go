package main

import (
	"fmt"
	"go/types"
	"strings"
)

// A writer writes types as a program would, apart from the names of parameters, which say
// nothing about what can be assigned to what.
type writer struct {
	typeName func(*types.TypeName) string
}

func (w writer) typ(t types.Type) string {
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		return w.typeName(t.Obj()) + w.typeArguments(t.TypeArgs())
	case *types.Pointer:
		return "*" + w.typ(t.Elem())
	case *types.Slice:
		return "[]" + w.typ(t.Elem())
	case *types.Array:
		return fmt.Sprintf("[%d]%s", t.Len(), w.typ(t.Elem()))
	case *types.Map:
		return "map[" + w.typ(t.Key()) + "]" + w.typ(t.Elem())
	case *types.Chan:
		return [...]string{"chan ", "chan<- ", "<-chan "}[t.Dir()] + w.typ(t.Elem())
	case *types.Signature:
		return "func" + w.typeParams(t.TypeParams()) + w.signature(t)
	case *types.Struct:
		return "struct{" + w.structFields(t) + "}"
	case *types.Interface:
		return w.interfaceLiteral(t)
	case *types.Union:
		terms := make([]string, 0, t.Len())
		for term := range t.Terms() {
			text := w.typ(term.Type())
			if term.Tilde() {
				text = "~" + text
			}
			terms = append(terms, text)
		}
		return strings.Join(terms, "|")
	case *types.TypeParam:
		return fmt.Sprintf("$%d", t.Index())
	default:
		return t.String()
	}
}

func (w writer) signature(s *types.Signature) string {
	parameters := make([]string, 0, s.Params().Len())
	for parameter := range s.Params().Variables() {
		parameters = append(parameters, w.typ(parameter.Type()))
	}
	if s.Variadic() {
		last := len(parameters) - 1
		parameters[last] = "..." + strings.TrimPrefix(parameters[last], "[]")
	}
	results := make([]string, 0, s.Results().Len())
	for result := range s.Results().Variables() {
		results = append(results, w.typ(result.Type()))
	}
	text := "(" + strings.Join(parameters, ", ") + ")"
	switch len(results) {
	case 0:
		return text
	case 1:
		return text + " " + results[0]
	default:
		return text + " (" + strings.Join(results, ", ") + ")"
	}
}

func (w writer) structFields(s *types.Struct) string {
	fields := make([]string, 0, s.NumFields())
	for field := range s.Fields() {
		fields = append(fields, field.Name()+" "+w.typ(field.Type()))
	}
	return strings.Join(fields, "; ")
}

func (w writer) interfaceLiteral(t *types.Interface) string {
	if t.Empty() {
		return "any"
	}
	var parts []string
	for method := range t.ExplicitMethods() {
		parts = append(parts, method.Name()+w.signature(method.Signature()))
	}
	for embedded := range t.EmbeddedTypes() {
		parts = append(parts, w.typ(embedded))
	}
	return "interface{" + strings.Join(parts, "; ") + "}"
}

func (w writer) typeParams(list *types.TypeParamList) string {
	if list.Len() == 0 {
		return ""
	}
	constraints := make([]string, 0, list.Len())
	for parameter := range list.TypeParams() {
		constraints = append(constraints, w.typ(parameter.Constraint()))
	}
	return "[" + strings.Join(constraints, ", ") + "]"
}

func (w writer) typeArguments(list *types.TypeList) string {
	if list.Len() == 0 {
		return ""
	}
	arguments := make([]string, 0, list.Len())
	for argument := range list.Types() {
		arguments = append(arguments, w.typ(argument))
	}
	return "[" + strings.Join(arguments, ", ") + "]"
}
