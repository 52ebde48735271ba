package server

import "time"

// WithHandshakeTimeout shortens the time a connection may take to become one.
func WithHandshakeTimeout(options Options, timeout time.Duration) Options {
	options.handshakeTimeout = timeout
	return options
}
