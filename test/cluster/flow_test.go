//go:build linux

package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// Flow control on several nodes: the workflows of a key are on all nodes, its gate is on one. Whichever is killed, no more of them run
// at once than the policy says, all go on in the end, and who would have to wait is refused where the policy says so.

var flowKills = flag.Int("flow-kills", 2, "how often to kill a node while flow control holds workflows back")

// limited are the policies: how many workflows of the type run at once for each fairness key.
var limited = map[string]int{"limited-1": 1, "limited-2": 2, "limited-5": 5}

const (
	limitedKeys = 3
	// refusing is the policy that has nobody wait, with its limit.
	refusing      = "refusing"
	refusingLimit = 2
)

// presence is who runs, as the worker sees it. Workflows come after they were let in and go before they have
// closed, so there are never more than the server has let in.
type presence struct {
	mu   sync.Mutex
	in   map[string]map[string]bool // ids by policy and key
	most map[string]int
}

func (p *presence) comes(key, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.in[key] == nil {
		p.in[key] = make(map[string]bool)
	}
	p.in[key][id] = true
	p.most[key] = max(p.most[key], len(p.in[key]))
}

func (p *presence) goes(key, id string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.in[key], id)
}

// stay runs for a moment, some in two runs.
func (p *presence) stay(ctx workflow.Context, key string, again bool) error {
	info := workflow.GetInfo(ctx)
	id, of := info.WorkflowExecution.ID, info.WorkflowType.Name+" "+key
	var moment time.Duration
	err := workflow.SideEffect(ctx, func(workflow.Context) any {
		p.comes(of, id)
		return time.Duration(rand.IntN(100)) * time.Millisecond
	}).Get(&moment)
	if err != nil {
		return err
	}
	if err := workflow.Sleep(ctx, moment); err != nil {
		return err
	}
	var gone bool
	if err := workflow.SideEffect(ctx, func(workflow.Context) any { p.goes(of, id); return true }).Get(&gone); err != nil || !again {
		return err
	}
	return workflow.NewContinueAsNewError(ctx, info.WorkflowType.Name, key, false)
}

func TestNoKeyIsOverItsLimitOnSeveralNodesWhicheverIsKilled(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	random := rand.New(rand.NewPCG(*seed, 3))
	t.Logf("seed %d, %d kills", *seed, *flowKills)
	n := startNodes(t, "a", "b", "c")
	c := dial(t, n.all...)
	for name, limit := range limited {
		n.all[0].perdure("flow", "set", "--name", name, "--workflow-type", name, "--key", "fairness-key", "--max-running", fmt.Sprint(limit))
	}
	n.all[1].perdure("flow", "set", "--name", refusing, "--workflow-type", refusing, "--key", "fairness-key", "--max-running", fmt.Sprint(refusingLimit), "--refuse")
	n.awaitPolicies(c)

	present := &presence{in: make(map[string]map[string]bool), most: make(map[string]int)}
	w := worker.New(c, queue, worker.Options{WorkerStopTimeout: time.Second})
	for name := range limited {
		w.RegisterWorkflowWithOptions(present.stay, workflow.RegisterOptions{Name: name})
	}
	w.RegisterWorkflowWithOptions(present.stay, workflow.RegisterOptions{Name: refusing})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)

	ctx, stop := context.WithCancel(t.Context())
	var acknowledged, refused atomic.Int64
	var mu sync.Mutex
	var runs []client.WorkflowRun
	var running sync.WaitGroup
	for i := range 8 * *loops {
		running.Go(func() {
			for k := 0; ctx.Err() == nil; k++ {
				name := []string{"limited-1", "limited-2", "limited-5", refusing}[rand.IntN(4)]
				key := fmt.Sprintf("key-%d", rand.IntN(limitedKeys))
				run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: fmt.Sprintf("limited-%d-%d", i, k), TaskQueue: queue,
					Priority: temporal.Priority{FairnessKey: key}}, name, key, rand.IntN(3) == 0)
				var full *serviceerror.ResourceExhausted
				switch {
				case errors.As(err, &full):
					refused.Add(1)
					time.Sleep(10 * time.Millisecond)
				case err == nil:
					acknowledged.Add(1)
					mu.Lock()
					runs = append(runs, run)
					mu.Unlock()
					_ = run.Get(ctx, nil)
				}
			}
		})
	}
	await := func(more int64) {
		t.Helper()
		for target, deadline := acknowledged.Load()+more, time.Now().Add(patience); acknowledged.Load() < target; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("only %d workflows were acknowledged in %v, the test waits for %d", acknowledged.Load(), patience, target)
			}
		}
	}
	await(100)
	for range *flowKills {
		victim := n.all[random.IntN(len(n.all))]
		victim.kill()
		await(20)
		victim.start()
		await(50)
		t.Logf("node %s was killed and is back, %d workflows acknowledged", victim.name, acknowledged.Load())
	}
	stop()
	running.Wait()

	rest, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, run := range runs {
		if err := run.Get(rest, nil); err != nil {
			t.Fatalf("%s has not come to its end: %v", run.GetID(), err)
		}
	}
	checkLimits := func(name string, limit int) {
		for k := range limitedKeys {
			key := fmt.Sprintf("key-%d", k)
			if most := present.most[name+" "+key]; most > limit || most == 0 {
				t.Errorf("%d workflows of %s ran at once with %s, the limit is %d", most, name, key, limit)
			}
		}
	}
	for name, limit := range limited {
		checkLimits(name, limit)
	}
	checkLimits(refusing, refusingLimit)
	n.awaitEmptyGates()
	n.checkRefusal()
	t.Logf("%d workflows ran, none too many; %d starts were still refused after the client's retries", len(runs), refused.Load())
}

