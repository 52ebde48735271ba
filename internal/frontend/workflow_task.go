package frontend

import (
	"context"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/api/check"
	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/workflow"
)

// workflowTaskHandlers give workflow tasks to workers and take their answers.
type workflowTaskHandlers struct {
	runtime stepper
	polls   *polls
	// queries are dispatched with polls for workflow tasks.
	queries *queryHandlers
	// pages are those of completions that are not all there yet.
	pages *completionPages
}

// workflowTasks is what they need of a workflow.
type workflowTasks interface {
	StartWorkflowTask(*entity.Step, *entity.Task, *workflowservice.PollWorkflowTaskQueueRequest) (*workflowservice.PollWorkflowTaskQueueResponse, error)
	CompleteWorkflowTask(*entity.Step, *records.TaskToken, *workflowservice.RespondWorkflowTaskCompletedRequest) (*workflow.Completion, error)
	ExpectCompletion(*entity.Step, *records.TaskToken, *workflowservice.RespondWorkflowTaskCompletedRequest) (time.Duration, error)
	RefuseCompletion(*entity.Step, *records.TaskToken, *workflowservice.RespondWorkflowTaskCompletedRequest, enumspb.WorkflowTaskFailedCause, error) (*workflow.Completion, error)
	FailWorkflowTask(*entity.Step, *records.TaskToken, *workflowservice.RespondWorkflowTaskFailedRequest) error
	ResetSticky(*entity.Step, *workflowservice.ResetStickyTaskQueueRequest) error
}

var _ workflowTasks = (*workflow.Chain)(nil)

// PollWorkflowTaskQueue waits for a workflow task, or for a query to answer.
func (h *workflowTaskHandlers) PollWorkflowTaskQueue(ctx context.Context, req *workflowservice.PollWorkflowTaskQueueRequest) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	//lint:ignore SA1019 older clients use it
	if err := checkPoll(ctx, req, req.GetWorkerVersionCapabilities()); err != nil {
		return nil, err
	}
	ns := callOf(ctx).namespace
	//lint:ignore SA1019 older clients use it
	if _, bad := ns.BadBinaries[req.GetBinaryChecksum()]; bad {
		//lint:ignore SA1019 older clients use it
		return nil, serviceerror.NewInvalidArgumentf("Binary %v already marked as bad deployment.", req.GetBinaryChecksum())
	}
	poll := matching.PollRequest{
		Queue:       entity.Queue{Namespace: ns.ID, Type: entity.TaskWorkflow, Name: req.GetTaskQueue().GetName()},
		Identity:    req.GetIdentity(),
		InstanceKey: req.GetWorkerInstanceKey(),
		//lint:ignore SA1019 older clients use it
		Capabilities: req.GetWorkerVersionCapabilities(),
		Deployment:   req.GetDeploymentOptions(),
	}
	if req.GetTaskQueue().GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
		poll.Queue.Name, poll.Sticky = req.GetTaskQueue().GetNormalName(), req.GetTaskQueue().GetName()
	}
	if err := h.polls.registered(ctx, &poll, poll.Deployment, poll.Capabilities); err != nil {
		return nil, err
	}
	var resp *workflowservice.PollWorkflowTaskQueueResponse
	err := h.polls.poll(ctx, poll, func(work *matching.Work) (taken bool, err error) {
		if work.Query != nil {
			if resp, taken = h.queries.task(ctx, work); taken {
				resp.PollerScalingDecision = scalingDecision(work)
			}
			return taken, nil
		}
		err = startTask(ctx, h.polls.runtime, work.Task, func(step *entity.Step, c workflowTasks) (err error) {
			resp, err = c.StartWorkflowTask(step, work.Task, req)
			return err
		})
		// A worker that hears of a sticky backlog sends all its polls there until it
		// hears otherwise, which it does only with the next task from there: were
		// the hint out of date, new workflows would wait for a whole long poll.
		taken = err == nil && resp != nil
		if taken {
			h.polls.waits.parking.given()
		}
		if taken && poll.Sticky == "" {
			resp.BacklogCountHint = work.BacklogCount
		}
		if taken {
			resp.PollerScalingDecision = scalingDecision(work)
		}
		return taken, err
	})
	if err != nil {
		return nil, err
	}
	if resp == nil {
		resp = new(workflowservice.PollWorkflowTaskQueueResponse)
	}
	return resp, nil
}

