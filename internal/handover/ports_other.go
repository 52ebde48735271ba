//go:build !unix

package handover

import (
	"context"
	"errors"
	"net"
)

// Ports are the listening ports of a process. Here none can be handed over.
type Ports struct{}

// Take finds the ports that were handed over to this process: none.
func Take() (*Ports, error) { return &Ports{}, nil }

// Listen opens a port.
func (*Ports) Listen(ctx context.Context, _, address string) (net.Listener, error) {
	return new(net.ListenConfig).Listen(ctx, "tcp", address)
}

// Hold fails.
func (*Ports) Hold() error { return errors.ErrUnsupported }

// Exec fails.
func (*Ports) Exec(string, []string) error { return errors.ErrUnsupported }
