package frontend

//lint:file-ignore SA1019 older workers still send what is deprecated

import (
	"context"
	"errors"
	"time"

	deploymentpb "go.temporal.io/api/deployment/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
	"github.com/perdure/perdure/internal/workflow"
)

// PollWorkflowTaskQueue waits for a workflow task, or for a query to answer.
func (s *Service) PollWorkflowTaskQueue(ctx context.Context, req *workflowservice.PollWorkflowTaskQueueRequest) (*workflowservice.PollWorkflowTaskQueueResponse, error) {
	if err := checkPoll(req, req.GetWorkerVersionCapabilities()); err != nil {
		return nil, err
	}
	ns := callOf(ctx).namespace
	if _, bad := ns.BadBinaries[req.GetBinaryChecksum()]; bad {
		return nil, invalid("binary %v already marked as bad deployment", req.GetBinaryChecksum())
	}
	poll := matching.PollRequest{
		Queue:       entity.Queue{Namespace: ns.ID, Type: entity.TaskWorkflow, Name: req.GetTaskQueue().GetName()},
		Identity:    req.GetIdentity(),
		InstanceKey: req.GetWorkerInstanceKey(),
	}
	if req.GetTaskQueue().GetKind() == enumspb.TASK_QUEUE_KIND_STICKY {
		poll.Queue.Name, poll.Sticky = req.GetTaskQueue().GetNormalName(), req.GetTaskQueue().GetName()
	}
	var resp *workflowservice.PollWorkflowTaskQueueResponse
	err := s.poll(ctx, poll, func(work *matching.Work) (taken bool, err error) {
		if work.Query != nil {
			resp, taken = s.queryTask(ctx, work)
			return taken, nil
		}
		err = s.startTask(ctx, work.Task, func(step *entity.Step, c chain) (err error) {
			resp, err = c.StartWorkflowTask(step, work.Task, req)
			return err
		})
		// A worker that hears of a sticky backlog sends all its polls there until it
		// hears otherwise, which it does only with the next task from there: were
		// the hint out of date, new workflows would wait for a whole long poll.
		if err == nil && poll.Sticky == "" {
			resp.BacklogCountHint = work.BacklogCount
		}
		return err == nil, err
	})
	if err != nil {
		return nil, err
	}
	if resp == nil {
		resp = new(workflowservice.PollWorkflowTaskQueueResponse)
	}
	return resp, nil
}

// PollActivityTaskQueue waits for an activity to run.
func (s *Service) PollActivityTaskQueue(ctx context.Context, req *workflowservice.PollActivityTaskQueueRequest) (*workflowservice.PollActivityTaskQueueResponse, error) {
	if err := checkPoll(req, req.GetWorkerVersionCapabilities()); err != nil {
		return nil, err
	}
	poll := matching.PollRequest{
		Queue:       entity.Queue{Namespace: callOf(ctx).namespace.ID, Type: entity.TaskActivity, Name: req.GetTaskQueue().GetName()},
		Identity:    req.GetIdentity(),
		InstanceKey: req.GetWorkerInstanceKey(),
	}
	var resp *workflowservice.PollActivityTaskQueueResponse
	err := s.poll(ctx, poll, func(work *matching.Work) (taken bool, err error) {
		err = s.startTask(ctx, work.Task, func(step *entity.Step, c chain) (err error) {
			resp, err = c.StartActivity(step, work.Task, req)
			return err
		})
		return err == nil, err
	})
	if err != nil {
		return nil, err
	}
	if resp == nil {
		resp = new(workflowservice.PollActivityTaskQueueResponse)
	}
	return resp, nil
}

// pollRequest is what the two polls have in common.
type pollRequest interface {
	GetTaskQueue() *taskqueuepb.TaskQueue
	GetIdentity() string
	GetDeploymentOptions() *deploymentpb.WorkerDeploymentOptions
}

func checkPoll(req pollRequest, capabilities buildID) error {
	if err := checkTaskQueue(req.GetTaskQueue()); err != nil {
		return err
	}
	if err := checkIdentity(req.GetIdentity()); err != nil {
		return err
	}
	return checkWorkerVersion(capabilities, req.GetDeploymentOptions(), req.GetTaskQueue())
}

