package schedule

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// What clients do to a schedule. Requests have been checked for form, and their
// specifications are canonical.

const (
	// firstToken is the conflict token of a new schedule.
	firstToken = 1
	// maxRequestIDs is how many of the last changes are known again by their request ids.
	maxRequestIDs = 20
	// maxBackfills is how many backfills may go on.
	maxBackfills = 1000
)

var (
	errNotFound         = serviceerror.NewNotFound("schedule not found")
	errStaleToken       = serviceerror.NewFailedPrecondition("mismatched conflict token")
	errTooManyBackfills = serviceerror.NewFailedPrecondition("too many concurrent backfillers")
)

// Create makes the schedule. It fails with WorkflowExecutionAlreadyStarted, which SDKs know as
// a schedule that is there already, unless the same request has made it.
func (s *Schedule) Create(step *entity.Step, req *workflowservice.CreateScheduleRequest) (token []byte, err error) {
	if s.exists() {
		if s.def.CreateRequestId == req.GetRequestId() {
			return encodeToken(firstToken), nil
		}
		return nil, serviceerror.NewWorkflowExecutionAlreadyStartedf("", "", "schedule %q is already registered", s.key.ID)
	}
	now := timestamppb.New(step.Now)
	s.def = &records.ScheduleDefinition{
		Id:               step.NewID(),
		CreateRequestId:  req.GetRequestId(),
		CreateTime:       now,
		Memo:             req.GetMemo(),
		SearchAttributes: req.GetSearchAttributes(),
	}
	s.state = &records.ScheduleState{
		ConflictToken: firstToken,
		Processed:     now,
		LastNumber:    step.Now.UnixNano(),
	}
	s.define(req.GetSchedule())
	if err := s.apply(step, req.GetInitialPatch()); err != nil {
		s.def, s.state, s.dirty = nil, nil, dirty{}
		return nil, err
	}
	s.advance(step)
	return encodeToken(firstToken), nil
}

// define takes what a client says of the schedule.
func (s *Schedule) define(schedule *schedulepb.Schedule) {
	policies := &schedulepb.SchedulePolicies{}
	if schedule.GetPolicies() != nil {
		policies = proto.CloneOf(schedule.GetPolicies())
	}
	state := &schedulepb.ScheduleState{}
	if schedule.GetState() != nil {
		state = proto.CloneOf(schedule.GetState())
	}
	s.def.Schedule = &schedulepb.Schedule{
		Spec:     cmp.Or(schedule.GetSpec(), new(schedulepb.ScheduleSpec)),
		Action:   cmp.Or(schedule.GetAction(), new(schedulepb.ScheduleAction)),
		Policies: policies,
	}
	policies.OverlapPolicy = s.overlapPolicy(0)
	policies.CatchupWindow = durationpb.New(catchUpWindow(policies))
	s.state.State = state
	s.spec, s.next = nil, nextTimes{}
	s.dirty.def, s.dirty.state, s.dirty.row = true, true, true
}

// Update replaces the schedule, if the token, should there be one, is that of its present
// state. Search attributes and the memo are left if the request has none.
func (s *Schedule) Update(step *entity.Step, req *workflowservice.UpdateScheduleRequest) error {
	if !s.exists() {
		return errNotFound
	}
	if s.knows(req.GetRequestId()) {
		return nil
	}
	if token := decodeToken(req.GetConflictToken()); token != 0 && token != s.state.ConflictToken {
		return errStaleToken
	}
	s.advance(step)
	if !s.exists() {
		return errNotFound
	}
	s.define(req.GetSchedule())
	if attributes := req.GetSearchAttributes(); attributes != nil {
		s.def.SearchAttributes = attributes
	}
	if memo := req.GetMemo(); memo != nil {
		s.def.Memo = memo
	}
	s.state.UpdateTime = timestamppb.New(step.Now)
	s.state.ConflictToken++
	// Earlier times cannot be put off to after the update by any jitter.
	s.process(step.Now.Add(-max(0, s.def.Schedule.Spec.GetJitter().AsDuration()) - time.Second))
	s.remember(req.GetRequestId())
	s.advance(step)
	return nil
}

// Patch triggers actions, and pauses the schedule or lets it go on. It fails with
// FailedPrecondition if too many backfills go on.
func (s *Schedule) Patch(step *entity.Step, req *workflowservice.PatchScheduleRequest) error {
	if !s.exists() {
		return errNotFound
	}
	if s.knows(req.GetRequestId()) {
		return nil
	}
	if len(s.state.Backfills)+len(req.GetPatch().GetBackfillRequest()) > maxBackfills {
		return errTooManyBackfills
	}
	s.advance(step)
	if !s.exists() {
		return errNotFound
	}
	if err := s.apply(step, req.GetPatch()); err != nil {
		return err
	}
	s.remember(req.GetRequestId())
	s.advance(step)
	return nil
}

// apply does what a patch says.
func (s *Schedule) apply(step *entity.Step, patch *schedulepb.SchedulePatch) error {
	if len(s.state.Backfills)+len(patch.GetBackfillRequest()) > maxBackfills {
		return errTooManyBackfills
	}
	if trigger := patch.GetTriggerImmediately(); trigger != nil {
		at := trigger.GetScheduledTime()
		if at == nil {
			at = timestamppb.New(step.Now)
		}
		if len(s.starts) >= maxBuffer {
			s.state.BufferDropped++
			s.dirty.state = true
		} else {
			s.addStart(&records.ScheduledStart{NominalTime: at, ActualTime: at, OverlapPolicy: trigger.GetOverlapPolicy(), Manual: true})
		}
	}
	for _, b := range patch.GetBackfillRequest() {
		b = proto.CloneOf(b)
		b.StartTime = timestamppb.New(b.GetStartTime().AsTime().Add(-time.Millisecond)) // inclusive
		s.state.Backfills = append(s.state.Backfills, b)
		s.dirty.state = true
	}
	if len(patch.GetBackfillRequest()) > 0 && s.state.NextBackfill == nil {
		s.state.NextBackfill = timestamppb.New(step.Now)
	}
	if notes := patch.GetPause(); notes != "" {
		s.setPaused(true, notes)
	}
	if notes := patch.GetUnpause(); notes != "" {
		s.setPaused(false, notes)
	}
	return nil
}

// Delete removes the schedule. What it has started goes on.
func (s *Schedule) Delete(step *entity.Step) error {
	if !s.exists() {
		return errNotFound
	}
	s.remove(step)
	return nil
}

// knows reports whether the request has been carried out before.
func (s *Schedule) knows(requestID string) bool {
	return requestID != "" && slices.Contains(s.state.RequestIds, requestID)
}

// remember keeps the id of a request that has been carried out.
func (s *Schedule) remember(requestID string) {
	if requestID == "" {
		return
	}
	ids := append(s.state.RequestIds, requestID)
	if over := len(ids) - maxRequestIDs; over > 0 {
		ids = append(ids[:0], ids[over:]...)
	}
	s.state.RequestIds = ids
	s.dirty.state = true
}

// encodeToken is a conflict token as clients get it.
func encodeToken(token int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(token)) }

// decodeToken is a conflict token from a client; 0, which always fits, if there is none.
func decodeToken(token []byte) int64 {
	if len(token) < 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(token))
}

// fieldsOf are the fields of a memo, nil if there are none.
func fieldsOf(memo *commonpb.Memo) *commonpb.Memo {
	if len(memo.GetFields()) == 0 {
		return nil
	}
	return memo
}
