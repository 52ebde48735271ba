package workflow

import (
	"fmt"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/internal/entity"
)

// A completed workflow task brings commands. All of them are checked before any
// of them is carried out, so that a bad one leaves the run as it was; carrying out a
// command that has passed its check cannot fail.

// commandHandler is how one type of command is checked and carried out.
type commandHandler struct {
	// check validates the command against the run and the commands before it,
	// which it notes in the batch. It must not change the run. It may fill in
	// defaults in the command's attributes.
	check func(b *commandBatch, cmd *commandpb.Command) *commandFailure
	// execute adds the command's event, and does what follows from it beside the
	// records.
	execute func(a *application, cmd *commandpb.Command)
}

// commandFailure is why a workflow task is failed instead of completed, or the
// workflow terminated.
type commandFailure struct {
	cause enumspb.WorkflowTaskFailedCause
	err   error
	// terminate ends the workflow instead of failing the task: the command holds
	// more than may ever be stored.
	terminate bool
}

func badCommand(cause enumspb.WorkflowTaskFailedCause, format string, args ...any) *commandFailure {
	return &commandFailure{cause: cause, err: fmt.Errorf(format, args...)}
}

// impossible refuses a command for which the run is in no state: it cancels what is
// not there, or adds what is. Clients know the sentence, which names the event that
// would have been added.
func (*commandBatch) impossible(cause enumspb.WorkflowTaskFailedCause, event, format string, args ...any) *commandFailure {
	return badCommand(cause, "invalid history builder state for action: %s, %s", event, fmt.Sprintf(format, args...))
}

// commandBatch is the state of the run as the checks of one completion see it:
// the run, overlaid with what the commands already checked will do.
type commandBatch struct {
	run  *Run
	step *entity.Step
	// err is set by a check that could not be made, e.g. for a failed read.
	err error
	// lastScheduledActivities etc. overlay the run's pending items. True: will be
	// added by an earlier command of the batch; false: will be removed.
	activities map[string]bool // by activity id
	timers     map[string]bool // by timer id
	children   map[string]bool // by workflow id, started in this batch only
	// events are the commands that add the events which come of those checked so far,
	// nil for an event of a message, and firstEventID is the id of the first of these
	// events: what else comes of a command is buffered until the end.
	events       []*commandpb.Command
	firstEventID int64
	// messages come with the commands, and updates is how far they take the updates.
	messages []*protocolMessage
	updates  map[string]updateProgress
	// closing: a command has closed the workflow.
	closing bool
	// added is how many pending items the batch adds, by the letter of their family;
	// a cancelled activity takes one away.
	added map[byte]int
	// cancelledActivities holds the scheduled event ids of activities that an
	// earlier command of the batch asks to cancel.
	cancelledActivities map[int64]bool
	// cancelledNexus holds the scheduled event ids of Nexus operations that an earlier
	// command of the batch asks to cancel.
	cancelledNexus map[int64]bool
	// removesBufferedTimer names timers whose buffered TimerFired a CancelTimer
	// takes back.
	removesBufferedTimer map[string]bool
	// memo and searchAttributes are those of the run as the commands so far leave
	// them.
	memo, searchAttributes mergedFields
}

// makeRoom checks that the run may have one more item of the family, and counts it.
func (b *commandBatch) makeRoom(f bounded) *commandFailure {
	bound := f.bound(b.run.limits())
	if n := f.len() + b.added[f.letter()]; bound.most > 0 && n >= bound.most {
		return badCommand(bound.cause, "the number of %s, %d, has reached the per-workflow limit of %d", bound.what, n, bound.most)
	}
	b.count(f, 1)
	return nil
}

// count notes that the batch adds n items to the family.
func (b *commandBatch) count(f family, n int) {
	if b.added == nil {
		b.added = make(map[byte]int, 4)
	}
	b.added[f.letter()] += n
}

// eventAdded notes that the command, or a message, adds an event.
func (b *commandBatch) eventAdded(cmd *commandpb.Command) { b.events = append(b.events, cmd) }