// poll takes work from a queue until take has taken some, or the time of the poll
// is over. Tasks that nobody needs any more are passed over; one that cannot be
// started for a reason that will pass goes back to the queue.
func (s *Service) poll(ctx context.Context, request matching.PollRequest, take func(*matching.Work) (taken bool, err error)) error {
	wait, done, err := s.longPoll(ctx, maxTaskPoll)
	if err != nil {
		return err
	}
	defer done()
	for {
		work, err := s.matching.Poll(wait, request)
		if err != nil && wait.Err() == nil {
			return err
		}
		if err != nil || work == nil {
			return nil // the time is over, the client gone, or the server draining
		}
		taken, err := take(work)
		switch {
		case taken:
			return nil
		case err == nil, errors.Is(err, workflow.ErrStaleTask):
		case errors.Is(err, errPollerGone):
			s.matching.PollerGone(request)
			s.matching.Return(work.Task)
			return nil
		case passes(err):
			s.matching.Return(work.Task)
			return err
		default:
			// Offering it again would end the same way, and hold up the queue. Its
			// record stays, and it is offered again after a restart.
			s.logger.ErrorContext(ctx, "A task could not be started; it is left aside until the server is restarted.",
				"workflow", work.Task.Entity.ID, "run", work.Task.RunID, "queue", work.Task.Queue.Name, "error", err)
		}
	}
}

// errWaitOver is the cause of the end of a wait that its caller has not given up: it
// tells matching that the caller is still there.
var errWaitOver = errors.New("frontend: the time of the long poll is over")

// errPollerGone: the client has hung up before its task was started.
var errPollerGone = errors.New("frontend: the poller has gone")

// startTask runs the step that starts a task. The poll may end at any time, but
// must not leave open whether the task has started: so the step is not cut short,
// and looks itself, under the workflow's lock, whether there is still somebody to
// start the task for.
func (s *Service) startTask(ctx context.Context, task *entity.Task, start func(*entity.Step, chain) error) error {
	stepCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTaskWait)
	defer cancel()
	return s.runtime.Step(stepCtx, task.Entity, func(step *entity.Step, e entity.Entity) error {
		if ctx.Err() != nil {
			return errPollerGone
		}
		return start(step, e.(chain))
	})
}

// passes reports whether what went wrong may go right later.
func passes(err error) bool {
	var unavailable *serviceerror.Unavailable
	var exhausted *serviceerror.ResourceExhausted
	return errors.As(err, &unavailable) || errors.As(err, &exhausted) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// longPoll makes the context of a wait that ends after limit, shortly before the
// caller's deadline so that the reply still arrives, or when the server drains.
// The caller's deadline may be missing but not too short. done must be called at
// the end of the wait.
func (s *Service) longPoll(ctx context.Context, limit time.Duration) (wait context.Context, done func(), err error) {
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		if left < minLongPoll {
			return nil, nil, errDeadlineTooShort
		}
		limit = min(limit, left-longPollTail)
	}
	return s.hold(ctx, limit)
}

// hold is longPoll without a thought for the caller's deadline.
func (s *Service) hold(ctx context.Context, limit time.Duration) (wait context.Context, done func(), err error) {
	if s.draining.Err() != nil {
		// Not an empty reply: the client would ask again at once.
		return nil, nil, errDraining
	}
	if s.longPolls.Add(1) > maxLongPolls {
		s.longPolls.Add(-1)
		return nil, nil, errTooManyLongPolls
	}
	// A timer and no deadline: of a deadline, whoever waits would keep some time
	// for the reply, which has been kept already.
	wait, cancel := context.WithCancelCause(ctx)
	over := func() { cancel(errWaitOver) }
	timer := time.AfterFunc(limit, over)
	stop := context.AfterFunc(s.draining, over)
	return wait, func() {
		timer.Stop()
		stop()
		over()
		s.longPolls.Add(-1)
	}, nil
}
