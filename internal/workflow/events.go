package workflow

import (
	"errors"
	"fmt"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
)

// The state of a run is a fold of its events: whatever happens is checked, made
// into events, and applied. Applying an event is the only way in which an event
// changes the records, and it is pure: all it looks at is the run and the event.
// So the records of a run can be made anew from its history (fold.go), up to any
// event of it. What is in the records but not in the events is listed there too.
//
// What else follows from an event (a task for workers, a message, a timer to be
// set) is done by the one who has made the event.
//
// An event is applied once, when it comes about, even if it is buffered because a
// workflow task is started (buffer.go): what a buffered event ends is not pending
// any more. Only what it says about its own id waits until it has one. Therefore
// the records are those of the history followed by the buffered events in order of
// arrival; and because buffered events go to the history in another order (the ends
// of activities and children last), events that may be buffered must give the same
// records in whatever order they are applied, as long as the start of an item comes
// before its end.

// eventRule says how events of a type are dealt with.
type eventRule struct {
	// apply changes the records of the run. It fails if the event cannot be, after
	// those before it; then it has changed nothing.
	apply func(*Run, *historypb.HistoryEvent) error
	// waits: an event that comes about while a workflow task is started waits for its
	// end, so that it does not come between events that a worker has seen.
	waits bool
	// last: of several events that wait, those of this type come after the others, so
	// that the end of an item follows its start.
	last bool
	// numbered is called when an event that waited has got its id. It puts the id into
	// the records that refer to the event, and names the item that the event starts by
	// the id of the event that made it.
	numbered func(*Run, *historypb.HistoryEvent) (item int64)
	// start is, of an event that ends an item, the item, and where the event says which
	// event has started it.
	start func(*historypb.HistoryEvent) (item int64, startedEventID *int64)
}

