package schedule

import (
	"fmt"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	schedulepb "go.temporal.io/api/schedule/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/schedule/spec"
)

const (
	// maxBuffer is how many starts may wait. Times that come while it is full are dropped.
	maxBuffer = 1000
	// maxTimes bounds the times of the specification that one step looks at.
	maxTimes = 1000
	// backfillPortion is how many times of backfills become starts at once, and
	// backfillRest how long it is until the next ones do.
	backfillPortion = 10
	backfillRest    = time.Second
	// idleTime is how long a schedule is kept that never will do anything again.
	idleTime = 7 * 24 * time.Hour
)

// compiled is the specification. It has been checked when it was set; should it not compile
// any more, because its time zone is gone, it never matches, and descriptions say so.
func (s *Schedule) compiled() *spec.Spec {
	if s.spec == nil {
		compiled, err := spec.Compile(s.def.GetSchedule().GetSpec())
		if err != nil {
			s.next.err = err
			compiled, _ = spec.Compile(nil)
		}
		s.spec = compiled
	}
	return s.spec
}

// seed is what jitter follows from.
func (s *Schedule) seed() string { return fmt.Sprintf("%s-%s", s.key.Namespace, s.key.ID) }

// nextTimes are the times that follow state.Processed, as far as they have been looked for.
type nextTimes struct {
	times []spec.Time
	// ended: there are no more.
	ended bool
	// err is why there are none more, if it is that the search has been given up.
	err error
}

// upcoming are the first times that follow state.Processed, n of them if there are so many.
func (s *Schedule) upcoming(n int) []spec.Time {
	after := s.state.Processed.AsTime()
	if k := len(s.next.times); k > 0 {
		after = s.next.times[k-1].Actual
	}
	for len(s.next.times) < n && !s.next.ended {
		next, err := s.compiled().Next(s.seed(), after)
		if err != nil || next.IsZero() {
			// A search that was given up is not tried again before the specification changes.
			s.next.ended = true
			if err != nil {
				s.next.err = err
			}
			break
		}
		s.next.times = append(s.next.times, next)
		after = next.Actual
	}
	return s.next.times[:min(n, len(s.next.times))]
}

// process notes that times up to t have been looked at.
func (s *Schedule) process(t time.Time) {
	if !t.After(s.state.Processed.AsTime()) {
		return
	}
	s.state.Processed = timestamppb.New(t)
	s.dirty.state = true
	k := 0
	for k < len(s.next.times) && !s.next.times[k].Actual.After(t) {
		k++
	}
	s.next.times = append(s.next.times[:0], s.next.times[k:]...)
}

// mayAct reports whether the schedule acts by itself.
func (s *Schedule) mayAct() bool {
	state := s.state.State
	return !state.GetPaused() && (!state.GetLimitedActions() || state.GetRemainingActions() > 0)
}

// generate makes starts of the times that have come since it last did.
func (s *Schedule) generate(step *entity.Step) {
	if !s.mayAct() {
		// What would have been done meanwhile is not made up for.
		s.process(step.Now)
		return
	}
	window := catchUpWindow(s.def.Schedule.GetPolicies())
	room := maxBuffer - len(s.starts)
	for range maxTimes {
		next := s.upcoming(1)
		if len(next) == 0 || next[0].Actual.After(step.Now) {
			return
		}
		t := next[0]
		s.process(t.Actual)
		switch {
		case t.Actual.Before(s.updateTime()):
			// It is of a time when the specification was another one.
		case step.Now.Sub(t.Actual) > window:
			s.state.MissedCatchupWindow++
		case room <= 0:
			s.state.BufferDropped++
		default:
			room--
			s.addStart(&records.ScheduledStart{NominalTime: timestamppb.New(t.Nominal), ActualTime: timestamppb.New(t.Actual)})
		}
		s.dirty.row = true
	}
	s.again = true
}

// updateTime is when the schedule was last updated; the zero time if never.
func (s *Schedule) updateTime() time.Time {
	if s.state.UpdateTime == nil {
		return time.Time{}
	}
	return s.state.UpdateTime.AsTime()
}

