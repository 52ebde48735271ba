package workflow

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cockroachdb/datadriven"
	commandpb "go.temporal.io/api/command/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	protocolpb "go.temporal.io/api/protocol/v1"
	querypb "go.temporal.io/api/query/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/entity"
)

// directives are the first words of the lines of a script, commandWords those of
// the commands that answer a workflow task. testdata/README.md says what they do.
func directives() map[string]func(*script, *words) {
	return map[string]func(*script, *words){
		"quietly": (*script).doQuietly,
		"limits":  (*script).doLimits,

		"start":             (*script).doStart,
		"signal":            (*script).doSignal,
		"signal-with-start": (*script).doSignalWithStart,
		"cancel":            (*script).doCancel,
		"options":           (*script).doOptions,
		"terminate":         func(s *script, w *words) { s.sayError(s.subject(w).tryTerminate()) },
		"delete":            (*script).doDelete,
		"reset":             (*script).doReset,
		"update":            (*script).doUpdate,
		"query":             (*script).doQuery,

		"poll":         (*script).doPoll,
		"complete":     (*script).doComplete,
		"decide":       (*script).doDecide,
		"given":        (*script).doGiven,
		"each":         (*script).doEach,
		"fail":         (*script).doFail,
		"reset-sticky": (*script).doResetSticky,
		"cancel-query": func(s *script, w *words) { s.subject(w).cancelQuery(s.queries[w.next()]) },

		"start-activity":    (*script).doStartActivity,
		"complete-activity": (*script).doCompleteActivity,
		"fail-activity":     (*script).doFailActivity,
		"cancel-activity":   (*script).doCancelActivity,
		"heartbeat":         (*script).doHeartbeat,
		"report":            (*script).doReport,

		"pause":            (*script).doPause,
		"unpause":          (*script).doUnpause,
		"pause-activity":   (*script).doPauseActivity,
		"unpause-activity": (*script).doUnpauseActivity,
		"reset-activity":   (*script).doResetActivity,
		"update-activity":  (*script).doUpdateActivity,
		"restore-activity": (*script).doRestoreActivity,
		"rule":             (*script).doRule,
		"fast-forward":     (*script).doFastForward,
		"retention":        func(s *script, w *words) { s.retention = s.duration(w.next()) },
		"retain":           (*script).doRetain,
		"purge":            (*script).doPurge,
		"apply-rule":       (*script).doApplyRule,

		"nexus-call":     (*script).doNexusCall,
		"nexus-answer":   (*script).doNexusAnswer,
		"nexus-take":     (*script).doNexusTake,
		"nexus-late":     (*script).doNexusLate,
		"nexus-complete": (*script).doNexusComplete,

		"advance":   (*script).doAdvance,
		"sleep":     func(s *script, w *words) { s.now = s.now.Add(s.duration(w.next())) },
		"deliver":   (*script).doDeliver,
		"keep":      func(s *script, w *words) { s.messages[w.next()] = s.firstMessage() },
		"drop":      func(s *script, _ *words) { s.firstMessage(); s.outbox = s.outbox[1:] },
		"crash":     func(s *script, _ *words) { s.crash() },
		"power-cut": func(s *script, _ *words) { s.powerCut() },
		"forget":    func(s *script, _ *words) { s.forget() },

		"describe":     (*script).doDescribe,
		"reset-points": (*script).doResetPoints,
		"history":      (*script).doHistory,
		"event":        (*script).doEvent,
		"nothing-left": (*script).doNothingLeft,
		"reply":        func(s *script, _ *words) { s.sayFields(s.reply.ProtoReflect()) },
	}
}

