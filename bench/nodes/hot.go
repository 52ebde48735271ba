package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// The same work by way of one queue, which is ordinary and hot by turns, as the settings say that are written between them.
const (
	busyQueue = "busy"

	ordinarySettings = "matching.hotQueuePollsPerSecond: [{value: 0}]\n"
	hotSettings      = "matching.hotQueuePollsPerSecond: [{value: 5}]\n"

	// hotRounds is how often it is the turn of each.
	hotRounds = 3
	// heating is longer than it takes until settings have been read and a queue has become hot, or an ordinary one.
	heating = 10 * time.Second
	// workers poll at each node, and starters start workflows by way of it.
	workers, starters = 16, 4
)

// turns is what has been measured of a queue.
type turns struct {
	tasks     int64
	took, all time.Duration
	most      time.Duration // of the node that was busiest, which is the home
}

// atHome is what a task costs at the home of the queue more than at the other nodes, on average.
func (t *turns) atHome() float64 {
	return each(t.most-(t.all-t.most)/(nodeCount-1), t)
}

func each(cpu time.Duration, t *turns) float64 { return float64(cpu.Microseconds()) / float64(t.tasks) }

func hot(ctx context.Context, nodes []*node, settings string, length time.Duration, w io.Writer) error {
	measured := map[string]*turns{ordinarySettings: {}, hotSettings: {}}
	for range hotRounds {
		for _, kind := range []string{ordinarySettings, hotSettings} {
			if err := os.WriteFile(settings, []byte(kind), 0o600); err != nil {
				return err
			}
			if _, err := serve(ctx, nodes, busyQueue, heating); err != nil {
				return err
			}
			t, err := serve(ctx, nodes, busyQueue, length/2)
			if err != nil {
				return err
			}
			sum := measured[kind]
			sum.tasks, sum.took, sum.all, sum.most = sum.tasks+t.tasks, sum.took+t.took, sum.all+t.all, sum.most+t.most
		}
	}
	o, h := measured[ordinarySettings], measured[hotSettings]
	for name, t := range map[string]*turns{"ordinary": o, "hot": h} {
		fmt.Fprintf(w, "%s queue: %.0f workflows of one task a second, %.0f µs of CPU each at all nodes, and %.0f µs more at its home than at each of the others (%d workflows)\n",
			name, float64(t.tasks)/t.took.Seconds(), each(t.all, t), t.atHome(), t.tasks)
	}
	fmt.Fprintf(w, "a queue that is hot: %.2f times the rate, %.2f times the CPU at all nodes, %.2f times what it costs more at its home\n",
		float64(h.tasks)/h.took.Seconds()/(float64(o.tasks)/o.took.Seconds()), each(h.all, h)/each(o.all, o), h.atHome()/o.atHome())
	return nil
}

// serve starts workflows by way of all nodes, and has workers at all of them complete each with its first task.
func serve(ctx context.Context, nodes []*node, queue string, length time.Duration) (*turns, error) {
	ctx, cancel := context.WithTimeout(ctx, length+time.Minute)
	defer cancel()
	polling, stop := context.WithCancel(ctx)
	var tasks atomic.Int64
	var failed atomic.Pointer[error]
	var working, starting sync.WaitGroup
	before, began := cpuOfEach(nodes), time.Now()
	for _, n := range nodes {
		for range workers {
			working.Go(func() {
				for polling.Err() == nil {
					if done, err := n.completeOne(polling, queue); done {
						tasks.Add(1)
					} else if err != nil && polling.Err() == nil {
						failed.Store(&err)
						return
					}
				}
			})
		}
		for range starters {
			starting.Go(func() {
				for time.Since(began) < length {
					id := uuid.NewString()
					if _, err := n.client.StartWorkflowExecution(ctx, &workflowservice.StartWorkflowExecutionRequest{Namespace: "default", WorkflowId: id, RequestId: id,
						WorkflowType: &commonpb.WorkflowType{Name: "w"}, TaskQueue: &taskqueuepb.TaskQueue{Name: queue}}); err != nil {
						failed.Store(&err)
						return
					}
				}
			})
		}
	}
	starting.Wait()
	t := &turns{tasks: tasks.Load(), took: time.Since(began)}
	var used []time.Duration
	for i, cpu := range cpuOfEach(nodes) {
		used = append(used, cpu-before[i])
		t.all += cpu - before[i]
	}
	t.most = slices.Max(used)
	stop()
	working.Wait()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return t, nil
}

// completeOne polls for a workflow task and completes its workflow.
func (n *node) completeOne(ctx context.Context, queue string) (done bool, err error) {
	task, err := n.client.PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{Namespace: "default", TaskQueue: &taskqueuepb.TaskQueue{Name: queue}, Identity: "bench"})
	if err != nil || len(task.GetTaskToken()) == 0 {
		return false, err
	}
	_, err = n.client.RespondWorkflowTaskCompleted(ctx, &workflowservice.RespondWorkflowTaskCompletedRequest{Namespace: "default", TaskToken: task.TaskToken,
		Commands: []*commandpb.Command{{CommandType: enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION, Attributes: &commandpb.Command_CompleteWorkflowExecutionCommandAttributes{
			CompleteWorkflowExecutionCommandAttributes: &commandpb.CompleteWorkflowExecutionCommandAttributes{}}}}})
	return err == nil, err
}

func cpuOfEach(nodes []*node) (used []time.Duration) {
	for i := range nodes {
		used = append(used, cpuOf(nodes[i:i+1]))
	}
	return used
}