// backfill makes starts of some of the times of backfills.
func (s *Schedule) backfill(step *entity.Step) {
	st := s.state
	if len(st.Backfills) == 0 || st.NextBackfill.AsTime().After(step.Now) {
		return
	}
	s.dirty.state = true
	for left := backfillPortion; len(st.Backfills) > 0; {
		b := st.Backfills[0]
		done := false
		for ; left > 0 && len(s.starts) < maxBuffer/2; left-- {
			// It begins a little before its time: the start is inclusive.
			next, err := s.compiled().Next(s.seed(), b.GetStartTime().AsTime())
			if done = err != nil || next.IsZero() || next.Actual.After(b.GetEndTime().AsTime()); done {
				break
			}
			b.StartTime = timestamppb.New(next.Actual)
			s.addStart(&records.ScheduledStart{
				NominalTime:   timestamppb.New(next.Nominal),
				ActualTime:    b.StartTime,
				OverlapPolicy: b.GetOverlapPolicy(),
				Manual:        true,
			})
		}
		if !done {
			st.NextBackfill = timestamppb.New(step.Now.Add(backfillRest))
			return
		}
		st.Backfills = st.Backfills[1:]
	}
	st.Backfills, st.NextBackfill = nil, nil
}

// Bounds and default of the catch-up window, as on a Temporal server.
const (
	defaultCatchUpWindow = 365 * 24 * time.Hour
	minCatchUpWindow     = 10 * time.Second
)

// catchUpWindow is how late an action may be.
func catchUpWindow(p *schedulepb.SchedulePolicies) time.Duration {
	if p.GetCatchupWindow() == nil {
		return defaultCatchUpWindow
	}
	return max(p.GetCatchupWindow().AsDuration(), minCatchUpWindow)
}

// overlapPolicy is the policy of the schedule, or the one that overrides it.
func (s *Schedule) overlapPolicy(override enumspb.ScheduleOverlapPolicy) enumspb.ScheduleOverlapPolicy {
	const unspecified = enumspb.SCHEDULE_OVERLAP_POLICY_UNSPECIFIED
	if override != unspecified {
		return override
	}
	if policy := s.def.Schedule.GetPolicies().GetOverlapPolicy(); policy != unspecified {
		return policy
	}
	return enumspb.SCHEDULE_OVERLAP_POLICY_SKIP
}

// idleUntil is when the schedule is to be removed, if nothing happens to it until then; idle
// is false if it is not to be.
func (s *Schedule) idleUntil() (at time.Time, idle bool) {
	if s.state == nil || s.state.State.GetPaused() || len(s.state.Backfills)+len(s.starts)+len(s.state.Running) > 0 ||
		s.mayAct() && len(s.upcoming(1)) > 0 {
		return time.Time{}, false
	}
	last := s.def.CreateTime.AsTime()
	for _, other := range []*timestamppb.Timestamp{s.state.UpdateTime, s.lastAction().GetActualTime()} {
		if other != nil && other.AsTime().After(last) {
			last = other.AsTime()
		}
	}
	return last.Add(idleTime), true
}

// lastAction is the latest action; nil if there was none.
func (s *Schedule) lastAction() *schedulepb.ScheduleActionResult {
	if n := len(s.state.RecentActions); n > 0 {
		return s.state.RecentActions[n-1]
	}
	return nil
}

// arm moves the timer to when there is something to do.
func (s *Schedule) arm(step *entity.Step) {
	at := s.wakeTime(step.Now)
	old := s.state.WakeAt
	if old == nil && at.IsZero() || old != nil && old.AsTime().Equal(at) {
		return // one that has fired and is not cleared fires again
	}
	if old != nil {
		step.ClearTimer(nil, old.AsTime())
	}
	s.state.WakeAt = nil
	if !at.IsZero() {
		step.SetTimer(nil, at)
		s.state.WakeAt = timestamppb.New(at)
	}
	s.dirty.state = true
}

// wakeTime is when there is something to do; the zero time if never.
func (s *Schedule) wakeTime(now time.Time) time.Time {
	if s.again {
		return now
	}
	var at time.Time
	consider := func(t time.Time) {
		if at.IsZero() || t.Before(at) {
			at = t
		}
	}
	if s.mayAct() {
		if next := s.upcoming(1); len(next) > 0 {
			consider(next[0].Actual)
		}
	}
	for _, start := range s.starts {
		if start.SendAt != nil && !start.Sent {
			consider(start.SendAt.AsTime())
		}
	}
	if len(s.state.Backfills) > 0 {
		consider(s.state.NextBackfill.AsTime())
	}
	if t, idle := s.idleUntil(); idle {
		consider(t)
	}
	return at
}
