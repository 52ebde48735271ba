package workflow

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/entity"
)

// tester is what both *testing.T and *rapid.T are.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

const (
	labNamespace = "ns-id"
	labQueue     = "queue"
	stickyQueue  = "sticky"
)

// lab runs the steps of one chain the way the runtime does, on records in
// memory and a clock of its own, and checks after every step that everything the
// package promises holds.
type lab struct {
	t       tester
	machine entity.Machine
	key     entity.Key
	chain   *Chain
	now     time.Time
	nextID  int

	records map[string][]byte
	timers  map[string]time.Time // by name and time
	tasks   map[int64]*entity.Task
	wakes   []time.Time
	// wroteHistory: the last step did.
	wroteHistory bool

	messages []entity.Message
}

func newLab(t tester, limits Limits) *lab {
	lookup := func(string) (Namespace, bool) {
		return Namespace{ID: labNamespace, Name: "ns", Retention: 24 * time.Hour}, true
	}
	w := &lab{
		t:       t,
		machine: NewMachine(Config{Namespace: lookup, NamespaceByName: lookup, Limits: limits}),
		key:     entity.Key{Kind: entity.KindWorkflow, Namespace: labNamespace, ID: "wf"},
		now:     time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC),
		records: map[string][]byte{},
		timers:  map[string]time.Time{},
		tasks:   map[int64]*entity.Task{},
	}
	w.crash()
	return w
}

// NewID, NextTaskID and Reader make the lab an entity.Env.
func (w *lab) NewID() string {
	w.nextID++
	return fmt.Sprintf("id-%04d", w.nextID)
}

func (w *lab) NextTaskID() int64 {
	w.nextID++
	return int64(w.nextID)
}

func (w *lab) Reader() entity.Reader { return w }

func (w *lab) Get(record []byte) ([]byte, error) { return w.records[string(record)], nil }

func (w *lab) Scan(prefix, from []byte, reverse bool, visit func(record, value []byte) bool) error {
	keys := slices.Sorted(maps.Keys(w.records))
	if reverse {
		slices.Reverse(keys)
	}
	for _, k := range keys {
		if !strings.HasPrefix(k, string(prefix)) ||
			from != nil && (reverse && k >= string(from) || !reverse && k < string(from)) {
			continue
		}
		if !visit([]byte(k), bytes.Clone(w.records[k])) {
			return nil
		}
	}
	return nil
}

// crash drops everything that is not recorded and loads the chain anew.
func (w *lab) crash() {
	w.t.Helper()
	w.wakes = nil
	e, err := w.machine.Load(context.Background(), w, w.key)
	if err != nil {
		w.t.Fatalf("load: %v", err)
	}
	w.chain = e.(*Chain)
}

// step runs fn as one step and returns its error.
func (w *lab) step(fn func(s *entity.Step) error) error {
	w.t.Helper()
	s := entity.NewStep(w.now, w)
	err := fn(s)
	if err == nil {
		err = w.chain.EndStep(s)
	}
	if err != nil {
		if s.Writes() {
			w.t.Errorf("a step that failed with %v has noted changes", err)
			w.crash()
		}
		return err
	}
	w.apply(s)
	w.check()
	for _, effect := range s.Outputs().Effects {
		effect()
	}
	return nil
}

func timerKey(t entity.Timer) string { return fmt.Sprintf("%s@%d", t.Name, t.At.UnixNano()) }

func (w *lab) apply(s *entity.Step) {
	w.wroteHistory = false
	for _, r := range s.Outputs().Records {
		w.wroteHistory = w.wroteHistory || r.Key[0] == 'h' && r.Value != nil
		switch {
		case r.Prefix:
			maps.DeleteFunc(w.records, func(k string, _ []byte) bool { return strings.HasPrefix(k, string(r.Key)) })
		case r.Value == nil:
			delete(w.records, string(r.Key))
		default:
			w.records[string(r.Key)] = r.Value
		}
	}
	for _, t := range s.Outputs().Timers {
		if t.Clear {
			delete(w.timers, timerKey(t))
		} else {
			w.timers[timerKey(t)] = t.At
		}
	}
	for _, t := range s.Outputs().Tasks {
		w.tasks[t.ID] = t
	}
	for _, t := range s.Outputs().Removed {
		if have := w.tasks[t.ID]; have == nil || have.Queue != t.Queue {
			w.t.Errorf("removed task %d is not there", t.ID)
		}
		delete(w.tasks, t.ID)
	}
	w.messages = append(w.messages, s.Outputs().Messages...)
	w.wakes = append(w.wakes, s.Outputs().Wakes...)
}

