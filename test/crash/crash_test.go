// Package crash kills the real server under load, again and again, and checks
// that nothing it acknowledged is lost and nothing happens twice that must
// happen once.
package crash

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"

	"github.com/perdure/perdure/test/order"
)

var (
	kills   = flag.Int("kills", 20, "how often to kill the server")
	seed    = flag.Uint64("seed", 0, "seed of the moments of the kills; 0: a random one, which is printed")
	loops   = flag.Int("loops", 16, "how many workflows run at a time")
	perdure = flag.String("perdure", "", "binary of the server; empty: it is built")
)

// patience bounds the wait for what is left after the last kill.
const patience = 2 * time.Minute

func TestAKilledServerLosesNothingItAcknowledged(t *testing.T) {
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	t.Logf("seed %d, %d kills", *seed, *kills)
	random := rand.New(rand.NewPCG(*seed, 1))

	server := newServer(t)
	server.start()
	// gRPC's own pauses between two tries to connect grow far longer than the
	// server lives here.
	connect := grpc.WithConnectParams(grpc.ConnectParams{MinConnectTimeout: time.Second,
		Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1, MaxDelay: 20 * time.Millisecond}})
	c, err := client.Dial(client.Options{HostPort: server.address, Logger: quiet{},
		ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{connect}}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()

	book, scales, bell := &order.Book{ActivityTimeout: 2 * time.Second}, &scales{ready: map[string]bool{}}, newBell(t)
	w := worker.New(c, "crash", worker.Options{WorkerStopTimeout: time.Second})
	book.Register(w)
	w.RegisterWorkflow(parcel)
	w.RegisterActivity(scales)
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	defer w.Stop()

	load, stop := context.WithCancel(context.Background())
	defer stop()
	var acknowledged acknowledged
	var running sync.WaitGroup
	for i := range *loops {
		running.Go(func() {
			for n := 0; load.Err() == nil; n++ {
				place(load, t, c, fmt.Sprintf("order-%d-%d", i, n), &acknowledged, scales, bell)
			}
		})
	}
	for kill := range *kills {
		// The moment is random, but not before the server has work again.
		acknowledged.await(t, acknowledged.count()+(*loops)/2)
		time.Sleep(time.Duration(random.IntN(300)) * time.Millisecond)
		server.kill()
		server.start()
		if kill%10 == 9 {
			t.Logf("%d kills, %d workflows acknowledged", kill+1, acknowledged.count())
		}
	}
	stop()
	running.Wait()

	orders := acknowledged.all()
	if len(orders) == 0 {
		t.Fatal("no workflow was acknowledged: the test has tested nothing")
	}
	rest, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, o := range orders {
		o.check(rest, t, c)
		o.checkParcel(rest, t, c, scales)
		if o.attached {
			bell.await(rest, t, o.id)
		}
	}
	if t.Failed() {
		return
	}
	server.kill()
	if out, err := server.command("admin", "verify", "--data-dir", server.dataDir); err != nil {
		t.Errorf("the data after the kills: %v\n%s", err, out)
	}
	resets, pauses, attached, parcels := 0, 0, 0, 0
	charged := book.Charged()
	for _, o := range orders {
		if o.paused {
			pauses++
		}
		if o.attached {
			attached++
		}
		if o.parcelPaused {
			parcels++
		}
		once := 1
		if o.resets {
			once++ // in the new run
			resets++
		}
		if n := charged[o.id]; n > once {
			t.Errorf("the activity of %s, which may run once in a run, ran %d times", o.id, n)
		}
	}
	if len(orders) > 50 && (pauses == 0 || attached == 0 || resets == 0 || parcels == 0) {
		t.Errorf("of %d workflows %d were paused, %d started twice and %d reset, and %d had an activity that was paused: something is not tested",
			len(orders), pauses, attached, resets, parcels)
	}
	t.Logf("%d workflows complete and whole after %d kills, %d of them reset, %d paused, %d started twice and called back; %d activities were paused, %d ran at most once",
		len(orders), *kills, resets, pauses, attached, parcels, len(charged))
}

// acknowledged collects the workflows whose start the server has acknowledged.
type acknowledged struct {
	mu     sync.Mutex
	orders []*placed
}

type placed struct {
	id, runID string
	confirmed bool
	// noted: an update was acknowledged. resets: a reset was asked for, and resetTo is the
	// run that it has made, if that was acknowledged.
	noted, resets bool
	resetTo       string
	// paused: a pause was acknowledged. unpausing: its end was asked for, so it may have
	// ended.
	paused, unpausing bool
	// attached: a start that found the workflow running was acknowledged, and its request id
	// with it.
	attached bool
	// parcelSent: the start of its parcel was acknowledged. parcelPaused: so was the pause of the
	// parcel's activity. parcelGoesOn: the end of that pause was asked for.
	parcelSent, parcelPaused, parcelGoesOn bool
}

