package server_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/server"
)

// Cost follows the change, not the size: what a step of a workflow costs must not grow
// with what the workflow has already. Each benchmark makes a workflow of some size and
// measures the same step on it; `make cliffs` prints by how much the cost grows.

// cliff is a server in memory and its client, with a workflow "big".
type cliff struct {
	*testing.B
	workflowservice.WorkflowServiceClient
	n     int    // makes ids
	token []byte // of the workflow task that has been taken
}

func newCliff(b *testing.B) *cliff {
	const most = "1000000000"
	var raised []dynamicconfig.Override
	for _, key := range []string{"limit.numPendingActivities.error", "limit.numPendingChildExecutions.error", "limit.historyCount.error",
		"limit.historySize.error", "history.maximumSignalsPerExecution"} {
		raised = append(raised, dynamicconfig.Override{Key: key, Value: most})
	}
	s, err := server.Start(b.Context(), server.Options{DynamicConfig: raised})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Stop(context.Background()) })
	c := &cliff{B: b, WorkflowServiceClient: workflowservice.NewWorkflowServiceClient(s.ClientConn())}
	_, err = c.StartWorkflowExecution(c.Context(), &workflowservice.StartWorkflowExecutionRequest{Namespace: ns, WorkflowId: "big",
		WorkflowType: &commonpb.WorkflowType{Name: "order"}, TaskQueue: bigQueue, RequestId: "big"})
	c.must(err)
	c.take()
	return c
}

var bigQueue = &taskqueuepb.TaskQueue{Name: "big"}

func (c *cliff) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *cliff) signal() {
	c.n++
	_, err := c.SignalWorkflowExecution(c.Context(), &workflowservice.SignalWorkflowExecutionRequest{Namespace: ns, SignalName: "s",
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "big"}, RequestId: fmt.Sprint(c.n)})
	c.must(err)
}

// take takes the workflow task of the workflow.
func (c *cliff) take() {
	task, err := c.PollWorkflowTaskQueue(c.Context(), &workflowservice.PollWorkflowTaskQueueRequest{Namespace: ns, TaskQueue: bigQueue})
	c.must(err)
	c.token = task.GetTaskToken()
}

// decide answers the workflow task. If another is wanted, it comes with the reply.
func (c *cliff) decide(another bool, commands ...*commandpb.Command) {
	reply, err := c.RespondWorkflowTaskCompleted(c.Context(), &workflowservice.RespondWorkflowTaskCompletedRequest{TaskToken: c.token, Commands: commands,
		ForceCreateNewWorkflowTask: another, ReturnNewWorkflowTask: another,
		StickyAttributes: &taskqueuepb.StickyExecutionAttributes{ScheduleToStartTimeout: durationpb.New(time.Hour),
			WorkerTaskQueue: &taskqueuepb.TaskQueue{Name: "sticky", Kind: enumspb.TASK_QUEUE_KIND_STICKY, NormalName: "big"}}})
	c.must(err)
	c.token = reply.GetWorkflowTask().GetTaskToken()
}

// step is what is measured: a workflow task that records a marker.
func (c *cliff) step() { c.decide(true, marker("m")) }

// grow has the workflow carry out so many commands, a thousand in a task.
func (c *cliff) grow(size int, command func(i int) *commandpb.Command) {
	for from := 0; from < size; from += 1000 {
		var commands []*commandpb.Command
		for i := from; i < min(size, from+1000); i++ {
			commands = append(commands, command(i))
		}
		c.decide(true, commands...)
	}
}

// cliffOf measures the step of workflows of sizes.
func cliffOf(b *testing.B, sizes []int, grow func(c *cliff, size int), step func(c *cliff)) {
	for _, size := range sizes {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			c := newCliff(b)
			grow(c, size)
			b.ReportAllocs()
			for b.Loop() {
				step(c)
			}
		})
	}
}

func BenchmarkCliffOfPendingActivities(b *testing.B) {
	cliffOf(b, []int{10, 200, 2000}, func(c *cliff, size int) {
		c.grow(size, func(i int) *commandpb.Command { return scheduleActivity(fmt.Sprint(i)) })
	}, (*cliff).step)
}

func BenchmarkCliffOfTheHistory(b *testing.B) {
	cliffOf(b, []int{100, 5000, 50_000}, func(c *cliff, size int) {
		c.grow(size, func(int) *commandpb.Command { return marker("m") })
	}, (*cliff).step)
}

func BenchmarkCliffOfSignals(b *testing.B) {
	cliffOf(b, []int{10, 1000, 10_000}, func(c *cliff, size int) {
		c.decide(false)
		for range size {
			c.signal()
		}
	}, (*cliff).signal)
}

func child(i int, policy enumspb.ParentClosePolicy) *commandpb.Command {
	return &commandpb.Command{CommandType: enumspb.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION, Attributes: &commandpb.Command_StartChildWorkflowExecutionCommandAttributes{
		StartChildWorkflowExecutionCommandAttributes: &commandpb.StartChildWorkflowExecutionCommandAttributes{WorkflowId: fmt.Sprint("child", i),
			WorkflowType: &commonpb.WorkflowType{Name: "child"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "children"}, ParentClosePolicy: policy}}}
}

func BenchmarkCliffOfChildren(b *testing.B) {
	cliffOf(b, []int{10, 500, 5000}, func(c *cliff, size int) {
		c.startChildren(size, enumspb.PARENT_CLOSE_POLICY_ABANDON)
		c.take()
	}, (*cliff).step)
}

// startChildren starts so many children and waits until each has a task that waits for a worker: until then their
// starts are still at work.
func (c *cliff) startChildren(size int, policy enumspb.ParentClosePolicy) {
	var commands []*commandpb.Command
	for i := range size {
		commands = append(commands, child(i, policy))
	}
	c.decide(false, commands...)
	for {
		d, err := c.DescribeTaskQueue(c.Context(), &workflowservice.DescribeTaskQueueRequest{Namespace: ns, ReportStats: true,
			TaskQueue: &taskqueuepb.TaskQueue{Name: "children"}, TaskQueueType: enumspb.TASK_QUEUE_TYPE_WORKFLOW})
		c.must(err)
		if d.GetStats().GetApproximateBacklogCount() == int64(size) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// BenchmarkCliffOfClosingAParent measures what one child costs of the end of its parent,
// up to the end of the last of them.
func BenchmarkCliffOfClosingAParent(b *testing.B) {
	for _, size := range []int{10, 500, 5000} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				c := newCliff(b)
				c.startChildren(size, enumspb.PARENT_CLOSE_POLICY_TERMINATE)
				b.StartTimer()
				_, err := c.TerminateWorkflowExecution(c.Context(), &workflowservice.TerminateWorkflowExecutionRequest{Namespace: ns,
					WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "big"}})
				c.must(err)
				for i := range size {
					reply, err := c.GetWorkflowExecutionHistory(c.Context(), &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: ns, WaitNewEvent: true,
						Execution: &commonpb.WorkflowExecution{WorkflowId: fmt.Sprint("child", i)}, HistoryEventFilterType: enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT})
					c.must(err)
					if len(reply.GetHistory().GetEvents()) == 0 {
						c.Fatal("a child has not closed")
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns/child")
		})
	}
}
