package testenv

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/nexus-rpc/sdk-go/nexus"
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/nexusop"
)

// NexusCompletion is how an operation ends some time after it was started.
type NexusCompletion struct {
	Result *commonpb.Payload
	Err    error
	Delay  time.Duration
}

// nexusRequestTimeout is how long a handler may take, by the real clock, as with a server.
const nexusRequestTimeout = "10s"

// nexusOperation is a Nexus operation of a workflow that is open.
type nexusOperation struct {
	x          *Execution
	scheduled  int64
	attributes *commandpb.ScheduleNexusOperationCommandAttributes
	header     map[string]string
	started    bool
	token      string
	cancel     int64 // event of the request to cancel, 0 if there is none
	cancelled  bool  // the handler was told
	timers     []*timer
}

func (x *Execution) scheduleNexus(completed int64, a *commandpb.ScheduleNexusOperationCommandAttributes) {
	scheduled := x.add(enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_NexusOperationScheduledEventAttributes{
		NexusOperationScheduledEventAttributes: &historypb.NexusOperationScheduledEventAttributes{
			Endpoint: a.GetEndpoint(), Service: a.GetService(), Operation: a.GetOperation(), Input: a.GetInput(), NexusHeader: a.GetNexusHeader(),
			ScheduleToCloseTimeout: a.GetScheduleToCloseTimeout(), ScheduleToStartTimeout: a.GetScheduleToStartTimeout(),
			StartToCloseTimeout: a.GetStartToCloseTimeout(), WorkflowTaskCompletedEventId: completed,
		}}})
	o := &nexusOperation{x: x, scheduled: scheduled, attributes: a, header: map[string]string{}}
	for key, value := range a.GetNexusHeader() {
		o.header[strings.ToLower(key)] = value
	}
	o.header[strings.ToLower(nexus.HeaderRequestTimeout)] = nexusRequestTimeout
	if x.nexus == nil {
		x.nexus = make(map[int64]*nexusOperation)
	}
	x.nexus[scheduled] = o
	if d := a.GetScheduleToCloseTimeout().AsDuration(); d > 0 {
		o.header[strings.ToLower(nexus.HeaderOperationTimeout)] = strconv.FormatInt(d.Milliseconds(), 10) + "ms"
		o.after(d, func() { o.timedOut(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_CLOSE, "operation timed out") })
	}
	if d := a.GetScheduleToStartTimeout().AsDuration(); d > 0 {
		o.after(d, func() {
			if !o.started {
				o.timedOut(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, "operation timed out before starting")
			}
		})
	}
	o.handle(&nexuspb.Request{Variant: &nexuspb.Request_StartOperation{StartOperation: &nexuspb.StartOperationRequest{
		Service: a.GetService(), Operation: a.GetOperation(), RequestId: uuid.NewString(), Payload: a.GetInput(),
		Callback: callbackURL, CallbackHeader: map[string]string{callbackRun: x.id.RunID, callbackEvent: strconv.FormatInt(scheduled, 10)},
	}}}, o.answered)
}

// Callbacks lead back to the operation by these headers.
const (
	callbackURL   = "http://test-env/operations"
	callbackRun   = "test-env-run"
	callbackEvent = "test-env-event"
)

func (o *nexusOperation) after(d time.Duration, f func()) {
	o.timers = append(o.timers, o.x.engine.schedule(d, func() {
		if o.open() {
			f()
		}
	}))
}

func (o *nexusOperation) open() bool { return o.x.nexus[o.scheduled] == o && !o.x.closed }

// handle has the handler called, and answered with what came of it, on the loop.
func (o *nexusOperation) handle(request *nexuspb.Request, answered func(*nexusop.Outcome, error)) {
	e := o.x.engine
	request.Endpoint = o.attributes.GetEndpoint()
	request.Header = maps.Clone(o.header)
	request.ScheduledTime = timestamppb.Now()
	request.Capabilities = &nexuspb.Request_Capabilities{TemporalFailureResponses: true}
	e.busy++
	go func() {
		outcome, err := (*nexusop.Outcome)(nil), errNexusGoexit
		defer func() {
			e.Post(func() {
				e.busy--
				answered(outcome, err)
			})
		}()
		var handler *nexusop.Handler
		if handler, err = e.Options.Nexus(); err == nil {
			outcome, err = handler.Handle(&workflowservice.PollNexusTaskQueueResponse{Request: request})
		}
	}()
}

