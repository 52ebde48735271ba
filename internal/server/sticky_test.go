package server_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/server"
)

// stickyWorker is a worker with a sticky queue of its own, which polls by way of one node.
type stickyWorker struct {
	*bench
	sticky *taskqueuepb.TaskQueue
	begun  int // polls
}

func (c *nodes) stickyWorker(node int, name string) *stickyWorker {
	b := &bench{c.t, c.servers[node], workflowservice.NewWorkflowServiceClient(c.servers[node].ClientConn())}
	return &stickyWorker{b, &taskqueuepb.TaskQueue{Name: name, Kind: enumspb.TASK_QUEUE_KIND_STICKY, NormalName: queue}, 0}
}

// polls polls the sticky queue, and returns when all nodes know that. Each poll has an identity of its own: those of polls that
// have ended stay known.
func (w *stickyWorker) polls(ctx context.Context, c *nodes) <-chan *workflowservice.PollWorkflowTaskQueueResponse {
	w.t.Helper()
	w.begun++
	identity := fmt.Sprintf("%p-%d", w, w.begun)
	polled := make(chan *workflowservice.PollWorkflowTaskQueueResponse, 1)
	go func() {
		resp, err := w.client.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{Namespace: ns, TaskQueue: w.sticky, Identity: identity})
		if err != nil && ctx.Err() == nil {
			w.t.Error(err)
		}
		polled <- resp
	}()
	for _, s := range c.servers {
		w.awaits("the poll is known", func() bool {
			d, err := workflowservice.NewWorkflowServiceClient(s.ClientConn()).DescribeTaskQueue(w.ctx(), &workflowservice.DescribeTaskQueueRequest{Namespace: ns, TaskQueue: w.sticky})
			return err == nil && slices.ContainsFunc(d.GetPollers(), func(p *taskqueuepb.PollerInfo) bool { return p.GetIdentity() == identity })
		})
	}
	return polled
}

// goesOn completes a task so that the workflow has another one at once, for the sticky queue.
func (w *stickyWorker) goesOn(task *workflowservice.PollWorkflowTaskQueueResponse) {
	w.t.Helper()
	if _, err := w.client.RespondWorkflowTaskCompleted(w.ctx(), &workflowservice.RespondWorkflowTaskCompletedRequest{
		Namespace: ns, TaskToken: task.GetTaskToken(), Identity: "worker", ForceCreateNewWorkflowTask: true,
		StickyAttributes: &taskqueuepb.StickyExecutionAttributes{WorkerTaskQueue: w.sticky, ScheduleToStartTimeout: durationpb.New(time.Minute)}}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *stickyWorker) gets(polled <-chan *workflowservice.PollWorkflowTaskQueueResponse, id string) *workflowservice.PollWorkflowTaskQueueResponse {
	w.t.Helper()
	select {
	case task := <-polled:
		if task.GetWorkflowExecution().GetWorkflowId() != id {
			w.t.Fatalf("the worker got %v, want a task of %s", task, id)
		}
		return task
	case <-w.ctx().Done():
		w.t.Fatalf("the worker got no task of %s", id)
		return nil
	}
}

func TestStickyQueuesOnSeveralNodes(t *testing.T) {
	c := clusterOf(t, 3, server.Options{})
	for name, test := range map[string]func(*testing.T, *nodes){
		"AStickyTaskGoesToTheNodeThatItsWorkerPolls":                                aStickyTaskGoesToTheNodeThatItsWorkerPolls,
		"AStickyTaskWhoseWorkerIsGoneFallsBackToItsNormalQueueWhereverThatIsAtHome": aStickyTaskWhoseWorkerIsGoneFallsBackToItsNormalQueueWhereverThatIsAtHome,
		"PollsOfAStickyQueueThatArriveAtOtherNodesGoWhereItIs":                      pollsOfAStickyQueueThatArriveAtOtherNodesGoWhereItIs,
		"AStickyQueueMovesWithItsWorkerToAnotherNode":                               aStickyQueueMovesWithItsWorkerToAnotherNode,
		"AQueryIsAnsweredByTheWorkerOfAStickyQueueAtAnyNode":                        aQueryIsAnsweredByTheWorkerOfAStickyQueueAtAnyNode,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, &nodes{t: t, store: c.store, servers: c.servers, options: c.options})
		})
	}
}

func aStickyTaskGoesToTheNodeThatItsWorkerPolls(t *testing.T, c *nodes) {
	for node, s := range c.servers {
		for i := range 4 { // of whatever node
			id := fmt.Sprintf("goes-%d-%d", node, i)
			w := c.stickyWorker(node, fmt.Sprint("goes-worker-", node))
			w.startWorkflow(id)
			task := w.pollWorkflow()
			polled := w.polls(w.ctx(), c)
			w.goesOn(task)
			before := s.Forwarded()
			task = w.gets(polled, id)
			if n := s.Forwarded() - before; n > 0 {
				t.Errorf("node %d has forwarded the poll", node)
			}
			if n := len(task.GetHistory().GetEvents()); n != 3 {
				t.Errorf("the worker got %d events, want those that are new", n)
			}
			w.complete(task, completeWorkflow("done"))
		}
	}
}

