package differ

import (
	"context"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	protocolpb "go.temporal.io/api/protocol/v1"
	updatepb "go.temporal.io/api/update/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// What a worker does.

func secondsOf(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }

// Task is a workflow task that a worker has taken.
type Task struct {
	*workflowservice.PollWorkflowTaskQueueResponse
	w *World
}

// pollRequest is a poll for workflow tasks of the queue of that name.
func (w *World) pollRequest(name string, settings ...string) *workflowservice.PollWorkflowTaskQueueRequest {
	return Set(&workflowservice.PollWorkflowTaskQueueRequest{
		Namespace: Namespace, TaskQueue: w.taskQueue(name), Identity: "worker"}, settings...)
}

// Poll takes a workflow task from the queue of that name. The scenario ends if
// none comes.
func (w *World) Poll(name string, settings ...string) *Task {
	w.T.Helper()
	request := w.pollRequest(name, settings...)
	reply := new(workflowservice.PollWorkflowTaskQueueResponse)
	w.poll("PollWorkflowTaskQueue", request, reply, func() bool { return len(reply.TaskToken) > 0 })
	return w.taken(reply)
}

// poll polls until there is a task, and writes only the last poll to the
// transcript: a poll may come back without one on a busy machine.
func (w *World) poll(method string, request, reply proto.Message, taken func() bool) {
	var last outcome
	recorder := &recorder{conn: w.conn, emit: func(o outcome) { last = o }}
	for end := time.Now().Add(w.patience); time.Until(end) > w.patience/4 && !taken(); {
		ctx, cancel := context.WithTimeout(w.Ctx, onePoll)
		err := recorder.Invoke(ctx, serviceMethod(method), request, reply)
		late := ctx.Err() != nil && w.Ctx.Err() == nil
		cancel()
		switch {
		case err == nil:
		case late: // the server was too busy to say in time that there is no task
			last = outcome{last.method, reply, nil}
		default:
			w.emit(last)
			return
		}
	}
	w.emit(last)
}

// onePoll is how long one poll waits. A Temporal server divides a task queue into partitions and
// sends each poll to one of them; on a busy machine it may take minutes until a task gets from its
// partition to a poll that waits in another.
const onePoll = 12 * time.Second

// onSticky are settings of a poll that is for a sticky queue.
func (w *World) onSticky(name, sticky string) []string {
	return []string{"task_queue.name=" + w.Queue(sticky), "task_queue.kind=STICKY", "task_queue.normal_name=" + w.Queue(name)}
}

// PollSticky takes a workflow task from a sticky queue.
func (w *World) PollSticky(name, sticky string) *Task {
	w.T.Helper()
	return w.Poll(name, w.onSticky(name, sticky)...)
}

// Listen polls a sticky queue in the background, and returns when the server
// knows of it: without a poller, tasks do not go to a sticky queue at all.
func (w *World) Listen(name, sticky string) (wait func() *Task) {
	w.T.Helper()
	var reply *workflowservice.PollWorkflowTaskQueueResponse
	request := w.pollRequest(name, w.onSticky(name, sticky)...)
	ended := w.Later(func(api workflowservice.WorkflowServiceClient) {
		reply, _ = api.PollWorkflowTaskQueue(w.Ctx, request)
	})
	w.Eventually("the sticky queue has a poller", func() bool {
		d, err := w.Quiet.DescribeTaskQueue(w.Ctx, &workflowservice.DescribeTaskQueueRequest{
			Namespace: Namespace, TaskQueue: request.TaskQueue, TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW})
		return err == nil && len(d.Pollers) > 0
	})
	return func() *Task {
		ended()
		return w.taken(reply)
	}
}

// taken is a task that was polled for; the scenario ends without one.
func (w *World) taken(reply *workflowservice.PollWorkflowTaskQueueResponse) *Task {
	if len(reply.GetTaskToken()) == 0 {
		panic(ended{})
	}
	return &Task{reply, w}
}

// Decide takes the next workflow task and completes it.
func (w *World) Decide(name string, commands ...*commandpb.Command) {
	w.T.Helper()
	w.Poll(name).Complete(commands...)
}

// Complete completes the task with commands.
func (t *Task) Complete(commands ...*commandpb.Command) *workflowservice.RespondWorkflowTaskCompletedResponse {
	return t.CompleteWith(nil, commands...)
}

// completion is a valid completion of the task.
func (t *Task) completion(commands ...*commandpb.Command) *workflowservice.RespondWorkflowTaskCompletedRequest {
	return &workflowservice.RespondWorkflowTaskCompletedRequest{
		Namespace: Namespace, TaskToken: t.TaskToken, Commands: commands, Identity: "worker"}
}

// Settings are settings of a request.
type Settings []string

// CompleteWith completes the task by a request that is changed by settings.
func (t *Task) CompleteWith(settings Settings, commands ...*commandpb.Command) *workflowservice.RespondWorkflowTaskCompletedResponse {
	reply, _ := t.w.API.RespondWorkflowTaskCompleted(t.w.Ctx, Set(t.completion(commands...), settings...))
	return reply
}

// Stick completes the task and asks for the next one on a sticky queue.
func (t *Task) Stick(sticky, scheduleToStart string, commands ...*commandpb.Command) {
	t.CompleteWith(Settings{"sticky_attributes.worker_task_queue.name=" + t.w.Queue(sticky), "sticky_attributes.worker_task_queue.kind=STICKY",
		"sticky_attributes.schedule_to_start_timeout=" + scheduleToStart}, commands...)
}

// Fail reports that the task has failed.
func (t *Task) Fail(settings ...string) {
	_, _ = t.w.API.RespondWorkflowTaskFailed(t.w.Ctx, Set(&workflowservice.RespondWorkflowTaskFailedRequest{
		Namespace: Namespace, TaskToken: t.TaskToken, Identity: "worker",
		Cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE, Failure: Failure("Panic")}, settings...))
}

// Answer answers a query that was sent by itself.
func (t *Task) Answer(text string, settings ...string) {
	_, _ = t.w.API.RespondQueryTaskCompleted(t.w.Ctx, Set(&workflowservice.RespondQueryTaskCompletedRequest{
		Namespace: Namespace, TaskToken: t.TaskToken, CompletedType: enumspb.QUERY_RESULT_TYPE_ANSWERED,
		QueryResult: Text(text)}, settings...))
}

// Messages completes the task with messages to updates and the commands that go
// with them.
func (t *Task) Messages(messages []*protocolpb.Message, commands ...*commandpb.Command) {
	request := t.completion(commands...)
	request.Messages = messages
	_, _ = t.w.API.RespondWorkflowTaskCompleted(t.w.Ctx, request)
}

// Accept is the message that accepts the update of that id, which the task has brought.
func (t *Task) Accept(id string) *protocolpb.Message {
	accept := &updatepb.Acceptance{AcceptedRequestMessageId: id + "/request"}
	if m := t.message(id); m != nil {
		accept.AcceptedRequestMessageId, accept.AcceptedRequestSequencingEventId = m.Id, m.GetEventId()
		request := new(updatepb.Request)
		if m.Body.UnmarshalTo(request) == nil {
			accept.AcceptedRequest = request
		}
	}
	return message(id+"/accept", id, accept)
}

// Reject is the message that rejects the update of that id.
func (t *Task) Reject(id string) *protocolpb.Message {
	reject := &updatepb.Rejection{RejectedRequestMessageId: id + "/request", Failure: Failure("Rejected")}
	if m := t.message(id); m != nil {
		reject.RejectedRequestMessageId, reject.RejectedRequestSequencingEventId = m.Id, m.GetEventId()
		request := new(updatepb.Request)
		if m.Body.UnmarshalTo(request) == nil {
			reject.RejectedRequest = request
		}
	}
	return message(id+"/reject", id, reject)
}

// Outcome is the message that completes the update of that id.
func Outcome(id, result string) *protocolpb.Message {
	return message(id+"/complete", id, &updatepb.Response{Meta: &updatepb.Meta{UpdateId: id, Identity: "client"},
		Outcome: &updatepb.Outcome{Value: &updatepb.Outcome_Success{Success: Text(result)}}})
}

// FailedOutcome is the message that fails the update of that id.
func FailedOutcome(id, kind string) *protocolpb.Message {
	return message(id+"/complete", id, &updatepb.Response{Meta: &updatepb.Meta{UpdateId: id, Identity: "client"},
		Outcome: &updatepb.Outcome{Value: &updatepb.Outcome_Failure{Failure: Failure(kind)}}})
}

func (t *Task) message(id string) *protocolpb.Message {
	for _, m := range t.PollWorkflowTaskQueueResponse.GetMessages() {
		if m.ProtocolInstanceId == id {
			return m
		}
	}
	return nil
}

func message(id, instance string, body proto.Message) *protocolpb.Message {
	packed, err := anypb.New(body)
	if err != nil {
		panic(err)
	}
	return &protocolpb.Message{Id: id, ProtocolInstanceId: instance, Body: packed}
}

// Activity is an activity task that a worker has taken.
type Activity struct {
	*workflowservice.PollActivityTaskQueueResponse
	w *World
}

// GetAttempt is the number of the attempt; 0 if there is none.
func (a *Activity) GetAttempt() int32 {
	if a == nil {
		return 0
	}
	return a.PollActivityTaskQueueResponse.GetAttempt()
}

// PollActivity takes an activity task from the queue of that name.
func (w *World) PollActivity(name string, settings ...string) *Activity {
	w.T.Helper()
	reply := new(workflowservice.PollActivityTaskQueueResponse)
	w.poll("PollActivityTaskQueue", Set(&workflowservice.PollActivityTaskQueueRequest{
		Namespace: Namespace, TaskQueue: w.taskQueue(name), Identity: "worker"}, settings...), reply, func() bool { return len(reply.TaskToken) > 0 })
	if len(reply.TaskToken) == 0 {
		panic(ended{})
	}
	return &Activity{reply, w}
}

// Complete completes the activity.
func (a *Activity) Complete(result string, settings ...string) {
	_, _ = a.w.API.RespondActivityTaskCompleted(a.w.Ctx, Set(&workflowservice.RespondActivityTaskCompletedRequest{
		Namespace: Namespace, TaskToken: a.TaskToken, Identity: "worker", Result: Text(result)}, settings...))
}

// Fail fails the attempt.
func (a *Activity) Fail(failure *failurepb.Failure, settings ...string) {
	_, _ = a.w.API.RespondActivityTaskFailed(a.w.Ctx, Set(&workflowservice.RespondActivityTaskFailedRequest{
		Namespace: Namespace, TaskToken: a.TaskToken, Identity: "worker", Failure: failure}, settings...))
}

// Cancel reports the activity as canceled.
func (a *Activity) Cancel(settings ...string) {
	_, _ = a.w.API.RespondActivityTaskCanceled(a.w.Ctx, Set(&workflowservice.RespondActivityTaskCanceledRequest{
		Namespace: Namespace, TaskToken: a.TaskToken, Identity: "worker"}, settings...))
}

// Heartbeat reports progress.
func (a *Activity) Heartbeat(details string, settings ...string) {
	_, _ = a.w.API.RecordActivityTaskHeartbeat(a.w.Ctx, Set(&workflowservice.RecordActivityTaskHeartbeatRequest{
		Namespace: Namespace, TaskToken: a.TaskToken, Identity: "worker", Details: Text(details)}, settings...))
}

// ShutDown tells the server that the worker with a sticky queue stops.
func (w *World) ShutDown(sticky string) {
	_, _ = w.API.ShutdownWorker(w.Ctx, &workflowservice.ShutdownWorkerRequest{
		Namespace: Namespace, StickyTaskQueue: w.Queue(sticky), Identity: "worker", Reason: "test"})
}

// ResetSticky makes the server forget the sticky queue of a workflow.
func (w *World) ResetSticky(name string) {
	_, _ = w.API.ResetStickyTaskQueue(w.Ctx, &workflowservice.ResetStickyTaskQueueRequest{
		Namespace: Namespace, Execution: &commonpb.WorkflowExecution{WorkflowId: w.ID(name)}})
}

// messages are the messages of a completion.
func messages(all ...*protocolpb.Message) []*protocolpb.Message { return all }
