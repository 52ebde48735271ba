// Package telemetry is what operators see of a running server: metrics for Prometheus and traces
// for OpenTelemetry.
//
// The rest of the server does not know it. Each package that has something to tell declares an
// Observer, or has Stats; a Telemetry implements the observers (Calls, Steps, Polls, Commits) and
// asks for the stats when it is scraped (Watch). A server without telemetry has no observers, which
// costs a comparison with nil.
//
// # Metrics
//
// All metrics are in one table (metrics.go), which is also what docs/metrics.md is made of. Where a
// Temporal server has a metric for the same thing, ours has its name and its labels, so that
// dashboards and alerts made for one can be used; the rest begins with perdure_.
//
// What clients choose (names of namespaces, types of workflows, task queues) becomes a label up to
// a bounded number; the rest is counted together, under "_other_". Ids are never labels.
//
// # Cost
//
// What is counted on the way of a call or a step is found by one or two lookups in maps that are
// replaced rather than changed, and counted by atomic additions: no locks, no allocations. What has
// never been counted before is made under a lock, once.
//
// # Traces
//
// A span for each call, a child of the caller's; below it a span for each step of an entity, with
// the moments at which it had the lock and was applied; it ends when the step is on disk. There is no
// cost if tracing is off, and little for calls that are not sampled.
package telemetry
