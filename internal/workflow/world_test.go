//lint:file-ignore SA1019 Deprecated fields of commands and events are recorded as they come.

package workflow

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

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// world runs any number of chains as the runtime would, but by hand: nothing
// happens unless a test asks for it. After every step it checks that the records
// hold what the chain in memory holds.
type world struct {
	t       *testing.T
	now     time.Time
	machine entity.Machine
	chains  map[entity.Key]*Chain
	records map[entity.Key]map[string][]byte
	tasks   map[int64]*entity.Task
	timers  map[entity.Key]map[string]time.Time
	outbox  []entity.Message
	last    *entity.Step // the step carried out last
	ids     int64

	// powerCuts has durable keep what a power cut would leave: everything before the
	// lazy steps at the end. It is nil if the last step was not lazy.
	powerCuts bool
	durable   *snapshot
}

const (
	testNamespace = "namespace-id"
	testQueue     = "queue"
	testWorker    = "worker"
)

func newWorld(t *testing.T, change ...func(*Limits)) *world {
	var limits Limits
	for _, f := range change {
		f(&limits)
	}
	spaces := map[string]Namespace{testNamespace: {ID: testNamespace, Name: "space"}, "other-id": {ID: "other-id", Name: "other"}}
	return &world{
		t:   t,
		now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		machine: NewMachine(Config{
			Namespace: func(id string) (Namespace, bool) { ns, ok := spaces[id]; return ns, ok },
			NamespaceByName: func(name string) (Namespace, bool) {
				for _, ns := range spaces {
					if ns.Name == name {
						return ns, true
					}
				}
				return Namespace{}, false
			},
			Limits: limits,
		}),
		chains:  make(map[entity.Key]*Chain),
		records: make(map[entity.Key]map[string][]byte),
		tasks:   make(map[int64]*entity.Task),
		timers:  make(map[entity.Key]map[string]time.Time),
	}
}

// worldEnv is the world as a step of one chain sees it.
type worldEnv struct {
	*world
	key entity.Key
}

func (e worldEnv) NewID() string {
	e.ids++
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", e.ids)
}

func (e worldEnv) NextTaskID() int64 { e.ids++; return e.ids }

func (e worldEnv) Reader() entity.Reader { return worldReader(e.records[e.key]) }

type worldReader map[string][]byte

func (r worldReader) Get(record []byte) ([]byte, error) { return r[string(record)], nil }

func (r worldReader) Scan(prefix, from []byte, reverse bool, visit func(record, value []byte) bool) error {
	keys := slices.Sorted(maps.Keys(r))
	if reverse {
		slices.Reverse(keys)
	}
	for _, key := range keys {
		switch {
		case !strings.HasPrefix(key, string(prefix)),
			from != nil && !reverse && key < string(from),
			from != nil && reverse && key >= string(from):
			continue
		}
		if !visit([]byte(key), r[key]) {
			break
		}
	}
	return nil
}

func testKey(workflowID string) entity.Key { return workflowKey(testNamespace, workflowID) }

// chain returns the chain in memory, loading it if it is not there.
func (w *world) chain(key entity.Key) *Chain {
	if c := w.chains[key]; c != nil {
		return c
	}
	w.chains[key] = w.load(key)
	return w.chains[key]
}

func (w *world) load(key entity.Key) *Chain {
	w.t.Helper()
	e, err := w.machine.Load(context.Background(), worldReader(w.records[key]), key)
	if err != nil {
		w.t.Fatal(err)
	}
	return e.(*Chain)
}

// crash forgets what is in memory.
func (w *world) crash() { clear(w.chains) }

// snapshot is what is on disk.
type snapshot struct {
	records map[entity.Key]map[string][]byte
	tasks   map[int64]*entity.Task
	timers  map[entity.Key]map[string]time.Time
	outbox  []entity.Message
}

func (w *world) snapshot() snapshot {
	s := snapshot{make(map[entity.Key]map[string][]byte), maps.Clone(w.tasks), make(map[entity.Key]map[string]time.Time), slices.Clone(w.outbox)}
	for key, records := range w.records {
		s.records[key] = maps.Clone(records)
	}
	for key, timers := range w.timers {
		s.timers[key] = maps.Clone(timers)
	}
	return s
}

// restore is a power cut that loses every step since the snapshot.
func (w *world) restore(s snapshot) {
	w.records, w.tasks, w.timers, w.outbox = s.records, s.tasks, s.timers, s.outbox
	w.crash()
}

