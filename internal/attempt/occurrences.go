package attempt

import (
	"time"

	failurepb "go.temporal.io/api/failure/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// NoteStart notes in the step that the attempt, which Start has marked, has been started.
func NoteStart(step *entity.Step, act *records.Activity) {
	step.Note(entity.Occurrence{
		Kind: entity.ActivityStarted, Type: act.ActivityType, Attempt: act.Attempt, Took: since(step.Now, act.ScheduledTime),
	})
}

// NoteFailure notes in the step that the attempt has failed, or timed out, and that there will be
// another one. It is to be called before End.
func NoteFailure(step *entity.Step, act *records.Activity, failure *failurepb.Failure) {
	kind := entity.ActivityFailed
	if failure.GetTimeoutFailureInfo() != nil {
		kind = entity.ActivityTimedOut
	}
	note(step, act, kind, failure, false)
}

// NoteEnd notes in the step that the activity ends for good. failure is looked at if it has timed
// out. It is to be called while the mark of the start is there.
func NoteEnd(step *entity.Step, act *records.Activity, kind entity.OccurrenceKind, failure *failurepb.Failure) {
	note(step, act, kind, failure, true)
}

func note(step *entity.Step, act *records.Activity, kind entity.OccurrenceKind, failure *failurepb.Failure, final bool) {
	step.Note(entity.Occurrence{
		Kind:    kind,
		Final:   final,
		Type:    act.ActivityType,
		Attempt: act.Attempt,
		Detail:  int32(failure.GetTimeoutFailureInfo().GetTimeoutType()),
		Took:    since(step.Now, act.StartedTime),
		Total:   since(step.Now, act.FirstScheduledTime),
	})
}

// since is how long ago the time was; 0 if it is not known or yet to come.
func since(now time.Time, at *timestamppb.Timestamp) time.Duration {
	if at == nil {
		return 0
	}
	return max(0, now.Sub(at.AsTime()))
}
