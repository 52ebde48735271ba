//go:build linux

package cluster

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// probes measure for how long calls are not answered. Each is a workflow that nobody works on, which is
// described again and again, by way of nodes that are well.
type probes struct {
	t       *testing.T
	clients []workflowservice.WorkflowServiceClient // of each node
	// well says which nodes are. Calls by way of a node are made with its lock held for reading.
	well    []atomic.Bool
	calling []sync.RWMutex
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	outages []time.Duration // since the last look, those above outage
	calls   int
}

const (
	// probeCount is how many probes there are, so that each node holds some.
	probeCount = 32
	// outage is from when on a call is one that has had to wait.
	outage = 250 * time.Millisecond
	// probeRest is how long a probe rests between its calls.
	probeRest = 300 * time.Millisecond
)

func startProbes(t *testing.T, all []*node) *probes {
	t.Helper()
	p := &probes{t: t, well: make([]atomic.Bool, len(all)), calling: make([]sync.RWMutex, len(all))}
	for i, n := range all {
		conn, err := grpc.NewClient(n.address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		p.clients = append(p.clients, workflowservice.NewWorkflowServiceClient(conn))
		p.well[i].Store(true)
	}
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	t.Cleanup(stop)
	for i := range probeCount {
		p.running.Go(func() { p.probe(ctx, i) })
	}
	return p
}

// probe makes the calls of a probe. Each is tried until it is answered.
func (p *probes) probe(ctx context.Context, number int) {
	id := fmt.Sprint("probe-", number)
	p.call(ctx, number, func(ctx context.Context, c workflowservice.WorkflowServiceClient) error {
		_, err := c.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{Namespace: "default", WorkflowId: id, RequestId: id,
			WorkflowType: &commonpb.WorkflowType{Name: "probe"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "nobody-polls"}})
		return err
	})
	for n := 0; ctx.Err() == nil; n++ {
		began := time.Now()
		p.call(ctx, number+n, func(ctx context.Context, c workflowservice.WorkflowServiceClient) error {
			_, err := c.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{Namespace: "default",
				Execution: &commonpb.WorkflowExecution{WorkflowId: id}})
			return err
		})
		if ctx.Err() != nil {
			return
		}
		p.mu.Lock()
		p.calls++
		if took := time.Since(began); took > outage {
			p.outages = append(p.outages, took)
		}
		p.mu.Unlock()
		time.Sleep(probeRest)
	}
}

// call makes a call until it is answered, by way of the next node that is well.
func (p *probes) call(ctx context.Context, next int, fn func(context.Context, workflowservice.WorkflowServiceClient) error) {
	for ; ctx.Err() == nil; next++ {
		if p.by(ctx, next%len(p.clients), fn) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// by makes a call by way of a node, if that is well, and reports whether it was answered.
func (p *probes) by(ctx context.Context, node int, fn func(context.Context, workflowservice.WorkflowServiceClient) error) bool {
	p.calling[node].RLock()
	defer p.calling[node].RUnlock()
	if !p.well[node].Load() {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return fn(ctx, p.clients[node]) == nil
}

// spare has no more calls made by way of a node, and returns when none is under way there.
func (p *probes) spare(node int) {
	p.well[node].Store(false)
	p.calling[node].Lock()
	defer p.calling[node].Unlock()
}

// waits are how long calls had to wait since the last look, if that was long.
type waits []time.Duration

func (p *probes) look() waits {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.outages
	p.outages = nil
	return found
}

// without is what of them is longer than that time.
func (w waits) without(away time.Duration) (rest waits) {
	for _, wait := range w {
		if wait-away > outage {
			rest = append(rest, wait-away)
		}
	}
	return rest
}

func (w waits) String() string {
	if len(w) == 0 {
		return "no call had to wait"
	}
	slices.Sort(w)
	at := func(part float64) time.Duration {
		return w[min(len(w)-1, int(part*float64(len(w))))].Round(10 * time.Millisecond)
	}
	return fmt.Sprintf("%d calls had to wait: half of them %v or less, 99 of 100 %v, all %v", len(w), at(0.5), at(0.99), w[len(w)-1].Round(10*time.Millisecond))
}

// end stops the probes.
func (p *probes) end() {
	p.stop()
	p.running.Wait()
	if p.calls == 0 {
		p.t.Error("no probe was answered")
	}
}
