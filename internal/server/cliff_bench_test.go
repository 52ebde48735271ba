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
	n int // makes ids
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
	c := &cliff{b, workflowservice.NewWorkflowServiceClient(s.ClientConn()), 0}
	// Nothing goes to a sticky queue that nobody polls.
	ctx, cancel := context.WithTimeout(b.Context(), 10*time.Millisecond)
	defer cancel()
	_, _ = c.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{Namespace: ns, TaskQueue: sticky})
	c.start("big")
	return c
}

func (c *cliff) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *cliff) start(id string) {
	_, err := c.StartWorkflowExecution(c.Context(), &workflowservice.StartWorkflowExecutionRequest{Namespace: ns, WorkflowId: id,
		WorkflowType: &commonpb.WorkflowType{Name: "order"}, TaskQueue: &taskqueuepb.TaskQueue{Name: id}, RequestId: id})
	c.must(err)
}

func (c *cliff) signal() {
	c.n++
	_, err := c.SignalWorkflowExecution(c.Context(), &workflowservice.SignalWorkflowExecutionRequest{Namespace: ns, SignalName: "s",
		WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "big"}, RequestId: fmt.Sprint(c.n)})
	c.must(err)
}

// sticky is the queue on which the workflow's worker has it in its cache.
var sticky = &taskqueuepb.TaskQueue{Name: "sticky", Kind: enumspb.TASK_QUEUE_KIND_STICKY, NormalName: "big"}

// decide takes the workflow task of the workflow and answers it.
func (c *cliff) decide(q *taskqueuepb.TaskQueue, commands ...*commandpb.Command) {
	task, err := c.PollWorkflowTaskQueue(c.Context(), &workflowservice.PollWorkflowTaskQueueRequest{Namespace: ns, TaskQueue: q})
	c.must(err)
	_, err = c.RespondWorkflowTaskCompleted(c.Context(), &workflowservice.RespondWorkflowTaskCompletedRequest{TaskToken: task.GetTaskToken(), Commands: commands,
		StickyAttributes: &taskqueuepb.StickyExecutionAttributes{WorkerTaskQueue: sticky, ScheduleToStartTimeout: durationpb.New(time.Hour)}})
	c.must(err)
}

// step is what is measured: a signal, and the workflow task that comes of it.
func (c *cliff) step() {
	c.signal()
	c.decide(sticky)
}

// grow has the workflow carry out so many commands, a thousand in a task.
func (c *cliff) grow(size int, command func(i int) *commandpb.Command) {
	queue := &taskqueuepb.TaskQueue{Name: "big"}
	for from := 0; from < size || from == 0; from += 1000 {
		var commands []*commandpb.Command
		for i := from; i < min(size, from+1000); i++ {
			commands = append(commands, command(i))
		}
		if from > 0 {
			c.signal()
			queue = sticky
		}
		c.decide(queue, commands...)
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
		c.grow(size, func(int) *commandpb.Command {
			return &commandpb.Command{CommandType: enumspb.COMMAND_TYPE_RECORD_MARKER, Attributes: &commandpb.Command_RecordMarkerCommandAttributes{
				RecordMarkerCommandAttributes: &commandpb.RecordMarkerCommandAttributes{MarkerName: "m"}}}
		})
	}, (*cliff).step)
}

func BenchmarkCliffOfSignals(b *testing.B) {
	cliffOf(b, []int{10, 1000, 10_000}, func(c *cliff, size int) {
		c.decide(&taskqueuepb.TaskQueue{Name: "big"})
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
		c.grow(size, func(i int) *commandpb.Command { return child(i, enumspb.PARENT_CLOSE_POLICY_ABANDON) })
		c.awaitStarted(size)
	}, (*cliff).step)
}

// awaitStarted waits until so many children have started, and answers the workflow task
// that comes of it.
func (c *cliff) awaitStarted(size int) {
	for {
		d, err := c.DescribeWorkflowExecution(c.Context(), &workflowservice.DescribeWorkflowExecutionRequest{Namespace: ns, Execution: &commonpb.WorkflowExecution{WorkflowId: "big"}})
		c.must(err)
		started := 0
		for _, child := range d.GetPendingChildren() {
			if child.GetRunId() != "" {
				started++
			}
		}
		if started == size {
			break
		}
		if d.GetPendingWorkflowTask() != nil {
			c.decide(sticky)
		}
	}
	c.signal()
	c.decide(sticky)
}

// BenchmarkCliffOfClosingAParent measures what one child costs of the end of its parent,
// up to the end of the last of them.
func BenchmarkCliffOfClosingAParent(b *testing.B) {
	for _, size := range []int{10, 500, 5000} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				c := newCliff(b)
				c.grow(size, func(i int) *commandpb.Command { return child(i, enumspb.PARENT_CLOSE_POLICY_TERMINATE) })
				c.awaitStarted(size)
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