// try carries out a step and returns its error.
func (w *world) try(key entity.Key, do func(*entity.Step, *Chain) error) error {
	w.t.Helper()
	c := w.chain(key)
	step := entity.NewStep(w.now, worldEnv{w, key})
	w.last = step
	err := do(step, c)
	if err == nil {
		err = c.EndStep(step)
	}
	if err != nil {
		if !step.Empty() {
			w.t.Fatalf("step failed with %v, but has noted something", err)
		}
		return err
	}
	if !step.Outputs().Lazy {
		w.durable = nil
	} else if w.powerCuts && w.durable == nil {
		before := w.snapshot()
		w.durable = &before
	}
	w.commit(key, step)
	w.check(key, c)
	return nil
}

func (w *world) commit(key entity.Key, step *entity.Step) {
	w.t.Helper()
	stored := w.records[key]
	if stored == nil {
		stored = make(map[string][]byte)
		w.records[key] = stored
	}
	for _, r := range step.Outputs().Records {
		switch {
		case r.Prefix:
			maps.DeleteFunc(stored, func(k string, _ []byte) bool { return strings.HasPrefix(k, string(r.Key)) })
		case r.Value == nil:
			delete(stored, string(r.Key))
		default:
			stored[string(r.Key)] = bytes.Clone(r.Value)
		}
	}
	for _, task := range step.Outputs().Tasks {
		w.tasks[task.ID] = task
	}
	for _, task := range step.Outputs().Removed {
		if there := w.tasks[task.ID]; there == nil || there.Queue != task.Queue {
			w.t.Fatalf("step removes task %d of %v, which is not there", task.ID, task.Queue)
		}
		delete(w.tasks, task.ID)
	}
	timers := w.timers[key]
	if timers == nil {
		timers = make(map[string]time.Time)
		w.timers[key] = timers
	}
	for _, timer := range step.Outputs().Timers {
		name := fmt.Sprintf("%s@%d", timer.Name, timer.At.UnixNano())
		if timer.Clear {
			delete(timers, name)
		} else {
			timers[name] = timer.At
		}
	}
	w.outbox = append(w.outbox, step.Outputs().Messages...)
	for _, f := range step.Outputs().Effects {
		f()
	}
}

// check compares the chain in memory with what its records say, and its items with
// their tasks and timers.
func (w *world) check(key entity.Key, c *Chain) {
	w.t.Helper()
	r := c.current
	if r == nil {
		return
	}
	stored := w.load(key).current
	if !proto.Equal(r.state, stored.state) || !proto.Equal(r.info, stored.info) {
		w.t.Fatalf("run is %v, records say %v", r.state, stored.state)
	}
	sameItems(w.t, "activities", r.activities, stored.activities)
	sameItems(w.t, "timers", r.timers, stored.timers)
	sameItems(w.t, "children", r.children, stored.children)
	sameItems(w.t, "externals", r.externals, stored.externals)
	if !maps.Equal(r.activityByID, stored.activityByID) || !maps.Equal(r.timerByEvent, stored.timerByEvent) {
		w.t.Fatal("indexes by id do not match the records")
	}
	if got, want := r.itemDeadline(), stored.itemDeadline(); !got.Equal(want) {
		w.t.Fatalf("earliest deadline is %v, records say %v", got, want)
	}
	if got, want := r.index().detailBytes, stored.index().detailBytes; got != want {
		w.t.Fatalf("%d bytes of details are counted, records hold %d", got, want)
	}
	for _, act := range r.activities {
		task := w.tasks[act.TaskId]
		ready := act.StartedTime == nil && act.RetryAt == nil
		if ready != (task != nil) || ready && (task.EventID != act.ScheduledEventId || task.RunID != r.info.RunId) {
			w.t.Fatalf("activity %v has task %v", act, task)
		}
	}
	for _, task := range w.tasks {
		if task.Entity == key && task.Queue.Type == entity.TaskActivity && (task.RunID != r.info.RunId || r.activities[task.EventID].GetTaskId() != task.ID) {
			w.t.Fatalf("task %v has no activity", task)
		}
	}
	if deadline := r.itemDeadline(); !deadline.IsZero() {
		var armed bool
		for _, at := range w.timers[key] {
			armed = armed || !at.After(deadline)
		}
		if !armed {
			w.t.Fatalf("no durable timer at or before %v", deadline)
		}
	}
}

func sameItems[K comparable, P proto.Message](t *testing.T, what string, memory, stored map[K]P) {
	t.Helper()
	if len(memory) != len(stored) {
		t.Fatalf("%d %s in memory, %d in records", len(memory), what, len(stored))
	}
	for key, item := range memory {
		if !proto.Equal(item, stored[key]) {
			t.Fatalf("%s: memory has %v, records have %v", what, item, stored[key])
		}
	}
}