// RespondWorkflowTaskCompleted brings the commands of a workflow task. A command
// that makes no sense fails the task, durably, and is answered InvalidArgument.
func (h *workflowTaskHandlers) RespondWorkflowTaskCompleted(ctx context.Context, req *workflowservice.RespondWorkflowTaskCompletedRequest) (*workflowservice.RespondWorkflowTaskCompletedResponse, error) {
	if err := limitsOf(ctx).CheckIdentity(req.GetIdentity()); err != nil {
		return nil, err
	}
	if err := checkCompletionVersion(ctx, req); err != nil {
		return nil, err
	}
	paged := req.GetIntermediatePage() || req.GetPageNumber() > 0
	if paged && !settingOf(ctx, dynamicconfig.PagedCompletions) {
		return nil, serviceerror.NewFailedPreconditionf("workflow task completion pagination is disabled for this namespace %s", callOf(ctx).namespaceName())
	}
	if req.GetStickyAttributes() != nil {
		if err := check.Duration("ScheduleToStartTimeout", req.GetStickyAttributes().GetScheduleToStartTimeout(), stickyAttributes); err != nil {
			return nil, err
		}
	}
	token := callOf(ctx).token
	if err := tokens.CheckTask(token); err != nil {
		return nil, err
	}
	var completion *workflow.Completion
	err := stepWorkflow(ctx, h.runtime, token.GetWorkflowId(), func(step *entity.Step, c workflowTasks) (err error) {
		if paged {
			completion, err = h.completeByPages(ctx, step, c, token, req)
		} else {
			completion, err = c.CompleteWorkflowTask(step, token, req)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if !paged || !req.GetIntermediatePage() {
		h.polls.waits.parking.took()
	}
	if completion.Response.GetWorkflowTask() != nil {
		h.polls.waits.parking.given()
	}
	if completion.Err != nil {
		return nil, completion.Err
	}
	return completion.Response, nil
}

var stickyAttributes = check.Part("StickyAttributes")

// checkCompletionVersion checks what a worker says of its version, in all the
// places where there is room for it.
func checkCompletionVersion(ctx context.Context, req *workflowservice.RespondWorkflowTaskCompletedRequest) error {
	if req.GetVersioningBehavior() != enumspb.VERSIONING_BEHAVIOR_UNSPECIFIED &&
		req.GetDeploymentOptions().GetWorkerVersioningMode() != enumspb.WORKER_VERSIONING_MODE_VERSIONED {
		return errVersioningBehavior
	}
	//lint:ignore SA1019 older clients use it
	if err := limitsOf(ctx).CheckLength("BinaryChecksum", req.GetBinaryChecksum(), check.Request); err != nil {
		return err
	}
	limits := limitsOf(ctx)
	//lint:ignore SA1019 older clients use it
	if err := limits.CheckBuildID(req.GetDeployment().GetBuildId()); err != nil {
		return err
	}
	//lint:ignore SA1019 older clients use it
	return limits.CheckWorkerVersion(req.GetWorkerVersionStamp(), req.GetDeploymentOptions(), req.GetStickyAttributes().GetWorkerTaskQueue())
}

// RespondWorkflowTaskFailed says that a worker could not make sense of a workflow
// task. The task is offered again.
func (h *workflowTaskHandlers) RespondWorkflowTaskFailed(ctx context.Context, req *workflowservice.RespondWorkflowTaskFailedRequest) (*workflowservice.RespondWorkflowTaskFailedResponse, error) {
	if err := limitsOf(ctx).CheckIdentity(req.GetIdentity()); err != nil {
		return nil, err
	}
	token := callOf(ctx).token
	if err := tokens.CheckTask(token); err != nil {
		return nil, err
	}
	blob := limitsOf(ctx).Blob
	req.Failure, _ = attempt.LimitFailure(req.GetFailure(), blob, blob/4, true)
	err := stepWorkflow(ctx, h.runtime, token.GetWorkflowId(), func(step *entity.Step, c workflowTasks) error {
		return c.FailWorkflowTask(step, token, req)
	})
	if err != nil {
		return nil, err
	}
	h.polls.waits.parking.took()
	return &workflowservice.RespondWorkflowTaskFailedResponse{}, nil
}

// ResetStickyTaskQueue makes the next workflow task of a run go to any worker,
// with the whole history.
func (h *workflowTaskHandlers) ResetStickyTaskQueue(ctx context.Context, req *workflowservice.ResetStickyTaskQueueRequest) (*workflowservice.ResetStickyTaskQueueResponse, error) {
	if err := limitsOf(ctx).CheckExecution(req.GetExecution(), check.Request); err != nil {
		return nil, err
	}
	err := stepWorkflow(ctx, h.runtime, req.GetExecution().GetWorkflowId(), func(step *entity.Step, c workflowTasks) error {
		return c.ResetSticky(step, req)
	})
	if err != nil {
		return nil, err
	}
	return &workflowservice.ResetStickyTaskQueueResponse{}, nil
}
