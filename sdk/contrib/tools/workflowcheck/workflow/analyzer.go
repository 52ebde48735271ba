// Package workflow is the analyzer of workflowcheck, for programs that run several: see the documentation of the
// command.
package workflow

import (
	"fmt"
	"go/ast"
	"go/types"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/perdure/perdure/sdk/contrib/tools/workflowcheck/determinism"
)

// sdks are the prefixes of the packages of the SDKs.
var sdks = []string{"github.com/perdure/perdure/sdk/", "go.temporal.io/sdk/"}

// trusted are the packages of an SDK that workflows may use, with those below them. What they do is right in
// workflows, whatever it is.
var trusted = []string{"workflow", "typed", "temporal", "temporalnexus", "converter", "log", "internal"}

// enclosing are the functions of package workflow of which the arguments may be not deterministic.
var enclosing = map[string]bool{
	"SideEffect": true, "SideEffectWithOptions": true,
	"MutableSideEffect": true, "MutableSideEffectWithOptions": true,
}

// analyzer has the settings that flags change.
type analyzer struct {
	options    determinism.Options
	showPos    bool
	singleLine bool
}

// NewAnalyzer returns an analyzer with the default settings, which its flags change. Its facts are
// *determinism.Package.
func NewAnalyzer() *analysis.Analyzer {
	a := &analyzer{options: determinism.Options{
		Declarations: determinism.DefaultDeclarations(),
		Encloses: func(fn *types.Func) bool {
			return fn.Pkg() != nil && inSDK(fn.Pkg().Path()) == "workflow" && enclosing[fn.Name()]
		},
	}}
	result := &analysis.Analyzer{
		Name:      "workflowcheck",
		Doc:       "finds code in workflows that is not deterministic",
		Run:       func(pass *analysis.Pass) (any, error) { a.run(pass); return nil, nil },
		FactTypes: []analysis.Fact{&determinism.Package{}},
	}
	result.Flags.Func("config", "`file` with declarations and files to skip", a.configure)
	result.Flags.BoolVar(&a.showPos, "show-pos", false, "show the position of each step")
	result.Flags.BoolVar(&a.singleLine, "single-line", false, "put '->' between steps, not new lines")
	return result
}

// inSDK is the path of a package within its SDK, "" if it is in none.
func inSDK(path string) string {
	for _, prefix := range sdks {
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			return rest
		}
	}
	return ""
}

func isTrusted(path string) bool {
	within := inSDK(path)
	for _, name := range trusted {
		if within == name || strings.HasPrefix(within, name+"/") {
			return true
		}
	}
	return false
}

func (a *analyzer) run(pass *analysis.Pass) {
	if isTrusted(pass.Pkg.Path()) {
		return
	}
	found := a.options.Analyze(pass)
	if len(found.Found) == 0 {
		return
	}
	var reports *reporter
	for _, file := range pass.Files {
		for _, decl := range file.Decls {
			decl, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			fn, ok := pass.TypesInfo.ObjectOf(decl.Name).(*types.Func)
			if !ok || !isWorkflow(fn) {
				continue
			}
			for _, reason := range found.ReasonsOf(fn.FullName()) {
				if reports == nil {
					reports = a.newReporter(pass, found)
				}
				pass.Report(analysis.Diagnostic{Pos: fn.Pos(), Message: reports.message(fn.FullName(), reason)})
			}
		}
	}
}

// isWorkflow says whether a function takes a workflow.Context first.
func isWorkflow(fn *types.Func) bool {
	params := fn.Signature().Params()
	if params.Len() == 0 {
		return false
	}
	named, ok := types.Unalias(params.At(0).Type()).(*types.Named)
	if !ok || named.Obj().Name() != "Context" || named.Obj().Pkg() == nil {
		return false
	}
	within := inSDK(named.Obj().Pkg().Path())
	return within == "workflow" || within == "internal" || strings.HasPrefix(within, "internal/")
}

// reporter writes the ways to reasons.
type reporter struct {
	*analyzer
	packages  map[string]*determinism.Package
	directory string
}

func (a *analyzer) newReporter(pass *analysis.Pass, own *determinism.Package) *reporter {
	r := &reporter{analyzer: a, packages: map[string]*determinism.Package{pass.Pkg.Path(): own}}
	for _, fact := range pass.AllPackageFacts() {
		if p, ok := fact.Fact.(*determinism.Package); ok && fact.Package != pass.Pkg {
			r.packages[fact.Package.Path()] = p
		}
	}
	r.directory, _ = os.Getwd()
	return r
}

// message is a reason of a function, and the way on from there.
func (r *reporter) message(function string, reason determinism.Reason) string {
	separator, indent := "\n", "  "
	if r.singleLine {
		separator, indent = " -> ", ""
	}
	var lines []string
	followed := make(map[string]bool)
	var add func(subject string, reason determinism.Reason, depth int)
	add = func(subject string, reason determinism.Reason, depth int) {
		line := fmt.Sprintf("%s%s is non-deterministic, reason: %s", strings.Repeat(indent, depth), subject, reason)
		if r.showPos {
			line += " at " + r.position(reason)
		}
		lines = append(lines, line)
		if reason.Kind != determinism.Calls || r.packages[reason.Package] == nil || followed[reason.Name] {
			return
		}
		followed[reason.Name] = true
		for _, next := range r.packages[reason.Package].ReasonsOf(reason.Name) {
			add(reason.Name, next, depth+1)
		}
	}
	add(function, reason, 0)
	return strings.Join(lines, separator)
}

// position is where a reason is, relative to the working directory if it is below it.
func (r *reporter) position(reason determinism.Reason) string {
	pos := reason.Pos
	if relative, err := filepath.Rel(r.directory, pos.Filename); err == nil && filepath.IsLocal(relative) {
		pos.Filename = relative
	}
	return pos.String()
}
