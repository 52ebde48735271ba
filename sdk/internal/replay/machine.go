// Package replay is where the history of a workflow meets its code.
//
// A workflow task hands over history events. Replay walks through them,
// task by task, and tells the workflow code what happened: it started, a signal
// came, an activity completed. The code answers by asking for things: schedule
// this activity, start that timer. For tasks that are past, what the code asks
// for must be what the history says it asked for, or the code is not
// deterministic; for the last task, what it asks for becomes the commands of
// the response.
//
//	history.Event ──> Machine ──> Workflow.Signal, Cancel, Run, callbacks
//	                     │
//	commands      <──────┴─────── ScheduleActivity, StartTimer, SideEffect, ...
//
// Each thing that outlives a task is a small state machine in a file of its
// own: Activity, Timer, ChildWorkflow, ExternalSignal, ExternalCancel,
// LocalActivity, NexusOperation, Update. Markers are matched in SideEffect, MutableSideEffect and
// Version.
//
// The package is pure: no goroutines, no clock, no I/O but the pages of history
// that a Reader asks for. It knows nothing of coroutines, contexts or
// futures; those are in package flow, which implements Workflow.
//
// # The walk
//
// A Reader cuts the history into segments, each of which ends with the start of
// a workflow task. Process applies a segment's events and lets the code run, at
// the start of the task. What came of the task is at the beginning of the
// following segment, which is therefore read ahead: markers there must be known
// before the code asks for them, and its command events are what the commands of
// a past task are compared with (match.go).
//
// Code that asked for something else than the history has makes a
// NonDeterminismError, which shows both and the line of the call. After any error
// a Machine can not be used again.
//
// # Callbacks
//
// What the code asks for comes with a callback, called at most once, when the
// outcome is known: while events are applied, or within the call that cancels.
// Callbacks may ask for more.
//
// # Ids
//
// A command knows the id that its event will have (nextEventID), and other ids are
// made of that: so nothing may be asked for before the first task was started, and
// a command that is dropped must be dropped in every replay.
//
// Ids, marker names and their details are part of the wire format: they are
// those of the Temporal Go SDK, so that histories replay in either. So is the
// order of commands. What has changed over time is guarded by Flags, which the
// history records.
package replay

import (
	"context"
	"math"
	"strconv"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	protocolpb "go.temporal.io/api/protocol/v1"
)

// Workflow is the workflow code, as the machine drives it. The methods may
// call back into the Machine.
type Workflow interface {
	// Start gets ready to run. The code itself first runs in Run.
	Start(event *historypb.HistoryEvent) error
	// Signal delivers a signal.
	Signal(attributes *historypb.WorkflowExecutionSignaledEventAttributes) error
	// Update delivers a request to update the workflow, which answers with the
	// methods of Update while it runs.
	Update(update *Update) error
	// Cancel delivers a request to cancel the workflow.
	Cancel()
	// Upserted tells of search attributes or a memo that the history says
	// were upserted.
	Upserted(attributes *commonpb.SearchAttributes, memo *commonpb.Memo)
	// Run lets the code go on until it waits for something. When the workflow
	// has ended it returns the command that closes the execution. An error
	// fails the workflow task; it may be a NonDeterminismError.
	Run() (closing *commandpb.Command, err error)
}

// Converter is the part of a data converter that markers need.
type Converter interface {
	ToPayloads(values ...any) (*commonpb.Payloads, error)
	FromPayloads(payloads *commonpb.Payloads, valuePtrs ...any) error
}

// Options of a Machine.
type Options struct {
	// Converter encodes the details of markers. Required.
	Converter Converter
	// SDKMetadata lets new SDK flags be used: the server records them.
	SDKMetadata bool
	// SDKName and SDKVersion are reported when they are not what the last
	// completed task reported.
	SDKName, SDKVersion string
	// BuildID of the worker.
	BuildID string
	// TaskStarted, if set, may change what is known of a task before the code sees it.
	TaskStarted func(*TaskInfo)
	// RunID is what child workflow ids are made of, until the history tells
	// that the run was reset: the original run id of the execution.
	RunID string
}

