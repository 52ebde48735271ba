package activity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	activitypb "go.temporal.io/api/activity/v1"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/runchain"
)

// tester is what *testing.T and *rapid.T are.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// epoch is when the clock of every engine begins.
var epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)

// testKey is the activity of every engine.
var testKey = entity.Key{Kind: entity.KindActivity, Namespace: "namespace-id", ID: "a"}

// engine runs one activity the way the runtime does, but by hand: nothing happens unless a
// test asks for it, and time passes only in advance. After every step it checks that the
// records hold what is in memory (check).
type engine struct {
	t         tester
	config    Config
	now       time.Time
	ids       int64
	retention time.Duration
	limits    Limits
	chain     *Chain
	disk
	// sent are the messages to deliveries of callbacks.
	sent []entity.Message
	// flushed is the disk as a power cut would leave it; nil: as it is.
	flushed *disk
}

// disk is what the store holds.
type disk struct {
	records map[string][]byte
	tasks   map[int64]*entity.Task
	timers  map[string]time.Time
	rows    map[string][]byte
}

func (d *disk) clone() disk {
	return disk{maps.Clone(d.records), maps.Clone(d.tasks), maps.Clone(d.timers), maps.Clone(d.rows)}
}

func newEngine(t tester) *engine {
	e := &engine{t: t, now: epoch, retention: 24 * time.Hour, limits: *ReadLimits(nil, ""),
		disk: disk{map[string][]byte{}, map[int64]*entity.Task{}, map[string]time.Time{}, map[string][]byte{}}}
	e.config = Config{
		Namespace: func(string) (Namespace, bool) { return Namespace{Name: "space", Retention: e.retention}, true },
		Limits:    func(string) *Limits { return &e.limits },
	}
	e.crash()
	return e
}

// The engine is the environment of its steps.

func (e *engine) NewID() string {
	e.ids++
	return fmt.Sprintf("00000000-0000-0000-0000-%012d", e.ids)
}
func (e *engine) NextTaskID() int64     { e.ids++; return e.ids }
func (e *engine) Reader() entity.Reader { return reader{e.records, e.now} }
func (e *engine) Indexed() bool         { return true }

// reader reads records.
type reader struct {
	records map[string][]byte
	now     time.Time
}

func (r reader) Now() time.Time                    { return r.now }
func (r reader) Get(record []byte) ([]byte, error) { return r.records[string(record)], nil }

func (r reader) Scan(prefix, from []byte, _ bool, visit func(record, value []byte) bool) error {
	for _, key := range slices.Sorted(maps.Keys(r.records)) {
		if strings.HasPrefix(key, string(prefix)) && key >= string(from) && !visit([]byte(key), r.records[key]) {
			break
		}
	}
	return nil
}

// crash ends the process and starts it again.
func (e *engine) crash() {
	loaded, err := NewMachine(e.config).Load(context.Background(), e.Reader(), testKey)
	if err != nil {
		e.t.Fatalf("load: %v", err)
	}
	e.chain = loaded.(*Chain)
}

// powerCut is a crash that takes what nobody has waited for.
func (e *engine) powerCut() {
	if e.flushed != nil {
		e.disk, e.flushed = *e.flushed, nil
	}
	e.crash()
}

