package worker

import (
	"context"
	"fmt"
	"os"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/interceptor"
	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/worker"
	"github.com/perdure/perdure/sdk/log"
	"github.com/perdure/perdure/sdk/workflow"
)

type (
	// WorkflowReplayer replays histories with workflow code, without a server, to find
	// out whether a change of the code is compatible with workflows that run or have
	// run: whether the code, given what has happened, still does what it did.
	//
	//	replayer := worker.NewWorkflowReplayer()
	//	replayer.RegisterWorkflow(Order)
	//	err := replayer.ReplayWorkflowHistoryFromJSONFile(nil, "testdata/order.json")
	//
	// The methods fail where the code differs from the history. A nil logger logs
	// nothing.
	WorkflowReplayer interface {
		WorkflowRegistry

		// ReplayWorkflowHistory replays a history. It may be cut off anywhere.
		ReplayWorkflowHistory(logger log.Logger, history *historypb.History) error

		// ReplayWorkflowHistoryWithOptions replays a history.
		ReplayWorkflowHistoryWithOptions(logger log.Logger, history *historypb.History, options ReplayWorkflowHistoryOptions) error

		// ReplayWorkflowHistoryFromJSONFile replays a history in a file as command line
		// tools and user interfaces export it.
		ReplayWorkflowHistoryFromJSONFile(logger log.Logger, jsonfileName string) error

		// ReplayPartialWorkflowHistoryFromJSONFile replays a history in a file up to
		// and including the event with an id; all of it if that is 0.
		ReplayPartialWorkflowHistoryFromJSONFile(logger log.Logger, jsonfileName string, lastEventID int64) error

		// ReplayWorkflowExecution replays the history of a workflow on a server.
		ReplayWorkflowExecution(ctx context.Context, service workflowservice.WorkflowServiceClient, logger log.Logger, namespace string, execution workflow.Execution) error
	}

	// WorkflowReplayerOptions of a replayer. The zero value works.
	WorkflowReplayerOptions struct {
		// DataConverter that the workflows were run with. Default
		// converter.GetDefaultDataConverter().
		DataConverter converter.DataConverter

		// FailureConverter that the workflows were run with. Default
		// temporal.GetDefaultFailureConverter().
		FailureConverter converter.FailureConverter

		// ContextPropagators that the workflows were run with.
		ContextPropagators []workflow.ContextPropagator

		// DisableRegistrationAliasing as in Options.
		DisableRegistrationAliasing bool

		// Interceptors that the workflows were run with, of which the half for
		// workflows is used. The first is outermost.
		Interceptors []interceptor.WorkerInterceptor

		// EnableLoggingInReplay lets workflow.GetLogger write.
		EnableLoggingInReplay bool

		// DisableDeadlockDetection lets workflow code run without yielding for as long
		// as it likes, for debuggers.
		DisableDeadlockDetection bool
	}

	// ReplayWorkflowHistoryOptions of a replay.
	ReplayWorkflowHistoryOptions struct {
		// OriginalExecution is what workflow.GetInfo says that it runs as. By default
		// the run id is the one in the history, and the workflow id "ReplayId".
		OriginalExecution workflow.Execution
	}
)

// NewWorkflowReplayer returns a replayer.
func NewWorkflowReplayer() WorkflowReplayer {
	r, err := NewWorkflowReplayerWithOptions(WorkflowReplayerOptions{})
	must(err)
	return r
}

// NewWorkflowReplayerWithOptions returns a replayer.
func NewWorkflowReplayerWithOptions(options WorkflowReplayerOptions) (WorkflowReplayer, error) {
	return &replayer{
		registrar: registrar{registry: flow.NewRegistry(options.DisableRegistrationAliasing)},
		options:   options,
	}, nil
}

type replayer struct {
	registrar
	options WorkflowReplayerOptions
}

func (r *replayer) ReplayWorkflowHistory(logger log.Logger, history *historypb.History) error {
	return r.ReplayWorkflowHistoryWithOptions(logger, history, ReplayWorkflowHistoryOptions{})
}

func (r *replayer) ReplayWorkflowHistoryWithOptions(logger log.Logger, history *historypb.History, options ReplayWorkflowHistoryOptions) error {
	return r.replay(context.Background(), logger, "", history, options.OriginalExecution)
}

func (r *replayer) ReplayWorkflowHistoryFromJSONFile(logger log.Logger, jsonfileName string) error {
	return r.ReplayPartialWorkflowHistoryFromJSONFile(logger, jsonfileName, 0)
}

func (r *replayer) ReplayPartialWorkflowHistoryFromJSONFile(logger log.Logger, jsonfileName string, lastEventID int64) error {
	file, err := os.Open(jsonfileName)
	if err != nil {
		return fmt.Errorf("opening a history to replay: %w", err)
	}
	defer file.Close()
	history, err := client.HistoryFromJSON(file, client.HistoryJSONOptions{LastEventID: lastEventID})
	if err != nil {
		return fmt.Errorf("reading the history in %s: %w", jsonfileName, err)
	}
	return r.ReplayWorkflowHistory(logger, history)
}

func (r *replayer) ReplayWorkflowExecution(ctx context.Context, service workflowservice.WorkflowServiceClient, logger log.Logger, namespace string, execution workflow.Execution) error {
	request := &workflowservice.GetWorkflowExecutionHistoryRequest{
		Namespace: namespace,
		Execution: &commonpb.WorkflowExecution{WorkflowId: execution.ID, RunId: execution.RunID},
	}
	history := &historypb.History{}
	for {
		response, err := service.GetWorkflowExecutionHistory(ctx, request)
		if err != nil {
			return fmt.Errorf("fetching the history of workflow %q run %q: %w", execution.ID, execution.RunID, err)
		}
		history.Events = append(history.Events, response.GetHistory().GetEvents()...)
		if request.NextPageToken = response.GetNextPageToken(); len(request.NextPageToken) == 0 {
			return r.replay(ctx, logger, namespace, history, execution)
		}
	}
}

func (r *replayer) replay(ctx context.Context, l log.Logger, namespace string, history *historypb.History, execution workflow.Execution) error {
	if l == nil {
		l = logger.Discard{}
	}
	deadlock := time.Duration(0)
	if r.options.DisableDeadlockDetection {
		deadlock = flow.NoDeadlockTimeout
	}
	return flow.ReplayHistory(ctx, history, flow.ReplayOptions{
		Options: flow.Options{
			Namespace:             namespace,
			Registry:              r.registry,
			DataConverter:         r.options.DataConverter,
			FailureConverter:      r.options.FailureConverter,
			ContextPropagators:    r.options.ContextPropagators,
			Interceptors:          worker.WorkflowInterceptors(r.options.Interceptors),
			Logger:                l,
			EnableLoggingInReplay: r.options.EnableLoggingInReplay,
			DeadlockTimeout:       deadlock,
		},
		WorkflowID: execution.ID,
		RunID:      execution.RunID,
	})
}
