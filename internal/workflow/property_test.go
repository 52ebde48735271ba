package workflow

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	activitypb "go.temporal.io/api/activity/v1"
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	protocolpb "go.temporal.io/api/protocol/v1"
	querypb "go.temporal.io/api/query/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"pgregory.net/rapid"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/nexus"
	_ "github.com/perdure/perdure/internal/rapidseed"
	"github.com/perdure/perdure/internal/records"
)

// TestAnythingMayHappenInAnyOrder drives one chain with whatever clients, workers,
// the clock and crashes may do to it, in random order. The engine checks the
// invariants of the package after every step. On top of them: a history, once
// shown to a worker that completes its task, is a prefix of the history that
// results.
func TestAnythingMayHappenInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorkflow(t, Limits{BufferedEvents: 5, HistoryPageEvents: 20})
		m := &chaos{subject: w}
		t.Repeat(map[string]func(*rapid.T){
			"start":     m.start,
			"signal":    m.signal,
			"with":      m.signalWithStart,
			"cancel":    m.cancel,
			"terminate": m.terminate,
			"poll":      m.poll,
			"poll2":     m.poll,
			"complete":  m.complete,
			"complete2": m.complete,
			"fail":      m.failTask,
			"activity":  m.activity,
			"finish":    m.finishActivity,
			"operate":   m.operate,
			"rule":      m.rule,
			"pause":     m.pause,
			"unpause":   m.unpause,
			"query":     m.query,
			"options":   m.options,
			"skip":      m.skip,
			"update":    m.update,
			"update2":   m.update,
			"give up":   m.giveUp,
			"call":      m.call,
			"complete3": m.completeNexus,
			"wait":      m.wait,
			"crash":     func(*rapid.T) { w.crash(); m.activities = nil },
			"message":   m.message,
			"reset":     m.reset,
			"deliver":   m.deliverSelf,
		})
	})
}

// chaos is the memory of the clients and workers.
type chaos struct {
	subject
	workflowTasks []*workflowTask // also stale ones
	activities    []*activityTask
	updates       []*asked
	names         int
	runs          []string // some
}

// try runs a step of which serviceerrors, and only they, may come.
func (m *chaos) try(do func(*entity.Step, *Chain) error) error {
	err := m.step(do)
	var service serviceerror.ServiceError
	if err != nil && !errors.As(err, &service) && !errors.Is(err, entity.ErrStaleTask) && !errors.Is(err, entity.ErrUnknownMessage) {
		m.t.Fatalf("step failed with %v", err)
	}
	return err
}

func (m *chaos) name() string {
	m.names++
	return fmt.Sprintf("n%d", m.names)
}

func (m *chaos) start(t *rapid.T) {
	req := newStartRequest(m.id, "", func(r *startRequest) {
		r.RequestId = rapid.SampledFrom([]string{"a", "b", m.name()}).Draw(t, "request id")
		r.WorkflowIdConflictPolicy = enumspb.WorkflowIdConflictPolicy(rapid.IntRange(0, 3).Draw(t, "conflict policy"))
		r.RequestEagerExecution = rapid.Bool().Draw(t, "eager")
		r.OnConflictOptions = &workflowpb.OnConflictOptions{AttachRequestId: rapid.Bool().Draw(t, "attach")}
		r.OnConflictOptions.AttachCompletionCallbacks = r.OnConflictOptions.AttachRequestId
		for n := range rapid.IntRange(0, 2).Draw(t, "callbacks") {
			r.CompletionCallbacks = append(r.CompletionCallbacks, nexusCallback(fmt.Sprintf("http://%s/%d", r.RequestId, n)))
		}
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 1:
			withRetries(3)(r)
		case 2:
			r.CronSchedule = "* * * * *"
		case 3:
			r.WorkflowStartDelay = durationpb.New(30 * time.Second)
		case 4:
			r.WorkflowRunTimeout = durationpb.New(time.Minute)
		case 5:
			withRetries(0)(r)
			r.WorkflowRunTimeout = durationpb.New(20 * time.Second)
			r.WorkflowExecutionTimeout = durationpb.New(time.Minute)
		}
	})
	_ = m.try(func(s *entity.Step, c *Chain) error {
		resp, err := c.Start(s, req)
		if task := resp.GetEagerWorkflowTask(); task != nil {
			m.workflowTasks = append(m.workflowTasks, overWire(m.t, task))
		}
		return err
	})
}

