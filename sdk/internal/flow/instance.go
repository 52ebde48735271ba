package flow

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/coroutine"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/replay"
)

// Instance is one workflow run in this process: rebuilt from its history when
// it gets its first task, kept with all its coroutines between tasks, and
// closed when the worker's cache lets go of it.
//
// HandleTask, Continue, Heartbeat and Close must not be called concurrently
// with one another. LocalActivityDone may be called at any time.
type Instance struct {
	options   *Options
	scheduler *coroutine.Scheduler
	run       *run            // nil before the first task
	machine   *replay.Machine // that drives the run

	// previousStarted is the started event of the last task handled; the next
	// history goes on behind it. lastHandled is the last event seen.
	previousStarted, lastHandled int64
	poll                         *workflowservice.PollWorkflowTaskQueueResponse
	// tasked is when the current task was begun, by this machine's clock; replayed is
	// how long it took until what was new in it began.
	tasked   time.Time
	replayed time.Duration

	state state

	mu      sync.Mutex
	ready   chan struct{} // nil until there are local activities
	results []*LocalActivityResult
}

// state says who may touch the run.
type state = atomic.Int32

const (
	idle      = iota // nobody is at work
	busy             // a task is being handled
	abandoned        // workflow code did not yield; its goroutine cleans up
	closed
)

// NewInstance returns an instance that knows nothing yet: the first task that
// it handles must carry the history from the beginning.
func NewInstance(options *Options) *Instance {
	return &Instance{
		options:   options.WithDefaults(),
		scheduler: coroutine.New(),
	}
}

// RunID is the run that the instance is of, "" before its first task.
func (i *Instance) RunID() string {
	if i.run == nil {
		return ""
	}
	return i.run.info.WorkflowExecution.RunID
}

// Info is what workflow.GetInfo returns, nil before the first task, and for a nil instance.
func (i *Instance) Info() *WorkflowInfo {
	if i == nil || i.run == nil {
		return nil
	}
	return i.run.info
}

// What an instance takes in memory by itself, and with each coroutine: the stack, and what
// the runtime keeps of it.
const (
	instanceBytes  = 4 << 10
	coroutineBytes = 9 << 10
)

// Bytes estimates what the instance takes in memory. What variables of the workflow hold
// cannot be measured; it comes from history, so the size of the history stands for it.
func (i *Instance) Bytes() int64 {
	if i == nil {
		return 0
	}
	bytes := instanceBytes + coroutineBytes*int64(i.scheduler.Len())
	if i.machine != nil {
		bytes += int64(i.machine.Task().HistorySize)
	}
	return bytes
}

// PreviousStartedEventID is the started event of the last task handled.
func (i *Instance) PreviousStartedEventID() int64 { return i.previousStarted }

// ReplayTook is how long the last HandleTask repeated what the history has already.
func (i *Instance) ReplayTook() time.Duration { return i.replayed }

// live notes that what is new in the task begins.
func (i *Instance) live() { i.replayed = i.options.now().Sub(i.tasked) }

// Rewind tells the instance that the server dropped its last, speculative task:
// the next history goes on behind the event with the given id. The response
// to a completed task says so in reset_history_event_id.
func (i *Instance) Rewind(startedEventID int64) {
	// The task's scheduled and started events are gone from the history.
	i.lastHandled -= 2
	i.previousStarted = startedEventID
}

// HandleTask handles a workflow task: it returns the response, or that local
// activities have to end first. An error means that there is nothing to respond:
// history could not be fetched, or it is ErrStale.
func (i *Instance) HandleTask(ctx context.Context, task *Task) (*Outcome, error) {
	if s := i.state.Load(); s == closed || s == abandoned {
		return nil, ErrStale
	}
	var outcome *Outcome
	var err error
	if stuck := i.guard(func() { outcome, err = i.handle(ctx, task) }); stuck != nil {
		return i.fail(task.Poll, stuck), nil
	}
	if outcome == nil && err == nil {
		return i.fail(task.Poll, errGoexit), nil
	}
	return outcome, err
}

// Ready gets a value when LocalActivityDone has something for Continue.
func (i *Instance) Ready() <-chan struct{} {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.readiness()
}

// readiness is the channel of Ready. The caller holds mu.
func (i *Instance) readiness() chan struct{} {
	if i.ready == nil {
		i.ready = make(chan struct{}, 1)
	}
	return i.ready
}