// Machine replays the history of one workflow run. It is not safe for
// concurrent use.
type Machine struct {
	workflow Workflow
	options  Options

	// out are the commands of the current task that have not been taken, in
	// the order in which the code asked for them.
	out []*output
	// nextEventID is the id that the event of the next command will have.
	nextEventID int64

	replaying bool
	now       time.Time
	task      TaskInfo
	runID     string
	closing   *commandpb.Command
	failure   error

	flags   flagSet
	sdk     sdkIdentity
	markers markerIndex

	activities      map[string]*Activity
	activityEvents  map[int64]*Activity // by scheduled event id
	timers          map[string]*Timer
	children        map[string]*ChildWorkflow
	signals         map[string]*ExternalSignal
	signalEvents    map[int64]*ExternalSignal // by initiated event id
	cancels         map[string]*ExternalCancel
	cancelEvents    map[int64]*ExternalCancel // by initiated event id
	nexus           map[int64]*NexusOperation // by scheduled event id
	nexusAsked      []*NexusOperation         // not scheduled yet, in order
	localActivities localActivities
	versions        versions
	sideEffects     sideEffects
	mutable         mutableSideEffects
	updates         updates
}

// TaskInfo is what the started event of the current workflow task says.
type TaskInfo struct {
	// HistoryLength is the id of the started event, HistorySize the size of
	// the history up to it in bytes.
	HistoryLength, HistorySize     int
	ContinueAsNewSuggested         bool
	ContinueAsNewSuggestedReasons  []enumspb.SuggestContinueAsNewReason
	TargetDeploymentVersionChanged bool
	// BuildID of the worker that completed the task, or is about to.
	BuildID string
}

// NewMachine returns the machine of a run of which no event has been seen.
func NewMachine(workflow Workflow, options Options) *Machine {
	m := &Machine{
		workflow:       workflow,
		options:        options,
		runID:          options.RunID,
		activities:     make(map[string]*Activity),
		activityEvents: make(map[int64]*Activity),
		timers:         make(map[string]*Timer),
	}
	m.flags.recordable = options.SDKMetadata
	m.task.BuildID = options.BuildID
	return m
}

// Mode says how a stretch of history is to be taken.
type Mode struct {
	// PreviousStartedEventID is the started event of the last task that was
	// completed: up to it everything is replay.
	PreviousStartedEventID int64
	// Check compares the commands of replayed tasks with the history. It
	// needs the history from its beginning.
	Check bool
	// Offline is for histories that are replayed without a task to answer: all
	// is replay, and a last task of which the outcome is missing is not run.
	Offline bool
	// Live, if not nil, is called when the part of the history begins that is not
	// replay.
	Live func()
	// Messages came with the task, beside its history.
	Messages []*protocolpb.Message
}

// Process walks through the history. Afterwards Closing tells whether the
// workflow has ended, and TakeCommands returns the commands for the task
// that the history ends with, if it was not replayed.
//
// An error that is a NonDeterminismError, or comes from Workflow.Run, is the
// workflow's failure. Any other comes from reading the history. After either
// the machine can not be used again.
func (m *Machine) Process(ctx context.Context, history *Reader, mode Mode) error {
	m.flags.confirm()
	m.localActivities.newTask()
	m.task.BuildID = m.options.BuildID
	segment, err := history.next(ctx)
	if err != nil {
		return err
	}
	for segment != nil && m.closing == nil {
		following, err := history.next(ctx)
		if err != nil {
			return err
		}
		if mode.Offline && following == nil && segment.started != nil {
			return nil
		}
		if err := m.processSegment(segment, following, mode); err != nil {
			m.failure = err
			return err
		}
		segment = following
	}
	return nil
}

// processSegment applies the events up to and including the start of one
// workflow task. What the task resulted in is at the beginning of the
// following segment, if it is over.
func (m *Machine) processSegment(segment, following *segment, mode Mode) error {
	m.replaying = mode.Offline || segment.lastEventID() <= mode.PreviousStartedEventID || isCommandEvent(segment.lastEventType())
	if !m.replaying && mode.Live != nil {
		mode.Live()
	}
	if err := m.flags.set(segment.flags); err != nil {
		return err
	}
	m.sdk.task(m.replaying, segment, m.options)
	if m.replaying && following != nil && following.buildID != nil {
		m.task.BuildID = *following.buildID
	} else if !m.replaying {
		m.task.BuildID = m.options.BuildID
	}
	m.mutable.recorded = nil
	if err := m.preloadMarkers(following); err != nil {
		return err
	}
	if err := m.applySegment(segment, m.requests(segment, following, mode.Messages)); err != nil {
		return err
	}
	if following != nil && m.closing == nil {
		for _, marker := range following.markers {
			attributes := marker.GetMarkerRecordedEventAttributes()
			if attributes.GetMarkerName() != markerLocalActivity {
				continue
			}
			if err := m.applyLocalActivityMarker(marker.GetEventId(), attributes); err != nil {
				return err
			}
			if m.closing != nil {
				break
			}
		}
	}
	if !m.replaying {
		return nil
	}
	commands := m.take()
	m.updates.outgoing = nil
	if mode.Check && following != nil {
		return match(commands, m.closing, following, m.UseFlag(FlagProtocolMessageCommand))
	}
	return nil
}

