package nexusoperation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runchain"
)

// engine runs one operation by hand, as the runtime does. After every step it checks that what would be loaded is what
// is in memory.
type engine struct {
	t       *testing.T
	now     time.Time
	ids     int64
	chain   *Chain
	records map[string][]byte
	tasks   map[int64]*entity.Task
	timers  map[string]time.Time
}

var testKey = entity.Key{Kind: entity.KindNexusOperation, Namespace: "namespace-id", ID: "op"}

func newEngine(t *testing.T) *engine {
	e := &engine{t: t, now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), records: map[string][]byte{}, tasks: map[int64]*entity.Task{}, timers: map[string]time.Time{}}
	e.chain = e.load()
	return e
}

func (e *engine) NewID() string         { e.ids++; return fmt.Sprintf("00000000-0000-0000-0000-%012d", e.ids) }
func (e *engine) NextTaskID() int64     { e.ids++; return e.ids }
func (e *engine) Reader() entity.Reader { return e }
func (e *engine) Indexed() bool         { return true }
func (e *engine) Now() time.Time        { return e.now }

func (e *engine) Get(record []byte) ([]byte, error) { return e.records[string(record)], nil }

func (e *engine) Scan(prefix, from []byte, _ bool, visit func(record, value []byte) bool) error {
	for _, key := range slices.Sorted(maps.Keys(e.records)) {
		if strings.HasPrefix(key, string(prefix)) && key >= string(from) && !visit([]byte(key), e.records[key]) {
			break
		}
	}
	return nil
}

func (e *engine) machine() *machine {
	return NewMachine(Config{Namespace: func(string) (Namespace, bool) { return Namespace{Name: "space", Retention: time.Hour}, true }}).(*machine)
}

func (e *engine) load() *Chain {
	e.t.Helper()
	loaded, err := e.machine().Load(context.Background(), e, testKey)
	if err != nil {
		e.t.Fatal(err)
	}
	return loaded.(*Chain)
}

// crash ends the process and starts it again.
func (e *engine) crash() { e.chain = e.load() }

func (e *engine) step(fn func(*entity.Step) error) error {
	e.t.Helper()
	step := entity.NewStep(e.now, e)
	if err := fn(step); err != nil {
		return err
	}
	if err := e.chain.EndStep(step); err != nil {
		e.t.Fatal(err)
	}
	out := step.Outputs()
	for _, record := range out.Records {
		if record.Value == nil {
			delete(e.records, string(record.Key))
		} else {
			e.records[string(record.Key)] = bytes.Clone(record.Value)
		}
	}
	for _, timer := range out.Timers {
		if timer.Clear {
			delete(e.timers, string(timer.Name))
		} else {
			e.timers[string(timer.Name)] = timer.At
		}
	}
	for _, task := range out.Tasks {
		e.tasks[task.ID] = task
	}
	for _, ref := range out.Removed {
		delete(e.tasks, ref.ID)
	}
	if problems := e.machine().Verify(context.Background(), e, testKey); len(problems) > 0 {
		e.t.Fatalf("the records are wrong: %v", errors.Join(problems...))
	}
	if loaded, had := e.load().Current(), e.chain.Current(); (loaded == nil) != (had == nil) || loaded != nil && !proto.Equal(loaded.rec, had.rec) {
		e.t.Fatalf("in the records is %v, in memory %v", loaded, had)
	}
	return nil
}

func (e *engine) start(change ...func(*workflowservice.StartNexusOperationExecutionRequest)) (string, error) {
	e.t.Helper()
	req := &workflowservice.StartNexusOperationExecutionRequest{OperationId: "op", RequestId: "start", Endpoint: "bank", Service: "s", Operation: "o",
		Input: &commonpb.Payload{Data: []byte("input")}, ScheduleToCloseTimeout: durationpb.New(time.Minute)}
	for _, c := range change {
		c(req)
	}
	var runID string
	err := e.step(func(step *entity.Step) error {
		resp, err := e.chain.Start(step, req, "endpoint-id")
		runID = resp.GetRunId()
		return err
	})
	return runID, err
}

// call takes the one task there is, and the call that it is about.
func (e *engine) call() (*entity.Task, *nexus.Call) {
	e.t.Helper()
	if len(e.tasks) != 1 {
		e.t.Fatalf("there are %d calls to be made, not one", len(e.tasks))
	}
	for _, task := range e.tasks {
		call, err := e.chain.NexusCall(e, task)
		if err != nil || call == nil {
			e.t.Fatalf("the call is %v, %v", call, err)
		}
		return task, call
	}
	return nil, nil
}