func (m *chaos) signal(t *rapid.T) {
	req := newSignalRequest(m.id, "s", func(r *signalRequest) {
		r.RequestId = rapid.SampledFrom([]string{"", "x", m.name()}).Draw(t, "request id")
	})
	_ = m.try(func(s *entity.Step, c *Chain) error {
		_, err := c.Signal(s, req)
		return err
	})
}

func (m *chaos) signalWithStart(t *rapid.T) {
	req := newSignalWithStartRequest(m.id, m.name())
	req.WorkflowIdConflictPolicy = rapid.SampledFrom([]enumspb.WorkflowIdConflictPolicy{
		enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING, enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING}).Draw(t, "conflict policy")
	_ = m.try(func(s *entity.Step, c *Chain) error {
		_, err := c.SignalWithStart(s, req)
		return err
	})
}

func (m *chaos) cancel(*rapid.T) {
	_ = m.try(func(s *entity.Step, c *Chain) error {
		return c.RequestCancel(s, &workflowservice.RequestCancelWorkflowExecutionRequest{})
	})
}

func (m *chaos) options(t *rapid.T) {
	_ = m.try(func(s *entity.Step, c *Chain) error {
		_, err := c.UpdateOptions(s, &workflowservice.UpdateWorkflowExecutionOptionsRequest{
			WorkflowExecutionOptions: &workflowpb.WorkflowExecutionOptions{
				Priority: &commonpb.Priority{PriorityKey: rapid.Int32Range(0, 2).Draw(t, "priority")},
			},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{
				rapid.SampledFrom([]string{"priority", "priority.priority_key", "priority.fairness_key", "versioning_override"}).Draw(t, "mask")}},
		})
		return err
	})
}

// skip changes how the run skips time.
func (m *chaos) skip(t *rapid.T) {
	config := &commonpb.TimeSkippingConfig{Enabled: rapid.Bool().Draw(t, "enabled"), MaxSessionSkipCount: rapid.Int32Range(1, 3).Draw(t, "skips")}
	if config.Enabled && rapid.Bool().Draw(t, "forward") {
		config.FastForwardConfig = &commonpb.FastForwardConfig{Id: "f", Duration: durationpb.New(time.Duration(rapid.IntRange(1, 100).Draw(t, "by")) * time.Second)}
	}
	_ = m.try(func(s *entity.Step, c *Chain) error {
		_, err := c.UpdateOptions(s, &workflowservice.UpdateWorkflowExecutionOptionsRequest{
			WorkflowExecutionOptions: &workflowpb.WorkflowExecutionOptions{TimeSkippingConfig: config},
			UpdateMask:               &fieldmaskpb.FieldMask{Paths: []string{"time_skipping_config"}},
		})
		return err
	})
}

func (m *chaos) terminate(t *rapid.T) {
	if rapid.IntRange(0, 3).Draw(t, "really") != 0 {
		t.Skip("seldom")
	}
	_ = m.try(func(s *entity.Step, c *Chain) error {
		return c.Terminate(s, &workflowservice.TerminateWorkflowExecutionRequest{})
	})
}

