package workflow

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// TestAnythingMayHappenInAnyOrder drives one chain with whatever clients, workers,
// the clock and crashes may do to it, in random order. The lab checks the
// invariants of the package after every step. On top of them: a history, once
// shown to a worker that completes its task, is a prefix of the history that
// results.
func TestAnythingMayHappenInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newLab(t, Limits{BufferedEvents: 5, HistoryPageEvents: 20})
		m := &chaos{lab: w}
		t.Repeat(map[string]func(*rapid.T){
			"start":     m.start,
			"signal":    m.signal,
			"with":      m.signalWithStart,
			"cancel":    m.cancel,
			"terminate": m.terminate,
			"poll":      m.poll,
			"poll2":     m.poll,
			"complete":  m.complete,
			"complete2": m.complete,
			"fail":      m.failTask,
			"activity":  m.activity,
			"finish":    m.finishActivity,
			"query":     m.query,
			"wait":      m.wait,
			"crash":     func(*rapid.T) { w.crash(); m.activities = nil },
			"message":   m.message,
		})
	})
}

// chaos is the memory of the clients and workers.
type chaos struct {
	lab        *lab
	tasks      []*workflowservice.PollWorkflowTaskQueueResponse // also stale ones
	activities []*workflowservice.PollActivityTaskQueueResponse
	names      int
}

// try runs a step of which serviceerrors, and only they, may come.
func (m *chaos) try(fn func(*entity.Step) error) error {
	err := m.lab.step(fn)
	var service serviceerror.ServiceError
	if err != nil && !errors.As(err, &service) && !errors.Is(err, ErrStaleTask) && !errors.Is(err, entity.ErrUnknownMessage) {
		m.lab.t.Fatalf("step failed with %v", err)
	}
	return err
}

func (m *chaos) name() string {
	m.names++
	return fmt.Sprintf("n%d", m.names)
}

func (m *chaos) start(t *rapid.T) {
	req := startRequest(func(r *startReq) {
		r.RequestId = rapid.SampledFrom([]string{"a", "b", m.name()}).Draw(t, "request id")
		r.WorkflowIdConflictPolicy = enumspb.WorkflowIdConflictPolicy(rapid.IntRange(0, 3).Draw(t, "conflict policy"))
		r.RequestEagerExecution = rapid.Bool().Draw(t, "eager")
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 1:
			withRetries(3)(r)
		case 2:
			r.CronSchedule = "* * * * *"
		case 3:
			r.WorkflowStartDelay = durationpb.New(30 * time.Second)
		case 4:
			r.WorkflowRunTimeout = durationpb.New(time.Minute)
		case 5:
			withRetries(0)(r)
			r.WorkflowRunTimeout = durationpb.New(20 * time.Second)
			r.WorkflowExecutionTimeout = durationpb.New(time.Minute)
		}
	})
	_ = m.try(func(s *entity.Step) error {
		resp, err := m.lab.chain.Start(s, req)
		if task := resp.GetEagerWorkflowTask(); task != nil {
			m.tasks = append(m.tasks, overWire(m.lab.t, task))
		}
		return err
	})
}

func (m *chaos) signal(t *rapid.T) {
	req := signalRequest("s", rapid.SampledFrom([]string{"", "x", m.name()}).Draw(t, "request id"))
	_ = m.try(func(s *entity.Step) error { return m.lab.chain.Signal(s, req) })
}

func (m *chaos) signalWithStart(t *rapid.T) {
	req := signalWithStart()
	req.RequestId = m.name()
	req.WorkflowIdConflictPolicy = rapid.SampledFrom([]enumspb.WorkflowIdConflictPolicy{
		enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING, enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING}).Draw(t, "conflict policy")
	_ = m.try(func(s *entity.Step) error {
		_, err := m.lab.chain.SignalWithStart(s, req)
		return err
	})
}

func (m *chaos) cancel(*rapid.T) {
	_ = m.try(func(s *entity.Step) error {
		return m.lab.chain.RequestCancel(s, &workflowservice.RequestCancelWorkflowExecutionRequest{})
	})
}

