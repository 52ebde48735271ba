package determinism

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/types/typeutil"
)

// function looks for reasons in the code of a function.
func (p *packageAnalysis) function(decl *ast.FuncDecl, ignored map[ast.Node]bool) {
	fn, ok := p.pass.TypesInfo.ObjectOf(decl.Name).(*types.Func)
	if !ok {
		return
	}
	f := p.functionOf(fn)
	if no, declared := p.options.Declarations[fn.FullName()]; declared {
		if no {
			f.reasons = append(f.reasons, Reason{Kind: Declared, Pos: p.position(fn.Pos())})
		}
		return
	}
	add := func(node ast.Node, reason Reason) {
		reason.Pos = p.position(node.Pos())
		f.reasons = append(f.reasons, reason)
	}
	ast.Inspect(decl, func(node ast.Node) bool {
		if ignored[node] {
			return false
		}
		switch node := node.(type) {
		case *ast.CallExpr:
			return p.call(fn, f, node, add)
		case *ast.GoStmt:
			add(node, Reason{Kind: StartsGoroutine})
		case *ast.SendStmt:
			add(node, Reason{Kind: Sends})
		case *ast.UnaryExpr:
			if node.Op == token.ARROW {
				add(node, Reason{Kind: Receives})
			}
		case *ast.RangeStmt:
			if kind, ok := rangeReason(p.pass.TypesInfo.TypeOf(node.X)); ok {
				add(node, Reason{Kind: kind})
			}
		case *ast.Ident:
			if v, ok := p.pass.TypesInfo.Uses[node].(*types.Var); ok && p.isDeclared(v) {
				add(node, Reason{Kind: Accesses, Name: variableName(v), Package: v.Pkg().Path()})
			}
		}
		return true
	})
}

// call looks at the function that is called, and says whether to look at what is in the call.
func (p *packageAnalysis) call(caller *types.Func, f *function, node *ast.CallExpr, add func(ast.Node, Reason)) bool {
	callee, ok := typeutil.Callee(p.pass.TypesInfo, node).(*types.Func)
	if !ok {
		return true
	}
	callee = callee.Origin()
	switch {
	case p.options.Encloses != nil && p.options.Encloses(callee):
		return false
	case callee.Pkg() == p.pass.Pkg:
		p.functionOf(callee)
		if _, again := f.calls[callee]; !again && callee != caller {
			f.calls[callee] = node.Pos()
		}
	case len(p.factsOf(callee.Pkg()).ReasonsOf(callee.FullName())) > 0:
		add(node, Reason{Kind: Calls, Name: callee.FullName(), Package: callee.Pkg().Path()})
	}
	return true
}

// isDeclared says whether a variable is declared not to be deterministic.
func (p *packageAnalysis) isDeclared(v *types.Var) bool {
	if v.Pkg() == p.pass.Pkg {
		return p.variables[v]
	}
	return v.Pkg() != nil && !v.IsField() && len(p.factsOf(v.Pkg()).ReasonsOf(variableName(v))) > 0
}

// rangeReason is the reason to range over a value of the type, if there is one.
func rangeReason(t types.Type) (Kind, bool) {
	switch t := types.Unalias(t).(type) {
	case *types.Named, *types.TypeParam:
		return rangeReason(t.Underlying())
	case *types.Map:
		return RangesOverMap, true
	case *types.Chan:
		return RangesOverChannel, true
	case *types.Interface: // of a type parameter
		for embedded := range t.EmbeddedTypes() {
			if kind, ok := rangeReason(embedded); ok {
				return kind, true
			}
		}
	case *types.Union:
		for term := range t.Terms() {
			if kind, ok := rangeReason(term.Type()); ok {
				return kind, true
			}
		}
	}
	return 0, false
}
