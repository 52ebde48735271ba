package workflow

import (
	"errors"
	"slices"
	"strings"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
)

// subject is one workflow of an engine, as its clients and workers see it.
type subject struct {
	*engine
	id string
}

// workflow is the workflow with the id, which need not have been started.
func (e *engine) workflow(id string) subject { return subject{e, id} }

// newWorkflow is a workflow on an engine of its own.
func newWorkflow(t tester, limits ...Limits) subject { return newEngine(t, limits...).workflow("w") }

func (w subject) key() entity.Key { return keyOf(w.id) }

func (w subject) chain() *Chain { return w.engine.chain(w.key()) }

func (w subject) reader() entity.Reader { return reader(w.records[w.key()]) }

func (w subject) step(do func(*entity.Step, *Chain) error) error {
	w.t.Helper()
	return w.engine.step(w.key(), do)
}

func (w subject) must(do func(*entity.Step, *Chain) error) {
	w.t.Helper()
	w.engine.must(w.key(), do)
}

// env is what the workflow's steps need of their surroundings.
func (w subject) env() entity.Env { return env{w.engine, w.key()} }

// What clients do.

func (w subject) start(change ...func(*startRequest)) *workflowservice.StartWorkflowExecutionResponse {
	w.t.Helper()
	resp, err := w.tryStart(change...)
	if err != nil {
		w.t.Fatalf("start: %v", err)
	}
	return resp
}

func (w subject) tryStart(change ...func(*startRequest)) (resp *workflowservice.StartWorkflowExecutionResponse, err error) {
	w.t.Helper()
	err = w.step(func(s *entity.Step, c *Chain) (err error) {
		resp, err = c.Start(s, newStartRequest(w.id, w.newRequestID(), change...))
		return err
	})
	if resp.GetEagerWorkflowTask() != nil {
		resp.EagerWorkflowTask = w.show(resp.EagerWorkflowTask)
	}
	return resp, err
}

func (e *engine) newRequestID() string { return env{engine: e}.NewID() }

func (w subject) signal(name string) {
	w.t.Helper()
	if err := w.trySignal(name); err != nil {
		w.t.Fatalf("signal: %v", err)
	}
}

func (w subject) trySignal(name string, change ...func(*signalRequest)) error {
	w.t.Helper()
	return w.step(func(s *entity.Step, c *Chain) error {
		_, err := c.Signal(s, newSignalRequest(w.id, name, change...))
		return err
	})
}

func (w subject) updateOptions(mask []string, change ...func(*workflowpb.WorkflowExecutionOptions)) (*workflowpb.WorkflowExecutionOptions, error) {
	w.t.Helper()
	options := new(workflowpb.WorkflowExecutionOptions)
	for _, change := range change {
		change(options)
	}
	var resp *workflowservice.UpdateWorkflowExecutionOptionsResponse
	err := w.step(func(s *entity.Step, c *Chain) (err error) {
		resp, err = c.UpdateOptions(s, &workflowservice.UpdateWorkflowExecutionOptionsRequest{
			Identity: "client", WorkflowExecutionOptions: options, UpdateMask: &fieldmaskpb.FieldMask{Paths: mask},
		})
		return err
	})
	return resp.GetWorkflowExecutionOptions(), err
}

func (w subject) signalWithStart(change ...func(*signalWithStartRequest)) (resp *workflowservice.SignalWithStartWorkflowExecutionResponse, err error) {
	w.t.Helper()
	err = w.step(func(s *entity.Step, c *Chain) (err error) {
		resp, err = c.SignalWithStart(s, newSignalWithStartRequest(w.id, w.newRequestID(), change...))
		return err
	})
	return resp, err
}

func (w subject) cancel(change ...func(*cancelRequest)) error {
	w.t.Helper()
	req := &cancelRequest{WorkflowExecution: w.execution(), Reason: "why", Identity: testClient}
	for _, f := range change {
		f(req)
	}
	return w.step(func(s *entity.Step, c *Chain) error { return c.RequestCancel(s, req) })
}

