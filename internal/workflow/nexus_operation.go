package workflow

import (
	"fmt"
	"slices"
	"strings"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
	"github.com/perdure/perdure/internal/records"
)

// nexusOperations are the pending Nexus operations of a run, by scheduled event id.
// Their life is described in internal/nexus/operation.go, how their calls are made in
// nexus_call.go, and how their ends come back in nexus_completion.go.
type nexusOperations struct {
	pendingItems[int64, records.NexusOperation, *records.NexusOperation]
	// failureBytes is the size of the failures that they hold.
	failureBytes int
}

func (*nexusOperations) letter() byte { return 'n' }

func (f *nexusOperations) load(r *Run, _, value []byte) error {
	op, err := decodeRecord[records.NexusOperation](value)
	if err != nil {
		return err
	}
	f.keep(op.ScheduledEventId, op)
	f.failureBytes += nexus.Size(op)
	f.noteDeadline(r, op)
	return nil
}

func (f *nexusOperations) flush(r *Run, step *entity.Step) { f.flushTo(r, step, f.letter()) }

// change changes the operation, has its record written and its deadline noted.
func (f *nexusOperations) change(r *Run, op *records.NexusOperation, change func()) {
	f.failureBytes -= nexus.Size(op)
	change()
	f.failureBytes += nexus.Size(op)
	f.touch(op.ScheduledEventId)
	f.noteDeadline(r, op)
}

func (f *nexusOperations) noteDeadline(r *Run, op *records.NexusOperation) {
	at, _ := nexus.Deadline(op)
	r.deadlines.set(f.letter(), op.ScheduledEventId, at)
}

// end forgets an operation that has ended.
func (f *nexusOperations) end(r *Run, scheduledEventID int64) error {
	op := f.get(scheduledEventID)
	if op == nil {
		return errNotPending
	}
	f.failureBytes -= nexus.Size(op)
	f.remove(scheduledEventID)
	r.deadlines.remove(scheduledEventID)
	return nil
}

// drop keeps the operations, as they were when the run closed, for descriptions of it.
func (f *nexusOperations) drop(*Run) {}

func (f *nexusOperations) size() int { return f.len()*pendingItemBytes + f.failureBytes }

func (f *nexusOperations) bound(limits *Limits) bound {
	return bound{limits.NexusOperations, "pending nexus operations", enumspb.WORKFLOW_TASK_FAILED_CAUSE_PENDING_NEXUS_OPERATIONS_LIMIT_EXCEEDED}
}

// fire does what the operation's earliest deadline asks for, and reports whether it has
// ended the operation.
func (f *nexusOperations) fire(r *Run, step *entity.Step, scheduledEventID int64) (ended bool) {
	op := f.get(scheduledEventID)
	switch _, what := nexus.Deadline(op); what {
	case nexus.DueStart:
		f.change(r, op, func() { nexus.ScheduleStart(op, step, r.nexusOwner()) })
		return false
	case nexus.DueCancel:
		f.change(r, op, func() { nexus.ScheduleCancel(op, step, r.nexusOwner()) })
		return false
	default:
		r.endNexusOperation(step, op, nexusOperationTimedOut(op, what.TimeoutType()))
		return true
	}
}

// nexusOwner is the run as the owner of its operations.
func (r *Run) nexusOwner() nexus.Owner {
	return nexus.Owner{Entity: r.chain.key, RunID: r.info.RunId, Ahead: r.chain.ahead}
}

// undispatchNexus takes back the calls that are due for operations, because the run closes.
func (r *Run) undispatchNexus(step *entity.Step) {
	for _, id := range r.nexusOperations.keys() {
		op := r.nexusOperations.get(id)
		r.nexusOperations.change(r, op, func() { nexus.Unschedule(op, step) })
	}
}

func checkScheduleNexus(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	const bad = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES

	attr := cmd.GetScheduleNexusOperationCommandAttributes()
	if attr == nil {
		return badCommand(bad, "empty ScheduleNexusOperationCommandAttributes")
	}
	limits := b.run.limits()
	if attr.Endpoint == nexus.SystemEndpoint {
		return badCommand(bad, "the endpoint %s has no operation %q of service %q on this server", nexus.SystemEndpoint, attr.Operation, attr.Service)
	}
	if _, ok := b.run.chain.config.endpoint(attr.Endpoint); !ok {
		return badCommand(bad, "endpoint %q not found", attr.Endpoint)
	}
	if most := limits.NexusService; len(attr.Service) > most {
		return badCommand(bad, "ScheduleNexusOperationCommandAttributes.Service exceeds length limit of %d", most)
	}
	if most := limits.NexusOperation; len(attr.Operation) > most {
		return badCommand(bad, "ScheduleNexusOperationCommandAttributes.Operation exceeds length limit of %d", most)
	}
	for _, timeout := range []struct {
		name  string
		value *durationpb.Duration
	}{
		{"ScheduleToCloseTimeout", attr.ScheduleToCloseTimeout},
		{"ScheduleToStartTimeout", attr.ScheduleToStartTimeout},
		{"StartToCloseTimeout", attr.StartToCloseTimeout},
	} {
		if err := check.Duration(timeout.name, timeout.value, check.NexusCommand); err != nil {
			return badCommand(bad, "%w", err)
		}
	}
	if proto.Size(attr.Input) > limits.BlobSize {
		failure := badCommand(bad, "ScheduleNexusOperationCommandAttributes.Input exceeds size limit")
		failure.terminate = true
		return failure
	}
	header, failure := checkNexusHeader(limits, attr.NexusHeader)
	if failure != nil {
		return failure
	}
	attr.NexusHeader = header
	if failure := b.makeRoom(&b.run.nexusOperations); failure != nil {
		return badCommand(failure.cause, "workflow has reached the pending nexus operation limit of %d for this namespace", limits.NexusOperations)
	}
	b.run.capNexusTimeouts(attr)
	return nil
}

