package server_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
	"github.com/perdure/perdure/internal/storage/pebble"
)

// TestABatchOperationDoesNothingTwiceAndLosesNothingWhenTheServerCrashes lets a server crash
// while batch operations are under way: at a random time, with what was not synced lost. Each
// of them signals all workflows, by a name of its own, some by the query and some by names
// alone; in the end each workflow has exactly one signal of each.
func TestABatchOperationDoesNothingTwiceAndLosesNothingWhenTheServerCrashes(t *testing.T) {
	crashes := 100
	if testing.Short() {
		crashes = 15
	}
	const workflows = 40
	random := rand.New(rand.NewPCG(1, 2))
	disk := vfs.NewCrashableMem()
	jobs, interrupted := 0, 0
	run := func(fn func(*bench)) *vfs.MemFS {
		store, err := pebble.Open("data", pebble.Options{FS: disk})
		if err != nil {
			t.Fatal(err)
		}
		b := start(t, server.Options{Store: store, Logger: slog.New(slog.DiscardHandler), DynamicConfig: []dynamicconfig.Override{
			{Key: "worker.batcherRPS", Value: "3000"}, {Key: "history.maximumSignalsPerExecution", Value: "0"}}})
		fn(b)
		crashed := disk.CrashClone(vfs.CrashCloneCfg{})
		if err := b.server.Stop(b.ctx()); err != nil {
			t.Fatal(err)
		}
		return crashed
	}
	job := func() string { return fmt.Sprint("job-", jobs) }
	// next starts the next operation if the last one has ended, and ended well.
	next := func(b *bench) {
		if jobs > 0 {
			switch resp := b.describeBatch(job()); {
			case resp.State == enumspb.BATCH_OPERATION_STATE_RUNNING:
				interrupted++
				return
			case resp.TotalOperationCount != workflows || resp.CompleteOperationCount != workflows || resp.FailureOperationCount != 0:
				t.Fatalf("%s: %v", job(), resp)
			}
		}
		jobs++
		req := &batchRequest{VisibilityQuery: "WorkflowType = 'order'", Operation: signalAll(job())}
		if jobs%2 == 0 {
			req.VisibilityQuery = ""
			for i := range workflows {
				//lint:ignore SA1019 clients still use it
				req.Executions = append(req.Executions, execution(fmt.Sprint(i)))
			}
		}
		if err := b.startBatch(job(), req); err != nil {
			t.Fatal(err)
		}
	}
	disk = run(func(b *bench) {
		for i := range workflows {
			b.startWorkflow(fmt.Sprint(i))
		}
	})
	for range crashes {
		disk = run(func(b *bench) {
			next(b)
			far := b.describeBatch(job()).CompleteOperationCount + int64(random.IntN(workflows/2))
			b.awaitBatch(job(), func(resp *workflowservice.DescribeBatchOperationResponse) bool {
				return closedBatch(resp) || resp.CompleteOperationCount >= far
			})
			time.Sleep(time.Duration(random.IntN(int(time.Millisecond)))) // the crash comes whenever it comes
		})
	}
	if interrupted < crashes/4 {
		t.Errorf("only %d of %d crashes interrupted an operation", interrupted, crashes)
	}
	run(func(b *bench) {
		b.awaitBatch(job(), closedBatch)
		for i := range workflows {
			signals := make(map[string]int)
			for _, e := range b.history(fmt.Sprint(i)) {
				if s := e.GetWorkflowExecutionSignaledEventAttributes(); s != nil {
					signals[s.SignalName]++
				}
			}
			for n := 1; n <= jobs; n++ {
				if got := signals[fmt.Sprint("job-", n)]; got != 1 {
					t.Errorf("workflow %d has %d signals of operation %d, want 1", i, got, n)
				}
			}
		}
	})
	t.Logf("%d operations, %d times interrupted", jobs, interrupted)
}
