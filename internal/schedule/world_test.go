package schedule

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/workflow"
)

// tester is what *testing.T and *rapid.T are.
type tester interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

const testNamespace = "namespace-id"

// epoch is when the clock of every world begins: in the middle of a minute.
var epoch = time.Date(2030, 1, 1, 12, 0, 30, 0, time.UTC)

// world runs schedules and workflows as the runtime does, by hand: time passes in pass only,
// messages arrive in settle only. A crash takes what is in memory.
type world struct {
	t        tester
	now      time.Time
	ids      int64
	machines map[entity.Kind]entity.Machine

	entities map[entity.Key]entity.Entity // in memory
	records  map[entity.Key]map[string][]byte
	timers   map[entity.Key][]entity.Timer
	lanes    map[[2]entity.Key]*lane
	tasks    map[int64]*entity.Task
	index    map[string][]byte

	checks int // of schedules

	// chance, if it is not nil, has the process crash in the middle of things: crashRate of all
	// steps are lost, and as many are the last before a crash. crashes counts them.
	chance    *rand.Rand
	crashRate float64
	crashes   int
	// startDelay is Config.StartDelay.
	startDelay time.Duration
	// starts counts how often workflows were started, by their ids. Runs that continue others
	// do not count. runs are those that were counted.
	starts map[string]int
	runs   map[string]bool
}

// lane is the messages from one entity to another. Those before next were delivered, but those
// from removed on may be again after a crash.
type lane struct {
	messages      [][]byte
	next, removed int
}

// errCrashed is what a step returns when the process has crashed before it has answered.
var errCrashed = errors.New("crashed")

func newWorld(t tester) *world {
	w := &world{
		t: t, now: epoch,
		entities: make(map[entity.Key]entity.Entity), records: make(map[entity.Key]map[string][]byte),
		timers: make(map[entity.Key][]entity.Timer), lanes: make(map[[2]entity.Key]*lane),
		tasks: make(map[int64]*entity.Task), index: make(map[string][]byte), starts: make(map[string]int), runs: make(map[string]bool),
	}
	w.machines = map[entity.Kind]entity.Machine{
		entity.KindSchedule: NewMachine(Config{
			NamespaceName: func(string) string { return "space" },
			StartDelay:    func(string, time.Time) time.Duration { return w.startDelay },
		}),
		entity.KindWorkflow: workflow.NewMachine(workflow.Config{Namespace: func(id string) (workflow.Namespace, bool) {
			return workflow.Namespace{ID: id, Name: "space", Retention: 24 * time.Hour}, id == testNamespace
		}}),
	}
	return w
}

// env is what steps of an entity need of the world, which also reads its records.
type env struct {
	w   *world
	key entity.Key
}

func (e env) NewID() string         { e.w.ids++; return fmt.Sprintf("00000000-0000-0000-0000-%012d", e.w.ids) }
func (e env) NextTaskID() int64     { e.w.ids++; return e.w.ids }
func (e env) Reader() entity.Reader { return e }
func (e env) Indexed() bool         { return true }

func (e env) Get(record []byte) ([]byte, error) { return e.w.records[e.key][string(record)], nil }

func (e env) Scan(prefix, from []byte, reverse bool, visit func(record, value []byte) bool) error {
	keys := slices.Sorted(maps.Keys(e.w.records[e.key]))
	if reverse {
		slices.Reverse(keys)
	}
	for _, k := range keys {
		if !strings.HasPrefix(k, string(prefix)) || from != nil && (reverse && k >= string(from) || !reverse && k < string(from)) {
			continue
		}
		if !visit([]byte(k), e.w.records[e.key][k]) {
			break
		}
	}
	return nil
}

func (w *world) load(key entity.Key) entity.Entity {
	w.t.Helper()
	e := w.entities[key]
	if e == nil {
		var err error
		if e, err = w.machines[key.Kind].Load(context.Background(), env{w, key}, key); err != nil {
			w.t.Fatalf("%v", err)
		}
		w.entities[key] = e
	}
	return e
}

