package workergroup

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	workerservicepb "go.temporal.io/api/nexusservices/workerservice/v1"
	"go.temporal.io/api/serviceerror"
	workerpb "go.temporal.io/api/worker/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/logger"
)

// fakeServer takes heartbeats and gives out commands.
type fakeServer struct {
	workflowservice.WorkflowServiceClient // nil: a call of anything else panics

	commands chan *workflowservice.PollNexusTaskQueueResponse
	answers  chan *workflowservice.RespondNexusTaskCompletedRequest

	mu    sync.Mutex
	beats []*workflowservice.RecordWorkerHeartbeatRequest
	polls []*workflowservice.PollNexusTaskQueueRequest
	err   error // what heartbeats are answered
}

func (f *fakeServer) RecordWorkerHeartbeat(_ context.Context, in *workflowservice.RecordWorkerHeartbeatRequest, _ ...grpc.CallOption) (*workflowservice.RecordWorkerHeartbeatResponse, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.beats = append(f.beats, in)
	return &workflowservice.RecordWorkerHeartbeatResponse{}, f.err
}

func (f *fakeServer) PollNexusTaskQueue(ctx context.Context, in *workflowservice.PollNexusTaskQueueRequest, _ ...grpc.CallOption) (*workflowservice.PollNexusTaskQueueResponse, error) {
	f.mu.Lock()
	f.polls = append(f.polls, in)
	f.mu.Unlock()
	select {
	case task := <-f.commands:
		return task, nil
	case <-ctx.Done():
		return nil, serviceerror.NewCanceled("poll ended")
	}
}

func (f *fakeServer) RespondNexusTaskCompleted(_ context.Context, in *workflowservice.RespondNexusTaskCompletedRequest, _ ...grpc.CallOption) (*workflowservice.RespondNexusTaskCompletedResponse, error) {
	f.answers <- in
	return &workflowservice.RespondNexusTaskCompletedResponse{}, nil
}

// sent returns for each call so far whose heartbeats were in it.
func (f *fakeServer) sent() [][]string {
	synctest.Wait()
	f.mu.Lock()
	defer f.mu.Unlock()
	var all [][]string
	for _, request := range f.beats {
		var keys []string
		for _, beat := range request.GetWorkerHeartbeat() {
			keys = append(keys, beat.GetWorkerInstanceKey())
		}
		all = append(all, keys)
	}
	return all
}

// command is a task with one command, or none.
func command(t *testing.T, c *workerpb.WorkerCommand) *workflowservice.PollNexusTaskQueueResponse {
	t.Helper()
	data, err := proto.Marshal(&workerservicepb.ExecuteCommandsRequest{Commands: []*workerpb.WorkerCommand{c}})
	if err != nil {
		t.Fatal(err)
	}
	return &workflowservice.PollNexusTaskQueueResponse{
		TaskToken: []byte("task"),
		Request: &nexuspb.Request{Variant: &nexuspb.Request_StartOperation{StartOperation: &nexuspb.StartOperationRequest{
			Payload: &commonpb.Payload{Data: data},
		}}},
	}
}

// resultOf is the result of the only command of a task.
func resultOf(t *testing.T, answer *workflowservice.RespondNexusTaskCompletedRequest) *workerpb.WorkerCommandResult {
	t.Helper()
	var response workerservicepb.ExecuteCommandsResponse
	if err := proto.Unmarshal(answer.GetResponse().GetStartOperation().GetSyncSuccess().GetPayload().GetData(), &response); err != nil {
		t.Fatal(err)
	}
	if string(answer.GetTaskToken()) != "task" || len(response.GetResults()) != 1 {
		t.Fatalf("the answer is %v, the results are %v", answer, response.GetResults())
	}
	return response.GetResults()[0]
}

// worker is a member.
type worker struct {
	key   string
	heard int
}

func (w *worker) Heartbeat() *workerpb.WorkerHeartbeat {
	return &workerpb.WorkerHeartbeat{WorkerInstanceKey: w.key}
}

func (w *worker) Heard() { w.heard++ }

// groupTest runs in virtual time with a group that sends heartbeats every minute and takes
// commands if the test asks for it.
func groupTest(t *testing.T, commands bool, test func(t *testing.T, g *Group, f *fakeServer, options Options)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := &fakeServer{
			commands: make(chan *workflowservice.PollNexusTaskQueueResponse),
			answers:  make(chan *workflowservice.RespondNexusTaskCompletedRequest, 1),
		}
		test(t, New(), f, Options{
			Service: f, Namespace: "ns", Identity: "me", Interval: time.Minute, Logger: logger.Discard{}, Commands: commands,
		})
	})
}

func TestOneCallHasTheHeartbeatsOfAllWorkers(t *testing.T) {
	groupTest(t, false, func(t *testing.T, g *Group, f *fakeServer, options Options) {
		first, second := &worker{key: "first"}, &worker{key: "second"}
		leaveFirst := g.Join(first, options)
		if got := f.sent(); len(got) != 1 || len(got[0]) != 1 || got[0][0] != "first" {
			t.Fatalf("the first heartbeat of the first worker is not sent at once: %v", got)
		}
		leaveSecond := g.Join(second, options)
		defer leaveSecond()
		time.Sleep(time.Minute)
		if got := f.sent(); len(got) != 2 || len(got[1]) != 2 {
			t.Fatalf("after a minute the calls are %v", got)
		}
		leaveFirst()
		time.Sleep(time.Minute)
		if got := f.sent(); len(got) != 3 || len(got[2]) != 1 || got[2][0] != "second" {
			t.Fatalf("with one worker left the calls are %v", got)
		}
		if first.heard != 2 || second.heard != 2 {
			t.Errorf("they were told of %d and %d heartbeats that the server took", first.heard, second.heard)
		}
		if id := f.beats[0].GetResourceId(); id != "worker:"+g.Key() {
			t.Errorf("the resource id is %q", id)
		}
	})
}

