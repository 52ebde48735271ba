package reshard

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
)

const (
	namespace = "default"
	callers   = 32 // at a time

	ready      = "ready"      // of tasks that are worked off at once
	waiting    = "waiting"    // of workflow tasks that wait for the end of the test
	activities = "activities" // of activities that do
	late       = "late"       // of workflows with timers that become due meanwhile
)

// states are what the workflows are in when the store is resharded, taken in
// turn. Those that a worker has to bring there are on the queue ready.
var states = []struct {
	name, queue string
	command     *commandpb.Command
	signals     int
}{
	{name: "scheduled", queue: waiting},
	{name: "signalled", queue: waiting, signals: 2},
	{name: "sleeping", queue: ready, command: timer(time.Hour)},
	{name: "active", queue: ready, command: activity()},
	{name: "closed", queue: ready, command: complete()},
	{name: "parent", queue: ready, command: child()},
}

func timer(d time.Duration) *commandpb.Command {
	return &commandpb.Command{CommandType: enumspb.COMMAND_TYPE_START_TIMER, Attributes: &commandpb.Command_StartTimerCommandAttributes{
		StartTimerCommandAttributes: &commandpb.StartTimerCommandAttributes{TimerId: "t", StartToFireTimeout: durationpb.New(d)}}}
}

func activity() *commandpb.Command {
	return &commandpb.Command{CommandType: enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK, Attributes: &commandpb.Command_ScheduleActivityTaskCommandAttributes{
		ScheduleActivityTaskCommandAttributes: &commandpb.ScheduleActivityTaskCommandAttributes{ActivityId: "a", ActivityType: &commonpb.ActivityType{Name: "act"},
			TaskQueue: &taskqueuepb.TaskQueue{Name: activities}, StartToCloseTimeout: durationpb.New(time.Minute)}}}
}

func complete() *commandpb.Command {
	return &commandpb.Command{CommandType: enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION, Attributes: &commandpb.Command_CompleteWorkflowExecutionCommandAttributes{
		CompleteWorkflowExecutionCommandAttributes: &commandpb.CompleteWorkflowExecutionCommandAttributes{}}}
}

// child starts a child that nobody works on. Its id is set for each workflow.
func child() *commandpb.Command {
	return &commandpb.Command{CommandType: enumspb.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION, Attributes: &commandpb.Command_StartChildWorkflowExecutionCommandAttributes{
		StartChildWorkflowExecutionCommandAttributes: &commandpb.StartChildWorkflowExecutionCommandAttributes{
			WorkflowType: &commonpb.WorkflowType{Name: "child"}, TaskQueue: &taskqueuepb.TaskQueue{Name: "nobody"}}}}
}

// caller calls a server. Its methods fail the test.
type caller struct {
	t *testing.T
	workflowservice.WorkflowServiceClient
}

func name(i int) string { return fmt.Sprintf("%s-%d", states[i%len(states)].name, i) }

// each calls do for 0 to n-1, many at a time, until one fails.
func (c *caller) each(n int, do func(i int) error) {
	c.t.Helper()
	var next atomic.Int64
	var failure atomic.Pointer[error]
	var running sync.WaitGroup
	for range callers {
		running.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && failure.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := do(i); err != nil {
					failure.Store(&err)
				}
			}
		})
	}
	running.Wait()
	if err := failure.Load(); err != nil {
		c.t.Fatal(*err)
	}
}

// fill makes n workflows and brings them into their states, and then some more
// with timers of two seconds.
func (c *caller) fill(n, timers int) {
	c.t.Helper()
	tasks := 0
	for i := range n {
		if states[i%len(states)].queue == ready {
			tasks++
		}
		if states[i%len(states)].name == "parent" {
			tasks++ // it is told that its child has started
		}
	}
	done := make(chan map[string]int)
	go func() { done <- c.work(ready, tasks, c.bring) }()
	c.each(n, func(i int) error {
		s := states[i%len(states)]
		if err := c.begin(name(i), s.queue); err != nil {
			return err
		}
		for range s.signals {
			if err := c.signal(name(i)); err != nil {
				return err
			}
		}
		return nil
	})
	<-done
	c.each(timers, func(i int) error { return c.begin(fmt.Sprint("late-", i), late) })
	c.work(late, timers, func(task *workflowservice.PollWorkflowTaskQueueResponse) *commandpb.Command {
		return timer(2 * time.Second)
	})
}

// bring is the command that brings a workflow into its state; nil if it was given
// it before.
func (c *caller) bring(task *workflowservice.PollWorkflowTaskQueueResponse) *commandpb.Command {
	if task.PreviousStartedEventId > 0 {
		return nil
	}
	for _, s := range states {
		if s.name != task.WorkflowType.Name {
			continue
		}
		command := proto.CloneOf(s.command)
		if a := command.GetStartChildWorkflowExecutionCommandAttributes(); a != nil {
			a.WorkflowId = "child-of-" + task.WorkflowExecution.WorkflowId
		}
		return command
	}
	return nil
}

func (c *caller) begin(id, queue string) error {
	ctx, cancel := background()
	defer cancel()
	kind, _, _ := strings.Cut(id, "-")
	_, err := c.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{
		Namespace: namespace, WorkflowId: id, RequestId: id, WorkflowType: &commonpb.WorkflowType{Name: kind},
		TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, Memo: &commonpb.Memo{Fields: map[string]*commonpb.Payload{"id": {Data: []byte(id)}}},
	})
	return err
}