// step carries out a step.
func (w *world) step(key entity.Key, fn func(*entity.Step, entity.Entity) error) error {
	w.t.Helper()
	e := w.load(key)
	step := entity.NewStep(w.now, env{w, key})
	if keeper, ok := e.(entity.Timekeeper); ok {
		keeper.BeginStep(step)
	}
	err := fn(step, e)
	if err == nil {
		err = e.EndStep(step)
	}
	if err != nil {
		if !step.Empty() {
			w.t.Fatalf("a step that failed with %v has noted something", err)
		}
		return err
	}
	if w.crashesNow() {
		return errCrashed
	}
	w.commit(key, step.Outputs())
	w.check(key)
	if w.crashesNow() {
		return errCrashed
	}
	return nil
}

// crashesNow leaves it to chance whether there is a crash.
func (w *world) crashesNow() bool {
	if w.chance == nil || w.chance.Float64() >= w.crashRate {
		return false
	}
	w.crash()
	return true
}

func (w *world) commit(key entity.Key, out *entity.Outputs) {
	stored := w.records[key]
	if stored == nil {
		stored = make(map[string][]byte)
		w.records[key] = stored
	}
	for _, r := range out.Records {
		switch {
		case r.Prefix:
			maps.DeleteFunc(stored, func(k string, _ []byte) bool { return strings.HasPrefix(k, string(r.Key)) })
		case r.Value == nil:
			delete(stored, string(r.Key))
		default:
			stored[string(r.Key)] = bytes.Clone(r.Value)
		}
	}
	for _, timer := range out.Timers {
		w.timers[key] = slices.DeleteFunc(w.timers[key], func(old entity.Timer) bool {
			return bytes.Equal(old.Name, timer.Name) && old.At.Equal(timer.At)
		})
		if !timer.Clear {
			w.timers[key] = append(w.timers[key], timer)
		}
	}
	for _, task := range out.Tasks {
		w.tasks[task.ID] = task
	}
	for _, ref := range out.Removed {
		delete(w.tasks, ref.ID)
	}
	for _, m := range out.Messages {
		way := [2]entity.Key{key, m.To}
		if w.lanes[way] == nil {
			w.lanes[way] = new(lane)
		}
		w.lanes[way].messages = append(w.lanes[way].messages, bytes.Clone(m.Body))
	}
	for _, entry := range out.Index {
		if w.index[entry.ID] = entry.Row; entry.Row == nil {
			delete(w.index, entry.ID)
		}
	}
	w.countStarts(out)
}

// countStarts notes which workflows were started.
func (w *world) countStarts(out *entity.Outputs) {
	for _, entry := range out.Index {
		row := new(records.WorkflowRow)
		if proto.Unmarshal(entry.Row, row) == nil && row.RunId == row.FirstRunId && row.WorkflowType == "type" && !w.runs[row.RunId] {
			w.runs[row.RunId] = true
			w.starts[row.WorkflowId]++
		}
	}
}

