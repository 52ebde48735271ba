package testsuite

import "os"

// interrupt ends a process: on Windows one can not be asked to.
func interrupt(process *os.Process) error { return process.Kill() }