// reset resets one of the last runs to before any event, which may be impossible.
func (m *chaos) reset(t *rapid.T) {
	if len(m.runs) == 0 || m.runs[len(m.runs)-1] != m.runID() {
		m.runs = append(m.runs, m.runID())
	}
	runID := m.runs[max(0, len(m.runs)-1-rapid.IntRange(0, 2).Draw(t, "run"))]
	req := newResetRequest(m.id, int64(rapid.IntRange(1, len(m.events[runID])+2).Draw(t, "point")),
		rapid.SampledFrom([]string{"r", m.name()}).Draw(t, "request id"))
	req.WorkflowExecution.RunId = runID
	req.ResetReapplyExcludeTypes = rapid.SampledFrom([][]enumspb.ResetReapplyExcludeType{nil,
		{enumspb.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL}, {enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE},
		{enumspb.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE},
	}).Draw(t, "exclude")
	_ = m.try(func(s *entity.Step, c *Chain) error {
		resp, err := c.Reset(s, req)
		if err == nil {
			m.runs = append(m.runs, resp.RunId)
		}
		return err
	})
}

// deliverSelf delivers the messages that are for the workflow itself.
func (m *chaos) deliverSelf(t *rapid.T) {
	for i, message := range m.outbox {
		if message.To == m.key() {
			m.outbox = slices.Delete(m.outbox, i, i+1)
			_ = m.try(func(s *entity.Step, c *Chain) error { return c.Receive(s, message.from, message.Body) })
			return
		}
	}
	t.Skip("no message")
}

func (m *chaos) poll(t *rapid.T) {
	task := m.task(entity.TaskWorkflow)
	if task == nil || m.started() {
		t.Skip("no task")
	}
	var polled *workflowTask
	if task.Sticky != "" && rapid.Bool().Draw(t, "sticky") {
		polled = m.subject.pollSticky()
	} else {
		polled = m.subject.poll()
	}
	if polled != nil {
		m.workflowTasks = append(m.workflowTasks, polled)
	}
}

func (m *chaos) complete(t *rapid.T) {
	if len(m.workflowTasks) == 0 {
		t.Skip("no task")
	}
	task := m.workflowTasks[len(m.workflowTasks)-1]
	if rapid.IntRange(0, 9).Draw(t, "stale") == 0 {
		task = rapid.SampledFrom(m.workflowTasks).Draw(t, "task")
	}
	req := &completeRequest{
		ForceCreateNewWorkflowTask: rapid.IntRange(0, 4).Draw(t, "force") == 0,
		ReturnNewWorkflowTask:      rapid.Bool().Draw(t, "return"),
	}
	if rapid.Bool().Draw(t, "sticky") {
		req.StickyAttributes = stickyAttributes()
	}
	if rapid.Bool().Draw(t, "answer") {
		req.QueryResults = map[string]*querypb.WorkflowQueryResult{}
		for id := range task.Queries {
			req.QueryResults[id] = &querypb.WorkflowQueryResult{ResultType: enumspb.QUERY_RESULT_TYPE_ANSWERED}
		}
	}
	for range rapid.IntRange(0, 3).Draw(t, "commands") {
		req.Commands = append(req.Commands, m.command(t))
	}
	if rapid.IntRange(0, 4).Draw(t, "close") == 0 {
		req.Commands = append(req.Commands, rapid.SampledFrom([]*commandpb.Command{
			completeWorkflow("done"), failWorkflow("boom"), cancelWorkflow(), continueAsNew()}).Draw(t, "closing command"))
	}
	m.answerUpdates(t, task, req)
	completion, err := m.tryComplete(task.TaskToken, req)
	if err != nil || completion.Err != nil {
		return
	}
	if next := completion.Response.WorkflowTask; next != nil {
		m.workflowTasks = append(m.workflowTasks, next)
	}
	m.activities = append(m.activities, completion.Response.ActivityTasks...)
}

