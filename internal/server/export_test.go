package server

import (
	"time"

	"github.com/perdure/perdure/internal/storage"
)

// WithHandshakeTimeout shortens the time a connection may take to become one.
func WithHandshakeTimeout(options Options, timeout time.Duration) Options {
	options.handshakeTimeout = timeout
	return options
}

// WithStore gives the server a store of the test's own.
func WithStore(options Options, store storage.Store) Options {
	options.Store = store
	return options
}

// Forwarded is how many calls that have arrived at the node were carried out by another one.
func (s *Server) Forwarded() uint64 { return s.node.Stats().Forwarded }

// HotQueues is how many queues are at home at the node whose polls wait where they arrive.
func (s *Server) HotQueues() int { return s.node.Stats().Hot }

// HandedOut is how many tasks and queries of queues at home at the node have gone to polls at other ones.
func (s *Server) HandedOut() uint64 { return s.node.Stats().HandedOut }
