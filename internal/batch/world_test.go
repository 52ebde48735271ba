package batch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
)

// world is a server as a Runner sees it, with one job and some workflows. It crashes when
// it is told to: what has been done before stays, and nothing that was under way goes on.
type world struct {
	random  *rand.Rand
	machine Machine
	key     entity.Key

	mu        sync.Mutex
	records   map[string][]byte
	rows      map[string][]byte
	tasks     []*entity.Task
	taken     map[int64]bool // tasks that a runner has
	timers    map[string]bool
	ids       int64
	workflows map[string]*workflow
	// untilCrash counts down the steps and calls; at 0 the world crashes, before or after
	// the one that it is. Negative: it does not.
	untilCrash int
	crashed    chan struct{}
	loaded     entity.Entity
	changed    chan struct{} // closed and made anew when the job changes
	// refuse is what a call for a workflow is answered, in place of doing it.
	refuse func(id string) error
	calls  int
}

// workflow is one in the world. Whenever a run of it is terminated the next one begins.
type workflow struct {
	run        int
	signals    []string        // request ids
	terminated []int           // runs
	requests   map[string]bool // ids of signals that the run has had
}

func (w *workflow) runID(id string) string { return fmt.Sprint(id, "/", w.run) }

func newWorld(seed uint64, workflows int) *world {
	w := &world{
		random:     rand.New(rand.NewPCG(seed, 1)),
		machine:    Machine{Retention: func(string) time.Duration { return time.Hour }},
		key:        entity.Key{Kind: entity.KindBatch, Namespace: "ns-id", ID: "job"},
		records:    make(map[string][]byte),
		rows:       make(map[string][]byte),
		taken:      make(map[int64]bool),
		timers:     make(map[string]bool),
		workflows:  make(map[string]*workflow),
		untilCrash: -1,
		crashed:    make(chan struct{}),
		changed:    make(chan struct{}),
	}
	for i := range workflows {
		w.workflows[fmt.Sprintf("w%03d", i)] = &workflow{requests: make(map[string]bool)}
	}
	return w
}

var errCrashed = errors.New("the server has crashed")

// happens carries something out, unless the world has crashed or crashes before. It reports
// whether the one who asked for it lives to learn of it.
func (w *world) happens(epoch chan struct{}, do func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-epoch:
		return false
	default:
	}
	crashes := w.untilCrash == 0
	if w.untilCrash >= 0 {
		w.untilCrash--
	}
	if !crashes || w.random.IntN(2) == 0 {
		do()
	}
	if crashes {
		close(epoch)
	}
	return !crashes
}

// restart has the world go on after a crash.
func (w *world) restart() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.loaded, w.crashed = nil, make(chan struct{})
	clear(w.taken)
}

// runtime and client are the world of one life of the server.
type life struct {
	*world
	epoch chan struct{}
	workflowservice.WorkflowServiceClient
}

// NewID, NextTaskID, Reader and Indexed make the world an entity.Env.
func (w *world) NewID() string         { w.ids++; return fmt.Sprint("id-", w.ids) }
func (w *world) NextTaskID() int64     { w.ids++; return w.ids }
func (w *world) Reader() entity.Reader { return w }
func (w *world) Indexed() bool         { return true }
func (w *world) Now() time.Time        { return time.Now() }

func (w *world) Get(record []byte) ([]byte, error) { return w.records[string(record)], nil }

func (w *world) Scan([]byte, []byte, bool, func(record, value []byte) bool) error {
	panic("jobs are not scanned")
}

func (w *world) entity() entity.Entity {
	if w.loaded == nil {
		e, err := w.machine.Load(context.Background(), w, w.key)
		if err != nil {
			panic(err)
		}
		w.loaded = e
	}
	return w.loaded
}

// step runs a step of the job, and carries out what it notes.
func (w *world) step(fn func(*entity.Step, entity.Entity) error) error {
	step := entity.NewStep(time.Now(), w)
	e := w.entity()
	if err := fn(step, e); err != nil {
		return err
	}
	if err := e.EndStep(step); err != nil {
		return err
	}
	out := step.Outputs()
	for _, r := range out.Records {
		switch {
		case r.Prefix:
			for key := range w.records {
				if strings.HasPrefix(key, string(r.Key)) {
					delete(w.records, key)
				}
			}
		case r.Value == nil:
			delete(w.records, string(r.Key))
		default:
			w.records[string(r.Key)] = r.Value
		}
	}
	for _, timer := range out.Timers {
		at := string(timer.Name) + timer.At.String()
		if timer.Clear {
			delete(w.timers, at)
		} else {
			w.timers[at] = true
		}
	}
	for _, row := range out.Index {
		if row.Row == nil {
			delete(w.rows, row.ID)
		} else {
			w.rows[row.ID] = row.Row
		}
	}
	w.tasks = append(w.tasks, out.Tasks...)
	for _, ref := range out.Removed {
		w.tasks = slices.DeleteFunc(w.tasks, func(t *entity.Task) bool { return t.ID == ref.ID })
	}
	close(w.changed)
	w.changed = make(chan struct{})
	return nil
}

// direct runs a step from outside, which no crash hits.
func (w *world) direct(fn func(*entity.Step, *Job) error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.step(func(step *entity.Step, e entity.Entity) error { return fn(step, e.(*Job)) })
}

func (w *world) describe() *State {
	w.mu.Lock()
	defer w.mu.Unlock()
	state, err := w.entity().(*Job).Describe()
	if err != nil {
		panic(err)
	}
	return state
}