var errNexusGoexit = fmt.Errorf("the handler of a Nexus operation called runtime.Goexit") // as testing.T.FailNow does

// answered takes in the answer to the start.
func (o *nexusOperation) answered(outcome *nexusop.Outcome, err error) {
	if !o.open() {
		return
	}
	if err != nil {
		o.failed(o.x.failures.ErrorToFailure(nexus.NewHandlerErrorf(nexus.HandlerErrorTypeInternal, "%s", err.Error())))
		return
	}
	if outcome.Failed != nil {
		o.failed(outcome.Failed.GetFailure())
		return
	}
	switch v := outcome.Completed.GetResponse().GetStartOperation().GetVariant().(type) {
	case *nexuspb.StartOperationResponse_SyncSuccess:
		o.completed(v.SyncSuccess.GetPayload())
	case *nexuspb.StartOperationResponse_AsyncSuccess:
		o.start(v.AsyncSuccess.GetOperationToken())
	case *nexuspb.StartOperationResponse_Failure:
		o.failed(v.Failure)
	}
}

// start notes that the operation goes on. It may have been noted before: what carries it
// out can be done before its handler has answered.
func (o *nexusOperation) start(token string) {
	if o.started {
		return
	}
	o.started, o.token = true, token
	o.x.happened(enumspb.EVENT_TYPE_NEXUS_OPERATION_STARTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_NexusOperationStartedEventAttributes{
		NexusOperationStartedEventAttributes: &historypb.NexusOperationStartedEventAttributes{ScheduledEventId: o.scheduled, OperationToken: token}}})
	if d := o.attributes.GetStartToCloseTimeout().AsDuration(); d > 0 {
		o.after(d, func() { o.timedOut(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, "operation timed out after starting") })
	}
	if o.cancel != 0 {
		o.tellOfCancel()
		return
	}
	if completions := o.x.engine.Options.NexusStarted; completions != nil {
		if c, ok := completions(o.attributes.GetService(), o.attributes.GetOperation(), token); ok {
			o.after(c.Delay, func() { o.resolve(c.Result, c.Err) })
		}
	}
}

// resolve ends an operation that went on.
func (o *nexusOperation) resolve(result *commonpb.Payload, err error) {
	if err != nil {
		o.failed(o.x.failures.ErrorToFailure(err))
		return
	}
	o.completed(result)
}

func (o *nexusOperation) completed(result *commonpb.Payload) {
	o.close(enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED, result, nil, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_NexusOperationCompletedEventAttributes{
		NexusOperationCompletedEventAttributes: &historypb.NexusOperationCompletedEventAttributes{ScheduledEventId: o.scheduled, Result: result}}})
}

// failed ends the operation with a failure, which may be a cancellation.
func (o *nexusOperation) failed(cause *failurepb.Failure) {
	failed := o.failure(cause)
	if cause.GetCanceledFailureInfo() != nil {
		o.close(enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCELED, nil, failed, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_NexusOperationCanceledEventAttributes{
			NexusOperationCanceledEventAttributes: &historypb.NexusOperationCanceledEventAttributes{ScheduledEventId: o.scheduled, Failure: failed}}})
		return
	}
	o.close(enumspb.EVENT_TYPE_NEXUS_OPERATION_FAILED, nil, failed, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_NexusOperationFailedEventAttributes{
		NexusOperationFailedEventAttributes: &historypb.NexusOperationFailedEventAttributes{ScheduledEventId: o.scheduled, Failure: failed}}})
}

func (o *nexusOperation) timedOut(timeout enumspb.TimeoutType, message string) {
	failed := o.failure(&failurepb.Failure{Message: message, FailureInfo: &failurepb.Failure_TimeoutFailureInfo{
		TimeoutFailureInfo: &failurepb.TimeoutFailureInfo{TimeoutType: timeout}}})
	o.close(enumspb.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT, nil, failed, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_NexusOperationTimedOutEventAttributes{
		NexusOperationTimedOutEventAttributes: &historypb.NexusOperationTimedOutEventAttributes{ScheduledEventId: o.scheduled, Failure: failed}}})
}

