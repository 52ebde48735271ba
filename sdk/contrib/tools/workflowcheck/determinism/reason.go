package determinism

import (
	"cmp"
	"fmt"
	"go/token"
	"slices"
	"strings"
)

// Kind is what makes a function not deterministic.
type Kind int

// Kinds of reasons.
const (
	// Declared is for what Declarations say it of.
	Declared Kind = iota
	// Calls is for a call of a function that is not deterministic.
	Calls
	// Accesses is for a use of a variable that is not.
	Accesses
	// StartsGoroutine is for a go statement.
	StartsGoroutine
	// Sends, Receives and RangesOverChannel are for channels.
	Sends
	Receives
	RangesOverChannel
	// RangesOverMap is for maps.
	RangesOverMap
)

// Reason is why a function or a variable is not deterministic.
type Reason struct {
	Kind Kind
	// Name is what is called or accessed, Package the path of its package.
	Name, Package string
	// Pos is where.
	Pos token.Position
}

// String says it in a few words.
func (r Reason) String() string {
	switch r.Kind {
	case Declared:
		return "declared non-deterministic"
	case Calls:
		return "calls non-deterministic function " + r.Name
	case Accesses:
		return "accesses non-deterministic var " + r.Name
	case StartsGoroutine:
		return "starts goroutine"
	case Sends:
		return "sends to channel"
	case Receives:
		return "receives from channel"
	case RangesOverChannel:
		return "iterates over channel"
	case RangesOverMap:
		return "iterates over map"
	}
	return "is of kind " + fmt.Sprint(int(r.Kind))
}

// Package is the fact about a package: what in it is not deterministic. It is no map, as the same fact has to be
// encoded in the same way.
type Package struct {
	// Found is in the order of names.
	Found []Finding
}

// Finding is a function or a variable that is not deterministic.
type Finding struct {
	// Name is the full name.
	Name string
	// Reasons are in the order of the source.
	Reasons []Reason
}

// AFact implements analysis.Fact.
func (*Package) AFact() {}

// ReasonsOf is why something is not deterministic, nothing if it is.
func (p *Package) ReasonsOf(name string) []Reason {
	if i, found := slices.BinarySearchFunc(p.Found, name, func(f Finding, name string) int { return cmp.Compare(f.Name, name) }); found {
		return p.Found[i].Reasons
	}
	return nil
}

// String lists what was found, for tests of analyzers.
func (p *Package) String() string {
	var all []string
	for _, found := range p.Found {
		var texts []string
		for _, reason := range found.Reasons {
			texts = append(texts, reason.String())
		}
		all = append(all, found.Name+": "+strings.Join(texts, ", "))
	}
	return strings.Join(all, "; ")
}

func inOrder(a, b Reason) int {
	return cmp.Or(
		cmp.Compare(a.Pos.Filename, b.Pos.Filename),
		cmp.Compare(a.Pos.Offset, b.Pos.Offset),
		cmp.Compare(a.Name, b.Name))
}