var commandWords = map[string]func(*script, *words) *commandpb.Command{
	"activity":        func(_ *script, w *words) *commandpb.Command { return scheduleActivity(w.next()) },
	"cancel-activity": func(s *script, w *words) *commandpb.Command { return cancelActivity(s.number(w.next())) },
	"timer":           func(s *script, w *words) *commandpb.Command { return startTimer(w.next(), s.duration(w.next())) },
	"cancel-timer":    func(_ *script, w *words) *commandpb.Command { return cancelTimer(w.next()) },
	"child":           func(_ *script, w *words) *commandpb.Command { return startChild(w.next()) },
	"signal":          func(_ *script, w *words) *commandpb.Command { return signalExternal(w.next()) },
	"cancel":          func(_ *script, w *words) *commandpb.Command { return cancelExternal(w.next()) },
	"nexus":           func(_ *script, w *words) *commandpb.Command { return scheduleNexus(w.next()) },
	"cancel-nexus":    func(s *script, w *words) *commandpb.Command { return cancelNexus(s.number(w.next())) },
	"marker":          func(_ *script, w *words) *commandpb.Command { return recordMarker(w.next()) },
	"memo":            func(_ *script, _ *words) *commandpb.Command { return modifyProperties(nil) },
	"search":          func(_ *script, _ *words) *commandpb.Command { return upsertSearchAttributes(nil) },
	"complete":        func(_ *script, w *words) *commandpb.Command { return completeWorkflow(w.next()) },
	"fail":            func(_ *script, w *words) *commandpb.Command { return failWorkflow(w.next()) },
	"cancel-workflow": func(_ *script, _ *words) *commandpb.Command { return cancelWorkflow() },
	"continue-as-new": func(_ *script, _ *words) *commandpb.Command { return continueAsNew() },
	"accept":          func(s *script, w *words) *commandpb.Command { return s.sayingOf(s.workflow("").accept(w.next())) },
	"reject":          func(s *script, w *words) *commandpb.Command { return s.sayingOf(s.workflow("").reject(w.next())) },
	"respond":         func(s *script, w *words) *commandpb.Command { return s.sayingOf(s.workflow("").respond(w.next())) },
	"bare": func(s *script, w *words) *commandpb.Command {
		c := new(commandpb.Command)
		s.assign(c.ProtoReflect(), "command_type", w.next())
		return c
	},
}

// sayingOf is the command that gives a message its place.
func (s *script) sayingOf(m *protocolpb.Message) *commandpb.Command {
	s.said = append(s.said, m)
	return saying(m).Commands[0]
}

// doQuietly carries out the directives below the line, of which nothing is told.
func (s *script) doQuietly(*words) {
	lines := s.data.Input
	// A line that is indented is below the one before it that is not.
	for block := range strings.SplitSeq(strings.ReplaceAll(lines, "\n  ", "\x00"), "\n") {
		line, below, _ := strings.Cut(block, "\x00")
		s.data.Input = strings.ReplaceAll(below, "\x00", "\n")
		word, args, err := datadriven.ParseLine(line)
		if err != nil || directives()[word] == nil {
			s.fatalf("not a directive: %s %v", line, err)
		}
		w := parseWords(args)
		s.perform(directives()[word], &w)
	}
	s.data.Input, s.out = lines, nil
}

// commands reads commands, one a line.
func (s *script) commands(lines string) []*commandpb.Command {
	var out []*commandpb.Command
	for line := range strings.Lines(lines) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		word, args, err := datadriven.ParseLine(line)
		if err != nil || commandWords[word] == nil {
			s.fatalf("not a command: %s %v", line, err)
		}
		w := parseWords(args)
		command := commandWords[word](s, &w)
		if len(w.fields) > 0 {
			m := command.ProtoReflect()
			s.set(m.Mutable(m.WhichOneof(m.Descriptor().Oneofs().ByName("attributes"))).Message().Interface(), &w)
		}
		if len(w.words) > 0 {
			s.fatalf("not understood: %v in %s", w.words, line)
		}
		out = append(out, command)
	}
	return out
}

func (s *script) number(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		s.fatalf("%v", err)
	}
	return n
}

func (s *script) duration(text string) time.Duration {
	d, err := time.ParseDuration(text)
	if err != nil {
		s.fatalf("%v", err)
	}
	return d
}

// subject is the workflow that the next word names.
func (s *script) subject(w *words) subject { return s.workflow(w.next()) }

// name is the name that the line gives to what it gets, or the usual one.
func (w *words) name(usual string) string {
	if name, ok := w.take("as"); ok {
		return name
	}
	return usual
}

