package workflow_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"

	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logger"
	"github.com/perdure/perdure/sdk/internal/registry"
)

func recordedRegistry(t testing.TB) *registry.Registry {
	t.Helper()
	r := flow.NewRegistry(false)
	for _, f := range []any{ActivityTimerSignal, Cancellation, Versions, LocalActivities, Child, Children, Coroutines, Properties, Failing} {
		if err := r.RegisterWorkflow(f, registry.WorkflowOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range []any{Greet, Refuse, Flaky, Linger, &Tools{}} {
		if err := r.RegisterActivity(f, registry.ActivityOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func readHistory(t testing.TB, path string) *historypb.History {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var history historypb.History
	if err := (temporalproto.CustomJSONUnmarshalOptions{DiscardUnknown: true}).Unmarshal(data, &history); err != nil {
		t.Fatal(err)
	}
	return &history
}

func recordings(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no recorded histories: %v", err)
	}
	return paths
}

func recordingName(path string) string { return strings.TrimSuffix(filepath.Base(path), ".json") }

func TestHistoriesOfTheTemporalSDKReplay(t *testing.T) {
	r := recordedRegistry(t)
	for _, path := range recordings(t) {
		t.Run(recordingName(path), func(t *testing.T) {
			err := flow.ReplayHistory(context.Background(), readHistory(t, path), flow.ReplayOptions{
				Options: flow.Options{Registry: r, Logger: logger.Discard{}},
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAHistoryCutOffAnywhereReplays(t *testing.T) {
	r := recordedRegistry(t)
	for _, path := range recordings(t) {
		t.Run(recordingName(path), func(t *testing.T) {
			history := readHistory(t, path)
			for last := int64(3); last < int64(len(history.Events)); last++ {
				if isCommandEvent(history.Events[last]) {
					continue // the events of one task come all or none
				}
				err := flow.ReplayHistory(context.Background(), history, flow.ReplayOptions{
					Options:     flow.Options{Registry: r, Logger: logger.Discard{}},
					LastEventID: last,
				})
				if err != nil {
					t.Error(fmt.Errorf("up to event %d: %w", last, err))
				}
			}
		})
	}
}

func isCommandEvent(event *historypb.HistoryEvent) bool {
	type fromCommand interface{ GetWorkflowTaskCompletedEventId() int64 }
	// The attributes of every event that comes from a command say which task
	// completion it came with.
	attributes := reflect.ValueOf(event.GetAttributes()).Elem().Field(0).Interface()
	c, ok := attributes.(fromCommand)
	return ok && c.GetWorkflowTaskCompletedEventId() != 0
}
