package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/nexusop"
	"github.com/perdure/perdure/sdk/log"
)

// nexusWorker is the part of a Worker that handles Nexus tasks. There is one only if Nexus
// services are registered when the worker starts.
type nexusWorker struct {
	*tasks[nexusTask]
	poller  *poller[nexusTask]
	polls   *pollGauge
	handler *nexusop.Handler
	service workflowservice.WorkflowServiceClient
	metrics metrics.Handler
	recent  *recent
}

type nexusTask = workflowservice.PollNexusTaskQueueResponse

// newNexusWorker returns nil if there are no services.
func newNexusWorker(w *Worker) (*nexusWorker, error) {
	c := &w.config
	if len(c.registry.SealNexusServices()) == 0 {
		return nil, nil
	}
	logger := log.With(w.logger, logtag.WorkerType, metrics.WorkerNexus)
	handler, err := nexusop.NewHandler(nexusop.Options{
		Namespace:        c.backend.Namespace,
		TaskQueue:        c.taskQueue,
		Identity:         c.Identity,
		Registry:         c.registry,
		DataConverter:    c.backend.DataConverter,
		FailureConverter: c.backend.FailureConverter,
		Logger:           logger,
		Metrics:          w.metrics,
		Client:           c.client,
		Interceptors:     NexusInterceptors(c.Interceptors),
		Storage:          w.storage,
		Context:          w.taskContext,
	})
	if err != nil {
		return nil, err
	}
	tagged := w.metrics.WithTags(metrics.WorkerTags(metrics.WorkerNexus))
	n := &nexusWorker{handler: handler, recent: w.recent, service: c.backend.Service, metrics: w.metrics, polls: newPollGauge(w.metrics, metrics.PollerNexusTask)}
	supplier := c.Tuner.GetNexusSlotSupplier()
	if supplier == nil {
		return nil, errors.New("the Tuner has no slot supplier for Nexus tasks")
	}
	n.tasks = newTasks(newSlots(supplier, w, c.taskQueue, logger, tagged), logger, nil, n.run)
	request := &workflowservice.PollNexusTaskQueueRequest{
		Namespace:         c.backend.Namespace,
		TaskQueue:         &taskqueuepb.TaskQueue{Name: c.taskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		Identity:          c.Identity,
		WorkerInstanceKey: w.instanceKey,
	}
	w.version.stampNexusPoll(request)
	noTask := metrics.Fresh(w.metrics).Counter(metrics.NexusPollNoTask)
	n.poller = &poller[nexusTask]{
		tasks:    n.tasks,
		behavior: c.NexusTaskPollerBehavior,
		scalable: w.scalable,
		kind:     enumspb.TASK_QUEUE_KIND_NORMAL,
		fatal:    w.fail,
		started:  tagged.Counter(metrics.PollerStart),
		poll: func(ctx context.Context) (*nexusTask, *taskqueuepb.PollerScalingDecision, error) {
			n.polls.begin()
			task, err := c.backend.Service.PollNexusTaskQueue(ctx, request)
			found := err == nil && len(task.GetTaskToken()) > 0
			n.polls.end(found)
			if !found {
				if err == nil {
					noTask.Inc(1)
				}
				return nil, task.GetPollerScalingDecision(), err
			}
			return task, task.GetPollerScalingDecision(), nil
		},
	}
	tagged.Counter(metrics.WorkerStart).Inc(1)
	n.poller.start(w.stopping, w.polling)
	return n, nil
}

// run handles a task and answers it.
func (n *nexusWorker) run(task *nexusTask) {
	begun := time.Now()
	scheduled := task.GetRequest().GetScheduledTime().AsTime()
	n.metrics.Timer(metrics.NexusTaskScheduleToStartLatency).Record(begun.Sub(scheduled))
	measured := n.handler.MetricsOf(task)
	outcome, err := n.handler.Handle(task)
	measured.Timer(metrics.NexusTaskExecutionLatency).Record(time.Since(begun))
	reason := ""
	switch {
	case errors.Is(err, nexusop.ErrTimeout):
		reason = "timeout"
	case err != nil:
		reason = "internal_sdk_error"
	default:
		reason = outcome.FailureReason
	}
	if reason != "" {
		n.tasks.slots.failed.Add(1)
		n.recent.add(failureNote{What: "Nexus task", Type: n.handler.Name(task), Error: failureText(reason, outcome, err)})
		measured.WithTags(metrics.FailureTags(reason)).Counter(metrics.NexusTaskExecutionFailed).Inc(1)
	}
	if err == nil {
		err = n.respond(outcome)
	}
	if err != nil {
		n.logger.Error("Error processing nexus task", logtag.Error, err)
		return
	}
	measured.Timer(metrics.NexusTaskEndToEndLatency).Record(time.Since(scheduled))
}

// failureText says why a task failed: the error, or what is told to the caller.
func failureText(reason string, outcome *nexusop.Outcome, err error) string {
	if err != nil {
		return err.Error()
	}
	if message := outcome.Failed.GetFailure().GetMessage(); message != "" {
		return reason + ": " + message
	}
	return reason
}

func (n *nexusWorker) respond(outcome *nexusop.Outcome) (err error) {
	// The task may have to be answered after the worker was told to stop.
	ctx := context.Background()
	if outcome.Failed != nil {
		_, err = n.service.RespondNexusTaskFailed(ctx, outcome.Failed)
	} else {
		_, err = n.service.RespondNexusTaskCompleted(ctx, outcome.Completed)
	}
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		return fmt.Errorf("the caller does not wait for the answer any more: %w", err)
	}
	return err
}

// stampNexusPoll stamps a poll for Nexus tasks.
func (v *buildVersion) stampNexusPoll(r *workflowservice.PollNexusTaskQueueRequest) {
	//lint:ignore SA1019 servers still read the deprecated fields, and older ones only those
	r.WorkerVersionCapabilities, r.DeploymentOptions = v.capabilities, v.options
}