func (s *script) doLimits(w *words) {
	limits := reflect.ValueOf(&s.config.Limits).Elem()
	for _, a := range w.fields {
		switch field, n := limits.FieldByName(a.field), s.number(a.value); field.Kind() {
		case reflect.Bool:
			field.SetBool(n != 0)
		default:
			field.SetInt(n)
		}
	}
	w.fields = nil
	s.machine = NewMachine(s.config)
}

// What clients do.

func (s *script) doStart(w *words) {
	subject := s.subject(w)
	name := w.name(subject.id)
	resp, err := subject.tryStart(func(r *startRequest) { s.setStart(r, w) })
	if err != nil {
		s.sayError(err)
		return
	}
	if s.reply = resp; !resp.Started || len(s.out) == 0 {
		s.sayReply("reply", resp, "link", "eager_workflow_task")
	}
	if resp.EagerWorkflowTask != nil {
		s.takeTask(name, resp.EagerWorkflowTask)
	}
}

func (s *script) setStart(r *startRequest, w *words) {
	if n, ok := w.take("retries"); ok {
		withRetries(int32(s.number(n)))(r)
	}
	s.set(r, w)
}

func (s *script) doSignal(w *words) {
	subject := s.subject(w)
	s.sayError(subject.trySignal(w.next(), func(r *signalRequest) { s.set(r, w) }))
}

func (s *script) doSignalWithStart(w *words) {
	resp, err := s.subject(w).signalWithStart(func(r *signalWithStartRequest) { s.set(r, w) })
	if err != nil {
		s.sayError(err)
		return
	}
	if !resp.Started || len(s.out) == 0 {
		s.sayReply("reply", resp, "signal_link")
	}
}

func (s *script) doOptions(w *words) {
	subject := s.subject(w)
	mask, _ := w.take("mask")
	options, err := subject.updateOptions(strings.Split(mask, ", "), func(o *workflowpb.WorkflowExecutionOptions) { s.set(o, w) })
	if err != nil {
		s.sayError(err)
		return
	}
	s.sayReply("options", options)
}

func (s *script) doCancel(w *words) {
	s.sayError(s.subject(w).cancel(func(r *cancelRequest) { s.set(r, w) }))
}

func (s *script) doDelete(w *words) {
	s.sayError(s.subject(w).step(func(step *entity.Step, c *Chain) error {
		return c.Delete(step, &workflowservice.DeleteWorkflowExecutionRequest{})
	}))
}

// doReset resets a workflow to before an event, of the current run unless run_id says
// of which.
func (s *script) doReset(w *words) {
	subject := s.subject(w)
	req := newResetRequest(subject.id, s.number(w.next()), s.newRequestID())
	if runID, ok := w.take("run_id"); ok {
		req.WorkflowExecution.RunId = s.runOf(strings.TrimPrefix(runID, "#"))
	}
	for name, ok := w.take("signal"); ok; name, ok = w.take("signal") {
		req.PostResetOperations = append(req.PostResetOperations, &workflowpb.PostResetOperation{
			Variant: &workflowpb.PostResetOperation_SignalWorkflow_{SignalWorkflow: &workflowpb.PostResetOperation_SignalWorkflow{SignalName: name}},
		})
	}
	if mask, ok := w.take("options"); ok {
		op := &workflowpb.PostResetOperation_UpdateWorkflowOptions{WorkflowExecutionOptions: new(workflowpb.WorkflowExecutionOptions)}
		op.UpdateMask = &fieldmaskpb.FieldMask{Paths: strings.Split(mask, ", ")}
		if key, ok := w.take("options_priority"); ok {
			op.WorkflowExecutionOptions.Priority = &commonpb.Priority{PriorityKey: int32(s.number(key))}
		}
		req.PostResetOperations = append(req.PostResetOperations, &workflowpb.PostResetOperation{
			Variant: &workflowpb.PostResetOperation_UpdateWorkflowOptions_{UpdateWorkflowOptions: op},
		})
	}
	s.set(req, w)
	resp, err := subject.tryReset(req)
	s.sayError(err)
	if err == nil && s.labelRun(subject.id, resp.RunId) != "" {
		s.sayReply("reset", resp)
	}
}

