package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// The tests of this file run the binary as users do; with -short they are skipped.

// binary builds the binary, once, in the directory that TestMain removes.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(binaryDir, "perdure")
	out, err := exec.Command("go", "build", "-o", path, "github.com/perdure/perdure/cmd/perdure").CombinedOutput()
	if err != nil {
		return "", &exec.Error{Name: string(out), Err: err}
	}
	return path, nil
})

var binaryDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "perdure-cli-test")
	if err != nil {
		panic(err)
	}
	binaryDir = dir
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// process is a running perdure.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	stdout *bufio.Reader
	stderr *lines
	exited chan struct{}
	err    error
}

// lines is what a process writes, while it does.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a process")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(path, args...), stderr: new(lines), exited: make(chan struct{})}
	read, write := io.Pipe()
	p.stdout = bufio.NewReader(read)
	p.cmd.Stdout, p.cmd.Stderr = write, p.stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		write.Close()
		close(p.exited)
	}()
	t.Cleanup(func() {
		p.cmd.Process.Kill()
		read.Close()
		<-p.exited
	})
	return p
}

// run runs the binary to its end.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	p := start(t, args...)
	out, _ := io.ReadAll(p.stdout)
	<-p.exited
	return p.cmd.ProcessState.ExitCode(), string(out), p.stderr.String()
}

type startedLine struct {
	Event, Version, Address, Store, DataDir string
	HTTPAddress, UI                         string
	Namespaces                              []string
	Synced                                  bool
	PID                                     int
}

// ready waits for the line of JSON that a server started with --output json prints.
func (p *process) ready() startedLine {
	p.t.Helper()
	line, err := p.stdout.ReadBytes('\n')
	if err != nil {
		<-p.exited
		p.t.Fatalf("the server did not start: %v\n%s", err, p.stderr)
	}
	var started startedLine
	if err := json.Unmarshal(line, &started); err != nil {
		p.t.Fatalf("not JSON: %q: %v", line, err)
	}
	return started
}

// awaitLog waits until the process has said something on standard error.
func (p *process) awaitLog(text string) {
	p.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(p.stderr.String(), text); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("the server does not say %q:\n%s", text, p.stderr)
		}
	}
}

func (p *process) stop(signal os.Signal) int {
	p.t.Helper()
	if err := p.cmd.Process.Signal(signal); err != nil {
		p.t.Fatal(err)
	}
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		p.t.Fatalf("the server did not stop\n%s", p.stderr)
	}
	return p.cmd.ProcessState.ExitCode()
}

