package client

import (
	"cmp"
	"context"
	"errors"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/extstore"
	"github.com/perdure/perdure/sdk/internal/failure"
	commonpb "go.temporal.io/api/common/v1"
	failurepb "go.temporal.io/api/failure/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// CompleteActivityOptions are the options of CompleteActivityWithOptions.
//
// The fields after Err say whose payloads Result and Err become, for data converters
// that depend on it. They change nothing else, and are not checked.
type CompleteActivityOptions struct {
	// TaskToken is the activity's token, from activity.GetInfo. It is required.
	TaskToken []byte
	// Result is the activity's result, if Err is nil.
	Result any
	// Err is the activity's error. A [*temporal.CanceledError] or a context.Canceled
	// reports that the activity was canceled.
	Err error

	// Namespace defaults to the client's.
	Namespace string
	// WorkflowID is the workflow that scheduled the activity.
	WorkflowID string
	// ActivityType is the name of the activity.
	ActivityType string
	// WorkflowType is the name of the workflow.
	WorkflowType string
	// TaskQueue is the activity's task queue.
	TaskQueue string
}

// CompleteActivityByIDOptions are the options of CompleteActivityByIDWithOptions.
//
// The fields after Err say whose payloads Result and Err become, for data converters
// that depend on it. They change nothing else, and are not checked.
type CompleteActivityByIDOptions struct {
	// Namespace is required.
	Namespace string
	// WorkflowID is required.
	WorkflowID string
	// RunID is the workflow's run. The default is the current one.
	RunID string
	// ActivityID is required.
	ActivityID string
	// Result is the activity's result, if Err is nil.
	Result any
	// Err is the activity's error. A [*temporal.CanceledError] or a context.Canceled
	// reports that the activity was canceled.
	Err error

	// ActivityType is the name of the activity.
	ActivityType string
	// WorkflowType is the name of the workflow.
	WorkflowType string
	// TaskQueue is the activity's task queue.
	TaskQueue string
}

// CompleteActivityByActivityIDOptions are the options of
// CompleteActivityByActivityIDWithOptions.
//
// The fields after Err say whose payloads Result and Err become, for data converters
// that depend on it. They change nothing else, and are not checked.
type CompleteActivityByActivityIDOptions struct {
	// Namespace is required.
	Namespace string
	// ActivityID is required.
	ActivityID string
	// ActivityRunID is the activity's run. The default is the current one.
	ActivityRunID string
	// Result is the activity's result, if Err is nil.
	Result any
	// Err is the activity's error. A [*temporal.CanceledError] or a context.Canceled
	// reports that the activity was canceled.
	Err error

	// WorkflowID is the workflow that scheduled the activity, empty if none did.
	WorkflowID string
	// ActivityType is the name of the activity.
	ActivityType string
	// WorkflowType is the name of the workflow.
	WorkflowType string
	// TaskQueue is the activity's task queue.
	TaskQueue string
}

// RecordActivityHeartbeatOptions are the options of RecordActivityHeartbeatWithOptions.
//
// The fields after Details say whose payloads they become, for data converters that
// depend on it, and are not checked. Namespace is also sent; it defaults to the client's.
type RecordActivityHeartbeatOptions struct {
	// TaskToken is the activity's token, from activity.GetInfo. It is required.
	TaskToken []byte
	// Details are what the activity gets if it is tried again.
	Details []any

	// Namespace of the activity. The default is the client's.
	Namespace string
	// WorkflowID is the workflow that scheduled the activity.
	WorkflowID string
	// ActivityType is the name of the activity.
	ActivityType string
	// WorkflowType is the name of the workflow.
	WorkflowType string
	// TaskQueue is the activity's task queue.
	TaskQueue string
}

// RecordActivityHeartbeatByIDOptions are the options of
// RecordActivityHeartbeatByIDWithOptions.
//
// The fields after Details say whose payloads they become, for data converters that
// depend on it, and are not checked.
type RecordActivityHeartbeatByIDOptions struct {
	// Namespace defaults to the client's.
	Namespace string
	// WorkflowID is the activity's workflow. It is required.
	WorkflowID string
	// RunID is the workflow's run. The default is the current one.
	RunID string
	// ActivityID is required.
	ActivityID string
	// Details are what the activity gets if it is tried again.
	Details []any

	// ActivityType is the name of the activity.
	ActivityType string
	// WorkflowType is the name of the workflow.
	WorkflowType string
	// TaskQueue is the activity's task queue.
	TaskQueue string
}

// activityOutcome is what an activity that is completed by a client ended with. At most
// one field is set; none stands for success without a result.
type activityOutcome struct {
	pending  bool // not ended at all
	failed   *failurepb.Failure
	canceled bool
	payloads *commonpb.Payloads // the result, or the details of the cancellation
}

func (c *Client) encodeOutcome(ctx context.Context, payloadsOf converter.ActivitySerializationContext, result any, err error) (activityOutcome, error) {
	if err == failure.ErrActivityResultPending {
		return activityOutcome{pending: true}, nil
	}
	dc := c.converterFor(ctx, payloadsOf)
	if err == nil {
		if result == nil {
			return activityOutcome{}, nil
		}
		payloads, err := dc.ToPayloads(result)
		return activityOutcome{payloads: payloads}, err
	}
	var canceled *failure.CanceledError
	if errors.As(err, &canceled) {
		payloads, err := failure.CanceledDetails(canceled, dc)
		return activityOutcome{canceled: true, payloads: payloads}, err
	}
	if errors.Is(err, context.Canceled) {
		return activityOutcome{canceled: true}, nil
	}
	fc := converter.WithFailureConverterSerializationContext(c.failureConverter, payloadsOf)
	return activityOutcome{failed: fc.ErrorToFailure(err)}, nil
}

// CompleteActivity reports the outcome of an activity that returned
// activity.ErrResultPending.
func (c *Client) CompleteActivity(ctx context.Context, taskToken []byte, result any, err error) error {
	return c.CompleteActivityWithOptions(ctx, CompleteActivityOptions{TaskToken: taskToken, Result: result, Err: err})
}

// CompleteActivityWithOptions is CompleteActivity with all there is to choose.
func (c *Client) CompleteActivityWithOptions(ctx context.Context, opts CompleteActivityOptions) error {
	if opts.TaskToken == nil {
		return errors.New("invalid task token provided")
	}
	outcome, err := c.encodeOutcome(ctx, converter.ActivitySerializationContext{
		Namespace:    cmp.Or(opts.Namespace, c.namespace),
		WorkflowID:   opts.WorkflowID,
		ActivityType: opts.ActivityType,
		WorkflowType: opts.WorkflowType,
		TaskQueue:    opts.TaskQueue,
	}, opts.Result, opts.Err)
	if err != nil {
		return err
	}
	ctx = c.storingFor(ctx, extstore.StorageDriverWorkflowInfo{
		Namespace:    cmp.Or(opts.Namespace, c.namespace),
		WorkflowType: opts.WorkflowType,
		WorkflowID:   opts.WorkflowID,
	})
	switch {
	case outcome.pending:
	case outcome.failed != nil:
		_, err = c.service.RespondActivityTaskFailed(ctx, &workflowservice.RespondActivityTaskFailedRequest{
			ResourceId: execution.ResourceID(opts.WorkflowID, ""),
			Namespace:  c.namespace,
			TaskToken:  opts.TaskToken,
			Failure:    outcome.failed,
			Identity:   c.identity,
		})
	case outcome.canceled:
		_, err = c.service.RespondActivityTaskCanceled(ctx, &workflowservice.RespondActivityTaskCanceledRequest{
			ResourceId: execution.ResourceID(opts.WorkflowID, ""),
			Namespace:  c.namespace,
			TaskToken:  opts.TaskToken,
			Details:    outcome.payloads,
			Identity:   c.identity,
		})
	default:
		_, err = c.service.RespondActivityTaskCompleted(ctx, &workflowservice.RespondActivityTaskCompletedRequest{
			ResourceId: execution.ResourceID(opts.WorkflowID, ""),
			Namespace:  c.namespace,
			TaskToken:  opts.TaskToken,
			Result:     outcome.payloads,
			Identity:   c.identity,
		})
	}
	return err
}

// CompleteActivityByID is CompleteActivity for those who know the activity by name.
func (c *Client) CompleteActivityByID(ctx context.Context, namespace, workflowID, runID, activityID string, result any, err error) error {
	return c.CompleteActivityByIDWithOptions(ctx, CompleteActivityByIDOptions{
		Namespace:  namespace,
		WorkflowID: workflowID,
		RunID:      runID,
		ActivityID: activityID,
		Result:     result,
		Err:        err,
	})
}

// CompleteActivityByIDWithOptions is CompleteActivityByID with all there is to choose.
func (c *Client) CompleteActivityByIDWithOptions(ctx context.Context, opts CompleteActivityByIDOptions) error {
	if opts.ActivityID == "" || opts.WorkflowID == "" || opts.Namespace == "" {
		return errors.New("empty activity or workflow id or namespace")
	}
	outcome, err := c.encodeOutcome(ctx, converter.ActivitySerializationContext{
		Namespace:    opts.Namespace,
		WorkflowID:   opts.WorkflowID,
		ActivityType: opts.ActivityType,
		WorkflowType: opts.WorkflowType,
		TaskQueue:    opts.TaskQueue,
	}, opts.Result, opts.Err)
	if err != nil {
		return err
	}
	ctx = c.storingFor(ctx, extstore.StorageDriverWorkflowInfo{
		Namespace:    opts.Namespace,
		WorkflowType: opts.WorkflowType,
		WorkflowID:   opts.WorkflowID,
		RunID:        opts.RunID,
	})
	return c.reportByID(ctx, opts.Namespace, opts.WorkflowID, opts.RunID, opts.ActivityID, outcome)
}

// CompleteActivityByActivityID is CompleteActivity for an activity without a workflow.
func (c *Client) CompleteActivityByActivityID(ctx context.Context, namespace, activityID, activityRunID string, result any, err error) error {
	return c.CompleteActivityByActivityIDWithOptions(ctx, CompleteActivityByActivityIDOptions{
		Namespace:     namespace,
		ActivityID:    activityID,
		ActivityRunID: activityRunID,
		Result:        result,
		Err:           err,
	})
}

// CompleteActivityByActivityIDWithOptions is CompleteActivityByActivityID with all there
// is to choose.
func (c *Client) CompleteActivityByActivityIDWithOptions(ctx context.Context, opts CompleteActivityByActivityIDOptions) error {
	if opts.ActivityID == "" || opts.Namespace == "" {
		return errors.New("empty activity id or namespace")
	}
	outcome, err := c.encodeOutcome(ctx, converter.ActivitySerializationContext{
		Namespace:    opts.Namespace,
		WorkflowID:   opts.WorkflowID,
		ActivityType: opts.ActivityType,
		WorkflowType: opts.WorkflowType,
		TaskQueue:    opts.TaskQueue,
	}, opts.Result, opts.Err)
	if err != nil {
		return err
	}
	ctx = c.storingFor(ctx, extstore.StorageDriverActivityInfo{
		Namespace:    opts.Namespace,
		ActivityType: opts.ActivityType,
		ActivityID:   opts.ActivityID,
		RunID:        opts.ActivityRunID,
	})
	return c.reportByID(ctx, opts.Namespace, "", opts.ActivityRunID, opts.ActivityID, outcome)
}

// reportByID reports the outcome of an activity of a workflow, or, if workflowID is
// empty, of one without.
func (c *Client) reportByID(ctx context.Context, namespace, workflowID, runID, activityID string, outcome activityOutcome) error {
	var err error
	switch {
	case outcome.pending:
	case outcome.failed != nil:
		_, err = c.service.RespondActivityTaskFailedById(ctx, &workflowservice.RespondActivityTaskFailedByIdRequest{
			ResourceId: execution.ResourceID(workflowID, activityID),
			Namespace:  namespace,
			WorkflowId: workflowID,
			RunId:      runID,
			ActivityId: activityID,
			Failure:    outcome.failed,
			Identity:   c.identity,
		})
	case outcome.canceled:
		_, err = c.service.RespondActivityTaskCanceledById(ctx, &workflowservice.RespondActivityTaskCanceledByIdRequest{
			ResourceId: execution.ResourceID(workflowID, activityID),
			Namespace:  namespace,
			WorkflowId: workflowID,
			RunId:      runID,
			ActivityId: activityID,
			Details:    outcome.payloads,
			Identity:   c.identity,
		})
	default:
		_, err = c.service.RespondActivityTaskCompletedById(ctx, &workflowservice.RespondActivityTaskCompletedByIdRequest{
			ResourceId: execution.ResourceID(workflowID, activityID),
			Namespace:  namespace,
			WorkflowId: workflowID,
			RunId:      runID,
			ActivityId: activityID,
			Result:     outcome.payloads,
			Identity:   c.identity,
		})
	}
	return err
}

// RecordActivityHeartbeat reports that an activity is alive.
func (c *Client) RecordActivityHeartbeat(ctx context.Context, taskToken []byte, details ...any) error {
	return c.RecordActivityHeartbeatWithOptions(ctx, RecordActivityHeartbeatOptions{TaskToken: taskToken, Details: details})
}

// RecordActivityHeartbeatWithOptions is RecordActivityHeartbeat with all there is to
// choose.
func (c *Client) RecordActivityHeartbeatWithOptions(ctx context.Context, opts RecordActivityHeartbeatOptions) error {
	namespace := cmp.Or(opts.Namespace, c.namespace)
	details, err := c.converterFor(ctx, converter.ActivitySerializationContext{
		Namespace:    namespace,
		WorkflowID:   opts.WorkflowID,
		ActivityType: opts.ActivityType,
		WorkflowType: opts.WorkflowType,
		TaskQueue:    opts.TaskQueue,
	}).ToPayloads(opts.Details...)
	if err != nil {
		return err
	}
	response, err := c.service.RecordActivityTaskHeartbeat(ctx, &workflowservice.RecordActivityTaskHeartbeatRequest{
		ResourceId: execution.ResourceID(opts.WorkflowID, ""),
		Namespace:  namespace,
		TaskToken:  opts.TaskToken,
		Details:    details,
		Identity:   c.identity,
	})
	return heartbeatError(response, err)
}

// RecordActivityHeartbeatByID is RecordActivityHeartbeat for those who know the activity
// by name.
func (c *Client) RecordActivityHeartbeatByID(ctx context.Context, namespace, workflowID, runID, activityID string, details ...any) error {
	return c.RecordActivityHeartbeatByIDWithOptions(ctx, RecordActivityHeartbeatByIDOptions{
		Namespace:  namespace,
		WorkflowID: workflowID,
		RunID:      runID,
		ActivityID: activityID,
		Details:    details,
	})
}

// RecordActivityHeartbeatByIDWithOptions is RecordActivityHeartbeatByID with all there is
// to choose.
func (c *Client) RecordActivityHeartbeatByIDWithOptions(ctx context.Context, opts RecordActivityHeartbeatByIDOptions) error {
	namespace := cmp.Or(opts.Namespace, c.namespace)
	details, err := c.converterFor(ctx, converter.ActivitySerializationContext{
		Namespace:    namespace,
		WorkflowID:   opts.WorkflowID,
		ActivityType: opts.ActivityType,
		WorkflowType: opts.WorkflowType,
		TaskQueue:    opts.TaskQueue,
	}).ToPayloads(opts.Details...)
	if err != nil {
		return err
	}
	response, err := c.service.RecordActivityTaskHeartbeatById(ctx, &workflowservice.RecordActivityTaskHeartbeatByIdRequest{
		ResourceId: execution.ResourceID(opts.WorkflowID, opts.ActivityID),
		Namespace:  namespace,
		WorkflowId: opts.WorkflowID,
		RunId:      opts.RunID,
		ActivityId: opts.ActivityID,
		Details:    details,
		Identity:   c.identity,
	})
	return heartbeatError(response, err)
}

// heartbeatReply is what the replies to both kinds of heartbeat have in common.
type heartbeatReply interface {
	GetCancelRequested() bool
	GetActivityPaused() bool
	GetActivityReset() bool
}

// heartbeatError returns why the activity should stop, if it should.
func heartbeatError(reply heartbeatReply, err error) error {
	switch {
	case err != nil:
		return err
	case reply.GetCancelRequested():
		return failure.NewCanceledError(failure.CanceledErrorOptions{})
	case reply.GetActivityPaused():
		return failure.ErrActivityPaused
	case reply.GetActivityReset():
		return failure.ErrActivityReset
	default:
		return nil
	}
}