// application is the work of carrying out the commands of one completion.
type application struct {
	run  *Run
	step *entity.Step
	// completedEventID is the WorkflowTaskCompleted event that the events of the
	// commands refer to.
	completedEventID int64
	identity         string
	controlQueue     string // where the worker takes commands; empty: it takes none
	// eager collects the activities to be handed out in the completion's reply.
	eager []int64 // scheduled event ids
	// eagerAllowed: the worker may be given activities in the reply.
	eagerAllowed bool
	// messages are those that come with the commands, and news what they have to say.
	messages []*protocolMessage
	news     []updateNews
	// scheduleTask: a workflow task has to follow, e.g. because an activity was
	// cancelled before it started.
	scheduleTask bool
}

// fromCommand copies what any command may say about its event.
func fromCommand(e *historypb.HistoryEvent, cmd *commandpb.Command) {
	e.UserMetadata = cmd.UserMetadata
	e.EventGroupMarkers = cmd.EventGroupMarkers
}

// handlerOf is how the command is checked and carried out.
func handlerOf(cmd *commandpb.Command) commandHandler {
	if handler, ok := commandHandlers[cmd.GetCommandType()]; ok {
		return handler
	}
	return commandHandler{check: refuseCommand}
}

// refuseCommand is the check of commands that this server does not carry out. That
// fails the workflow task with what it was: people then see in the history why the
// workflow does not go on.
func refuseCommand(_ *commandBatch, cmd *commandpb.Command) *commandFailure {
	return badCommand(enumspb.WORKFLOW_TASK_FAILED_CAUSE_FEATURE_DISABLED, "this server does not carry out commands of type %v", cmd.GetCommandType())
}

// commandHandlers has every command type that is understood. See refuseCommand for
// the others.
var commandHandlers = map[enumspb.CommandType]commandHandler{
	enumspb.COMMAND_TYPE_SCHEDULE_ACTIVITY_TASK:                     {checkScheduleActivity, executeScheduleActivity},
	enumspb.COMMAND_TYPE_REQUEST_CANCEL_ACTIVITY_TASK:               {checkCancelActivity, executeCancelActivity},
	enumspb.COMMAND_TYPE_START_TIMER:                                {checkStartTimer, executeStartTimer},
	enumspb.COMMAND_TYPE_CANCEL_TIMER:                               {checkCancelTimer, executeCancelTimer},
	enumspb.COMMAND_TYPE_START_CHILD_WORKFLOW_EXECUTION:             {checkStartChild, executeStartChild},
	enumspb.COMMAND_TYPE_SIGNAL_EXTERNAL_WORKFLOW_EXECUTION:         {checkSignalExternal, executeSignalExternal},
	enumspb.COMMAND_TYPE_REQUEST_CANCEL_EXTERNAL_WORKFLOW_EXECUTION: {checkCancelExternal, executeCancelExternal},
	enumspb.COMMAND_TYPE_SCHEDULE_NEXUS_OPERATION:                   {checkScheduleNexus, executeScheduleNexus},
	enumspb.COMMAND_TYPE_REQUEST_CANCEL_NEXUS_OPERATION:             {checkCancelNexus, executeCancelNexus},
	enumspb.COMMAND_TYPE_RECORD_MARKER:                              {checkRecordMarker, executeRecordMarker},
	enumspb.COMMAND_TYPE_UPSERT_WORKFLOW_SEARCH_ATTRIBUTES:          {checkUpsertSearchAttributes, executeUpsertSearchAttributes},
	enumspb.COMMAND_TYPE_PROTOCOL_MESSAGE:                           {checkProtocolMessage, executeProtocolMessage},
	enumspb.COMMAND_TYPE_MODIFY_WORKFLOW_PROPERTIES:                 {checkModifyProperties, executeModifyProperties},
	enumspb.COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION:                {checkComplete, executeComplete},
	enumspb.COMMAND_TYPE_FAIL_WORKFLOW_EXECUTION:                    {checkFail, executeFail},
	enumspb.COMMAND_TYPE_CANCEL_WORKFLOW_EXECUTION:                  {checkCancelWorkflow, executeCancelWorkflow},
	enumspb.COMMAND_TYPE_CONTINUE_AS_NEW_WORKFLOW_EXECUTION:         {checkContinueAsNew, executeContinueAsNew},
}