func dial(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func describe(t *testing.T, address, namespace string) (*workflowservice.DescribeNamespaceResponse, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	return workflowservice.NewWorkflowServiceClient(dial(t, address)).DescribeNamespace(ctx,
		&workflowservice.DescribeNamespaceRequest{Namespace: namespace}, grpc.WaitForReady(true))
}

func TestStartDevAcceptsWhatTheTestSuiteOfTheSDKPasses(t *testing.T) {
	// The arguments of StartDevServer with all its options set.
	p := start(t, "server", "start-dev", "--ip", "127.0.0.1", "--port", "0", "--namespace", "tests",
		"--dynamic-config-value", "frontend.enableServerVersionCheck=false", "--log-level", "warn", "--log-format", "json",
		"--headless", "--ui-port", "0", "--search-attribute", "Customer=Keyword", "--search-attribute", "Amount=Double",
		"--sqlite-pragma", "journal_mode=wal", "--http-port", "0", "--metrics-port", "0")
	started := p.ready()
	if started.Event != "started" || started.Store != "memory" || started.PID != p.cmd.Process.Pid {
		t.Errorf("printed %+v", started)
	}
	if d, err := describe(t, started.Address, "tests"); err != nil {
		t.Errorf("namespace of --namespace: %v", err)
	} else if got := d.GetConfig().GetCustomSearchAttributeAliases(); got["Keyword01"] != "Customer" || got["Double01"] != "Amount" {
		t.Errorf("its search attributes are %v", got)
	}
	if code := p.stop(os.Interrupt); code != 0 {
		t.Errorf("exit code %d after SIGINT\n%s", code, p.stderr)
	}
}

func TestBannerSaysWhereTheServerListens(t *testing.T) {
	p := start(t, "server", "start-dev", "--port", "0")
	var banner strings.Builder
	for !strings.Contains(banner.String(), "Ctrl-C") {
		line, err := p.stdout.ReadString('\n')
		if err != nil {
			t.Fatalf("%v\n%s", err, p.stderr)
		}
		banner.WriteString(line)
	}
	for _, want := range []string{"gRPC API", "HTTP API", "Web UI       http://localhost:", "127.0.0.1:", "default", "in memory"} {
		if !strings.Contains(banner.String(), want) {
			t.Errorf("banner lacks %q:\n%s", want, banner.String())
		}
	}
	if lines := strings.Count(banner.String(), "\n"); lines > 20 {
		t.Errorf("banner has %d lines", lines)
	}
	if code := p.stop(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d after SIGTERM", code)
	}
}

func TestDataOfAKilledServerAreThereAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for _, command := range [][]string{
		{"server", "start", "--data-dir", dir},
		{"server", "start-dev", "--db-filename", dir},
	} {
		p := start(t, append(command, "--port", "0", "--output", "json", "--namespace", "kept")...)
		started := p.ready()
		if started.Store != "pebble" || started.DataDir != dir || !started.Synced {
			t.Errorf("printed %+v", started)
		}
		first, err := describe(t, started.Address, "kept")
		if err != nil {
			t.Fatal(err)
		}
		p.cmd.Process.Kill()
		<-p.exited

		p = start(t, append(command, "--port", "0", "--output", "json")...)
		second, err := describe(t, p.ready().Address, "kept")
		if err != nil {
			t.Fatal(err)
		}
		if first.NamespaceInfo.Id != second.NamespaceInfo.Id {
			t.Errorf("namespace has a new id after the kill: %s, then %s", first.NamespaceInfo.Id, second.NamespaceInfo.Id)
		}
		if code := p.stop(os.Interrupt); code != 0 {
			t.Errorf("exit code %d\n%s", code, p.stderr)
		}
	}
}

func TestStartFailsWithAdvice(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	_, port, _ := net.SplitHostPort(taken.Addr().String())

	used := t.TempDir()
	holder := start(t, "server", "start", "--data-dir", used, "--port", "0", "-o", "json")
	holder.ready()

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("SQLite format 3"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"port in use":           {[]string{"server", "start-dev", "--port", port}, 1, "choose another port"},
		"directory in use":      {[]string{"server", "start", "--data-dir", used, "--port", "0"}, 1, "in use by another server"},
		"a file for a db":       {[]string{"server", "start-dev", "--db-filename", file, "--port", "0"}, 1, "keeps its data in a directory"},
		"open without TLS":      {[]string{"server", "start", "--data-dir", filepath.Join(used, "other"), "--ip", "0.0.0.0", "--port", "0"}, 1, "--insecure-listen"},
		"no data directory":     {[]string{"server", "start"}, 2, "--data-dir is required"},
		"unknown flag":          {[]string{"server", "start-dev", "--nonsense"}, 2, "unknown flag"},
		"unknown command":       {[]string{"server", "begin"}, 2, "unknown command"},
		"bad port":              {[]string{"server", "start-dev", "--port", "70000"}, 2, "between 0 and 65535"},
		"bad search attribute":  {[]string{"server", "start-dev", "--search-attribute", "Customer=Blob"}, 2, "NAME=TYPE"},
		"reserved attribute":    {[]string{"server", "start-dev", "--search-attribute", "WorkflowId=Keyword"}, 2, "reserved"},
		"attribute twice":       {[]string{"server", "start-dev", "--search-attribute", "A=Int", "--search-attribute", "A=Bool"}, 2, "given twice"},
		"bad dynamic config":    {[]string{"server", "start-dev", "--dynamic-config-value", "a=yes"}, 2, "not JSON"},
		"bad namespace":         {[]string{"server", "start-dev", "--namespace", ""}, 2, "--namespace"},
		"reserved namespace":    {[]string{"server", "start-dev", "--port", "0", "--namespace", "temporal-system"}, 2, "reserved"},
		"bad log level":         {[]string{"server", "start-dev", "--log-level", "loud"}, 2, "--log-level"},
		"bad output":            {[]string{"version", "--output", "xml"}, 2, "text, json, jsonl or none"},
		"address not ours":      {[]string{"server", "start-dev", "--ip", "192.0.2.1", "--port", "0"}, 1, "choose another one with --ip"},
		"arguments where none":  {[]string{"server", "start-dev", "now"}, 2, "takes no arguments"},
		"privileged or refused": {[]string{"server", "start-dev", "--port", "-1"}, 2, "between 0 and 65535"},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := run(t, c.args...)
			if code != c.code || !strings.Contains(stderr, c.says) {
				t.Errorf("exit code %d, want %d; stderr lacks %q:\n%s", code, c.code, c.says, stderr)
			}
			if stdout != "" {
				t.Errorf("printed to standard output: %q", stdout)
			}
		})
	}
}