func (m *chaos) terminate(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "really") != 0 {
		t.Skip("seldom")
	}
	_ = m.try(func(s *entity.Step) error {
		return m.lab.chain.Terminate(s, &workflowservice.TerminateWorkflowExecutionRequest{})
	})
}

func (m *chaos) poll(t *rapid.T) {
	if m.lab.workflowTask() == nil || m.lab.chain.current.started != nil {
		t.Skip("no task")
	}
	if m.lab.workflowTask().Sticky != "" && rapid.Bool().Draw(t, "sticky") {
		m.tasks = append(m.tasks, m.lab.pollSticky())
	} else {
		m.tasks = append(m.tasks, m.lab.poll())
	}
}

func (m *chaos) complete(t *rapid.T) {
	if len(m.tasks) == 0 {
		t.Skip("no task")
	}
	task := m.tasks[len(m.tasks)-1]
	if rapid.IntRange(0, 9).Draw(t, "stale") == 0 {
		task = rapid.SampledFrom(m.tasks).Draw(t, "task")
	}
	req := &completeRequest{
		ForceCreateNewWorkflowTask: rapid.IntRange(0, 4).Draw(t, "force") == 0,
		ReturnNewWorkflowTask:      rapid.Bool().Draw(t, "return"),
	}
	if rapid.Bool().Draw(t, "sticky") {
		req.StickyAttributes = stickyAttributes()
	}
	if rapid.Bool().Draw(t, "answer") {
		req.QueryResults = map[string]*querypb.WorkflowQueryResult{}
		for id := range task.Queries {
			req.QueryResults[id] = &querypb.WorkflowQueryResult{ResultType: enumspb.QUERY_RESULT_TYPE_ANSWERED}
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "commands") {
		req.Commands = append(req.Commands, m.command(t))
	}
	if rapid.IntRange(0, 4).Draw(t, "close") == 0 {
		req.Commands = append(req.Commands, rapid.SampledFrom([]*commandpb.Command{
			completeCommand(), failCommand(), cancelWorkflowCommand(), continueCommand()}).Draw(t, "closing command"))
	}
	runID := task.WorkflowExecution.RunId
	completion, err := m.lab.tryComplete(task.TaskToken, req)
	if err != nil || completion.Err != nil {
		return
	}
	history := m.lab.history(runID)
	for _, shown := range task.History.GetEvents() {
		if got := history[shown.EventId-1]; !proto.Equal(got, shown) {
			m.lab.t.Fatalf("the worker was shown\n%v\nbut the history has\n%v", shown, got)
		}
	}
	if next := completion.Response.WorkflowTask; next != nil {
		m.tasks = append(m.tasks, overWire(m.lab.t, next))
	}
	m.activities = append(m.activities, completion.Response.ActivityTasks...)
}

func (m *chaos) command(t *rapid.T) *commandpb.Command {
	r := m.lab.chain.current
	switch rapid.IntRange(0, 7).Draw(t, "command") {
	case 0:
		return markerCommand("m")
	case 1:
		return markerCommand(rapid.SampledFrom([]string{"m", "m", "m", ""}).Draw(t, "marker"))
	case 2:
		return startTimer(m.name(), time.Duration(rapid.IntRange(0, 60).Draw(t, "seconds"))*time.Second)
	case 3:
		if r != nil && len(r.timers) > 0 {
			return cancelTimer(slices.Min(slices.Collect(maps.Keys(r.timers))))
		}
	case 4:
		return scheduleActivity(m.name(), func(a *commandpb.ScheduleActivityTaskCommandAttributes) {
			a.RequestEagerExecution = rapid.Bool().Draw(t, "eager")
			a.StartToCloseTimeout = durationpb.New(15 * time.Second)
			a.TaskQueue.Name = labQueue
		})
	case 5:
		if r != nil && len(r.activities) > 0 {
			return cancelActivity(slices.Min(slices.Collect(maps.Keys(r.activities))))
		}
	case 6:
		return startChild(m.name())
	case 7:
		return signalExternal(m.name())
	}
	return markerCommand("none")
}

func (m *chaos) failTask(t *rapid.T) {
	if len(m.tasks) == 0 {
		t.Skip("no task")
	}
	token, err := DecodeTaskToken(m.tasks[len(m.tasks)-1].TaskToken)
	if err != nil {
		t.Fatal(err)
	}
	_ = m.try(func(s *entity.Step) error {
		return m.lab.chain.FailWorkflowTask(s, token, &workflowservice.RespondWorkflowTaskFailedRequest{
			Cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE})
	})
}

func (m *chaos) activity(t *rapid.T) {
	var tasks []*entity.Task
	for _, id := range slices.Sorted(maps.Keys(m.lab.tasks)) {
		if task := m.lab.tasks[id]; task.Queue.Type == entity.TaskActivity {
			tasks = append(tasks, task)
		}
	}
	if len(tasks) == 0 {
		t.Skip("no activity")
	}
	task := rapid.SampledFrom(tasks).Draw(t, "activity")
	_ = m.try(func(s *entity.Step) error {
		resp, err := m.lab.chain.StartActivity(s, task, &workflowservice.PollActivityTaskQueueRequest{Identity: "worker"})
		if err == nil {
			m.activities = append(m.activities, overWire(m.lab.t, resp))
		}
		return err
	})
}

func (m *chaos) finishActivity(t *rapid.T) {
	if len(m.activities) == 0 {
		t.Skip("no activity")
	}
	i := rapid.IntRange(0, len(m.activities)-1).Draw(t, "activity")
	token, err := DecodeTaskToken(m.activities[i].TaskToken)
	if err != nil {
		t.Fatal(err)
	}
	ref := ActivityRef{Token: token}
	how := rapid.IntRange(0, 3).Draw(t, "how")
	_ = m.try(func(s *entity.Step) (err error) {
		c := m.lab.chain
		switch how {
		case 0:
			return c.CompleteActivity(s, ref, textPayloads("r"), "worker")
		case 1:
			_, err = c.FailActivity(s, ref, &failurepb.Failure{Message: "boom", FailureInfo: &failurepb.Failure_ApplicationFailureInfo{
				ApplicationFailureInfo: &failurepb.ApplicationFailureInfo{}}}, nil, "worker")
			return err
		case 2:
			return c.CancelActivity(s, ref, nil, "worker")
		}
		_, err = c.Heartbeat(s, ref, textPayloads("h"), "worker")
		return err
	})
	if how != 3 {
		m.activities = slices.Delete(m.activities, i, i+1)
	}
}

func (m *chaos) query(*rapid.T) {
	_ = m.try(func(s *entity.Step) error {
		_, err := m.lab.chain.Query(s, &workflowservice.QueryWorkflowRequest{Query: &querypb.WorkflowQuery{QueryType: "q"}}, func(*QueryResult) {})
		return err
	})
}

func (m *chaos) wait(t *rapid.T) {
	m.lab.advance(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, 10 * time.Second, time.Minute, 26 * time.Hour}).Draw(t, "time"))
}