func (w subject) execution() *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: w.id}
}

func (w subject) tryReset(req *resetRequest) (resp *workflowservice.ResetWorkflowExecutionResponse, err error) {
	w.t.Helper()
	err = w.step(func(s *entity.Step, c *Chain) (err error) {
		resp, err = c.Reset(s, req)
		return err
	})
	return resp, err
}

func (w subject) terminate() {
	w.t.Helper()
	if err := w.tryTerminate(); err != nil {
		w.t.Fatalf("terminate: %v", err)
	}
}

func (w subject) tryTerminate() error {
	w.t.Helper()
	return w.step(func(s *entity.Step, c *Chain) error {
		return c.Terminate(s, &workflowservice.TerminateWorkflowExecutionRequest{
			WorkflowExecution: w.execution(), Reason: "why", Identity: testClient})
	})
}

// describe is the description of a run, of the current one for an empty id.
func (w subject) describe(runID string) *workflowservice.DescribeWorkflowExecutionResponse {
	w.t.Helper()
	resp, err := w.chain().Describe(w.reader(), w.now, &workflowservice.DescribeWorkflowExecutionRequest{
		Execution: &commonpb.WorkflowExecution{WorkflowId: w.id, RunId: runID}})
	if err != nil {
		w.t.Fatalf("describe: %v", err)
	}
	return resp
}

func (w subject) status() enumspb.WorkflowExecutionStatus {
	w.t.Helper()
	return w.describe("").WorkflowExecutionInfo.Status
}

func (w subject) cancelQuery(id string) { w.chain().CancelQuery(w.runID(), id) }

// runID is the id of the current run, empty if there is none.
func (w subject) runID() string { return w.chain().CurrentRunID() }

// What workers of workflows do.

// task is the first task of the type that is ready for the workflow, nil if there
// is none.
func (w subject) task(taskType entity.TaskType) *entity.Task {
	for _, task := range w.readyTasks(taskType) {
		return task
	}
	return nil
}

// readyTasks are the workflow's tasks of the type, in order of their ids.
func (w subject) readyTasks(taskType entity.TaskType) []*entity.Task {
	var ready []*entity.Task
	for _, task := range w.tasks {
		// What is offered without a record is taken back by not being known any more.
		current := w.chain().current
		stale := task.Volatile && (current == nil || current.state.WorkflowTask.GetTaskId() != task.ID)
		if task.Entity == w.key() && task.Queue.Type == taskType && !stale {
			ready = append(ready, task)
		}
	}
	slices.SortFunc(ready, func(a, b *entity.Task) int { return int(a.ID - b.ID) })
	return ready
}

// poll has a worker take the workflow task from the normal queue.
func (w subject) poll() *workflowTask {
	w.t.Helper()
	return w.pollFrom(&taskqueuepb.TaskQueue{Name: testQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL})
}

func (w subject) pollSticky() *workflowTask {
	w.t.Helper()
	return w.pollFrom(&taskqueuepb.TaskQueue{Name: stickyQueue, Kind: enumspb.TASK_QUEUE_KIND_STICKY})
}

func (w subject) pollFrom(queue *taskqueuepb.TaskQueue) *workflowTask {
	w.t.Helper()
	task := w.task(entity.TaskWorkflow)
	if task == nil {
		w.t.Fatalf("no workflow task of %s is ready", w.id)
	}
	resp, err := w.tryPoll(task, queue)
	if err != nil {
		w.t.Fatalf("start of the workflow task: %v", err)
	}
	return resp
}

func (w subject) tryPoll(task *entity.Task, queue *taskqueuepb.TaskQueue) (resp *workflowTask, err error) {
	w.t.Helper()
	err = w.step(func(s *entity.Step, c *Chain) (err error) {
		resp, err = c.StartWorkflowTask(s, task, &workflowservice.PollWorkflowTaskQueueRequest{TaskQueue: queue, Identity: testWorker})
		return err
	})
	if err != nil {
		return nil, err
	}
	if resp == nil {
		return nil, nil
	}
	return w.show(resp), nil
}

