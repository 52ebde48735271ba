//go:build unix

package cli

import (
	"os"
	"os/signal"
	"syscall"
)

// restartSignals are the signals that ask for a new start, until end is called.
func restartSignals() (signals <-chan os.Signal, end func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR2)
	return c, func() { signal.Stop(c) }
}
