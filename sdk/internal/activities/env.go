package activities

import (
	"context"
	"errors"
	"sync"
	"time"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/failure"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/log"
)

var (
	// ErrResultPending is returned by an activity that will be completed later,
	// through the client.
	ErrResultPending = failure.ErrActivityResultPending

	// ErrPaused is the cause with which an activity's context ends when the
	// activity was paused.
	ErrPaused = failure.ErrActivityPaused

	// ErrReset is the cause with which an activity's context ends when the
	// activity was reset.
	ErrReset = failure.ErrActivityReset

	// ErrWorkerShutdown is the cause with which an activity's context ends when
	// its worker stops.
	ErrWorkerShutdown = errors.New("worker is now shutdown")

	// ErrNoHeartbeatDetails is returned when details are asked for and the
	// earlier attempts left none.
	ErrNoHeartbeatDetails = encoded.ErrNoData
)

// Env is what the context of an activity carries.
type Env struct {
	Info Info
	// BaseLogger is what Logger adds the activity's tags to.
	BaseLogger log.Logger
	// BaseMetrics is what MetricsHandler adds the activity's tags to.
	BaseMetrics metrics.Handler
	// Converter encodes heartbeat details and the result.
	Converter converter.DataConverter
	// Details are the last heartbeat details of earlier attempts.
	Details *commonpb.Payloads
	// Stopping is closed when the worker begins to stop.
	Stopping <-chan struct{}
	// Client is the worker's.
	Client client.Client

	interceptors []ActivityInterceptor
	outbound     ActivityOutboundInterceptor // nil for the end of the chain alone
	function     *registry.Function          // to be called by the end of the inbound chain
	input        ExecuteActivityInput

	failures  converter.FailureConverter // of the response; nil for local activities
	heartbeat *heartbeat                 // nil for local activities

	loggerOnce  sync.Once
	logger      log.Logger
	metricsOnce sync.Once
	metrics     metrics.Handler
}

// Logger names the activity and its workflow with every message. It is made when it
// is first asked for, which most activities do not.
func (e *Env) Logger() log.Logger {
	e.loggerOnce.Do(func() {
		i := &e.Info
		tags := []any{logtag.ActivityID, i.ActivityID, logtag.ActivityType, i.ActivityType.Name, logtag.Attempt, i.Attempt}
		if i.IsWorkflowActivity() {
			tags = append(tags, logtag.WorkflowType, i.WorkflowType.Name,
				logtag.WorkflowID, i.WorkflowExecution.ID, logtag.RunID, i.WorkflowExecution.RunID)
		} else {
			tags = append(tags, logtag.ActivityRunID, i.ActivityRunID)
		}
		e.logger = log.With(e.BaseLogger, tags...)
	})
	return e.logger
}

// MetricsHandler has the activity's tags. It is made when it is first asked for.
func (e *Env) MetricsHandler() metrics.Handler {
	e.metricsOnce.Do(func() {
		i := &e.Info
		var workflowType, taskQueue string
		if i.WorkflowType != nil {
			workflowType = i.WorkflowType.Name
		}
		if !i.IsLocalActivity {
			taskQueue = i.TaskQueue
		}
		e.metrics = metrics.OrNop(e.BaseMetrics).WithTags(metrics.ActivityTags(workflowType, i.ActivityType.Name, taskQueue))
	})
	return e.metrics
}

type envKey struct{}

// WithEnv returns a context that carries env.
func WithEnv(ctx context.Context, env *Env) context.Context {
	return context.WithValue(ctx, envKey{}, env)
}

// FromContext returns the Env of an activity context, nil outside activities.
func FromContext(ctx context.Context) *Env {
	env, _ := ctx.Value(envKey{}).(*Env)
	return env
}

// converterFor is the data converter as it applies to ctx.
func (e *Env) converterFor(ctx context.Context) converter.DataConverter {
	return withContext(ctx, e.Converter)
}

// RecordHeartbeat reports that the activity is alive, with details for the
// next attempt. For a local activity it does nothing. It panics if the details
// cannot be encoded: that is a mistake in the program.
func (e *Env) RecordHeartbeat(ctx context.Context, details ...any) {
	if e.heartbeat == nil {
		return
	}
	var payloads *commonpb.Payloads
	if len(details) > 1 || len(details) == 1 && details[0] != nil {
		var err error
		if payloads, err = e.converterFor(ctx).ToPayloads(details...); err != nil {
			panic(err)
		}
	}
	e.heartbeat.record(payloads)
}

// HeartbeatNow reports that the activity is alive, whenever the last report was. It
// leaves the details as they are with the server.
func (e *Env) HeartbeatNow() {
	if e.heartbeat != nil {
		e.heartbeat.now()
	}
}

// HeartbeatDetails decodes the last details of earlier attempts.
func (e *Env) HeartbeatDetails(ctx context.Context, values ...any) error {
	if e.Details == nil {
		return ErrNoHeartbeatDetails
	}
	return e.converterFor(ctx).FromPayloads(e.Details, values...)
}

// deadline is the earlier of the ends of both timeouts; started is now for the
// worker: its clock and the server's may differ.
func deadline(scheduled, started time.Time, scheduleToClose, startToClose time.Duration) time.Time {
	end := started.Add(startToClose)
	if scheduleToClose > 0 {
		if close := scheduled.Add(scheduleToClose); close.Before(end) || startToClose <= 0 {
			end = close
		}
	}
	return end
}
