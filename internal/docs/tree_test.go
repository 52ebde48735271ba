package docs

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// tree is what the repository has that a document may name.
type tree struct {
	paths    map[string]bool // files and folders, from the top, with slashes
	bases    map[string]bool // the last elements of the paths
	names    map[string]bool // what the Go code declares: x, Type.Member, package.x
	imports  map[string]bool // import paths that the Go code uses
	packages map[string]bool // the last elements of foreign ones
	targets  map[string]bool // of the Makefile
}

// module is the prefix of the repository's own import paths.
const module = "github.com/perdure/perdure"

func readTree(t *testing.T) *tree {
	t.Helper()
	r := &tree{
		paths: make(map[string]bool), bases: make(map[string]bool), names: make(map[string]bool),
		imports: make(map[string]bool), packages: make(map[string]bool), targets: make(map[string]bool),
	}
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if name == ".git" || name == "bin" {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		r.paths[name] = true
		r.bases[path.Base(name)] = true
		if strings.HasSuffix(name, ".go") {
			return r.readGo(file)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, match := range regexp.MustCompile(`(?m)^([a-z][\w-]*):`).FindAllSubmatch(makefile, -1) {
		r.targets[string(match[1])] = true
	}
	return r
}

func (r *tree) readGo(file string) error {
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	pkg := strings.TrimSuffix(parsed.Name.Name, "_test")
	r.names[pkg] = true
	for _, spec := range parsed.Imports {
		if imported, err := strconv.Unquote(spec.Path.Value); err == nil {
			r.imports[imported] = true
			if !strings.HasPrefix(imported, module) {
				r.packages[path.Base(strings.TrimSuffix(imported, "/v1"))] = true
			}
		}
	}
	for _, decl := range parsed.Decls {
		switch decl := decl.(type) {
		case *ast.FuncDecl:
			r.names[decl.Name.Name] = true
			if decl.Recv == nil {
				r.names[pkg+"."+decl.Name.Name] = true
			} else if receiver := baseType(decl.Recv.List[0].Type); receiver != "" {
				r.names[receiver+"."+decl.Name.Name] = true
			}
		case *ast.GenDecl:
			for _, spec := range decl.Specs {
				r.readSpec(pkg, spec)
			}
		}
	}
	return nil
}

func (r *tree) readSpec(pkg string, spec ast.Spec) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			r.names[name.Name] = true
			r.names[pkg+"."+name.Name] = true
		}
	case *ast.TypeSpec:
		name := spec.Name.Name
		r.names[name] = true
		r.names[pkg+"."+name] = true
		var members *ast.FieldList
		switch body := spec.Type.(type) {
		case *ast.StructType:
			members = body.Fields
		case *ast.InterfaceType:
			members = body.Methods
		default:
			return
		}
		for _, member := range members.List {
			for _, n := range member.Names {
				r.names[n.Name] = true
				r.names[name+"."+n.Name] = true
			}
		}
	}
}

// baseType is the name of a receiver's type, without pointer and type parameters.
func baseType(expr ast.Expr) string {
	switch expr := expr.(type) {
	case *ast.Ident:
		return expr.Name
	case *ast.StarExpr:
		return baseType(expr.X)
	case *ast.IndexExpr:
		return baseType(expr.X)
	case *ast.IndexListExpr:
		return baseType(expr.X)
	}
	return ""
}
