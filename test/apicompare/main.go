// Apicompare compares the exported API of Perdure's Go SDK with that of the Temporal Go
// SDK, whose names, signatures and assignability it promises.
//
// Both are type-checked, and what each exports is written as a map from a name, such as
// client.Options.Namespace, to what is behind it, with one import prefix for both. What
// differs must be on the list in testdata/known-differences.txt, and what is on the list
// must differ. The list only ever shrinks: -update writes it anew.
//
//	GOWORK=off go run ./apicompare [-update]
//
// Three things are held against the SDK: a name that is missing, a name that is something
// else, and two names of one type that are two types here. Names that only Perdure has are
// fine, except for methods of interfaces that others implement.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	update := flag.Bool("update", false, "write the list of known differences anew")
	directory := flag.String("dir", "apicompare", "the directory with testdata")
	flag.Parse()
	if err := run(filepath.Join(*directory, listFile), *update); err != nil {
		fmt.Fprintln(os.Stderr, "apicompare:", err)
		os.Exit(1)
	}
}

func run(list string, update bool) error {
	report, err := Compare()
	if err != nil {
		return err
	}
	fmt.Print(report.Counts())
	if update {
		return writeList(list, report)
	}
	known, err := readList(list)
	if err != nil {
		return err
	}
	return report.Check(known)
}
