package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// documented are the packages that programs import: whatever they export has a comment, and
// so have the types of internal packages that they give a name to.
var documented = []string{
	".", "perduretest",
	"sdk/contrib/datadog/tracing", "sdk/contrib/envconfig", "sdk/contrib/opentelemetry", "sdk/contrib/opentracing", "sdk/contrib/sysinfo", "sdk/contrib/tally",
	"sdk/activity", "sdk/client", "sdk/converter", "sdk/interceptor", "sdk/interceptor/tracing", "sdk/log", "sdk/temporal",
	"sdk/temporalnexus", "sdk/testsuite", "sdk/typed", "sdk/worker", "sdk/workflow",
}

// sdkModule is the import path of the SDK, which is in the directory sdk.
const sdkModule = "github.com/perdure/perdure/sdk"

// goPackage is what the files of a directory declare.
type goPackage struct {
	files   *token.FileSet
	all     []*ast.File
	types   map[string]*ast.TypeSpec
	docs    map[string]string // of types
	methods map[string][]*ast.FuncDecl
}

func parsePackage(t *testing.T, dir string) *goPackage {
	t.Helper()
	p := &goPackage{files: token.NewFileSet(), types: map[string]*ast.TypeSpec{}, docs: map[string]string{}, methods: map[string][]*ast.FuncDecl{}}
	entries, err := os.ReadDir(filepath.Join(root, dir))
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") || strings.HasSuffix(entry.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(p.files, filepath.Join(root, dir, entry.Name()), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		p.all = append(p.all, file)
		for _, declaration := range file.Decls {
			switch d := declaration.(type) {
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if s, ok := spec.(*ast.TypeSpec); ok {
						p.types[s.Name.Name] = s
						p.docs[s.Name.Name] = s.Doc.Text() + s.Comment.Text()
						if len(d.Specs) == 1 {
							p.docs[s.Name.Name] += d.Doc.Text()
						}
					}
				}
			case *ast.FuncDecl:
				if d.Recv != nil {
					p.methods[receiver(d)] = append(p.methods[receiver(d)], d)
				}
			}
		}
	}
	return p
}

// receiver is the name of the type that a method is of.
func receiver(d *ast.FuncDecl) string {
	expression := d.Recv.List[0].Type
	for {
		switch e := expression.(type) {
		case *ast.StarExpr:
			expression = e.X
		case *ast.IndexExpr:
			expression = e.X
		case *ast.IndexListExpr:
			expression = e.X
		case *ast.Ident:
			return e.Name
		default:
			return ""
		}
	}
}

// undocumented reports what a package exports without a comment.
type undocumented struct {
	t        *testing.T
	packages map[string]*goPackage // by directory
	seen     map[string]bool       // types that were looked at, with their directories
}

func (u *undocumented) load(dir string) *goPackage {
	if u.packages[dir] == nil {
		u.packages[dir] = parsePackage(u.t, dir)
	}
	return u.packages[dir]
}

// look reports a name without a comment, or with one that says no more than the name.
func (u *undocumented) look(p *goPackage, at token.Pos, kind, name, doc string) {
	u.t.Helper()
	switch {
	case strings.TrimSpace(doc) == "":
		u.report(p, at, strings.TrimSpace(kind+" "+name), "has no comment")
	case saysNothing(name, doc):
		u.report(p, at, strings.TrimSpace(kind+" "+name), "has a comment that only repeats its name")
	}
}

func (u *undocumented) report(p *goPackage, at token.Pos, what, is string) {
	u.t.Helper()
	position := p.files.Position(at)
	name, err := filepath.Rel(root, position.Filename)
	if err != nil {
		name = position.Filename
	}
	u.t.Errorf("%s:%d: %s %s", filepath.ToSlash(name), position.Line, what, is)
}

func TestWhateverProgramsCanUseHasADocComment(t *testing.T) {
	u := &undocumented{t: t, packages: map[string]*goPackage{}, seen: map[string]bool{}}
	for _, dir := range documented {
		p := u.load(dir)
		hasPackageComment := false
		for _, file := range p.all {
			hasPackageComment = hasPackageComment || file.Doc != nil
			u.file(p, dir, file)
		}
		if !hasPackageComment {
			t.Errorf("package %s has no comment", dir)
		}
	}
}

func (u *undocumented) file(p *goPackage, dir string, file *ast.File) {
	for _, declaration := range file.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.IsExported() {
				u.look(p, d.Pos(), "function", d.Name.Name, d.Doc.Text())
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() {
						u.typ(p, dir, file, s)
					}
				case *ast.ValueSpec:
					u.values(p, d, s)
				}
			}
		}
	}
}

// values checks constants and variables: those of one declaration may share its comment.
func (u *undocumented) values(p *goPackage, d *ast.GenDecl, s *ast.ValueSpec) {
	for _, name := range s.Names {
		if name.IsExported() {
			u.look(p, name.Pos(), "", name.Name, d.Doc.Text()+s.Doc.Text()+s.Comment.Text())
		}
	}
}

// typ checks a type, its fields and methods. If it is another name for one of an internal
// package, that one counts.
func (u *undocumented) typ(p *goPackage, dir string, file *ast.File, s *ast.TypeSpec) {
	if key := dir + "." + s.Name.Name; u.seen[key] {
		return
	} else {
		u.seen[key] = true
	}
	u.look(p, s.Pos(), "type", s.Name.Name, p.docs[s.Name.Name])
	for _, method := range p.methods[s.Name.Name] {
		if method.Name.IsExported() {
			u.look(p, method.Pos(), "method", s.Name.Name+"."+method.Name.Name, method.Doc.Text())
		}
	}
	expression := s.Type
	if index, ok := expression.(*ast.IndexExpr); ok {
		expression = index.X
	}
	switch e := expression.(type) {
	case *ast.StructType:
		u.fields(p, s.Name.Name, e.Fields)
	case *ast.InterfaceType:
		u.fields(p, s.Name.Name, e.Methods)
	case *ast.SelectorExpr:
		of, ok := e.X.(*ast.Ident)
		if !ok || s.Assign == token.NoPos {
			return
		}
		target := importOf(file, of.Name)
		if !strings.HasPrefix(target, sdkModule+"/") {
			return
		}
		other := "sdk" + strings.TrimPrefix(target, sdkModule)
		q := u.load(other)
		if spec := q.types[e.Sel.Name]; spec != nil {
			for _, f := range q.all {
				if f.Pos() <= spec.Pos() && spec.Pos() < f.End() {
					u.typ(q, other, f, spec)
				}
			}
		}
	}
}

// importOf is the path that a file imports under a name.
func importOf(file *ast.File, name string) string {
	for _, spec := range file.Imports {
		target := strings.Trim(spec.Path.Value, `"`)
		if spec.Name != nil && spec.Name.Name == name || spec.Name == nil && path.Base(target) == name {
			return target
		}
	}
	return ""
}

// fields checks fields of a struct or methods of an interface. One comment may be for several
// that follow each other, if it names them.
func (u *undocumented) fields(p *goPackage, of string, list *ast.FieldList) {
	shared, line := "", 0
	for _, field := range list.List {
		start := p.files.Position(field.Pos()).Line
		doc := field.Doc.Text() + field.Comment.Text()
		switch {
		case field.Doc != nil:
			shared = doc
		case start != line+1:
			shared = ""
		}
		line = p.files.Position(field.End()).Line
		for _, name := range field.Names {
			if name.IsExported() && (doc != "" || !strings.Contains(shared, name.Name)) {
				u.look(p, name.Pos(), "", of+"."+name.Name, doc)
			}
		}
	}
}
