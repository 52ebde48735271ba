package main

import (
	"fmt"
	"go/types"
)

// A meaning is what is behind an exported name.
type meaning struct {
	text    string
	obliges bool // a method that implementers of an interface must have
	sealed  bool // an interface that other modules cannot implement
}

// describe writes down what a package exports: its names, and for types the fields and
// methods that a program can use, promoted ones included. A nil package exports nothing.
func describe(p *types.Package, typeName func(*types.TypeName) string, ownType func(*types.TypeName) bool) map[string]meaning {
	d := &description{out: map[string]meaning{}, writer: writer{typeName: typeName}, ownType: ownType}
	if p == nil {
		return d.out
	}
	for _, name := range p.Scope().Names() {
		if object := p.Scope().Lookup(name); object.Exported() {
			d.object(name, object)
		}
	}
	return d.out
}

type description struct {
	writer
	ownType func(*types.TypeName) bool
	out     map[string]meaning
}

func (d *description) object(name string, object types.Object) {
	switch object := object.(type) {
	case *types.Const:
		d.out[name] = meaning{text: fmt.Sprintf("const %s = %s", d.typ(object.Type()), object.Val().ExactString())}
	case *types.Var:
		d.out[name] = meaning{text: "var " + d.typ(object.Type())}
	case *types.Func:
		d.out[name] = meaning{text: d.typ(object.Type())}
	case *types.TypeName:
		d.typeDeclaration(name, object)
	}
}

func (d *description) typeDeclaration(name string, object *types.TypeName) {
	t := types.Unalias(object.Type())
	parameters := ""
	if named, ok := t.(*types.Named); ok {
		parameters = d.typeParams(named.TypeParams())
	}
	if named, ok := t.(*types.Named); ok && !d.ownType(named.Obj()) {
		// An alias of another module's type is that type, whatever it consists of.
		d.out[name] = meaning{text: "= " + d.typ(t)}
		return
	}
	switch underlying := t.Underlying().(type) {
	case *types.Struct:
		d.out[name] = meaning{text: "type" + parameters + " struct" + comparability(t)}
		d.fields(name, underlying, 0)
		d.methods(name, t, false)
	case *types.Interface:
		sealed := false
		for method := range underlying.Methods() {
			sealed = sealed || !method.Exported()
		}
		text := "type" + parameters + " interface"
		if sealed {
			text += ", sealed"
		}
		d.out[name] = meaning{text: text, sealed: sealed}
		d.methods(name, t, !sealed)
	default:
		d.out[name] = meaning{text: "type" + parameters + " " + d.typ(underlying)}
		d.methods(name, t, false)
	}
}

// notComparable marks structs whose values cannot be compared. One that can be where the
// original's cannot breaks no program.
const notComparable = ", not comparable"

func comparability(t types.Type) string {
	if types.Comparable(t) {
		return ""
	}
	return notComparable
}

// fields writes down the fields of a struct; those of embedded structs as if they were its
// own, as far as a program can reach them.
func (d *description) fields(name string, s *types.Struct, depth int) {
	for field := range s.Fields() {
		if field.Exported() {
			key := name + "." + field.Name()
			if _, ok := d.out[key]; !ok {
				d.out[key] = meaning{text: "field " + d.typ(field.Type())}
			}
		}
		if !field.Embedded() || depth > 4 {
			continue
		}
		t := field.Type()
		if pointer, ok := types.Unalias(t).(*types.Pointer); ok {
			t = pointer.Elem()
		}
		if embedded, ok := t.Underlying().(*types.Struct); ok {
			d.fields(name, embedded, depth+1)
		}
	}
}

func (d *description) methods(name string, t types.Type, oblige bool) {
	if !types.IsInterface(t) {
		t = types.NewPointer(t)
	}
	values := types.NewMethodSet(types.Unalias(deref(t)))
	for selection := range types.NewMethodSet(t).Methods() {
		method := selection.Obj()
		if !method.Exported() {
			continue
		}
		text := "method " + d.typ(selection.Type())
		if values.Lookup(method.Pkg(), method.Name()) == nil {
			text = "pointer " + text
		}
		d.out[name+"."+method.Name()] = meaning{text: text, obliges: oblige}
	}
}

func deref(t types.Type) types.Type {
	if pointer, ok := t.(*types.Pointer); ok {
		return pointer.Elem()
	}
	return t
}
