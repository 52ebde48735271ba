package schedule

import (
	"fmt"
	"slices"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// recentActions is how many of the latest actions are remembered.
const recentActions = 10

// Receive implements entity.Entity: what chains of workflows say of what the schedule has
// started. What it does not wait for any more it does not want to know.
func (s *Schedule) Receive(step *entity.Step, from entity.Key, body []byte) error {
	m := new(records.Message)
	if err := proto.Unmarshal(body, m); err != nil {
		return fmt.Errorf("%w: it does not decode: %v", entity.ErrUnknownMessage, err)
	}
	switch answer := m.Body.(type) {
	case *records.Message_WorkflowStarted:
		if s.exists() && s.started(from, answer.WorkflowStarted) {
			s.advance(step)
		}
	case *records.Message_WorkflowStartFailed:
		if s.exists() && s.startFailed(answer.WorkflowStartFailed) {
			s.advance(step)
		}
	case *records.Message_WorkflowClosed:
		if s.exists() && s.closed(from, answer.WorkflowClosed) {
			s.advance(step)
		}
	default:
		return entity.ErrUnknownMessage
	}
	return nil
}

// take removes the start with the number, whose answer has come; nil if there is none.
func (s *Schedule) take(number int64) *records.ScheduledStart {
	start := s.start(number)
	if start != nil {
		s.removeStarts(func(other *records.ScheduledStart) bool { return other == start })
		s.dirty.state, s.dirty.row = true, true
	}
	return start
}

// started notes that a workflow has been started.
func (s *Schedule) started(from entity.Key, answer *records.WorkflowStarted) bool {
	start := s.take(answer.GetNumber())
	if start == nil {
		return false
	}
	s.state.ActionCount++
	s.addAction(start.Number, &schedulepb.ScheduleActionResult{
		ScheduleTime:        start.ActualTime,
		ActualTime:          answer.GetStartTime(),
		StartWorkflowResult: &commonpb.WorkflowExecution{WorkflowId: from.ID, RunId: answer.GetRunId()},
		StartWorkflowStatus: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING,
	})
	if !start.Overlapping {
		s.state.Running = append(s.state.Running, &records.ScheduledRun{Number: start.Number, WorkflowId: from.ID, RunId: answer.GetRunId()})
	}
	return true
}

// addAction remembers an action as one of the latest, in the order of the starts: their answers may
// come in another one.
func (s *Schedule) addAction(number int64, action *schedulepb.ScheduleActionResult) {
	st := s.state
	i, _ := slices.BinarySearch(st.RecentNumbers, number)
	st.RecentActions = slices.Insert(st.RecentActions, i, action)
	st.RecentNumbers = slices.Insert(st.RecentNumbers, i, number)
	if over := len(st.RecentActions) - recentActions; over > 0 {
		st.RecentActions = slices.Delete(st.RecentActions, 0, over)
		st.RecentNumbers = slices.Delete(st.RecentNumbers, 0, over)
	}
}

// startFailed drops a start that cannot be carried out.
func (s *Schedule) startFailed(answer *records.WorkflowStartFailed) bool {
	return s.take(answer.GetNumber()) != nil
}

// closed notes how a workflow has ended. One that may overlap with others is only of interest
// to the list of recent actions, and as a failure that pauses the schedule.
func (s *Schedule) closed(from entity.Key, answer *records.WorkflowClosed) (news bool) {
	end := new(historypb.HistoryEvent)
	if proto.Unmarshal(answer.GetCloseEvent(), end) != nil || answer.GetNumber() <= s.def.CreateTime.AsTime().UnixNano() {
		return false // it was of another schedule, which had this name before
	}
	if action := s.recentAction(answer.GetFirstRunId()); action != nil {
		action.StartWorkflowStatus = closeStatus(end)
		s.dirty.state, s.dirty.row = true, true
	}
	if s.takeRunning(answer.GetNumber()) != nil {
		news = true
		s.dirty.state, s.dirty.row = true, true
		s.noteOutcome(end)
	}
	s.pauseOnFailure(end, from.ID)
	return news
}

// recentAction is the one that has started the run; nil if it is forgotten.
func (s *Schedule) recentAction(runID string) *schedulepb.ScheduleActionResult {
	for _, action := range s.state.RecentActions {
		if action.GetStartWorkflowResult().GetRunId() == runID {
			return action
		}
	}
	return nil
}

// noteOutcome keeps what the next workflow is told. A failure leaves the last result, and any
// other end leaves both, as on a Temporal server.
func (s *Schedule) noteOutcome(end *historypb.HistoryEvent) {
	switch result, failure := end.GetWorkflowExecutionCompletedEventAttributes().GetResult(), end.GetWorkflowExecutionFailedEventAttributes().GetFailure(); {
	case result != nil:
		s.outcome = &records.ScheduleOutcome{Result: result}
	case failure != nil:
		s.outcome = &records.ScheduleOutcome{Result: s.outcome.GetResult(), Failure: failure}
	default:
		return
	}
	s.dirty.outcome = true
}

// pauseOnFailure pauses the schedule if it is to be when a workflow ends in this way.
func (s *Schedule) pauseOnFailure(end *historypb.HistoryEvent, workflowID string) {
	if !s.def.Schedule.GetPolicies().GetPauseOnFailure() || s.state.State.GetPaused() {
		return
	}
	switch closeStatus(end) {
	case enumspb.WORKFLOW_EXECUTION_STATUS_FAILED:
		message := end.GetWorkflowExecutionFailedEventAttributes().GetFailure().GetMessage()
		s.setPaused(true, fmt.Sprintf("paused due to workflow failure: %s: %s", workflowID, cut(message, maxFailureNote)))
	case enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT:
		s.setPaused(true, "paused due to workflow timeout: "+workflowID)
	}
}

// maxFailureNote bounds what of the message of a failure is in the notes of a schedule, which
// are in each list of schedules.
const maxFailureNote = 1000

func cut(text string, limit int) string {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && text[limit]&0xc0 == 0x80 { // not in the middle of a character
		limit--
	}
	return text[:limit]
}

// setPaused pauses the schedule or lets it go on.
func (s *Schedule) setPaused(paused bool, notes string) {
	s.state.State.Paused, s.state.State.Notes = paused, notes
	s.state.ConflictToken++
	s.dirty.state, s.dirty.row = true, true
}

// closeStatus is the status of a workflow that the event has closed.
func closeStatus(end *historypb.HistoryEvent) enumspb.WorkflowExecutionStatus {
	switch end.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		return enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		return enumspb.WORKFLOW_EXECUTION_STATUS_FAILED
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CANCELED:
		return enumspb.WORKFLOW_EXECUTION_STATUS_CANCELED
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		return enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT
	}
	return enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
}
