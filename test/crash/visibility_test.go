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

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
)

var shortRuns = flag.Int("short-runs", 500, "how many short workflows are listed after kills")

// brief is a workflow that changes twice what lists show of it, and ends.
func brief(ctx workflow.Context, n int) error {
	if err := workflow.UpsertMemo(ctx, map[string]any{"n": n}); err != nil {
		return err
	}
	if err := workflow.Sleep(ctx, time.Millisecond); err != nil {
		return err
	}
	return workflow.UpsertMemo(ctx, map[string]any{"n": n + 1})
}

func TestAfterKillsEveryWorkflowIsListedAsItIs(t *testing.T) {
	server := newServer(t)
	server.start()
	connect := grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second,
		Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1, MaxDelay: 20 * time.Millisecond}})
	c, err := client.Dial(client.Options{HostPort: server.address, Logger: quiet{},
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{connect}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w := worker.New(c, "brief", worker.Options{WorkerStopTimeout: time.Second})
	w.RegisterWorkflow(brief)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()

	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	var started, next atomic.Int64
	var starters sync.WaitGroup
	for range *loops {
		starters.Go(func() {
			for n := next.Add(1); n <= int64(*shortRuns) && ctx.Err() == nil; n = next.Add(1) {
				id := fmt.Sprint("brief-", n)
				for ctx.Err() == nil {
					// A start that was not acknowledged is made again; the id is used once.
					if _, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: "brief"}, brief, int(n)); err == nil {
						break
					}
				}
				started.Add(1)
			}
		})
	}
	for share := int64(1); share <= 4; share++ {
		for started.Load() < int64(*shortRuns)*share/5 && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(time.Duration(rand.IntN(200)) * time.Millisecond)
		server.kill()
		server.start()
	}
	starters.Wait()
	for n := range *shortRuns {
		if err := c.GetWorkflow(ctx, fmt.Sprint("brief-", n+1), "").Get(ctx, nil); err != nil {
			t.Fatalf("brief-%d: %v", n+1, err)
		}
	}

	if running, err := c.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: "WorkflowType = 'brief' AND ExecutionStatus = 'Running'"}); err != nil || running.Count != 0 {
		t.Errorf("all have ended, and running are %v, %v", running, err)
	}
	listed := map[string]int{}
	request := &workflowservice.ListWorkflowExecutionsRequest{Query: "WorkflowType = 'brief'", PageSize: 100}
	for {
		page, err := c.ListWorkflow(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Executions {
			listed[e.Execution.WorkflowId]++
			var n int
			if _, err := fmt.Sscanf(e.Execution.WorkflowId, "brief-%d", &n); err != nil {
				t.Fatal(err)
			}
			if want := fmt.Sprint(n + 1); e.Status != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED || e.CloseTime == nil || string(e.Memo.Fields["n"].Data) != want {
				t.Errorf("listed is %v with the memo %s, want %s", e.Status, e.Memo.Fields["n"].Data, want)
			}
		}
		if request.NextPageToken = page.NextPageToken; request.NextPageToken == nil {
			break
		}
	}
	for n := range *shortRuns {
		if id := fmt.Sprint("brief-", n+1); listed[id] != 1 {
			t.Errorf("%s is listed %d times", id, listed[id])
		}
	}
}