func (m *chaos) command(t *rapid.T) *commandpb.Command {
	pending := m.pending()
	switch rapid.IntRange(0, 9).Draw(t, "command") {
	case 0:
		return recordMarker("m")
	case 1:
		return recordMarker(rapid.SampledFrom([]string{"m", "m", "m", ""}).Draw(t, "marker"))
	case 2:
		return startTimer(m.name(), time.Duration(rapid.IntRange(0, 60).Draw(t, "seconds"))*time.Second)
	case 3:
		if len(pending.timers) > 0 {
			return cancelTimer(slices.Min(pending.timers))
		}
	case 4:
		return scheduleActivity(m.name(), func(a *commandpb.ScheduleActivityTaskCommandAttributes) {
			a.RequestEagerExecution = rapid.Bool().Draw(t, "eager")
			a.StartToCloseTimeout = durationpb.New(15 * time.Second)
			a.TaskQueue.Name = testQueue
		})
	case 5:
		if len(pending.activities) > 0 {
			return cancelActivity(pending.activities[0])
		}
	case 6:
		return startChild(m.name())
	case 7:
		return signalExternal(m.name())
	case 8:
		command := scheduleNexus(m.name())
		attr := command.GetScheduleNexusOperationCommandAttributes()
		attr.ScheduleToCloseTimeout = durationpb.New(time.Duration(rapid.IntRange(0, 1).Draw(t, "timeout")) * 100 * time.Second)
		attr.StartToCloseTimeout = durationpb.New(time.Duration(rapid.IntRange(0, 1).Draw(t, "timeout")) * 50 * time.Second)
		return command
	case 9:
		if len(pending.nexus) > 0 {
			return cancelNexus(rapid.SampledFrom(pending.nexus).Draw(t, "operation"))
		}
	}
	return recordMarker("none")
}

// call has a call made that is due for a Nexus operation.
func (m *chaos) call(t *rapid.T) {
	task, call := m.nexusCall(0)
	if task == nil {
		t.Skip("no call")
	}
	outcome := &nexus.Outcome{Failure: applicationFailure("f"), Wait: time.Second}
	results := []nexus.Result{nexus.ResultRetry, nexus.ResultBlocked, nexus.ResultFailed}
	if call.Cancel {
		results = append(results, nexus.ResultAccepted)
	} else {
		results = append(results, nexus.ResultStarted, nexus.ResultStarted, nexus.ResultSucceeded, nexus.ResultCanceled, nexus.ResultTimedOut)
	}
	outcome.Result = rapid.SampledFrom(results).Draw(t, "result")
	_ = m.try(func(s *entity.Step, c *Chain) error {
		outcome.Policy = nexusPolicy
		return c.NexusCalled(s, task, outcome)
	})
}

// completeNexus reports the end of a Nexus operation.
func (m *chaos) completeNexus(t *rapid.T) {
	r := m.chain().current
	if r == nil || r.nexusOperations.len() == 0 {
		t.Skip("no operation")
	}
	op := r.nexusOperations.get(rapid.SampledFrom(r.nexusOperations.keys()).Draw(t, "operation"))
	result := &records.NexusResult{Completion: &records.NexusCompletion{
		RunId: rapid.SampledFrom([]string{r.info.RunId, "another"}).Draw(t, "run"), ScheduledEventId: op.ScheduledEventId, RequestId: op.RequestId}}
	if rapid.Bool().Draw(t, "failed") {
		result.Failure, result.Canceled = applicationFailure("f"), rapid.Bool().Draw(t, "canceled")
	}
	_ = m.try(func(s *entity.Step, c *Chain) error { return c.CompleteNexusOperation(s, result) })
}

func (m *chaos) failTask(t *rapid.T) {
	if len(m.workflowTasks) == 0 {
		t.Skip("no task")
	}
	token, err := tokens.DecodeTask(m.workflowTasks[len(m.workflowTasks)-1].TaskToken)
	if err != nil {
		t.Fatal(err)
	}
	_ = m.try(func(s *entity.Step, c *Chain) error {
		return c.FailWorkflowTask(s, token, &workflowservice.RespondWorkflowTaskFailedRequest{
			Cause: enumspb.WORKFLOW_TASK_FAILED_CAUSE_WORKFLOW_WORKER_UNHANDLED_FAILURE})
	})
}