// failure is what the workflow gets, with its cause.
func (o *nexusOperation) failure(cause *failurepb.Failure) *failurepb.Failure {
	return &failurepb.Failure{
		Message: "nexus operation completed unsuccessfully",
		Cause:   cause,
		FailureInfo: &failurepb.Failure_NexusOperationExecutionFailureInfo{NexusOperationExecutionFailureInfo: &failurepb.NexusOperationFailureInfo{
			ScheduledEventId: o.scheduled, Endpoint: o.attributes.GetEndpoint(), Service: o.attributes.GetService(),
			Operation: o.attributes.GetOperation(), OperationToken: o.token,
		}},
	}
}

// close ends the operation.
func (o *nexusOperation) close(eventType enumspb.EventType, result *commonpb.Payload, failed *failurepb.Failure, event *historypb.HistoryEvent) {
	o.abandon()
	delete(o.x.nexus, o.scheduled)
	o.x.happened(eventType, event)
	listener := o.x.engine.Options.Listeners.NexusCompleted
	if listener == nil {
		return
	}
	var err error
	if failed != nil {
		err = o.x.failures.FailureToError(failed)
	}
	value := newValue(&commonpb.Payloads{Payloads: []*commonpb.Payload{result}}, o.x.engine.Options.DataConverter)
	o.x.engine.later(func() { listener(o.attributes.GetService(), o.attributes.GetOperation(), value, err) })
}

// abandon stops the timers.
func (o *nexusOperation) abandon() {
	for _, t := range o.timers {
		o.x.engine.unschedule(t)
	}
	o.timers = nil
}

func (x *Execution) requestCancelNexus(completed, scheduled int64) {
	o := x.nexus[scheduled]
	if o == nil || o.cancel != 0 {
		return
	}
	o.cancel = x.add(enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_NexusOperationCancelRequestedEventAttributes{
		NexusOperationCancelRequestedEventAttributes: &historypb.NexusOperationCancelRequestedEventAttributes{ScheduledEventId: scheduled, WorkflowTaskCompletedEventId: completed}}})
	if o.started {
		o.tellOfCancel()
	}
}

// tellOfCancel tells the handler that the operation is to be cancelled. A handler that fails
// ends the operation: nothing is tried again here.
func (o *nexusOperation) tellOfCancel() {
	if o.cancelled {
		return
	}
	o.cancelled = true
	if listener := o.x.engine.Options.Listeners.NexusCanceled; listener != nil {
		o.x.engine.later(func() { listener(o.attributes.GetService(), o.attributes.GetOperation()) })
	}
	o.handle(&nexuspb.Request{Variant: &nexuspb.Request_CancelOperation{CancelOperation: &nexuspb.CancelOperationRequest{
		Service: o.attributes.GetService(), Operation: o.attributes.GetOperation(), OperationToken: o.token,
	}}}, func(outcome *nexusop.Outcome, err error) {
		if !o.open() {
			return // it has ended already, because of the cancellation perhaps
		}
		if err == nil && outcome.Failed != nil {
			err = o.x.failures.FailureToError(outcome.Failed.GetFailure())
		}
		if err != nil {
			o.failed(o.x.failures.ErrorToFailure(failure.NewApplicationError("operation cancelation handler failed: "+err.Error(), "", failure.ApplicationErrorOptions{NonRetryable: true, Cause: err})))
			return
		}
		o.x.happened(enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED, &historypb.HistoryEvent{Attributes: &historypb.HistoryEvent_NexusOperationCancelRequestCompletedEventAttributes{
			NexusOperationCancelRequestCompletedEventAttributes: &historypb.NexusOperationCancelRequestCompletedEventAttributes{ScheduledEventId: o.scheduled, RequestedEventId: o.cancel}}})
	})
}

// callBackNexus ends the operation that a callback leads to.
func (e *Engine) callBackNexus(callback *commonpb.Callback, result *commonpb.Payloads, err error) {
	header := nexus.Header(callback.GetNexus().GetHeader())
	x := e.ByRunID(header.Get(callbackRun))
	event, _ := strconv.ParseInt(header.Get(callbackEvent), 10, 64)
	if x == nil || x.nexus[event] == nil || x.closed {
		return
	}
	o := x.nexus[event]
	o.start(header.Get(nexus.HeaderOperationToken))
	var payload *commonpb.Payload
	if len(result.GetPayloads()) > 0 {
		payload = result.GetPayloads()[0]
	}
	o.resolve(payload, err)
}
