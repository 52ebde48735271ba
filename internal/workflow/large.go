package workflow

import (
	"google.golang.org/protobuf/proto"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
)

// Operators are warned before a limit is reached, from sizes on that are settings of their own: of an
// event, of a memo, of a history when it grows beyond them, and of the rest of a run, in each step
// that changes it. It is an occurrence: nothing else comes of it.

// noteLarge notes what of the new events is larger than operators want, and what of the history
// became so by them. The sizes, in bytes, are those of the events; before is that of the history.
func (r *Run) noteLarge(step *entity.Step, sizes []int, before int64) {
	limits := r.limits()
	for i, event := range r.newEvents {
		if sizes[i] > limits.BlobWarn {
			noteLarge(step, dynamicconfig.BlobWarn.Key(), int64(sizes[i]))
		}
		if memo := memoOf(event); memo != nil {
			if size := proto.Size(memo); size > limits.MemoWarn {
				noteLarge(step, dynamicconfig.MemoWarn.Key(), int64(size))
			}
		}
	}
	if after := r.state.HistorySize; before <= limits.HistorySizeWarn && after > limits.HistorySizeWarn {
		noteLarge(step, dynamicconfig.HistorySizeWarn.Key(), after)
	}
	countBefore, count := r.newEvents[0].EventId-1, r.state.NextEventId-1
	if countBefore <= limits.HistoryEventsWarn && count > limits.HistoryEventsWarn {
		noteLarge(step, dynamicconfig.HistoryEventsWarn.Key(), count)
	}
}

// noteLargeState notes that the state of a run, of that many bytes, is larger than operators want.
func (r *Run) noteLargeState(step *entity.Step, size int) {
	if size > r.limits().StateWarn {
		noteLarge(step, dynamicconfig.StateWarn.Key(), int64(size))
	}
}

func noteLarge(step *entity.Step, setting string, size int64) {
	step.Note(entity.Occurrence{Kind: entity.GrownLarge, Type: setting, Count: size})
}

// memoOf is the memo that an event brings, if there are any.
func memoOf(event *historypb.HistoryEvent) *commonpb.Memo {
	switch attr := event.Attributes.(type) {
	case *historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes:
		return attr.WorkflowExecutionStartedEventAttributes.GetMemo()
	case *historypb.HistoryEvent_WorkflowPropertiesModifiedEventAttributes:
		return attr.WorkflowPropertiesModifiedEventAttributes.GetUpsertedMemo()
	}
	return nil
}
