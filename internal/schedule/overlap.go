package schedule

import (
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// The policies, by short names.
const (
	skip           = enumspb.SCHEDULE_OVERLAP_POLICY_SKIP
	bufferOne      = enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE
	bufferAll      = enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ALL
	cancelOther    = enumspb.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER
	terminateOther = enumspb.SCHEDULE_OVERLAP_POLICY_TERMINATE_OTHER
	allowAll       = enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL
)

// verdict is what the overlap policies make of the starts that wait.
type verdict struct {
	// overlapping may all be started, and alone may, if it is not nil: nothing runs.
	overlapping []*records.ScheduledStart
	alone       *records.ScheduledStart
	// waiting wait until nothing runs. The others are dropped.
	waiting           []*records.ScheduledStart
	skipped           int64
	cancel, terminate bool // what runs is to be canceled or terminated
}

// judge decides about the starts that wait, given whether a workflow runs. Starts without a
// policy of their own have that of the schedule as it is now.
func (s *Schedule) judge(waiting []*records.ScheduledStart, runs bool) (v verdict) {
	for _, start := range waiting {
		policy := s.overlapPolicy(start.OverlapPolicy)
		switch {
		case policy == allowAll:
			v.overlapping = append(v.overlapping, start)
		case !runs && v.alone == nil:
			v.alone = start
		case policy == bufferAll, policy == bufferOne && len(v.waiting) == 0:
			v.waiting = append(v.waiting, start)
		case policy == cancelOther && !runs, policy == terminateOther && !runs:
			v.alone = start // in place of one that has not begun
		case policy == cancelOther:
			v.cancel = true
			v.waiting = append(v.waiting, start)
		case policy == terminateOther:
			v.terminate = true
			v.waiting = append(v.waiting, start)
		default:
			v.skipped++
		}
	}
	return v
}

// applyPolicy decides about the starts that wait, until there is no more to decide.
func (s *Schedule) applyPolicy(step *entity.Step) {
	for s.applyPolicyOnce(step) {
	}
}

// applyPolicyOnce reports whether it has dropped starts that had the right to go on, so that
// others may have it now.
func (s *Schedule) applyPolicyOnce(step *entity.Step) (again bool) {
	var waiting []*records.ScheduledStart
	runs := len(s.state.Running) > 0
	for _, start := range s.starts {
		if start.SendAt == nil {
			waiting = append(waiting, start)
		} else {
			runs = runs || !start.Overlapping
		}
	}
	if len(waiting) == 0 {
		return false
	}
	v := s.judge(waiting, runs)
	if s.def.Schedule.GetAction().GetStartWorkflow() == nil {
		v = verdict{} // there is nothing to start
	}
	s.state.OverlapSkipped += v.skipped
	stays := make(map[int64]bool, len(v.waiting))
	for _, start := range v.waiting {
		stays[start.Number] = true
	}
	pass := func(start *records.ScheduledStart, overlapping bool) {
		if !start.Manual && !s.takeAction() {
			again = true
			return
		}
		start.SendAt = timestamppb.New(step.Now.Add(s.config.StartDelay(s.key.Namespace, step.Now)))
		start.Overlapping = overlapping
		stays[start.Number] = true
		s.touch(start)
	}
	for _, start := range v.overlapping {
		pass(start, true)
	}
	if v.alone != nil {
		pass(v.alone, false)
	}
	if len(stays) < len(waiting) {
		s.removeStarts(func(start *records.ScheduledStart) bool { return start.SendAt == nil && !stays[start.Number] })
		s.dirty.state, s.dirty.row = true, true
	}
	if v.cancel || v.terminate {
		s.stopRunning(step, v.terminate)
	}
	return again
}

// takeAction takes one of the actions that are left, and reports whether there was one.
func (s *Schedule) takeAction() bool {
	if !s.mayAct() {
		return false
	}
	if s.state.State.GetLimitedActions() {
		s.state.State.RemainingActions--
		s.state.ConflictToken++
		s.dirty.state, s.dirty.row = true, true
	}
	return true
}

// stopRunning cancels what runs, or terminates it. Either is asked for once.
func (s *Schedule) stopRunning(step *entity.Step, terminate bool) {
	for _, run := range s.state.Running {
		var m *records.Message
		switch {
		case run.Terminated, run.CancelRequested && !terminate:
			continue
		case terminate:
			run.Terminated = true
			m = &records.Message{Body: &records.Message_Terminate{Terminate: &records.Terminate{
				FirstRunId: run.RunId,
				Reason:     "terminated by schedule overlap policy",
				Identity:   s.identity(),
			}}}
		default:
			run.CancelRequested = true
			m = &records.Message{Body: &records.Message_Cancel{Cancel: &records.Cancel{
				FirstRunId: run.RunId,
				Reason:     "cancelled by schedule overlap policy",
				Identity:   s.identity(),
				RequestId:  s.requestID(run.Number) + "-cancel",
			}}}
		}
		s.dirty.state = true
		step.Send(entity.Key{Kind: entity.KindWorkflow, Namespace: s.key.Namespace, ID: run.WorkflowId}, mustMarshal(m))
	}
}

// running finds a running workflow by the number of its start, and removes it; nil if there
// is none.
func (s *Schedule) takeRunning(number int64) *records.ScheduledRun {
	i := slices.IndexFunc(s.state.Running, func(run *records.ScheduledRun) bool { return run.Number == number })
	if i < 0 {
		return nil
	}
	run := s.state.Running[i]
	s.state.Running = slices.Delete(s.state.Running, i, i+1)
	return run
}