// show is the workflow task as a worker gets it.
func (w subject) show(task *workflowTask) *workflowTask {
	w.t.Helper()
	task = overWire(w.t, task)
	w.shown[string(task.TaskToken)] = task.GetHistory().GetEvents()
	return task
}

// overWire is the message as the other side decodes it: spliced fields are
// ordinary ones there.
func overWire[M any, P interface {
	*M
	proto.Message
}](t tester, m P) P {
	t.Helper()
	if m == nil {
		return nil
	}
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

// tryComplete answers a workflow task. The token need not be a good one.
func (w subject) tryComplete(token []byte, req *completeRequest) (completion *Completion, err error) {
	w.t.Helper()
	decoded, err := tokens.DecodeTask(token)
	if err != nil {
		return nil, err
	}
	req.TaskToken, req.Identity = token, testWorker
	err = w.step(func(s *entity.Step, c *Chain) (err error) {
		completion, err = c.CompleteWorkflowTask(s, decoded, req)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, shown := range w.shown[string(token)] {
		if completion.Err != nil || w.events[decoded.RunId] == nil {
			break
		}
		if reset := completion.Response.GetResetHistoryEventId(); shown.EventId > reset && int(shown.EventId) > len(w.events[decoded.RunId]) &&
			reset == w.chain().current.state.LastCompletedStartedEventId {
			break // the task was discarded: the worker is told to go back to reset
		}
		if event := w.events[decoded.RunId][shown.EventId-1]; !proto.Equal(event, shown) {
			w.t.Fatalf("the worker was shown\n%v\nbut the history has\n%v", shown, event)
		}
	}
	if next := completion.Response.GetWorkflowTask(); next != nil {
		completion.Response.WorkflowTask = w.show(next)
	}
	return completion, nil
}

func (w subject) completeWith(task *workflowTask, req *completeRequest) *workflowservice.RespondWorkflowTaskCompletedResponse {
	w.t.Helper()
	completion, err := w.tryComplete(task.TaskToken, req)
	if err == nil {
		err = completion.Err
	}
	if err != nil {
		w.t.Fatalf("complete: %v", err)
	}
	return completion.Response
}

// complete completes a workflow task with the commands.
func (w subject) complete(task *workflowTask, commands ...*commandpb.Command) *workflowservice.RespondWorkflowTaskCompletedResponse {
	w.t.Helper()
	return w.completeWith(task, &completeRequest{Commands: commands})
}

// completeSticky also asks for the next task on the worker's own queue.
func (w subject) completeSticky(task *workflowTask, commands ...*commandpb.Command) *workflowservice.RespondWorkflowTaskCompletedResponse {
	w.t.Helper()
	return w.completeWith(task, &completeRequest{Commands: commands, StickyAttributes: stickyAttributes()})
}

// decide takes the workflow task and completes it with the commands.
func (w subject) decide(commands ...*commandpb.Command) {
	w.t.Helper()
	w.complete(w.poll(), commands...)
}

// refuse takes the workflow task and completes it with commands that must fail it.
// It returns the event that says so.
func (w subject) refuse(commands ...*commandpb.Command) *historypb.WorkflowTaskFailedEventAttributes {
	w.t.Helper()
	runID := w.runID()
	completion, err := w.tryComplete(w.poll().TaskToken, &completeRequest{Commands: commands})
	if err != nil || !isInvalidArgument(completion.Err) {
		w.t.Fatalf("the commands were answered with %v, %v", completion, err)
	}
	for _, event := range slices.Backward(w.events[runID]) {
		if attr := event.GetWorkflowTaskFailedEventAttributes(); attr != nil {
			return attr
		}
	}
	w.t.Fatalf("no WorkflowTaskFailed in the history")
	return nil
}

func (w subject) tryFail(task *workflowTask) error {
	w.t.Helper()
	token, err := tokens.DecodeTask(task.TaskToken)
	if err != nil {
		return err
	}
	return w.step(func(s *entity.Step, c *Chain) error {
		return c.FailWorkflowTask(s, token, &workflowservice.RespondWorkflowTaskFailedRequest{
			Cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE, Identity: testWorker})
	})
}

// What workers of activities do.

// startActivity has a worker take the first activity task.
func (w subject) startActivity() *activityTask {
	w.t.Helper()
	task := w.task(entity.TaskActivity)
	if task == nil {
		w.t.Fatalf("no activity task of %s is ready", w.id)
	}
	resp, err := w.tryStartActivity(task)
	if err != nil {
		w.t.Fatalf("start of the activity: %v", err)
	}
	return resp
}

func (w subject) tryStartActivity(task *entity.Task) (resp *activityTask, err error) {
	w.t.Helper()
	err = w.step(func(s *entity.Step, c *Chain) (err error) {
		resp, err = c.StartActivity(s, task, &workflowservice.PollActivityTaskQueueRequest{Identity: testWorker})
		return err
	})
	return overWire(w.t, resp), err
}

// refOf is the reference in the token of a started activity.
func (e *engine) refOf(task *activityTask) attempt.Ref {
	e.t.Helper()
	token, err := tokens.DecodeTask(task.TaskToken)
	if err != nil {
		e.t.Fatalf("token of an activity: %v", err)
	}
	return attempt.Ref{Token: token}
}

func (w subject) completeActivity(ref attempt.Ref, result string) error {
	w.t.Helper()
	return w.step(func(s *entity.Step, c *Chain) error {
		return c.CompleteActivity(s, ref, payloads(result), testWorker)
	})
}

func (w subject) failActivity(ref attempt.Ref, failure *failurepb.Failure) error {
	w.t.Helper()
	return w.step(func(s *entity.Step, c *Chain) error {
		_, err := c.FailActivity(s, ref, failure, nil, testWorker)
		return err
	})
}

func (w subject) cancelActivity(ref attempt.Ref) error {
	w.t.Helper()
	return w.step(func(s *entity.Step, c *Chain) error {
		return c.CancelActivity(s, ref, payloads("cancelled"), testWorker)
	})
}

func (w subject) heartbeat(ref attempt.Ref, details string) (answer attempt.HeartbeatAnswer, err error) {
	w.t.Helper()
	err = w.step(func(s *entity.Step, c *Chain) (err error) {
		answer, err = c.Heartbeat(s, ref, payloads(details), testWorker)
		return err
	})
	return answer, err
}

// What comes out.

// history is the recorded history of the current run, straight from the records.
func (w subject) history() []*historypb.HistoryEvent { return w.events[w.runID()] }

// lastEvent is the last recorded event of the current run.
func (w subject) lastEvent() *historypb.HistoryEvent {
	events := w.history()
	return events[len(events)-1]
}

// wantHistory compares the types of the current run's events, as one string of
// short names.
func (w subject) wantHistory(want string) {
	w.t.Helper()
	w.wantHistoryOf(w.runID(), want)
}

func (w subject) wantHistoryOf(runID, want string) {
	w.t.Helper()
	if got := names(w.events[runID]); got != strings.Join(strings.Fields(want), " ") {
		w.t.Fatalf("history is\n  %s\nwant\n  %s", got, want)
	}
}

// decodeEvents decodes events as replies have them.
func decodeEvents(t tester, data []byte) []*historypb.HistoryEvent {
	t.Helper()
	h := new(historypb.History)
	if err := proto.Unmarshal(data, h); err != nil {
		t.Fatalf("history does not decode: %v", err)
	}
	return h.Events
}

// names are the types of events, without the prefix of those of the execution.
func names(events []*historypb.HistoryEvent) string {
	var out []string
	for _, e := range events {
		out = append(out, strings.TrimPrefix(e.EventType.String(), "WorkflowExecution"))
	}
	return strings.Join(out, " ")
}

func isNotFound(err error) bool {
	var e *serviceerror.NotFound
	return errors.As(err, &e)
}

func isInvalidArgument(err error) bool {
	var e *serviceerror.InvalidArgument
	return errors.As(err, &e)
}
