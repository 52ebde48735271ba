package temporalnexus

import (
	"context"

	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/client"
	internalclient "github.com/perdure/perdure/sdk/internal/client"
	"github.com/perdure/perdure/sdk/internal/nexusop"
)

// StartActivity starts an activity that belongs to no workflow and carries out the operation. ID is
// required, and StartToCloseTimeout or ScheduleToCloseTimeout. TaskQueue defaults to that of the
// worker.
func StartActivity[I, O any, AF func(context.Context, I) (O, error)](
	ctx context.Context,
	nc NexusClient,
	activityOpts client.StartActivityOptions,
	activity AF,
	arg I,
) (TemporalOperationResult[O], error) {
	return StartUntypedActivity[O](ctx, nc, activityOpts, activity, arg)
}

// StartUntypedActivity is StartActivity for an activity by name, or with another number of
// arguments.
func StartUntypedActivity[R any](
	ctx context.Context,
	nc NexusClient,
	activityOpts client.StartActivityOptions,
	activity any,
	args ...any,
) (result TemporalOperationResult[R], err error) {
	operation, ok := nexusop.OperationOf(ctx)
	if !ok {
		return result, errNotInOperation()
	}
	undo, err := nc.begin()
	if err != nil {
		return result, err
	}
	defer func() { undo(err) }()
	name, err := operation.Registry.ActivityName(activity)
	if err != nil {
		return result, err
	}
	if activityOpts.TaskQueue == "" {
		activityOpts.TaskQueue = operation.TaskQueue
	}
	if activityOpts.ScheduleToCloseTimeout == 0 && activityOpts.StartToCloseTimeout == 0 {
		return result, nexus.NewHandlerErrorf(nexus.HandlerErrorTypeBadRequest, "at least one of StartToCloseTimeout or ScheduleToCloseTimeout is required")
	}
	// Callbacks have the token without the run, which is not known yet.
	token := operationToken{Type: tokenOfActivity, Namespace: operation.Namespace, ActivityID: activityOpts.ID}
	encoded, err := encodeToken(token)
	if err != nil {
		return result, err
	}
	start, err := nexusStart(ctx, nc.options, encoded)
	if err != nil {
		return result, err
	}
	internalclient.SetNexusActivity(&activityOpts, start)
	handle, err := nc.client.ExecuteActivity(ctx, activityOpts, name, args...)
	if err != nil {
		return result, err
	}
	if link := start.Link(); link != nil {
		nexus.AddHandlerLinks(ctx, ConvertCommonLinkToNexusLink(link))
	}
	runID := handle.GetRunID()
	token.RunID = &runID
	if encoded, err = encodeToken(token); err != nil {
		return result, err
	}
	return NewAsyncResult[R](encoded), nil
}

// cancelActivity cancels the activity that carries out an operation.
func cancelActivity(ctx context.Context, c client.Client, options CancelTemporalActivityExecutionOptions, _ nexus.CancelOperationOptions) error {
	return c.GetActivityHandle(client.GetActivityHandleOptions{ActivityID: options.ActivityID, RunID: options.RunID}).
		Cancel(ctx, client.CancelActivityOptions{})
}