// checkRefusal starts one workflow more than the refusing policy lets in, by calls that nothing retries, at one node after the other.
func (n *nodes) checkRefusal() {
	n.t.Helper()
	for i := range refusingLimit + 1 {
		at := n.all[i%len(n.all)]
		conn, err := grpc.NewClient(at.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			n.t.Fatal(err)
		}
		defer conn.Close()
		_, err = workflowservice.NewWorkflowServiceClient(conn).StartWorkflowExecution(n.t.Context(), &workflowservice.StartWorkflowExecutionRequest{
			Namespace: "default", WorkflowId: fmt.Sprintf("refused-%d", i), RequestId: fmt.Sprint(i),
			WorkflowType: &commonpb.WorkflowType{Name: refusing}, TaskQueue: &taskqueuepb.TaskQueue{Name: "nobody"},
			Priority: &commonpb.Priority{FairnessKey: "all"},
		})
		want := codes.OK
		if i == refusingLimit {
			want = codes.ResourceExhausted
		}
		if got := status.Code(err); got != want {
			n.t.Errorf("start %d of a policy for %d, at node %s: %v, want %v", i+1, refusingLimit, at.name, err, want)
		}
	}
}

// perdure runs a command of the binary against the node, and returns what it prints.
func (n *node) perdure(args ...string) []byte {
	n.t.Helper()
	args = append(args, "--address", n.address)
	out, err := exec.Command(n.args[0], args...).CombinedOutput()
	if err != nil {
		n.t.Fatalf("perdure %v: %v\n%s", args, err, out)
	}
	return out
}

// awaitPolicies waits until all nodes know the policies: workflows with ids that are everywhere come under them.
func (n *nodes) awaitPolicies(c client.Client) {
	n.t.Helper()
	for round, deadline := 0, time.Now().Add(time.Minute); ; round++ {
		known := true
		for name := range limited {
			for i := range 12 {
				id := fmt.Sprintf("probe-%s-%d-%d", name, round, i)
				if _, err := c.ExecuteWorkflow(n.t.Context(), client.StartWorkflowOptions{ID: id, TaskQueue: "nobody", Priority: temporal.Priority{FairnessKey: "probe"}}, name); err != nil {
					n.t.Fatal(err)
				}
				var found struct{ Passes []any }
				if err := json.Unmarshal(n.all[0].perdure("flow", "show", "--workflow-id", id, "--output", "json"), &found); err != nil {
					n.t.Fatal(err)
				}
				known = known && len(found.Passes) == 1
				if err := c.TerminateWorkflow(n.t.Context(), id, "", "it was a probe"); err != nil {
					n.t.Fatal(err)
				}
			}
		}
		if known {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatal("not all nodes have heard of the policies")
		}
	}
}

// awaitEmptyGates waits until all places have been given back. One that was kept for a start that did not come is given up after a minute.
func (n *nodes) awaitEmptyGates() {
	n.t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		out := n.all[2].perdure("flow", "gates", "--output", "json")
		var found struct{ Gates []any }
		if err := json.Unmarshal(out, &found); err != nil {
			n.t.Fatalf("%v\n%s", err, out)
		}
		if len(found.Gates) == 0 {
			return
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("places were not given back: %s", out)
		}
	}
}
