package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/internal/extstore/extstoretest"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// largeWord is stored elsewhere: nothing of it may be in histories.
var largeWord = strings.Repeat("perdure", 1000)

// carryAbout hands large values on in all ways there are, and returns how much it got.
func carryAbout(ctx workflow.Context, word string) (int, error) {
	total := len(word)
	if err := workflow.SetQueryHandler(ctx, "word", func() (string, error) { return word, nil }); err != nil {
		return 0, err
	}
	if err := workflow.SetUpdateHandler(ctx, "more", func(_ workflow.Context, more string) (string, error) {
		total += len(more)
		return more, nil
	}); err != nil {
		return 0, err
	}
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Minute, HeartbeatTimeout: time.Minute})
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: time.Minute})
	var got, local, aside, signal, child string
	if err := workflow.ExecuteActivity(ctx, "carry", word).Get(ctx, &got); err != nil {
		return 0, err
	}
	if err := workflow.ExecuteLocalActivity(ctx, carry, word).Get(ctx, &local); err != nil {
		return 0, err
	}
	if err := workflow.SideEffect(ctx, func(workflow.Context) any { return word }).Get(&aside); err != nil {
		return 0, err
	}
	if err := workflow.ExecuteChildWorkflow(ctx, carryBack, word).Get(ctx, &child); err != nil {
		return 0, err
	}
	workflow.GetSignalChannel(ctx, "signal").Receive(ctx, &signal)
	total += len(got) + len(local) + len(aside) + len(signal) + len(child)
	return total, nil
}

func carryBack(_ workflow.Context, word string) (string, error) { return word, nil }

func carry(ctx context.Context, word string) (string, error) {
	if !activity.GetInfo(ctx).IsLocalActivity {
		activity.RecordHeartbeat(ctx, word)
	}
	return word, nil
}

func TestLargeValuesTravelWithoutTheServerSeeingThem(t *testing.T) {
	shelf := &extstoretest.Shelf{}
	s := newScenarioWith(t, client.Options{ExternalStorage: converter.ExternalStorage{
		Drivers: []converter.StorageDriver{shelf}, PayloadSizeThreshold: 1000,
	}})
	s.work(worker.Options{}, func(w worker.Worker) {
		w.RegisterWorkflow(carryAbout)
		w.RegisterWorkflow(carryBack)
		w.RegisterActivity(carry)
	})
	run := s.start(carryAbout, largeWord)
	update, err := s.UpdateWorkflow(s.ctx, client.UpdateWorkflowOptions{
		WorkflowID: run.GetID(), UpdateName: "more", Args: []any{largeWord}, WaitForStage: client.WorkflowUpdateStageCompleted,
	})
	if err != nil {
		t.Fatal(err)
	}
	var more string
	if err := update.Get(s.ctx, &more); err != nil || more != largeWord {
		t.Errorf("the update returned %d bytes, %v", len(more), err)
	}
	answer, err := s.QueryWorkflow(s.ctx, run.GetID(), "", "word")
	if err != nil {
		t.Fatal(err)
	}
	var word string
	if err := answer.Get(&word); err != nil || word != largeWord {
		t.Errorf("the query returned %d bytes, %v", len(word), err)
	}
	s.signal(run, "signal", largeWord)
	if total := result[int](s, run); total != 7*len(largeWord) {
		t.Errorf("the workflow got %d bytes", total)
	}
	events := s.GetWorkflowHistory(s.ctx, run.GetID(), run.GetRunID(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		if size := proto.Size(event); size > 2000 {
			t.Errorf("event %v has %d bytes", event.GetEventType(), size)
		}
	}
}