// must fails the test if the step fails.
func (w *lab) must(fn func(s *entity.Step) error) {
	w.t.Helper()
	if err := w.step(fn); err != nil {
		w.t.Fatalf("step failed: %v", err)
	}
}

// advance lets time pass, firing every timer and wake on the way.
func (w *lab) advance(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for range 10_000 {
		next := end.Add(1)
		for _, at := range w.timers {
			if at.Before(next) {
				next = at
			}
		}
		for _, at := range w.wakes {
			if at.Before(next) {
				next = at
			}
		}
		if next.After(end) {
			w.now = end
			return
		}
		w.now = maxTime(w.now, next)
		w.wakes = slices.DeleteFunc(w.wakes, func(at time.Time) bool { return !at.After(w.now) })
		w.must(func(s *entity.Step) error { return w.chain.Fire(s) })
		for name, at := range w.timers {
			if !at.After(w.now) {
				w.t.Fatalf("timer %s is still set after it has fired at %v", name, w.now)
			}
		}
	}
	w.t.Fatalf("time stands still at %v", w.now)
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// check verifies the invariants of the package.
func (w *lab) check() {
	w.t.Helper()
	e, err := w.machine.Load(context.Background(), w, w.key)
	if err != nil {
		w.t.Fatalf("reload: %v", err)
	}
	stored := e.(*Chain)
	if (stored.record == nil) != (w.chain.record == nil) || !proto.Equal(stored.record, w.chain.record) {
		w.t.Errorf("chain record differs after reload:\n%v\n%v", stored.record, w.chain.record)
	}
	if (stored.current == nil) != (w.chain.current == nil) {
		w.t.Fatalf("current run differs after reload")
	}
	wantTimers := map[string]bool{}
	if next := asTime(w.chain.record.GetNextExpiry()); !next.IsZero() {
		wantTimers[timerKey(entity.Timer{Name: expiryTimer, At: next})] = true
	}
	wantTasks := map[int64]bool{}
	if r := w.chain.current; r != nil {
		w.checkRun(stored.current, r)
		if at := asTime(r.state.WakeAt); !at.IsZero() {
			wantTimers[timerKey(entity.Timer{Name: []byte(r.info.RunId), At: at})] = true
		}
		if id := r.state.WorkflowTask.GetTaskId(); id != 0 {
			wantTasks[id] = true
		}
		for _, a := range r.activities {
			if a.TaskId != 0 {
				wantTasks[a.TaskId] = true
			}
		}
	}
	for name := range w.timers {
		if !wantTimers[name] {
			w.t.Errorf("timer %q belongs to nothing", name)
		}
	}
	for name := range wantTimers {
		if _, ok := w.timers[name]; !ok {
			w.t.Errorf("timer %q is not set", name)
		}
	}
	for id := range w.tasks {
		if !wantTasks[id] {
			w.t.Errorf("task %d belongs to nothing", id)
		}
	}
	for id := range wantTasks {
		if w.tasks[id] == nil {
			w.t.Errorf("task %d has no record", id)
		}
	}
}

func (w *lab) checkRun(stored, r *Run) {
	w.t.Helper()
	if len(r.newEvents) > 0 {
		w.t.Errorf("step ended without flushing %d events", len(r.newEvents))
	}
	if !proto.Equal(stored.info, r.info) {
		w.t.Errorf("run info differs after reload:\n%v\n%v", stored.info, r.info)
	}
	// Stickiness that a start on the normal queue has ended is recorded later.
	state := proto.CloneOf(r.state)
	if r.started != nil && state.StickyQueue == "" {
		state.StickyQueue, state.StickyTimeout = stored.state.StickyQueue, stored.state.StickyTimeout
	}
	if !proto.Equal(stored.state, state) {
		w.t.Errorf("run state differs after reload:\n%v\n%v", stored.state, state)
	}
	if len(stored.buffered) != len(r.buffered) {
		w.t.Errorf("%d buffered events are recorded, %d in memory", len(stored.buffered), len(r.buffered))
	}
	if !proto.Equal(stored.resetPoints, r.resetPoints) {
		w.t.Errorf("reset points differ after reload:\n%v\n%v", stored.resetPoints, r.resetPoints)
	}
	checkItems(w.t, "activities", stored.activities, r.activities)
	checkItems(w.t, "timers", stored.timers, r.timers)
	checkItems(w.t, "children", stored.children, r.children)
	checkItems(w.t, "externals", stored.externals, r.externals)
	if !maps.Equal(stored.signalRequest, r.signalRequest) {
		w.t.Errorf("signal request ids differ after reload")
	}
	if r.started != nil && r.state.WorkflowTask == nil {
		w.t.Errorf("a workflow task is started that is not pending")
	}
	if r.started == nil && len(r.buffered) > 0 && w.wroteHistory {
		w.t.Errorf("events are buffered though no workflow task is started")
	}
	if d := r.earliestDeadline(); !d.IsZero() {
		if at := asTime(r.state.WakeAt); at.IsZero() || at.After(d) {
			w.t.Errorf("deadline %v comes before the timer %v", d, at)
		}
	}
	if r.closed() && (r.state.WorkflowTask != nil || r.state.WakeAt != nil || len(r.buffered) > 0) {
		w.t.Errorf("closed run has something pending: %v", r.state)
	}
	if !r.closed() && r.state.WorkflowTask == nil && r.state.LastCompletedStartedEventId == 0 &&
		!r.state.FirstTaskBackoffPending && !r.state.ChildFirstTaskPending {
		w.t.Errorf("run is stuck before its first workflow task")
	}
	events := w.history(r.info.RunId)
	closes := 0
	for i, e := range events {
		if e.EventId != int64(i+1) {
			w.t.Errorf("event %d has id %d", i+1, e.EventId)
		}
		if closesRun(e.EventType) {
			closes++
		}
	}
	if int64(len(events)) != r.state.NextEventId-1 {
		w.t.Errorf("history has %d events, next id is %d", len(events), r.state.NextEventId)
	}
	if r.closed() != (closes == 1) || closes > 1 {
		w.t.Errorf("history of a run with status %v has %d close events", r.state.Status, closes)
	}
	if r.closed() && !closesRun(events[len(events)-1].EventType) {
		w.t.Errorf("close event is not the last")
	}
}

func checkItems[K comparable, M any, P interface {
	*M
	proto.Message
}](t tester, what string, stored, have map[K]P) {
	t.Helper()
	if !maps.EqualFunc(stored, have, func(a, b P) bool { return proto.Equal(a, b) }) {
		t.Errorf("%s differ after reload:\n%v\n%v", what, stored, have)
	}
}

func closesRun(t enumspb.EventType) bool {
	switch t {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED,
		enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return true
	}
	return false
}

// history is the recorded history of a run, straight from the records.
func (w *lab) history(runID string) []*historypb.HistoryEvent {
	w.t.Helper()
	var data []byte
	_ = w.Scan(historyPrefix(runID), nil, false, func(_, value []byte) bool {
		data = append(data, value...)
		return true
	})
	return w.decode(data)
}

func (w *lab) decode(data []byte) []*historypb.HistoryEvent {
	w.t.Helper()
	h := new(historypb.History)
	if err := proto.Unmarshal(data, h); err != nil {
		w.t.Fatalf("history does not decode: %v", err)
	}
	return h.Events
}

func (w *lab) runID() string { return w.chain.current.info.RunId }

// wantHistory compares the types of the current run's events, as one string of
// short names.
func (w *lab) wantHistory(want string) {
	w.t.Helper()
	w.wantHistoryOf(w.runID(), want)
}

func (w *lab) wantHistoryOf(runID, want string) {
	w.t.Helper()
	if got := names(w.history(runID)); got != strings.Join(strings.Fields(want), " ") {
		w.t.Fatalf("history is\n  %s\nwant\n  %s", got, want)
	}
}

func names(events []*historypb.HistoryEvent) string {
	var out []string
	for _, e := range events {
		out = append(out, strings.TrimPrefix(e.EventType.String(), "WorkflowExecution"))
	}
	return strings.Join(out, " ")
}

// last returns the last recorded event of the current run.
func (w *lab) last() *historypb.HistoryEvent {
	events := w.history(w.runID())
	return events[len(events)-1]
}

// What clients and workers do.

func startRequest(change ...func(*workflowservice.StartWorkflowExecutionRequest)) *workflowservice.StartWorkflowExecutionRequest {
	req := &workflowservice.StartWorkflowExecutionRequest{
		WorkflowId:            "wf",
		WorkflowType:          &commonpb.WorkflowType{Name: "type"},
		TaskQueue:             &taskqueuepb.TaskQueue{Name: labQueue},
		Input:                 textPayloads("input"),
		RequestId:             "start-1",
		Identity:              "client",
		WorkflowIdReusePolicy: enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
	}
	for _, f := range change {
		f(req)
	}
	return req
}

func (w *lab) start(change ...func(*workflowservice.StartWorkflowExecutionRequest)) *workflowservice.StartWorkflowExecutionResponse {
	w.t.Helper()
	resp, err := w.tryStart(change...)
	if err != nil {
		w.t.Fatalf("start: %v", err)
	}
	return resp
}

func (w *lab) tryStart(change ...func(*workflowservice.StartWorkflowExecutionRequest)) (resp *workflowservice.StartWorkflowExecutionResponse, err error) {
	w.t.Helper()
	err = w.step(func(s *entity.Step) (err error) {
		resp, err = w.chain.Start(s, startRequest(change...))
		return err
	})
	return resp, err
}

func (w *lab) signal(name string) {
	w.t.Helper()
	w.must(func(s *entity.Step) error { return w.chain.Signal(s, signalRequest(name, "")) })
}

func signalRequest(name, requestID string) *workflowservice.SignalWorkflowExecutionRequest {
	return &workflowservice.SignalWorkflowExecutionRequest{
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "wf"},
		SignalName:        name,
		RequestId:         requestID,
	}
}