func (l *life) Step(_ context.Context, _ entity.Key, fn func(*entity.Step, entity.Entity) error) (err error) {
	if !l.happens(l.epoch, func() { err = l.step(fn) }) {
		return errCrashed
	}
	return err
}

func (l *life) View(_ context.Context, _ entity.Key, fn func(entity.Entity, entity.View) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return fn(l.entity(), l.world)
}

func (l *life) Await(ctx context.Context, _ entity.Key, ready func(entity.Entity) bool) error {
	for {
		l.mu.Lock()
		done, changed := ready(l.entity()), l.changed
		l.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Poll and Return make the life a Tasks.
func (l *life) Poll(ctx context.Context, _ matching.PollRequest) (*matching.Work, error) {
	for {
		l.mu.Lock()
		changed := l.changed
		for _, task := range l.tasks {
			if !l.taken[task.ID] {
				l.taken[task.ID] = true
				l.mu.Unlock()
				return &matching.Work{Task: task}, nil
			}
		}
		l.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, nil
		}
	}
}

func (l *life) Return(task *entity.Task) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.taken, task.ID)
	close(l.changed)
	l.changed = make(chan struct{})
}

// call carries out a call about a workflow.
func (l *life) call(ctx context.Context, execution *commonpb.WorkflowExecution, do func(*workflow) error) (err error) {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	alive := l.happens(l.epoch, func() {
		l.calls++
		w := l.workflows[execution.GetWorkflowId()]
		switch {
		case w == nil, execution.GetRunId() != "" && execution.GetRunId() != w.runID(execution.GetWorkflowId()):
			err = serviceerror.NewNotFound("workflow execution already completed")
		case l.refuse != nil && l.refuse(execution.GetWorkflowId()) != nil:
			err = l.refuse(execution.GetWorkflowId())
		default:
			err = do(w)
		}
	})
	if !alive {
		return errCrashed
	}
	if err != nil {
		return serviceerror.ToStatus(err).Err()
	}
	return nil
}

func (l *life) ListWorkflowExecutions(_ context.Context, req *workflowservice.ListWorkflowExecutionsRequest, _ ...grpc.CallOption) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	const size = 7 // smaller than asked for, so that there are pages
	resp := &workflowservice.ListWorkflowExecutionsResponse{}
	if strings.HasPrefix(req.GetQuery(), "(bad)") {
		return nil, serviceerror.ToStatus(serviceerror.NewInvalidArgument("bad query")).Err()
	}
	from, _ := strconv.Atoi(string(req.GetNextPageToken()))
	alive := l.happens(l.epoch, func() {
		var ids []string
		for id := range l.workflows {
			ids = append(ids, id)
		}
		slices.Sort(ids)
		for _, id := range ids[from:min(from+size, len(ids))] {
			resp.Executions = append(resp.Executions, &workflowpb.WorkflowExecutionInfo{
				Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: l.workflows[id].runID(id)}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING})
		}
		if from+size < len(ids) {
			resp.NextPageToken = []byte(strconv.Itoa(from + size))
		}
	})
	if !alive {
		return nil, errCrashed
	}
	return resp, nil
}

func (l *life) SignalWorkflowExecution(ctx context.Context, req *workflowservice.SignalWorkflowExecutionRequest, _ ...grpc.CallOption) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	return &workflowservice.SignalWorkflowExecutionResponse{}, l.call(ctx, req.GetWorkflowExecution(), func(w *workflow) error {
		if !w.requests[req.GetRequestId()] {
			w.requests[req.GetRequestId()] = true
			w.signals = append(w.signals, req.GetRequestId())
		}
		return nil
	})
}

func (l *life) TerminateWorkflowExecution(ctx context.Context, req *workflowservice.TerminateWorkflowExecutionRequest, _ ...grpc.CallOption) (*workflowservice.TerminateWorkflowExecutionResponse, error) {
	return &workflowservice.TerminateWorkflowExecutionResponse{}, l.call(ctx, req.GetWorkflowExecution(), func(w *workflow) error {
		w.terminated = append(w.terminated, w.run)
		w.run++
		w.requests = make(map[string]bool)
		return nil
	})
}

func (l *life) DescribeWorkflowExecution(ctx context.Context, req *workflowservice.DescribeWorkflowExecutionRequest, _ ...grpc.CallOption) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	id, run := req.GetExecution().GetWorkflowId(), ""
	err := l.call(ctx, req.GetExecution(), func(w *workflow) error { run = w.runID(id); return nil })
	return &workflowservice.DescribeWorkflowExecutionResponse{WorkflowExecutionInfo: &workflowpb.WorkflowExecutionInfo{
		Execution: &commonpb.WorkflowExecution{WorkflowId: id, RunId: run}}}, err
}

// run lets a server live until its job has ended or it crashes, which it says.
func (w *world) run() (crashed bool) {
	l := &life{world: w, epoch: w.crashed}
	r := Start(Options{
		Runtime: l, Tasks: l, Client: l,
		Namespace:   func(string) (string, bool) { return "ns", true },
		Rate:        func(string) int { return 1000 },
		Concurrency: func(string) int { return 3 },
		Logger:      slog.New(slog.DiscardHandler),
	})
	ended := make(chan struct{})
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(ended)
		_ = l.Await(ctx, w.key, func(e entity.Entity) bool { return e.(*Job).record.GetCloseTime() != nil })
	}()
	select {
	case <-ended:
	case <-l.epoch:
		crashed = true
	}
	cancel()
	r.Close()
	<-ended
	if crashed {
		w.restart()
	}
	return crashed
}
