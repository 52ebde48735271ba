//go:build !unix

package server

import "time"

// openFilesLimit is how many files the process may have open; 0 if unknown.
func openFilesLimit() uint64 { return 0 }

// processorTime is how much of the processors this process has used; 0 if unknown.
func processorTime() time.Duration { return 0 }
