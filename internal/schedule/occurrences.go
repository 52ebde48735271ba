package schedule

import (
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// counts is what of a schedule is counted for operators: its actions, and those that there were not because they came too late, because
// of others that ran, or because too many waited.
type counts struct{ actions, missed, skipped, dropped int64 }

func countsOf(state *records.ScheduleState) counts {
	return counts{state.GetActionCount(), state.GetMissedCatchupWindow(), state.GetOverlapSkipped(), state.GetBufferDropped()}
}

// noteCounts notes what the step has added to the counts.
func (s *Schedule) noteCounts(step *entity.Step) {
	now := countsOf(s.state)
	if now == s.told {
		return
	}
	for _, c := range []struct {
		kind      entity.OccurrenceKind
		now, told int64
	}{
		{entity.ScheduleActed, now.actions, s.told.actions}, {entity.ScheduleMissed, now.missed, s.told.missed},
		{entity.ScheduleSkipped, now.skipped, s.told.skipped}, {entity.ScheduleDropped, now.dropped, s.told.dropped},
	} {
		if c.now > c.told { // it is less if a schedule has been made anew
			step.Note(entity.Occurrence{Kind: c.kind, Count: c.now - c.told})
		}
	}
	s.told = now
}
