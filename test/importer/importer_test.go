// Package importer moves running workflows from one server to another while they work, and
// checks that each of them ends there as it would have ended, once.
package importer

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"github.com/perdure/perdure/test/launch"
)

var (
	count      = flag.Int("workflows", 30, "how many workflows to move")
	kills      = flag.Int("kills", 2, "how often to kill the import")
	peerBinary = flag.String("peer-binary", "", "a Temporal server's binary, as test/peer builds it; without it the workflows come from another Perdure")
)

// patience bounds how long a wait may see nothing happen, and every single call.
const patience = 90 * time.Second

// ample is a timeout that is not to be reached, however many workflows there are.
const ample = time.Hour

const queue = "move"

// place is where something has run.
type place string

// tally counts what activities have done, and where.
type tally struct {
	mu    sync.Mutex
	ready map[string]bool
	done  map[string]int
	once  map[string]int
}

// Ready says that a workflow is where it waits.
func (t *tally) Ready(_ context.Context, id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ready[id] = true
	return nil
}

// Done is the last thing that a workflow does.
func (t *tally) Done(_ context.Context, id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.done[id]++
	return nil
}

// Once may be tried once only.
func (t *tally) Once(_ context.Context, id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.once[id]++
	return nil
}

// under is how many workflows are where they wait, and ended how many have ended.
func (t *tally) under() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.ready)
}

func (t *tally) ended() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.done)
}

func (t *tally) timesDone(id string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.done[id]
}

func (t *tally) timesOnce(id string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.once[id]
}

// hands are the activities of one server's worker.
type hands struct {
	*tally
	place place
}

// Slow does not end where it is begun: it leaves a heartbeat, and ends where it finds one.
func (h *hands) Slow(ctx context.Context, id string) (string, error) {
	if activity.HasHeartbeatDetails(ctx) && h.place == "here" {
		var half string
		err := activity.GetHeartbeatDetails(ctx, &half)
		return half + ", " + string(h.place), err
	}
	activity.RecordHeartbeat(ctx, "half of "+id)
	_ = h.Ready(ctx, id)
	<-ctx.Done()
	return "", ctx.Err()
}

func (h *hands) Tick(_ context.Context, n int) (int, error) { return n, nil }

var short = workflow.ActivityOptions{StartToCloseTimeout: 30 * time.Second, RetryPolicy: &temporal.RetryPolicy{InitialInterval: 10 * time.Millisecond}}

// move is the workflow that is moved. What it does until it is told to finish is by its kind.
func move(ctx workflow.Context, id string, kind int) (result string, err error) {
	quick := workflow.WithActivityOptions(ctx, short)
	ready := func() error { return workflow.ExecuteActivity(quick, "Ready", id).Get(ctx, nil) }
	finish := workflow.GetSignalChannel(ctx, "finish")
	switch kind {
	case 0: // an activity is with a worker
		slow := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: ample, HeartbeatTimeout: ample})
		err = workflow.ExecuteActivity(slow, "Slow", id).Get(ctx, &result)
	case 1: // a timer runs
		if err = ready(); err == nil {
			begun := workflow.Now(ctx)
			err = workflow.Sleep(ctx, 5*time.Second)
			result = fmt.Sprint(workflow.Now(ctx).Sub(begun) >= 5*time.Second)
		}
	case 2: // a child works
		child := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{WorkflowID: id + "-child"})
		err = workflow.ExecuteChildWorkflow(child, move, id+"-child", 3).Get(ctx, &result)
	case 3: // a signal has come, another is to come
		if err = ready(); err == nil {
			workflow.GetSignalChannel(ctx, "early").Receive(ctx, &result)
		}
	case 4: // it works all the time
		sum := 0
		for n := range 40 {
			var ticked int
			if err = workflow.ExecuteActivity(quick, "Tick", n).Get(ctx, &ticked); err != nil {
				return "", err
			}
			sum += ticked
			if n == 3 {
				if err = ready(); err != nil {
					return "", err
				}
			}
			if err = workflow.Sleep(ctx, 100*time.Millisecond); err != nil {
				return "", err
			}
		}
		result = fmt.Sprint(sum)
	case 5: // an activity waits that may be tried once, and the server there has nobody for it
		if err = ready(); err == nil {
			once := workflow.WithActivityOptions(ctx, workflow.ActivityOptions{
				TaskQueue: queue + "-once", ScheduleToCloseTimeout: ample, StartToCloseTimeout: ample, RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}})
			err = workflow.ExecuteActivity(once, "Once", id).Get(ctx, nil)
			result = "once"
		}
	}
	if err != nil {
		return "", err
	}
	finish.Receive(ctx, nil)
	return result, workflow.ExecuteActivity(quick, "Done", id).Get(ctx, nil)
}

const kinds = 6

// wanted is the result of a workflow.
func wanted(id string, kind int) string {
	return []string{"half of " + id + ", here", "true", "early " + id + "-child", "early " + id, "780", "once"}[kind]
}

func connect(t *testing.T, address string) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: address, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func work(t *testing.T, c client.Client, h *hands, queue string) {
	t.Helper()
	w := worker.New(c, queue, worker.Options{WorkerStopTimeout: time.Second})
	w.RegisterWorkflow(move)
	w.RegisterActivity(h)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
}