func (m *chaos) activity(t *rapid.T) {
	tasks := m.readyTasks(entity.TaskActivity)
	if len(tasks) == 0 {
		t.Skip("no activity")
	}
	task := rapid.SampledFrom(tasks).Draw(t, "activity")
	_ = m.try(func(s *entity.Step, c *Chain) error {
		resp, err := c.StartActivity(s, task, &workflowservice.PollActivityTaskQueueRequest{Identity: testWorker})
		if resp != nil {
			m.activities = append(m.activities, overWire(m.t, resp))
		}
		return err
	})
}

// rule has a workflow rule come or go.
func (m *chaos) rule(t *rapid.T) {
	m.rules = nil
	if condition := rapid.SampledFrom([]string{"", "Attempts > 1", "ActivityState = 'Started'", "Attempts = 1"}).Draw(t, "condition"); condition != "" {
		m.rules = append(m.rules, pauseRule(m.t, "rule", condition))
	}
}

func (m *chaos) finishActivity(t *rapid.T) {
	if len(m.activities) == 0 {
		t.Skip("no activity")
	}
	i := rapid.IntRange(0, len(m.activities)-1).Draw(t, "activity")
	token, err := tokens.DecodeTask(m.activities[i].TaskToken)
	if err != nil {
		t.Fatal(err)
	}
	ref := attempt.Ref{Token: token}
	how := rapid.IntRange(0, 3).Draw(t, "how")
	_ = m.try(func(s *entity.Step, c *Chain) (err error) {
		switch how {
		case 0:
			return c.CompleteActivity(s, ref, payloads("r"), testWorker)
		case 1:
			_, err = c.FailActivity(s, ref, applicationFailure("boom"), nil, testWorker)
			return err
		case 2:
			return c.CancelActivity(s, ref, nil, testWorker)
		}
		_, err = c.Heartbeat(s, ref, payloads("h"), testWorker)
		return err
	})
	if how != 3 {
		m.activities = slices.Delete(m.activities, i, i+1)
	}
}

func (m *chaos) pause(t *rapid.T) {
	id := rapid.SampledFrom([]string{"", "same"}).Draw(t, "request id")
	_ = m.try(func(s *entity.Step, c *Chain) error {
		return c.Pause(s, &workflowservice.PauseWorkflowExecutionRequest{RequestId: id, Reason: "why"})
	})
}

func (m *chaos) unpause(*rapid.T) {
	_ = m.try(func(s *entity.Step, c *Chain) error {
		return c.Unpause(s, &workflowservice.UnpauseWorkflowExecutionRequest{})
	})
}

// operate does what an operator may do to the activities.
func (m *chaos) operate(t *rapid.T) {
	target := ActivityTarget{All: true}
	if pending := m.pending().activityIDs; len(pending) > 0 && rapid.Bool().Draw(t, "one activity") {
		target = ActivityTarget{ID: rapid.SampledFrom(pending).Draw(t, "activity")}
	}
	how := rapid.IntRange(0, 4).Draw(t, "how")
	flag := rapid.Bool().Draw(t, "flag")
	jitter := durationpb.New(time.Duration(rapid.IntRange(0, 5).Draw(t, "jitter")) * time.Second)
	timeout := durationpb.New(time.Duration(rapid.IntRange(0, 30).Draw(t, "timeout")) * time.Second)
	_ = m.try(func(s *entity.Step, c *Chain) (err error) {
		switch how {
		case 0:
			return c.PauseActivities(s, "", target, ActivityPause{Reason: m.name(), RequestID: "same"})
		case 1:
			return c.UnpauseActivities(s, "", target, ActivityResume{ResetAttempts: flag, ResetHeartbeat: !flag, Jitter: jitter})
		case 2:
			return c.ResetActivities(s, "", target, ActivityReset{ResetHeartbeat: flag, KeepPaused: !flag, RestoreOptions: flag, Jitter: jitter})
		case 3:
			_, err = c.RestoreActivityOptions(s, "", target)
			return err
		}
		_, err = c.UpdateActivityOptions(s, "", target, &activitypb.ActivityOptions{StartToCloseTimeout: timeout, ScheduleToCloseTimeout: jitter},
			&fieldmaskpb.FieldMask{Paths: []string{"start_to_close_timeout", "schedule_to_close_timeout"}})
		return err
	})
}

