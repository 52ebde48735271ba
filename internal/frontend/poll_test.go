package frontend

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/matching"
)

func pollWorkflows() *workflowservice.PollWorkflowTaskQueueRequest {
	return &workflowservice.PollWorkflowTaskQueueRequest{Namespace: "default", TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}}
}

func pollActivities() *workflowservice.PollActivityTaskQueueRequest {
	return &workflowservice.PollActivityTaskQueueRequest{Namespace: "default", TaskQueue: &taskqueuepb.TaskQueue{Name: "q"}}
}

// offer puts a task of the workflow w into the queue.
func (d *door) offer() *entity.Task {
	task := &entity.Task{Entity: entity.Key{Kind: entity.KindWorkflow, Namespace: d.ns.ID, ID: "w"}}
	d.matching.work <- &matching.Work{Task: task, BacklogCount: 3}
	return task
}

func TestAPollReturnsTheTaskItHasStarted(t *testing.T) {
	d := newDoor(t)
	d.offer()
	resp, err := d.call(t.Context(), pollWorkflows())
	if got, ok := resp.(*workflowservice.PollWorkflowTaskQueueResponse); !ok || err != nil || string(got.TaskToken) != "token" || got.BacklogCountHint != 3 {
		t.Errorf("poll for workflow tasks: %v, %v", resp, err)
	}
	d.offer()
	resp, err = d.call(t.Context(), pollActivities())
	if got, ok := resp.(*workflowservice.PollActivityTaskQueueResponse); !ok || err != nil || string(got.TaskToken) != "token" {
		t.Errorf("poll for activities: %v, %v", resp, err)
	}
}

func TestStaleTasksArePassedOver(t *testing.T) {
	d := newDoor(t)
	d.offer()
	d.offer()
	d.chain.err = entity.ErrStaleTask
	d.chain.act = func() {
		if len(d.matching.work) == 0 {
			d.chain.err = nil
		}
	}
	resp, err := d.call(t.Context(), pollWorkflows())
	if err != nil || string(resp.(*workflowservice.PollWorkflowTaskQueueResponse).TaskToken) != "token" {
		t.Errorf("answer is %v, %v; want the second task", resp, err)
	}
	if len(d.matching.returned) != 0 {
		t.Error("a stale task went back to the queue")
	}
}

func TestATaskThatCannotBeStartedNowGoesBack(t *testing.T) {
	d := newDoor(t)
	task := d.offer()
	d.chain.err = serviceerror.NewUnavailable("busy")
	if _, err := d.call(t.Context(), pollActivities()); status.Code(err) != codes.Unavailable {
		t.Errorf("error is %v, want Unavailable", err)
	}
	if got := <-d.matching.returned; got != task {
		t.Errorf("returned %v", got)
	}
}

func TestATaskThatCanNeverBeStartedDoesNotHoldUpTheQueue(t *testing.T) {
	d := newDoor(t)
	d.offer()
	d.offer()
	d.chain.err = errors.New("malformed")
	d.chain.act = func() {
		if len(d.matching.work) == 0 {
			d.chain.err = nil
		}
	}
	resp, err := d.call(t.Context(), pollWorkflows())
	if err != nil || string(resp.(*workflowservice.PollWorkflowTaskQueueResponse).TaskToken) != "token" {
		t.Errorf("answer is %v, %v; want the second task", resp, err)
	}
	if !strings.Contains(d.log.String(), "malformed") || len(d.matching.aside) != 1 {
		t.Errorf("it logs %q, and puts %v aside", d.log.String(), d.matching.aside)
	}
}

func TestAPollerThatGoesAwayDoesNotTakeATaskAlong(t *testing.T) {
	d := newDoor(t)
	ctx, hangUp := context.WithCancel(t.Context())
	task := &entity.Task{Entity: entity.Key{Kind: entity.KindWorkflow, Namespace: d.ns.ID, ID: "w"}}
	d.service.workflow.workflowTaskHandlers.polls.matching = &goingMatching{d.matching, task, hangUp}
	resp, err := d.call(ctx, pollWorkflows())
	if err != nil || len(resp.(*workflowservice.PollWorkflowTaskQueueResponse).TaskToken) != 0 {
		t.Errorf("answer is %v, %v; want an empty one", resp, err)
	}
	if got := <-d.matching.returned; got != task {
		t.Errorf("returned %v", got)
	}
	if d.chain.called != "" {
		t.Errorf("the task was started: %s", d.chain.called)
	}
}

