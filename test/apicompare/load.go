package main

import (
	"fmt"
	"go/types"
	"os"
	"strings"

	"golang.org/x/tools/go/packages"
)

// An sdk is the type-checked public packages of one SDK, by their path below its prefix.
// A package that does not exist is missing.
type sdk struct {
	prefix   string
	packages map[string]*types.Package
}

func load(prefix string, names []string) (*sdk, error) {
	patterns := make([]string, len(names))
	for i, name := range names {
		patterns[i] = prefix + name
	}
	// Types come from the compiler's export data, so nothing is type-checked twice.
	loaded, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedFiles,
		Env:  append(os.Environ(), "GOWORK=off"),
	}, patterns...)
	if err != nil {
		return nil, err
	}
	s := &sdk{prefix: prefix, packages: map[string]*types.Package{}}
	for _, p := range loaded {
		if len(p.GoFiles) == 0 {
			continue // not written yet
		}
		if len(p.Errors) > 0 {
			return nil, fmt.Errorf("%s does not compile: %v", p.PkgPath, p.Errors[0])
		}
		s.packages[strings.TrimPrefix(p.PkgPath, prefix)] = p.Types
	}
	return s, nil
}
