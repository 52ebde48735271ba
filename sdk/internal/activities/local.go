package activities

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/extstore"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/log"
)

// LocalOptions of a LocalRunner. All but those with a stated default are
// required.
type LocalOptions struct {
	Registry      *registry.Registry
	DataConverter converter.DataConverter
	Logger        log.Logger
	// Metrics has the tags of the worker. Default metrics.NopHandler.
	Metrics metrics.Handler
	// Client is the worker's, for activity.GetClient.
	Client client.Client
	// Interceptors of activities, the first outermost.
	Interceptors []ActivityInterceptor
	// Context is the parent of every activity's context. Nothing is delivered
	// to workflows once it has ended.
	Context context.Context
	// Stopping ends when the worker begins to stop.
	Stopping context.Context
	// Check measures a result, and fails if the server would refuse it for its size. Nil
	// for not at all.
	Check func(context.Context, proto.Message) error
	// Storage is where large payloads of results will be stored: they are not measured.
	// Nil for none.
	Storage *extstore.Storage
	// Failed is called for each attempt that failed, unless it is marked as benign. Nil
	// for nothing.
	Failed func(Failure)
	// Slots bounds how many run at a time. Nil for no bound.
	Slots LocalSlots
	// Limit waits until the next one may start. Nil for no limit.
	Limit func(context.Context) error
	// Deliver hands an outcome to the workflow. Nil for
	// flow.Instance.LocalActivityDone.
	Deliver func(*flow.LocalActivityResult)
}

// LocalSlots hands out slots for local activities. Both methods return how to give the
// slot back.
type LocalSlots interface {
	// Reserve waits for a slot, or until ctx ends.
	Reserve(ctx context.Context) (release func(), err error)
	// TryReserve returns nil if there is no slot at once.
	TryReserve() (release func())
}

// unlimited is LocalSlots without a bound.
type unlimited struct{}

func (unlimited) Reserve(context.Context) (func(), error) { return func() {}, nil }
func (unlimited) TryReserve() func()                      { return func() {} }

// LocalRunner runs local activities with their retries. It implements
// flow.LocalActivities.
type LocalRunner struct {
	options LocalOptions
	metrics *metrics.Cache[key, *localMetrics]

	mu      sync.Mutex
	waiting []*localRun // for slots
	seeking bool        // a goroutine gets slots for those that wait
	runs    map[*flow.LocalActivityTask]*localRun
	closed  bool
	work    sync.WaitGroup
}

// localRun is one local activity from when it was asked for to its outcome,
// with all attempts.
type localRun struct {
	task *flow.LocalActivityTask
	// scheduled is when it was asked for by this clock; expires is when its
	// schedule to close timeout ends, zero for never.
	scheduled time.Time
	expires   time.Time

	// Guarded by the runner's mu.
	attempt  int32
	cancel   context.CancelCauseFunc // of the attempt that runs, nil when none does
	retry    *time.Timer             // the delay before the next attempt, nil when none
	finished bool                    // its outcome was delivered, or it was cancelled
}

var _ flow.LocalActivities = (*LocalRunner)(nil)

// NewLocalRunner returns a LocalRunner. Close it.
func NewLocalRunner(options LocalOptions) *LocalRunner {
	if options.Slots == nil {
		options.Slots = unlimited{}
	}
	if options.Deliver == nil {
		options.Deliver = func(result *flow.LocalActivityResult) { result.Task.Instance.LocalActivityDone(result) }
	}
	return &LocalRunner{options: options, metrics: newLocalMetrics(options.Metrics), runs: map[*flow.LocalActivityTask]*localRun{}}
}