// do carries out a step that must not fail.
func (w *world) do(key entity.Key, do func(*entity.Step, *Chain) error) {
	w.t.Helper()
	if err := w.try(key, do); err != nil {
		w.t.Fatal(err)
	}
}

// start starts a workflow and returns its run id.
func (w *world) start(workflowID string, change ...func(*workflowservice.StartWorkflowExecutionRequest)) string {
	w.t.Helper()
	req := &workflowservice.StartWorkflowExecutionRequest{
		WorkflowId:   workflowID,
		WorkflowType: &commonpb.WorkflowType{Name: "Workflow"},
		TaskQueue:    &taskqueuepb.TaskQueue{Name: testQueue},
	}
	for _, f := range change {
		f(req)
	}
	var runID string
	w.do(testKey(workflowID), func(step *entity.Step, c *Chain) error {
		resp, err := c.Start(step, req)
		runID = resp.GetRunId()
		return err
	})
	return runID
}

// task returns the one task of the type that is ready for the workflow, nil if
// there is none.
func (w *world) task(workflowID string, taskType entity.TaskType) *entity.Task {
	for _, id := range slices.Sorted(maps.Keys(w.tasks)) {
		if task := w.tasks[id]; task.Entity == testKey(workflowID) && task.Queue.Type == taskType {
			return task
		}
	}
	return nil
}

// poll starts the workflow's workflow task.
func (w *world) poll(workflowID string) *workflowservice.PollWorkflowTaskQueueResponse {
	w.t.Helper()
	task := w.task(workflowID, entity.TaskWorkflow)
	if task == nil {
		w.t.Fatalf("no workflow task is ready for %s", workflowID)
	}
	var resp *workflowservice.PollWorkflowTaskQueueResponse
	w.do(task.Entity, func(step *entity.Step, c *Chain) (err error) {
		resp, err = c.StartWorkflowTask(step, task, &workflowservice.PollWorkflowTaskQueueRequest{Identity: testWorker})
		return err
	})
	return resp
}

// respond completes a workflow task that poll has started, and returns what
// becomes of it.
func (w *world) respond(workflowID string, token []byte, change func(*workflowservice.RespondWorkflowTaskCompletedRequest), commands ...*commandpb.Command) *Completion {
	w.t.Helper()
	req := &workflowservice.RespondWorkflowTaskCompletedRequest{TaskToken: token, Identity: testWorker, Commands: commands}
	if change != nil {
		change(req)
	}
	decoded, err := DecodeTaskToken(token)
	if err != nil {
		w.t.Fatal(err)
	}
	var completion *Completion
	w.do(testKey(workflowID), func(step *entity.Step, c *Chain) (err error) {
		completion, err = c.CompleteWorkflowTask(step, decoded, req)
		return err
	})
	return completion
}

// decide starts and completes a workflow task with the commands, which must be good.
func (w *world) decide(workflowID string, commands ...*commandpb.Command) {
	w.t.Helper()
	if completion := w.respond(workflowID, w.poll(workflowID).TaskToken, nil, commands...); completion.Err != nil {
		w.t.Fatal(completion.Err)
	}
}

// refuse completes a workflow task with commands that must fail it, and returns the
// event that says so.
func (w *world) refuse(workflowID string, commands ...*commandpb.Command) *historypb.WorkflowTaskFailedEventAttributes {
	w.t.Helper()
	completion := w.respond(workflowID, w.poll(workflowID).TaskToken, nil, commands...)
	if completion.Err == nil {
		w.t.Fatal("the commands were accepted")
	}
	for _, event := range slices.Backward(w.history(workflowID)) {
		if attr := event.GetWorkflowTaskFailedEventAttributes(); attr != nil {
			return attr
		}
	}
	w.t.Fatal("no WorkflowTaskFailed in the history")
	return nil
}

// startActivity gives the workflow's activity task to a worker.
func (w *world) startActivity(workflowID string) *workflowservice.PollActivityTaskQueueResponse {
	w.t.Helper()
	resp, err := w.tryStartActivity(w.task(workflowID, entity.TaskActivity))
	if err != nil {
		w.t.Fatal(err)
	}
	return resp
}

func (w *world) tryStartActivity(task *entity.Task) (resp *workflowservice.PollActivityTaskQueueResponse, err error) {
	w.t.Helper()
	if task == nil {
		w.t.Fatal("no activity task is ready")
	}
	err = w.try(task.Entity, func(step *entity.Step, c *Chain) (err error) {
		resp, err = c.StartActivity(step, task, &workflowservice.PollActivityTaskQueueRequest{Identity: testWorker})
		return err
	})
	return resp, err
}