// check compares a schedule in memory with its records, and its row with both.
func (w *world) check(key entity.Key) {
	w.t.Helper()
	if key.Kind != entity.KindSchedule {
		return
	}
	s := w.entities[key].(*Schedule)
	if w.checks++; len(s.starts) > 50 && w.checks%50 != 0 {
		return
	}
	e, err := w.machines[key.Kind].Load(context.Background(), env{w, key}, key)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	stored := e.(*Schedule)
	same := s.exists() == stored.exists() && proto.Equal(s.def, stored.def) && proto.Equal(s.state, stored.state) &&
		proto.Equal(s.outcome, stored.outcome) && len(s.starts) == len(stored.starts)
	for i := range s.starts {
		same = same && proto.Equal(s.starts[i], stored.starts[i])
	}
	if !same {
		w.t.Fatalf("in memory: %v %v %v, stored: %v %v %v", s.state, s.outcome, s.starts, stored.state, stored.outcome, stored.starts)
	}
	if !s.exists() {
		if n := len(w.records[key]) + len(w.timers[key]); n > 0 {
			w.t.Fatalf("%d records and timers are left of a schedule that is gone", n)
		}
		return
	}
	if n := len(w.timers[key]); n > 1 || n == 1 && !w.timers[key][0].At.Equal(s.state.WakeAt.AsTime()) || n == 0 && s.state.WakeAt != nil {
		w.t.Fatalf("the timers are %v, the schedule wakes at %v", w.timers[key], s.state.WakeAt)
	}
	row, want := new(records.WorkflowRow), s.row()
	if err := proto.Unmarshal(w.index[s.def.Id], row); err != nil || !proto.Equal(row, want) {
		w.t.Fatalf("the row is %v, %v, want %v", row, err, want)
	}
	if len(s.starts) > maxBuffer || len(s.state.RecentActions) > recentActions {
		w.t.Fatalf("%d starts wait, %d actions are remembered", len(s.starts), len(s.state.RecentActions))
	}
}

// settle fires what is due and delivers messages until nothing is left to do.
func (w *world) settle() {
	w.t.Helper()
	for i := 0; w.fireOne() || w.deliverOne(); i++ {
		if i > 1_000_000 {
			w.t.Fatalf("it does not come to rest")
		}
	}
}

func (w *world) fireOne() bool {
	w.t.Helper()
	for _, key := range sortedKeys(w.timers) {
		for _, timer := range w.timers[key] {
			if !timer.At.After(w.now) {
				if err := w.step(key, func(step *entity.Step, e entity.Entity) error { return e.Fire(step) }); err != nil && err != errCrashed {
					w.t.Fatalf("firing %v: %v", key, err)
				}
				return true
			}
		}
	}
	return false
}

func (w *world) deliverOne() bool {
	w.t.Helper()
	for _, way := range w.ways() {
		if l := w.lanes[way]; l.next < len(l.messages) {
			body := bytes.Clone(l.messages[l.next])
			switch err := w.step(way[1], func(step *entity.Step, e entity.Entity) error { return e.Receive(step, way[0], body) }); err {
			case nil:
				l.next++
				if w.chance != nil && w.chance.IntN(3) == 0 {
					l.removed = l.next
				}
			case errCrashed:
			default:
				w.t.Fatalf("delivering to %v: %v", way[1], err)
			}
			return true
		}
	}
	return false
}

// ways are the ways between entities that have messages, in order.
func (w *world) ways() [][2]entity.Key {
	return slices.SortedFunc(maps.Keys(w.lanes), func(a, b [2]entity.Key) int {
		return strings.Compare(a[0].String()+a[1].String(), b[0].String()+b[1].String())
	})
}

func sortedKeys[V any](m map[entity.Key]V) []entity.Key {
	return slices.SortedFunc(maps.Keys(m), func(a, b entity.Key) int { return strings.Compare(a.String(), b.String()) })
}

// pass lets time pass, timer by timer.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	w.settle()
	for {
		next := end
		for _, timers := range w.timers {
			for _, timer := range timers {
				if timer.At.Before(next) {
					next = timer.At
				}
			}
		}
		w.now = next
		w.settle()
		if !next.Before(end) {
			return
		}
	}
}

// sleep lets time pass while the server is down.
func (w *world) sleep(d time.Duration) {
	w.now = w.now.Add(d)
	w.crash()
}

// crash loses what is in memory, and that messages were delivered.
func (w *world) crash() {
	clear(w.entities)
	w.crashes++
	for _, way := range w.ways() {
		if l := w.lanes[way]; w.chance != nil {
			l.next = l.removed + w.chance.IntN(l.next-l.removed+1)
		}
	}
}

func scheduleKey(id string) entity.Key {
	return entity.Key{Kind: entity.KindSchedule, Namespace: testNamespace, ID: id}
}

func workflowKey(id string) entity.Key {
	return entity.Key{Kind: entity.KindWorkflow, Namespace: testNamespace, ID: id}
}

