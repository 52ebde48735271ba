package worker

import (
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/metrics"
)

// workflowMetrics is what the workflow half of a worker measures.
type workflowMetrics struct {
	pollEmpty metrics.Counter
	// byType are the metrics of each type of workflow.
	byType *metrics.Cache[string, *workflowTypeMetrics]
}

// workflowTypeMetrics are the metrics of a type of workflow.
type workflowTypeMetrics struct {
	pollSucceed     metrics.Counter
	scheduleToStart metrics.Timer
	execution       metrics.Timer
	replay          metrics.Timer
	noCompletion    metrics.Counter

	cacheHit, cacheMiss metrics.Counter
	cacheSize           metrics.Gauge

	// failed counts failed tasks by reason.
	failed *metrics.Cache[string, metrics.Counter]
	// closed counts closed executions by the name of the counter.
	closed   *metrics.Cache[string, metrics.Counter]
	endToEnd metrics.Timer
}

func newWorkflowMetrics(m metrics.Handler) *workflowMetrics {
	m = metrics.Fresh(m)
	return &workflowMetrics{
		pollEmpty: m.Counter(metrics.WorkflowTaskQueuePollEmpty),
		byType: metrics.NewCache(func(workflowType string) *workflowTypeMetrics {
			return newWorkflowTypeMetrics(m.WithTags(metrics.WorkflowTags(workflowType)))
		}),
	}
}

func newWorkflowTypeMetrics(m metrics.Handler) *workflowTypeMetrics {
	return &workflowTypeMetrics{
		pollSucceed:     m.Counter(metrics.WorkflowTaskQueuePollSucceed),
		scheduleToStart: m.Timer(metrics.WorkflowTaskScheduleToStartLatency),
		execution:       m.Timer(metrics.WorkflowTaskExecutionLatency),
		replay:          m.Timer(metrics.WorkflowTaskReplayLatency),
		noCompletion:    m.Counter(metrics.WorkflowTaskNoCompletion),
		cacheHit:        m.Counter(metrics.StickyCacheHit),
		cacheMiss:       m.Counter(metrics.StickyCacheMiss),
		cacheSize:       m.Gauge(metrics.StickyCacheSize),
		failed: metrics.NewCache(func(reason string) metrics.Counter {
			return m.WithTags(metrics.FailureTags(reason)).Counter(metrics.WorkflowTaskExecutionFailed)
		}),
		closed:   metrics.NewCache(m.Counter),
		endToEnd: m.Timer(metrics.WorkflowEndToEndLatency),
	}
}

// polled takes in a task that arrived.
func (m *workflowMetrics) polled(task *workflowTask) {
	t := m.byType.Get(task.GetWorkflowType().GetName())
	t.pollSucceed.Inc(1)
	t.scheduleToStart.Record(task.GetStartedTime().AsTime().Sub(task.GetScheduledTime().AsTime()))
}

// ended takes in an execution that was closed. counter is the name of the counter for
// how, started when it began.
func (m *workflowTypeMetrics) ended(counter string, started time.Time) {
	if counter != "" {
		m.closed.Get(counter).Inc(1)
	}
	m.endToEnd.Record(time.Since(started))
}

// failureReason is the reason, as a tag, that goes with the cause of a failed task.
func failureReason(cause enumspb.WorkflowTaskFailedCause) string {
	switch cause {
	case enumspb.WORKFLOW_TASK_FAILED_CAUSE_NON_DETERMINISTIC_ERROR:
		return metrics.FailureNonDeterminism
	case enumspb.WORKFLOW_TASK_FAILED_CAUSE_PAYLOADS_TOO_LARGE:
		return metrics.FailurePayloadsTooLarge
	}
	return metrics.FailureWorkflowError
}

// closeCounter is the counter for how a completion closes the execution, "" for none:
// failures marked as benign are not counted.
func closeCounter(completion *workflowservice.RespondWorkflowTaskCompletedRequest) string {
	commands := completion.GetCommands()
	if len(commands) == 0 {
		return ""
	}
	last := commands[len(commands)-1]
	switch last.GetCommandType() {
	case enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION:
		return metrics.WorkflowCompleted
	case enumspb.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION:
		return metrics.WorkflowCanceled
	case enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION:
		return metrics.WorkflowContinueAsNew
	case enumspb.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION:
		failed := last.GetFailWorkflowExecutionCommandAttributes().GetFailure()
		if failed.GetApplicationFailureInfo().GetCategory() != enumspb.APPLICATION_ERROR_CATEGORY_BENIGN {
			return metrics.WorkflowFailed
		}
	}
	return ""
}

// activityKey is what the metrics of an activity are told apart by.
type activityKey struct{ workflowType, activityType string }

// activityMetrics is what the activity half of a worker measures of polls; package
// activities measures the rest.
type activityMetrics struct {
	noTask          metrics.Counter
	scheduleToStart *metrics.Cache[activityKey, metrics.Timer]
}

func newActivityMetrics(m metrics.Handler, taskQueue string) *activityMetrics {
	m = metrics.Fresh(m)
	return &activityMetrics{
		noTask: m.Counter(metrics.ActivityPollNoTask),
		scheduleToStart: metrics.NewCache(func(k activityKey) metrics.Timer {
			return m.WithTags(metrics.ActivityTags(k.workflowType, k.activityType, taskQueue)).Timer(metrics.ActivityScheduleToStartLatency)
		}),
	}
}

// polled takes in a task that arrived.
func (m *activityMetrics) polled(task *activityTask) {
	m.scheduleToStart.Get(activityKey{task.GetWorkflowType().GetName(), task.GetActivityType().GetName()}).
		Record(task.GetStartedTime().AsTime().Sub(task.GetCurrentAttemptScheduledTime().AsTime()))
}