// step runs a step and carries out its outputs.
func (e *engine) step(fn func(*entity.Step, *Chain) error) error {
	e.t.Helper()
	step := entity.NewStep(e.now, e)
	if err := fn(step, e.chain); err != nil {
		if !step.Empty() {
			e.t.Errorf("a step has failed with %v, and noted something", err)
		}
		e.check()
		return err
	}
	if err := e.chain.EndStep(step); err != nil {
		e.t.Fatalf("end of step: %v", err)
	}
	out := step.Outputs()
	if before := e.disk.clone(); !out.Lazy {
		e.flushed = nil
	} else if e.flushed == nil {
		e.flushed = &before
	}
	for _, record := range out.Records {
		if record.Value == nil {
			delete(e.records, string(record.Key))
		} else {
			e.records[string(record.Key)] = record.Value
		}
	}
	for _, timer := range out.Timers {
		if timer.Clear {
			if !e.timers[string(timer.Name)].Equal(timer.At) {
				e.t.Errorf("timer %q of %v is cleared, which is %v", timer.Name, timer.At, e.timers[string(timer.Name)])
			}
			delete(e.timers, string(timer.Name))
		} else {
			e.timers[string(timer.Name)] = timer.At
		}
	}
	for _, task := range out.Tasks {
		e.tasks[task.ID] = task
	}
	for _, ref := range out.Removed {
		if task := e.tasks[ref.ID]; task == nil || task.Queue != ref.Queue || task.Lane != ref.Lane {
			e.t.Errorf("task %v is removed, which is %v", ref, task)
		}
		delete(e.tasks, ref.ID)
	}
	e.sent = append(e.sent, out.Messages...)
	for _, entry := range out.Index {
		if entry.Row == nil {
			delete(e.rows, entry.ID)
		} else {
			e.rows[entry.ID] = entry.Row
		}
	}
	e.check()
	return nil
}

// check checks that what is in memory is what would be loaded, that what waits for a
// worker has a task and nothing else has, that the timer is not later than what is due,
// and that the index has the rows that one would have that is made of the records.
func (e *engine) check() {
	e.t.Helper()
	m := NewMachine(e.config).(*machine)
	loaded, err := m.Load(context.Background(), e.Reader(), testKey)
	if err != nil {
		e.t.Fatalf("load: %v", err)
	}
	fresh := loaded.(*Chain)
	if !proto.Equal(fresh.Stored(), e.chain.Stored()) || (fresh.Current() == nil) != (e.chain.Current() == nil) {
		e.t.Fatalf("in memory is %v, in the records %v", e.chain.Stored(), fresh.Stored())
	}
	if problems := m.Verify(context.Background(), e.Reader(), testKey); len(problems) > 0 {
		e.t.Fatalf("the records are wrong: %v", errors.Join(problems...))
	}
	if (len(e.records) == 0) != (e.chain.Stored() == nil) {
		e.t.Errorf("the activity is %v, and there are %d records", e.chain.Stored(), len(e.records))
	}
	waiting := 0
	if r := e.chain.Current(); r != nil {
		if !proto.Equal(fresh.Current().callbacks, r.callbacks) {
			e.t.Errorf("in memory are %v, in the records %v", r.callbacks, fresh.Current().callbacks)
		}
		if !proto.Equal(fresh.Current().rec, r.rec) || fresh.Current().listed != r.listed {
			e.t.Fatalf("in memory is %v, in the records %v", r.rec, fresh.Current().rec)
		}
		act := r.act()
		if r.state() == scheduled && act.RetryAt == nil {
			waiting = 1
			if task := e.tasks[act.TaskId]; task == nil || task.Stamp != act.Stamp || task.Queue.Name != act.TaskQueue {
				e.t.Errorf("an attempt waits for a worker, and its task is %v", task)
			}
		}
		if at, _ := r.deadline(); !at.IsZero() && (e.timers[string(runchain.RunTimer)].IsZero() || e.timers[string(runchain.RunTimer)].After(at)) {
			e.t.Errorf("something is due at %v, and the timer is set for %v", at, e.timers[string(runchain.RunTimer)])
		}
	}
	if len(e.tasks) != waiting {
		e.t.Errorf("there are %d tasks, and %d attempts wait for a worker", len(e.tasks), waiting)
	}
	e.checkRows(m)
}

