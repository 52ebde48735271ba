package testenv

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/policy"
)

// defaultAttempts is how often an activity is tried whose retry policy sets no limit: a
// server would go on for ever, and the test with it.
const defaultAttempts = 10

// activityTask is an activity of a workflow that is not over.
type activityTask struct {
	x          *Execution
	scheduled  int64
	attributes *commandpb.ScheduleActivityTaskCommandAttributes
	info       activities.Info // for listeners
	retry      *policy.Retry
	retriesSet bool // the workflow gave a retry policy
	expires    time.Time
	unbound    converter.DataConverter // that of the call
	converter  converter.DataConverter // that, for the activity
	failures   converter.FailureConverter

	attempt         int32
	details         *commonpb.Payloads
	lastFailure     error
	cancelRequested bool
	current         *attempt // nil while none runs
	backoff         *timer   // to the next attempt, nil while there is none
}

// attempt is one attempt, which runs on a goroutine of its own.
type attempt struct {
	task   *activityTask
	over   atomic.Bool // its outcome does not matter any more
	cancel context.CancelCauseFunc
	token  []byte

	// Of the loop. left says that the code has returned and that others complete the
	// activity.
	timeout, heartbeat *time.Timer
	left               bool

	// response is what the activity reported, set by its goroutine.
	response any
}

func (x *Execution) scheduleActivity(completed int64, a *commandpb.ScheduleActivityTaskCommandAttributes) {
	e := x.engine
	retry := withRetryDefaults(a.GetRetryPolicy())
	if retry == nil {
		retry = withRetryDefaults(&commonpb.RetryPolicy{})
	}
	if retry.GetMaximumAttempts() == 0 {
		retry.MaximumAttempts = defaultAttempts
	}
	scheduled := x.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskScheduledEventAttributes{
		ActivityTaskScheduledEventAttributes: &historypb.ActivityTaskScheduledEventAttributes{
			ActivityId: a.GetActivityId(), ActivityType: a.GetActivityType(), TaskQueue: a.GetTaskQueue(), Header: a.GetHeader(), Input: a.GetInput(),
			ScheduleToCloseTimeout: a.GetScheduleToCloseTimeout(), ScheduleToStartTimeout: a.GetScheduleToStartTimeout(),
			StartToCloseTimeout: a.GetStartToCloseTimeout(), HeartbeatTimeout: a.GetHeartbeatTimeout(), RetryPolicy: retry, WorkflowTaskCompletedEventId: completed,
		}}})
	serialization := converter.ActivitySerializationContext{
		Namespace: e.Options.Namespace, WorkflowID: x.id.ID, WorkflowType: x.start.WorkflowType,
		ActivityType: a.GetActivityType().GetName(), TaskQueue: a.GetTaskQueue().GetName(),
	}
	dc := x.activityConverters[a.GetActivityId()]
	delete(x.activityConverters, a.GetActivityId())
	t := &activityTask{
		unbound: dc,
		x:       x, scheduled: scheduled, attributes: a, retry: policy.RetryFromProto(retry), retriesSet: a.GetRetryPolicy() != nil, attempt: 1,
		converter: converter.WithDataConverterSerializationContext(dc, serialization),
		failures:  converter.WithFailureConverterSerializationContext(e.Options.FailureConverter, serialization),
	}
	limit := a.GetScheduleToCloseTimeout().AsDuration()
	if limit > 0 {
		t.expires = e.clock.now.Add(limit)
	}
	t.info = activities.Info{
		TaskToken: t.token(), ActivityID: a.GetActivityId(), ActivityType: execution.ActivityType{Name: a.GetActivityType().GetName()},
		//lint:ignore SA1019 activities that read it keep working
		WorkflowType: &execution.WorkflowType{Name: x.start.WorkflowType}, WorkflowNamespace: e.Options.Namespace, Namespace: e.Options.Namespace,
		WorkflowExecution: x.id, TaskQueue: a.GetTaskQueue().GetName(), ScheduledTime: e.clock.now,
		HeartbeatTimeout: a.GetHeartbeatTimeout().AsDuration(), ScheduleToCloseTimeout: limit, StartToCloseTimeout: a.GetStartToCloseTimeout().AsDuration(),
	}
	x.activities[scheduled] = t
	e.activities[string(t.token())] = t
	e.Post(t.begin)
}

