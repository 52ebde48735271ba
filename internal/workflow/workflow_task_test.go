package workflow

import (
	"errors"
	"testing"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/entity"
)

func TestTaskIsStartedOnce(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	record := *w.task(entity.TaskWorkflow)
	w.poll()
	err := w.step(func(s *entity.Step, c *Chain) error {
		_, err := c.StartWorkflowTask(s, &record, &workflowservice.PollWorkflowTaskQueueRequest{})
		return err
	})
	if !errors.Is(err, entity.ErrStaleTask) {
		t.Fatalf("second start: %v", err)
	}
}

func TestTaskOfAnotherRunIsStale(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	record := *w.task(entity.TaskWorkflow)
	record.RunID = "another"
	err := w.step(func(s *entity.Step, c *Chain) error {
		_, err := c.StartWorkflowTask(s, &record, &workflowservice.PollWorkflowTaskQueueRequest{})
		return err
	})
	if !errors.Is(err, entity.ErrStaleTask) {
		t.Fatalf("start: %v", err)
	}
}

func TestHeartbeatsComeToAnEnd(t *testing.T) {
	w := newWorkflow(t)
	w.start()
	task := w.poll()
	for range 1000 {
		w.advance(8 * time.Second)
		completion, err := w.tryComplete(task.TaskToken, &completeRequest{ForceCreateNewWorkflowTask: true, ReturnNewWorkflowTask: true, StickyAttributes: stickyAttributes()})
		if err != nil {
			t.Fatal(err)
		}
		if completion.Err != nil {
			if !isNotFound(completion.Err) || w.now.Sub(w.chain().current.info.StartTime.AsTime()) < heartbeatLimit {
				t.Fatalf("after %v: %v", w.now, completion.Err)
			}
			if w.task(entity.TaskWorkflow) == nil || w.task(entity.TaskWorkflow).Sticky != "" {
				t.Fatal("no task on the normal queue")
			}
			return
		}
		task = completion.Response.WorkflowTask
	}
	t.Fatal("heartbeats go on for ever")
}

func TestLongHistoryIsPaged(t *testing.T) {
	w := newWorkflow(t, Limits{HistoryPageEvents: 4})
	w.start()
	for range 10 {
		w.signal("s")
	}
	for _, crash := range []bool{false, true} {
		if crash {
			w.crash()
		}
		task := w.poll()
		if len(task.History.Events) != 4 || len(task.NextPageToken) == 0 {
			t.Fatalf("first page is %s, token %q", names(task.History.Events), task.NextPageToken)
		}
		events := task.History.Events
		token, err := tokens.DecodeHistory(task.NextPageToken)
		if err != nil {
			t.Fatal(err)
		}
		from := token.NextEventId
		for from != 0 {
			page, err := w.chain().ReadHistory(w.reader(), HistoryRequest{RunID: token.RunId, From: from, To: token.LastEventId, IncludeStarted: true, IncludeTransient: true})
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, decodeEvents(t, page.Events)...)
			from = page.Next
		}
		if len(events) != 13 || events[12].EventType != enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED || events[12].EventId != task.StartedEventId {
			t.Fatalf("whole history is %s", names(events))
		}
	}
}