func (e *engine) checkRows(m *machine) {
	e.t.Helper()
	entries, err := m.IndexRows(context.Background(), e.Reader(), testKey)
	if err != nil || len(entries) != len(e.rows) {
		e.t.Fatalf("there are %d rows, and %d by the records: %v", len(e.rows), len(entries), err)
	}
	for _, entry := range entries {
		got, want := new(records.WorkflowRow), new(records.WorkflowRow)
		if proto.Unmarshal(e.rows[entry.ID], got) != nil || proto.Unmarshal(entry.Row, want) != nil {
			e.t.Fatalf("a row does not decode")
		}
		if visible := func(row *records.WorkflowRow) string {
			return fmt.Sprint(row.WorkflowId, row.Status, row.TaskQueue, row.ExecutionTime.AsTime(), row.CloseTime.AsTime())
		}; visible(got) != visible(want) {
			e.t.Errorf("a row is %v, and by the records %v", got, want)
		}
	}
}

// advance lets time pass, and fires the timers that come due, in order.
func (e *engine) advance(d time.Duration) {
	e.t.Helper()
	for end := e.now.Add(d); ; {
		var next time.Time
		for _, at := range e.timers {
			if next.IsZero() || at.Before(next) {
				next = at
			}
		}
		if next.IsZero() || next.After(end) {
			e.now = end
			return
		}
		if next.After(e.now) {
			e.now = next
		}
		before := maps.Clone(e.timers)
		if err := e.step(func(step *entity.Step, c *Chain) error { return c.Fire(step) }); err != nil {
			e.t.Fatalf("fire: %v", err)
		}
		if maps.Equal(before, e.timers) {
			e.t.Fatalf("the timers %v fire again and again", before)
		}
	}
}

// What clients and workers do.

type startRequest = workflowservice.StartActivityExecutionRequest

func (e *engine) tryStart(change ...func(*startRequest)) (*workflowservice.StartActivityExecutionResponse, error) {
	e.t.Helper()
	req := &startRequest{
		Namespace: "space", ActivityId: testKey.ID, RequestId: e.NewID(), ActivityType: &commonpb.ActivityType{Name: "type"},
		TaskQueue: &taskqueuepb.TaskQueue{Name: "queue"}, Input: text("input"),
		ScheduleToCloseTimeout: durationpb.New(0), ScheduleToStartTimeout: durationpb.New(0),
		StartToCloseTimeout: durationpb.New(time.Minute), HeartbeatTimeout: durationpb.New(0),
		RetryPolicy: &commonpb.RetryPolicy{InitialInterval: durationpb.New(time.Second), BackoffCoefficient: 2,
			MaximumInterval: durationpb.New(100 * time.Second)},
		IdReusePolicy:    enumspb.ACTIVITY_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		IdConflictPolicy: enumspb.ACTIVITY_ID_CONFLICT_POLICY_FAIL,
	}
	for _, c := range change {
		c(req)
	}
	var resp *workflowservice.StartActivityExecutionResponse
	err := e.step(func(step *entity.Step, c *Chain) (err error) {
		resp, err = c.Start(step, req)
		return err
	})
	return resp, err
}

func (e *engine) start(change ...func(*startRequest)) (runID string) {
	e.t.Helper()
	resp, err := e.tryStart(change...)
	if err != nil {
		e.t.Fatalf("start: %v", err)
	}
	return resp.RunId
}

// tryPoll starts the task that waits; nil if there is none, or its start is refused.
func (e *engine) tryPoll() *workflowservice.PollActivityTaskQueueResponse {
	e.t.Helper()
	for _, task := range e.tasks {
		var resp *workflowservice.PollActivityTaskQueueResponse
		err := e.step(func(step *entity.Step, c *Chain) (err error) {
			resp, err = c.StartActivity(step, task, &workflowservice.PollActivityTaskQueueRequest{Identity: "worker"}, SDK{"sdk", "1"})
			return err
		})
		if err != nil && !errors.Is(err, entity.ErrStaleTask) {
			e.t.Fatalf("poll: %v", err)
		}
		return resp
	}
	return nil
}

func (e *engine) poll() *workflowservice.PollActivityTaskQueueResponse {
	e.t.Helper()
	resp := e.tryPoll()
	if resp == nil {
		e.t.Fatalf("no attempt waits for a worker: %v", e.chain.Current().rec)
	}
	return resp
}