// Continue goes on with the current task after local activities have ended.
func (i *Instance) Continue() *Outcome { return i.proceed(false) }

// Heartbeat answers the current task with what there is so far, and asks for
// another one at once, so that it does not time out while local activities
// run.
func (i *Instance) Heartbeat() *Outcome { return i.proceed(true) }

func (i *Instance) proceed(heartbeat bool) *Outcome {
	var outcome *Outcome
	poll := i.poll
	if stuck := i.guard(func() { outcome = i.goOn(heartbeat) }); stuck != nil {
		return i.fail(poll, stuck)
	}
	if outcome == nil {
		return i.fail(poll, errGoexit)
	}
	return outcome
}

// Close unwinds the workflow's coroutines: their deferred functions run, and
// nothing they do has an effect. It waits for them as long as workflow code may
// run without yielding.
func (i *Instance) Close() {
	if !i.state.CompareAndSwap(idle, closed) {
		return
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		i.unwind()
	}()
	timeout := i.options.DeadlockTimeout
	if timeout < 0 {
		<-gone
		return
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-gone:
	case <-timer.C:
		i.options.Logger.Warn("Workflow code did not end when its run was evicted from the cache: a deferred function blocks",
			"RunID", i.RunID(), "Timeout", timeout)
	}
}

func (i *Instance) unwind() {
	if i.run == nil {
		i.scheduler.Close()
		return
	}
	i.run.cancelRunningLocalActivities()
	i.run.close()
}

// begin makes the run. local is the instance for local activities, nil if none are
// to be run.
func (i *Instance) begin(local *Instance, id execution.Workflow, started *historypb.HistoryEvent) {
	i.run = newRun(i.options, i.scheduler, local, id, started)
	i.machine = i.run.newReplayMachine()
	i.run.bind(i.machine)
}

// handle walks through the task's history.
func (i *Instance) handle(ctx context.Context, task *Task) (outcome *Outcome, err error) {
	poll := task.Poll
	defer func() {
		// Converters and propagators run here, too.
		if p := recover(); p != nil {
			outcome, err = i.fail(poll, recovered(p)), nil
		}
	}()
	events := poll.GetHistory().GetEvents()
	full := i.run == nil
	switch {
	case full:
		if len(events) == 0 || events[0].GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED {
			return nil, ErrStale
		}
		i.begin(i, execution.WorkflowFromProto(poll.GetWorkflowExecution()), events[0])
	case len(events) > 0 && events[0].GetEventId() != i.previousStarted+1,
		len(events) == 0 && poll.GetQuery() == nil:
		return nil, ErrStale
	}
	i.poll = poll
	i.tasked = i.options.now()
	reader := replay.NewReader(events, poll.GetNextPageToken(), replay.Pager(task.NextPage), i.lastHandled, poll.GetStartedEventId())
	err = i.machine.Process(ctx, reader, replay.Mode{
		PreviousStartedEventID: poll.GetPreviousStartedEventId(),
		Check:                  full && poll.GetQuery() == nil,
		Messages:               poll.GetMessages(),
		Live:                   i.live,
	})
	if i.state.Load() == abandoned {
		return nil, ErrStale // nobody waits for this
	}
	i.run.explain(err)
	i.lastHandled = reader.LastEventID()
	if poll.GetQuery() == nil {
		i.previousStarted = poll.GetStartedEventId()
	}
	if err != nil {
		if i.machine.Failure() == nil {
			return nil, err
		}
		return i.fail(poll, err), nil
	}
	if poll.GetQuery() != nil {
		return i.answerQuery(), nil
	}
	return i.finish(false), nil
}

// goOn takes in the local activities that have ended.
func (i *Instance) goOn(heartbeat bool) (outcome *Outcome) {
	poll := i.poll
	defer func() {
		if p := recover(); p != nil {
			outcome = i.fail(poll, recovered(p))
		}
	}()
	if poll == nil || i.run == nil {
		return &Outcome{} // no task is waiting
	}
	for _, result := range i.takeResults() {
		if err := i.endLocalActivity(result); err != nil {
			return i.fail(poll, err)
		}
		if i.machine.Closing() != nil {
			break
		}
	}
	return i.finish(heartbeat)
}