// eventRules has every type of event that may be in a history.
var eventRules = [...]eventRule{
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:          {apply: with((*historypb.HistoryEvent).GetWorkflowExecutionStartedEventAttributes, applyWorkflowExecutionStarted)},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:        {apply: with((*historypb.HistoryEvent).GetWorkflowExecutionCompletedEventAttributes, applyWorkflowExecutionCompleted)},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:           {apply: with((*historypb.HistoryEvent).GetWorkflowExecutionFailedEventAttributes, applyWorkflowExecutionFailed)},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:        {apply: with((*historypb.HistoryEvent).GetWorkflowExecutionTimedOutEventAttributes, applyWorkflowExecutionTimedOut)},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED:       {apply: with((*historypb.HistoryEvent).GetWorkflowExecutionTerminatedEventAttributes, applyWorkflowExecutionTerminated)},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:         {apply: with((*historypb.HistoryEvent).GetWorkflowExecutionCanceledEventAttributes, applyWorkflowExecutionCanceled)},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW: {apply: with((*historypb.HistoryEvent).GetWorkflowExecutionContinuedAsNewEventAttributes, applyWorkflowExecutionContinuedAsNew)},

	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED:         {waits: true, apply: with((*historypb.HistoryEvent).GetWorkflowExecutionSignaledEventAttributes, applyWorkflowExecutionSignaled)},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED:  {waits: true, apply: with((*historypb.HistoryEvent).GetWorkflowExecutionOptionsUpdatedEventAttributes, applyWorkflowExecutionOptionsUpdated), numbered: numberedOptions},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_PAUSED:           {waits: true, apply: with((*historypb.HistoryEvent).GetWorkflowExecutionPausedEventAttributes, applyWorkflowExecutionPaused)},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UNPAUSED:         {waits: true, apply: with((*historypb.HistoryEvent).GetWorkflowExecutionUnpausedEventAttributes, applyWorkflowExecutionUnpaused)},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED: {waits: true, apply: with((*historypb.HistoryEvent).GetWorkflowExecutionCancelRequestedEventAttributes, applyWorkflowExecutionCancelRequested)},

	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIME_SKIPPING_TRANSITIONED: {waits: true, apply: with((*historypb.HistoryEvent).GetWorkflowExecutionTimeSkippingTransitionedEventAttributes, applyWorkflowExecutionTimeSkippingTransitioned)},

	enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED: {apply: with((*historypb.HistoryEvent).GetWorkflowTaskScheduledEventAttributes, applyWorkflowTaskScheduled)},
	enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED:   {apply: with((*historypb.HistoryEvent).GetWorkflowTaskStartedEventAttributes, applyWorkflowTaskStarted)},
	enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED: {apply: with((*historypb.HistoryEvent).GetWorkflowTaskCompletedEventAttributes, applyWorkflowTaskCompleted)},
	enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED:    {apply: with((*historypb.HistoryEvent).GetWorkflowTaskFailedEventAttributes, applyWorkflowTaskFailed)},
	enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT: {apply: with((*historypb.HistoryEvent).GetWorkflowTaskTimedOutEventAttributes, applyWorkflowTaskTimedOut)},

	enumspb.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:        {apply: with((*historypb.HistoryEvent).GetActivityTaskScheduledEventAttributes, applyActivityTaskScheduled)},
	enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED: {apply: with((*historypb.HistoryEvent).GetActivityTaskCancelRequestedEventAttributes, applyActivityTaskCancelRequested)},
	enumspb.EVENT_TYPE_ACTIVITY_TASK_STARTED:          {waits: true, apply: with((*historypb.HistoryEvent).GetActivityTaskStartedEventAttributes, applyActivityTaskStarted), numbered: numberedActivityStart},
	enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:        {waits: true, last: true, apply: with((*historypb.HistoryEvent).GetActivityTaskCompletedEventAttributes, applyActivityTaskCompleted), start: startOfActivity},
	enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:           {waits: true, last: true, apply: with((*historypb.HistoryEvent).GetActivityTaskFailedEventAttributes, applyActivityTaskFailed), start: startOfActivity},
	enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:        {waits: true, last: true, apply: with((*historypb.HistoryEvent).GetActivityTaskTimedOutEventAttributes, applyActivityTaskTimedOut), start: startOfActivity},
	enumspb.EVENT_TYPE_ACTIVITY_TASK_CANCELED:         {waits: true, last: true, apply: with((*historypb.HistoryEvent).GetActivityTaskCanceledEventAttributes, applyActivityTaskCanceled), start: startOfActivity},

	enumspb.EVENT_TYPE_TIMER_STARTED:  {apply: with((*historypb.HistoryEvent).GetTimerStartedEventAttributes, applyTimerStarted)},
	enumspb.EVENT_TYPE_TIMER_CANCELED: {apply: with((*historypb.HistoryEvent).GetTimerCanceledEventAttributes, applyTimerCanceled)},
	enumspb.EVENT_TYPE_TIMER_FIRED:    {waits: true, apply: with((*historypb.HistoryEvent).GetTimerFiredEventAttributes, applyTimerFired)},

	enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_INITIATED: {apply: with((*historypb.HistoryEvent).GetStartChildWorkflowExecutionInitiatedEventAttributes, applyStartChildWorkflowExecutionInitiated)},
	enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED:    {waits: true, apply: with((*historypb.HistoryEvent).GetStartChildWorkflowExecutionFailedEventAttributes, applyStartChildWorkflowExecutionFailed)},
	enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED:         {waits: true, apply: with((*historypb.HistoryEvent).GetChildWorkflowExecutionStartedEventAttributes, applyChildWorkflowExecutionStarted), numbered: numberedChildStart},
	enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_COMPLETED:       {waits: true, last: true, apply: with((*historypb.HistoryEvent).GetChildWorkflowExecutionCompletedEventAttributes, applyChildWorkflowExecutionCompleted), start: startOfChild},
	enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_FAILED:          {waits: true, last: true, apply: with((*historypb.HistoryEvent).GetChildWorkflowExecutionFailedEventAttributes, applyChildWorkflowExecutionFailed), start: startOfChild},
	enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_CANCELED:        {waits: true, last: true, apply: with((*historypb.HistoryEvent).GetChildWorkflowExecutionCanceledEventAttributes, applyChildWorkflowExecutionCanceled), start: startOfChild},
	enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED:      {waits: true, last: true, apply: with((*historypb.HistoryEvent).GetChildWorkflowExecutionTerminatedEventAttributes, applyChildWorkflowExecutionTerminated), start: startOfChild},
	enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TIMED_OUT:       {waits: true, last: true, apply: with((*historypb.HistoryEvent).GetChildWorkflowExecutionTimedOutEventAttributes, applyChildWorkflowExecutionTimedOut), start: startOfChild},

	enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED:         {apply: with((*historypb.HistoryEvent).GetSignalExternalWorkflowExecutionInitiatedEventAttributes, applySignalExternalWorkflowExecutionInitiated)},
	enumspb.EVENT_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION_FAILED:            {waits: true, apply: with((*historypb.HistoryEvent).GetSignalExternalWorkflowExecutionFailedEventAttributes, applySignalExternalWorkflowExecutionFailed)},
	enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED:                 {waits: true, apply: with((*historypb.HistoryEvent).GetExternalWorkflowExecutionSignaledEventAttributes, applyExternalWorkflowExecutionSignaled)},
	enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_INITIATED: {apply: with((*historypb.HistoryEvent).GetRequestCancelExternalWorkflowExecutionInitiatedEventAttributes, applyRequestCancelExternalWorkflowExecutionInitiated)},
	enumspb.EVENT_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION_FAILED:    {waits: true, apply: with((*historypb.HistoryEvent).GetRequestCancelExternalWorkflowExecutionFailedEventAttributes, applyRequestCancelExternalWorkflowExecutionFailed)},
	enumspb.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_CANCEL_REQUESTED:         {waits: true, apply: with((*historypb.HistoryEvent).GetExternalWorkflowExecutionCancelRequestedEventAttributes, applyExternalWorkflowExecutionCancelRequested)},

	enumspb.EVENT_TYPE_NEXUS_OPERATION_SCHEDULED:                {apply: with((*historypb.HistoryEvent).GetNexusOperationScheduledEventAttributes, applyNexusOperationScheduled)},
	enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUESTED:         {apply: with((*historypb.HistoryEvent).GetNexusOperationCancelRequestedEventAttributes, applyNexusOperationCancelRequested)},
	enumspb.EVENT_TYPE_NEXUS_OPERATION_STARTED:                  {waits: true, apply: with((*historypb.HistoryEvent).GetNexusOperationStartedEventAttributes, applyNexusOperationStarted)},
	enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_COMPLETED: {waits: true, apply: with((*historypb.HistoryEvent).GetNexusOperationCancelRequestCompletedEventAttributes, applyNexusOperationCancelRequestCompleted)},
	enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCEL_REQUEST_FAILED:    {waits: true, apply: with((*historypb.HistoryEvent).GetNexusOperationCancelRequestFailedEventAttributes, applyNexusOperationCancelRequestFailed)},
	enumspb.EVENT_TYPE_NEXUS_OPERATION_COMPLETED:                {waits: true, last: true, apply: with((*historypb.HistoryEvent).GetNexusOperationCompletedEventAttributes, applyNexusOperationCompleted)},
	enumspb.EVENT_TYPE_NEXUS_OPERATION_FAILED:                   {waits: true, last: true, apply: with((*historypb.HistoryEvent).GetNexusOperationFailedEventAttributes, applyNexusOperationFailed)},
	enumspb.EVENT_TYPE_NEXUS_OPERATION_CANCELED:                 {waits: true, last: true, apply: with((*historypb.HistoryEvent).GetNexusOperationCanceledEventAttributes, applyNexusOperationCanceled)},
	enumspb.EVENT_TYPE_NEXUS_OPERATION_TIMED_OUT:                {waits: true, last: true, apply: with((*historypb.HistoryEvent).GetNexusOperationTimedOutEventAttributes, applyNexusOperationTimedOut)},

	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED:  {apply: with((*historypb.HistoryEvent).GetWorkflowExecutionUpdateAdmittedEventAttributes, applyWorkflowExecutionUpdateAdmitted)},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:  {apply: with((*historypb.HistoryEvent).GetWorkflowExecutionUpdateAcceptedEventAttributes, applyWorkflowExecutionUpdateAccepted)},
	enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED: {apply: with((*historypb.HistoryEvent).GetWorkflowExecutionUpdateCompletedEventAttributes, applyWorkflowExecutionUpdateCompleted)},

	enumspb.EVENT_TYPE_MARKER_RECORDED:                   {apply: with((*historypb.HistoryEvent).GetMarkerRecordedEventAttributes, applyMarkerRecorded)},
	enumspb.EVENT_TYPE_WORKFLOW_PROPERTIES_MODIFIED:      {apply: with((*historypb.HistoryEvent).GetWorkflowPropertiesModifiedEventAttributes, applyWorkflowPropertiesModified)},
	enumspb.EVENT_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES: {apply: with((*historypb.HistoryEvent).GetUpsertWorkflowSearchAttributesEventAttributes, applyUpsertWorkflowSearchAttributes)},
}