// message delivers what makes no sense, or no sense any more.
func (m *chaos) message(t *rapid.T) {
	var body []byte
	switch rapid.IntRange(0, 3).Draw(t, "message") {
	case 0:
		body = rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
	case 1:
		if len(m.lab.messages) == 0 {
			t.Skip("no message")
		}
		body = rapid.SampledFrom(m.lab.messages).Draw(t, "message").Body
	case 2:
		body = mustMarshal(&records.Message{Body: &records.Message_ChildStarted{ChildStarted: &records.ChildStarted{
			InitiatedEventId: int64(rapid.IntRange(0, 20).Draw(t, "event")), ToRunId: m.lab.currentRunID(), RunId: "child-run"}}})
	case 3:
		body = mustMarshal(&records.Message{Body: &records.Message_ChildClosed{ChildClosed: &records.ChildClosed{
			InitiatedEventId: int64(rapid.IntRange(0, 20).Draw(t, "event")), ToRunId: m.lab.currentRunID(), ChildRunId: "child-run",
			CloseEvent: mustMarshal(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED})}}})
	}
	_ = m.try(func(s *entity.Step) error { return m.lab.chain.Receive(s, testKey("other"), body) })
}

func (w *lab) currentRunID() string { return w.chain.CurrentRunID() }