// RunLocalActivity implements flow.LocalActivities.
func (r *LocalRunner) RunLocalActivity(task *flow.LocalActivityTask) {
	run := &localRun{task: task, attempt: max(task.Attempt, 1), scheduled: time.Now()}
	if timeout := task.Options.ScheduleToCloseTimeout; timeout > 0 {
		// The time that earlier attempts took before a timer counts, if the
		// workflow's clock tells.
		run.expires = run.scheduled.Add(timeout)
		if run.attempt > 1 && !task.ScheduledTime.IsZero() {
			run.expires = task.ScheduledTime.Add(timeout)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.runs[task] = run
	r.enqueue(run)
}

// CancelLocalActivity implements flow.LocalActivities.
func (r *LocalRunner) CancelLocalActivity(task *flow.LocalActivityTask) {
	r.mu.Lock()
	defer r.mu.Unlock()
	run, ok := r.runs[task]
	if !ok {
		return
	}
	r.forget(run)
	if run.cancel != nil {
		run.cancel(failure.NewCanceledError(failure.CanceledErrorOptions{}))
	}
}

// Close drops what has not begun and waits for what has until ctx ends. The
// context of LocalOptions tells running activities to give up.
func (r *LocalRunner) Close(ctx context.Context) error {
	r.mu.Lock()
	r.closed = true
	r.waiting = nil
	for _, run := range r.runs {
		if run.retry != nil {
			run.retry.Stop()
		}
	}
	r.mu.Unlock()

	done := make(chan struct{})
	go func() {
		r.work.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for local activities to return: %w", context.Cause(ctx))
	}
}

// forget marks a run as finished. The caller holds mu.
func (r *LocalRunner) forget(run *localRun) {
	run.finished = true
	if run.retry != nil {
		run.retry.Stop()
		run.retry = nil
	}
	delete(r.runs, run.task)
}

// enqueue starts the next attempt now, or when there is a slot. The caller holds mu.
func (r *LocalRunner) enqueue(run *localRun) {
	if !r.seeking {
		if release := r.options.Slots.TryReserve(); release != nil {
			r.begin(run, release)
			return
		}
		r.seeking = true
		r.work.Go(r.seek)
	}
	r.waiting = append(r.waiting, run)
}

// begin makes an attempt on a goroutine of its own.
func (r *LocalRunner) begin(run *localRun, release func()) {
	r.work.Go(func() {
		defer release()
		r.attempt(run)
	})
}

// seek gets slots until none is waiting.
func (r *LocalRunner) seek() {
	for {
		release, err := r.options.Slots.Reserve(r.options.Context)
		if err != nil {
			// What waits then goes on elsewhere, when its workflow task times out.
			return
		}
		r.mu.Lock()
		run := r.next()
		if run == nil {
			r.seeking = false
			r.mu.Unlock()
			release()
			return
		}
		r.begin(run, release)
		r.mu.Unlock()
	}
}

// next takes the first run that still waits, nil if there is none. The caller holds mu.
func (r *LocalRunner) next() *localRun {
	for len(r.waiting) > 0 {
		run := r.waiting[0]
		r.waiting = r.waiting[1:]
		if !run.finished {
			return run
		}
	}
	return nil
}

// attempt makes one attempt. It returns when the activity function has, which for
// one that ignores its context may be long after the attempt was ended.
func (r *LocalRunner) attempt(run *localRun) {
	if r.options.Limit != nil && r.options.Limit(r.options.Context) != nil {
		return
	}
	cancelled, cancel := context.WithCancelCause(r.options.Context)
	defer cancel(nil)
	r.mu.Lock()
	if run.finished || r.closed {
		r.mu.Unlock()
		return
	}
	run.cancel = cancel
	attempt := run.attempt
	run.task.AttemptBegins()
	r.mu.Unlock()

	env := r.newEnv(run, attempt)
	ctx, stop := context.WithDeadline(cancelled, env.Info.Deadline)
	defer stop()

	measured := r.metrics.Get(key{run.task.Info.WorkflowType.Name, run.task.ActivityType})
	measured.total.Inc(1)
	begun := time.Now()
	var once sync.Once
	end := func(result *commonpb.Payloads, err error) {
		once.Do(func() { r.endAttempt(run, attempt, result, err) })
	}
	unhook := context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.Canceled) {
			measured.cancel()
		}
		end(nil, r.contextError(ctx, run))
	})
	result, err := r.call(ctx, env, run.task)
	measured.execution.Record(time.Since(begun))
	if err != nil {
		measured.fail(err)
		if r.options.Failed != nil && !failure.IsBenign(err) {
			r.options.Failed(Failure{ActivityType: run.task.ActivityType, Workflow: run.task.Info.WorkflowExecution, Err: err})
		}
	}
	if !unhook() {
		// The context ended first; its hook ends the attempt, or has.
		env.Logger().Warn("LocalActivity completed after activity deadline.",
			"ActivityDeadline", env.Info.Deadline, logtag.Error, err)
		end(nil, r.contextError(ctx, run))
		return
	}
	if err == nil {
		measured.endToEnd.Record(time.Since(run.scheduled))
	}
	end(result, err)
}

// call runs the activity function.
func (r *LocalRunner) call(ctx context.Context, env *Env, task *flow.LocalActivityTask) (*commonpb.Payloads, error) {
	ctx, err := env.incoming(WithEnv(ctx, env), task.ContextPropagators, task.Header)
	if err != nil {
		return nil, fmt.Errorf("reading the header of local activity %s: %w", task.ActivityType, err)
	}
	var fn *registry.Function
	if task.Function != nil {
		fn, err = registry.NewActivityFunction(task.ActivityType, task.Function)
		if err != nil {
			return nil, fmt.Errorf("local activity %s: %w", task.ActivityType, err)
		}
	} else {
		var ok bool
		if fn, ok = r.options.Registry.Activity(task.ActivityType); !ok {
			return nil, failure.NewActivityNotRegisteredError(task.ActivityType, r.options.Registry.ActivityTypes())
		}
	}
	result, err := invoke(ctx, env, fn, func() ([]any, error) { return task.Args, nil })
	if err == nil && r.options.Check != nil {
		// It would fail the workflow task that is to record it, again and again: it fails
		// the activity instead, which workflow code can handle.
		if err = r.check(context.WithoutCancel(ctx), task, result); err != nil {
			result = nil
		}
	}
	if err != nil {
		logFailure(env.Logger(), "Activity error.", err)
	}
	return result, err
}