// activityRef is the reference in the token of a started activity.
func (w *world) activityRef(task *workflowservice.PollActivityTaskQueueResponse) ActivityRef {
	w.t.Helper()
	token, err := DecodeTaskToken(task.TaskToken)
	if err != nil {
		w.t.Fatal(err)
	}
	return ActivityRef{Token: token}
}

// advance lets time pass and fires every timer that comes due, at its time.
func (w *world) advance(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for range 10_000 {
		var next time.Time
		var key entity.Key
		for k, timers := range w.timers {
			for _, at := range timers {
				if !at.After(end) && (next.IsZero() || at.Before(next) || at.Equal(next) && k.String() < key.String()) {
					next, key = at, k
				}
			}
		}
		if next.IsZero() {
			w.now = end
			return
		}
		if next.After(w.now) {
			w.now = next
		}
		w.do(key, func(step *entity.Step, c *Chain) error { return c.Fire(step) })
	}
	w.t.Fatal("timers fire without end")
}

// deliver delivers all messages until there are none left, each of them twice.
func (w *world) deliver() {
	w.t.Helper()
	for range 1000 {
		if len(w.outbox) == 0 {
			return
		}
		w.deliverOne()
	}
	w.t.Fatal("messages are sent without end")
}

// senderOf is the chain that has sent the message.
func senderOf(body []byte) entity.Key {
	m := new(records.Message)
	_ = proto.Unmarshal(body, m)
	return workflowKey(m.FromNamespaceId, m.FromWorkflowId)
}

// deliverOne delivers the first message twice. What the second delivery causes is
// sent like everything else.
func (w *world) deliverOne() {
	w.t.Helper()
	out := w.outbox[0]
	w.outbox = w.outbox[1:]
	receive := func(step *entity.Step, c *Chain) error { return c.Receive(step, senderOf(out.Body), out.Body) }
	if err := w.try(out.To, receive); err != nil {
		var busy *serviceerror.ResourceExhausted
		if !errors.As(err, &busy) {
			w.t.Fatal(err)
		}
		w.outbox = append(w.outbox, out) // delivered again later
		return
	}
	before := len(w.historyOf(out.To))
	sent := len(w.outbox)
	w.do(out.To, receive)
	if after := len(w.historyOf(out.To)); after != before {
		w.t.Fatalf("a message delivered twice has added events: %v", w.historyOf(out.To)[before:])
	}
	// A repeated answer to a repeated message is fine, but need not be repeated here.
	w.outbox = w.outbox[:sent]
}

// history is the history of the workflow's current run.
func (w *world) history(workflowID string) []*historypb.HistoryEvent {
	w.t.Helper()
	return w.historyOf(testKey(workflowID))
}

func (w *world) historyOf(key entity.Key) []*historypb.HistoryEvent {
	w.t.Helper()
	r := w.chain(key).current
	if r == nil {
		return nil
	}
	var events []*historypb.HistoryEvent
	err := worldReader(w.records[key]).Scan(historyPrefix(r.info.RunId), nil, false, func(_, value []byte) bool {
		batch := new(historypb.History)
		if err := proto.Unmarshal(value, batch); err != nil {
			w.t.Fatal(err)
		}
		events = append(events, batch.Events...)
		return true
	})
	if err != nil {
		w.t.Fatal(err)
	}
	for i, event := range events {
		if event.EventId != int64(i)+1 {
			w.t.Fatalf("event %d has id %d", i+1, event.EventId)
		}
	}
	return events
}

// wantHistory checks the types of the events after the given number of events.
func (w *world) wantHistory(workflowID string, skip int, want ...string) []*historypb.HistoryEvent {
	w.t.Helper()
	events := w.history(workflowID)
	if len(events) < skip {
		w.t.Fatalf("history has %d events only", len(events))
	}
	var got []string
	for _, event := range events[skip:] {
		got = append(got, event.EventType.String())
	}
	if !slices.Equal(got, want) {
		w.t.Fatalf("history goes on with\n  %v\nwant\n  %v", strings.Join(got, " "), strings.Join(want, " "))
	}
	return events[skip:]
}

// run is the workflow's current run.
func (w *world) run(workflowID string) *Run {
	w.t.Helper()
	r := w.chain(testKey(workflowID)).current
	if r == nil {
		w.t.Fatalf("%s has no run", workflowID)
	}
	return r
}

// pendingActivity is the only pending activity of the workflow.
func (w *world) pendingActivity(workflowID string) *records.Activity {
	w.t.Helper()
	r := w.run(workflowID)
	if len(r.activities) != 1 {
		w.t.Fatalf("%d activities are pending", len(r.activities))
	}
	for _, act := range r.activities {
		return act
	}
	return nil
}

