// Command nodes measures what a cluster of three nodes costs: what it does when nobody uses it, in CPU and in
// statements of the database; what a call costs more that arrives at another node than the one that has what it is about; and
// what a task costs of a queue that is hot, beside one that is not.
//
//	nodes [-length 10s] [-what rest,forwarding,hot] [-profiles DIR] -perdure bin/perdure -postgres URL -postgres-pid PID
//
// With -profiles, profiles of the CPU of each node are written to the directory, one for each of what is measured.
//
// The database must have pg_stat_statements among its shared_preload_libraries. `make bench-nodes` starts one.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// nodeCount is how many nodes there are.
const nodeCount = 3

func main() {
	log.SetFlags(0)
	binary := flag.String("perdure", "", "path of the perdure binary")
	url := flag.String("postgres", "", "URL of the PostgreSQL")
	pid := flag.Int("postgres-pid", 0, "id of its first process, whose CPU time is told")
	length := flag.Duration("length", 10*time.Second, "how long to measure the cluster at rest, and the calls")
	what := flag.String("what", "rest,forwarding,hot", "what to measure")
	profiles := flag.String("profiles", "", "directory for profiles of the nodes")
	flag.Parse()
	if *binary == "" || *url == "" {
		log.Fatal("nodes: -perdure and -postgres are required; `make bench-nodes` passes them")
	}
	if err := run(context.Background(), *binary, *url, *profiles, strings.Split(*what, ","), *pid, *length, os.Stdout); err != nil {
		log.Fatalf("nodes: %v", err)
	}
}

func run(ctx context.Context, binary, url, profiles string, what []string, pid int, length time.Duration, w io.Writer) error {
	if _, err := query(url, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements"); err != nil {
		return err
	}
	settings := filepath.Join(os.TempDir(), fmt.Sprintf("perdure-bench-nodes-%d.yaml", os.Getpid()))
	if err := os.WriteFile(settings, []byte(ordinarySettings), 0o600); err != nil {
		return err
	}
	defer os.Remove(settings)
	var all []*node
	for i := range nodeCount {
		n, err := start(binary, url, settings, i, profiles != "")
		if err != nil {
			return err
		}
		defer n.stop()
		all = append(all, n)
	}
	if err := settle(url); err != nil {
		return err
	}
	time.Sleep(5 * time.Second) // what comes with a start
	made, err := number(url, statements)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%d nodes start, on an empty store, with %d statements of the database\n", nodeCount, made)
	for _, each := range what {
		done := profile(ctx, all, profiles, each, length)
		switch each {
		case "rest":
			err = atRest(all, url, pid, length, w)
		case "forwarding":
			for _, callers := range []int{4, 64} {
				err = errors.Join(err, forwarding(ctx, all, callers, length, w))
			}
		case "hot":
			err = hot(ctx, all, settings, length, w)
		default:
			err = fmt.Errorf("nodes: -what %s is none of rest, forwarding, hot", each)
		}
		done()
		if err != nil {
			return err
		}
	}
	return nil
}

// statements is how many there have been.
const statements = "SELECT sum(calls)::int8 FROM pg_stat_statements"

// atRest measures the cluster while nobody uses it.
func atRest(all []*node, url string, pid int, length time.Duration, w io.Writer) error {
	before, err := number(url, statements)
	if err != nil {
		return err
	}
	nodes, database, began := cpuOf(all), processes(pid), time.Now()
	time.Sleep(length)
	took := time.Since(began).Seconds()
	nodes, database = cpuOf(all)-nodes, processes(pid)-database
	after, err := number(url, statements)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "at rest, for %.0f s: %.2f %% of a core for a node, %.2f %% for all %d; %.2f %% for the database; %.1f statements a second\n",
		took, 100*nodes.Seconds()/took/nodeCount, 100*nodes.Seconds()/took, nodeCount, 100*database.Seconds()/took, float64(after-before)/took)
	return nil
}

// forwarding measures a call that reads a workflow, made through each node by turns, some at a time.
func forwarding(ctx context.Context, all []*node, callers int, length time.Duration, w io.Writer) error {
	id := fmt.Sprint("forwarded-", callers)
	if _, err := all[0].client.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{Namespace: "default", WorkflowId: id, RequestId: id,
		WorkflowType: &commonpb.WorkflowType{Name: "w"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "nobody-polls"}}); err != nil {
		return err
	}
	const rounds = 5
	var cpu [nodeCount]time.Duration
	var calls [nodeCount]int64
	holder, least := 0, 2.0
	for round := range rounds + 1 {
		for i, n := range all {
			before, own := cpuOf(all), cpuOf(all[i:i+1])
			made, err := n.describe(ctx, id, callers, length/rounds)
			if err != nil {
				return err
			}
			used := cpuOf(all) - before
			if round == 0 { // it warms up, and tells who works on calls alone
				if others := 1 - float64(cpuOf(all[i:i+1])-own)/float64(used); others < least {
					holder, least = i, others
				}
				continue
			}
			cpu[i] += used
			calls[i] += made
		}
	}
	var here, there float64
	for i := range all {
		each := float64(cpu[i].Microseconds()) / float64(calls[i])
		if i == holder {
			here = each
		} else {
			there += each / (nodeCount - 1)
		}
	}
	fmt.Fprintf(w, "a DescribeWorkflowExecution, %d at a time, costs %.0f µs of CPU at the node that has the workflow, %.0f µs through another: forwarding costs %.0f µs (%d calls)\n",
		callers, here, there, there-here, calls[0]+calls[1]+calls[2])
	return nil
}

