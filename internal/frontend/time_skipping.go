package frontend

import (
	"context"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/workflow"
)

var (
	errTimeSkipping        = serviceerror.NewUnimplemented("The Time-Skipping feature is not enabled for namespace.")
	errFastForwardDuration = serviceerror.NewInvalidArgument("Time skipping config invalid: fast_forward duration must be positive")
	errFastForwardID       = serviceerror.NewInvalidArgument("Time skipping config invalid: fast_forward_id must be set")
	errFastForwardDisabled = serviceerror.NewInvalidArgument("time_skipping_config: cannot set fast_forward when enabled is false")
)

// timeSkippingHandlers wait for workflows that skip time.
type timeSkippingHandlers struct {
	runtime interface {
		viewer
		awaiter
	}
	waits *waits
}

// skipping is what they need of a workflow.
type skipping interface {
	FastForward(reader func() entity.Reader, runID, id string, before *commonpb.TimeSkippingFastForwardInfo) (
		*workflowservice.PollWorkflowExecutionTimeSkippingResponse, *commonpb.TimeSkippingFastForwardInfo, error)
	FastForwardSettled(runID, id string, before *commonpb.TimeSkippingFastForwardInfo) bool
}

var _ skipping = (*workflow.Chain)(nil)

// checkTimeSkipping checks how a workflow is to skip time, if at all, and fills in how
// often it may.
func checkTimeSkipping(ctx context.Context, config *commonpb.TimeSkippingConfig) error {
	if config == nil {
		return nil
	}
	if !settingOf(ctx, dynamicconfig.TimeSkipping) {
		return errTimeSkipping
	}
	if config.GetMaxSessionSkipCount() <= 0 {
		config.MaxSessionSkipCount = int32(settingOf(ctx, dynamicconfig.TimeSkips))
	}
	forward := config.GetFastForwardConfig()
	if forward == nil {
		return nil
	}
	switch {
	case forward.GetDuration().AsDuration() <= 0:
		return errFastForwardDuration
	case strings.TrimSpace(forward.GetId()) == "":
		return errFastForwardID
	case !config.GetEnabled():
		return errFastForwardDisabled
	}
	if err := check.Duration("FastForwardConfig.Duration", forward.GetDuration(), check.Request); err != nil {
		return err
	}
	return limitsOf(ctx).CheckLength("FastForwardConfig.Id", forward.GetId(), check.Request)
}

// PollWorkflowExecutionTimeSkipping waits until a fast-forward has completed, or cannot
// any more.
func (h *timeSkippingHandlers) PollWorkflowExecutionTimeSkipping(ctx context.Context, req *workflowservice.PollWorkflowExecutionTimeSkippingRequest) (*workflowservice.PollWorkflowExecutionTimeSkippingResponse, error) {
	execution, id := req.GetWorkflowExecution(), req.GetFastForwardId()
	if err := limitsOf(ctx).CheckExecution(execution, check.Request); err != nil {
		return nil, err
	}
	if !settingOf(ctx, dynamicconfig.TimeSkipping) {
		return nil, errTimeSkipping
	}
	if strings.TrimSpace(id) == "" {
		return nil, errFastForwardID
	}
	wait, done, err := h.waits.hold(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	var pending *commonpb.TimeSkippingFastForwardInfo
	for {
		var reply *workflowservice.PollWorkflowExecutionTimeSkippingResponse
		err := viewWorkflow(ctx, h.runtime, execution.GetWorkflowId(), func(c skipping, view entity.View) (err error) {
			reply, pending, err = c.FastForward(func() entity.Reader { return view }, execution.GetRunId(), id, pending)
			return err
		})
		if err != nil || reply != nil {
			return reply, err
		}
		err = h.runtime.Await(wait, workflowKey(ctx, execution.GetWorkflowId()), func(e entity.Entity) bool {
			return e.(skipping).FastForwardSettled(execution.GetRunId(), id, pending)
		})
		switch {
		case err == nil:
		case wait.Err() == nil:
			return nil, err
		case ctx.Err() != nil:
			return nil, ctx.Err()
		default:
			return &workflowservice.PollWorkflowExecutionTimeSkippingResponse{
				FastForwardPollingResult: enumspb.FAST_FORWARD_POLLING_RESULT_POLL_TIMEOUT,
				FastForwardInfo:          pending,
			}, nil
		}
	}
}