func (c *caller) signal(id string) error {
	ctx, cancel := background()
	defer cancel()
	_, err := c.SignalWorkflowExecution(ctx, &workflowservice.SignalWorkflowExecutionRequest{
		Namespace: namespace, WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: id}, SignalName: "go",
	})
	return err
}

// work completes n workflow tasks of a queue with the commands, and returns how often
// it has got a task of each workflow.
func (c *caller) work(queue string, n int, command func(*workflowservice.PollWorkflowTaskQueueResponse) *commandpb.Command) map[string]int {
	c.t.Helper()
	var mu sync.Mutex
	got := map[string]int{}
	c.each(n, func(int) error {
		ctx, cancel := background()
		defer cancel()
		task, err := c.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{Namespace: namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}})
		if err != nil {
			return fmt.Errorf("poll %s: %w", queue, err)
		}
		if len(task.TaskToken) == 0 {
			return fmt.Errorf("no task on queue %s", queue)
		}
		mu.Lock()
		got[task.WorkflowExecution.WorkflowId]++
		mu.Unlock()
		var commands []*commandpb.Command
		if cmd := command(task); cmd != nil {
			commands = append(commands, cmd)
		}
		_, err = c.RespondWorkflowTaskCompleted(ctx, &workflowservice.RespondWorkflowTaskCompletedRequest{
			Namespace: namespace, TaskToken: task.TaskToken, Commands: commands,
		})
		return err
	})
	return got
}

// workflowState is how a workflow describes and its history, as text.
type workflowState string

func (c *caller) snapshot(n int) map[string]workflowState {
	c.t.Helper()
	var mu sync.Mutex
	all := make(map[string]workflowState, n)
	c.each(n, func(i int) error {
		state, err := c.state(name(i))
		mu.Lock()
		defer mu.Unlock()
		all[name(i)] = state
		return err
	})
	return all
}

func (c *caller) state(id string) (workflowState, error) {
	ctx, cancel := background()
	defer cancel()
	execution := &commonpb.WorkflowExecution{WorkflowId: id}
	description, err := c.DescribeWorkflowExecution(ctx, &workflowservice.DescribeWorkflowExecutionRequest{Namespace: namespace, Execution: execution})
	if err != nil {
		return "", fmt.Errorf("describe %s: %w", id, err)
	}
	history, err := c.GetWorkflowExecutionHistory(ctx, &workflowservice.GetWorkflowExecutionHistoryRequest{Namespace: namespace, Execution: execution})
	if err != nil {
		return "", fmt.Errorf("history of %s: %w", id, err)
	}
	// Binary: a hundred thousand of them are kept.
	options := proto.MarshalOptions{Deterministic: true}
	text, err := options.Marshal(description)
	if err != nil {
		return "", err
	}
	text, err = options.MarshalAppend(text, history)
	return workflowState(text), err
}

// String is for people.
func (s workflowState) String() string {
	both := new(workflowservice.DescribeWorkflowExecutionResponse)
	if err := proto.Unmarshal([]byte(s), both); err != nil {
		return fmt.Sprintf("%q", string(s))
	}
	return prototext.Format(both)
}

// finish checks that everything that waits in the store still happens: workflow
// tasks and activities go to workers, once each, and timers that have become due fire.
func (c *caller) finish(n, timers int) {
	c.t.Helper()
	tasks, acts := 0, 0
	for i := range n {
		switch states[i%len(states)].name {
		case "scheduled", "signalled":
			tasks++
		case "active":
			acts++
		}
	}
	fired := c.work(late, timers, func(task *workflowservice.PollWorkflowTaskQueueResponse) *commandpb.Command {
		if !contains(task.History, enumspb.EVENT_TYPE_TIMER_FIRED) {
			c.t.Errorf("%s got a task without its timer", task.WorkflowExecution.WorkflowId)
		}
		return complete()
	})
	worked := c.work(waiting, tasks, func(*workflowservice.PollWorkflowTaskQueueResponse) *commandpb.Command { return complete() })
	var completed atomic.Int64
	c.each(acts, func(int) error {
		ctx, cancel := background()
		defer cancel()
		task, err := c.PollActivityTaskQueue(ctx, &workflowservice.PollActivityTaskQueueRequest{Namespace: namespace, TaskQueue: &taskqueuepb.TaskQueue{Name: activities}})
		if err != nil {
			return fmt.Errorf("poll %s: %w", activities, err)
		}
		if len(task.TaskToken) == 0 {
			return fmt.Errorf("no task on queue %s: %d of %d activities", activities, completed.Load(), acts)
		}
		if _, err = c.RespondActivityTaskCompleted(ctx, &workflowservice.RespondActivityTaskCompletedRequest{Namespace: namespace, TaskToken: task.TaskToken}); err == nil {
			completed.Add(1)
		}
		return err
	})
	if len(fired) != timers || len(worked) != tasks || int(completed.Load()) != acts {
		c.t.Fatalf("%d of %d timers, workflow tasks of %d of %d workflows, %d of %d activities", len(fired), timers, len(worked), tasks, completed.Load(), acts)
	}
	c.t.Logf("%d timers fired, %d workflow tasks and %d activities were dispatched", len(fired), len(worked), acts)
}

func contains(history *historypb.History, kind enumspb.EventType) bool {
	for _, event := range history.GetEvents() {
		if event.EventType == kind {
			return true
		}
	}
	return false
}
