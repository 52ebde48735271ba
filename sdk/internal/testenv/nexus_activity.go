package testenv

import (
	"cmp"
	"context"
	"errors"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/policy"
)

// standaloneActivity is an activity without a workflow, which carries out a Nexus operation.
type standaloneActivity struct {
	engine    *Engine
	ctx       context.Context
	call      ActivityCall
	retry     *policy.Retry
	expires   time.Time // zero for never
	callbacks []*commonpb.Callback
}

// startActivityForNexus starts an activity that carries out a Nexus operation.
func (e *Engine) startActivityForNexus(r *workflowservice.StartActivityExecutionRequest) (*workflowservice.StartActivityExecutionResponse, error) {
	id := r.GetActivityId()
	if _, taken := e.standalone[id]; taken {
		return nil, serviceerror.NewAlreadyExists("the test has this activity already: " + id)
	}
	ctx, cancel := context.WithCancelCause(e.background)
	e.standalone[id] = cancel
	retry := withRetryDefaults(r.GetRetryPolicy())
	if retry == nil {
		retry = withRetryDefaults(&commonpb.RetryPolicy{})
	}
	if retry.GetMaximumAttempts() == 0 {
		retry.MaximumAttempts = defaultAttempts
	}
	limit := r.GetScheduleToCloseTimeout().AsDuration()
	a := &standaloneActivity{
		engine: e, ctx: ctx, retry: policy.RetryFromProto(retry), callbacks: r.GetCompletionCallbacks(),
		call: ActivityCall{
			ID: id, Type: r.GetActivityType().GetName(), Namespace: e.Options.Namespace, TaskQueue: r.GetTaskQueue().GetName(),
			ActivityRunID: e.next() + "_RunID", Input: r.GetInput(), Header: r.GetHeader(),
			Timeout: cmp.Or(r.GetStartToCloseTimeout().AsDuration(), limit),
		},
	}
	if limit > 0 {
		a.expires = e.clock.now.Add(limit)
	}
	e.schedule(r.GetStartDelay().AsDuration(), func() { a.attempt(1) })
	return &workflowservice.StartActivityExecutionResponse{RunId: a.call.ActivityRunID, Started: true}, nil
}

// attempt runs the activity once, on a goroutine of its own, and again later if it is to be
// retried.
func (a *standaloneActivity) attempt(number int32) {
	e := a.engine
	a.call.Attempt = number
	options := e.activityOptions()
	options.TaskQueue, options.DataConverter, options.Stopping = a.call.TaskQueue, e.Options.DataConverter, e.stopping()
	e.busy++
	go func() {
		result, err := RunActivity(a.ctx, a.call, options)
		e.Post(func() {
			e.busy--
			a.ended(number, result, err)
		})
	}()
}

func (a *standaloneActivity) ended(number int32, result *commonpb.Payloads, err error) {
	e := a.engine
	if errors.Is(err, activities.ErrResultPending) {
		return // and nobody can complete it
	}
	if err != nil && a.ctx.Err() == nil {
		if delay, _ := retryAfter(a.retry, number, err, e.clock.now, a.expires); delay > 0 {
			e.schedule(delay, func() { a.attempt(number + 1) })
			return
		}
	}
	delete(e.standalone, a.call.ID)
	for _, callback := range a.callbacks {
		e.callBackNexus(callback, result, err)
	}
}
