// Package dynamicconfig holds the settings that can be changed while the server
// runs: limits, switches, defaults. They have the names, the form and the defaults
// that they have on a Temporal server, so that a file made for one of those works
// here as far as the settings are there.
//
// Every setting is declared once, in table.go, as a variable that knows its key,
// type, default, and what its value may depend on. Whoever needs the value asks the
// variable:
//
//	limit := dynamicconfig.HistoryEvents.Get(config, namespace)
//
// The types differ by what a value may depend on (Global, Namespace, TaskQueue), so
// that nobody can ask for a value without saying what it depends on.
//
// A file is YAML, a list of values for each key. The value whose constraints fit
// best is the one that counts:
//
//	limit.blobSize.error:
//	  - value: 4194304
//	    constraints:
//	      namespace: archive
//	  - value: 1048576
//
// Config is read with one atomic load, and is never changed: a file that has been
// changed makes a new set of values, which takes the place of the old one. A file
// that is not right is refused as a whole: when the server starts, by an error;
// later, by an entry in the log, and the old values stay.
//
// How to add a setting: a line in table.go, and its use. The list in
// docs/configuration.md is generated from the table: go test ./internal/dynamicconfig
// -rewrite.
package dynamicconfig