// update asks for an update under one of few ids.
func (m *chaos) update(t *rapid.T) {
	a := m.subject.update(rapid.SampledFrom([]string{"u1", "u2", "u3", m.name()}).Draw(t, "update id"),
		rapid.SampledFrom([]UpdateStage{stageAccepted, stageCompleted}).Draw(t, "stage"))
	var service serviceerror.ServiceError
	if a.refuse != nil && !errors.As(a.refuse, &service) {
		m.t.Fatalf("an update failed with %v", a.refuse)
	}
	m.updates = append(m.updates, a)
}

// giveUp ends the wait of a client.
func (m *chaos) giveUp(t *rapid.T) {
	for i, a := range m.updates {
		if a.plan == nil || a.plan.Wait == nil || a.told != nil {
			continue
		}
		m.updates = append(m.updates[:i:i], m.updates[i+1:]...)
		_ = m.try(func(s *entity.Step, c *Chain) error {
			_, err := c.StopUpdateWait(s, a.plan.Wait)
			return err
		})
		return
	}
	t.Skip("nobody waits")
}

// answerUpdates has the worker say something of updates, rarely something that makes
// no sense.
func (m *chaos) answerUpdates(t *rapid.T, task *workflowTask, req *completeRequest) {
	var messages []*protocolpb.Message
	for _, sent := range task.GetMessages() {
		id := sent.GetProtocolInstanceId()
		switch rapid.IntRange(0, 3).Draw(t, "answer to an update") {
		case 0:
			messages = append(messages, m.accept(id))
		case 1:
			messages = append(messages, m.accept(id), m.subject.respond(id))
		case 2:
			messages = append(messages, m.reject(id))
		}
	}
	switch rapid.IntRange(0, 6).Draw(t, "word of an update") {
	case 0:
		messages = append(messages, m.subject.respond("u1"))
	case 1:
		messages = append(messages, m.accept("u2"))
	}
	req.Messages = messages
	if rapid.Bool().Draw(t, "placed") {
		req.Commands = append(saying(messages...).Commands, req.Commands...)
	}
}

func (m *chaos) query(*rapid.T) {
	_ = m.try(func(s *entity.Step, c *Chain) error {
		_, err := c.Query(s, &workflowservice.QueryWorkflowRequest{Query: &querypb.WorkflowQuery{QueryType: "q"}}, func(*QueryResult) {})
		return err
	})
}

func (m *chaos) wait(t *rapid.T) {
	m.advance(rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second, 10 * time.Second, time.Minute, 26 * time.Hour}).Draw(t, "time"))
}

// message delivers what makes no sense, or no sense any more.
func (m *chaos) message(t *rapid.T) {
	var body []byte
	switch rapid.IntRange(0, 3).Draw(t, "message") {
	case 0:
		body = rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
	case 1:
		if len(m.outbox) == 0 {
			t.Skip("no message")
		}
		body = rapid.SampledFrom(m.outbox).Draw(t, "message").Body
	case 2:
		body = mustMarshal(&records.Message{Body: &records.Message_ChildStarted{ChildStarted: &records.ChildStarted{
			InitiatedEventId: int64(rapid.IntRange(0, 20).Draw(t, "event")), ToRunId: m.runID(), RunId: "child-run"}}})
	case 3:
		body = mustMarshal(&records.Message{Body: &records.Message_ChildClosed{ChildClosed: &records.ChildClosed{
			InitiatedEventId: int64(rapid.IntRange(0, 20).Draw(t, "event")), ToRunId: m.runID(), ChildRunId: "child-run",
			CloseEvent: mustMarshal(&historypb.HistoryEvent{EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED})}}})
	}
	_ = m.try(func(s *entity.Step, c *Chain) error { return c.Receive(s, keyOf("other"), body) })
}
