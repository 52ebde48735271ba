package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func statusOf(err error) *status.Status { return status.Convert(err) }

// worker carries out workflow tasks: each workflow runs for a moment and completes.
type worker struct {
	server *server
	// hold is how long a workflow runs at most.
	hold time.Duration
	// done, if not nil, is told of each workflow that has completed.
	done func(workflowID string)

	completed atomic.Int64
	cancel    context.CancelFunc
	running   sync.WaitGroup
}

func (w *worker) start(pollers int) {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	slots := make(chan struct{}, 4000) // of workflows that run
	for i := range pollers {
		w.running.Go(func() {
			for ctx.Err() == nil {
				select {
				case slots <- struct{}{}:
				case <-ctx.Done():
					return
				}
				task, err := w.server.client(i).PollWorkflowTaskQueue(ctx, &workflowservice.PollWorkflowTaskQueueRequest{
					Namespace: "default", TaskQueue: &taskqueuepb.TaskQueue{Name: taskQueue}, Identity: "flow"})
				if err != nil || len(task.GetTaskToken()) == 0 {
					<-slots
					if err != nil {
						time.Sleep(20 * time.Millisecond)
					}
					continue
				}
				w.running.Go(func() {
					defer func() { <-slots }()
					if w.hold > 0 {
						time.Sleep(rand.N(w.hold))
					}
					w.complete(i, task)
				})
			}
		})
	}
}

func (w *worker) complete(i int, task *workflowservice.PollWorkflowTaskQueueResponse) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := w.server.client(i).RespondWorkflowTaskCompleted(ctx, &workflowservice.RespondWorkflowTaskCompletedRequest{
		Namespace: "default", TaskToken: task.TaskToken, Identity: "flow",
		Commands: []*commandpb.Command{{CommandType: enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
			Attributes: &commandpb.Command_CompleteWorkflowExecutionCommandAttributes{
				CompleteWorkflowExecutionCommandAttributes: &commandpb.CompleteWorkflowExecutionCommandAttributes{}}}},
	})
	if err != nil {
		return // the server was killed: the task comes again
	}
	w.completed.Add(1)
	if w.done != nil {
		w.done(task.WorkflowExecution.WorkflowId)
	}
}

func (w *worker) stop() {
	w.cancel()
	w.running.Wait()
}

// drain lets the workflows in and kills the server meanwhile.
func drain(ctx context.Context, o *options) error {
	s, err := startServer(o.binary, o.dir, true)
	if err != nil {
		return err
	}
	defer s.stop()
	for _, limit := range limits {
		if err := s.limit(policyOf(limit), limit); err != nil {
			return err
		}
	}
	w := &worker{server: s, hold: 300 * time.Millisecond}
	w.start(o.clients)
	defer w.stop()
	begin, last, most := time.Now(), time.Now(), int64(0)
	for kills := 0; ctx.Err() == nil; {
		if kills < o.kills {
			time.Sleep(time.Second + rand.N(time.Second))
			most = max(most, s.resident())
			s.kill()
			down := time.Now()
			if err := s.start(); err != nil {
				return err
			}
			if kills++; kills%20 == 0 {
				say(fmt.Sprintf("after %d kills", kills), "%d completed, %d MB at most, %.1f s to start", w.completed.Load(), most, time.Since(down).Seconds())
			}
			continue
		}
		time.Sleep(time.Second)
		most = max(most, s.resident())
		if time.Since(last) < 10*time.Second {
			continue
		}
		last = time.Now()
		resp, err := s.client(0).CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{Namespace: "default", Query: `ExecutionStatus = "Running"`})
		if err != nil {
			if ctx.Err() == nil && statusOf(err).Code() == codes.Unavailable {
				continue // the index is so far behind that the connection's age has come first
			}
			return err
		}
		say(fmt.Sprintf("%d have not ended", resp.GetCount()), "%d completed, %d MB at most", w.completed.Load(), most)
		if resp.GetCount() == 0 {
			break
		}
	}
	say(fmt.Sprintf("%d workflows carried out", w.completed.Load()), "%.0f/s, kills included", float64(w.completed.Load())/time.Since(begin).Seconds())
	return ctx.Err()
}

// checkHistories reads when each workflow ran.
func checkHistories(ctx context.Context, o *options) error {
	s, err := startServer(o.binary, o.dir, true)
	if err != nil {
		return err
	}
	defer s.stop()
	var mu sync.Mutex
	ran := make(map[string][]interval, o.keys)
	limitOf := make(map[string]int, o.keys)
	unended := 0
	begin := time.Now()
	err = crowd(o.clients, o.workflows, func(c, n int) error {
		it := itemOf(n, o.keys)
		when, err := readInterval(ctx, s.client(c), it.id)
		if err != nil {
			return fmt.Errorf("%s: %w", it.id, err)
		}
		mu.Lock()
		defer mu.Unlock()
		limitOf[it.key] = it.limit
		if when.to == 0 {
			unended++
			return nil
		}
		ran[it.key] = append(ran[it.key], when)
		return nil
	})
	if err != nil {
		return err
	}
	over, full := 0, 0
	for key, intervals := range ran {
		most := mostAtOnce(intervals)
		if most > limitOf[key] {
			over++
			say(key, "%d ran at once, the limit is %d", most, limitOf[key])
		}
		if most == limitOf[key] {
			full++
		}
	}
	say(fmt.Sprintf("%d histories read", o.workflows), "%.0f/s", float64(o.workflows)/time.Since(begin).Seconds())
	say("workflows that have not ended", "%d", unended)
	say("keys over their limit", "%d of %d; %d reached it", over, len(ran), full)
	if over+unended > 0 {
		return fmt.Errorf("flow control was not exact")
	}
	return nil
}

// interval is when a workflow was let in and when it ended, in nanoseconds; zero while it has not.
type interval struct{ from, to int64 }

func readInterval(ctx context.Context, client workflowservice.WorkflowServiceClient, id string) (when interval, err error) {
	resp, err := client.GetWorkflowExecutionHistory(ctx, historyRequest(id))
	if err != nil {
		return when, err
	}
	for _, event := range resp.GetHistory().GetEvents() {
		at := event.GetEventTime().AsTime().UnixNano()
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
			if when.from == 0 {
				when.from = at
			}
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
			when.to = at
		}
	}
	return when, unexpected(resp.GetHistory().GetEvents())
}
