//go:build linux

package cluster

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/perdure/perdure/test/launch"
)

// nodes are three servers on one PostgreSQL, and the wires between them.
type nodes struct {
	t        *testing.T
	network  *network
	postgres *launch.Postgres
	all      []*node
}

// node is the real binary as one node of the cluster. It keeps its addresses when it is started again.
type node struct {
	t       *testing.T
	network *network
	name    string
	address string // of the API
	args    []string
	log     string // a file
	cmd     *exec.Cmd
}

func startNodes(t *testing.T, names ...string) *nodes {
	t.Helper()
	return startNodesWith(t, nil, names...)
}

// startNodesWith starts nodes with further arguments.
func startNodesWith(t *testing.T, args []string, names ...string) *nodes {
	t.Helper()
	dir := t.TempDir()
	binary, err := *perdure, error(nil)
	if binary == "" {
		binary, err = launch.Build(dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	n := &nodes{t: t, network: newNetwork(t)}
	if n.postgres, err = launch.StartPostgres("", "max_connections=200"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.postgres.Remove)
	for _, name := range names {
		made := n.make(name, binary, dir)
		made.args = append(made.args, args...)
		n.all = append(n.all, made)
	}
	for _, node := range n.all {
		node.start()
	}
	return n
}

// make lays the wires of a node.
func (n *nodes) make(name, binary, dir string) *node {
	port, peer := freePort(n.t), freePort(n.t)
	toDatabase := n.network.proxy(database, fmt.Sprintf("127.0.0.1:%d", n.postgres.Port), func(net.Conn) string { return name })
	toPeer := n.network.proxy(name, fmt.Sprintf("127.0.0.1:%d", peer), n.network.caller)
	made := &node{t: n.t, network: n.network, name: name, address: fmt.Sprintf("127.0.0.1:%d", port), log: filepath.Join(dir, name+".log"), args: []string{
		binary, "server", "start", "--store", "postgres", "--postgres-url", fmt.Sprintf("postgres://postgres:secret@127.0.0.1:%d/postgres", toDatabase),
		"--port", strconv.Itoa(port), "--node-name", name, "--peer-address", fmt.Sprintf("127.0.0.1:%d", toPeer), "--peer-listen", fmt.Sprintf("127.0.0.1:%d", peer),
		"--output", "json", "--dynamic-config-value", "matching.hotQueuePollsPerSecond=3", // so that the queues of the load are hot
	}}
	n.t.Cleanup(func() {
		made.kill()
		made.tellLog()
	})
	return made
}

func freePort(t *testing.T) int {
	port, err := launch.FreePort()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// start starts the node and waits until it answers.
func (n *node) start() {
	n.t.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(100 * time.Millisecond) {
		if n.comesUp() { // its port may be that of somebody's connection just now: a supervisor starts it again, too
			return
		}
	}
	n.t.Fatalf("node %s did not come up", n.name)
}

// comesUp starts the process and reports whether it serves.
func (n *node) comesUp() bool {
	n.t.Helper()
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		n.t.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	n.cmd = exec.Command(n.args[0], n.args[1:]...)
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	n.cmd.Stderr = log
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		n.t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.network.mu.Lock()
	n.network.pids[n.name] = n.cmd.Process.Pid
	n.network.mu.Unlock()
	patience := time.AfterFunc(time.Minute, func() { _ = out.Close() })
	defer patience.Stop()
	var banner struct{ Address string }
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if json.Unmarshal(lines.Bytes(), &banner) == nil && banner.Address != "" {
			return true
		}
	}
	_ = n.cmd.Process.Kill() // if it only said nothing
	_ = n.cmd.Wait()
	return false
}

func (n *node) signal(s syscall.Signal) {
	if n.cmd != nil {
		_ = n.cmd.Process.Signal(s)
	}
}

// kill ends the process of the node, whatever it does.
func (n *node) kill() {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Kill()
	_ = n.cmd.Wait()
	n.cmd = nil
}

// dump has all nodes end and say what they were doing, and keeps what they have said, if -keep says where.
func (n *nodes) dump() {
	if *keep == "" {
		return
	}
	for _, node := range n.all {
		node.signal(syscall.SIGQUIT)
		if node.cmd != nil {
			_ = node.cmd.Wait()
			node.cmd = nil
		}
		text, _ := os.ReadFile(node.log)
		if err := os.WriteFile(filepath.Join(*keep, node.name+".log"), text, 0o600); err != nil {
			n.t.Log(err)
		}
	}
}

// said is how often the log has the words.
func (n *node) said(words string) int {
	text, _ := os.ReadFile(n.log)
	return bytes.Count(text, []byte(words))
}

// tellLog says what of the log should not be there, and what came last if the test has failed.
func (n *node) tellLog() {
	text, _ := os.ReadFile(n.log)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	for _, line := range lines {
		if strings.HasPrefix(line, "panic:") || strings.Contains(line, "for a reason inside the server") || strings.Contains(line, "left aside") {
			n.t.Errorf("node %s says: %s", n.name, line)
		}
	}
	if n.t.Failed() {
		n.t.Logf("node %s said last:\n%s", n.name, strings.Join(lines[max(0, len(lines)-40):], "\n"))
	}
}
