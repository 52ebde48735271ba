// Package launch builds Perdure's binary and runs it as a process for the tests
// that look at the server from outside.
package launch

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// Build builds the binary into dir and returns its path. The working directory
// has to be one below the root of the test module, or the root itself.
func Build(dir string) (string, error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "perdure")
	build := exec.Command("go", "build", "-o", binary, "./cmd/perdure")
	build.Dir = root
	build.Env = append(os.Environ(), "GOWORK=")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build perdure: %w\n%s", err, out)
	}
	return binary, nil
}

// repository finds the root of the repository above the working directory.
func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "cmd", "perdure")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("no cmd/perdure above the working directory")
		}
		dir = parent
	}
}

// NodesVariable names the environment variable with the number of nodes that Start starts in place of one
// server: a cluster on a PostgreSQL of its own, behind an address that spreads calls over the nodes.
const NodesVariable = "PERDURE_TEST_NODES"

// nodesWanted is the number in NodesVariable; 0 if there is none.
func nodesWanted() int {
	n, _ := strconv.Atoi(os.Getenv(NodesVariable))
	return n
}

// Server is a running server.
type Server struct {
	// Address is where it listens, and HTTP where its HTTP port does; empty: it has none.
	Address, HTTP string

	cmd    *exec.Cmd
	data   string
	exited chan struct{}
	err    error // of the process, once it has exited

	cluster *cluster // nil if it is one process
}

// Start starts a durable server with a data directory of its own on a free port
// of the loopback interface, and waits until it listens. What the server logs
// goes to standard error.
//
// If NodesVariable is set it is several servers that share their data. The arguments are further
// flags of each.
func Start(binary string, args ...string) (*Server, error) {
	if nodes := nodesWanted(); nodes > 0 {
		return startCluster(binary, nodes, args...)
	}
	data, err := os.MkdirTemp("", "perdure-data")
	if err != nil {
		return nil, err
	}
	s, err := startOn(binary, append([]string{"--data-dir", data}, args...)...)
	if err != nil {
		_ = os.RemoveAll(data)
		return nil, err
	}
	s.data = data
	return s, nil
}

// StartNodes starts several servers that share their data, on a PostgreSQL of their own, behind addresses that spread calls
// over them.
func StartNodes(binary string, count int) (*Server, error) { return startCluster(binary, count) }

// startOn starts a server with the arguments on a free port.
func startOn(binary string, args ...string) (*Server, error) {
	s := &Server{exited: make(chan struct{})}
	s.cmd = exec.Command(binary, append([]string{"server", "start", "--port", "0", "--http-port", "0", "--output", "json"}, args...)...)
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return s.start(out, func(line []byte) string {
		var banner struct{ Address, HTTPAddress string }
		_ = json.Unmarshal(line, &banner) // what is no banner has no address
		s.HTTP = banner.HTTPAddress
		return banner.Address
	})
}

// StartPeer starts a Temporal server with its store in memory, from the binary
// that test/peer builds, and waits until it can be used. What it logs is dropped.
func StartPeer(binary string, args ...string) (*Server, error) {
	s := &Server{cmd: exec.Command(binary, args...), exited: make(chan struct{})}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return s.start(out, func(line []byte) string { return string(line) })
}

// start starts the process and reads its output up to the line that has the
// address it listens on.
func (s *Server) start(out io.Reader, address func(line []byte) string) (*Server, error) {
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(out); s.Address == "" && lines.Scan(); {
		s.Address = address(lines.Bytes())
	}
	go func() {
		defer close(s.exited)
		s.err = s.cmd.Wait()
	}()
	if s.Address == "" {
		s.Stop()
		return nil, fmt.Errorf("the server did not say where it listens: %v", s.err)
	}
	return s, nil
}

// Exited is closed when the process has ended, by Stop or by itself.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Door is an address at which the server itself listens, or the first of its nodes.
func (s *Server) Door() string {
	if s.cluster != nil {
		return s.cluster.nodes[0].Address
	}
	return s.Address
}

// Stop stops the server, waits for its end, and removes its data.
func (s *Server) Stop() {
	if s.cluster != nil {
		s.cluster.stop()
		close(s.exited)
		return
	}
	_ = s.cmd.Process.Signal(os.Interrupt)
	<-s.exited
	if s.data != "" {
		_ = os.RemoveAll(s.data)
	}
}