func TestAGroupWithoutWorkersSendsNothingAndBeginsAnew(t *testing.T) {
	groupTest(t, true, func(t *testing.T, g *Group, f *fakeServer, options Options) {
		g.Join(&worker{key: "first"}, options)()
		before := len(f.sent())
		time.Sleep(time.Hour)
		if got := f.sent(); len(got) != before {
			t.Fatalf("without workers %v was sent", got[before:])
		}
		leave := g.Join(&worker{key: "second"}, options)
		defer leave()
		if got := f.sent(); len(got) != before+1 {
			t.Fatalf("the calls are %v", got)
		}
	})
}

func TestAHeartbeatThatFailsIsNotHeardAndTheNextIsSent(t *testing.T) {
	groupTest(t, false, func(t *testing.T, g *Group, f *fakeServer, options Options) {
		f.err = serviceerror.NewUnavailable("later")
		w := &worker{key: "w"}
		defer g.Join(w, options)()
		time.Sleep(time.Minute)
		if got := f.sent(); len(got) != 2 || w.heard != 0 {
			t.Fatalf("the calls are %v, %d were heard", got, w.heard)
		}
	})
}

func TestACommandCancelsTheActivityOfATask(t *testing.T) {
	groupTest(t, true, func(t *testing.T, g *Group, f *fakeServer, options Options) {
		defer g.Join(&worker{key: "w"}, options)()
		ctx, cancel := context.WithCancelCause(t.Context())
		defer g.Cancellable([]byte("activity"), cancel)()
		other, cancelOther := context.WithCancelCause(t.Context())
		defer g.Cancellable([]byte("other"), cancelOther)()
		f.commands <- command(t, &workerpb.WorkerCommand{Type: &workerpb.WorkerCommand_CancelActivity{
			CancelActivity: &workerpb.CancelActivityCommand{TaskToken: []byte("activity")},
		}})
		if got := resultOf(t, <-f.answers); got.GetCancelActivity() == nil {
			t.Errorf("the result is %v", got)
		}
		if !failure.IsCanceledError(context.Cause(ctx)) {
			t.Errorf("the activity was cancelled because of %v", context.Cause(ctx))
		}
		if other.Err() != nil {
			t.Error("another activity was cancelled, too")
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if queue := f.polls[0].GetTaskQueue(); queue.GetName() != "temporal-sys/worker-commands/ns/"+g.Key() || queue.GetKind() != enumspb.TASK_QUEUE_KIND_WORKER_COMMANDS {
			t.Errorf("commands are taken from %v", queue)
		}
	})
}

func TestACommandForAnActivityThatHasEndedIsAnswered(t *testing.T) {
	groupTest(t, true, func(t *testing.T, g *Group, f *fakeServer, options Options) {
		defer g.Join(&worker{key: "w"}, options)()
		ctx, cancel := context.WithCancelCause(t.Context())
		g.Cancellable([]byte("activity"), cancel)()
		f.commands <- command(t, &workerpb.WorkerCommand{Type: &workerpb.WorkerCommand_CancelActivity{
			CancelActivity: &workerpb.CancelActivityCommand{TaskToken: []byte("activity")},
		}})
		if got := resultOf(t, <-f.answers); got.GetCancelActivity() == nil || ctx.Err() != nil {
			t.Errorf("the result is %v; the context of the task that ended: %v", got, ctx.Err())
		}
	})
}

func TestAnUnknownCommandHasAnEmptyResult(t *testing.T) {
	groupTest(t, true, func(t *testing.T, g *Group, f *fakeServer, options Options) {
		defer g.Join(&worker{key: "w"}, options)()
		f.commands <- command(t, &workerpb.WorkerCommand{})
		if got := resultOf(t, <-f.answers); got.GetType() != nil {
			t.Errorf("the result is %v", got)
		}
	})
}

func TestATaskThatIsNoCommandDoesNotEndThePolling(t *testing.T) {
	groupTest(t, true, func(t *testing.T, g *Group, f *fakeServer, options Options) {
		defer g.Join(&worker{key: "w"}, options)()
		f.commands <- &workflowservice.PollNexusTaskQueueResponse{TaskToken: []byte("strange")}
		f.commands <- command(t, &workerpb.WorkerCommand{})
		resultOf(t, <-f.answers)
	})
}

func TestWithoutCommandsNobodyPollsForThem(t *testing.T) {
	groupTest(t, false, func(t *testing.T, g *Group, f *fakeServer, options Options) {
		defer g.Join(&worker{key: "w"}, options)()
		_, cancel := context.WithCancelCause(t.Context())
		defer g.Cancellable([]byte("activity"), cancel)()
		synctest.Wait()
		if len(f.polls) != 0 || len(g.cancels) != 0 {
			t.Errorf("there are %d polls, and %d activities can be cancelled", len(f.polls), len(g.cancels))
		}
	})
}
