package testenv

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	querypb "go.temporal.io/api/query/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/execution"
	"github.com/perdure/perdure/sdk/internal/flow"
)

// Execution is one run of a workflow.
type Execution struct {
	// Info is what the workflow knows of itself, and Err what its function returned:
	// both are noted by whoever intercepts it.
	Info *flow.WorkflowInfo
	Err  error
	// Mocked says that the run is a mock that has not answered yet: it does not count
	// as started. NotStarted is the reason why it will not be.
	Mocked     bool
	NotStarted error

	engine *Engine
	id     execution.Workflow
	start  *Start
	child  *child // nil for the root

	instance *flow.Instance
	failures converter.FailureConverter
	values   converter.DataConverter

	// history are all events; those behind handed were given to the instance.
	history         []*historypb.HistoryEvent
	handed          int
	previousStarted int64
	scheduled       int64 // event of the current workflow task

	wanted bool // a workflow task is needed
	open   bool // a workflow task waits for local activities
	// buffered are events that came while a workflow task was open.
	buffered []*historypb.HistoryEvent

	activities map[int64]*activityTask // by scheduled event id
	timers     map[string]*openTimer
	nexus      map[int64]*nexusOperation // by scheduled event id
	// activityConverters are the data converters of calls of activities, by activity id, and
	// childConverters of children, by workflow id, until they are scheduled.
	activityConverters, childConverters map[string]converter.DataConverter
	updates                             updates
	runTimer                            *timer

	closed bool
	over   atomic.Bool // closed, for who is not on the loop
	result *commonpb.Payloads
	err    error // how it ended, nil if it completed
}

// ID is the workflow id and the run id.
func (x *Execution) ID() execution.Workflow { return x.id }

// IsChild says whether another workflow started it.
func (x *Execution) IsChild() bool { return x.child != nil }

// Closed says whether the run has ended.
func (x *Execution) Closed() bool { return x.over.Load() }

// Result is the result of the run and the error it ended with.
func (x *Execution) Result() (converter.EncodedValue, error) {
	return newValue(x.result, x.values), x.err
}

// detached says whether the run goes on when its parent has closed.
func (x *Execution) detached() bool {
	return x.child != nil && (x.child.policy == enumspb.PARENT_CLOSE_POLICY_ABANDON || x.child.policy == enumspb.PARENT_CLOSE_POLICY_REQUEST_CANCEL)
}

func (e *Engine) newExecution(start *Start) *Execution {
	o := &e.Options
	if start.RunID == "" {
		start.RunID = e.next() + "_RunID"
	}
	if start.attempt == 0 {
		start.attempt = 1
	}
	serialization := converter.WorkflowSerializationContext{Namespace: o.Namespace, WorkflowID: start.WorkflowID}
	if start.converter == nil {
		start.converter = o.DataConverter
	}
	failures := e.keepingErrors(start.child != nil)
	x := &Execution{
		engine:     e,
		id:         execution.Workflow{ID: start.WorkflowID, RunID: start.RunID},
		start:      start,
		child:      start.child,
		activities: make(map[int64]*activityTask),
		timers:     make(map[string]*openTimer),
		values:     converter.WithDataConverterSerializationContext(start.converter, serialization),
		failures:   converter.WithFailureConverterSerializationContext(failures, serialization),

		activityConverters: make(map[string]converter.DataConverter),
		childConverters:    make(map[string]converter.DataConverter),
	}
	x.instance = flow.NewInstance(&flow.Options{
		Namespace:          o.Namespace,
		TaskQueue:          start.TaskQueue,
		Identity:           o.Identity,
		Registry:           o.Registry,
		DataConverter:      start.converter,
		FailureConverter:   failures,
		ContextPropagators: o.ContextPropagators,
		Logger:             o.Logger,
		Metrics:            o.Metrics,
		DeadlockTimeout:    o.DeadlockTimeout,
		PreferredVersion:   o.PreferredVersion,
		Interceptors:       o.WorkflowInterceptors,
		LocalActivities:    localActivities{x},
		ActivityConverter:  func(id string, dc converter.DataConverter) { x.activityConverters[id] = dc },
		ChildConverter:     func(id string, dc converter.DataConverter) { x.childConverters[id] = dc },
		TaskStarted:        o.Task,
		NexusStartsFirst:   true,
		Clock:              e.Now,
		SDKMetadata:        true,
	})
	e.ids.Store(x.id.ID, x)
	e.order = append(e.order, x)
	return x
}

