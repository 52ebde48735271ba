package nexus

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	nexusrpc "github.com/nexus-rpc/sdk-go/nexus"
	enumspb "go.temporal.io/api/enums/v1"
	nexuspb "go.temporal.io/api/nexus/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/breaker"
	"github.com/perdure/perdure/internal/endpoint"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/records"
)

const (
	// stepTimeout bounds the steps about a call.
	stepTimeout = 10 * time.Second
	// restAfterError is how long a poller rests that cannot poll.
	restAfterError = time.Second
	// putOffFor is how long a call is put off for which there is no room.
	putOffFor = 5 * time.Second
)

// The names of headers, in lower case.
const (
	headerRequestTimeout   = nexusrpc.HeaderRequestTimeout
	headerOperationTimeout = nexusrpc.HeaderOperationTimeout
	headerRequestID        = "nexus-request-id"
	headerUserAgent        = "user-agent"
	// FailureSupportHeader says that whoever asks understands failures in the form of Temporal.
	FailureSupportHeader = "temporal-nexus-failure-support"
	userAgent            = "perdure"
)

// Options are what an Executor is made of. All are required.
type Options struct {
	// Runtime has the entities for which calls are made, and Tasks the calls that are due.
	Runtime interface {
		Step(ctx context.Context, key entity.Key, fn func(*entity.Step, entity.Entity) error) error
		View(ctx context.Context, key entity.Key, fn func(entity.Entity, entity.View) error) error
	}
	Tasks interface {
		Poll(ctx context.Context, request matching.PollRequest) (*matching.Work, error)
		Return(task *entity.Task)
	}
	Dispatcher *Dispatcher
	Endpoints  *endpoint.Registry
	// Namespace is the name of a namespace; ok is false if there is none, or not any more.
	Namespace func(id string) (name string, ok bool)
	// Settings are those of the namespace with the name.
	Settings func(namespace string) *Settings
	Observer Observer
	Logger   *slog.Logger
}

