package test

import (
	"testing"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/test/owned"
	"github.com/perdure/perdure/test/scenario"
)

// A worker can be exchanged for one on the other SDK while its workflows run.
func TestEachSDKReplaysTheHistoriesOfTheOther(t *testing.T) {
	if *record {
		t.Skip("recording")
	}
	mine := owned.All()
	for n, s := range scenario.All() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			public, own := scenario.PlayAndKeep(t, address, s), owned.PlayAndKeep(t, address, mine[n])
			for name, history := range own.Histories {
				if err := public.Replay(history); replayable(history) && err != nil {
					t.Errorf("%s, recorded with Perdure's SDK, replayed with the Temporal Go SDK: %v", name, err)
				}
			}
			for name, history := range public.Histories {
				if err := own.Replay(history); replayable(history) && err != nil {
					t.Errorf("%s, recorded with the Temporal Go SDK, replayed with Perdure's SDK: %v", name, err)
				}
			}
		})
	}
}

// replayable says whether workflow code has run at all.
func replayable(history *historypb.History) bool {
	for _, event := range history.GetEvents() {
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			return true
		}
	}
	return false
}
