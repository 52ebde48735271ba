package flow

import "github.com/perdure/perdure/sdk/internal/metrics"

// GetMetricsHandler is a handler for metrics that names the workflow's type, and is
// silent in replay.
func GetMetricsHandler(ctx Context) metrics.Handler { return calls(ctx).GetMetricsHandler(ctx) }

func (o outbound) GetMetricsHandler(Context) metrics.Handler { return o.run.metricsHandler() }

// metricsHandler is made when it is first asked for, which most workflows do not.
func (r *run) metricsHandler() metrics.Handler {
	if r.metrics == nil {
		tagged := metrics.OrNop(r.options.Metrics).WithTags(metrics.WorkflowTags(r.info.WorkflowType.Name))
		r.metrics = metrics.NewReplayAware(func() bool { return r.machine.Replaying() }, tagged)
	}
	return r.metrics
}
