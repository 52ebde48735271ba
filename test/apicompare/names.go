package main

import (
	"go/types"
	"maps"
	"slices"
	"strings"
)

// names gives types of both SDKs the same names. Most public types are aliases of types in
// internal packages, which differ; what counts is the name a program can use. A type with
// several public names is called by the first of them.
type names struct {
	original, ours map[string]*types.TypeName // what is behind a public name
	canonical      map[*types.TypeName]string // of both SDKs
	originalPrefix string
	ourPrefix      string
}

func newNames(original, ours *sdk) *names {
	n := &names{
		original: publicTypes(original), ours: publicTypes(ours),
		canonical:      map[*types.TypeName]string{},
		originalPrefix: original.prefix, ourPrefix: ours.prefix,
	}
	for _, name := range slices.Sorted(maps.Keys(n.original)) {
		if _, ok := n.canonical[n.original[name]]; !ok {
			n.canonical[n.original[name]] = name
		}
		if mine := n.ours[name]; mine != nil {
			if _, ok := n.canonical[mine]; !ok {
				n.canonical[mine] = n.canonical[n.original[name]]
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.ours)) {
		if _, ok := n.canonical[n.ours[name]]; !ok {
			n.canonical[n.ours[name]] = name
		}
	}
	return n
}

// publicTypes finds the named types behind the public names of an SDK.
func publicTypes(s *sdk) map[string]*types.TypeName {
	public := map[string]*types.TypeName{}
	for path, p := range s.packages {
		for _, name := range p.Scope().Names() {
			object, ok := p.Scope().Lookup(name).(*types.TypeName)
			if !ok || !object.Exported() {
				continue
			}
			if named, ok := types.Unalias(object.Type()).(*types.Named); ok {
				if behind := named.Obj(); behind.Pkg() != nil && strings.HasPrefix(behind.Pkg().Path(), s.prefix) {
					public[path+"."+name] = behind
				}
			}
		}
	}
	return public
}

func (n *names) ofOriginal(t *types.TypeName) string { return n.of(t, n.originalPrefix) }
func (n *names) ofOurs(t *types.TypeName) string     { return n.of(t, n.ourPrefix) }

// isOwn says whether a type is declared in one of the two SDKs.
func (n *names) isOwn(t *types.TypeName) bool {
	return t.Pkg() != nil && (strings.HasPrefix(t.Pkg().Path(), n.originalPrefix) || strings.HasPrefix(t.Pkg().Path(), n.ourPrefix))
}

// of names a type: a public one by its canonical name, one that the SDK hides as hidden,
// one of another module by its path.
func (n *names) of(t *types.TypeName, prefix string) string {
	if name, ok := n.canonical[t]; ok {
		return name
	}
	switch {
	case t.Pkg() == nil:
		return t.Name()
	case strings.HasPrefix(t.Pkg().Path(), prefix):
		return "hidden"
	default:
		return t.Pkg().Path() + "." + t.Name()
	}
}

// splitTypes finds names that stand for one type in the original and for two in ours: a
// value of one cannot be assigned to a variable of the other.
func (n *names) splitTypes() []Difference {
	first := map[*types.TypeName]string{}
	var split []Difference
	for _, name := range slices.Sorted(maps.Keys(n.original)) {
		if n.ours[name] == nil {
			continue // reported as missing
		}
		other, ok := first[n.original[name]]
		if !ok {
			first[n.original[name]] = name
			continue
		}
		if n.ours[other] != n.ours[name] {
			split = append(split, Difference{
				Package: name[:strings.LastIndexByte(name, '.')],
				Text:    unqualified(name) + " and " + other + " are two types, not one",
			})
		}
	}
	return split
}

// unqualified is a name without the path of its package.
func unqualified(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }
