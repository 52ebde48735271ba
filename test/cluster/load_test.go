//go:build linux

package cluster

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"

	"github.com/perdure/perdure/test/order"
)

// patience bounds the wait for what is left after the last fault.
const patience = 2 * time.Minute

// dial makes a client that spreads its calls over the nodes, as one does whose address is a name
// with several addresses.
func dial(t *testing.T, all ...*node) client.Client {
	t.Helper()
	addresses := manual.NewBuilderWithScheme("nodes")
	var state resolver.State
	for _, n := range all {
		state.Addresses = append(state.Addresses, resolver.Address{Addr: n.address})
	}
	addresses.InitialState(state)
	c, err := client.Dial(client.Options{HostPort: "nodes:///all", Logger: quiet{}, ConnectionOptions: client.ConnectionOptions{
		KeepAliveTime: 10 * time.Second, KeepAliveTimeout: 2 * time.Second,
		DialOptions: []grpc.DialOption{grpc.WithResolvers(addresses), grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second,
			Backoff: backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.5, MaxDelay: 500 * time.Millisecond}})}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// quiet drops what the SDK logs: it has a lot to say about nodes that go away.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// load is workflows that are started, signalled, updated, and awaited, all the time.
type load struct {
	t       *testing.T
	client  client.Client
	book    *order.Book
	stop    context.CancelFunc
	running sync.WaitGroup
	stuck   func() // called when nothing goes on any more; may be nil

	mu     sync.Mutex
	orders []*placed
	count  atomic.Int64
}

// placed is a workflow whose start was acknowledged, and what else was.
type placed struct {
	id, runID        string
	confirmed, noted bool
}

const queue = "cluster"

func startLoad(t *testing.T, c client.Client, loops int) *load {
	t.Helper()
	l := &load{t: t, client: c, book: &order.Book{ActivityTimeout: 5 * time.Second}}
	w := worker.New(c, queue, worker.Options{WorkerStopTimeout: time.Second})
	l.book.Register(w)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	ctx, stop := context.WithCancel(context.Background())
	l.stop = stop
	t.Cleanup(stop)
	for i := range loops {
		l.running.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				l.place(ctx, fmt.Sprintf("order-%d-%d", i, n))
			}
		})
	}
	return l
}

// place starts an order, updates and confirms it, and waits for its result, as far as the cluster lets it.
func (l *load) place(ctx context.Context, id string) {
	run, err := l.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: queue}, order.Workflow, id)
	if err != nil {
		return // not acknowledged: it may exist or not
	}
	o := &placed{id: id, runID: run.GetRunID()}
	l.mu.Lock()
	l.orders = append(l.orders, o)
	l.mu.Unlock()
	l.count.Add(1)
	note, err := l.client.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{WorkflowID: id, UpdateID: "note", UpdateName: "note",
		Args: []any{id}, WaitForStage: client.WorkflowUpdateStageCompleted})
	if err != nil {
		return
	}
	o.noted = note.Get(ctx, nil) == nil
	if err := l.client.SignalWorkflow(ctx, id, "", "confirm", "yes"); err != nil {
		return
	}
	o.confirmed = true
	_ = run.Get(ctx, nil) // check reports on it
}

// progress waits until n further orders are acknowledged.
func (l *load) progress(n int64) {
	l.t.Helper()
	want := l.count.Load() + n
	for deadline := time.Now().Add(patience); l.count.Load() < want; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			l.tellStuck()
			if l.stuck != nil {
				l.stuck()
			}
			l.t.Fatalf("%d of %d further orders were acknowledged in %v", n-(want-l.count.Load()), n, patience)
		}
	}
}

// tellStuck says what the orders wait for that have not closed.
func (l *load) tellStuck() {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.orders {
		for _, id := range []string{o.id, o.id + order.Shipment} {
			d, err := l.client.DescribeWorkflowExecution(ctx, id, "")
			switch {
			case err != nil && id == o.id:
				l.t.Logf("%s: %v", id, err)
			case err == nil && d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING:
				l.t.Logf("%s runs, with %d events; its workflow task: %v; its activities: %v; its children: %v", id,
					d.GetWorkflowExecutionInfo().GetHistoryLength(), d.GetPendingWorkflowTask(), d.GetPendingActivities(), d.GetPendingChildren())
			}
		}
	}
	for _, kind := range []enumspb.TaskQueueType{enumspb.TASK_QUEUE_TYPE_WORKFLOW, enumspb.TASK_QUEUE_TYPE_ACTIVITY} {
		d, err := l.client.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{Namespace: "default",
			TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, TaskQueueType: kind, ReportStats: true})
		l.t.Logf("%v: %v %v", kind, d, err)
	}
}

