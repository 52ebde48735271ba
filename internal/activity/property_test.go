package activity

import (
	"errors"
	"testing"
	"time"

	activitypb "go.temporal.io/api/activity/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"

	"github.com/perdure/perdure/internal/entity"
	_ "github.com/perdure/perdure/internal/rapidseed"
)

// Whatever clients, workers and operators do in whatever order, and whenever the process
// ends: the records hold what is in memory (the engine looks after every step), no step
// fails with anything but a service error, an activity that has closed stays as it is, and
// its retention ends.

// anything is an activity to which anything happens.
type anything struct {
	*engine
	t *rapid.T
	// tasks are those that workers have been given.
	given []*workflowservice.PollActivityTaskQueueResponse
	// outcomes are those of runs that have been seen closed.
	outcomes map[string]*activitypb.ActivityExecutionOutcome
}

func TestWhateverHappensTheRecordsHoldIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := &anything{engine: newEngine(t), t: t, outcomes: map[string]*activitypb.ActivityExecutionOutcome{}}
		a.limits.Links = 3
		t.Repeat(map[string]func(*rapid.T){
			"":        func(*rapid.T) { a.look() },
			"start":   func(*rapid.T) { a.begin() },
			"poll":    func(*rapid.T) { a.take() },
			"report":  func(*rapid.T) { a.report() },
			"operate": func(*rapid.T) { a.operate() },
			"end":     func(*rapid.T) { a.end() },
			"wait":    func(t *rapid.T) { a.advance(a.duration("time")) },
			"crash":   func(*rapid.T) { a.crash() },
			"power":   func(*rapid.T) { a.powerCut(); a.forgetLost() },
		})
		// At last everything is over.
		if r := a.chain.Current(); r != nil && !r.closed() {
			a.may(a.step(func(step *entity.Step, c *Chain) error {
				return c.Terminate(step, &workflowservice.TerminateActivityExecutionRequest{RequestId: a.NewID()})
			}))
		}
		a.advance(2 * a.retention)
		if len(a.records)+len(a.disk.tasks)+len(a.timers)+len(a.rows) != 0 {
			t.Errorf("left are %d records, %d tasks, %d timers, %d rows", len(a.records), len(a.disk.tasks), len(a.timers), len(a.rows))
		}
	})
}

// may accepts success and errors that clients are meant to see.
func (a *anything) may(err error) {
	a.t.Helper()
	var service serviceerror.ServiceError
	if err != nil && !errors.As(err, &service) && !errors.Is(err, entity.ErrStaleTask) {
		a.t.Fatalf("a step fails with %v", err)
	}
	var internal *serviceerror.Internal
	if errors.As(err, &internal) {
		a.t.Fatalf("a step fails with %v", err)
	}
}

func (a *anything) bool(what string) bool { return rapid.Bool().Draw(a.t, what) }

func (a *anything) duration(what string) time.Duration {
	return rapid.SampledFrom([]time.Duration{0, 1, time.Second, 3 * time.Second, time.Minute, time.Hour, 25 * time.Hour}).Draw(a.t, what)
}

func (a *anything) requestID() string {
	return rapid.SampledFrom([]string{"r1", "r2", a.NewID()}).Draw(a.t, "request")
}

func (a *anything) begin() {
	_, err := a.tryStart(func(r *startRequest) {
		r.RequestId = a.requestID()
		r.StartDelay = durationpb.New(a.duration("start delay"))
		r.ScheduleToStartTimeout = durationpb.New(a.duration("schedule to start"))
		r.ScheduleToCloseTimeout = durationpb.New(a.duration("schedule to close"))
		r.HeartbeatTimeout = durationpb.New(a.duration("heartbeat"))
		r.RetryPolicy.MaximumAttempts = rapid.Int32Range(0, 3).Draw(a.t, "attempts")
		r.IdReusePolicy = enumspb.ActivityIdReusePolicy(rapid.Int32Range(1, 3).Draw(a.t, "reuse"))
		r.IdConflictPolicy = enumspb.ActivityIdConflictPolicy(rapid.Int32Range(1, 2).Draw(a.t, "conflict"))
		if a.bool("callback") {
			calledBack("http://x")(r)
			r.OnConflictOptions = &commonpb.OnConflictOptions{AttachCompletionCallbacks: a.bool("attach callback")}
		}
		if a.bool("links") {
			r.Links = []*commonpb.Link{{}}
			r.OnConflictOptions = &commonpb.OnConflictOptions{AttachLinks: a.bool("attach")}
		}
	})
	a.may(err)
}

func (a *anything) take() {
	if task := a.tryPoll(); task != nil {
		a.given = append(a.given, task)
	}
}

