package frontend

import (
	"context"
	"errors"
	"log/slog"

	deploymentpb "go.temporal.io/api/deployment/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"

	"github.com/perdure/perdure/internal/deployment"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
)

// polls are the polls of workers for tasks, of whatever type.
type polls struct {
	runtime interface {
		stepper
		viewer
	}
	matching interface {
		Describe(ctx context.Context, queue entity.Queue, sticky string) (matching.Description, error)
		// Poll waits for work; nil if there was none.
		Poll(ctx context.Context, request matching.PollRequest) (*matching.Work, error)
		// Return puts a task back that was polled but not started.
		Return(task *entity.Task)
		// LeaveAside puts a task aside that could not be started, to be offered again later.
		LeaveAside(task *entity.Task)
		// Unspent says that a task that was polled is needed by nobody.
		Unspent(task *entity.Task)
		// PollerGone says that the caller of a poll that returned work has gone.
		PollerGone(matching.PollRequest)
	}
	deployments *deployment.Registry
	waits       *waits
	logger      *slog.Logger
	// elsewhere starts what is not here; nil if everything is.
	elsewhere Elsewhere
}

// pollRequest is what the two polls have in common.
type pollRequest interface {
	GetTaskQueue() *taskqueuepb.TaskQueue
	GetIdentity() string
	GetDeploymentOptions() *deploymentpb.WorkerDeploymentOptions
}

// workerVersion is what the older forms of worker versioning have in common.
type workerVersion interface {
	GetUseVersioning() bool
	GetBuildId() string
}

func checkPoll(ctx context.Context, req pollRequest, capabilities workerVersion) error {
	if err := limitsOf(ctx).CheckTaskQueue(req.GetTaskQueue()); err != nil {
		return err
	}
	if err := limitsOf(ctx).CheckIdentity(req.GetIdentity()); err != nil {
		return err
	}
	return limitsOf(ctx).CheckWorkerVersion(capabilities, req.GetDeploymentOptions(), req.GetTaskQueue())
}

// scalingDecision is what workers that scale their pollers are told with the work.
func scalingDecision(work *matching.Work) *taskqueuepb.PollerScalingDecision {
	if work.Scale == 0 {
		return nil
	}
	return &taskqueuepb.PollerScalingDecision{PollRequestDeltaSuggestion: work.Scale}
}

// poll takes work from a queue until take has taken some, or the time of the poll
// is over. Tasks that nobody needs any more are passed over; one that cannot be
// started for a reason that will pass goes back to the queue, one that cannot for another
// reason is offered again later.
func (p *polls) poll(ctx context.Context, request matching.PollRequest, take func(*matching.Work) (taken bool, err error)) error {
	if p.elsewhere != nil {
		if given, ok := ctx.Value(givenKey{}).(*Given); ok {
			return given.takeGiven(take)
		}
	}
	wait, done, err := p.waits.holdUntil(ctx, p.waits.parking.parked)
	if err != nil {
		return err
	}
	defer done()
	for {
		work, err := p.matching.Poll(wait, request)
		if err != nil && wait.Err() == nil {
			return err
		}
		if err != nil || work == nil {
			// The time is over, the client gone, or the server is going to end. If it has not begun to, the worker
			// would ask again at once.
			p.waits.parking.stay(ctx, p.waits.draining)
			return nil
		}
		taken, err := p.take(ctx, work, take)
		var given *answer
		switch {
		case errors.As(err, &given):
			return err
		case taken:
			return nil
		case err == nil:
		case errors.Is(err, entity.ErrStaleTask):
			p.matching.Unspent(work.Task)
		case errors.Is(err, errPollerGone):
			p.matching.PollerGone(request)
			p.matching.Return(work.Task)
			return nil
		case passes(err):
			p.matching.Return(work.Task)
			return err
		default:
			// Offering it again at once would end the same way, and hold up the queue.
			p.matching.LeaveAside(work.Task)
			p.logger.ErrorContext(ctx, "A task could not be started; it is offered again later.",
				slog.Attr{Value: work.Task.LogValue()}, "error", err)
		}
	}
}

// take starts the work of a poll, here or where it is.
func (p *polls) take(ctx context.Context, work *matching.Work, take func(*matching.Work) (bool, error)) (taken bool, err error) {
	if p.elsewhere == nil || !p.elsewhere.Away(work) {
		return take(work)
	}
	c := callOf(ctx)
	resp, outcome, err := p.elsewhere.Start(ctx, c.method.Full(), c.request, work)
	switch {
	case err == nil && outcome == Taken:
		return false, &answer{resp}
	case work.Query != nil: // who asks waits until its time is over, or asks again
		return false, nil
	case err != nil && ctx.Err() != nil:
		return false, errPollerGone
	case err != nil:
		return false, err
	case outcome == Aside:
		return false, errAside
	}
	return false, entity.ErrStaleTask
}

var errAside = errors.New("frontend: the node of the task cannot start it; its log says why")

// errPollerGone: the client has hung up before its task was started.
var errPollerGone = errors.New("frontend: the poller has gone")

// startTask runs the step that starts a task. The poll may end at any time, but
// must not leave open whether the task has started: so the step is not cut short,
// and looks itself, under the workflow's lock, whether there is still somebody to
// start the task for.
func startTask[C any](ctx context.Context, runtime stepper, task *entity.Task, start func(*entity.Step, C) error) error {
	stepCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), startTaskWait)
	defer cancel()
	return runtime.Step(stepCtx, task.Entity, func(step *entity.Step, e entity.Entity) error {
		if ctx.Err() != nil {
			return errPollerGone
		}
		return start(step, e.(C))
	})
}

// passes reports whether what went wrong may go right later.
func passes(err error) bool {
	var unavailable *serviceerror.Unavailable
	var exhausted *serviceerror.ResourceExhausted
	return errors.As(err, &unavailable) || errors.As(err, &exhausted) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}
