package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a server process under test.
type server struct {
	cmd     *exec.Cmd
	address string
	// dataDir is removed when the server stops; empty: none is.
	dataDir string
	// database is where it keeps its data; nil if that is no process of its own.
	database *database
}

// startPerdure starts it on a directory that is gone when it stops.
func startPerdure(binary string) (*server, error) {
	dir, err := os.MkdirTemp("", "perdure-bench")
	if err != nil {
		return nil, err
	}
	s, err := startPerdureOn(binary, dir)
	if err != nil {
		return nil, err
	}
	s.dataDir = dir
	return s, nil
}

// startPerdureOn starts it on a directory that stays.
func startPerdureOn(binary, dir string) (*server, error) {
	s, err := start(exec.Command(binary, "server", "start", "--data-dir", dir, "--port", "0", "--output", "json"), addressIn)
	if err != nil {
		return nil, fmt.Errorf("start perdure: %w", err)
	}
	return s, nil
}

// addressIn is the address that the line says, which is the banner of Perdure or nothing but an
// address.
func addressIn(line string) string {
	var banner struct{ Address string }
	if json.Unmarshal([]byte(line), &banner) == nil {
		return banner.Address
	}
	if line = strings.TrimSpace(line); strings.HasPrefix(line, "127.0.0.1:") {
		return line
	}
	return ""
}

// startPlain starts a server that prints nothing but its address.
func startPlain(binary, name string, args ...string) (*server, error) {
	s, err := start(exec.Command(binary, args...), func(line string) string { return strings.TrimSpace(line) })
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return s, nil
}

// start runs the command and waits for the line of its output in which find
// finds an address.
func start(cmd *exec.Cmd, find func(line string) string) (*server, error) {
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{cmd: cmd}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if s.address = find(lines.Text()); s.address != "" {
			return s, nil
		}
	}
	s.stop()
	return nil, fmt.Errorf("%s ended without saying where it listens", cmd.Path)
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan struct{})
	go func() { _ = s.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-done
	}
	if s.dataDir != "" {
		_ = os.RemoveAll(s.dataDir)
	}
}

// clockTick is the unit of CPU time in /proc, the same on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// cpu is the CPU time that the process has used, user and system.
func (s *server) cpu() time.Duration {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(data), ") ") // the command name may hold spaces
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	return ticks(fields[11:13])
}

// residentMemory is the resident set of the process in bytes.
func (s *server) residentMemory() int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(value)[0], 10, 64)
			return kb << 10
		}
	}
	return 0
}

func driverCPU() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
