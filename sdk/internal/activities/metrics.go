package activities

import (
	"errors"

	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/payloadlimits"
)

// key is what metrics of activities are told apart by.
type key struct{ workflowType, activityType string }

// typeMetrics are the metrics of a type of activity.
type typeMetrics struct {
	unregistered metrics.Counter
	taskError    metrics.Counter
	execution    metrics.Timer
	endToEnd     metrics.Timer // of successes
	// failed counts failures by reason.
	failed *metrics.Cache[string, metrics.Counter]
}

func newTypeMetrics(m metrics.Handler, taskQueue string) *metrics.Cache[key, *typeMetrics] {
	m = metrics.Fresh(m)
	return metrics.NewCache(func(k key) *typeMetrics {
		m := m.WithTags(metrics.ActivityTags(k.workflowType, k.activityType, taskQueue))
		return &typeMetrics{
			unregistered: m.Counter(metrics.UnregisteredActivityInvocation),
			taskError:    m.Counter(metrics.ActivityTaskError),
			execution:    m.Timer(metrics.ActivityExecutionLatency),
			endToEnd:     m.Timer(metrics.ActivitySucceedEndToEndLatency),
			failed: metrics.NewCache(func(reason string) metrics.Counter {
				return m.WithTags(metrics.FailureTags(reason)).Counter(metrics.ActivityExecutionFailed)
			}),
		}
	})
}

// failureReason is the reason, as a tag, for which an attempt failed.
func failureReason(err error) string {
	if _, ok := errors.AsType[*payloadlimits.Error](err); ok {
		return metrics.FailurePayloadsTooLarge
	}
	return metrics.FailureActivityError
}

// localMetrics are the metrics of a type of local activity.
type localMetrics struct {
	total                    metrics.Counter
	canceled, cancelledNewer metrics.Counter
	failed, failedNewer      metrics.Counter
	panicked                 metrics.Counter
	execution                metrics.Timer
	endToEnd                 metrics.Timer // of successes
}

func newLocalMetrics(m metrics.Handler) *metrics.Cache[key, *localMetrics] {
	m = metrics.Fresh(m)
	return metrics.NewCache(func(k key) *localMetrics {
		m := m.WithTags(metrics.ActivityTags(k.workflowType, k.activityType, ""))
		return &localMetrics{
			total:          m.Counter(metrics.LocalActivityTotal),
			canceled:       m.Counter(metrics.LocalActivityCanceled),
			cancelledNewer: m.Counter(metrics.LocalActivityExecutionCancelled),
			failed:         m.Counter(metrics.LocalActivityFailed),
			failedNewer:    m.WithTags(metrics.FailureTags(metrics.FailureActivityError)).Counter(metrics.LocalActivityExecutionFailed),
			panicked:       m.Counter(metrics.LocalActivityError),
			execution:      m.Timer(metrics.LocalActivityExecutionLatency),
			endToEnd:       m.Timer(metrics.LocalActivitySucceedEndToEndLatency),
		}
	})
}

// cancel counts an attempt whose context was cancelled.
func (m *localMetrics) cancel() {
	m.canceled.Inc(1)
	m.cancelledNewer.Inc(1)
}

// fail counts an attempt that failed with err, unless that is marked as benign.
func (m *localMetrics) fail(err error) {
	if panicked, ok := err.(*failure.PanicError); ok && panicked != nil {
		m.panicked.Inc(1)
	}
	if failure.IsBenign(err) {
		return
	}
	m.failed.Inc(1)
	m.failedNewer.Inc(1)
}