// Commands.

func scheduleActivity(id string, change ...func(*commandpb.ScheduleActivityTaskCommandAttributes)) *commandpb.Command {
	attr := &commandpb.ScheduleActivityTaskCommandAttributes{
		ActivityId:          id,
		ActivityType:        &commonpb.ActivityType{Name: "Activity"},
		TaskQueue:           &taskqueuepb.TaskQueue{Name: testQueue},
		Input:               payloads("input of " + id),
		Header:              &commonpb.Header{Fields: map[string]*commonpb.Payload{"h": {Data: []byte("header")}}},
		StartToCloseTimeout: durationpb.New(time.Minute),
	}
	for _, f := range change {
		f(attr)
	}
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
		Attributes:  &commandpb.Command_ScheduleActivityTaskCommandAttributes{ScheduleActivityTaskCommandAttributes: attr},
	}
}

func cancelActivity(scheduledEventID int64) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK,
		Attributes: &commandpb.Command_RequestCancelActivityTaskCommandAttributes{
			RequestCancelActivityTaskCommandAttributes: &commandpb.RequestCancelActivityTaskCommandAttributes{ScheduledEventId: scheduledEventID},
		},
	}
}

func startTimer(id string, d time.Duration) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_START_TIMER,
		Attributes: &commandpb.Command_StartTimerCommandAttributes{
			StartTimerCommandAttributes: &commandpb.StartTimerCommandAttributes{TimerId: id, StartToFireTimeout: durationpb.New(d)},
		},
	}
}

func cancelTimer(id string) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_CANCEL_TIMER,
		Attributes: &commandpb.Command_CancelTimerCommandAttributes{
			CancelTimerCommandAttributes: &commandpb.CancelTimerCommandAttributes{TimerId: id},
		},
	}
}

func startChild(workflowID string, change ...func(*commandpb.StartChildWorkflowExecutionCommandAttributes)) *commandpb.Command {
	attr := &commandpb.StartChildWorkflowExecutionCommandAttributes{
		WorkflowId:   workflowID,
		WorkflowType: &commonpb.WorkflowType{Name: "Child"},
		Input:        payloads("input of " + workflowID),
		Header:       &commonpb.Header{Fields: map[string]*commonpb.Payload{"h": {Data: []byte("header")}}},
		Control:      "control",
	}
	for _, f := range change {
		f(attr)
	}
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION,
		Attributes:  &commandpb.Command_StartChildWorkflowExecutionCommandAttributes{StartChildWorkflowExecutionCommandAttributes: attr},
	}
}

func parentClosePolicy(p enumspb.ParentClosePolicy) func(*commandpb.StartChildWorkflowExecutionCommandAttributes) {
	return func(attr *commandpb.StartChildWorkflowExecutionCommandAttributes) { attr.ParentClosePolicy = p }
}

func signalExternal(workflowID string, change ...func(*commandpb.SignalExternalWorkflowExecutionCommandAttributes)) *commandpb.Command {
	attr := &commandpb.SignalExternalWorkflowExecutionCommandAttributes{
		Execution:  &commonpb.WorkflowExecution{WorkflowId: workflowID},
		SignalName: "signal",
		Input:      payloads("signal input"),
		Control:    "control",
	}
	for _, f := range change {
		f(attr)
	}
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION,
		Attributes:  &commandpb.Command_SignalExternalWorkflowExecutionCommandAttributes{SignalExternalWorkflowExecutionCommandAttributes: attr},
	}
}

func cancelExternal(workflowID string, change ...func(*commandpb.RequestCancelExternalWorkflowExecutionCommandAttributes)) *commandpb.Command {
	attr := &commandpb.RequestCancelExternalWorkflowExecutionCommandAttributes{WorkflowId: workflowID, Reason: "reason"}
	for _, f := range change {
		f(attr)
	}
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION,
		Attributes:  &commandpb.Command_RequestCancelExternalWorkflowExecutionCommandAttributes{RequestCancelExternalWorkflowExecutionCommandAttributes: attr},
	}
}

func completeWorkflow(result string) *commandpb.Command {
	return &commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
		Attributes: &commandpb.Command_CompleteWorkflowExecutionCommandAttributes{
			CompleteWorkflowExecutionCommandAttributes: &commandpb.CompleteWorkflowExecutionCommandAttributes{Result: payloads(result)},
		},
	}
}

func payloads(data string) *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("binary/plain")}, Data: []byte(data)}}}
}
