package workflow_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/registry"
)

// replayDamaged replays a history that no server has written. What comes of it is an error or
// nothing; a panic is an error of the kind that would end a worker.
func replayDamaged(r *registry.Registry, events []*historypb.HistoryEvent) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return flow.ReplayHistory(context.Background(), &historypb.History{Events: events}, flow.ReplayOptions{
		Options: flow.Options{Registry: r, Logger: logger.Discard{}},
	})
}

// damages are what can be done to a history at one of its events.
var damages = map[string]func(events []*historypb.HistoryEvent, at int) []*historypb.HistoryEvent{
	"without an event": func(events []*historypb.HistoryEvent, at int) []*historypb.HistoryEvent {
		return slices.Delete(events, at, at+1)
	},
	"with an event twice": func(events []*historypb.HistoryEvent, at int) []*historypb.HistoryEvent {
		return slices.Insert(events, at, proto.CloneOf(events[at]))
	},
	"out of order": func(events []*historypb.HistoryEvent, at int) []*historypb.HistoryEvent {
		next := (at + 1) % len(events)
		events[at], events[next] = events[next], events[at]
		return events
	},
	"without attributes": func(events []*historypb.HistoryEvent, at int) []*historypb.HistoryEvent {
		events[at].Attributes = nil
		return events
	},
	"with attributes of another event": func(events []*historypb.HistoryEvent, at int) []*historypb.HistoryEvent {
		events[at].Attributes = events[(at+1)%len(events)].Attributes
		return events
	},
	"with an event of another type": func(events []*historypb.HistoryEvent, at int) []*historypb.HistoryEvent {
		events[at].EventType = events[(at+1)%len(events)].EventType
		return events
	},
	"cut off": func(events []*historypb.HistoryEvent, at int) []*historypb.HistoryEvent {
		return events[:at]
	},
	"numbered anew": func(events []*historypb.HistoryEvent, at int) []*historypb.HistoryEvent {
		events = slices.Delete(events, at, at+1)
		for n, event := range events {
			event.EventId = int64(n + 1)
		}
		return events
	},
}

func TestADamagedHistoryIsAnErrorAndNoPanic(t *testing.T) {
	r := recordedRegistry(t)
	for _, path := range recordings(t) {
		history := readHistory(t, path)
		for damage, inflict := range damages {
			for at := range history.Events {
				events := inflict(proto.CloneOf(history).Events, at)
				if err := replayDamaged(r, events); err != nil && strings.HasPrefix(err.Error(), "panic: ") {
					t.Errorf("%s, %s at event %d: %v", recordingName(path), damage, at+1, err)
				}
			}
		}
	}
}

func TestAHistoryOfAnotherWorkflowDoesNotReplay(t *testing.T) {
	r := recordedRegistry(t)
	for _, path := range recordings(t) {
		for _, other := range recordings(t) {
			own, others := readHistory(t, path).Events, readHistory(t, other).Events
			if path == other {
				continue
			}
			own[0].GetWorkflowExecutionStartedEventAttributes().WorkflowType = others[0].GetWorkflowExecutionStartedEventAttributes().WorkflowType
			if err := replayDamaged(r, own); err == nil || strings.HasPrefix(err.Error(), "panic: ") {
				t.Errorf("the history of %s as one of %s: %v", recordingName(path), recordingName(other), err)
			}
		}
	}
}