// doUpdate asks for an update, and tells what the client is told, whenever that is.
func (s *script) doUpdate(w *words) {
	subject, id := s.subject(w), w.next()
	stage := stageCompleted
	if w.is("accepted") {
		stage = stageAccepted
	}
	told := func(status *UpdateStatus) {
		switch {
		case status.Err != nil:
			s.say("update %s: %s", id, s.errorText(status.Err))
		case status.Outcome != nil:
			s.say("update %s: %s", id, s.messageText(status.Outcome.ProtoReflect()))
		default:
			s.say("update %s: %v", id, status.Stage)
		}
	}
	a := subject.update(id, stage, func(req *workflowservice.UpdateWorkflowExecutionRequest) { s.set(req, w) })
	s.sayError(a.refuse)
	if a.told != nil {
		told(a.told)
	}
	a.tell = told
}

func (s *script) doQuery(w *words) {
	subject := s.subject(w)
	name := w.name("q")
	req := &workflowservice.QueryWorkflowRequest{Query: &querypb.WorkflowQuery{QueryType: name}}
	s.set(req, w)
	var plan *QueryPlan
	err := subject.step(func(step *entity.Step, c *Chain) (err error) {
		plan, err = c.Query(step, req, func(result *QueryResult) {
			switch {
			case result.Err != nil:
				s.sayError(result.Err)
			case result.Result != nil:
				s.sayReply("query "+name, result.Result)
			default:
				s.say("query %s: to be sent to a worker directly", name)
			}
		})
		return err
	})
	if err != nil {
		s.sayError(err)
		return
	}
	if ready := subject.chain().QueryReady(""); ready != (plan.Disposition != QueryWait) {
		s.t.Errorf("the workflow is ready for queries: %v", ready)
	}
	switch plan.Disposition {
	case QueryDirect:
		s.say("query %s: directly to %s", name, strings.TrimSpace(plan.TaskQueue+" "+plan.StickyQueue))
	case QueryBuffered:
		s.queries[name] = plan.ID
		s.say("query %s: with a workflow task", name)
	case QueryRejected:
		s.say("query %s: rejected, the workflow is %v", name, plan.Rejected)
	case QueryWait:
		s.say("query %s: waits %v for the first workflow task", name, plan.Wait)
	}
}

// What workers of workflows do.

func (s *script) doPoll(w *words) {
	subject := s.subject(w)
	name := w.name(subject.id)
	var task *workflowTask
	if queue, ok := w.take("sticky"); ok {
		task = subject.pollFrom(&taskqueuepb.TaskQueue{Name: queue, Kind: enumspb.TASK_QUEUE_KIND_STICKY})
	} else if w.is("sticky") {
		task = subject.pollSticky()
	} else {
		task = subject.poll()
	}
	s.takeTask(name, task)
}

// takeTask tells what a worker is shown with a workflow task: which recorded
// events, and those that are not recorded yet.
func (s *script) takeTask(name string, task *workflowTask) {
	if task == nil {
		s.say("no task")
		return
	}
	s.workflowTasks[name] = task
	s.reply = task
	recorded := s.events[task.WorkflowExecution.RunId]
	events := task.History.GetEvents()
	shown := len(events)
	for i, event := range events {
		if event.EventId > int64(len(recorded)) {
			shown = i
			break
		}
	}
	text := "task: attempt " + strconv.Itoa(int(task.Attempt))
	if shown > 0 {
		text += ", events " + strconv.Itoa(int(events[0].EventId)) + " to " + strconv.Itoa(int(events[shown-1].EventId))
	}
	if task.PreviousStartedEventId != 0 {
		text += ", previous " + strconv.Itoa(int(task.PreviousStartedEventId))
	}
	if len(task.NextPageToken) > 0 {
		text += ", more to read"
	}
	for query, id := range s.queries {
		if task.Queries[id] != nil {
			text += ", query " + query
		}
	}
	s.say("%s", text)
	for _, event := range events[shown:] {
		s.say("(%s)", s.event(s.runLabels[task.WorkflowExecution.RunId], event))
	}
}

