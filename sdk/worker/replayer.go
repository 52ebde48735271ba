package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/extstore"
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

		// ReplayWorkflowHistoryWithOptions is ReplayWorkflowHistory for code that looks at its
		// workflow id.
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
	WorkflowReplayerOptions = worker.WorkflowReplayerOptions

	// ReplayWorkflowHistoryOptions say as which execution a history is replayed.
	ReplayWorkflowHistoryOptions struct {
		// OriginalExecution is what workflow.GetInfo says that it runs as. By default both ids are those
		// in the history; where it has no workflow id, as with older servers, that is "ReplayId".
		OriginalExecution workflow.Execution
	}
)

// NewWorkflowReplayer returns a replayer with the default converters and without interceptors.
// Register the workflows with it, then replay. What a replayed workflow returned can be had by the
// method GetWorkflowResult(workflowID string, valuePtr any) error of what is returned, as in
// replayer.(interface{ GetWorkflowResult(string, any) error }).
func NewWorkflowReplayer() WorkflowReplayer {
	r, err := NewWorkflowReplayerWithOptions(WorkflowReplayerOptions{})
	must(err)
	return r
}

// NewWorkflowReplayerWithOptions returns a replayer. It fails if a plugin does, or if the
// options make no sense.
func NewWorkflowReplayerWithOptions(options WorkflowReplayerOptions) (WorkflowReplayer, error) {
	key, told := uuid.NewString(), &PluginConfigureWorkflowReplayerRegistryOptions{}
	for _, plugin := range options.Plugins {
		if err := plugin.ConfigureWorkflowReplayer(context.Background(), PluginConfigureWorkflowReplayerOptions{
			WorkflowReplayerInstanceKey: key, WorkflowReplayerOptions: &options, WorkflowReplayerRegistryOptions: told,
		}); err != nil {
			return nil, fmt.Errorf("plugin %s: %w", plugin.Name(), err)
		}
	}
	storage, err := extstore.New(options.ExternalStorage, logger.NewDefault())
	if err != nil {
		return nil, fmt.Errorf("invalid ExternalStorage options: %w", err)
	}
	return &replayer{
		storage: storage,
		registrar: registrar{
			Registry: flow.NewRegistry(options.DisableRegistrationAliasing),
			Plugins: &PluginConfigureWorkerRegistryOptions{
				OnRegisterWorkflow: told.OnRegisterWorkflow, OnRegisterDynamicWorkflow: told.OnRegisterDynamicWorkflow,
			},
		},
		options:     options,
		instanceKey: key,
	}, nil
}

type replayer struct {
	registrar
	options     WorkflowReplayerOptions
	storage     *extstore.Storage // nil if there is none
	instanceKey string

	mu      sync.Mutex
	results map[string]*commonpb.Payloads // of workflows that completed, by their ids
}

// replayID is the workflow id under which the results of histories are kept that are not said to be of another.
const replayID = "ReplayId"

// GetWorkflowResult decodes into valuePtr, a pointer, what a replayed workflow returned: in the last history that was
// replayed with this workflow id (see ReplayWorkflowHistoryOptions), "" for those without one. It fails if none of them ended with the
// completion of the workflow.
func (r *replayer) GetWorkflowResult(workflowID string, valuePtr any) error {
	r.mu.Lock()
	result, ok := r.results[cmp.Or(workflowID, replayID)]
	r.mu.Unlock()
	if !ok {
		return errors.New("workflow result not found")
	}
	dc := r.options.DataConverter
	if dc == nil {
		dc = converter.GetDefaultDataConverter()
	}
	return dc.FromPayloads(result, valuePtr)
}

func (r *replayer) keep(workflowID string, result *commonpb.Payloads) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.results == nil {
		r.results = make(map[string]*commonpb.Payloads)
	}
	r.results[workflowID] = result
}

func (r *replayer) ReplayWorkflowHistory(logger log.Logger, history *historypb.History) error {
	return r.ReplayWorkflowHistoryWithOptions(logger, history, ReplayWorkflowHistoryOptions{})
}

func (r *replayer) ReplayWorkflowHistoryWithOptions(logger log.Logger, history *historypb.History, options ReplayWorkflowHistoryOptions) error {
	return r.replay(context.Background(), PluginReplayWorkflowOptions{Logger: logger, History: history, OriginalExecution: options.OriginalExecution})
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
			return r.replay(ctx, PluginReplayWorkflowOptions{
				Logger: logger, History: history, OriginalExecution: execution, Namespace: namespace, WorkflowServiceClient: service,
			})
		}
	}
}

// replay replays a history, through the plugins.
func (r *replayer) replay(ctx context.Context, what PluginReplayWorkflowOptions) error {
	what.WorkflowReplayerInstanceKey, what.WorkflowReplayRegistry = r.instanceKey, r
	return worker.ReplayThrough(ctx, r.options.Plugins, what, r.replayHistory)
}

func (r *replayer) replayHistory(ctx context.Context, what PluginReplayWorkflowOptions) error {
	var l log.Logger = logger.Discard{}
	if what.Logger != nil {
		l = what.Logger
	}
	deadlock := time.Duration(0)
	if r.options.DisableDeadlockDetection {
		deadlock = flow.NoDeadlockTimeout
	}
	history, err := worker.RetrieveHistory(ctx, r.storage, what.History)
	if err != nil {
		return err
	}
	return flow.ReplayHistory(ctx, history, flow.ReplayOptions{
		Options: flow.Options{
			Namespace:             what.Namespace,
			Registry:              r.Registry,
			DataConverter:         r.options.DataConverter,
			FailureConverter:      r.options.FailureConverter,
			ContextPropagators:    r.options.ContextPropagators,
			Interceptors:          worker.WorkflowInterceptors(r.options.Interceptors),
			Logger:                l,
			EnableLoggingInReplay: r.options.EnableLoggingInReplay,
			DeadlockTimeout:       deadlock,
		},
		WorkflowID: what.OriginalExecution.ID,
		RunID:      what.OriginalExecution.RunID,
		Completed: func(result *commonpb.Payloads) {
			r.keep(cmp.Or(what.OriginalExecution.ID, replayID), result)
		},
	})
}