func (a *acknowledged) add(o *placed) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.orders = append(a.orders, o)
}

func (a *acknowledged) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.orders)
}

// await waits until n workflows are acknowledged.
func (a *acknowledged) await(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(patience); a.count() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("only %d workflows were acknowledged after %v, the test waits for %d", a.count(), patience, n)
		}
	}
}

func (a *acknowledged) all() []*placed { return a.orders }

// place starts an order, updates it, resets some, confirms it, and waits for its
// result, as far as the server lets it.
func place(ctx context.Context, t *testing.T, c client.Client, id string, acknowledged *acknowledged, scales *scales, bell *bell) {
	run, err := c.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: "crash"}, order.Workflow, id)
	if err != nil {
		return // not acknowledged: it may exist or not
	}
	o := &placed{id: id, runID: run.GetRunID()}
	acknowledged.add(o)
	note, err := c.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{WorkflowID: id, UpdateID: "note", UpdateName: "note",
		Args: []any{id}, WaitForStage: client.WorkflowUpdateStageCompleted})
	if err != nil {
		return
	}
	o.noted = note.Get(ctx, nil) == nil
	if o.noted && rand.IntN(3) == 0 {
		o.resets = true
		// The first workflow task ends with event 4, well or badly.
		reset, err := c.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
			Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: o.runID},
			WorkflowTaskFinishEventId: 4, RequestId: id, Reason: "crash test",
		})
		if err != nil {
			return
		}
		o.resetTo = reset.RunId
	}
	if !o.resets && rand.IntN(3) == 0 && !o.interfere(ctx, c, bell) {
		return
	}
	if rand.IntN(4) == 0 {
		o.sendParcel(ctx, t, c, scales)
	}
	if err := c.SignalWorkflow(ctx, id, "", "confirm", "yes"); err != nil {
		return
	}
	o.confirmed = true
	_ = c.GetWorkflow(ctx, id, "").Get(ctx, nil) // check reports on it
}

// attachedID is the request id of the second start of the order.
func (o *placed) attachedID() string { return o.id + "-again" }

// interfere starts the order once more, with a callback for its end, pauses it and has it go on. It reports whether all
// of that was acknowledged.
func (o *placed) interfere(ctx context.Context, c client.Client, bell *bell) bool {
	service := c.WorkflowService()
	_, err := service.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{
		Namespace: "default", WorkflowId: o.id, WorkflowType: &commonpb.WorkflowType{Name: order.Workflow}, TaskQueue: &taskqueuepb.TaskQueue{Name: "crash"},
		RequestId: o.attachedID(), WorkflowIdConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		OnConflictOptions:   &workflowpb.OnConflictOptions{AttachRequestId: true, AttachCompletionCallbacks: true},
		CompletionCallbacks: []*commonpb.Callback{bell.callback(o.id)},
	})
	if err != nil {
		return false
	}
	o.attached = true
	if _, err := service.PauseWorkflowExecution(ctx, &workflowservice.PauseWorkflowExecutionRequest{
		Namespace: "default", WorkflowId: o.id, Identity: "crash", Reason: "crash test", RequestId: o.id + "-pause"}); err != nil {
		return false
	}
	o.paused = true
	time.Sleep(time.Duration(rand.IntN(50)) * time.Millisecond) // so that a kill may find it paused
	o.unpausing = true
	return o.unpause(ctx, c) == nil
}

func (o *placed) unpause(ctx context.Context, c client.Client) error {
	_, err := c.WorkflowService().UnpauseWorkflowExecution(ctx, &workflowservice.UnpauseWorkflowExecutionRequest{
		Namespace: "default", WorkflowId: o.id, Identity: "crash", RequestId: o.id + "-unpause"})
	return err
}

// checkInterference checks that what interfere was told has happened is true, and has a
// workflow that is paused go on.
func (o *placed) checkInterference(ctx context.Context, t *testing.T, c client.Client) {
	d, err := c.DescribeWorkflowExecution(ctx, o.id, o.runID)
	if err != nil {
		t.Errorf("%s was acknowledged and is not there: %v", o.id, err)
		return
	}
	if _, known := d.GetWorkflowExtendedInfo().GetRequestIdInfos()[o.attachedID()]; o.attached && !known {
		t.Errorf("%s does not know the second start, which was acknowledged", o.id)
	}
	paused := d.GetWorkflowExecutionInfo().GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_PAUSED
	if o.paused && !o.unpausing && !paused {
		t.Errorf("%s is not paused, though the pause was acknowledged", o.id)
	}
	if paused {
		if err := o.unpause(ctx, c); err != nil {
			t.Errorf("%s is paused and cannot be unpaused: %v", o.id, err)
		}
	}
}

