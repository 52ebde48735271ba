//go:build !linux || !(amd64 || arm64)

package pebble

// directPool is empty: there is no direct I/O here.
type directPool struct{}

func (*directPool) open(string, int64) *directLog { return nil }

func (*directPool) close() {}