func (a *anything) report() {
	ref := byID()
	if len(a.given) > 0 && a.bool("by token") {
		ref = byToken(a.engine, rapid.SampledFrom(a.given).Draw(a.t, "task"))
	}
	switch rapid.IntRange(0, 3).Draw(a.t, "report") {
	case 0:
		a.may(a.complete(ref))
	case 1:
		a.may(a.fail(ref, "x", func(i *applicationInfo) {
			i.NonRetryable = a.bool("non-retryable")
			i.NextRetryDelay = durationpb.New(a.duration("delay"))
		}))
	case 2:
		_, err := a.heartbeat(ref, "progress")
		a.may(err)
	case 3:
		a.may(a.step(func(step *entity.Step, c *Chain) error { return c.CancelActivity(step, ref, nil, "worker") }))
	}
}

func (a *anything) operate() {
	id, jitter := a.requestID(), durationpb.New(a.duration("jitter"))
	switch rapid.IntRange(0, 4).Draw(a.t, "operation") {
	case 0:
		a.may(a.step(func(step *entity.Step, c *Chain) error {
			return c.Pause(step, &workflowservice.PauseActivityExecutionRequest{RequestId: id, Reason: "r"})
		}))
	case 1:
		a.may(a.step(func(step *entity.Step, c *Chain) error {
			return c.Unpause(step, &workflowservice.UnpauseActivityExecutionRequest{RequestId: id, Jitter: jitter})
		}))
	case 2:
		a.may(a.reset(func(r *workflowservice.ResetActivityExecutionRequest) {
			r.RequestId, r.Jitter = id, jitter
			r.KeepPaused, r.ResetHeartbeat, r.RestoreOriginalOptions = a.bool("keep"), a.bool("heartbeat"), a.bool("restore")
		}))
	case 3:
		_, err := a.updateOptions(nil)
		a.may(err)
	case 4:
		_, err := a.updateOptions(&activitypb.ActivityOptions{
			TaskQueue:              &taskqueuepb.TaskQueue{Name: rapid.SampledFrom([]string{"queue", "other"}).Draw(a.t, "queue")},
			StartToCloseTimeout:    durationpb.New(a.duration("start to close")),
			ScheduleToCloseTimeout: durationpb.New(a.duration("schedule to close")),
			StartDelay:             durationpb.New(a.duration("delay")),
			RetryPolicy:            &commonpb.RetryPolicy{MaximumAttempts: rapid.Int32Range(1, 3).Draw(a.t, "attempts")},
			Priority:               &commonpb.Priority{PriorityKey: rapid.Int32Range(0, 5).Draw(a.t, "priority")},
		}, rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"task_queue.name", "start_to_close_timeout", "schedule_to_close_timeout",
			startDelayPath, "retry_policy.maximum_attempts", "priority"}), 1, 6, rapid.ID[string]).Draw(a.t, "paths")...)
		a.may(err)
	}
}

func (a *anything) end() {
	switch rapid.IntRange(0, 3).Draw(a.t, "end") {
	case 0:
		a.may(a.cancel(a.requestID()))
	case 1:
		a.may(a.step(func(step *entity.Step, c *Chain) error {
			return c.Terminate(step, &workflowservice.TerminateActivityExecutionRequest{RequestId: a.requestID()})
		}))
	case 2:
		runID := a.chain.RunID()
		err := a.step(func(step *entity.Step, c *Chain) error { return c.Delete(step, runID) })
		a.may(err)
		if err == nil {
			delete(a.outcomes, runID)
		}
	case 3:
		a.retention = rapid.SampledFrom([]time.Duration{time.Hour, 24 * time.Hour}).Draw(a.t, "retention")
		a.may(a.step(func(step *entity.Step, c *Chain) error { return c.Retain(step) }))
	}
}

// look checks that closed runs are as they were, while there are.
func (a *anything) look() {
	if id := a.chain.RunID(); id != "" && a.chain.Over(id) && a.outcomes[id] == nil {
		a.outcomes[id] = a.describe(id).Outcome
	}
	for id, before := range a.outcomes {
		_, outcome, err := a.chain.Outcome(reader{a.records, a.now}, id)
		if notFound(err) {
			delete(a.outcomes, id) // its retention is over
			continue
		}
		if err != nil || !proto.Equal(outcome, before) {
			a.t.Fatalf("the outcome of run %s has become %v, %v; it was %v", id, outcome, err, before)
		}
	}
}

// forgetLost forgets what a power cut has taken: nothing that closes a run is lazy.
func (a *anything) forgetLost() {
	for id := range a.outcomes {
		if _, _, err := a.chain.Outcome(reader{a.records, a.now}, id); err != nil {
			a.t.Fatalf("a power cut has taken the closed run %s: %v", id, err)
		}
	}
}