func aStickyTaskWhoseWorkerIsGoneFallsBackToItsNormalQueueWhereverThatIsAtHome(t *testing.T, c *nodes) {
	for node := range c.servers {
		id := fmt.Sprint("falls-", node)
		w := c.stickyWorker(node, fmt.Sprint("falls-worker-", node))
		w.startWorkflow(id)
		task := w.pollWorkflow()
		w.goesOnUnpolled(c, task)
		if next := w.pollWorkflow(); next.GetWorkflowExecution().GetWorkflowId() != id {
			t.Errorf("got %v", next)
		} else {
			w.complete(next, completeWorkflow("done"))
		}
	}
}

// goesOnUnpolled is goesOn while the worker is there and does not poll; then it goes.
func (w *stickyWorker) goesOnUnpolled(c *nodes, task *workflowservice.PollWorkflowTaskQueueResponse) {
	w.t.Helper()
	other := c.stickyWorker(0, w.sticky.Name)
	other.bench = w.bench
	// A poll that gets another workflow's task is over, and its worker still there.
	other.startWorkflow("other-" + w.sticky.Name)
	first := other.pollWorkflow()
	polled := other.polls(w.ctx(), c)
	other.goesOn(first)
	other.complete(other.gets(polled, "other-"+w.sticky.Name), completeWorkflow("done"))
	w.goesOn(task)
	if _, err := w.client.ShutdownWorker(w.ctx(), &workflowservice.ShutdownWorkerRequest{Namespace: ns, StickyTaskQueue: w.sticky.Name}); err != nil {
		w.t.Fatal(err)
	}
}

func pollsOfAStickyQueueThatArriveAtOtherNodesGoWhereItIs(t *testing.T, c *nodes) {
	first, second := c.stickyWorker(0, "spread-worker"), c.stickyWorker(1, "spread-worker")
	first.startWorkflow("a")
	first.startWorkflow("b")
	one, two := first.pollWorkflow(), first.pollWorkflow()
	polls := []<-chan *workflowservice.PollWorkflowTaskQueueResponse{first.polls(first.ctx(), c), second.polls(second.ctx(), c)}
	first.goesOn(one)
	first.goesOn(two)
	for _, polled := range polls {
		select {
		case task := <-polled:
			first.complete(task, completeWorkflow("done"))
		case <-first.ctx().Done():
			t.Fatal("a poll got nothing")
		}
	}
}

func aStickyQueueMovesWithItsWorkerToAnotherNode(t *testing.T, c *nodes) {
	before, after := c.stickyWorker(0, "moving-worker"), c.stickyWorker(1, "moving-worker")
	before.startWorkflow("moves")
	task := before.pollWorkflow()
	ctx, hangUp := context.WithCancel(before.ctx())
	gone := before.polls(ctx, c)
	hangUp()
	<-gone
	polled := after.polls(after.ctx(), c)
	before.goesOn(task)
	after.complete(after.gets(polled, "moves"), completeWorkflow("done"))
}

func aQueryIsAnsweredByTheWorkerOfAStickyQueueAtAnyNode(t *testing.T, c *nodes) {
	for node := range c.servers {
		id := fmt.Sprint("asked-", node)
		w := c.stickyWorker(node, fmt.Sprint("asked-worker-", node))
		w.startWorkflow(id)
		task := w.pollWorkflow()
		polled := w.polls(w.ctx(), c)
		w.goesOn(task)
		task = w.gets(polled, id)
		polled = w.polls(w.ctx(), c)
		if _, err := w.client.RespondWorkflowTaskCompleted(w.ctx(), &workflowservice.RespondWorkflowTaskCompletedRequest{Namespace: ns, TaskToken: task.GetTaskToken(),
			StickyAttributes: &taskqueuepb.StickyExecutionAttributes{WorkerTaskQueue: w.sticky, ScheduleToStartTimeout: durationpb.New(time.Minute)}}); err != nil {
			t.Fatal(err)
		}
		answered := make(chan string, 1)
		go func() {
			resp, err := c.bench().client.QueryWorkflow(w.ctx(), &workflowservice.QueryWorkflowRequest{Namespace: ns, Execution: execution(id), Query: &querypb.WorkflowQuery{QueryType: "state"}})
			answered <- text(resp.GetQueryResult()) + fmt.Sprint(err)
		}()
		asked := w.gets(polled, id)
		if asked.GetQuery().GetQueryType() != "state" || len(asked.GetHistory().GetEvents()) > 0 {
			t.Errorf("got %v", asked)
		}
		if _, err := w.client.RespondQueryTaskCompleted(w.ctx(), &workflowservice.RespondQueryTaskCompletedRequest{Namespace: ns,
			TaskToken: asked.GetTaskToken(), CompletedType: enumspb.QUERY_RESULT_TYPE_ANSWERED, QueryResult: payload("waiting")}); err != nil {
			t.Fatal(err)
		}
		if got := <-answered; got != "waiting<nil>" {
			t.Errorf("the query was answered %v", got)
		}
	}
}
