// Package determinism finds functions that are not deterministic, and says why.
//
// Packages are analyzed one after the other, dependencies first: what is found in one is a fact ([Package]) that those
// who import it look up. Within a package, functions that call each other are all not deterministic if one of
// them is.
package determinism

import (
	"cmp"
	"go/ast"
	"go/token"
	"go/types"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// ignoreComment says of code that it is to be passed over.
const ignoreComment = "//workflowcheck:ignore"

// Options of an analysis.
type Options struct {
	// Declarations override what the code says.
	Declarations Declarations
	// SkipFiles are patterns of the paths, with slashes, of files that are not looked at.
	SkipFiles []*regexp.Regexp
	// Encloses says that what is done in the arguments of a function does not count. Nil for
	// none.
	Encloses func(fn *types.Func) bool
}

// Analyze returns what in the package of a pass is not deterministic, and exports it as the package's fact. The
// analyzer must have *Package among its FactTypes.
func (o *Options) Analyze(pass *analysis.Pass) *Package {
	p := &packageAnalysis{
		options:   o,
		pass:      pass,
		variables: make(map[*types.Var]bool),
		functions: make(map[*types.Func]*function),
		imported:  make(map[*types.Package]*Package),
	}
	found := &Package{}
	var bodies []*ast.FuncDecl
	ignored := make(map[ast.Node]bool)
	for _, file := range pass.Files {
		if o.skips(pass.Fset.Position(file.Package).Filename) {
			continue
		}
		noteIgnored(pass.Fset, file, ignored)
		for _, decl := range file.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				bodies = append(bodies, decl)
			case *ast.GenDecl:
				p.declarations(decl, found)
			}
		}
	}
	// Variables are known now, and functions may be walked in any order.
	for _, decl := range bodies {
		p.function(decl, ignored)
	}
	p.propagate()
	for fn, f := range p.functions {
		if reasons := p.reasonsOf(f); len(reasons) > 0 {
			found.Found = append(found.Found, Finding{fn.FullName(), reasons})
		}
	}
	slices.SortFunc(found.Found, func(a, b Finding) int { return cmp.Compare(a.Name, b.Name) })
	if len(found.Found) > 0 {
		pass.ExportPackageFact(found)
	}
	return found
}

func (o *Options) skips(file string) bool {
	file = filepath.ToSlash(file)
	return slices.ContainsFunc(o.SkipFiles, func(pattern *regexp.Regexp) bool { return pattern.MatchString(file) })
}

// noteIgnored adds the nodes of a file that a comment says to ignore.
func noteIgnored(fset *token.FileSet, file *ast.File, ignored map[ast.Node]bool) {
	var groups []*ast.CommentGroup
	for _, group := range file.Comments {
		if slices.ContainsFunc(group.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, ignoreComment) }) {
			groups = append(groups, group)
		}
	}
	if len(groups) == 0 {
		return
	}
	for node := range ast.NewCommentMap(fset, file, groups) {
		ignored[node] = true
	}
}

// packageAnalysis is the analysis of one package.
type packageAnalysis struct {
	options *Options
	pass    *analysis.Pass
	// variables are those of the package that are declared.
	variables map[*types.Var]bool
	functions map[*types.Func]*function
	imported  map[*types.Package]*Package
}

// function is a function of the package.
type function struct {
	// reasons are its own, calls those of functions of the package, the first of each.
	reasons []Reason
	calls   map[*types.Func]token.Pos
	// tainted says that it is not deterministic.
	tainted bool
}

// declarations notes variables, and methods of interfaces, that Declarations say something of.
func (p *packageAnalysis) declarations(decl *ast.GenDecl, found *Package) {
	for _, spec := range decl.Specs {
		switch spec := spec.(type) {
		case *ast.ValueSpec:
			for _, name := range spec.Names {
				v, ok := p.pass.TypesInfo.ObjectOf(name).(*types.Var)
				if ok && v.Pkg() != nil && p.options.Declarations[variableName(v)] {
					p.variables[v] = true
					found.Found = append(found.Found, Finding{variableName(v), []Reason{{Kind: Declared, Pos: p.position(v.Pos())}}})
				}
			}
		case *ast.TypeSpec:
			iface, ok := p.pass.TypesInfo.TypeOf(spec.Type).(*types.Interface)
			if !ok {
				continue
			}
			for method := range iface.ExplicitMethods() {
				if p.options.Declarations[method.FullName()] {
					f := p.functionOf(method)
					f.reasons = append(f.reasons, Reason{Kind: Declared, Pos: p.position(spec.Pos())})
				}
			}
		}
	}
}

func variableName(v *types.Var) string { return v.Pkg().Path() + "." + v.Name() }

func (p *packageAnalysis) position(pos token.Pos) token.Position { return p.pass.Fset.Position(pos) }

func (p *packageAnalysis) functionOf(fn *types.Func) *function {
	f := p.functions[fn]
	if f == nil {
		f = &function{calls: make(map[*types.Func]token.Pos)}
		p.functions[fn] = f
	}
	return f
}

// propagate taints who calls what is tainted, until nobody is left.
func (p *packageAnalysis) propagate() {
	callers := make(map[*types.Func][]*types.Func)
	var tainted []*types.Func
	for fn, f := range p.functions {
		for callee := range f.calls {
			callers[callee] = append(callers[callee], fn)
		}
		if len(f.reasons) > 0 {
			f.tainted = true
			tainted = append(tainted, fn)
		}
	}
	for len(tainted) > 0 {
		fn := tainted[len(tainted)-1]
		tainted = tainted[:len(tainted)-1]
		for _, caller := range callers[fn] {
			if f := p.functions[caller]; !f.tainted {
				f.tainted = true
				tainted = append(tainted, caller)
			}
		}
	}
}

// reasonsOf is why a function is not deterministic, nothing if it is.
func (p *packageAnalysis) reasonsOf(f *function) []Reason {
	reasons := f.reasons
	for callee, pos := range f.calls {
		if p.functions[callee].tainted {
			reasons = append(reasons, Reason{Kind: Calls, Name: callee.FullName(), Package: callee.Pkg().Path(), Pos: p.position(pos)})
		}
	}
	slices.SortFunc(reasons, inOrder)
	return reasons
}

// factsOf is what is known of a package that is imported.
func (p *packageAnalysis) factsOf(pkg *types.Package) *Package {
	if pkg == nil {
		return &Package{}
	}
	facts, known := p.imported[pkg]
	if !known {
		facts = &Package{}
		p.pass.ImportPackageFact(pkg, facts)
		p.imported[pkg] = facts
	}
	return facts
}