// check measures what of a result will be sent.
func (r *LocalRunner) check(ctx context.Context, task *flow.LocalActivityTask, result *commonpb.Payloads) error {
	if r.options.Storage != nil {
		ctx := extstore.WithTarget(ctx, extstore.StorageDriverWorkflowInfo{
			Namespace:    task.Info.Namespace,
			WorkflowType: task.Info.WorkflowType.Name,
			WorkflowID:   task.Info.WorkflowExecution.ID,
			RunID:        task.Info.WorkflowExecution.RunID,
		})
		unstored, err := r.options.Storage.Unstored(ctx, result.GetPayloads())
		if err != nil {
			return err
		}
		result = &commonpb.Payloads{Payloads: unstored}
	}
	return r.options.Check(ctx, &workflowservice.RespondActivityTaskCompletedRequest{Result: result})
}

// contextError is what a local activity failed with whose context has ended.
func (r *LocalRunner) contextError(ctx context.Context, run *localRun) error {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return failure.NewCanceledError(failure.CanceledErrorOptions{})
	}
	if !run.expires.IsZero() && !time.Now().Before(run.expires) {
		return failure.NewTimeoutError("deadline exceeded", enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, nil)
	}
	return failure.NewTimeoutError("deadline exceeded", enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil)
}

// endAttempt delivers the outcome of an attempt to the workflow, or arranges the
// next.
func (r *LocalRunner) endAttempt(run *localRun, attempt int32, result *commonpb.Payloads, err error) {
	r.mu.Lock()
	run.cancel = nil
	if run.finished || r.closed || r.options.Context.Err() != nil {
		r.mu.Unlock()
		return
	}
	outcome := &flow.LocalActivityResult{Task: run.task, Result: result, Err: err, Attempt: attempt}
	if err != nil {
		outcome.Result = nil
		delay := RetryDelay(run.task.Options.RetryPolicy, attempt, err, time.Now(), run.expires)
		if delay > 0 && delay <= run.task.WorkflowTaskTimeout {
			run.attempt++
			run.retry = time.AfterFunc(delay, func() { r.retry(run) })
			r.mu.Unlock()
			return
		}
		if delay > 0 {
			outcome.Backoff = delay
		}
	}
	r.forget(run)
	r.mu.Unlock()
	r.options.Deliver(outcome)
}

func (r *LocalRunner) retry(run *localRun) {
	r.mu.Lock()
	defer r.mu.Unlock()
	run.retry = nil
	if run.finished || r.closed {
		return
	}
	r.enqueue(run)
}

func (r *LocalRunner) newEnv(run *localRun, attempt int32) *Env {
	task := run.task
	scheduleToClose, startToClose := task.Options.ScheduleToCloseTimeout, task.Options.StartToCloseTimeout
	if startToClose == 0 {
		startToClose = scheduleToClose
	}
	now := time.Now()
	end := now.Add(startToClose)
	if !run.expires.IsZero() && run.expires.Before(end) {
		end = run.expires
	}
	workflowType := task.Info.WorkflowType
	workflow := task.Info.WorkflowExecution
	dc := task.DataConverter
	if dc == nil {
		dc = r.options.DataConverter
	}
	return &Env{
		Info: Info{
			WorkflowType:           &workflowType,
			WorkflowNamespace:      task.Info.Namespace,
			WorkflowExecution:      workflow,
			ActivityID:             task.ActivityID,
			ActivityType:           execution.ActivityType{Name: task.ActivityType},
			TaskQueue:              task.Info.TaskQueueName,
			Namespace:              task.Info.Namespace,
			ScheduleToCloseTimeout: scheduleToClose,
			StartToCloseTimeout:    startToClose,
			ScheduledTime:          run.scheduled,
			StartedTime:            now,
			Deadline:               end,
			Attempt:                attempt,
			IsLocalActivity:        true,
			RetryPolicy:            task.Options.RetryPolicy,
		},
		BaseLogger:  r.options.Logger,
		BaseMetrics: r.options.Metrics,
		Converter:   dc,
		Stopping:    r.options.Stopping.Done(),
		Client:      r.options.Client,

		interceptors: r.options.Interceptors,
	}
}