// end stops the load and checks what it has left.
func (l *load) end() {
	l.t.Helper()
	l.stop()
	l.running.Wait()
	if len(l.orders) == 0 {
		l.t.Fatal("no order was acknowledged: the test has tested nothing")
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	next := make(chan *placed)
	var checking sync.WaitGroup
	for range 8 {
		checking.Go(func() {
			for o := range next {
				o.check(ctx, l.t, l.client)
			}
		})
	}
	for _, o := range l.orders {
		next <- o
	}
	close(next)
	checking.Wait()
	for id, n := range l.book.Charged() {
		if n > 1 {
			l.t.Errorf("the activity of %s, which may run once, ran %d times", id, n)
		}
	}
	if !l.t.Failed() {
		l.checkLists(ctx)
	}
}

// checkLists checks that all orders, whose results are known, are in the lists as completed.
func (l *load) checkLists(ctx context.Context) {
	listed := map[string]bool{}
	var token []byte
	for {
		page, err := l.client.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{PageSize: 1000, NextPageToken: token,
			Query: "WorkflowType = 'order' AND ExecutionStatus = 'Completed'"})
		if err != nil {
			l.t.Errorf("the list of orders: %v", err)
			return
		}
		for _, e := range page.GetExecutions() {
			listed[e.GetExecution().GetRunId()] = true
		}
		if token = page.GetNextPageToken(); len(token) == 0 {
			break
		}
	}
	missing := 0
	for _, o := range l.orders {
		if !listed[o.runID] {
			missing++
		}
	}
	if missing > 0 {
		l.t.Errorf("%d of %d orders are not in the list of those that have completed", missing, len(l.orders))
	}
}

// check waits for the result of the order and looks at its history.
func (o *placed) check(ctx context.Context, t *testing.T, c client.Client) {
	if !o.confirmed {
		// The signal was not acknowledged; it may have arrived all the same.
		_ = c.SignalWorkflow(ctx, o.id, "", "confirm", "yes")
	}
	var result string
	if err := c.GetWorkflow(ctx, o.id, o.runID).Get(ctx, &result); err != nil {
		t.Errorf("%s was acknowledged and did not complete: %v", o.id, err)
		return
	}
	if want := fmt.Sprintf("%d yes shipped %s", len(o.id), o.id); result != want {
		t.Errorf("%s: result %q, want %q", o.id, result, want)
	}
	if o.noted {
		var noted string
		err := c.GetWorkflowUpdateHandle(client.GetWorkflowUpdateHandleOptions{WorkflowID: o.id, RunID: o.runID, UpdateID: "note"}).Get(ctx, &noted)
		if err != nil || noted != "noted "+o.id {
			t.Errorf("%s: the update that was acknowledged has the outcome %q, %v", o.id, noted, err)
		}
	}
	checkHistory(ctx, t, c, o.id, o.runID)
	checkHistory(ctx, t, c, o.id+order.Shipment, "")
}

// checkHistory checks that the event ids have no gap, and that exactly one event, the last, closes the run.
func checkHistory(ctx context.Context, t *testing.T, c client.Client, id, runID string) {
	it := c.GetWorkflowHistory(ctx, id, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	next, closed := int64(1), 0
	for it.HasNext() {
		event, err := it.Next()
		if err != nil {
			t.Errorf("history of %s: %v", id, err)
			return
		}
		if event.EventId != next {
			t.Errorf("history of %s: event %d where %d should be", id, event.EventId, next)
			return
		}
		if closed > 0 {
			t.Errorf("history of %s: event %d comes after the one that closed the run", id, next)
		}
		next++
		if event.EventType == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED {
			closed++
		}
	}
	if closed != 1 {
		t.Errorf("history of %s has %d close events", id, closed)
	}
}
