package crash

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// Flow control under kills: whatever happens, no more workflows of a key run at once than its policy
// says, and none that has been started is forgotten. The histories tell when each ran.

// The policies limit how many workflows of a type run at once for each fairness key, of which there are capKeys.
const capKeys = 4

var flowKills = flag.Int("flow-kills", 4, "how often to kill the server while flow control holds workflows back")

var caps = map[string]int{"capped-1": 1, "capped-2": 2, "capped-5": 5}

// capped runs for a moment, some in two runs.
func capped(ctx workflow.Context, again bool) error {
	var moment time.Duration
	if err := workflow.SideEffect(ctx, func(workflow.Context) any { return time.Duration(rand.IntN(40)) * time.Millisecond }).Get(&moment); err != nil {
		return err
	}
	if err := workflow.Sleep(ctx, moment); err != nil || !again {
		return err
	}
	return workflow.NewContinueAsNewError(ctx, workflow.GetInfo(ctx).WorkflowType.Name, false)
}

func TestNoKeyIsEverOverItsLimitWhateverIsKilled(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("seed %d, %d kills", *seed, *flowKills)
	random := rand.New(rand.NewPCG(*seed, 2))
	server := newServer(t)
	server.start()
	// The clocks of shards differ by moments after a crash. One shard has one clock.
	server.kill()
	server.perdure("admin", "reshard", "--data-dir", server.dataDir, "--shards", "1")
	server.start()
	for name, n := range caps {
		server.perdure("flow", "set", "--address", server.address, "--name", name, "--workflow-type", name, "--key", "fairness-key", "--max-running", fmt.Sprint(n))
	}
	connect := grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second,
		Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1, MaxDelay: 20 * time.Millisecond}})
	c, err := client.Dial(client.Options{HostPort: server.address, Logger: quiet{},
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{connect}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w := worker.New(c, "capped", worker.Options{WorkerStopTimeout: time.Second})
	for name := range caps {
		w.RegisterWorkflowWithOptions(capped, workflow.RegisterOptions{Name: name})
	}
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()

	load, stop := context.WithCancel(context.Background())
	defer stop()
	started := &cappedRuns{}
	var running sync.WaitGroup
	for i := range 4 * *loops {
		running.Go(func() {
			for n := 0; load.Err() == nil; n++ {
				started.start(load, c, fmt.Sprintf("capped-%d-%d", i, n))
			}
		})
	}
	for kill := range *flowKills {
		started.await(t, started.count()+2**loops)
		time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
		server.kill()
		server.start()
		if kill%10 == 9 {
			t.Logf("%d kills, %d workflows acknowledged", kill+1, started.count())
		}
	}
	stop()
	running.Wait()

	rest, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ran := map[string][]interval{}
	waited := 0
	for _, r := range started.runs {
		for _, i := range r.intervals(rest, t, c) {
			ran[r.kind+" "+r.key] = append(ran[r.kind+" "+r.key], i)
			if i.from.Sub(i.started) > 20*time.Millisecond {
				waited++
			}
		}
		if t.Failed() {
			return
		}
	}
	for name, n := range caps {
		for k := range capKeys {
			key := fmt.Sprintf("key-%d", k)
			if most := mostAtOnce(ran[name+" "+key]); most > n {
				t.Errorf("%d workflows of %s ran at once, with %s, the limit is %d", most, name, key, n)
			}
			server.checkGateIsEmpty(name, key)
		}
	}
	t.Logf("%d workflows, %d runs of which waited, and none too many after %d kills", len(started.runs), waited, *flowKills)
	if waited == 0 {
		t.Error("no workflow had to wait: the test has tested nothing")
	}
}

// perdure runs the binary and returns what it prints.
func (s *server) perdure(args ...string) []byte {
	s.t.Helper()
	out, err := exec.Command(s.binary, args...).CombinedOutput()
	if err != nil {
		s.t.Fatalf("perdure %v: %v\n%s", args, err, out)
	}
	return out
}

// checkGateIsEmpty checks that all places have been given back.
func (s *server) checkGateIsEmpty(policy, key string) {
	s.t.Helper()
	var gate struct{ Running, Waiting string }
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		out := s.perdure("flow", "describe", "--address", s.address, "--name", policy, "--key", key, "--output", "json")
		gate.Running, gate.Waiting = "", ""
		if err := json.Unmarshal(out, &gate); err != nil {
			s.t.Fatalf("%v\n%s", err, out)
		}
		if gate.Running == "" && gate.Waiting == "" {
			return
		}
		if time.Now().After(deadline) {
			s.t.Errorf("gate %s of %s still has %s running and %s waiting", policy, key, gate.Running, gate.Waiting)
			return
		}
	}
}

// cappedRuns are the workflows whose start was acknowledged.
type cappedRuns struct {
	mu   sync.Mutex
	runs []*cappedRun
}

type cappedRun struct{ id, runID, kind, key string }

func (s *cappedRuns) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.runs)
}

func (s *cappedRuns) await(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); s.count() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("only %d workflows were acknowledged after %v, the test waits for %d", s.count(), patience, n)
		}
	}
}

// start starts a workflow and waits for its end, or terminates it at some time.
func (s *cappedRuns) start(ctx context.Context, c client.Client, id string) {
	kinds := make([]string, 0, len(caps))
	for name := range caps {
		kinds = append(kinds, name)
	}
	r := &cappedRun{id: id, kind: kinds[rand.IntN(len(kinds))], key: fmt.Sprintf("key-%d", rand.IntN(capKeys))}
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: "capped", Priority: temporal.Priority{FairnessKey: r.key}}, r.kind, rand.IntN(3) == 0)
	if err != nil {
		return
	}
	r.runID = run.GetRunID()
	s.mu.Lock()
	s.runs = append(s.runs, r)
	s.mu.Unlock()
	if rand.IntN(8) == 0 {
		time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
		_ = c.TerminateWorkflow(ctx, id, "", "crash test")
		return
	}
	_ = run.Get(ctx, nil)
}

// interval is when a run was let in and closed.
type interval struct{ started, from, to time.Time }

// intervals are those of the run and the ones that continue it. It waits until the last has closed.
func (r *cappedRun) intervals(ctx context.Context, t *testing.T, c client.Client) (all []interval) {
	t.Helper()
	for runID := r.runID; runID != ""; {
		var i interval
		var next string
		it := c.GetWorkflowHistory(ctx, r.id, runID, true, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for it.HasNext() {
			event, err := it.Next()
			if err != nil {
				t.Errorf("history of %s, %s: %v", r.id, runID, err)
				return nil
			}
			at := event.EventTime.AsTime()
			if i.started.IsZero() {
				i.started = at
			}
			if event.EventType == enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED && i.from.IsZero() {
				i.from = at
			}
			i.to, next = at, nextRun(event)
		}
		if !i.from.IsZero() {
			all = append(all, i)
		}
		runID = next
	}
	return all
}

func nextRun(event *historypb.HistoryEvent) string {
	return event.GetWorkflowExecutionContinuedAsNewEventAttributes().GetNewExecutionRunId()
}

// mostAtOnce is how many of the intervals have a moment in common. One that ends when another begins does not.
func mostAtOnce(intervals []interval) (most int) {
	type edge struct {
		at    time.Time
		delta int
	}
	var edges []edge
	for _, i := range intervals {
		edges = append(edges, edge{i.from, 1}, edge{i.to, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int {
		if c := a.at.Compare(b.at); c != 0 {
			return c
		}
		return a.delta - b.delta
	})
	n := 0
	for _, e := range edges {
		n += e.delta
		most = max(most, n)
	}
	return most
}