func (w *lab) terminate() {
	w.t.Helper()
	w.must(func(s *entity.Step) error {
		return w.chain.Terminate(s, &workflowservice.TerminateWorkflowExecutionRequest{Reason: "why", Identity: "client"})
	})
}

// workflowTask is the pending dispatched workflow task, nil if there is none.
func (w *lab) workflowTask() *entity.Task {
	for _, t := range w.tasks {
		if t.Queue.Type == entity.TaskWorkflow {
			return t
		}
	}
	return nil
}

// poll has a worker take the pending workflow task, from the normal queue.
func (w *lab) poll() *workflowservice.PollWorkflowTaskQueueResponse {
	w.t.Helper()
	return w.pollFrom(&taskqueuepb.TaskQueue{Name: labQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL})
}

func (w *lab) pollSticky() *workflowservice.PollWorkflowTaskQueueResponse {
	w.t.Helper()
	return w.pollFrom(&taskqueuepb.TaskQueue{Name: stickyQueue, Kind: enumspb.TASK_QUEUE_KIND_STICKY})
}

func (w *lab) pollFrom(queue *taskqueuepb.TaskQueue) *workflowservice.PollWorkflowTaskQueueResponse {
	w.t.Helper()
	task := w.workflowTask()
	if task == nil {
		w.t.Fatalf("no workflow task is dispatched")
	}
	var resp *workflowservice.PollWorkflowTaskQueueResponse
	w.must(func(s *entity.Step) (err error) {
		resp, err = w.chain.StartWorkflowTask(s, task, &workflowservice.PollWorkflowTaskQueueRequest{TaskQueue: queue, Identity: "worker"})
		return err
	})
	return overWire(w.t, resp)
}