// Executor makes the calls that are due for operations.
type Executor struct {
	Options
	client *http.Client
	// breakers keep away from endpoints that do not answer.
	breakers breaker.Set[destination]
	// shares keep slow endpoints from taking the room of all calls; calls is that room.
	shares shares
	calls  chan struct{}
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// destination is what has a circuit breaker: calls of one kind to an endpoint, on behalf of
// a namespace.
type destination struct {
	namespace, endpoint string
	cancel              bool
}

// Start returns an Executor at work. Close ends it.
func Start(options Options) *Executor {
	ctx, cancel := context.WithCancel(context.Background())
	x := &Executor{Options: options, cancel: cancel, calls: make(chan struct{}, concurrentCalls), client: &http.Client{
		// Where an endpoint is has been said by an operator; where that leads to has not.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	x.shares.of, x.shares.waiting = callsOfEndpoint, waitingCalls
	x.done.Go(func() { x.poll(ctx) })
	return x
}

// Close breaks off the calls under way, which will be made again, and waits until they
// have ended.
func (x *Executor) Close() {
	x.cancel()
	x.done.Wait()
	x.client.CloseIdleConnections()
}

// poll takes tasks and makes each call on a goroutine of its own, within bounds.
func (x *Executor) poll(ctx context.Context) {
	free := make(chan struct{}, takenCalls)
	for ctx.Err() == nil {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		work, err := x.Tasks.Poll(ctx, matching.PollRequest{Queue: Queue, Identity: userAgent})
		if err != nil || work == nil || work.Task == nil {
			<-free
			if err != nil && ctx.Err() == nil {
				x.Logger.Error("Calls of Nexus operations cannot be polled for.", "error", err)
				rest(ctx, restAfterError)
			}
			continue
		}
		x.done.Go(func() {
			defer func() { <-free }()
			if err := x.execute(ctx, work.Task); err != nil {
				if ctx.Err() == nil {
					x.Logger.Error("The call of a Nexus operation cannot be recorded; it is made again.", "owner", work.Task.Entity.String(), "error", err)
					rest(ctx, restAfterError)
				}
				x.Tasks.Return(work.Task)
			}
		})
	}
}

func rest(ctx context.Context, length time.Duration) {
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// execute makes the call of the task. It fails if the call can be neither read nor recorded,
// or is broken off.
func (x *Executor) execute(ctx context.Context, task *entity.Task) error {
	call, err := x.read(ctx, task)
	if err != nil || call == nil {
		return err
	}
	outcome := &Outcome{Result: ResultPutOff, Wait: putOffFor}
	share := destination{namespace: task.Entity.Namespace, endpoint: call.Operation.Endpoint}
	if waited, ok := x.shares.enter(ctx, share); ok {
		defer x.shares.leave(share)
		select {
		case x.calls <- struct{}{}:
			defer func() { <-x.calls }()
		case <-ctx.Done():
			return ctx.Err()
		}
		if waited { // and the operation may have changed
			if call, err = x.read(ctx, task); err != nil || call == nil {
				return err
			}
		}
		outcome = x.outcome(ctx, task, call)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if outcome.Result == ResultRetry || outcome.Result == ResultFailed {
		x.Logger.Debug("The call of a Nexus operation has failed.", "owner", task.Entity.String(), "endpoint", call.Operation.Endpoint,
			"operation", call.Operation.Operation, "cancel", call.Cancel, "failure", outcome.Failure.GetMessage(), "final", outcome.Result == ResultFailed)
	}
	stepCtx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	return x.Runtime.Step(stepCtx, task.Entity, func(step *entity.Step, e entity.Entity) error {
		return e.(Caller).NexusCalled(step, task, outcome)
	})
}

// read reads the call of the task; nil if the task is out of date.
func (x *Executor) read(ctx context.Context, task *entity.Task) (call *Call, err error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	err = x.Runtime.View(ctx, task.Entity, func(e entity.Entity, view entity.View) (err error) {
		if call, err = e.(Caller).NexusCall(view, task); call != nil {
			call.Operation = proto.CloneOf(call.Operation) // it changes when the view is over
		}
		return err
	})
	return call, err
}

// outcome makes the call, if it may be made.
func (x *Executor) outcome(ctx context.Context, task *entity.Task, call *Call) *Outcome {
	namespace, _ := x.Namespace(task.Entity.Namespace)
	settings := x.Settings(namespace)
	to := destination{task.Entity.Namespace, call.Operation.Endpoint, call.Cancel}
	if wait, ok := x.breakers.Allow(to, time.Now()); !ok {
		return &Outcome{Result: ResultBlocked, Wait: wait}
	}
	began := time.Now()
	outcome := x.call(ctx, task, call, namespace, settings)
	if ctx.Err() == nil {
		x.Observer.NexusCalled(task.Entity.Namespace, call.Operation.Endpoint, call.Cancel, outcome.Name(), time.Since(began))
	}
	x.breakers.Done(to, outcome.Result == ResultRetry, time.Now())
	outcome.Policy = settings.Retry
	switch {
	case len(outcome.Token) > settings.TokenLength:
		return &Outcome{Result: ResultFailed, Failure: callFailure(call,
			"invalid operation token: length exceeds allowed limit ("+strconv.Itoa(len(outcome.Token))+"/"+strconv.Itoa(settings.TokenLength)+")", false)}
	case proto.Size(outcome.Payload) > settings.Blob:
		return &Outcome{Result: ResultFailed, Failure: callFailure(call, bodyTooLarge, false)}
	}
	return outcome
}

// call makes the call, wherever the endpoint is.
func (x *Executor) call(ctx context.Context, task *entity.Task, call *Call, namespace string, settings *Settings) *Outcome {
	op := call.Operation
	target := x.Endpoints.Find(op.EndpointId, op.Endpoint)
	if target == nil {
		return refusal(nexusrpc.HandlerErrorTypeNotFound, "endpoint not registered")
	}
	timeout := settings.CallTimeout
	left, by := call.left()
	if by != enumspb.TIMEOUT_TYPE_UNSPECIFIED {
		timeout = min(timeout, left)
	}
	if timeout < settings.MinCallTimeout {
		if call.Cancel {
			return &Outcome{Result: ResultFailed, Failure: callFailure(call, "not enough time to execute another request before "+by.String()+" timeout", false)}
		}
		return &Outcome{Result: ResultTimedOut, Timeout: by}
	}
	callCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	external, callback := target.GetSpec().GetTarget().GetExternal(), SystemCallback
	if external != nil || !settings.SystemCallback {
		var err error
		if callback, err = callbackURL(settings.CallbackURL, namespace, task.Entity.Namespace); err != nil {
			return &Outcome{Result: ResultRetry, Failure: callFailure(call, err.Error(), true)}
		}
	}
	if external != nil {
		return x.callServer(callCtx, external.GetUrl(), callback, call)
	}
	return x.callWorker(callCtx, target, callback, call)
}

// header is that of the request, with all that the handler is told.
func (c *Call) header() map[string]string {
	header := maps.Clone(c.Header)
	if header == nil {
		header = make(map[string]string, 4)
	}
	header[headerUserAgent] = userAgent
	if c.Cancel {
		return header
	}
	header[headerRequestID] = c.Operation.RequestId
	if timeout := c.operationTimeout(); timeout > 0 && header[headerOperationTimeout] == "" {
		header[headerOperationTimeout] = strconv.FormatInt(timeout.Milliseconds(), 10) + "ms"
	}
	return header
}

// callWorker has a worker of the endpoint answer the call. The end of the operation is reported to callback.
func (x *Executor) callWorker(ctx context.Context, target *records.NexusEndpoint, callback string, call *Call) *Outcome {
	if _, ok := x.Namespace(target.GetNamespaceId()); !ok {
		return refused(HandlerFailure(nexusrpc.HandlerErrorTypeNotFound, "invalid endpoint target", enumspb.NEXUS_HANDLER_ERROR_RETRY_BEHAVIOR_RETRYABLE))
	}
	op := call.Operation
	if op.Operation == "" { // it has no path over HTTP
		return refusal(nexusrpc.HandlerErrorTypeNotFound, "not found")
	}
	request := &nexuspb.Request{
		Header:        call.header(),
		ScheduledTime: timestamppb.Now(),
		Endpoint:      target.GetSpec().GetName(),
		Capabilities:  &nexuspb.Request_Capabilities{TemporalFailureResponses: !call.Cancel},
	}
	if call.Cancel {
		request.Variant = &nexuspb.Request_CancelOperation{CancelOperation: &nexuspb.CancelOperationRequest{
			Service: op.Service, Operation: op.Operation, OperationToken: op.OperationToken,
			//lint:ignore SA1019 older workers use it
			OperationId: op.OperationToken,
		}}
	} else {
		start := &nexuspb.StartOperationRequest{
			Service: op.Service, Operation: op.Operation, RequestId: op.RequestId, Payload: normalized(call.Input),
			Callback:       callback,
			CallbackHeader: map[string]string{TokenHeader: EncodeToken(call.Completion)},
		}
		if link := FormatLink(call.Link); link != nil {
			start.Links = append(start.Links, link)
		}
		request.Variant = &nexuspb.Request_StartOperation{StartOperation: start}
	}
	answer, err := x.Dispatcher.Dispatch(ctx, target.GetNamespaceId(), target.GetSpec().GetTarget().GetWorker().GetTaskQueue(), request)
	switch {
	case err != nil:
		return refused(DispatchFailure(err))
	case call.Cancel:
		return answer.cancelOutcome()
	}
	outcome := answer.startOutcome()
	if outcome.Result == ResultSucceeded {
		outcome.Payload = normalized(outcome.Payload)
	}
	return outcome
}