// await waits until so many have got there. It gives up when there is no more of them for a while.
func await(t *testing.T, what string, got func() int, want int) {
	t.Helper()
	last, deadline := got(), time.Now().Add(patience)
	for ; last < want; time.Sleep(20 * time.Millisecond) {
		if now := got(); now != last {
			last, deadline = now, time.Now().Add(patience)
		} else if time.Now().After(deadline) {
			t.Fatalf("%s: %d of %d, and no more for %v", what, last, want, patience)
		}
	}
}

func TestWorkflowsThatRunOnAnotherServerGoOnHere(t *testing.T) {
	binary, err := launch.Build(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	here, err := launch.Start(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(here.Stop)
	var there *launch.Server
	if *peerBinary == "" {
		there, err = launch.Start(binary)
	} else {
		path, pathErr := filepath.Abs(*peerBinary)
		if pathErr != nil {
			t.Fatal(pathErr)
		}
		there, err = launch.StartPeer(path)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(there.Stop)

	tally := &tally{ready: map[string]bool{}, done: map[string]int{}, once: map[string]int{}}
	from, to := connect(t, there.Address), connect(t, here.Address)
	work(t, from, &hands{tally, "there"}, queue)
	work(t, to, &hands{tally, "here"}, queue)
	work(t, to, &hands{tally, "here"}, queue+"-once")

	runs := start(t, from, *count)
	await(t, "workflows are under way", tally.under, *count)

	report := importAll(t, binary, there.Address, here.Address)
	children := (*count + kinds - 3) / kinds
	if report.Left != 0 || report.Imported+report.before == 0 {
		t.Fatalf("the last import: %+v", report)
	}
	t.Logf("%d workflows and %d children moved in %v after %d kills", len(runs), children, report.took, *kills)
	inTurn(len(runs), func(i int) {
		finish(t, to, id(i), runs[i])
		if i%kinds == 2 {
			finish(t, to, id(i)+"-child", "")
		}
	})
	await(t, "workflows and children have ended", tally.ended, *count+children)
	inTurn(len(runs), func(i int) {
		run := runs[i]
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		var result string
		if err := to.GetWorkflow(ctx, id(i), run).Get(ctx, &result); err != nil || result != wanted(id(i), i%kinds) {
			t.Errorf("%s of kind %d: %q, %v; want %q", id(i), i%kinds, result, err, wanted(id(i), i%kinds))
		}
		d, err := from.DescribeWorkflowExecution(ctx, id(i), run)
		if status := d.GetWorkflowExecutionInfo().GetStatus(); err != nil || status != enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED {
			t.Errorf("%s is %v there: %v", id(i), status, err)
		}
		if n := tally.timesDone(id(i)); n != 1 {
			t.Errorf("%s has ended %d times", id(i), n)
		}
		if n := tally.timesOnce(id(i)); i%kinds == 5 && n != 1 {
			t.Errorf("the activity of %s that may run once ran %d times", id(i), n)
		}
	})
}

// inTurn does something for each of n, some at a time.
func inTurn(n int, do func(i int)) {
	var doing sync.WaitGroup
	next := make(chan int)
	for range 8 {
		doing.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	doing.Wait()
}

func id(i int) string { return fmt.Sprintf("move-%d", i) }

// start starts the workflows and returns their run ids.
func start(t *testing.T, c client.Client, n int) []string {
	t.Helper()
	runs := make([]string, n)
	inTurn(n, func(i int) {
		run, err := c.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: id(i), TaskQueue: queue}, move, id(i), i%kinds)
		if err != nil {
			t.Error(err)
			return
		}
		runs[i] = run.GetRunID()
		if i%kinds == 3 {
			if err := c.SignalWorkflow(context.Background(), id(i), "", "early", "early "+id(i)); err != nil {
				t.Error(err)
			}
		}
	})
	if t.Failed() {
		t.FailNow()
	}
	return runs
}

// finish tells a workflow to finish. A child gets its other signal first.
func finish(t *testing.T, c client.Client, id, run string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if run == "" {
		if err := c.SignalWorkflow(ctx, id, "", "early", "early "+id); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	if err := c.SignalWorkflow(ctx, id, run, "finish", nil); err != nil {
		t.Errorf("%s: %v", id, err)
	}
}

type report struct {
	Imported    int
	Left        int `json:"leftThere"`
	ClosedThere int
	Runs        []struct{ WorkflowID, RunID, Outcome, Reason string }
	before      int
	took        time.Duration
}

// importAll imports all workflows, by a command that is killed again and again.
func importAll(t *testing.T, binary, from, to string) (r report) {
	t.Helper()
	command := func(ctx context.Context) *exec.Cmd {
		return exec.CommandContext(ctx, binary, "admin", "import", "--from", from, "--address", to, "-o", "json")
	}
	begun := time.Now()
	for range *kills {
		ctx, cancel := context.WithTimeout(context.Background(), time.Duration(50+rand.IntN(1000))*time.Millisecond)
		if err := command(ctx).Run(); err == nil {
			r.before++ // it was faster
		}
		cancel()
	}
	cmd := command(context.Background())
	out, err := cmd.Output()
	if err != nil {
		var exit *exec.ExitError
		errors.As(err, &exit)
		t.Fatalf("import: %v\n%s%s", err, out, exit.Stderr)
	}
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatalf("import printed %q: %v", out, err)
	}
	for _, run := range r.Runs {
		if run.Reason != "" {
			t.Logf("%s is %s: %s", run.WorkflowID, run.Outcome, run.Reason)
		}
	}
	r.took = time.Since(begun)
	return r
}

// quiet drops what the SDK logs.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