// overWire is the message as the other side decodes it: spliced fields are
// ordinary ones there.
func overWire[M any, P interface {
	*M
	proto.Message
}](t tester, m P) P {
	t.Helper()
	data, err := proto.Marshal(m)
	if err != nil {
		t.Fatalf("encoding a reply: %v", err)
	}
	got := P(new(M))
	if err := proto.Unmarshal(data, got); err != nil {
		t.Fatalf("decoding a reply: %v", err)
	}
	return got
}

type completeRequest = workflowservice.RespondWorkflowTaskCompletedRequest

func (w *lab) tryComplete(token []byte, req *completeRequest) (completion *Completion, err error) {
	w.t.Helper()
	tt, err := DecodeTaskToken(token)
	if err != nil {
		w.t.Fatalf("token: %v", err)
	}
	req.Identity = "worker"
	err = w.step(func(s *entity.Step) (err error) {
		completion, err = w.chain.CompleteWorkflowTask(s, tt, req)
		return err
	})
	return completion, err
}

// complete completes the polled task with the commands.
func (w *lab) complete(task *workflowservice.PollWorkflowTaskQueueResponse, commands ...*commandpb.Command) *workflowservice.RespondWorkflowTaskCompletedResponse {
	w.t.Helper()
	return w.completeWith(task, &completeRequest{Commands: commands})
}

