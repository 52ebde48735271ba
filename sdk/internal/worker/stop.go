package worker

import (
	"context"
	"errors"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/activities"
	"github.com/perdure/perdure/sdk/internal/logtag"
)

// Stop ends the worker: polls at once, tasks within the stop timeout. It returns
// when that is done; concurrent calls wait for the one that does it. It may be
// called on a worker that was not started.
func (w *Worker) Stop() {
	w.mu.Lock()
	begun := w.stopBegun
	w.stopBegun = true
	drain, deregister, leaveGroup := w.drain, w.deregister, w.leaveGroup
	w.mu.Unlock()
	if begun {
		<-w.stopped
		return
	}
	defer close(w.stopped)
	deadline := time.Now().Add(w.config.WorkerStopTimeout)
	w.endStopping()
	if deregister != nil {
		deregister()
	}
	if leaveGroup != nil {
		leaveGroup()
	}
	w.background.Wait()
	told := w.announce()
	StopThrough(w.config.plugins, PluginStopWorkerOptions{WorkerInstanceKey: w.instanceKey}, func() {
		w.endPolls(drain && told)
		w.endTasksGracefully(deadline)
	})
	w.startedPage().close()
	w.logger.Info("Stopped Worker")
}

// announce tells the server that the worker goes away: the tasks of its sticky
// queue are then offered to others at once. It says whether the server heard.
func (w *Worker) announce() bool {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	request := w.shutdownRequest(w.config.taskQueue)
	if beats := w.startedBeats(); beats != nil {
		request.WorkerHeartbeat = beats.make(enumspb.WORKER_STATUS_SHUTTING_DOWN)
	}
	if w.workflows != nil {
		request.StickyTaskQueue = w.workflows.stickyQueue()
		request.TaskQueueTypes = append(request.TaskQueueTypes, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	}
	if w.activities != nil {
		request.TaskQueueTypes = append(request.TaskQueueTypes, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
	}
	if w.startedNexus() != nil {
		request.TaskQueueTypes = append(request.TaskQueueTypes, enumspb.TASK_QUEUE_TYPE_NEXUS)
	}
	told := w.tell(ctx, request)
	if w.sessions != nil && told {
		for _, queue := range w.sessions.queues() {
			request := w.shutdownRequest(queue)
			request.TaskQueueTypes = append(request.TaskQueueTypes, enumspb.TASK_QUEUE_TYPE_ACTIVITY)
			told = w.tell(ctx, request) && told
		}
	}
	return told
}

func (w *Worker) startedBeats() *heartbeats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.beats
}

func (w *Worker) shutdownRequest(taskQueue string) *workflowservice.ShutdownWorkerRequest {
	return &workflowservice.ShutdownWorkerRequest{
		Namespace:         w.config.backend.Namespace,
		Identity:          w.config.Identity,
		Reason:            "graceful shutdown",
		WorkerInstanceKey: w.instanceKey,
		TaskQueue:         taskQueue,
	}
}

// tell sends a shutdown request, and says whether the server heard.
func (w *Worker) tell(ctx context.Context, request *workflowservice.ShutdownWorkerRequest) bool {
	_, err := w.config.backend.Service.ShutdownWorker(ctx, request)
	if _, unimplemented := errors.AsType[*serviceerror.Unimplemented](err); err != nil && !unimplemented {
		w.logger.Warn("ShutdownWorker rpc errored during worker shutdown.", logtag.Error, err)
	}
	return err == nil
}

// endPolls ends the open polls. With drain the server ends them, and is only
// hurried if it does not.
func (w *Worker) endPolls(drain bool) {
	if drain {
		hurry := time.AfterFunc(shutdownTimeout, w.endPolling)
		defer hurry.Stop()
	} else {
		w.endPolling()
	}
	if w.workflows != nil {
		for _, p := range w.workflows.pollers {
			p.loops.Wait()
		}
	}
	if w.activities != nil {
		w.activities.poller.loops.Wait()
	}
	if nexus := w.startedNexus(); nexus != nil {
		nexus.poller.loops.Wait()
	}
	if w.sessions != nil {
		w.sessions.creations.poller.loops.Wait()
		w.sessions.activities.poller.loops.Wait()
	}
	w.endPolling()
}

func (w *Worker) startedPage() *statusPage {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.page
}

func (w *Worker) startedNexus() *nexusWorker {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.nexus
}

// endTasksGracefully waits for running tasks: until the deadline, which is the stop
// timeout after the stop began, while they may work on, and for a moment after their
// contexts were ended.
func (w *Worker) endTasksGracefully(deadline time.Time) {
	done := make(chan struct{})
	closing, abandon := context.WithCancel(context.Background())
	defer abandon()
	go func() {
		defer close(done)
		if w.workflows != nil {
			// Workflow tasks first: they start local and eager activities.
			w.workflows.tasks.end()
			w.workflows.dropRuns()
			if err := w.workflows.stop(closing); err != nil {
				return
			}
		}
		if w.activities != nil {
			w.activities.tasks.end()
		}
		if nexus := w.startedNexus(); nexus != nil {
			nexus.tasks.end()
		}
		if w.sessions != nil {
			w.sessions.end()
		}
	}()
	finished := wait(done, time.Until(deadline))
	w.endTasks(activities.ErrWorkerShutdown)
	if !finished && !wait(done, stopGracePeriod) {
		w.logger.Warn("Worker graceful stop timed out: activities that ignore their context are left behind.",
			"Stop timeout", w.config.WorkerStopTimeout)
	}
}

// wait reports whether done was closed within timeout.
func wait(done <-chan struct{}, timeout time.Duration) bool {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		select {
		case <-done:
			return true
		default:
			return false
		}
	}
}