func (e *engine) called(task *entity.Task, outcome *nexus.Outcome) {
	e.t.Helper()
	if err := e.step(func(step *entity.Step) error { return e.chain.NexusCalled(step, task, outcome) }); err != nil {
		e.t.Fatal(err)
	}
}

func (e *engine) complete(result *records.NexusResult) error {
	e.t.Helper()
	return e.step(func(step *entity.Step) error { return e.chain.CompleteNexusOperation(step, result) })
}

// fire lets the timer of the run go off.
func (e *engine) fire() {
	e.t.Helper()
	at, ok := e.timers[string(runchain.RunTimer)]
	if !ok {
		e.t.Fatal("no timer is set")
	}
	e.now = at
	delete(e.timers, string(runchain.RunTimer))
	if err := e.step(func(step *entity.Step) error { return e.chain.Fire(step) }); err != nil {
		e.t.Fatal(err)
	}
}

func (e *engine) wantStatus(want enumspb.NexusOperationExecutionStatus) {
	e.t.Helper()
	if got := e.chain.Current().rec.Status; got != want {
		e.t.Errorf("the status is %v, want %v", got, want)
	}
}

const (
	running   = enumspb.NEXUS_OPERATION_EXECUTION_STATUS_RUNNING
	completed = enumspb.NEXUS_OPERATION_EXECUTION_STATUS_COMPLETED
	isFailed  = enumspb.NEXUS_OPERATION_EXECUTION_STATUS_FAILED
	canceled  = enumspb.NEXUS_OPERATION_EXECUTION_STATUS_CANCELED
	timedOut  = enumspb.NEXUS_OPERATION_EXECUTION_STATUS_TIMED_OUT
)

func TestAnOperationThatIsAnsweredAtOnceHasItsResult(t *testing.T) {
	e := newEngine(t)
	if _, err := e.start(); err != nil {
		t.Fatal(err)
	}
	e.crash()
	task, call := e.call()
	if string(call.Input.GetData()) != "input" || call.Completion.GetOperationId() != "op" || !call.Standalone {
		t.Errorf("the call is %v", call)
	}
	e.called(task, &nexus.Outcome{Result: nexus.ResultSucceeded, Payload: &commonpb.Payload{Data: []byte("result")}})
	e.wantStatus(completed)
	e.crash()
	outcome, err := e.chain.Current().readOutcome(e)
	if err != nil || string(outcome.GetResult().GetData()) != "result" || len(e.tasks) != 0 {
		t.Errorf("the outcome is %v, %v, and there are %d calls", outcome, err, len(e.tasks))
	}
}

func TestAnOperationThatGoesOnEndsByItsCallbackOnce(t *testing.T) {
	e := newEngine(t)
	if _, err := e.start(); err != nil {
		t.Fatal(err)
	}
	task, call := e.call()
	e.called(task, &nexus.Outcome{Result: nexus.ResultStarted, Token: "token"})
	e.wantStatus(running)
	e.crash()
	result := &records.NexusResult{Completion: call.Completion, Failure: &failurepb.Failure{Message: "no"}}
	if err := e.complete(result); err != nil {
		t.Fatal(err)
	}
	e.wantStatus(isFailed)
	var notFound *serviceerror.NotFound
	if err := e.complete(result); !errors.As(err, &notFound) {
		t.Errorf("a second end: %v", err)
	}
}

func TestACallbackWhoseRequestIDIsAnothersEndsNothing(t *testing.T) {
	e := newEngine(t)
	if _, err := e.start(); err != nil {
		t.Fatal(err)
	}
	_, call := e.call()
	forged := proto.CloneOf(call.Completion)
	forged.RequestId = "forged"
	var notFound *serviceerror.NotFound
	if err := e.complete(&records.NexusResult{Completion: forged}); !errors.As(err, &notFound) {
		t.Errorf("error is %v, want NotFound", err)
	}
	e.wantStatus(running)
}

func TestAnEndThatComesBeforeTheAnswerToTheStartIsTaken(t *testing.T) {
	e := newEngine(t)
	if _, err := e.start(); err != nil {
		t.Fatal(err)
	}
	task, call := e.call()
	if err := e.complete(&records.NexusResult{Completion: call.Completion, OperationToken: "token", Result: &commonpb.Payload{Data: []byte("r")}}); err != nil {
		t.Fatal(err)
	}
	e.wantStatus(completed)
	e.called(task, &nexus.Outcome{Result: nexus.ResultFailed, Failure: &failurepb.Failure{Message: "late"}})
	e.wantStatus(completed)
}

