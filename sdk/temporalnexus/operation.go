package temporalnexus

import (
	"context"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/internal/metrics"
	"github.com/perdure/perdure/sdk/internal/nexusop"
	"github.com/perdure/perdure/sdk/log"
)

// OperationInfo is about the Nexus operation that is being handled.
type OperationInfo = nexusop.Info

// IsNexusOperation says whether ctx belongs to the handling of a Nexus operation.
func IsNexusOperation(ctx context.Context) bool {
	_, ok := nexusop.OperationOf(ctx)
	return ok
}

// GetOperationInfo is about the operation that is being handled. Like the functions below it
// panics if ctx does not belong to one.
func GetOperationInfo(ctx context.Context) OperationInfo {
	return nexusop.Outbound(ctx).GetOperationInfo(ctx)
}

// GetMetricsHandler returns a handler for metrics that names the operation.
func GetMetricsHandler(ctx context.Context) metrics.Handler {
	return nexusop.Outbound(ctx).GetMetricsHandler(ctx)
}

// GetLogger returns a logger that names the operation.
func GetLogger(ctx context.Context) log.Logger { return nexusop.Outbound(ctx).GetLogger(ctx) }

// GetClient returns the client that the worker was made with. What the operation does with it
// is linked with the operation's caller: each history names the other. In a test environment it
// starts and cancels workflows, and has nothing else.
func GetClient(ctx context.Context) client.Client { return nexusop.Outbound(ctx).GetClient(ctx) }