func (t *activityTask) token() []byte {
	return []byte(t.x.id.RunID + "#" + t.attributes.GetActivityId())
}

func (t *activityTask) open() bool { return t.x.activities[t.scheduled] == t && !t.x.closed }

// begin begins an attempt.
func (t *activityTask) begin() {
	t.backoff = nil
	if !t.open() {
		return
	}
	if t.cancelRequested {
		t.canceled(nil)
		return
	}
	e, o := t.x.engine, &t.x.engine.Options
	t.info.Attempt, t.info.StartedTime = t.attempt, e.clock.now
	if len(o.Registry.ActivityTypes()) == 0 {
		if _, dynamic := o.Registry.Activity(t.info.ActivityType.Name); !dynamic {
			t.x.failTask(fmt.Errorf("no activity is registered for taskqueue %q: register %s, or mock it with OnActivity", t.info.TaskQueue, t.info.ActivityType.Name))
			return
		}
	}
	if o.ServesActivity != nil && !o.ServesActivity(t.info.TaskQueue, t.info.ActivityType.Name) {
		t.failed(failure.NewActivityNotRegisteredError(t.info.ActivityType.Name, o.Registry.ActivityTypes()), false)
		return
	}
	ctx, cancel := context.WithCancelCause(e.background)
	a := &attempt{task: t, cancel: cancel, token: t.token()}
	t.current = a
	t.watch(a)
	options := e.activityOptions()
	options.Service = activityService{engine: e, attempt: a}
	options.TaskQueue = t.info.TaskQueue
	options.DataConverter = t.unbound
	options.Context, options.Stopping = ctx, e.stopping()
	runner := activities.NewRunner(options)
	task := t.poll()
	e.busy++
	go func() {
		err := errGoexit
		defer func() {
			e.Post(func() {
				e.busy--
				a.returned(err)
			})
		}()
		err = runner.Run(task)
	}()
}

// activityOptions are what runs of activities have in common.
func (e *Engine) activityOptions() activities.Options {
	o := &e.Options
	return activities.Options{
		Namespace:          o.Namespace,
		Identity:           o.Identity,
		Registry:           o.Registry,
		FailureConverter:   o.FailureConverter,
		ContextPropagators: o.ContextPropagators,
		Logger:             o.Logger,
		Metrics:            metrics.OrNop(o.Metrics),
		Interceptors:       o.ActivityInterceptors,
	}
}

// stopping ends when the test says that the worker stops.
func (e *Engine) stopping() context.Context {
	return stopping{Context: e.background, stop: e.Options.WorkerStop}
}

var errGoexit = errors.New("activity called runtime.Goexit") // as testing.T.FailNow does

// stopping is a context that ends when the test says that the worker stops.
type stopping struct {
	context.Context
	stop <-chan struct{}
}

func (s stopping) Done() <-chan struct{} {
	if s.stop != nil {
		return s.stop
	}
	return s.Context.Done()
}

func (s stopping) Err() error {
	select {
	case <-s.Done():
		return context.Canceled
	default:
		return nil
	}
}