// ruleOf is how events of the type are dealt with. Its apply is nil for a type that
// is not known.
func ruleOf(t enumspb.EventType) eventRule {
	if t < 0 || int(t) >= len(eventRules) {
		return eventRule{}
	}
	return eventRules[t]
}

// with has apply called with the attributes of the event.
func with[A any](attributes func(*historypb.HistoryEvent) *A, apply func(*Run, *historypb.HistoryEvent, *A) error) func(*Run, *historypb.HistoryEvent) error {
	return func(r *Run, e *historypb.HistoryEvent) error {
		attr := attributes(e)
		if attr == nil {
			return errNoAttributes
		}
		return apply(r, e, attr)
	}
}

// Why an event cannot be.
var (
	errUnknownEvent = errors.New("this version does not know events of the type")
	errNoAttributes = errors.New("it has no attributes of its type")
	errNotPending   = errors.New("what it refers to is not pending")
)

// apply changes the records as the event says.
func (r *Run) apply(e *historypb.HistoryEvent) error {
	apply, err := ruleOf(e.GetEventType()).apply, errUnknownEvent
	if apply != nil {
		err = apply(r, e)
	}
	if err != nil {
		return fmt.Errorf("event %d of run %s, %v, cannot be: %w", e.GetEventId(), r.info.RunId, e.GetEventType(), err)
	}
	return nil
}

