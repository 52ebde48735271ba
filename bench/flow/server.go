package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
)

// connections is how many connections the calls are spread over.
const connections = 8

// server is one on a directory; it may be killed and started again, on the same port.
type server struct {
	binary, dir string
	cmd         *exec.Cmd
	address     string
	pool        []workflowservice.WorkflowServiceClient
}

// startServer starts a server on the directory; a new one is given one shard, if that is asked for: it has one clock, so that times
// in histories can be compared.
func startServer(binary, dir string, oneShard bool) (*server, error) {
	s := &server{binary: binary, dir: dir}
	_, err := os.Stat(dir)
	fresh := os.IsNotExist(err)
	if err := s.start(); err != nil {
		return nil, err
	}
	if fresh && oneShard {
		s.stop()
		if err := s.perdure("admin", "reshard", "--data-dir", dir, "--shards", "1"); err != nil {
			return nil, err
		}
		if err := s.start(); err != nil {
			return nil, err
		}
	}
	return s, s.dial()
}

// start starts it and waits until it listens.
func (s *server) start() error {
	port := "0"
	if s.address != "" {
		port = s.address[strings.LastIndexByte(s.address, ':')+1:]
	}
	s.cmd = exec.Command(s.binary, "server", "start", "--data-dir", s.dir, "--port", port, "--output", "json")
	s.cmd.Stderr = os.Stderr
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var banner struct{ Address string }
		if json.Unmarshal(lines.Bytes(), &banner) == nil && banner.Address != "" {
			s.address = banner.Address
			return nil
		}
	}
	_ = s.cmd.Wait()
	return fmt.Errorf("%s ended without saying where it listens", s.binary)
}

func (s *server) dial() error {
	for range connections {
		conn, err := grpc.NewClient(s.address, grpc.WithTransportCredentials(insecure.NewCredentials()),
			grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second,
				Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1, MaxDelay: 20 * time.Millisecond}}))
		if err != nil {
			return err
		}
		s.pool = append(s.pool, workflowservice.NewWorkflowServiceClient(conn))
	}
	return nil
}

// client is one for the n-th caller.
func (s *server) client(n int) workflowservice.WorkflowServiceClient { return s.pool[n%len(s.pool)] }

func (s *server) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

func (s *server) stop() {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}

// perdure runs a command of the binary.
func (s *server) perdure(args ...string) error {
	out, err := exec.Command(s.binary, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("perdure %v: %w\n%s", args, err, out)
	}
	return nil
}

// limit sets a policy about workflows of the type that the policy is called by, for each fairness key.
func (s *server) limit(name string, running int) error {
	return s.perdure("flow", "set", "--address", s.address, "--name", name, "--workflow-type", name, "--key", "fairness-key", "--max-running", strconv.Itoa(running))
}

// gate is what is known of a key under a policy.
func (s *server) gate(policy, key string) (running, waiting int, err error) {
	out, err := exec.Command(s.binary, "flow", "describe", "--address", s.address, "--name", policy, "--key", key, "--output", "json").Output()
	if err != nil {
		return 0, 0, err
	}
	var gate struct{ Running, Waiting json.Number }
	if err := json.Unmarshal(out, &gate); err != nil {
		return 0, 0, err
	}
	r, _ := gate.Running.Int64()
	w, _ := gate.Waiting.Int64()
	return int(r), int(w), nil
}

// resident is the memory of the server, in MB.
func (s *server) resident() int64 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, _ := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kb >> 10
		}
	}
	return 0
}

// cpu is the CPU time that the server has used.
func (s *server) cpu() time.Duration {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	_, rest, _ := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// disk is how many MB the directory has.
func (s *server) disk() (mb int64) {
	_ = filepath.WalkDir(s.dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil {
			if info, err := entry.Info(); err == nil {
				mb += info.Size()
			}
		}
		return nil
	})
	return mb >> 20
}
