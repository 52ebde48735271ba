// Mockgen writes the mocks of package mocks, one file for each interface, from the sources
// of the interfaces. It reads no types, only syntax, so it is fast and needs no build:
//
//	go run ./internal/mockgen -out mocks
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// interfaces are what there are mocks of: the name of the mock, where its interfaces are
// declared, and what they are called there.
var interfaces = []struct {
	mock, constructor string
	dir               string
	names             []string
}{
	{mock: "Client", dir: "client"},
	{mock: "NamespaceClient", dir: "client"},
	{mock: "WorkflowRun", dir: "internal/client"},
	{mock: "WorkflowUpdateHandle", dir: "internal/client"},
	{mock: "HistoryEventIterator", dir: "internal/client"},
	{mock: "ScheduleClient", dir: "internal/client"},
	{mock: "ScheduleHandle", dir: "internal/client"},
	{mock: "ScheduleListIterator", dir: "internal/client"},
	{mock: "DeploymentClient", dir: "internal/client"},
	{mock: "DeploymentListIterator", dir: "internal/client"},
	{mock: "WorkerDeploymentClient", dir: "internal/client"},
	{mock: "WorkerDeploymentHandle", dir: "internal/client"},
	{mock: "WorkerDeploymentListIterator", dir: "internal/client"},
	{mock: "Value", constructor: "NewEncodedValue", dir: "converter", names: []string{"EncodedValue", "ValuesPayloads"}},
}

func main() {
	root := flag.String("root", ".", "directory of the SDK's module")
	out := flag.String("out", "mocks", "directory to write to")
	flag.Parse()
	if err := run(*root, *out); err != nil {
		fmt.Fprintln(os.Stderr, "mockgen:", err)
		os.Exit(1)
	}
}

func run(root, out string) error {
	packages := map[string]*source{}
	for _, i := range interfaces {
		if packages[i.dir] != nil {
			continue
		}
		p, err := parse(root, i.dir)
		if err != nil {
			return err
		}
		packages[i.dir] = p
	}
	// Types of the internal package go by their public names.
	packages["internal/client"].public = packages["client"].aliases
	for _, i := range interfaces {
		names := i.names
		if names == nil {
			names = []string{i.mock}
		}
		constructor := i.constructor
		if constructor == "" {
			constructor = "New" + i.mock
		}
		code, err := generate(packages[i.dir], i.mock, constructor, names)
		if err != nil {
			return fmt.Errorf("%s: %w", i.mock, err)
		}
		if err := os.WriteFile(filepath.Join(out, i.mock+".go"), code, 0o644); err != nil {
			return err
		}
	}
	return nil
}
