package flow

import (
	"sync/atomic"
	"time"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/replay"
)

// LocalActivities runs local activities for instances. The methods are called
// on the goroutine that is inside HandleTask, Continue, Heartbeat or Close and
// must not block, nor call back into the Instance except for
// LocalActivityDone.
type LocalActivities interface {
	// RunLocalActivity starts a local activity. Its outcome is to be handed
	// to task.Instance.LocalActivityDone exactly once, unless it was
	// cancelled.
	RunLocalActivity(task *LocalActivityTask)
	// CancelLocalActivity cancels the context of one that was started, and
	// that no one waits for any more: the instance takes it as ended by a
	// CanceledError, and ignores a late LocalActivityDone.
	CancelLocalActivity(task *LocalActivityTask)
}

// LocalActivityTask is one local activity to run, with its retries, until it
// ends or the next retry's delay is too long to keep the workflow task open.
type LocalActivityTask struct {
	Instance *Instance
	// ActivityID is unique in the run.
	ActivityID   string
	ActivityType string
	// Function is what workflow code passed to ExecuteLocalActivity when that
	// was a function; nil when it passed a name, to look up in the registry.
	Function any
	// Args are the arguments as passed, not encoded.
	Args []any
	// DataConverter and ContextPropagators are those of the workflow context.
	DataConverter      DataConverter
	ContextPropagators []ContextPropagator
	Header             *commonpb.Header
	Info               *WorkflowInfo
	// Options has at least one timeout set and a RetryPolicy.
	Options LocalActivityOptions
	// Attempt to begin with, from 1.
	Attempt int32
	// ScheduledTime is when the workflow first asked for it, by workflow
	// time; later attempts after a timer keep it.
	ScheduledTime time.Time
	// WorkflowTaskTimeout bounds a retry delay spent in process: a longer one
	// is to be reported as LocalActivityResult.Backoff.
	WorkflowTaskTimeout time.Duration

	// attempts are those that have begun, and counted those of them that were counted for
	// the server.
	attempts int32 // atomic
	counted  int32
}

// AttemptBegins is to be called when an attempt begins, from any goroutine: the server is told
// how many were made in each workflow task.
func (t *LocalActivityTask) AttemptBegins() { atomic.AddInt32(&t.attempts, 1) }

// uncounted returns how many attempts have begun since it was last called.
func (t *LocalActivityTask) uncounted() uint32 {
	attempts := atomic.LoadInt32(&t.attempts)
	n := attempts - t.counted
	t.counted = attempts
	return uint32(n)
}

// LocalActivityResult is how a local activity ended.
type LocalActivityResult struct {
	Task *LocalActivityTask
	// Result is the encoded result, nil if it has none or failed.
	Result *commonpb.Payloads
	// Err is the error of the last attempt, nil on success.
	Err error
	// Attempt is the number of the last attempt made.
	Attempt int32
	// Backoff, when positive, means that Err is to be retried after this
	// delay, too long to wait for in process: the instance writes a marker
	// and a timer, then asks for attempt Attempt+1.
	Backoff time.Duration
}

// LocalActivityDone delivers the end of a local activity. It may be called from
// any goroutine.
func (i *Instance) LocalActivityDone(result *LocalActivityResult) {
	i.mu.Lock()
	i.results = append(i.results, result)
	ready := i.readiness()
	i.mu.Unlock()
	select {
	case ready <- struct{}{}:
	default:
	}
}

func (i *Instance) takeResults() []*LocalActivityResult {
	i.mu.Lock()
	defer i.mu.Unlock()
	results := i.results
	i.results = nil
	return results
}

func (i *Instance) endLocalActivity(result *LocalActivityResult) error {
	machine := i.machine
	activity := machine.OpenLocalActivity(result.Task.ActivityID)
	if activity == nil {
		return nil
	}
	pending := activity.Data.(*pendingLocalActivity)
	if pending.task != result.Task {
		return nil
	}
	pending.running = false
	machine.CountLocalActivityAttempts(activity, result.Task.uncounted())
	end := replay.LocalActivityResult{Result: result.Result, Attempt: result.Attempt}
	if result.Err != nil {
		end.Failure = pending.failures.ErrorToFailure(result.Err)
		end.Backoff = result.Backoff
	}
	// Workflow time goes on with this machine's clock until the next task.
	now := i.options.now()
	at := machine.Now().Add(now.Sub(i.tasked))
	i.tasked = now
	return machine.EndLocalActivity(activity, end, at)
}

// startLocalActivities hands the new ones to the worker.
func (i *Instance) startLocalActivities() {
	for _, activity := range i.machine.StartLocalActivities() {
		pending := activity.Data.(*pendingLocalActivity)
		switch {
		case pending.canceled:
			i.LocalActivityDone(&LocalActivityResult{Task: pending.task, Err: ErrCanceled, Attempt: pending.task.Attempt})
		case i.options.LocalActivities == nil:
			i.LocalActivityDone(&LocalActivityResult{Task: pending.task, Err: errNoLocalActivities, Attempt: pending.task.Attempt})
		default:
			pending.running = true
			i.options.LocalActivities.RunLocalActivity(pending.task)
		}
	}
}

// countLocalActivityAttempts counts what the local activities that have not ended did in this
// task.
func (i *Instance) countLocalActivityAttempts() {
	for _, activity := range i.machine.LocalActivities() {
		i.machine.CountLocalActivityAttempts(activity, activity.Data.(*pendingLocalActivity).task.uncounted())
	}
}

// cancelLocalActivity cancels one that no one waits for. In replay the history
// says what came of it.
func (r *run) cancelLocalActivity(activity *replay.LocalActivity) {
	pending := activity.Data.(*pendingLocalActivity)
	pending.canceled = true
	if !pending.running {
		return
	}
	r.instance.options.LocalActivities.CancelLocalActivity(pending.task)
	r.instance.LocalActivityDone(&LocalActivityResult{Task: pending.task, Err: ErrCanceled, Attempt: pending.task.Attempt})
}

func (r *run) cancelRunningLocalActivities() {
	for _, activity := range r.machine.LocalActivities() {
		if pending := activity.Data.(*pendingLocalActivity); pending.running {
			pending.running = false
			r.options.LocalActivities.CancelLocalActivity(pending.task)
		}
	}
}

var errNoLocalActivities = failure.NewApplicationError("this worker does not run local activities", "", failure.ApplicationErrorOptions{NonRetryable: true})
