package determinism_test

import (
	"go/types"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/analysis/analysistest"

	"github.com/perdure/perdure/sdk/contrib/tools/workflowcheck/determinism"
)

// reasons is a fact about an object, by which the test data say what is expected.
type reasons string

func (*reasons) AFact()           {}
func (r *reasons) String() string { return string(*r) }

func TestFunctionsThatAreNotDeterministicAreFoundWithTheirReasons(t *testing.T) {
	options := determinism.Options{
		Declarations: determinism.DefaultDeclarations(),
		Encloses:     func(fn *types.Func) bool { return fn.FullName() == "code.enclose" },
	}
	options.Declarations["code.Declared"] = true
	options.Declarations["(code.Store).Load"] = true
	analyzer := &analysis.Analyzer{
		Name: "determinism", Doc: "for the test", FactTypes: []analysis.Fact{new(determinism.Package), new(reasons)},
		Run: func(pass *analysis.Pass) (any, error) {
			found := options.Analyze(pass)
			if pass.Pkg.Path() != "code" {
				return nil, nil
			}
			for _, name := range pass.Pkg.Scope().Names() {
				var texts []string
				for _, reason := range found.ReasonsOf("code." + name) {
					texts = append(texts, reason.String())
				}
				if _, ok := pass.Pkg.Scope().Lookup(name).(*types.Func); ok && len(texts) > 0 {
					all := reasons(strings.Join(texts, ", "))
					pass.ExportObjectFact(pass.Pkg.Scope().Lookup(name), &all)
				}
			}
			return nil, nil
		},
	}
	analysistest.Run(t, analysistest.TestData(), analyzer, "code")
}