// begin writes the first event and sets the timer of the run.
func (x *Execution) begin() {
	s := x.start
	attributes := &historypb.WorkflowExecutionStartedEventAttributes{
		WorkflowType:             &commonpb.WorkflowType{Name: s.WorkflowType},
		WorkflowId:               x.id.ID,
		TaskQueue:                &taskqueuepb.TaskQueue{Name: s.TaskQueue, Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		Input:                    s.Input,
		Header:                   s.Header,
		WorkflowExecutionTimeout: durationpb.New(s.ExecutionTimeout),
		WorkflowRunTimeout:       durationpb.New(s.RunTimeout),
		WorkflowTaskTimeout:      durationpb.New(s.TaskTimeout),
		ContinuedExecutionRunId:  s.ContinuedRunID,
		OriginalExecutionRunId:   x.id.RunID,
		FirstExecutionRunId:      s.firstRunID,
		Attempt:                  s.attempt,
		Memo:                     s.Memo,
		SearchAttributes:         s.SearchAttributes,
		LastCompletionResult:     s.LastResult,
		Priority:                 s.Priority,
	}
	if s.firstRunID == "" {
		attributes.FirstExecutionRunId = x.id.RunID
	}
	if s.LastError != nil {
		attributes.ContinuedFailure = x.failures.ErrorToFailure(s.LastError)
	}
	if x.child != nil {
		x.child.describe(attributes)
	}
	x.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{WorkflowExecutionStartedEventAttributes: attributes},
	})
	if s.RunTimeout > 0 {
		x.runTimer = x.engine.schedule(s.delay+s.RunTimeout, func() { x.timeOut() })
	}
}

// add writes an event; what it needs is in its attributes.
func (x *Execution) add(eventType enumspb.EventType, event *historypb.HistoryEvent) int64 {
	event.EventType = eventType
	event.EventId = int64(len(x.history) + 1)
	event.EventTime = timestamppb.New(x.engine.clock.now)
	x.history = append(x.history, event)
	return event.EventId
}

// happened writes an event that did not come from a command of the run, and asks for
// a workflow task to tell of it. While a task is open it is kept for the next one.
func (x *Execution) happened(eventType enumspb.EventType, event *historypb.HistoryEvent) {
	x.noted(eventType, event)
	x.wanted = true
}

// noted is happened without a workflow task.
func (x *Execution) noted(eventType enumspb.EventType, event *historypb.HistoryEvent) {
	if x.closed {
		return
	}
	if x.open {
		event.EventType = eventType
		x.buffered = append(x.buffered, event)
		return
	}
	x.add(eventType, event)
}

// task gives the workflow a workflow task.
func (x *Execution) task() {
	x.wanted = false
	if x.open {
		// What has come must not wait for the local activities.
		x.open = false
		x.answered(x.instance.Heartbeat())
		if x.closed {
			return
		}
	}
	if x.handle() {
		return
	}
	// Local activities run. The rest of what the code asked for is not to wait for
	// them: answer, and leave another task open.
	x.answered(x.instance.Heartbeat())
	x.leaveOpen()
}

func (x *Execution) leaveOpen() {
	if x.closed {
		return
	}
	if x.handle() {
		return
	}
	x.open = true
	select {
	case <-x.instance.Ready():
		// Some were cancelled before they began.
		x.engine.Post(x.goOn)
	default:
	}
}

// goOn takes in local activities that have ended.
func (x *Execution) goOn() {
	if !x.open || x.closed {
		return
	}
	outcome := x.instance.Continue()
	x.open = false
	if outcome.Completed == nil && outcome.Failed == nil {
		outcome = x.instance.Heartbeat()
		x.answered(outcome)
		x.leaveOpen()
		return
	}
	x.answered(outcome)
}