// check waits for the order's result and looks at its history.
func (o *placed) check(ctx context.Context, t *testing.T, c client.Client) {
	last := o.lastRun(ctx, t, c)
	o.checkInterference(ctx, t, c)
	if !o.confirmed {
		// The signal was not acknowledged; it may have arrived all the same.
		_ = c.SignalWorkflow(ctx, o.id, last, "confirm", "yes")
	}
	var result string
	if err := c.GetWorkflow(ctx, o.id, last).Get(ctx, &result); err != nil {
		t.Errorf("%s was acknowledged and did not complete: %v", o.id, err)
		return
	}
	if want := fmt.Sprintf("%d yes shipped %s", len(o.id), o.id); result != want {
		t.Errorf("%s: result %q, want %q", o.id, result, want)
	}
	if o.noted {
		var noted string
		err := c.GetWorkflowUpdateHandle(client.GetWorkflowUpdateHandleOptions{WorkflowID: o.id, RunID: last, UpdateID: "note"}).Get(ctx, &noted)
		if err != nil || noted != "noted "+o.id {
			t.Errorf("%s: the update that was acknowledged has the outcome %q, %v", o.id, noted, err)
		}
	}
	checkHistory(ctx, t, c, o.id, last, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED)
	if last != o.runID {
		checkHistory(ctx, t, c, o.id, o.runID, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED)
	}
	checkHistory(ctx, t, c, o.id+order.Shipment, "", enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED)
}

// lastRun is the run that the reset has made, if there was one, or the first.
func (o *placed) lastRun(ctx context.Context, t *testing.T, c client.Client) string {
	d, err := c.DescribeWorkflowExecution(ctx, o.id, o.runID)
	if err != nil {
		t.Errorf("%s was acknowledged and is not there: %v", o.id, err)
		return o.runID
	}
	made := d.GetWorkflowExtendedInfo().GetResetRunId()
	if o.resetTo != "" && made != o.resetTo || made != "" && !o.resets {
		t.Errorf("%s was reset to %q, acknowledged was %q", o.id, made, o.resetTo)
	}
	return cmp.Or(made, o.runID)
}

// checkHistory checks that the event ids have no gap and that exactly one event, the
// last, closes the run, in the way given.
func checkHistory(ctx context.Context, t *testing.T, c client.Client, id, runID string, end enumspb.EventType) {
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
		if event.EventType == end {
			closed++
		}
	}
	if closed != 1 {
		t.Errorf("history of %s has %d close events", id, closed)
	}
}

// server is the real binary on a fixed port and data directory.
type server struct {
	t       *testing.T
	binary  string
	dataDir string
	address string
	cmd     *exec.Cmd
}

func newServer(t *testing.T) *server {
	dir := t.TempDir()
	binary := *perdure
	if binary == "" {
		binary = buildServer(t, dir)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s := &server{t: t, binary: binary, dataDir: filepath.Join(dir, "data"), address: listener.Addr().String()}
	t.Cleanup(func() { s.kill() })
	return s
}

// buildServer builds the binary in a directory.
func buildServer(t *testing.T, dir string) string {
	binary := filepath.Join(dir, "perdure")
	build := exec.Command("go", "build", "-o", binary, "./cmd/perdure")
	build.Dir = "../.."
	build.Env = append(os.Environ(), "GOWORK=")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build perdure: %v\n%s", err, out)
	}
	return binary
}

// start starts the server and waits until it says that it listens.
func (s *server) start() {
	s.t.Helper()
	_, port, _ := net.SplitHostPort(s.address)
	s.cmd = exec.Command(s.binary, "server", "start", "--data-dir", s.dataDir, "--port", port, "--output", "json",
		"--dynamic-config-value", "frontend.WorkflowPauseEnabled=true",
		"--dynamic-config-value", `callback.allowedAddresses=[{"Pattern":"*","AllowInsecure":true}]`)
	s.cmd.Stderr = os.Stderr
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	var banner struct{ Address string }
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if json.Unmarshal(lines.Bytes(), &banner) == nil && banner.Address != "" {
			return
		}
	}
	s.t.Fatal("the server did not come up")
}

func (s *server) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// quiet drops what the SDK logs: it has a lot to say about killed servers.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}
