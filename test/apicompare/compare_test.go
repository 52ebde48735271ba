package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"
)

func TestTheAPIDiffersFromTheOriginalsOnlyAsListed(t *testing.T) {
	report, err := Compare()
	if err != nil {
		t.Fatal(err)
	}
	t.Log("\n" + report.Counts())
	known, err := readList(listFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Check(known); err != nil {
		t.Error(err)
	}
}

func TestDifferencesAreFound(t *testing.T) {
	for _, c := range []struct {
		name, original, ours string
		want                 []string
	}{
		{"equal declarations do not differ", `func F(a int) error { return nil }`, `func F(b int) error { return nil }`, nil},
		{"a name that is missing", `func F() {}`, ``, []string{"F is missing"}},
		{"another signature", `func F(a ...int) {}`, `func F(a []int) {}`, []string{"F is func([]int), not func(...int)"}},
		{"a field that is missing", `type T struct{ A, B int }`, `type T struct{ A int }`, []string{"T.B is missing"}},
		{"a method that is missing", `type T struct{}; func (*T) M() {}`, `type T struct{}`, []string{"T.M is missing"}},
		{"a method of the pointer alone", `type T struct{}; func (T) M() {}`, `type T struct{}; func (*T) M() {}`,
			[]string{"T.M is pointer method func(), not method func()"}},
		{"more methods than implementers have", `type I interface{}`, `type I interface{ M() }`,
			[]string{"I.M is a method that the interface does not have"}},
		{"another value of a constant", `const C = 1`, `const C = 2`,
			[]string{"C is const untyped int = 2, not const untyped int = 1"}},
		{"names of one type that are two types", `type A struct{}; type B = A`, `type A struct{}; type B struct{}`,
			[]string{"B and client.A are two types, not one"}},
		{"names that only ours has are fine", ``, `func F() {}; type T struct{ A int }`, nil},
		{"a hidden type behind another public name", `type A = a; type a struct{}; func F(a) {}`, `type A = b; type b struct{}; func F(A) {}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			report := compare(checked(t, originalPrefix, c.original), checked(t, ourPrefix, c.ours))
			var got []string
			for _, d := range report.Differences {
				got = append(got, d.Text)
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("differences are %q, want %q", got, c.want)
			}
		})
	}
}

func TestAnEntryOfTheListThatIsNotADifferenceFails(t *testing.T) {
	report := &Report{Differences: []Difference{{Package: "client", Text: "F is missing"}}}
	if err := report.Check(map[string]bool{"client: F is missing": true}); err != nil {
		t.Error(err)
	}
	if err := report.Check(map[string]bool{"client: F is missing": true, "client: G is missing": true}); err == nil {
		t.Error("a stale entry passes")
	}
	if err := report.Check(nil); err == nil {
		t.Error("a difference that is not listed passes")
	}
}

// checked is an SDK whose package client is the declarations.
func checked(t *testing.T, prefix, declarations string) *sdk {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, "client.go", "package client\n"+declarations, 0)
	if err != nil {
		t.Fatal(err)
	}
	config := types.Config{Importer: importer.Default()}
	p, err := config.Check(prefix+"client", files, []*ast.File{file}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &sdk{prefix: prefix, packages: map[string]*types.Package{"client": p}}
}
