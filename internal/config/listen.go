package config

import (
	"net"
	"strconv"
	"strings"
)

// DefaultPort is where Temporal clients look for a server.
const DefaultPort = 7233

// Listen is where the gRPC API is served.
type Listen struct {
	// IP is an address of this machine, or localhost.
	IP string
	// Port is a TCP port; 0 picks a free one.
	Port int
	// Insecure allows an address that other machines can reach without TLS.
	Insecure bool
}

func (l *Listen) declare(s *Schema, kind Kind) {
	s.Text(&l.IP, "listen.ip", "127.0.0.1", "address to listen on; 0.0.0.0 for all").Flag("ip", "")
	s.Int(&l.Port, 0, 65535, "listen.port", DefaultPort, "port of the gRPC API; 0 picks a free one").Flag("port", "p")
	// Whoever runs a development server in a container has no certificate for it.
	s.Bool(&l.Insecure, "listen.insecure", kind == Development, "serve addresses that other machines can reach although there is no TLS").Flag("insecure-listen", "")
}

func (l *Listen) check(s *Schema, _ Kind) []error {
	if l.IP == "" {
		return []error{s.wrong(&l.IP, "must not be empty; 0.0.0.0 listens on all addresses")}
	}
	return nil
}

// Address is the host:port of the gRPC API.
func (l *Listen) Address() string {
	return net.JoinHostPort(strings.Trim(l.IP, "[]"), strconv.Itoa(l.Port))
}