// poll is the task as a worker gets it. Its times are by the real clock, as that of the
// activity's context.
func (t *activityTask) poll() *workflowservice.PollActivityTaskQueueResponse {
	a, now := t.attributes, time.Now()
	elapsed := t.x.engine.clock.now.Sub(t.info.ScheduledTime)
	startToClose := a.GetStartToCloseTimeout()
	if startToClose.AsDuration() == 0 {
		startToClose = a.GetScheduleToCloseTimeout()
	}
	scheduleToClose := a.GetScheduleToCloseTimeout()
	if scheduleToClose.AsDuration() == 0 && startToClose.AsDuration() == 0 {
		startToClose = durationpb.New(time.Hour)
	}
	return &workflowservice.PollActivityTaskQueueResponse{
		TaskToken: t.token(), WorkflowNamespace: t.info.Namespace, WorkflowType: &commonpb.WorkflowType{Name: t.x.start.WorkflowType}, WorkflowExecution: t.x.proto(),
		ActivityType: a.GetActivityType(), ActivityId: a.GetActivityId(), Header: a.GetHeader(), Input: a.GetInput(), HeartbeatDetails: t.details,
		ScheduledTime: timestamppb.New(now.Add(-elapsed)), CurrentAttemptScheduledTime: timestamppb.New(now), StartedTime: timestamppb.New(now),
		Attempt: t.attempt, ScheduleToCloseTimeout: scheduleToClose, StartToCloseTimeout: startToClose, HeartbeatTimeout: a.GetHeartbeatTimeout(),
		RetryPolicy: policy.RetryToProto(t.retry), Priority: a.GetPriority(),
	}
}

// watch times the attempt by the real clock.
func (t *activityTask) watch(a *attempt) {
	e := t.x.engine
	if d := t.info.StartToCloseTimeout; d > 0 {
		a.timeout = time.AfterFunc(d+e.Options.GracePeriod, func() {
			e.Post(func() { a.timedOut(enumspb.TIMEOUT_TYPE_START_TO_CLOSE) })
		})
	}
	if d := t.info.HeartbeatTimeout; d > 0 {
		a.heartbeat = time.AfterFunc(d, func() {
			e.Post(func() { a.timedOut(enumspb.TIMEOUT_TYPE_HEARTBEAT) })
		})
	}
}

// end stops what belongs to the attempt; what its code still does does not matter.
func (a *attempt) end(cause error) {
	a.over.Store(true)
	a.cancel(cause)
	for _, t := range []*time.Timer{a.timeout, a.heartbeat} {
		if t != nil {
			t.Stop()
		}
	}
	if a.task.current == a {
		a.task.current = nil
	}
}

func (a *attempt) timedOut(timeout enumspb.TimeoutType) {
	if a.over.Load() || !a.task.open() {
		return
	}
	a.end(context.DeadlineExceeded)
	a.task.timedOut(timeout)
}

// returned is called when the code has returned, which it reported with response.
func (a *attempt) returned(err error) {
	if a.over.Load() || !a.task.open() {
		return
	}
	t := a.task
	if err == nil && a.response == nil {
		// Someone else completes it. Its timers stop, as its code is not running.
		for _, timer := range []*time.Timer{a.timeout, a.heartbeat} {
			if timer != nil {
				timer.Stop()
			}
		}
		if t.cancelRequested {
			a.end(nil)
			t.canceled(nil)
			return
		}
		a.left = true
		t.listen(nil, activities.ErrResultPending)
		return
	}
	a.end(nil)
	switch {
	case errors.Is(err, activities.ErrAfterDeadline):
		timeout := enumspb.TIMEOUT_TYPE_START_TO_CLOSE
		if d := t.info.StartToCloseTimeout; d == 0 || t.info.ScheduleToCloseTimeout > 0 && t.info.ScheduleToCloseTimeout < d {
			timeout = enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE
		}
		t.timedOut(timeout)
	case err != nil:
		t.failed(err, false)
	default:
		t.reported(a.response)
	}
}

// reported is what a server does with the report of an activity.
func (t *activityTask) reported(response any) {
	switch response := response.(type) {
	case *workflowservice.RespondActivityTaskCompletedRequest:
		t.completed(response.GetResult())
	case *workflowservice.RespondActivityTaskCanceledRequest:
		t.canceled(response.GetDetails())
	case *workflowservice.RespondActivityTaskFailedRequest:
		t.failed(t.failures.FailureToError(response.GetFailure()), response.GetFailure().GetApplicationFailureInfo().GetNonRetryable())
	}
}

