package frontend

import (
	"context"

	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/dynamicconfig"
)

// What is switched off by a setting says so.
var (
	errQueriesOff         = serviceerror.NewInvalidArgument("Namespace is not allowed to query: the setting system.disallowQuery is on.")
	errUpdatesOff         = serviceerror.NewPermissionDenied("UpdateWorkflowExecution operation is disabled on this namespace.", "")
	errUpdatesAcceptedOff = serviceerror.NewPermissionDenied("UpdateWorkflowExecution issued asynchronously and waiting on update accepted is disabled on this namespace.", "")
)

// What is switched off of activities without a workflow says so as well.
var (
	errStandaloneActivitiesOff = serviceerror.NewUnimplemented("Standalone activity is disabled")
	errActivityOperatorsOff    = serviceerror.NewUnimplemented("Standalone activity operator commands are disabled")
	errActivityStartDelayOff   = serviceerror.NewInvalidArgument("start_delay is not enabled for this namespace")
	errActivityCallbacks       = serviceerror.NewInvalidArgument("completion callbacks are not enabled for this namespace")
	errActivityWorkflowID      = serviceerror.NewInvalidArgument("WorkflowId is not set on request.")
)

// settings are those that can change while the server runs.
type settings struct {
	config *dynamicconfig.Config
	limits *dynamicconfig.Derived[check.Limits]
}

func newSettings(config *dynamicconfig.Config) *settings {
	return &settings{config: config, limits: dynamicconfig.Derive(config, dynamicconfig.FieldLimits)}
}

// limitsOf are the limits of the fields of a request, which are those of its
// namespace.
func limitsOf(ctx context.Context) *check.Limits { return callOf(ctx).limits() }

func (c *call) limits() *check.Limits { return c.settings.limits.Get(c.namespaceName) }

// settingOf is the value of a setting for the namespace of the request.
func settingOf[T any](ctx context.Context, setting *dynamicconfig.Namespace[T]) T {
	c := callOf(ctx)
	return setting.Get(c.settings.config, c.namespaceName())
}

// namespaceName is the name of the namespace of the request; empty if it has none.
func (c *call) namespaceName() string {
	if c.namespace == nil {
		return ""
	}
	return c.namespace.Name
}