// handle hands a workflow task over. It returns false if there is no answer yet,
// because local activities run.
func (x *Execution) handle() bool {
	x.scheduled = x.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_WorkflowTaskScheduledEventAttributes{WorkflowTaskScheduledEventAttributes: &historypb.WorkflowTaskScheduledEventAttributes{
			TaskQueue: &taskqueuepb.TaskQueue{Name: x.start.TaskQueue}, Attempt: 1,
		}},
	})
	started := x.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_WorkflowTaskStartedEventAttributes{WorkflowTaskStartedEventAttributes: &historypb.WorkflowTaskStartedEventAttributes{
			ScheduledEventId: x.scheduled,
		}},
	})
	poll := &workflowservice.PollWorkflowTaskQueueResponse{
		TaskToken:              []byte(x.id.RunID),
		WorkflowExecution:      x.proto(),
		WorkflowType:           &commonpb.WorkflowType{Name: x.start.WorkflowType},
		PreviousStartedEventId: x.previousStarted,
		StartedEventId:         started,
		Attempt:                1,
		History:                &historypb.History{Events: slices.Clone(x.history[x.handed:])},
		Messages:               x.updates.take(started),
	}
	x.handed, x.previousStarted = len(x.history), started
	outcome, err := x.instance.HandleTask(context.Background(), &flow.Task{Poll: poll})
	if err != nil {
		x.close(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, nil, err)
		return true
	}
	if outcome.Completed == nil && outcome.Failed == nil {
		return false
	}
	x.answered(outcome)
	return true
}

// answered applies the answer to a workflow task.
func (x *Execution) answered(outcome *flow.Outcome) {
	if outcome.Failed != nil {
		x.failTask(outcome.Err)
		return
	}
	request := outcome.Completed
	if request == nil {
		return
	}
	completed := x.add(enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_WorkflowTaskCompletedEventAttributes{WorkflowTaskCompletedEventAttributes: &historypb.WorkflowTaskCompletedEventAttributes{
			ScheduledEventId: x.scheduled,
			StartedEventId:   x.previousStarted,
			SdkMetadata:      &sdkpb.WorkflowTaskCompletedMetadata{LangUsedFlags: request.GetSdkMetadata().GetLangUsedFlags()},
		}},
	})
	x.messages(request.GetMessages())
	for _, command := range request.GetCommands() {
		x.apply(completed, command, request.GetMessages())
	}
	if x.child != nil {
		x.child.taskAnswered(x)
	}
	for _, event := range x.buffered {
		if !x.closed {
			x.add(event.EventType, event)
		}
	}
	x.buffered = nil
}

// Query answers a query. The caller holds the engine's lock.
func (x *Execution) Query(queryType string, args *commonpb.Payloads) (*commonpb.Payloads, error) {
	return x.instance.Query(&querypb.WorkflowQuery{QueryType: queryType, QueryArgs: args})
}

// stacks are where the workflow's coroutines are.
func (x *Execution) stacks() string {
	payloads, err := x.Query(flow.QueryTypeStackTrace, nil)
	if err != nil {
		return err.Error()
	}
	var stacks string
	if err := x.values.FromPayloads(payloads, &stacks); err != nil {
		return err.Error()
	}
	return stacks
}

// Signal delivers a signal; with silent no workflow task comes of it.
func (x *Execution) Signal(name string, input *commonpb.Payloads, header *commonpb.Header, silent bool) {
	event := &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{
			SignalName: name, Input: input, Header: header,
		}},
	}
	if silent {
		x.noted(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, event)
		return
	}
	x.happened(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, event)
}

// Cancel asks the workflow to cancel.
func (x *Execution) Cancel() {
	if x.closed {
		return
	}
	x.happened(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED, &historypb.HistoryEvent{
		Attributes: &historypb.HistoryEvent_WorkflowExecutionCancelRequestedEventAttributes{
			WorkflowExecutionCancelRequestedEventAttributes: &historypb.WorkflowExecutionCancelRequestedEventAttributes{},
		},
	})
	if listener := x.engine.Options.Listeners.ChildCanceled; listener != nil && x.child != nil {
		x.engine.later(func() { listener(x.info()) })
	}
}

// info is what listeners are told of the run.
func (x *Execution) info() *flow.WorkflowInfo {
	if x.Info != nil {
		return x.Info
	}
	return &flow.WorkflowInfo{WorkflowExecution: x.id, WorkflowType: execution.WorkflowType{Name: x.start.WorkflowType}, Namespace: x.engine.Options.Namespace}
}

// openTimer is a timer of the workflow.
type openTimer struct {
	timer   *timer
	started int64
	hidden  bool
	d       time.Duration
}