// applySegment applies the events of a segment, and delivers each message after the
// event that it comes after.
func (m *Machine) applySegment(segment *segment, messages []*protocolpb.Message) error {
	for _, event := range segment.events {
		before := event.GetEventId() - 1
		if event == segment.started {
			// The code runs with this event: nothing may be left for later.
			before = math.MaxInt64
		}
		var err error
		if messages, err = m.deliver(messages, before); err != nil {
			return err
		}
		if m.closing != nil {
			return nil
		}
		if err := m.apply(event); err != nil {
			return err
		}
		if m.closing != nil {
			return nil
		}
	}
	return nil
}

// run lets the workflow go on.
func (m *Machine) run() error {
	closing, err := m.workflow.Run()
	if err != nil {
		return err
	}
	m.closing = closing
	return nil
}

// startTask applies the start of a workflow task.
func (m *Machine) startTask(event *historypb.HistoryEvent) error {
	attributes := event.GetWorkflowTaskStartedEventAttributes()
	m.advance(event.GetEventTime().AsTime())
	m.task.HistoryLength = int(event.GetEventId())
	m.task.HistorySize = int(attributes.GetHistorySizeBytes())
	m.task.ContinueAsNewSuggested = attributes.GetSuggestContinueAsNew()
	m.task.ContinueAsNewSuggestedReasons = attributes.GetSuggestContinueAsNewReasons()
	m.task.TargetDeploymentVersionChanged = attributes.GetTargetWorkerDeploymentVersionChanged()
	if m.options.TaskStarted != nil {
		m.options.TaskStarted(&m.task)
	}
	// The event after this one completes the task, and the events of the
	// task's commands come next. A request to cancel may have left commands
	// here before the task started.
	m.nextEventID = event.GetEventId() + 2 + int64(m.pending())
	return m.run()
}

func (m *Machine) advance(now time.Time) {
	if now.After(m.now) {
		m.now = now
	}
}

// Now is workflow time: when the current workflow task was started, or the
// last local activity ended.
func (m *Machine) Now() time.Time { return m.now }

// Replaying says whether the code is repeating what the history has already.
func (m *Machine) Replaying() bool { return m.replaying }

// SetReplaying is for closing a run: deferred functions of user code that
// look at it must believe that they are replayed.
func (m *Machine) SetReplaying(replaying bool) { m.replaying = replaying }

// Task is the current workflow task.
func (m *Machine) Task() *TaskInfo { return &m.task }

// Failure is the error of the workflow, or of its not matching the history,
// that Process or EndLocalActivity returned.
func (m *Machine) Failure() error { return m.failure }

// Closing is the command that closes the execution, nil while it goes on.
func (m *Machine) Closing() *commandpb.Command { return m.closing }

// RunID is the run that ids and random numbers are made of: the original run, or the one
// that the last reset made. It stays the same in every replay.
func (m *Machine) RunID() string { return m.runID }

// NextChildID makes an id for a child workflow that was given none.
func (m *Machine) NextChildID() string {
	return m.runID + "_" + strconv.FormatInt(m.nextSequence(), 10)
}

// NewFlags returns the SDK flags used for the first time in the current task.
func (m *Machine) NewFlags() []uint32 { return m.flags.newFlags() }

// UseFlag says whether behaviour that came with an SDK flag applies, and
// records that the run depends on it from now on.
func (m *Machine) UseFlag(flag Flag) bool { return m.flags.use(flag, !m.replaying) }

// NewSDKIdentity returns the SDK's name and version if they have to be
// reported with the current task, once.
func (m *Machine) NewSDKIdentity() (name, version string) { return m.sdk.takeChanged() }

// nextSequence is the number that ids are made from: the id that the event of
// the next command will have.
func (m *Machine) nextSequence() int64 {
	m.skipVersionMarkers()
	if m.nextEventID == 0 {
		panic("attempt to generate a command before the first workflow task was started")
	}
	return m.nextEventID
}

func (m *Machine) nextID() string { return strconv.FormatInt(m.nextSequence(), 10) }
