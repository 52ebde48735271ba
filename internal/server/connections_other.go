//go:build !unix

package server

// openFilesLimit is how many files the process may have open; 0 if unknown.
func openFilesLimit() uint64 { return 0 }
