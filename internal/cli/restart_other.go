//go:build !unix

package cli

import "os"

// restartSignals are the signals that ask for a new start: there are none here.
func restartSignals() (signals <-chan os.Signal, end func()) { return nil, func() {} }