func (w *lab) completeSticky(task *workflowservice.PollWorkflowTaskQueueResponse, commands ...*commandpb.Command) *workflowservice.RespondWorkflowTaskCompletedResponse {
	w.t.Helper()
	return w.completeWith(task, &completeRequest{Commands: commands, StickyAttributes: stickyAttributes()})
}

func (w *lab) completeWith(task *workflowservice.PollWorkflowTaskQueueResponse, req *completeRequest) *workflowservice.RespondWorkflowTaskCompletedResponse {
	w.t.Helper()
	completion, err := w.tryComplete(task.TaskToken, req)
	if err != nil {
		w.t.Fatalf("complete: %v", err)
	}
	if completion.Err != nil {
		w.t.Fatalf("complete: %v", completion.Err)
	}
	return completion.Response
}

func (w *lab) fail(task *workflowservice.PollWorkflowTaskQueueResponse) {
	w.t.Helper()
	w.must(func(s *entity.Step) error {
		token, err := DecodeTaskToken(task.TaskToken)
		if err != nil {
			return err
		}
		return w.chain.FailWorkflowTask(s, token, &workflowservice.RespondWorkflowTaskFailedRequest{
			Cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE, Identity: "worker"})
	})
}

// Commands.

func stickyAttributes() *taskqueuepb.StickyExecutionAttributes {
	return &taskqueuepb.StickyExecutionAttributes{
		WorkerTaskQueue:        &taskqueuepb.TaskQueue{Name: stickyQueue, Kind: enumspb.TASK_QUEUE_KIND_STICKY},
		ScheduleToStartTimeout: durationpb.New(5 * time.Second),
	}
}

func completeCommand() *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_CompleteWorkflowExecutionCommandAttributes{
			CompleteWorkflowExecutionCommandAttributes: &commandpb.CompleteWorkflowExecutionCommandAttributes{Result: textPayloads("result")}},
	}
}

func markerCommand(name string) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_RECORD_MARKER,
		Attributes: &commandpb.Command_RecordMarkerCommandAttributes{
			RecordMarkerCommandAttributes: &commandpb.RecordMarkerCommandAttributes{MarkerName: name}},
	}
}

func cancelWorkflowCommand() *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_CancelWorkflowExecutionCommandAttributes{
			CancelWorkflowExecutionCommandAttributes: &commandpb.CancelWorkflowExecutionCommandAttributes{}},
	}
}

func commands(c ...*commandpb.Command) []*commandpb.Command { return c }

type historyEvent = historypb.HistoryEvent

var _ tester = (*testing.T)(nil)

func describeRequest(runID string) *workflowservice.DescribeWorkflowExecutionRequest {
	return &workflowservice.DescribeWorkflowExecutionRequest{Execution: &commonpb.WorkflowExecution{WorkflowId: "wf", RunId: runID}}
}