// describe makes calls, some at a time, and returns how many there were.
func (n *node) describe(ctx context.Context, id string, callers int, length time.Duration) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	var calls atomic.Int64
	var failed atomic.Pointer[error]
	var calling sync.WaitGroup
	until := time.Now().Add(length)
	for range callers {
		calling.Go(func() {
			for time.Now().Before(until) {
				_, err := n.client.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{Namespace: "default",
					Execution: &commonpb.WorkflowExecution{WorkflowId: id}})
				if err != nil {
					failed.Store(&err)
					return
				}
				calls.Add(1)
			}
		})
	}
	calling.Wait()
	if err := failed.Load(); err != nil {
		return 0, *err
	}
	return calls.Load(), nil
}

// node is a server.
type node struct {
	cmd     *exec.Cmd
	metrics string // address
	conn    *grpc.ClientConn
	client  workflowservice.WorkflowServiceClient
}

func start(binary, url, settings string, number int, profiled bool) (*node, error) {
	n := &node{cmd: exec.Command(binary, "server", "start", "--store", "postgres", "--postgres-url", url, "--port", "0", "--output", "json",
		"--node-name", fmt.Sprint("node", number+1), "--peer-address", "127.0.0.1:0", "--dynamic-config-file", settings)}
	if profiled {
		n.cmd.Args = append(n.cmd.Args, "--metrics-port", "0", "--pprof")
	}
	n.cmd.Stderr = os.Stderr
	n.cmd.Env = append(os.Environ(), "PERDURE_LOG_LEVEL=error")
	out, err := n.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	var banner struct{ Address, Metrics string }
	for lines := bufio.NewScanner(out); banner.Address == "" && lines.Scan(); {
		_ = json.Unmarshal(lines.Bytes(), &banner)
	}
	if banner.Address != "" {
		n.conn, err = grpc.NewClient(banner.Address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	} else {
		err = fmt.Errorf("%s ended without saying where it listens", binary)
	}
	if err != nil {
		n.stop()
		return nil, err
	}
	n.metrics = banner.Metrics
	n.client = workflowservice.NewWorkflowServiceClient(n.conn)
	return n, nil
}

func (n *node) stop() {
	if n.conn != nil {
		_ = n.conn.Close()
	}
	_ = n.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(15*time.Second, func() { _ = n.cmd.Process.Kill() })
	_ = n.cmd.Wait()
	late.Stop()
}

// profile has each node profile its CPU for the time, into a file of the directory; the returned function waits for that.
// Without a directory it does nothing.
func profile(ctx context.Context, all []*node, dir, name string, length time.Duration) (done func()) {
	var writing sync.WaitGroup
	for i, n := range all {
		if dir == "" {
			break
		}
		writing.Go(func() {
			file := filepath.Join(dir, fmt.Sprintf("%s-%d.pprof", name, i+1))
			if err := n.profile(ctx, file, length); err != nil {
				log.Printf("nodes: no profile %s: %v", file, err)
			}
		})
	}
	return writing.Wait
}

func (n *node) profile(ctx context.Context, file string, length time.Duration) error {
	url := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%.0f", n.metrics, length.Seconds())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o600)
}

// settle waits until all nodes have had the same shards for some time.
func settle(url string) error {
	for last, same, deadline := "", 0, time.Now().Add(time.Minute); same < 5; time.Sleep(time.Second) {
		if time.Now().After(deadline) {
			return fmt.Errorf("the shards have not come to rest: %s", last)
		}
		now, err := query(url, "SELECT string_agg(holder, ',' ORDER BY shard) FROM perdure_shards")
		if err != nil {
			return err
		}
		if same++; now != last {
			last, same = now, 0
		}
	}
	return nil
}

// query has psql carry out a query, and returns what it prints.
func query(url, sql string) (string, error) {
	out, err := exec.Command("psql", "-XAtq", "-d", url, "-c", sql).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("psql: %w: %s", err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

func number(url, sql string) (int64, error) {
	text, err := query(url, sql)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(text, 10, 64)
}

// clockTick is the unit of CPU time in /proc, the same on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

func cpuOf(all []*node) (total time.Duration) {
	for _, n := range all {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", n.cmd.Process.Pid))
		if fields := statFields(data); len(fields) > 13 {
			total += ticks(fields[11:13])
		}
	}
	return total
}

// processes is the CPU time of a process and its children, those that have ended included.
func processes(pid int) (total time.Duration) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		data, _ := os.ReadFile(path)
		fields := statFields(data)
		if len(fields) < 15 {
			continue // it has ended
		}
		switch strconv.Itoa(pid) {
		case filepath.Base(filepath.Dir(path)):
			total += ticks(fields[11:15])
		case fields[1]:
			total += ticks(fields[11:13])
		}
	}
	return total
}

// statFields are the fields of a stat file from the state on: the name before it may hold spaces.
func statFields(data []byte) []string {
	_, rest, _ := strings.Cut(string(data), ") ")
	return strings.Fields(rest)
}

func ticks(fields []string) (total time.Duration) {
	for _, field := range fields {
		n, _ := strconv.ParseInt(field, 10, 64)
		total += time.Duration(n) * clockTick
	}
	return total
}
