//go:build unix

package server

import "syscall"

// openFilesLimit is how many files the process may have open; 0 if unknown.
func openFilesLimit() uint64 {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0
	}
	return uint64(limit.Cur)
}