func byToken(e *engine, task *workflowservice.PollActivityTaskQueueResponse) attempt.Ref {
	token, err := tokens.DecodeTask(task.TaskToken)
	if err == nil {
		err = tokens.CheckActivityTask(token)
	}
	if err != nil {
		e.t.Fatalf("token: %v", err)
	}
	return attempt.Ref{Token: token}
}

func byID() attempt.Ref { return attempt.Ref{ActivityID: testKey.ID} }

func (e *engine) complete(ref attempt.Ref) error {
	return e.step(func(step *entity.Step, c *Chain) error {
		return c.CompleteActivity(step, ref, text("result"), "worker")
	})
}

func (e *engine) fail(ref attempt.Ref, message string, change ...func(*applicationInfo)) error {
	return e.step(func(step *entity.Step, c *Chain) error {
		_, err := c.FailActivity(step, ref, failed(message, change...), nil, "worker")
		return err
	})
}

func (e *engine) heartbeat(ref attempt.Ref, details string) (answer attempt.HeartbeatAnswer, err error) {
	err = e.step(func(step *entity.Step, c *Chain) (err error) {
		answer, err = c.Heartbeat(step, ref, text(details), "worker")
		return err
	})
	return answer, err
}

func (e *engine) cancel(requestID string) error {
	return e.step(func(step *entity.Step, c *Chain) error {
		return c.RequestCancel(step, &workflowservice.RequestCancelActivityExecutionRequest{RequestId: requestID, Reason: "enough", Identity: "client"})
	})
}

func (e *engine) pause() error {
	return e.step(func(step *entity.Step, c *Chain) error {
		return c.Pause(step, &workflowservice.PauseActivityExecutionRequest{RequestId: e.NewID()})
	})
}

func (e *engine) unpause() error {
	return e.step(func(step *entity.Step, c *Chain) error {
		return c.Unpause(step, &workflowservice.UnpauseActivityExecutionRequest{RequestId: e.NewID()})
	})
}

func (e *engine) reset(change ...func(*workflowservice.ResetActivityExecutionRequest)) error {
	req := &workflowservice.ResetActivityExecutionRequest{RequestId: e.NewID()}
	for _, c := range change {
		c(req)
	}
	return e.step(func(step *entity.Step, c *Chain) error { return c.Reset(step, req) })
}

func (e *engine) describe(runID string) *workflowservice.DescribeActivityExecutionResponse {
	e.t.Helper()
	resp, err := e.chain.Describe(reader{e.records, e.now}, &workflowservice.DescribeActivityExecutionRequest{
		RunId: runID, IncludeOutcome: true, IncludeInput: true, IncludeLastFailure: true, IncludeHeartbeatDetails: true})
	if err != nil {
		e.t.Fatalf("describe: %v", err)
	}
	return resp
}

// wantOutcome checks how the run has closed.
func (e *engine) wantOutcome(runID string, status enumspb.ActivityExecutionStatus, message string, state enumspb.RetryState) *activitypb.ActivityExecutionOutcome {
	e.t.Helper()
	resp := e.describe(runID)
	if resp.Info.Status != status || resp.Outcome.GetFailure().GetMessage() != message || resp.Outcome.GetRetryState() != state {
		e.t.Errorf("the run is %v, its outcome %v", resp.Info.Status, resp.Outcome)
	}
	return resp.Outcome
}

func text(s string) *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{{Metadata: map[string][]byte{"encoding": []byte("json/plain")}, Data: []byte(s)}}}
}

// notFound reports whether the error says that what was asked for is not there.
func notFound(err error) bool {
	var missing *serviceerror.NotFound
	return errors.As(err, &missing) && strings.Contains(err.Error(), "activity not found for ID: a")
}

// refused reports whether the error is FailedPrecondition with the text.
func refused(err error, text string) bool {
	var precondition *serviceerror.FailedPrecondition
	return errors.As(err, &precondition) && bytes.Contains([]byte(err.Error()), []byte(text))
}
