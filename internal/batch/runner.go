package batch

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
)

const (
	// concurrentJobs is how many jobs are worked on at once. Others wait.
	concurrentJobs = 64
	// stepTimeout bounds the steps of a job, callTimeout the calls for one item.
	stepTimeout = 10 * time.Second
	callTimeout = 30 * time.Second
	// restAfterError is how long a job rests that cannot be gone on with.
	restAfterError = time.Second
	// pageSize is how many items are listed at once.
	pageSize = 1000
)

// Runtime is what a Runner needs of package runtime.
type Runtime interface {
	Step(ctx context.Context, key entity.Key, fn func(*entity.Step, entity.Entity) error) error
	View(ctx context.Context, key entity.Key, fn func(entity.Entity, entity.View) error) error
	Await(ctx context.Context, key entity.Key, ready func(entity.Entity) bool) error
}

// Tasks is where jobs wait.
type Tasks interface {
	Poll(ctx context.Context, request matching.PollRequest) (*matching.Work, error)
	Return(task *entity.Task)
}

// Options are what a Runner is made of. All are required.
type Options struct {
	Runtime Runtime
	Tasks   Tasks
	// Client makes the calls.
	Client workflowservice.WorkflowServiceClient
	// Namespace is the name of the namespace with the id; false if it is not there, or is
	// being deleted.
	Namespace func(id string) (name string, ok bool)
	// Rate is how many items a second a job of the namespace may act on, and Concurrency how
	// many at once.
	Rate, Concurrency func(namespace string) int
	Logger            *slog.Logger
}

// Runner carries out jobs, from Start to Close.
type Runner struct {
	Options
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// Start returns a Runner at work.
func Start(options Options) *Runner {
	ctx, cancel := context.WithCancel(context.Background())
	r := &Runner{Options: options, cancel: cancel}
	r.done.Go(func() { r.poll(ctx) })
	return r
}

// Close breaks off the calls under way, which will be made again, and waits until they
// have ended.
func (r *Runner) Close() {
	r.cancel()
	r.done.Wait()
}

// poll takes jobs and carries each out on a goroutine of its own, within bounds.
func (r *Runner) poll(ctx context.Context) {
	free := make(chan struct{}, concurrentJobs)
	for ctx.Err() == nil {
		select {
		case free <- struct{}{}:
		case <-ctx.Done():
			return
		}
		work, err := r.Tasks.Poll(ctx, matching.PollRequest{Queue: Queue, Identity: "perdure"})
		if err != nil || work == nil || work.Task == nil {
			<-free
			if err != nil && ctx.Err() == nil {
				r.Logger.Error("Batch jobs cannot be polled for.", "error", err)
				_ = rest(ctx, restAfterError)
			}
			continue
		}
		r.done.Go(func() {
			defer func() { <-free }()
			var err error
			for err == nil && ctx.Err() == nil {
				err = r.carryOut(ctx, work.Task)
			}
			if errors.Is(err, errEnded) {
				return
			}
			if ctx.Err() == nil {
				r.Logger.Error("A batch job cannot be gone on with; it is tried again.", "job", work.Task.Entity.ID, "error", err)
				_ = rest(ctx, restAfterError)
			}
			r.Tasks.Return(work.Task)
		})
	}
}

var errNoNamespace = errors.New("the namespace of the batch job is not there, or is being deleted")

// carryOut goes on with a job as far as it gets. It fails if it cannot, and with errEnded if
// there is nothing left to do.
func (r *Runner) carryOut(ctx context.Context, task *entity.Task) error {
	var state *State
	viewCtx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	err := r.Runtime.View(viewCtx, task.Entity, func(e entity.Entity, _ entity.View) error {
		state = e.(*Job).Due(task)
		return nil
	})
	if err != nil {
		return err
	}
	if state == nil {
		return errEnded
	}
	namespace, ok := r.Namespace(task.Entity.Namespace)
	if !ok {
		return errNoNamespace
	}
	stopped, stop := context.WithCancel(ctx)
	j := &job{Runner: r, State: state, task: task, namespace: namespace, stopped: stopped}
	j.pace.perSecond = func() float64 { return r.rate(namespace, state.Request) }
	var watch sync.WaitGroup
	watch.Go(func() {
		defer stop()
		_ = r.Runtime.Await(stopped, task.Entity, func(e entity.Entity) bool { return !e.(*Job).running(task) })
	})
	defer watch.Wait()
	defer stop()
	if err := j.list(ctx); err != nil {
		return err
	}
	return j.work(ctx)
}

// rate is how many items a second the job may act on.
func (r *Runner) rate(namespace string, req *workflowservice.StartBatchOperationRequest) float64 {
	most := float64(max(1, r.Rate(namespace)))
	if asked := float64(req.GetMaxOperationsPerSecond()); asked > 0 {
		return min(asked, most)
	}
	return most
}

// step runs a step of the job.
func (j *job) step(ctx context.Context, fn func(*entity.Step, *Job) error) error {
	stepCtx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	return j.Runtime.Step(stepCtx, j.task.Entity, func(step *entity.Step, e entity.Entity) error { return fn(step, e.(*Job)) })
}
