package flow

import (
	"fmt"
	"strings"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/coroutine"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/internal/registry"
	"github.com/perdure/perdure/sdk/internal/replay"
	"github.com/perdure/perdure/sdk/internal/version"
	"github.com/perdure/perdure/sdk/log"
)

// run is one workflow run: its code on coroutines, and the machine that drives
// them with history.
type run struct {
	options   *Options
	scheduler *coroutine.Scheduler
	machine   *replay.Machine
	info      *WorkflowInfo
	instance  *Instance // nil offline

	// converter and failures are bound to the workflow; the roots are as the
	// worker has them, to be bound to activities and other workflows.
	converter     DataConverter
	failures      FailureConverter
	rootConverter DataConverter
	rootFailures  FailureConverter
	logger        log.Logger

	function   *registry.Function
	root       Context
	cancelRoot CancelFunc

	signals        map[string]*channel
	signalOptions  map[string]SignalChannelOptions // of those that code asked for
	queries        map[string]*queryHandler
	currentDetails string
	readOnly       bool
	channels       int
	selectors      int

	ended  bool
	result *commonpb.Payloads
	err    error
}

var _ replay.Workflow = (*run)(nil)

// newRun is the run that begins with the event started.
func newRun(options *Options, scheduler *coroutine.Scheduler, instance *Instance, id execution.Workflow, started *historypb.HistoryEvent) *run {
	info := newWorkflowInfo(options.Namespace, id, started)
	serialization := converter.WorkflowSerializationContext{Namespace: info.Namespace, WorkflowID: id.ID}
	r := &run{
		options:       options,
		scheduler:     scheduler,
		info:          info,
		instance:      instance,
		rootConverter: options.DataConverter,
		rootFailures:  options.FailureConverter,
		converter:     converter.WithDataConverterSerializationContext(options.DataConverter, serialization),
		failures:      converter.WithFailureConverterSerializationContext(options.FailureConverter, serialization),
		signals:       make(map[string]*channel),
	}
	r.machine = replay.NewMachine(r, replay.Options{
		Converter:   r.converter,
		SDKMetadata: options.SDKMetadata,
		SDKName:     version.SDKName,
		SDKVersion:  version.SDKVersion,
		BuildID:     options.BuildID,
		RunID:       info.OriginalRunID,
	})
	info.task = r.machine.Task()
	r.logger = &replayLogger{run: r, logger: log.Skip(log.With(options.Logger,
		logtag.WorkflowType, info.WorkflowType.Name,
		logtag.WorkflowID, id.ID,
		logtag.RunID, id.RunID,
		logtag.Attempt, info.Attempt,
	), 1)}
	return r
}

// UnregisteredError says that a worker got a task of a workflow type that it
// does not know.
type UnregisteredError struct {
	// WorkflowType is the type, Registered are those that the worker knows.
	WorkflowType string
	Registered   []string
	// TaskQueue is the worker's.
	TaskQueue string
}

func (e *UnregisteredError) Error() string {
	return fmt.Sprintf("unable to find workflow type: %v. Supported types: [%v]; "+
		"register it with the worker of task queue %q, or start the workflow on the task queue of a worker that has it",
		e.WorkflowType, strings.Join(e.Registered, ", "), e.TaskQueue)
}