// close writes the event with which the activity ends.
func (t *activityTask) close(eventType enumspb.EventType, event func(started int64) *historypb.HistoryEvent) {
	x := t.x
	delete(x.activities, t.scheduled)
	delete(x.engine.activities, string(t.token()))
	x.engine.unschedule(t.backoff)
	if x.open {
		// Buffered events have no ids yet.
		x.happened(eventType, event(0))
		return
	}
	started := x.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskStartedEventAttributes{
		ActivityTaskStartedEventAttributes: &historypb.ActivityTaskStartedEventAttributes{
			ScheduledEventId: t.scheduled, Identity: x.engine.Options.Identity, Attempt: t.attempt,
		}}})
	x.happened(eventType, event(started))
}

func (t *activityTask) completed(result *commonpb.Payloads) {
	t.close(enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED, func(started int64) *historypb.HistoryEvent {
		return &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskCompletedEventAttributes{
			ActivityTaskCompletedEventAttributes: &historypb.ActivityTaskCompletedEventAttributes{
				Result: result, ScheduledEventId: t.scheduled, StartedEventId: started, Identity: t.x.engine.Options.Identity,
			}}}
	})
	t.listen(result, nil)
}

func (t *activityTask) canceled(details *commonpb.Payloads) {
	t.close(enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED, func(started int64) *historypb.HistoryEvent {
		return &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskCanceledEventAttributes{
			ActivityTaskCanceledEventAttributes: &historypb.ActivityTaskCanceledEventAttributes{
				Details: details, ScheduledEventId: t.scheduled, StartedEventId: started, Identity: t.x.engine.Options.Identity,
			}}}
	})
	t.listen(nil, t.wrap(failure.NewCanceledError(failure.CanceledErrorOptions{Details: []any{newValues(details, t.converter)}}), enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE))
}

// failed ends an attempt with an error, and the activity if it is not to be retried:
// because the failure on the wire says so, or the policy.
func (t *activityTask) failed(err error, final bool) {
	state, again := enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE, false
	if !final {
		state, again = t.tryAgain(err)
	}
	if again {
		return
	}
	t.close(enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED, func(started int64) *historypb.HistoryEvent {
		return &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskFailedEventAttributes{
			ActivityTaskFailedEventAttributes: &historypb.ActivityTaskFailedEventAttributes{
				Failure: t.failures.ErrorToFailure(err), ScheduledEventId: t.scheduled, StartedEventId: started, Identity: t.x.engine.Options.Identity, RetryState: state,
			}}}
	})
	t.listen(nil, t.wrap(err, state))
}

// tryAgain arranges the next attempt if the retry policy has one.
func (t *activityTask) tryAgain(err error) (enumspb.RetryState, bool) {
	if t.cancelRequested {
		return enumspb.RETRY_STATE_CANCEL_REQUESTED, false
	}
	delay, state := retryAfter(t.retry, t.attempt, err, t.x.engine.clock.now, t.expires)
	if delay == 0 {
		return state, false
	}
	t.lastFailure = err
	t.attempt++
	t.backoff = t.x.engine.schedule(delay, t.begin)
	return state, true
}

func (t *activityTask) timedOut(timeout enumspb.TimeoutType) {
	cause := &failurepb.Failure{
		Message: "activity " + timeout.String() + " timeout", Source: "Server",
		FailureInfo: &failurepb.Failure_TimeoutFailureInfo{TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{TimeoutType: timeout, LastHeartbeatDetails: t.details}},
	}
	switch {
	case t.lastFailure != nil:
		cause.Cause = t.failures.ErrorToFailure(t.lastFailure)
	case timeout == enumspb.TIMEOUT_TYPE_START_TO_CLOSE || timeout == enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE:
		// What the activity's context ended with.
		cause.Cause = &failurepb.Failure{Message: context.DeadlineExceeded.Error()}
	}
	err := t.failures.FailureToError(cause)
	state := enumspb.RETRY_STATE_TIMEOUT
	if t.retriesSet && timeout != enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE {
		var again bool
		if state, again = t.tryAgain(err); again {
			return
		}
	}
	t.close(enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT, func(started int64) *historypb.HistoryEvent {
		return &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskTimedOutEventAttributes{
			ActivityTaskTimedOutEventAttributes: &historypb.ActivityTaskTimedOutEventAttributes{
				Failure: cause, ScheduledEventId: t.scheduled, StartedEventId: started, RetryState: state,
			}}}
	})
	t.listen(nil, t.wrap(err, state))
}

