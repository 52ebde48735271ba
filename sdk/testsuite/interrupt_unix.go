//go:build !windows

package testsuite

import "os"

// interrupt asks a process to end.
func interrupt(process *os.Process) error { return process.Signal(os.Interrupt) }
