package replay

import (
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	failurepb "go.temporal.io/api/failure/v1"
	historypb "go.temporal.io/api/history/v1"
	sdkpb "go.temporal.io/api/sdk/v1"
)

// Activity is an activity that the code scheduled.
//
//	asked ──> sent ──> scheduled ──> closed
//
// Cancellation goes beside: a command of its own, which is taken back if the
// activity closes before it was handed over.
type Activity struct {
	// ID is the activity id, Type the activity type.
	ID, Type string

	scheduledEventID    int64 // as predicted until the event is seen
	attributes          *commandpb.ScheduleActivityTaskCommandAttributes
	sent, closed        bool
	cancel              *output
	waitForCancellation bool
	resolve             func(ActivityResult) // nil once called
}

// Closing is how something that the code waits for ended.
type Closing int

const (
	// Completed with a result.
	Completed Closing = iota
	// Failed with a failure.
	Failed
	// TimedOut with a failure that says which timeout, unless a child's.
	TimedOut
	// Canceled, as the server reported it, with details.
	Canceled
	// Terminated is for child workflows.
	Terminated
	// Abandoned means that the code asked for cancellation and does not wait
	// for what comes of it.
	Abandoned
)

// ActivityResult is how an activity ended.
type ActivityResult struct {
	Closing Closing
	// Result of a completed activity, or the details of a cancelled one.
	Result           *commonpb.Payloads
	Failure          *failurepb.Failure
	ScheduledEventID int64
	StartedEventID   int64
	Identity         string
	RetryState       enumspb.RetryState
}

// ActivityOptions is how the code wants an activity scheduled.
type ActivityOptions struct {
	// Attributes of the command. An empty ActivityId is filled in.
	Attributes *commandpb.ScheduleActivityTaskCommandAttributes
	Metadata   *sdkpb.UserMetadata
	// WaitForCancellation leaves a cancelled activity open until the server
	// says how it ended.
	WaitForCancellation bool
}

// ScheduleActivity asks for an activity. resolve is called once, with its end.
func (m *Machine) ScheduleActivity(options ActivityOptions, resolve func(ActivityResult)) *Activity {
	attributes := options.Attributes
	sequence := m.nextSequence()
	if attributes.ActivityId == "" {
		attributes.ActivityId = m.nextID()
	}
	a := &Activity{
		ID:                  attributes.ActivityId,
		Type:                attributes.GetActivityType().GetName(),
		scheduledEventID:    sequence,
		attributes:          attributes,
		waitForCancellation: options.WaitForCancellation,
		resolve:             resolve,
	}
	if _, open := m.activities[a.ID]; open {
		panic(&NonDeterminismError{Problem: "an activity with the id " + a.ID + " is open already", Workflow: "ScheduleActivityTask(" + a.Type + ")"})
	}
	m.activities[a.ID] = a
	m.activityEvents[sequence] = a
	m.add(&commandpb.Command{
		CommandType:  enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK,
		UserMetadata: options.Metadata,
		Attributes:   &commandpb.Command_ScheduleActivityTaskCommandAttributes{ScheduleActivityTaskCommandAttributes: attributes},
	}, func() { a.sent = true })
	return a
}

// CancelActivity asks for the cancellation of an activity.
func (m *Machine) CancelActivity(a *Activity) {
	if a.closed || a.cancel != nil || a.resolve == nil {
		return
	}
	if !a.sent {
		// The server schedules and cancels it in one go, and can not start it
		// eagerly then.
		a.attributes.RequestEagerExecution = false
	}
	a.cancel = m.add(&commandpb.Command{
		CommandType: enumspb.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK,
		Attributes: &commandpb.Command_RequestCancelActivityTaskCommandAttributes{
			RequestCancelActivityTaskCommandAttributes: &commandpb.RequestCancelActivityTaskCommandAttributes{ScheduledEventId: a.scheduledEventID},
		},
	}, nil)
	if !a.waitForCancellation {
		a.end(ActivityResult{Closing: Abandoned})
	}
}

func (a *Activity) end(result ActivityResult) {
	if resolve := a.resolve; resolve != nil {
		a.resolve = nil
		resolve(result)
	}
}

func (m *Machine) activityScheduled(event *historypb.HistoryEvent) error {
	a := m.activities[event.GetActivityTaskScheduledEventAttributes().GetActivityId()]
	if a == nil {
		return unknown(event)
	}
	if a.scheduledEventID != event.GetEventId() {
		delete(m.activityEvents, a.scheduledEventID)
		a.scheduledEventID = event.GetEventId()
		m.activityEvents[a.scheduledEventID] = a
	}
	return nil
}

func (m *Machine) activityClosed(event *historypb.HistoryEvent) error {
	result := activityResult(event)
	a := m.activityEvents[result.ScheduledEventID]
	if a == nil {
		return unknown(event)
	}
	a.closed = true
	if a.cancel != nil {
		m.drop(a.cancel)
	}
	delete(m.activities, a.ID)
	delete(m.activityEvents, a.scheduledEventID)
	a.end(result)
	return nil
}

func activityResult(event *historypb.HistoryEvent) ActivityResult {
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_COMPLETED:
		e := event.GetActivityTaskCompletedEventAttributes()
		return ActivityResult{
			Closing: Completed, Result: e.GetResult(),
			ScheduledEventID: e.GetScheduledEventId(), StartedEventID: e.GetStartedEventId(), Identity: e.GetIdentity(),
		}
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_FAILED:
		e := event.GetActivityTaskFailedEventAttributes()
		return ActivityResult{
			Closing: Failed, Failure: e.GetFailure(), RetryState: e.GetRetryState(),
			ScheduledEventID: e.GetScheduledEventId(), StartedEventID: e.GetStartedEventId(), Identity: e.GetIdentity(),
		}
	case enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT:
		e := event.GetActivityTaskTimedOutEventAttributes()
		return ActivityResult{
			Closing: TimedOut, Failure: e.GetFailure(), RetryState: e.GetRetryState(),
			ScheduledEventID: e.GetScheduledEventId(), StartedEventID: e.GetStartedEventId(),
		}
	default:
		e := event.GetActivityTaskCanceledEventAttributes()
		return ActivityResult{
			Closing: Canceled, Result: e.GetDetails(), RetryState: enumspb.RETRY_STATE_NON_RETRYABLE_FAILURE,
			ScheduledEventID: e.GetScheduledEventId(), StartedEventID: e.GetStartedEventId(), Identity: e.GetIdentity(),
		}
	}
}