func TestACallThatFailedIsMadeAgainWithTheSameRequestID(t *testing.T) {
	e := newEngine(t)
	if _, err := e.start(); err != nil {
		t.Fatal(err)
	}
	task, first := e.call()
	e.called(task, &nexus.Outcome{Result: nexus.ResultRetry, Failure: &failurepb.Failure{Message: "later"}, Policy: nexus.RetryPolicy{First: time.Second, Most: time.Second}})
	if len(e.tasks) != 0 {
		t.Fatalf("there are %d calls during the rest", len(e.tasks))
	}
	e.crash()
	e.fire()
	if _, again := e.call(); again.Completion.RequestId != first.Completion.RequestId {
		t.Errorf("the request id is %q, it was %q", again.Completion.RequestId, first.Completion.RequestId)
	}
}

func TestAnOperationTimesOut(t *testing.T) {
	e := newEngine(t)
	if _, err := e.start(); err != nil {
		t.Fatal(err)
	}
	task, _ := e.call()
	e.called(task, &nexus.Outcome{Result: nexus.ResultStarted, Token: "token"})
	e.fire()
	e.wantStatus(timedOut)
	if len(e.tasks) != 0 {
		t.Errorf("there are %d calls after the end", len(e.tasks))
	}
}

func TestAnOperationThatClosesWhenAnotherOneExpiresIsGoneInItsTurn(t *testing.T) {
	e := newEngine(t)
	again := func(r *workflowservice.StartNexusOperationExecutionRequest) { r.RequestId = "again" }
	if _, err := e.start(); err != nil {
		t.Fatal(err)
	}
	e.fire()
	e.now = e.now.Add(time.Hour - time.Minute)
	if _, err := e.start(again); err != nil {
		t.Fatal(err)
	}
	e.fire()
	e.wantStatus(timedOut)
	if len(e.timers) != 1 {
		t.Errorf("timers are %v, want that of the retention", e.timers)
	}
}

func TestACancellationWaitsForTheStart(t *testing.T) {
	e := newEngine(t)
	if _, err := e.start(); err != nil {
		t.Fatal(err)
	}
	if err := e.step(func(step *entity.Step) error {
		return e.chain.RequestCancel(step, &workflowservice.RequestCancelNexusOperationExecutionRequest{OperationId: "op", RequestId: "cancel"})
	}); err != nil {
		t.Fatal(err)
	}
	task, call := e.call()
	if call.Cancel {
		t.Fatal("the cancellation is sent before the operation has started")
	}
	e.called(task, &nexus.Outcome{Result: nexus.ResultStarted, Token: "token"})
	e.crash()
	if _, call = e.call(); !call.Cancel || call.Operation.OperationToken != "token" {
		t.Errorf("the call is %v", call)
	}
	if err := e.complete(&records.NexusResult{Completion: &records.NexusCompletion{RunId: e.chain.Current().rec.RunId, RequestId: e.chain.Current().op().RequestId},
		Canceled: true, Failure: &failurepb.Failure{Message: "stopped"}}); err != nil {
		t.Fatal(err)
	}
	e.wantStatus(canceled)
}

func TestAnIDIsUsedAgainAsThePoliciesSay(t *testing.T) {
	e := newEngine(t)
	first, err := e.start()
	if err != nil {
		t.Fatal(err)
	}
	if again, err := e.start(); err != nil || again != first {
		t.Errorf("the same request: %q, %v", again, err)
	}
	other := func(req *workflowservice.StartNexusOperationExecutionRequest) { req.RequestId = "other" }
	var already *serviceerror.NexusOperationExecutionAlreadyStarted
	if _, err := e.start(other); !errors.As(err, &already) || already.RunId != first {
		t.Errorf("another request: %v", err)
	}
	if used, err := e.start(other, func(req *workflowservice.StartNexusOperationExecutionRequest) {
		req.IdConflictPolicy = enumspb.NEXUS_OPERATION_ID_CONFLICT_POLICY_USE_EXISTING
	}); err != nil || used != first {
		t.Errorf("one that uses what there is: %q, %v", used, err)
	}
	if err := e.step(func(step *entity.Step) error {
		return e.chain.Terminate(step, &workflowservice.TerminateNexusOperationExecutionRequest{OperationId: "op", RequestId: "end"})
	}); err != nil {
		t.Fatal(err)
	}
	if next, err := e.start(other); err != nil || next == first {
		t.Errorf("one after the end: %q, %v", next, err)
	}
}
