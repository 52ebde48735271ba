package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

const module = "github.com/perdure/perdure/sdk/"

// source is a package that declares interfaces.
type source struct {
	path       string // its import path
	name       string
	interfaces map[string]declaration
	// aliases are public names of types of the internal client, by their names there.
	aliases map[string]string
	// public are the names by which types of this package go in package client; nil if its
	// own names are public.
	public map[string]string
}

// declaration is an interface with the imports of its file, by name.
type declaration struct {
	methods []*ast.Field
	imports map[string]string
}

func parse(root, dir string) (*source, error) {
	s := &source{
		path:       module + dir,
		interfaces: map[string]declaration{},
		aliases:    map[string]string{},
	}
	files, err := filepath.Glob(filepath.Join(root, dir, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, data, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		s.name = parsed.Name.Name
		s.add(parsed)
	}
	if s.name == "" {
		return nil, fmt.Errorf("there is no package in %s", dir)
	}
	return s, nil
}

func (s *source) add(file *ast.File) {
	imports := map[string]string{}
	for _, i := range file.Imports {
		p, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			continue
		}
		imports[importName(i, p)] = p
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		switch t := spec.Type.(type) {
		case *ast.InterfaceType:
			s.interfaces[spec.Name.Name] = declaration{methods: t.Methods.List, imports: imports}
		case *ast.SelectorExpr:
			if x, ok := t.X.(*ast.Ident); ok && spec.Assign.IsValid() && imports[x.Name] == module+"internal/client" {
				s.aliases[t.Sel.Name] = spec.Name.Name
			}
		}
		return false
	})
}

// importName is the name by which a file knows an import. Versions are no names.
func importName(i *ast.ImportSpec, p string) string {
	if i.Name != nil {
		return i.Name.Name
	}
	base := path.Base(p)
	if len(base) > 1 && base[0] == 'v' && strings.Trim(base[1:], "0123456789") == "" {
		base = path.Base(path.Dir(p))
	}
	return base
}
