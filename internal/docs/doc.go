// Package docs holds what this repository says about itself against what it is.
// It has only tests:
//
//   - whatever stands in backticks in a document exists: a path, an identifier of
//     the Go code, a command with its flags, a target of the Makefile, a name of
//     the API (names_test.go), and so do the targets of links (links_test.go);
//   - the programs in the README compile in a module of their own, set up with the
//     commands that the README gives for it (readme_test.go);
//   - tests that start processes can be skipped, as CONTRIBUTING.md says
//     (short_test.go).
package docs