// checkNexusHeader returns the header with its names in lower case.
func checkNexusHeader(limits *Limits, header map[string]string) (map[string]string, *commandFailure) {
	const bad = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_SCHEDULE_NEXUS_OPERATION_ATTRIBUTES

	size, lower := 0, make(map[string]string, len(header))
	for name, value := range header {
		key := strings.ToLower(name)
		lower[key] = value
		size += len(key) + len(value)
		if slices.Contains(limits.NexusDisallowed, key) {
			return nil, badCommand(bad, "ScheduleNexusOperationCommandAttributes.NexusHeader contains a disallowed header key: %q", name)
		}
	}
	if size > limits.NexusHeader {
		return nil, badCommand(bad, "ScheduleNexusOperationCommandAttributes.NexusHeader exceeds size limit")
	}
	return lower, nil
}

// capNexusTimeouts bounds the timeouts of an operation by that of the run, by the longest
// that may be, and by each other.
func (r *Run) capNexusTimeouts(attr *commandpb.ScheduleNexusOperationCommandAttributes) {
	whole := attr.ScheduleToCloseTimeout.AsDuration()
	if run := r.info.RunTimeout.AsDuration(); run > 0 && (whole == 0 || whole > run) {
		attr.ScheduleToCloseTimeout, whole = r.info.RunTimeout, run
	}
	if most := r.limits().NexusTimeout; most > 0 && whole > most {
		attr.ScheduleToCloseTimeout, whole = durationpb.New(most), most
	}
	if whole <= 0 {
		return
	}
	if attr.ScheduleToStartTimeout.AsDuration() > whole {
		attr.ScheduleToStartTimeout = attr.ScheduleToCloseTimeout
	}
	if attr.StartToCloseTimeout.AsDuration() > whole {
		attr.StartToCloseTimeout = attr.ScheduleToCloseTimeout
	}
}

func executeScheduleNexus(a *application, cmd *commandpb.Command) {
	r, attr := a.run, cmd.GetScheduleNexusOperationCommandAttributes()
	endpointID, _ := r.chain.config.endpoint(attr.Endpoint)
	event := a.addCommandEvent(cmd, nexusOperationScheduled(attr, endpointID, a.step.NewID(), a.completedEventID))
	op := r.nexusOperations.get(event.EventId)
	r.nexusOperations.change(r, op, func() { nexus.ScheduleStart(op, a.step, r.nexusOwner()) })
}

func checkCancelNexus(b *commandBatch, cmd *commandpb.Command) *commandFailure {
	const bad = enumspb.WORKFLOW_TASK_FAILED_CAUSE_BAD_REQUEST_CANCEL_NEXUS_OPERATION_ATTRIBUTES

	attr := cmd.GetRequestCancelNexusOperationCommandAttributes()
	if attr == nil {
		return badCommand(bad, "empty CancelNexusOperationCommandAttributes")
	}
	id := attr.ScheduledEventId
	op := b.run.nexusOperations.get(id)
	switch {
	case b.cancelledNexus[id], op.GetCancellation() != nil:
		return badCommand(bad, "cancelation was already requested for an operation with scheduled event ID %d", id)
	case op != nil, b.schedulesNexus(id):
		setOverlay(&b.cancelledNexus, id, true)
	case !b.run.nexusEndBuffered(id):
		return badCommand(bad, "requested cancelation for a non-existing or already completed operation with scheduled event ID of %d", id)
	}
	return nil
}

// schedulesNexus reports whether an earlier command of the batch schedules the operation,
// given the id that its event will have.
func (b *commandBatch) schedulesNexus(eventID int64) bool {
	i := eventID - b.firstEventID
	return i >= 0 && i < int64(len(b.events)) && b.events[i].GetScheduleNexusOperationCommandAttributes() != nil
}

// nexusEndBuffered reports whether the event that ends the operation waits among the
// buffered events: the workflow cannot know yet that it is too late to cancel it.
func (r *Run) nexusEndBuffered(scheduledEventID int64) bool {
	for _, event := range r.buffer.events {
		if id, ends := endOfNexusOperation(event); ends && id == scheduledEventID {
			return true
		}
	}
	return false
}