// must carries out a step of the schedule "s" that must not fail. It may be carried out again
// after a crash.
func (w *world) must(fn func(*entity.Step, *Schedule) error) {
	w.t.Helper()
	err := errCrashed
	for err == errCrashed { // who has had no answer asks again
		err = w.step(scheduleKey("s"), func(step *entity.Step, e entity.Entity) error { return fn(step, e.(*Schedule)) })
	}
	if err != nil {
		w.t.Fatalf("%v", err)
	}
}

// everyMinute is a schedule that starts the workflow "w" at each full minute.
func everyMinute(changes ...func(*schedulepb.Schedule)) *schedulepb.Schedule {
	s := &schedulepb.Schedule{
		Spec: &schedulepb.ScheduleSpec{StructuredCalendar: []*schedulepb.StructuredCalendarSpec{{
			Second: []*schedulepb.Range{{}}, Minute: []*schedulepb.Range{{End: 59, Step: 1}}, Hour: []*schedulepb.Range{{End: 23, Step: 1}},
			DayOfMonth: []*schedulepb.Range{{Start: 1, End: 31}}, Month: []*schedulepb.Range{{Start: 1, End: 12}}, DayOfWeek: []*schedulepb.Range{{End: 6}},
		}}},
		Action: &schedulepb.ScheduleAction{Action: &schedulepb.ScheduleAction_StartWorkflow{StartWorkflow: &workflowpb.NewWorkflowExecutionInfo{
			WorkflowId: "w", WorkflowType: &commonpb.WorkflowType{Name: "type"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "queue"},
		}}},
		Policies: &schedulepb.SchedulePolicies{},
		State:    &schedulepb.ScheduleState{},
	}
	for _, change := range changes {
		change(s)
	}
	return s
}

func overlap(policy enumspb.ScheduleOverlapPolicy) func(*schedulepb.Schedule) {
	return func(s *schedulepb.Schedule) { s.Policies.OverlapPolicy = policy }
}

// create makes the schedule "s".
func (w *world) create(s *schedulepb.Schedule, patch ...*schedulepb.SchedulePatch) {
	w.t.Helper()
	req := &workflowservice.CreateScheduleRequest{RequestId: "create", Schedule: s}
	if len(patch) > 0 {
		req.InitialPatch = patch[0]
	}
	w.must(func(step *entity.Step, s *Schedule) error { _, err := s.Create(step, req); return err })
}

func (w *world) patch(patch *schedulepb.SchedulePatch) {
	w.t.Helper()
	w.ids++
	req := &workflowservice.PatchScheduleRequest{RequestId: fmt.Sprint("patch-", w.ids), Patch: patch}
	w.must(func(step *entity.Step, s *Schedule) error { return s.Patch(step, req) })
}

func (w *world) update(s *schedulepb.Schedule) {
	w.t.Helper()
	w.must(func(step *entity.Step, sch *Schedule) error {
		return sch.Update(step, &workflowservice.UpdateScheduleRequest{Schedule: s})
	})
}

func (w *world) describe() *workflowservice.DescribeScheduleResponse {
	w.t.Helper()
	resp, err := w.load(scheduleKey("s")).(*Schedule).Describe()
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	return resp
}

// started are the workflow ids that were started, in order, by the times in them: "12:01".
func (w *world) started() []string {
	var times []string
	for _, id := range slices.Sorted(maps.Keys(w.starts)) {
		if w.starts[id] != 1 {
			w.t.Errorf("workflow %s was started %d times", id, w.starts[id])
		}
		times = append(times, strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(id, "w-2030-01-01T"), "Z"), ":00"))
	}
	return times
}

// expect compares the workflows that were started with times.
func (w *world) expect(times ...string) {
	w.t.Helper()
	if got := w.started(); !slices.Equal(got, times) {
		w.t.Fatalf("started %q, want %q", got, times)
	}
}

