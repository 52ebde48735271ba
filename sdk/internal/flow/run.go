package flow

import (
	"fmt"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/coroutine"
	"github.com/perdure/perdure/sdk/internal/encoded"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/metrics"
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
	machine   Machine
	info      *WorkflowInfo
	instance  *Instance // nil offline

	// converter and failures are bound to the workflow; the roots are as the
	// worker has them, to be bound to activities and other workflows.
	converter     DataConverter
	failures      FailureConverter
	rootConverter DataConverter
	rootFailures  FailureConverter
	ownLogger     log.Logger      // see log; nil until it is asked for
	metrics       metrics.Handler // nil until it is asked for

	// The chains of calls into and out of workflow code.
	inbound  WorkflowInboundInterceptor
	outbound WorkflowOutboundInterceptor

	function   *registry.Function
	input      ExecuteWorkflowInput
	root       Context
	cancelRoot CancelFunc

	signals        map[string]*channel
	queries        map[string]*queryHandler
	updates        runUpdates
	sessions       map[string]*SessionInfo  // open ones by id
	random         map[string]*randomStream // by name
	currentDetails string
	readOnly       bool
	channels       int
	selectors      int

	ended  bool
	result *commonpb.Payloads
	err    error
}

var _ replay.Workflow = (*run)(nil)

// newRun is the run that begins with the event started. It needs a machine: bind.
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
	return r
}

// bind gives the run the machine that drives it.
func (r *run) bind(machine Machine) {
	r.machine = machine
	r.info.task = machine.Task()
}

// newReplayMachine is a machine that drives the run by its history.
func (r *run) newReplayMachine() *replay.Machine {
	return replay.NewMachine(r, replay.Options{
		Converter:   r.converter,
		SDKMetadata: r.options.SDKMetadata,
		SDKName:     version.SDKName,
		SDKVersion:  version.SDKVersion,
		BuildID:     r.options.BuildID,
		RunID:       r.info.OriginalRunID,
		TaskStarted: r.options.TaskStarted,
	})
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
	if err := r.intercept(ctx); err != nil {
		return err
	}
	ctx, err := r.incoming(ctx, attributes.GetHeader())
	if err != nil {
		return err
	}
	ctx, r.cancelRoot = WithCancel(ctx)
	input := attributes.GetInput() // and not the whole event, which would stay in memory
	// Interceptors see the first coroutine too, and the code runs in the context
	// that they make of its.
	r.root = r.outbound.Go(ctx, "root", func(ctx Context) {
		c := threadOf(ctx).coroutine
		// One turn goes by before the code runs, as in the Temporal SDK: the
		// order of coroutines is part of what histories depend on.
		c.Yield("yield before executing to setup state")
		c.Progress()
		r.result, r.err = r.call(input)
		r.ended = true
	})
	root.coroutine = threadOf(r.root).coroutine
	return nil
}

// call calls the workflow function, through the interceptors.
func (r *run) call(input *commonpb.Payloads) (*commonpb.Payloads, error) {
	dc := dataConverterOf(r.root)
	if r.function.Dynamic {
		r.input.Args = []any{encoded.NewValues(input, dc)}
	} else {
		var err error
		if r.input.Args, err = r.function.DecodeArgs(dc, input); err != nil {
			return nil, fmt.Errorf("unable to decode the workflow function input payload with error: %w, function name: %v", err, r.info.WorkflowType.Name)
		}
	}
	result, err := r.inbound.ExecuteWorkflow(r.root, &r.input)
	if err != nil || result == nil {
		return nil, err
	}
	return dc.ToPayloads(result)
}

// ExecuteWorkflow implements WorkflowInboundInterceptor.
func (i inbound) ExecuteWorkflow(ctx Context, in *ExecuteWorkflowInput) (any, error) {
	return i.run.function.Call(withoutHeader(ctx), in.Args)
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
	for {
		if err := r.scheduler.Run(); err != nil {
			return nil, err
		}
		if !r.drainUpdates() {
			break
		}
	}
	if !r.ended {
		return nil, nil
	}
	if names := r.unhandledSignals(); len(names) > 0 {
		r.log().Warn("Workflow has unhandled signals", "SignalNames", names)
	}
	r.warnOfUnfinishedUpdates()
	return r.closingCommand(), nil
}

// close unwinds the code: its deferred functions run, and whatever they ask
// for comes to nothing.
func (r *run) close() {
	r.machine.SetReplaying(true)
	r.scheduler.Close()
}