func executeCancelNexus(a *application, cmd *commandpb.Command) {
	r, id := a.run, cmd.GetRequestCancelNexusOperationCommandAttributes().ScheduledEventId
	event := nexusOperationCancelRequested(id, a.completedEventID)
	op := r.nexusOperations.get(id)
	if op == nil {
		// It has ended already; the workflow finds out with the buffered events. Theirs is the
		// last word, so there is nothing to apply.
		fromCommand(event, cmd)
		setTime(a.step, event)
		r.number(event)
		return
	}
	a.addCommandEvent(cmd, event)
	r.cancelNexusOperation(a.step, op)
}

// cancelNexusOperation has the call made that cancels the operation, if that is asked for
// and it has started.
func (r *Run) cancelNexusOperation(step *entity.Step, op *records.NexusOperation) {
	if c := op.Cancellation; c.GetRequestedTime() != nil && c.State == 0 && c.Calls.GetTaskId() == 0 && c.Calls.GetNextAttemptTime() == nil {
		r.nexusOperations.change(r, op, func() { nexus.ScheduleCancel(op, step, r.nexusOwner()) })
	}
}

// describeNexus describes the pending operations, in the order in which they were
// scheduled.
func (r *Run) describeNexus() []*workflowpb.PendingNexusOperationInfo {
	var infos []*workflowpb.PendingNexusOperationInfo
	for _, id := range r.nexusOperations.keys() {
		op := r.nexusOperations.get(id)
		info := &workflowpb.PendingNexusOperationInfo{
			Endpoint:  op.Endpoint,
			Service:   op.Service,
			Operation: op.Operation,
			//lint:ignore SA1019 older clients use it
			OperationId:             op.OperationToken,
			OperationToken:          op.OperationToken,
			ScheduledEventId:        id,
			ScheduleToCloseTimeout:  op.ScheduleToCloseTimeout,
			ScheduleToStartTimeout:  op.ScheduleToStartTimeout,
			StartToCloseTimeout:     op.StartToCloseTimeout,
			ScheduledTime:           op.ScheduledTime,
			Attempt:                 op.Start.GetAttempt(),
			LastAttemptCompleteTime: op.Start.GetLastAttemptCompleteTime(),
			LastAttemptFailure:      op.Start.GetLastAttemptFailure(),
			NextAttemptScheduleTime: nexus.NextAttempt(op.Start),
		}
		info.State, info.BlockedReason = nexus.PendingState(op)
		if c := op.Cancellation; c != nil {
			info.CancellationInfo = &workflowpb.NexusOperationCancellationInfo{
				RequestedTime:           c.RequestedTime,
				Attempt:                 c.Calls.GetAttempt(),
				LastAttemptCompleteTime: c.Calls.GetLastAttemptCompleteTime(),
				LastAttemptFailure:      c.Calls.GetLastAttemptFailure(),
				NextAttemptScheduleTime: nexus.NextAttempt(c.Calls),
			}
			info.CancellationInfo.State, info.CancellationInfo.BlockedReason = nexus.CancellationState(c)
		}
		infos = append(infos, info)
	}
	return infos
}

// resumeNexus sees to the operations that were pending at the point of a reset: calls that
// had not succeeded are made again, by the same request ids.
func (r *Run) resumeNexus(step *entity.Step) {
	for _, id := range r.nexusOperations.keys() {
		op := r.nexusOperations.get(id)
		if op.StartedTime == nil {
			r.nexusOperations.change(r, op, func() { nexus.ScheduleStart(op, step, r.nexusOwner()) })
		} else {
			r.cancelNexusOperation(step, op)
		}
	}
}

// reapplyNexusEvent applies what became of an operation in another run, if the run has the
// same operation in a state in which that can be.
func (r *Run) reapplyNexusEvent(step *entity.Step, e *historypb.HistoryEvent) {
	again := &historypb.HistoryEvent{EventType: e.EventType, Attributes: proto.CloneOf(e).Attributes}
	id, requestID := e.GetNexusOperationStartedEventAttributes().GetScheduledEventId(), e.GetNexusOperationStartedEventAttributes().GetRequestId()
	started := id != 0
	if !started {
		id, requestID = endOfNexus(e)
	}
	op := r.nexusOperations.get(id)
	if op == nil || requestID != "" && op.RequestId != requestID || started && op.StartedTime != nil {
		return
	}
	r.nexusOperations.change(r, op, func() { nexus.Unschedule(op, step) })
	r.addEvent(step, again)
}

// nexusRunTime is the time of the run, given that of its shard.
func (r *Run) nexusRunTime(now time.Time) time.Time {
	if r.closed() {
		return now
	}
	return now.Add(r.skipped())
}

// eventAt reads an event of the history.
func (r *Run) eventAt(reader func() entity.Reader, eventID int64) (*historypb.HistoryEvent, error) {
	data, _, err := r.readHistory(reader, eventID, eventID, r.limits())
	if err != nil {
		return nil, fmt.Errorf("read event %d of run %s: %w", eventID, r.info.RunId, err)
	}
	raw, _, err := nextEvent(data)
	if err != nil {
		return nil, err
	}
	return decodeEvent(raw)
}
