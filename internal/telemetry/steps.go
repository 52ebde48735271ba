package telemetry

import (
	"sync/atomic"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/perdure/perdure/internal/entity"
)

// Steps counts what steps tell of; it implements runtime.Observer.
type Steps struct{ t *Telemetry }

// Steps returns what counts what steps tell of.
func (t *Telemetry) Steps() *Steps { return &Steps{t} }

// TimerDue implements runtime.Observer.
func (s *Steps) TimerDue(late time.Duration) { s.t.timerLate.Observe(max(0, late.Seconds())) }

// Occurred implements runtime.Observer.
func (s *Steps) Occurred(key entity.Key, occurrences []entity.Occurrence) {
	n := s.t.ofEntity(key)
	counted := n.steps.Load()
	if counted == nil {
		counted = once(n, &n.steps, n.newSteps)
	}
	for i := range occurrences {
		n.count(counted, &occurrences[i])
	}
}

// GrownLarge counts a workflow that is larger than the setting wants.
func (t *Telemetry) GrownLarge(namespaceID, setting string) {
	n := t.ofEntity(entity.Key{Namespace: namespaceID})
	n.vectors.counter(&grownLarge, n.name, setting).Inc()
}

func (n *namespace) count(s *steps, o *entity.Occurrence) {
	switch o.Kind {
	case entity.WorkflowStarted:
		n.workflows.get(o.Type).started.Inc()
	case entity.WorkflowClosed:
		n.workflows.get(o.Type).close(o)
		s.historyEvents.Observe(float64(o.Count))
		s.historyBytes.Observe(float64(o.Bytes))
	case entity.WorkflowTaskStarted:
		s.attempts.Observe(float64(o.Attempt))
		s.workflowWait.Observe(seconds(o.Took))
	case entity.WorkflowTaskCompleted:
		s.duration.Observe(seconds(o.Took))
	case entity.WorkflowTaskFailed:
		n.enumerated(s.failures[:], &workflowTaskFailed, o.Detail, failureName).Inc()
	case entity.WorkflowTaskTimedOut:
		s.timeouts[within(o.Detail, mostTimeouts)].Inc()
	case entity.WorkflowCommand:
		n.enumerated(s.commands[:], &command, o.Detail, commandName).Add(float64(o.Count))
	case entity.ActivityStarted:
		s.activityWait.Observe(seconds(o.Took))
	case entity.FlowAdmitted:
		n.flows.get(o.Type).wait.Observe(seconds(o.Took))
	case entity.FlowQueued:
		n.flows.get(o.Type).queued.Inc()
	case entity.FlowWithdrawn:
		n.flows.get(o.Type).left.Inc()
	case entity.NexusOperationClosed:
		n.nexus.get(o.Type).close(o)
	case entity.DeploymentCreated:
		n.vectors.counter(&deploymentCreated, n.name).Inc()
	case entity.DeploymentVersionCreated:
		n.vectors.counter(&versionCreated, n.name).Inc()
	case entity.ScheduleActed:
		n.vectors.counter(&scheduleActed, n.name).Add(float64(o.Count))
	case entity.ScheduleMissed:
		n.vectors.counter(&scheduleMissed, n.name).Add(float64(o.Count))
	case entity.ScheduleSkipped:
		n.vectors.counter(&scheduleSkipped, n.name).Add(float64(o.Count))
	case entity.ScheduleDropped:
		n.vectors.counter(&scheduleDropped, n.name).Add(float64(o.Count))
	case entity.VersionTransitionStarted:
		n.vectors.counter(&transitionStarted, n.name).Inc()
	case entity.GrownLarge: // counted by GrownLarge
	default:
		n.activities.get(o.Type).end(o)
	}
}

// seconds are those of a duration; what a clock that was set back has made negative is 0.
func seconds(d time.Duration) float64 { return max(0, d.Seconds()) }

// within is the value of an enumeration, or 0 if it is beyond the bound.
func within(value int32, most int) int {
	if value < 0 || int(value) >= most {
		return 0
	}
	return int(value)
}