func TestAPollThatAnotherNodeMakesForAPollerWhoHasGoneIsCanceled(t *testing.T) {
	d := newDoor(t)
	d.service.workflow.workflowTaskHandlers.polls.elsewhere = struct{ Elsewhere }{} // it is not asked
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	given := Give(&matching.Work{Task: &entity.Task{Entity: entity.Key{Kind: entity.KindWorkflow, Namespace: d.ns.ID, ID: "w"}}})
	if _, err := d.call(given.Context(ctx), pollWorkflows()); status.Code(err) != codes.Canceled {
		t.Errorf("error is %v, want Canceled", err)
	}
	if outcome, err := given.Outcome(); outcome != 0 || !errors.Is(err, errPollerGone) {
		t.Errorf("the work has the outcome %d, %v; want it back", outcome, err)
	}
	if strings.Contains(d.log.String(), "inside the server") {
		t.Errorf("the log tells of a fault of the server:\n%s", d.log)
	}
}

// goingMatching has the poller hang up when it hands out the task.
type goingMatching struct {
	*fakeMatching
	task   *entity.Task
	hangUp func()
}

func (m *goingMatching) Poll(context.Context, matching.PollRequest) (*matching.Work, error) {
	m.hangUp()
	return &matching.Work{Task: m.task}, nil
}

func TestAPollEndsEmptyAfterItsTime(t *testing.T) {
	for name, c := range map[string]struct {
		deadline, want time.Duration // 0: none
		code           codes.Code
	}{
		"a minute without a deadline":        {0, 60 * time.Second, codes.OK},
		"a minute with a late deadline":      {5 * time.Minute, 60 * time.Second, codes.OK},
		"shortly before an earlier deadline": {10 * time.Second, 9 * time.Second, codes.OK},
		"at once if there is no time":        {time.Second, 0, codes.FailedPrecondition},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDoor(t)
				ctx := t.Context()
				if c.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, c.deadline)
					defer cancel()
				}
				began := time.Now()
				resp, err := d.call(ctx, pollActivities())
				if took := time.Since(began); took != c.want {
					t.Errorf("the poll took %v, want %v", took, c.want)
				}
				if status.Code(err) != c.code || err == nil && len(resp.(*workflowservice.PollActivityTaskQueueResponse).TaskToken) != 0 {
					t.Errorf("answer is %v, %v; want %v", resp, err, c.code)
				}
			})
		})
	}
}

func TestDrainEndsPollsAndRefusesNewOnes(t *testing.T) {
	d := newDoor(t)
	type answer struct {
		resp any
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		resp, err := d.call(t.Context(), pollActivities())
		answers <- answer{resp, err}
	}()
	for d.service.waits.open.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	d.service.Drain()
	if a := <-answers; a.err != nil || len(a.resp.(*workflowservice.PollActivityTaskQueueResponse).TaskToken) != 0 {
		t.Errorf("the open poll was answered %v, %v; want an empty reply", a.resp, a.err)
	}
	if _, err := d.call(t.Context(), pollActivities()); status.Code(err) != codes.Unavailable {
		t.Errorf("a new poll: %v, want Unavailable", err)
	}
	if _, err := d.call(t.Context(), validStart()); err != nil {
		t.Errorf("a start while draining: %v", err)
	}
	if n := d.service.waits.open.Load(); n != 0 {
		t.Errorf("%d long polls are counted as open", n)
	}
}

func TestLongPollsAreBounded(t *testing.T) {
	d := newDoor(t)
	d.service.waits.open.Store(maxLongPolls)
	_, err := d.call(t.Context(), pollActivities())
	if _, ok := detail[*serviceerror.ResourceExhausted](err); !ok {
		t.Errorf("error is %v, want ResourceExhausted", err)
	}
	if n := d.service.waits.open.Load(); n != maxLongPolls {
		t.Errorf("%d long polls are counted", n)
	}
}
