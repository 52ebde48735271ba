// Package handover keeps the ports of a server open while its process is replaced by another program, or another start of the
// same one: whoever connects meanwhile waits, and nobody is refused.
//
// A port is a listening socket, which belongs to whoever has it open, not to the process that has opened it. So it is enough
// that it is never closed:
//
//	Ports.Listen   opens a port, or takes the one that was handed over under the same name
//	Ports.Hold     keeps all ports open though the server, which stops, closes its listeners
//	Ports.Exec     replaces the program of the process; the ports are named in the environment
//	Take           finds them there
//
// Connections that are made in between are queued by the operating system, with what is sent over them, and accepted by the
// next server. The process stays the same one, with its number and its standard output, so whoever supervises it
// sees no end. It cannot be two servers that run for a while beside each other: one of them has the store.
//
// Take also finds ports that systemd has opened (socket activation), under the names that the socket units give them.
package handover