// enumerated is the counter of a value of an enumeration.
func (n *namespace) enumerated(counters []atomic.Pointer[prometheus.Counter], m *metric, value int32, name func(int) string) prometheus.Counter {
	i := within(value, len(counters))
	if found := counters[i].Load(); found != nil {
		return *found
	}
	return *once(n, &counters[i], func() *prometheus.Counter {
		made := n.vectors.counter(m, n.name, name(i))
		return &made
	})
}

func timeoutName(i int) string { return enumspb.TimeoutType(i).String() }
func failureName(i int) string { return enumspb.WorkflowTaskFailedCause(i).String() }
func commandName(i int) string { return enumspb.CommandType(i).String() }

// workflows is what is counted of a type of workflows in a namespace.
type workflows struct {
	started prometheus.Counter
	// ends are by the status; those that are no end are counted as failed.
	ends    [mostStatuses]prometheus.Counter
	latency prometheus.Observer
}

func newWorkflows(v *vectors, namespace, label string) *workflows {
	w := &workflows{
		started: v.counter(&workflowStarted, namespace, label),
		latency: v.histogram(&workflowLatency, namespace, label),
	}
	ends := map[enumspb.WorkflowExecutionStatus]*metric{
		enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED:        &workflowSuccess,
		enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:           &workflowFailed,
		enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:        &workflowTimeout,
		enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED:         &workflowCancel,
		enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED:       &workflowTerminate,
		enumspb.WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW: &workflowContinued,
	}
	for i := range w.ends {
		m := ends[enumspb.WorkflowExecutionStatus(i)]
		if m == nil {
			m = &workflowFailed
		}
		w.ends[i] = v.counter(m, namespace, label)
	}
	return w
}

func (w *workflows) close(o *entity.Occurrence) {
	w.ends[within(o.Detail, mostStatuses)].Inc()
	w.latency.Observe(seconds(o.Took))
}

// flows is what is counted of a policy of flow control.
type flows struct {
	label        string
	wait         prometheus.Observer
	queued, left prometheus.Counter
}

func newFlows(v *vectors, namespace, label string) *flows {
	return &flows{
		label: label,
		wait:  v.histogram(&flowWait, namespace, label), queued: v.counter(&flowQueued, namespace, label), left: v.counter(&flowLeft, namespace, label),
	}
}

// activities is what is counted of a type of activities in a namespace.
type activities struct {
	success, fail, taskFail, cancel, terminate prometheus.Counter
	timeouts, taskTimeouts                     [mostTimeouts]prometheus.Counter
	attempt, latency                           prometheus.Observer
}

func newActivities(v *vectors, namespace, label string) *activities {
	a := &activities{
		success:   v.counter(&activitySuccess, namespace, label),
		fail:      v.counter(&activityFail, namespace, label),
		taskFail:  v.counter(&activityTaskFail, namespace, label),
		cancel:    v.counter(&activityCancel, namespace, label),
		terminate: v.counter(&activityTerminate, namespace, label),
		attempt:   v.histogram(&activityAttempt, namespace, label),
		latency:   v.histogram(&activityLatency, namespace, label),
	}
	for i := range a.timeouts {
		a.timeouts[i] = v.counter(&activityTimeout, namespace, label, timeoutName(i))
		a.taskTimeouts[i] = v.counter(&activityTaskLate, namespace, label, timeoutName(i))
	}
	return a
}

func (a *activities) end(o *entity.Occurrence) {
	timeout := within(o.Detail, mostTimeouts)
	switch o.Kind {
	case entity.ActivityCompleted:
		a.success.Inc()
	case entity.ActivityFailed:
		a.taskFail.Inc()
		if o.Final {
			a.fail.Inc()
		}
	case entity.ActivityTimedOut:
		a.taskTimeouts[timeout].Inc()
		if o.Final {
			a.timeouts[timeout].Inc()
		}
	case entity.ActivityCanceled:
		a.cancel.Inc()
	case entity.ActivityTerminated:
		a.terminate.Inc()
	default:
		return // of a kind that is not counted
	}
	if o.Took > 0 && o.Kind != entity.ActivityTimedOut {
		a.attempt.Observe(o.Took.Seconds())
	}
	if o.Final && o.Total > 0 {
		a.latency.Observe(o.Total.Seconds())
	}
}