// addEvent adds a new event to the run: its time is that of the step, unless it has
// one. While a workflow task is started, an event that must not come between that
// task's start and its completion is buffered: it then has EventId bufferedEventID
// until flushBuffered gives it a real one.
func (r *Run) addEvent(step *entity.Step, e *historypb.HistoryEvent) *historypb.HistoryEvent {
	r.commitSpeculative(step)
	if (r.started != nil || r.applying) && ruleOf(e.EventType).waits {
		setTime(step, e)
		r.bufferEvent(e)
		r.mustApply(e)
		return e
	}
	r.repairAfterCrash(step)
	return r.recordEvent(step, e)
}

// recordEvent is addEvent for the events of workflow tasks, which nothing holds
// back.
func (r *Run) recordEvent(step *entity.Step, e *historypb.HistoryEvent) *historypb.HistoryEvent {
	setTime(step, e)
	r.number(e)
	r.mustApply(e)
	return e
}

// addCommandEvent adds the event that a command turns into.
func (a *application) addCommandEvent(cmd *commandpb.Command, e *historypb.HistoryEvent) *historypb.HistoryEvent {
	fromCommand(e, cmd)
	return a.run.addEvent(a.step, e)
}

// mustApply applies an event that this package has made itself. Should that fail,
// the step does, at its end.
func (r *Run) mustApply(e *historypb.HistoryEvent) {
	if err := r.apply(e); err != nil && r.broken == nil {
		r.broken = err
	}
}

func setTime(step *entity.Step, e *historypb.HistoryEvent) {
	if e.EventTime == nil {
		e.EventTime = timestamppb.New(step.Now)
	}
}

// number gives an event the next id and puts it at the end of the history.
func (r *Run) number(e *historypb.HistoryEvent) {
	e.EventId = r.state.NextEventId
	e.TaskId = e.EventId // clients only compare it
	r.state.NextEventId++
	r.newEvents = append(r.newEvents, e)
	r.dirty.state = true
}