// finish has the worker answer the workflow task of the workflow of a time.
func (w *world) finish(at string, command *commandpb.Command) {
	w.t.Helper()
	id := "w-2030-01-01T" + at + ":00Z"
	w.finishWorkflow(id, command)
	w.settle()
}

func (w *world) finishWorkflow(id string, command *commandpb.Command) {
	w.t.Helper()
	var task *entity.Task
	for _, t := range w.tasks {
		if t.Entity.ID == id && (task == nil || t.ID > task.ID) {
			task = t
		}
	}
	if task == nil {
		w.t.Fatalf("workflow %s has no task", id)
		return
	}
	var reply *workflowservice.PollWorkflowTaskQueueResponse
	do := func(fn func(*entity.Step, *workflow.Chain) error) {
		w.t.Helper()
		if err := w.step(workflowKey(id), func(step *entity.Step, e entity.Entity) error { return fn(step, e.(*workflow.Chain)) }); err != nil {
			w.t.Fatalf("%v", err)
		}
	}
	do(func(step *entity.Step, c *workflow.Chain) (err error) {
		reply, err = c.StartWorkflowTask(step, task, &workflowservice.PollWorkflowTaskQueueRequest{TaskQueue: &taskqueuepb.TaskQueue{Name: "queue"}})
		return err
	})
	taskToken, err := token.DecodeTask(reply.TaskToken)
	if err != nil {
		w.t.Fatalf("%v", err)
	}
	do(func(step *entity.Step, c *workflow.Chain) error {
		completion, err := c.CompleteWorkflowTask(step, taskToken, &workflowservice.RespondWorkflowTaskCompletedRequest{Commands: []*commandpb.Command{command}})
		if err == nil {
			err = completion.Err
		}
		return err
	})
}

// terminate terminates the workflow of a time.
func (w *world) terminate(at string) {
	w.t.Helper()
	w.terminateWorkflow("w-2030-01-01T" + at + ":00Z")
	w.settle()
}

func (w *world) terminateWorkflow(id string) {
	w.t.Helper()
	err := w.step(workflowKey(id), func(step *entity.Step, e entity.Entity) error {
		return e.(*workflow.Chain).Terminate(step, &workflowservice.TerminateWorkflowExecutionRequest{WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id}})
	})
	if err != nil {
		w.t.Fatalf("%v", err)
	}
}

func completed(result string) *commandpb.Command {
	return &commandpb.Command{CommandType: enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION, Attributes: &commandpb.Command_CompleteWorkflowExecutionCommandAttributes{
		CompleteWorkflowExecutionCommandAttributes: &commandpb.CompleteWorkflowExecutionCommandAttributes{Result: payloads(result)}}}
}

func failed(message string) *commandpb.Command {
	return &commandpb.Command{CommandType: enumspb.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION, Attributes: &commandpb.Command_FailWorkflowExecutionCommandAttributes{
		FailWorkflowExecutionCommandAttributes: &commandpb.FailWorkflowExecutionCommandAttributes{Failure: &failurepb.Failure{
			Message: message, FailureInfo: &failurepb.Failure_ApplicationFailureInfo{ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{}}}}}}
}

func canceled() *commandpb.Command {
	return &commandpb.Command{CommandType: enumspb.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION, Attributes: &commandpb.Command_CancelWorkflowExecutionCommandAttributes{
		CancelWorkflowExecutionCommandAttributes: &commandpb.CancelWorkflowExecutionCommandAttributes{}}}
}

func continuedAsNew() *commandpb.Command {
	return &commandpb.Command{CommandType: enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION, Attributes: &commandpb.Command_ContinueAsNewWorkflowExecutionCommandAttributes{
		ContinueAsNewWorkflowExecutionCommandAttributes: &commandpb.ContinueAsNewWorkflowExecutionCommandAttributes{
			WorkflowType: &commonpb.WorkflowType{Name: "type"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "queue"}}}}
}

func payloads(text string) *commonpb.Payloads {
	return &commonpb.Payloads{Payloads: []*commonpb.Payload{{Data: []byte(text)}}}
}