// Start implements replay.Workflow.
func (r *run) Start(event *historypb.HistoryEvent) error {
	attributes := event.GetWorkflowExecutionStartedEventAttributes()
	function, ok := r.options.Registry.Workflow(r.info.WorkflowType.Name)
	if !ok {
		return &UnregisteredError{WorkflowType: r.info.WorkflowType.Name, Registered: r.options.Registry.WorkflowTypes(), TaskQueue: r.options.TaskQueue}
	}
	r.function = function

	root := &thread{run: r}
	ctx := WithValue(backgroundContext{}, threadKey{}, root)
	ctx = WithValue(ctx, activityOptionsKey{}, &ActivityOptions{TaskQueue: r.info.TaskQueueName})
	ctx = WithValue(ctx, workflowOptionsKey{}, r.defaultWorkflowOptions())
	for _, propagator := range r.options.ContextPropagators {
		var err error
		if ctx, err = propagator.ExtractToWorkflow(ctx, headerReader(attributes.GetHeader().GetFields())); err != nil {
			return fmt.Errorf("propagating the workflow's header: %w", err)
		}
	}
	r.root, r.cancelRoot = WithCancel(ctx)
	root.coroutine = r.scheduler.Go("root", func(c *coroutine.Coroutine) {
		// One turn goes by before the code runs, as in the Temporal SDK: the
		// order of coroutines is part of what histories depend on.
		c.Yield("yield before executing to setup state")
		c.Progress()
		r.result, r.err = r.call(attributes.GetInput())
		r.ended = true
	})
	return nil
}

// call calls the workflow function.
func (r *run) call(input *commonpb.Payloads) (*commonpb.Payloads, error) {
	dc := dataConverterOf(r.root)
	var args []any
	if r.function.Dynamic {
		args = []any{encoded.NewValues(input, dc)}
	} else {
		var err error
		if args, err = r.function.DecodeArgs(dc, input); err != nil {
			return nil, fmt.Errorf("unable to decode the workflow function input payload with error: %w, function name: %v", err, r.info.WorkflowType.Name)
		}
	}
	result, err := r.function.Call(r.root, args)
	if err != nil || result == nil {
		return nil, err
	}
	return dc.ToPayloads(result)
}

// Signal implements replay.Workflow.
func (r *run) Signal(attributes *historypb.WorkflowExecutionSignaledEventAttributes) error {
	// A signal without arguments is a value as well.
	if !r.signalChannel(attributes.GetSignalName()).SendAsync(attributes.GetInput()) {
		return fmt.Errorf("exceeded channel buffer size for signal: %v", attributes.GetSignalName())
	}
	return nil
}

// Cancel implements replay.Workflow.
func (r *run) Cancel() { r.cancelRoot() }

// Upserted implements replay.Workflow.
func (r *run) Upserted(attributes *commonpb.SearchAttributes, memo *commonpb.Memo) {
	r.mergeSearchAttributes(attributes)
	r.mergeMemo(memo)
}

// Run implements replay.Workflow.
func (r *run) Run() (*commandpb.Command, error) {
	if err := r.scheduler.Run(); err != nil {
		return nil, err
	}
	if !r.ended {
		return nil, nil
	}
	if names := r.unhandledSignals(); len(names) > 0 {
		r.logger.Warn("Workflow has unhandled signals", "SignalNames", names)
	}
	return r.closingCommand(), nil
}

// close unwinds the code: its deferred functions run, and whatever they ask
// for comes to nothing.
func (r *run) close() {
	r.machine.SetReplaying(true)
	r.scheduler.Close()
}

// Now is workflow time: it goes on with each workflow task, not within.
func Now(ctx Context) time.Time { return runOf(ctx).machine.Now().UTC() }

// IsReplaying says whether the code is repeating what it has done before.
// Workflow logic must not depend on it.
func IsReplaying(ctx Context) bool { return runOf(ctx).machine.Replaying() }

// GetInfo tells a workflow about its own execution.
func GetInfo(ctx Context) *WorkflowInfo { return runOf(ctx).info }

// HasLastCompletionResult says whether an earlier run of a cron or scheduled
// workflow left a result.
func HasLastCompletionResult(ctx Context) bool { return runOf(ctx).info.lastCompletionResult != nil }

// GetLastCompletionResult decodes the result of the last run of a cron or
// scheduled workflow that completed.
func GetLastCompletionResult(ctx Context, d ...any) error {
	return encoded.NewValues(runOf(ctx).info.lastCompletionResult, dataConverterOf(ctx)).Get(d...)
}

// GetLastError is the error that the previous run ended with, or nil.
func GetLastError(ctx Context) error {
	r := runOf(ctx)
	return r.failures.FailureToError(r.info.lastFailure)
}