// handIn answers a workflow task that is in hand with the commands below the line.
func (s *script) handIn(subject subject, task *workflowTask, w *words) {
	s.said = nil
	req := &completeRequest{Commands: s.commands(s.data.Input)}
	req.Messages = s.said
	if w.is("sticky") {
		req.StickyAttributes = stickyAttributes()
	}
	if name, ok := w.take("answer"); ok {
		req.QueryResults = map[string]*querypb.WorkflowQueryResult{
			s.queries[name]: {ResultType: enumspb.QUERY_RESULT_TYPE_ANSWERED, Answer: payloads("answer")}}
	}
	s.set(req, w)
	completion, err := subject.tryComplete(task.TaskToken, req)
	if err == nil {
		err = completion.Err
	}
	if err != nil {
		// What exactly is wrong with a command is tested where the checks are.
		parts := strings.SplitN(s.errorText(err), ": ", 3)
		s.say("refused: %s", strings.Join(parts[:2], ": "))
		return
	}
	s.reply = completion.Response
	if next := completion.Response.WorkflowTask; next != nil {
		s.takeTask(subject.id, next)
	}
	for _, activity := range completion.Response.ActivityTasks {
		s.takeActivity(activity.ActivityId, activity)
	}
}

func (s *script) doComplete(w *words) {
	subject := s.subject(w)
	name, ok := w.take("task")
	if !ok {
		name = subject.id
	}
	if s.workflowTasks[name] == nil {
		s.fatalf("nobody has the task %s", name)
	}
	task := s.workflowTasks[name]
	if slices.ContainsFunc(w.fields, func(a assignment) bool { return strings.HasPrefix(a.field, "token.") }) {
		task = proto.CloneOf(task)
		task.TaskToken = tokens.EncodeTask(s.changedToken(task.TaskToken, w))
	}
	s.handIn(subject, task, w)
}

func (s *script) doDecide(w *words) {
	subject := s.subject(w)
	s.handIn(subject, subject.poll(), w)
}

// doGiven starts a workflow and answers its first task, and tells only what has
// come of the commands.
func (s *script) doGiven(w *words) {
	id := w.next()
	subject := s.workflow(id)
	s.watch = nil
	defer func() { s.watch = s.tell }()
	runID := subject.start(func(r *startRequest) { s.setStart(r, w) }).RunId
	s.handIn(subject, subject.poll(), w)
	for _, event := range s.events[runID][4:] {
		s.out = append(s.out, s.event(s.labelRun(id, runID), event))
	}
}

// doEach answers the first task of a new workflow with each of the lines.
func (s *script) doEach(w *words) {
	s.watch = nil
	defer func() { s.watch = s.tell }()
	for i, line := range strings.Split(s.data.Input, "\n") {
		subject := s.workflow("each" + strconv.Itoa(i))
		runID := subject.start().RunId
		req := &completeRequest{Commands: s.commands(strings.ReplaceAll(line, "; ", "\n"))}
		completion, err := subject.tryComplete(subject.poll().TaskToken, req)
		outcome := "accepted"
		if err != nil {
			outcome = s.errorText(err)
		} else if completion.Err != nil {
			if !isInvalidArgument(completion.Err) {
				s.t.Errorf("the worker is told %v", completion.Err)
			}
			last := s.events[runID][len(s.events[runID])-1]
			failed := s.events[runID][3].GetWorkflowTaskFailedEventAttributes()
			outcome = failed.GetCause().String()
			if terminated := last.GetWorkflowExecutionTerminatedEventAttributes(); terminated != nil {
				outcome += ", terminated because of " + terminated.Reason
			}
		}
		s.say("%s: %s", line, outcome)
		if closed := subject.status() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING; !closed {
			subject.terminate()
		}
	}
	s.outbox = nil
}

func (s *script) doFail(w *words) {
	subject := s.subject(w)
	s.sayError(subject.tryFail(s.workflowTasks[w.name(subject.id)]))
}

func (s *script) doResetSticky(w *words) {
	s.sayError(s.subject(w).step(func(step *entity.Step, c *Chain) error {
		return c.ResetSticky(step, &workflowservice.ResetStickyTaskQueueRequest{})
	}))
}

// What workers of activities do.

