package worker

import (
	"context"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/tuner"
)

// maxSessionHeartbeat is the longest time between two heartbeats of a session.
const maxSessionHeartbeat = 10 * time.Second

// sessionWorker runs sessions: activities that hold a session open, from a task queue
// that all workers share, and the activities in sessions, from a task queue of its own.
type sessionWorker struct {
	resourceID string
	taskQueue  string // of activities in sessions
	// over is closed when the activities in sessions are done and the worker stops.
	over chan struct{}

	creations  *activityWorker
	activities *activityWorker

	mu   sync.Mutex
	open map[string]chan struct{} // by session id; closed when the session is completed
	most int                      // how many may be open
}

func newSessionWorker(w *Worker) *sessionWorker {
	c := &w.config
	s := &sessionWorker{
		resourceID: uuid.NewString(),
		over:       make(chan struct{}),
		open:       make(map[string]chan struct{}),
		most:       c.MaxConcurrentSessionExecutionSize,
	}
	s.taskQueue = s.resourceID + "@" + hostName()
	// One poll, and it holds a slot: with as many slots as there may be sessions a worker
	// that is full does not ask for more.
	creationSlots, _ := tuner.NewFixedSizeSlotSupplier(c.MaxConcurrentSessionExecutionSize)
	s.creations = newActivityWorker(w, activityQueue{
		name:     flow.SessionCreationQueue(c.taskQueue),
		version:  w.version,
		slots:    creationSlots,
		context:  w.taskContext,
		behavior: simpleMaximum{1},
	})
	// Activities in a session go to this worker whatever its version is.
	unversioned := c.Options
	unversioned.UseBuildIDForVersioning = false
	slots := c.Tuner.GetSessionActivitySlotSupplier()
	s.activities = newActivityWorker(w, activityQueue{
		name: s.taskQueue, version: newBuildVersion(&unversioned), slots: slots, context: w.taskContext,
	})
	for name, activity := range map[string]any{
		flow.SessionCreationActivity:   s.hold,
		flow.SessionCompletionActivity: s.complete,
	} {
		if err := c.registry.RegisterActivity(activity, registry.ActivityOptions{Name: name, DisableAlreadyRegisteredCheck: true}); err != nil {
			panic(err) // the functions are fine
		}
	}
	return s
}

func (s *sessionWorker) start(w *Worker) {
	s.creations.start(w)
	s.activities.start(w)
}

// queues are the task queues that are polled.
func (s *sessionWorker) queues() []string { return []string{s.creations.queue.name, s.taskQueue} }

// end waits for the activities in sessions, ends the sessions, and waits for that.
func (s *sessionWorker) end() {
	s.activities.tasks.end()
	close(s.over)
	s.creations.tasks.end()
}

// hold is the activity that holds a session open.
func (s *sessionWorker) hold(ctx context.Context, sessionID string) error {
	env := activities.FromContext(ctx)
	completed, err := s.begin(sessionID)
	if err != nil {
		return err
	}
	defer s.forget(sessionID)
	answer := flow.SessionCreated{Taskqueue: s.taskQueue, ResourceID: s.resourceID, HostName: hostName()}
	workflow := env.Info.WorkflowExecution
	if err := env.Client.SignalWorkflow(ctx, workflow.ID, workflow.RunID, sessionID, answer); err != nil {
		return err
	}
	ticker := time.NewTicker(sessionHeartbeat(env.Info.HeartbeatTimeout))
	defer ticker.Stop()
	for {
		select {
		case <-completed:
			return nil
		case <-s.over:
			return errSessionWorkerStops(nil)
		case <-ctx.Done():
			if failure.IsCanceledError(context.Cause(ctx)) {
				return ctx.Err()
			}
			return errSessionWorkerStops(ctx.Err())
		case <-ticker.C:
			env.HeartbeatNow()
		}
	}
}

// errSessionWorkerStops is not retried: a session does not move to another worker.
func errSessionWorkerStops(cause error) error {
	return failure.NewApplicationError("session failed due to worker shutdown", "SessionWorkerShutdown",
		failure.ApplicationErrorOptions{NonRetryable: true, Cause: cause})
}

// sessionHeartbeat is the time between two heartbeats of a session.
func sessionHeartbeat(timeout time.Duration) time.Duration {
	if timeout <= 0 {
		return maxSessionHeartbeat
	}
	return min(timeout/3, maxSessionHeartbeat)
}

// complete is the activity that ends a session.
func (s *sessionWorker) complete(_ context.Context, sessionID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if completed, ok := s.open[sessionID]; ok {
		close(completed)
		delete(s.open, sessionID)
	}
	return nil
}

// begin notes a session, and returns a channel that is closed when it is completed. It fails
// if there are as many as there may be, with an error that is retried: sessions that are
// created anew come from the worker's own queue, whose slots are not those of sessions.
func (s *sessionWorker) begin(sessionID string) (<-chan struct{}, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= s.most {
		return nil, failure.NewApplicationError("too many outstanding sessions", "", failure.ApplicationErrorOptions{})
	}
	completed := make(chan struct{})
	s.open[sessionID] = completed
	return completed, nil
}

func (s *sessionWorker) forget(sessionID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, sessionID)
}

// hostName is for people who look at it.
func hostName() string {
	host, err := os.Hostname()
	if err != nil {
		return "Unknown"
	}
	return host
}