func TestHealthIsServedUnderTheNamesClientsAskFor(t *testing.T) {
	p := start(t, "server", "start-dev", "--port", "0", "-o", "json")
	client := healthpb.NewHealthClient(dial(t, p.ready().Address))
	for _, service := range []string{"", "temporal.api.workflowservice.v1.WorkflowService", "temporal.api.operatorservice.v1.OperatorService"} {
		resp, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{Service: service}, grpc.WaitForReady(true))
		if err != nil || resp.Status != healthpb.HealthCheckResponse_SERVING {
			t.Errorf("health of %q: %v, %v", service, resp, err)
		}
	}
}

func TestSignalsThatGoOnEndTheServerAtOnce(t *testing.T) {
	p := start(t, "server", "start-dev", "--port", "0", "-o", "json", "--log-level", "info")
	conn := dial(t, p.ready().Address)
	// A call that never sends its request keeps an orderly stop waiting.
	stream, err := conn.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true},
		"/temporal.api.workflowservice.v1.WorkflowService/GetSystemInfo", grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	watch, err := healthpb.NewHealthClient(conn).Watch(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := watch.Recv(); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if state, err := watch.Recv(); err != nil || state.GetStatus() != healthpb.HealthCheckResponse_NOT_SERVING {
		t.Fatalf("health after the first signal is %v, %v", state, err)
	}
	// Signals that come soon after the first count as the same: somebody who is tired
	// of waiting presses the key again and again.
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		again := time.NewTicker(100 * time.Millisecond)
		defer again.Stop()
		for {
			select {
			case <-ended:
				return
			case <-again.C:
				_ = p.cmd.Process.Signal(os.Interrupt) // fails once the process has ended
			}
		}
	}()
	if code := p.stop(os.Interrupt); code != 130 {
		t.Errorf("exit code %d, want 130\n%s", code, p.stderr)
	}
	_ = stream
}

func TestOpenPollsEndEmptyWhenTheServerStops(t *testing.T) {
	p := start(t, "server", "start-dev", "--port", "0", "-o", "json")
	client := workflowservice.NewWorkflowServiceClient(dial(t, p.ready().Address))
	type answer struct {
		resp *workflowservice.PollActivityTaskQueueResponse
		err  error
	}
	answers := make(chan answer, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	go func() {
		resp, err := client.PollActivityTaskQueue(ctx, pollRequest(), grpc.WaitForReady(true))
		answers <- answer{resp, err}
	}()
	waitForPoller(t, client)
	if code := p.stop(os.Interrupt); code != 0 {
		t.Errorf("exit code %d\n%s", code, p.stderr)
	}
	if a := <-answers; a.err != nil || len(a.resp.GetTaskToken()) != 0 {
		t.Errorf("the poll was answered %v, %v; want an empty reply", a.resp, a.err)
	}
}