func (s *script) doStartActivity(w *words) {
	subject := s.subject(w)
	name := w.name("")
	task := subject.task(entity.TaskActivity)
	if task == nil {
		s.say("no activity task")
		return
	}
	started, err := subject.tryStartActivity(task)
	if err != nil {
		s.sayError(err)
		return
	}
	if started == nil {
		s.say("none is given")
		return
	}
	if name == "" {
		name = started.ActivityId
	}
	s.takeActivity(name, started)
}

// takeActivity tells what a worker gets with an activity task.
func (s *script) takeActivity(name string, task *activityTask) {
	s.activities[name] = task
	s.sayReply("activity "+name, task, "activity_id", "workflow_execution", "retry_policy", "input",
		"scheduled_time", "current_attempt_scheduled_time", "started_time", "priority",
		"schedule_to_close_timeout", "start_to_close_timeout", "heartbeat_timeout")
}

// ref is the activity that the next word names, by its token or by its id.
func (s *script) ref(w *words) attempt.Ref {
	name := w.next()
	if w.is("by-id") {
		ref := attempt.Ref{ActivityID: name}
		ref.RunID, _ = w.take("run_id")
		return ref
	}
	task := s.activities[name]
	if task == nil {
		s.fatalf("nobody has the activity %s", name)
	}
	return attempt.Ref{Token: s.changedToken(task.TaskToken, w)}
}

// changedToken is a token with the changes that the line asks for.
func (s *script) changedToken(data []byte, w *words) *taskToken {
	token, err := tokens.DecodeTask(data)
	if err != nil {
		s.fatalf("%v", err)
	}
	w.fields = slices.DeleteFunc(w.fields, func(a assignment) bool {
		field, ok := strings.CutPrefix(a.field, "token.")
		if ok {
			s.assign(token.ProtoReflect(), field, a.value)
		}
		return ok
	})
	return token
}

func (s *script) doCompleteActivity(w *words) {
	subject := s.subject(w)
	ref := s.ref(w)
	result := w.next()
	if result == "" {
		result = "done"
	}
	s.sayError(subject.completeActivity(ref, result))
}

func (s *script) doFailActivity(w *words) {
	subject := s.subject(w)
	ref := s.ref(w)
	failure := applicationFailure(w.next())
	var details *commonpb.Payloads
	if text, ok := w.take("details"); ok {
		details = payloads(expand(text))
	}
	s.set(failure, w)
	err := subject.step(func(step *entity.Step, c *Chain) error {
		cut, err := c.FailActivity(step, ref, failure, details, testWorker)
		for _, f := range cut {
			s.say("told: %s", f.Message)
		}
		return err
	})
	s.sayError(err)
}

func (s *script) doCancelActivity(w *words) {
	subject := s.subject(w)
	s.sayError(subject.cancelActivity(s.ref(w)))
}

func (s *script) doHeartbeat(w *words) {
	subject := s.subject(w)
	ref := s.ref(w)
	answer, err := subject.heartbeat(ref, w.next())
	s.sayError(err)
	if answer.CancelRequested {
		s.say("told: cancel requested")
	}
	if answer.Paused {
		s.say("told: paused")
	}
	if answer.Reset {
		s.say("told: reset")
	}
}

// doReport reports on an activity in every way; all must be answered alike.
func (s *script) doReport(w *words) {
	subject := s.subject(w)
	ref := s.ref(w)
	_, beat := subject.heartbeat(ref, "progress")
	answers := []error{beat, subject.failActivity(ref, applicationFailure("Broken")), subject.cancelActivity(ref), subject.completeActivity(ref, "done")}
	for i, err := range answers {
		if err == nil {
			s.say("report %d was accepted", i)
		} else if text := "refused: " + s.errorText(err); !slices.Contains(s.out, text) {
			s.say("%s", text)
		}
	}
}

// What the surroundings do.

func (s *script) doAdvance(w *words) {
	d := s.duration(w.next())
	s.advance(d)
	s.shown = s.now
}