// wrap is an error as the workflow gets it.
func (t *activityTask) wrap(err error, state enumspb.RetryState) error {
	return failure.NewActivityError(t.scheduled, 0, t.x.engine.Options.Identity, t.attributes.GetActivityType(), t.info.ActivityID, state, err)
}

func (t *activityTask) listen(result *commonpb.Payloads, err error) {
	listener := t.x.engine.Options.Listeners.ActivityCompleted
	if listener == nil {
		return
	}
	info := t.info
	t.x.engine.later(func() {
		if err != nil {
			listener(&info, nil, err)
			return
		}
		listener(&info, newValue(result, t.converter), nil)
	})
}

func (x *Execution) requestCancelActivity(completed, scheduled int64) {
	x.add(enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_ActivityTaskCancelRequestedEventAttributes{
		ActivityTaskCancelRequestedEventAttributes: &historypb.ActivityTaskCancelRequestedEventAttributes{ScheduledEventId: scheduled, WorkflowTaskCompletedEventId: completed}}})
	t := x.activities[scheduled]
	if t == nil || t.cancelRequested {
		return
	}
	t.cancelRequested = true
	x.engine.Post(t.cancelNow)
	if listener := x.engine.Options.Listeners.ActivityCanceled; listener != nil {
		info := t.info
		x.engine.later(func() { listener(&info) })
	}
}

// cancelNow cancels the context of the code that runs, which then says what comes of
// it. Without running code the activity is cancelled.
func (t *activityTask) cancelNow() {
	if !t.open() {
		return
	}
	a := t.current
	if a == nil {
		t.canceled(nil)
		return
	}
	if a.left {
		a.end(nil)
		t.canceled(nil)
		return
	}
	a.cancel(failure.NewCanceledError(failure.CanceledErrorOptions{}))
}

// abandon stops the activity of a run that has ended.
func (t *activityTask) abandon() {
	delete(t.x.engine.activities, string(t.token()))
	t.x.engine.unschedule(t.backoff)
	if t.current != nil {
		t.current.end(errWorkflowClosed)
	}
}

var errWorkflowClosed = errors.New("the workflow that the activity belongs to has closed")

// CompleteActivity ends an activity that has returned ErrResultPending, or another that
// is open, as a client would. The token is that of its Info.
func (e *Engine) CompleteActivity(token []byte, result *commonpb.Payloads, err error) error {
	if token == nil {
		return errors.New("nil task token provided")
	}
	if !strings.Contains(string(token), "#") {
		return errors.New("invalid task token provided")
	}
	e.Post(func() {
		t, ok := e.activities[string(token)]
		if !ok || !t.open() {
			e.Options.Logger.Debug("CompleteActivity: the activity is not known; it may be over", "TaskToken", string(token))
			return
		}
		if t.current != nil {
			t.current.end(nil)
		}
		var canceled *failure.CanceledError
		switch {
		case err == nil:
			t.completed(result)
		case errors.Is(err, activities.ErrResultPending):
		case errors.As(err, &canceled):
			t.canceled(t.failures.ErrorToFailure(canceled).GetCanceledFailureInfo().GetDetails())
		case errors.Is(err, context.Canceled):
			t.canceled(nil)
		default:
			cause := t.failures.ErrorToFailure(err)
			t.failed(t.failures.FailureToError(cause), cause.GetApplicationFailureInfo().GetNonRetryable())
		}
	})
	return nil
}
