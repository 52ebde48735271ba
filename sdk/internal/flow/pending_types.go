package flow

import (
	"context"
	"time"

	commonpb "go.temporal.io/api/common/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/policy"
	"github.com/perdure/perdure/sdk/log"
)

type (
	DataConverter     = converter.DataConverter
	FailureConverter  = converter.FailureConverter
	Logger            = log.Logger
	ContextPropagator interface {
		Extract(context.Context, HeaderReader) (context.Context, error)
	}
	HeaderReader interface {
		Get(string) (*commonpb.Payload, bool)
		ForEachKey(handler func(string, *commonpb.Payload) error) error
	}
	ContextAware interface {
		WithContext(context.Context) converter.DataConverter
	}
	WorkflowInfo struct {
		WorkflowExecution execution.Workflow
		WorkflowType      execution.WorkflowType
		Namespace         string
		TaskQueueName     string
	}
	LocalActivityOptions struct {
		ScheduleToCloseTimeout, StartToCloseTimeout time.Duration
		RetryPolicy                                 *policy.Retry
	}
)

// Instance is one workflow run being executed or kept in the sticky cache.
type Instance struct{}
