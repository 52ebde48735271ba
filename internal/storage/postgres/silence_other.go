//go:build !linux

package postgres

import (
	"net"
	"time"
)

// limitSilence does nothing: the system has no such limit. Tries are bounded by tryTimeout.
func limitSilence(net.Conn, time.Duration) {}