func (s *script) doDeliver(w *words) {
	name := w.next()
	if kept, ok := s.messages[name]; ok {
		s.sayDelivery(kept)
		s.sayError(s.receive(kept))
		return
	}
	for n := 0; len(s.outbox) > 0 && (name != "one" || n == 0); n++ {
		if n > 100 {
			s.fatalf("messages are sent without end")
		}
		s.sayDelivery(s.outbox[0])
		s.deliverOne()
	}
}

// firstMessage is the message that is delivered next; there must be one.
func (s *script) firstMessage() envelope {
	if len(s.outbox) == 0 {
		s.fatalf("no message is on its way")
	}
	return s.outbox[0]
}

func (s *script) sayDelivery(m envelope) {
	s.say("%s <- %s %s", m.To.ID, m.from.ID, messageName(m.Body))
}

// What there is.

func (s *script) doDescribe(w *words) {
	subject := s.subject(w)
	var runID string
	if label := w.next(); label != "" {
		runID = s.runOf(label)
	}
	resp := subject.describe(runID)
	info := resp.WorkflowExecutionInfo
	s.reply = info
	if fields := info.GetSearchAttributes().GetIndexedFields(); string(fields[buildIDsAttribute].GetData()) == `["unversioned"]` {
		info = proto.CloneOf(info)
		delete(info.SearchAttributes.IndexedFields, buildIDsAttribute)
		if len(fields) == 1 {
			info.SearchAttributes = nil
		}
	}
	s.say("%v %s", info.Status, s.brief(info.ProtoReflect(), "status", "execution", "type", "start_time", "execution_time", "first_run_id",
		"root_execution", "state_transition_count", "auto_reset_points", "history_length"))
	extended := resp.WorkflowExtendedInfo
	if run := extended.GetResetRunId(); run != "" {
		s.say("has been reset: %s", s.labelled(run))
	}
	if at := extended.GetLastResetTime(); at != nil {
		s.say("made by a reset: %s", s.brief(extended.ProtoReflect(), "request_id_infos", "reset_run_id"))
	}
	if skipping := extended.GetTimeSkippingInfo(); skipping != nil {
		s.say("time skipping: %s", s.brief(skipping.ProtoReflect()))
	}
	if pending := resp.PendingWorkflowTask; pending != nil {
		s.say("workflow task: %s", s.brief(pending.ProtoReflect(), "scheduled_time", "original_scheduled_time"))
	}
	for _, a := range resp.PendingActivities {
		s.say("activity: %s", s.brief(a.ProtoReflect(), "activity_options"))
		s.reply = a
	}
	for _, c := range resp.PendingChildren {
		s.say("child: %s", s.brief(c.ProtoReflect()))
	}
	for _, op := range resp.PendingNexusOperations {
		s.say("nexus operation: %s", s.brief(op.ProtoReflect(), "endpoint", "service"))
		s.reply = op
	}
}

func (s *script) doResetPoints(w *words) {
	subject := s.subject(w)
	var runID string
	if label := w.next(); label != "" {
		runID = s.runOf(label)
	}
	for _, p := range subject.describe(runID).WorkflowExecutionInfo.AutoResetPoints.GetPoints() {
		s.say("%s", s.brief(p.ProtoReflect()))
	}
}

func (s *script) doHistory(w *words) {
	label := w.next()
	for _, event := range s.events[s.runOf(label)] {
		s.say("%s", s.event(label, event))
	}
	if len(s.out) == 0 {
		s.say("no history")
	}
}

func (s *script) doEvent(w *words) {
	event := s.eventAt(w.next(), s.number(w.next()))
	s.inFull[event.EventType] = true
	s.say("%v %s", event.EventType, offset(event.EventTime.AsTime()))
	s.sayFields(attributesOf(event))
}

func (s *script) eventAt(label string, id int64) *historypb.HistoryEvent {
	events := s.events[s.runOf(label)]
	if id < 1 || id > int64(len(events)) {
		s.fatalf("%s has %d events", label, len(events))
	}
	return events[id-1]
}

// doNothingLeft checks that no record and no timer of any workflow is left.
func (s *script) doNothingLeft(*words) {
	for key, records := range s.records {
		if len(records) > 0 || len(s.timers[key]) > 0 {
			s.say("%s has %d records and %d timers", key.ID, len(records), len(s.timers[key]))
		}
	}
}
