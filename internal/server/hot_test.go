package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	querypb "go.temporal.io/api/query/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

// hotCluster is three nodes, with a queue for workflow tasks that is hot.
func hotCluster(t *testing.T) (*nodes, *bench) {
	t.Helper()
	c := clusterOf(t, 3, server.Options{DynamicConfig: []dynamicconfig.Override{{Key: "matching.hotQueuePollsPerSecond", Value: "1"}}})
	b := c.bench()
	stop := make(chan struct{})
	var polls sync.WaitGroup
	for i := range c.servers {
		polls.Go(func() {
			client := workflowservice.NewWorkflowServiceClient(c.servers[i].ClientConn())
			for {
				select {
				case <-stop:
					return
				default:
				}
				ctx, cancel := givenUpAfter(t.Context(), 50*time.Millisecond)
				_, _ = client.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}})
				cancel()
			}
		})
	}
	b.awaits("the queue is hot", func() bool { return c.hot() != nil })
	close(stop)
	polls.Wait()
	return c, b
}

// givenUpAfter is the context of a call that its caller gives up after some time, without having said so before.
func givenUpAfter(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(after, cancel)
	return ctx, func() { timer.Stop(); cancel() }
}

// hot is the home of the hot queue; nil if none is hot.
func (c *nodes) hot() *server.Server {
	for _, s := range c.servers {
		if s.HotQueues() > 0 {
			return s
		}
	}
	return nil
}

// startWith starts a workflow with a priority and a fairness key.
func (b *bench) startWith(id string, priority int32, key string) {
	b.t.Helper()
	if _, err := b.client.StartWorkflowExecution(b.ctx(), &workflowservice.StartWorkflowExecutionRequest{
		Namespace: ns, WorkflowId: id, RequestId: id, WorkflowType: &commonpb.WorkflowType{Name: "type"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue},
		WorkflowTaskTimeout: durationpb.New(time.Second), Priority: &commonpb.Priority{PriorityKey: priority, FairnessKey: key},
	}); err != nil {
		b.t.Fatal(err)
	}
}

func TestAHotQueueIsServedByPollsAtAllNodes(t *testing.T) {
	t.Parallel()
	c, b := hotCluster(t)
	home := c.hot()

	t.Run("in order of priority and fairness", func(t *testing.T) {
		for i := range 4 {
			b.startWith(fmt.Sprint("late-", i), 5, "")
		}
		for i := range 8 {
			b.startWith(fmt.Sprint("many-", i), 3, "many")
		}
		b.startWith("few-0", 3, "few")
		b.startWith("few-1", 3, "few")
		b.startWith("first", 1, "")
		const tasks = 15
		b.awaits("the home has heard of all tasks", func() bool {
			d, err := b.client.DescribeTaskQueue(b.ctx(), &workflowservice.DescribeTaskQueueRequest{Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, ReportStats: true})
			if err != nil {
				t.Fatal(err)
			}
			return d.GetStats().GetApproximateBacklogCount() == tasks
		})
		var got []string
		late := 0
		for i := range tasks {
			task := b.pollWorkflow()
			got = append(got, task.GetWorkflowExecution().GetWorkflowId())
			if strings.HasPrefix(got[i], "late-") && i >= tasks-4 {
				late++
			}
			b.complete(task, completeWorkflow("done"))
		}
		if got[0] != "first" || late != 4 || slices.Index(got, "few-0") > 4 || slices.Index(got, "few-1") > 4 {
			t.Errorf("polls one after the other at all nodes have got %v", got)
		}
		if home.HandedOut() == 0 {
			t.Error("nothing was handed to another node")
		}
	})

	t.Run("with queries", func(t *testing.T) {
		b.startWorkflow("asked")
		b.complete(b.pollWorkflow())
		for range 6 {
			answered := make(chan error, 1)
			go func() {
				_, err := b.client.QueryWorkflow(b.ctx(), &workflowservice.QueryWorkflowRequest{Namespace: ns, Execution: execution("asked"), Query: &querypb.WorkflowQuery{QueryType: "state"}})
				answered <- err
			}()
			task := b.pollWorkflow()
			if _, err := b.client.RespondQueryTaskCompleted(b.ctx(), &workflowservice.RespondQueryTaskCompletedRequest{Namespace: ns,
				TaskToken: task.GetTaskToken(), CompletedType: enumspb.QUERY_RESULT_TYPE_ANSWERED, QueryResult: payload("waiting")}); err != nil {
				t.Fatal(err)
			}
			if err := <-answered; err != nil {
				t.Error(err)
			}
		}
	})

	t.Run("and tells who they are", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var polls sync.WaitGroup
		for i, s := range c.servers {
			polls.Go(func() {
				_, _ = workflowservice.NewWorkflowServiceClient(s.ClientConn()).PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{
					Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, Identity: fmt.Sprint("at node ", i)})
			})
		}
		defer polls.Wait()
		defer cancel()
		b.awaits("the polls of all nodes are told of", func() bool {
			d, err := b.client.DescribeTaskQueue(b.ctx(), &workflowservice.DescribeTaskQueueRequest{Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}})
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for _, p := range d.GetPollers() {
				for i := range c.servers {
					if p.GetIdentity() == fmt.Sprint("at node ", i) {
						found++
					}
				}
			}
			return found == len(c.servers)
		})
	})

	t.Run("of which some end while tasks are on their way", func(t *testing.T) { c.servesPollsThatEnd(t, b, "ending") })

	t.Run("and its home leaves", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		c.servers = slices.DeleteFunc(c.servers, func(s *server.Server) bool { return s == home })
		if b.server == home {
			b.server = c.servers[0]
		}
		left := make(chan error, 1)
		go func() { left <- home.Stop(ctx) }()
		c.servesPollsThatEnd(t, b, "leaving")
		if err := <-left; err != nil {
			t.Error(err)
		}
	})
}

// servesPollsThatEnd starts workflows while polls at all nodes come and go at any time, and checks that each was completed by
// one task.
func (c *nodes) servesPollsThatEnd(t *testing.T, b *bench, prefix string) {
	t.Helper()
	const workflows = 60
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var workers sync.WaitGroup
	for range 9 {
		workers.Go(func() {
			for ctx.Err() == nil {
				patience := time.Duration(1+rand.IntN(60)) * time.Millisecond
				if rand.IntN(3) == 0 {
					patience = 5 * time.Second // however slow the machine is, some get what they wait for
				}
				poll, end := givenUpAfter(ctx, patience)
				task, err := b.client.PollWorkflowTaskQueue(poll, &workflowservice.PollWorkflowTaskQueueRequest{Namespace: ns, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}})
				end()
				if err == nil && len(task.GetTaskToken()) > 0 && task.GetQuery() == nil {
					_, _ = b.client.RespondWorkflowTaskCompleted(ctx, &workflowservice.RespondWorkflowTaskCompletedRequest{
						Namespace: ns, TaskToken: task.GetTaskToken(), Commands: []*commandpb.Command{completeWorkflow("done")}})
				}
			}
		})
	}
	for i := range workflows {
		b.startWith(fmt.Sprint(prefix, i), 3, "")
	}
	for i := range workflows {
		id := fmt.Sprint(prefix, i)
		b.awaits(id+" is completed", func() bool { return b.describes(id).GetStatus() == enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED })
		if n := b.count(id, enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED); n != 1 {
			t.Errorf("%s has %d completed workflow tasks", id, n)
		}
	}
	cancel()
	workers.Wait()
}
