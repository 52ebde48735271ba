//go:build linux

package cluster

import (
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// network is the wires between the nodes, and to the database, all of which go through this process, so
// that they can be cut.
type network struct {
	t *testing.T

	mu     sync.Mutex
	cut    map[wire]bool
	mended chan struct{} // closed, and made anew, when wires are mended
	conns  map[net.Conn]bool
	closed bool
	// pids are those of the nodes, by name.
	pids map[string]int
}

// wire is a way for connections. Bytes go through it in both directions.
type wire struct{ from, to string }

// database is the name of the database among the nodes.
const database = "database"

func newNetwork(t *testing.T) *network {
	n := &network{t: t, cut: map[wire]bool{}, mended: make(chan struct{}), conns: map[net.Conn]bool{}, pids: map[string]int{}}
	t.Cleanup(n.close)
	return n
}

// proxy listens for what is to go to the address. from names who has made a connection.
func (n *network) proxy(to, address string, from func(net.Conn) string) (port int) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			in, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { n.connect(in, wire{from(in), to}, address) }() // who calls is looked up while others connect
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

// connect goes on with a connection to its end.
func (n *network) connect(in net.Conn, w wire, address string) {
	if !n.keep(in) {
		return
	}
	defer n.drop(in)
	n.await(w)
	out, err := net.Dial("tcp", address)
	if err != nil || !n.keep(out) {
		return
	}
	defer n.drop(out)
	var both sync.WaitGroup
	pass := func(to, from net.Conn) {
		defer func() { _, _ = to.Close(), from.Close() }()
		buffer := make([]byte, 64<<10)
		for {
			count, err := from.Read(buffer)
			n.await(w)
			if count > 0 {
				if _, err := to.Write(buffer[:count]); err != nil {
					return
				}
			}
			if err == io.EOF || err != nil {
				return
			}
		}
	}
	both.Go(func() { pass(out, in) })
	both.Go(func() { pass(in, out) })
	both.Wait()
}

// await waits as long as the wire is cut.
func (n *network) await(w wire) {
	for {
		n.mu.Lock()
		cut, mended := n.cut[w] && !n.closed, n.mended
		n.mu.Unlock()
		if !cut {
			return
		}
		<-mended
	}
}

// sever cuts wires: what is sent on them waits, as do new connections, and nobody is told.
func (n *network) sever(wires ...wire) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range wires {
		n.cut[w] = true
	}
}

// mend mends all wires: what has waited arrives.
func (n *network) mend() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.cut)
	close(n.mended)
	n.mended = make(chan struct{})
}

func (n *network) keep(c net.Conn) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		_ = c.Close()
		return false
	}
	n.conns[c] = true
	return true
}

func (n *network) drop(c net.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	_ = c.Close()
	delete(n.conns, c)
}

func (n *network) close() {
	n.mend()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for c := range n.conns {
		_ = c.Close()
	}
}

// caller is the node whose process has made the connection: the one that has its socket.
func (n *network) caller(c net.Conn) string {
	for range 1000 { // the tables of the kernel are not read all at once, so that one may be passed over; on a busy machine again and again
		if name := n.owner("socket:[" + inodeOf(c) + "]"); name != "" {
			return name
		}
		time.Sleep(10 * time.Millisecond)
	}
	return ""
}

// owner is the node that has the file.
func (n *network) owner(of string) string {
	n.mu.Lock()
	pids := maps.Clone(n.pids)
	n.mu.Unlock()
	for name, pid := range pids {
		files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
		for _, file := range files {
			if target, _ := os.Readlink(file); target == of {
				return name
			}
		}
	}
	return ""
}

// inodeOf is the inode of the socket at the other end of a connection of this machine.
func inodeOf(c net.Conn) string {
	table, _ := os.ReadFile("/proc/net/tcp")
	local, remote := hex(c.RemoteAddr()), hex(c.LocalAddr())
	for line := range strings.Lines(string(table)) {
		if fields := strings.Fields(line); len(fields) > 9 && fields[1] == local && fields[2] == remote {
			return fields[9]
		}
	}
	return ""
}

// hex is an address as /proc/net/tcp has it.
func hex(a net.Addr) string {
	at := a.(*net.TCPAddr)
	ip := at.IP.To4()
	return fmt.Sprintf("%02X%02X%02X%02X:%04X", ip[3], ip[2], ip[1], ip[0], at.Port)
}
