package crash

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nexus-rpc/sdk-go/nexus"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporalnexus"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

// Nexus under kills: an operation that a workflow has scheduled ends, with the right result, once; what it has started is
// started once, however often its handler is called.

var nexusKills = flag.Int("nexus-kills", 4, "how often to kill the server while workflows call Nexus operations")

const (
	shopQueue   = "crash-nexus-callers"
	bankQueue   = "crash-nexus-handlers"
	bankService = "bank"
)

// till is what the handlers are told.
type till struct {
	mu    sync.Mutex
	asked map[string]int // calls by order
}

func (b *till) ask(order string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked[order]++
}

// account is the workflow that an operation starts: it takes a moment.
func account(ctx workflow.Context, order string) (string, error) {
	var moment time.Duration
	if err := workflow.SideEffect(ctx, func(workflow.Context) any { return time.Duration(rand.IntN(100)) * time.Millisecond }).Get(&moment); err != nil {
		return "", err
	}
	return "booked " + order, workflow.Sleep(ctx, moment)
}

// shop calls an operation that is answered at once and one that goes on as a workflow.
func shop(ctx workflow.Context, order string) (string, error) {
	bank := workflow.NewNexusClient("bank", bankService)
	options := workflow.NexusOperationOptions{ScheduleToCloseTimeout: patience}
	var quote, booked string
	if err := bank.ExecuteOperation(ctx, "quote", order, options).Get(ctx, &quote); err != nil {
		return "", err
	}
	if err := bank.ExecuteOperation(ctx, "book", order, options).Get(ctx, &booked); err != nil {
		return "", err
	}
	return quote + ", " + booked, nil
}

func TestNexusOperationsEndOnceHoweverOftenTheServerIsKilled(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("seed %d, %d kills", *seed, *nexusKills)
	random := rand.New(rand.NewPCG(*seed, 4))
	server := newServer(t)
	server.start()
	server.perdure("operator", "nexus", "endpoint", "create", "--address", server.address, "--name", "bank", "--target-namespace", "default", "--target-task-queue", bankQueue)
	connect := grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second,
		Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1, MaxDelay: 20 * time.Millisecond}})
	c, err := client.Dial(client.Options{HostPort: server.address, Logger: quiet{},
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{connect}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	tills := &till{asked: make(map[string]int)}
	service := nexus.NewService(bankService)
	service.MustRegister(
		nexus.NewSyncOperation("quote", func(_ context.Context, order string, _ nexus.StartOperationOptions) (string, error) {
			return "quoted " + order, nil
		}),
		temporalnexus.NewWorkflowRunOperation("book", account, func(_ context.Context, order string, _ nexus.StartOperationOptions) (client.StartWorkflowOptions, error) {
			tills.ask(order)
			return client.StartWorkflowOptions{ID: "account-" + order}, nil
		}),
	)
	bank, shops := worker.New(c, bankQueue, worker.Options{WorkerStopTimeout: time.Second}), worker.New(c, shopQueue, worker.Options{WorkerStopTimeout: time.Second})
	bank.RegisterNexusService(service)
	bank.RegisterWorkflow(account)
	shops.RegisterWorkflow(shop)
	for _, w := range []worker.Worker{bank, shops} {
		if err := w.Start(); err != nil {
			t.Fatal(err)
		}
		defer w.Stop()
	}

	load, stop := context.WithCancel(context.Background())
	defer stop()
	var acknowledged atomic.Int64
	var mu sync.Mutex
	orders := map[string]client.WorkflowRun{}
	var running sync.WaitGroup
	for i := range *loops {
		running.Go(func() {
			for n := 0; load.Err() == nil; n++ {
				order := fmt.Sprintf("%d-%d", i, n)
				run, err := c.ExecuteWorkflow(load, client.StartWorkflowOptions{ID: "shop-" + order, TaskQueue: shopQueue}, shop, order)
				if err != nil {
					continue
				}
				acknowledged.Add(1)
				mu.Lock()
				orders[order] = run
				mu.Unlock()
				_ = run.Get(load, nil)
			}
		})
	}
	for range *nexusKills {
		target := acknowledged.Load() + 2*int64(*loops)
		for deadline := time.Now().Add(patience); acknowledged.Load() < target; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("only %d workflows were acknowledged after %v, the test waits for %d", acknowledged.Load(), patience, target)
			}
		}
		time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
		server.kill()
		server.start()
	}
	stop()
	running.Wait()

	rest, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	again := 0
	for order, run := range orders {
		var result string
		if err := run.Get(rest, &result); err != nil || result != "quoted "+order+", booked "+order {
			t.Fatalf("order %s ended with %q, %v", order, result, err)
		}
		checkOperations(rest, t, c, order, run)
		if tills.asked[order] > 1 {
			again++
		}
	}
	t.Logf("%d workflows and their operations have ended after %d kills; %d handlers were called more than once", len(orders), *nexusKills, again)
}

// checkOperations checks that the workflow has heard once of each operation, and that one workflow was started for it.
func checkOperations(ctx context.Context, t *testing.T, c client.Client, order string, run client.WorkflowRun) {
	t.Helper()
	count := map[enumspb.EventType]int{}
	for it := c.GetWorkflowHistory(ctx, run.GetID(), run.GetRunID(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); it.HasNext(); {
		event, err := it.Next()
		if err != nil {
			t.Fatalf("history of %s: %v", run.GetID(), err)
		}
		count[event.EventType]++
	}
	for kind, want := range map[enumspb.EventType]int{
		enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED: 2, enumspb.EVENT_TYPE_NEXUS_OPERATION_STARTED: 1, enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED: 2,
		enumspb.EVENT_TYPE_NEXUS_OPERATION_FAILED: 0, enumspb.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT: 0,
	} {
		if count[kind] != want {
			t.Errorf("the history of %s has %d events %v, not %d", run.GetID(), count[kind], kind, want)
		}
	}
	described, err := c.DescribeWorkflowExecution(ctx, "account-"+order, "")
	if err != nil || described.GetWorkflowExecutionInfo().GetFirstRunId() != described.GetWorkflowExecutionInfo().GetExecution().GetRunId() ||
		described.GetWorkflowExecutionInfo().GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED {
		t.Errorf("the workflow of order %s is %v, %v", order, described.GetWorkflowExecutionInfo(), err)
	}
}
