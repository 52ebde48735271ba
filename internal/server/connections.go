package server

import (
	"net"

	"golang.org/x/net/netutil"
)

// maxConnections bounds the connections open at once. Those above it wait until
// another one ends: they cannot take the file descriptors from the store.
const maxConnections = 10_000

// limitConnections bounds the connections of the listener to maxConnections, or
// to half of the files the process may have open if that is less.
func limitConnections(listener net.Listener) net.Listener {
	limit := maxConnections
	if files := openFilesLimit(); files > 0 {
		limit = int(min(uint64(limit), max(files/2, 16)))
	}
	return netutil.LimitListener(listener, limit)
}
