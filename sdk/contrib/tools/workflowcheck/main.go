// Command workflowcheck finds code in workflows that is not deterministic: that would do something else when
// the workflow is replayed. It looks at the function of each workflow and at all that it calls, in
// dependencies and in the standard library, too.
//
//	go install github.com/perdure/perdure/sdk/contrib/tools/workflowcheck
//	workflowcheck ./...
//
// It prints a line for each reason, indented below it the way to it, and exits with status 3 if there are any. It
// is an analyzer as those of go vet, which runs it faster, as it remembers what has not changed:
//
//	go vet -vettool $(which workflowcheck) ./...
//
// # What it finds
//
// Goroutines, channels, the order of maps, and calls of what is declared not to be deterministic: time.Now,
// time.Sleep, random numbers that are not seeded, standard input and output. What the functions given to
// workflow.SideEffect and workflow.MutableSideEffect do does not count. It does not find what depends on variables of
// the package, on files or on the environment, and does not follow calls of functions in variables and of methods of
// interfaces. Workflows of Perdure's SDK and of the Temporal Go SDK are looked at alike; the SDKs themselves are
// taken to be right.
//
// # What it should not find
//
// A comment says that a line, the line or block below it, or a function is right:
//
//	for key := range set { //workflowcheck:ignore
//
// A file, given with -config, says so of functions and variables, and of files:
//
//	decls:
//	  example.com/metrics.Sum: false           # is deterministic, whatever it does
//	  (*example.com/store.Store).Load: true    # is not
//	  github.com/google/uuid.rander: true
//	skip:
//	  - 'internal/generated/.*\.go'            # regular expressions of paths
//
// # Flags
//
//	-config FILE    the file described above
//	-show-pos       with the position of each step on the way
//	-single-line    the way in one line, for editors that show only the first
package main

import (
	"golang.org/x/tools/go/analysis/singlechecker"

	"github.com/perdure/perdure/sdk/contrib/tools/workflowcheck/workflow"
)

func main() {
	singlechecker.Main(workflow.NewAnalyzer())
}
