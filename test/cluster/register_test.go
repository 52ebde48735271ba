//go:build linux

package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// registers are workflow ids on which calls are made at the same time through all nodes, each of which is noted with
// its answer. Whatever goes wrong, the answers must be those of one server that carries out one call after the other
// (registerModel).
type registers struct {
	t       *testing.T
	clients []workflowservice.WorkflowServiceClient // of each node
	began   time.Time
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	history []porcupine.Operation
	calls   map[string]int // by id
}

const (
	registerQueue = "registers"
	// callersPerNode make calls through a node, one after the other.
	callersPerNode = 2
	// callsPerRegister is about how many calls are made on an id, so that the histories are short.
	callsPerRegister = 60
	// callerRest is how long a caller rests between its calls.
	callerRest = 50 * time.Millisecond
	// callPatience is how long a call may take. It is unknown then what has become of it.
	callPatience = 5 * time.Second
)

// adder counts the signals and the updates that it gets. An update returns how many there were.
func adder(ctx workflow.Context) error {
	value, signals := 0, workflow.GetSignalChannel(ctx, "add")
	if err := workflow.SetUpdateHandler(ctx, "add", func(workflow.Context) (int, error) {
		for signals.ReceiveAsync(nil) {
			value++
		}
		value++
		return value, nil
	}); err != nil {
		return err
	}
	return workflow.Await(ctx, func() bool { return false })
}

func startRegisters(t *testing.T, c client.Client, clients []workflowservice.WorkflowServiceClient, seed uint64) *registers {
	t.Helper()
	w := worker.New(c, registerQueue, worker.Options{WorkerStopTimeout: time.Second})
	w.RegisterWorkflowWithOptions(adder, workflow.RegisterOptions{Name: "adder"})
	if err := w.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	r := &registers{t: t, clients: clients, began: time.Now(), calls: map[string]int{}}
	ctx, stop := context.WithCancel(context.Background())
	r.stop = stop
	t.Cleanup(stop)
	for i := range callersPerNode * len(clients) {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		r.running.Go(func() { r.caller(ctx, i, random) })
	}
	return r
}

// caller makes calls until the context ends.
func (r *registers) caller(ctx context.Context, number int, random *rand.Rand) {
	// Some calls, in the proportion in which they are made.
	mix := []method{start, start, signalWithStart, signalWithStart, terminate, describe, describe, describe, update, update, update}
	for round := 0; ctx.Err() == nil; time.Sleep(callerRest) {
		id := fmt.Sprint("register-", round)
		r.mu.Lock()
		full := r.calls[id] >= callsPerRegister
		r.calls[id]++
		r.mu.Unlock()
		if full {
			round++
			continue
		}
		op := porcupine.Operation{ClientId: number, Input: request{mix[random.IntN(len(mix))], id}, Call: int64(time.Since(r.began))}
		a := r.call(ctx, r.clients[number%len(r.clients)], op.Input.(request))
		if op.Return = int64(time.Since(r.began)); a.unknown {
			op.Return = 1 << 62
			round++ // too many of them are too many possibilities
		}
		op.Output = a
		r.mu.Lock()
		r.history = append(r.history, op)
		r.mu.Unlock()
	}
}

// call makes one call, once.
func (r *registers) call(ctx context.Context, c workflowservice.WorkflowServiceClient, q request) (a reply) {
	ctx, cancel := context.WithTimeout(ctx, callPatience)
	defer cancel()
	execution := &commonpb.WorkflowExecution{WorkflowId: q.id}
	kind, tasks, request := &commonpb.WorkflowType{Name: "adder"}, &taskqueuepb.TaskQueue{Name: registerQueue}, uuid.NewString()
	var err error
	switch a.done = true; q.method {
	case start:
		var resp *workflowservice.StartWorkflowExecutionResponse
		resp, err = c.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{Namespace: "default", WorkflowId: q.id, WorkflowType: kind,
			TaskQueue: tasks, RequestId: request})
		a.run = resp.GetRunId()
		if already, is := serviceerror.FromStatus(status.Convert(err)).(*serviceerror.WorkflowExecutionAlreadyStarted); is {
			return reply{run: already.RunId}
		}
	case signalWithStart:
		var resp *workflowservice.SignalWithStartWorkflowExecutionResponse
		resp, err = c.SignalWithStartWorkflowExecution(ctx, &workflowservice.SignalWithStartWorkflowExecutionRequest{Namespace: "default", WorkflowId: q.id,
			WorkflowType: kind, TaskQueue: tasks, RequestId: request, SignalName: "add"})
		a.run, a.running = resp.GetRunId(), !resp.GetStarted()
	case terminate:
		_, err = c.TerminateWorkflowExecution(ctx, &workflowservice.TerminateWorkflowExecutionRequest{Namespace: "default", WorkflowExecution: execution})
	case describe:
		var resp *workflowservice.DescribeWorkflowExecutionResponse
		resp, err = c.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{Namespace: "default", Execution: execution})
		info := resp.GetWorkflowExecutionInfo()
		a.run, a.running = info.GetExecution().GetRunId(), info.GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	case update:
		var resp *workflowservice.UpdateWorkflowExecutionResponse
		resp, err = c.UpdateWorkflowExecution(ctx, &workflowservice.UpdateWorkflowExecutionRequest{Namespace: "default", WorkflowExecution: execution,
			WaitPolicy: &updatepb.WaitPolicy{LifecycleStage: enumspb.UPDATE_WORKFLOW_EXECUTION_LIFECYCLE_STAGE_COMPLETED},
			Request:    &updatepb.Request{Meta: &updatepb.Meta{UpdateId: request}, Input: &updatepb.Input{Name: "add"}}})
		a.run = resp.GetUpdateRef().GetWorkflowExecution().GetRunId()
		if err == nil && converter.GetDefaultDataConverter().FromPayloads(resp.GetOutcome().GetSuccess(), &a.value) != nil || a.value == 0 && err == nil {
			return reply{unknown: true} // not completed in time, or the workflow has ended meanwhile
		}
	}
	switch {
	case err == nil:
		return a
	case status.Code(err) == codes.NotFound && q.method != start && q.method != signalWithStart:
		return reply{}
	}
	return reply{unknown: true}
}

// end stops the calls and checks their answers.
func (r *registers) end() {
	r.t.Helper()
	r.stop()
	r.running.Wait()
	unknown, ids := 0, registerModel.Partition(r.history)
	for _, history := range ids {
		for _, op := range history {
			if op.Output.(reply).unknown {
				unknown++
			}
		}
		if result := porcupine.CheckOperationsTimeout(registerModel, history, 20*time.Second); result != porcupine.Ok {
			slices.SortFunc(history, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
			var lines strings.Builder
			for _, op := range history {
				fmt.Fprintf(&lines, "%v to %v, caller %d, %s\n", time.Duration(op.Call), time.Duration(op.Return), op.ClientId, registerModel.DescribeOperation(op.Input, op.Output))
			}
			r.t.Errorf("the answers to calls on %s are not those of one server (%s):\n%s", history[0].Input.(request).id, result, &lines)
		}
	}
	if len(r.history) < 10 {
		r.t.Errorf("%d calls were made: the test has tested nothing", len(r.history))
	}
	r.t.Logf("%d calls on %d ids, %d of them without an answer, were answered as by one server", len(r.history), len(ids), unknown)
}
