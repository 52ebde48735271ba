package differ

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
)

// A life is made up from a seed: clients and workers do what chance decides,
// among what can be done at the time. It goes the same way on every server that
// behaves the same: nothing is done before everything has settled, and what
// could happen in either order does not happen at once. So there is one queue
// for each activity, one command at a time of those that are answered later,
// and a child does not end while its parent is busy.
//
// Each step has chance of its own, so that steps can be left out to find the
// shortest script that still shows a difference.

// Life is the scenario made up from a seed, of that many steps but for those
// that are left out.
func Life(seed uint64, steps int, leftOut map[int]bool) Scenario {
	return Scenario{fmt.Sprintf("life %d", seed), func(w *World) {
		l := &life{w: w, seed: seed}
		w.lenient = true
		if l.compared() {
			w.patience, w.operators = 100*time.Second, true
		}
		l.rng = rand.New(rand.NewPCG(seed, 0))
		l.begin()
		for step := 1; step <= steps; step++ {
			if leftOut[step] {
				continue
			}
			l.rng = rand.New(rand.NewPCG(seed, uint64(step)))
			l.number = step
			if !l.step() {
				return
			}
		}
	}}
}

type life struct {
	w      *World
	seed   uint64
	rng    *rand.Rand
	number int // of the step
	serial int // makes names
	flows  []*flow
}

// recordedLives are those of the golden file: without operators, and with workflow tasks
// that time out before somebody who waits gives up.
const recordedLives = 100

// compared reports whether the life is played on both servers at the same time, perhaps on
// a busy machine.
func (l *life) compared() bool { return l.seed >= recordedLives }

// patiently are settings by which no workflow task times out.
func (l *life) patiently() []string {
	if !l.compared() {
		return nil
	}
	return []string{"workflow_task_timeout=10m"}
}

// say tells of what is done, for whoever reads the transcript as a script.
func (l *life) say(format string, args ...any) {
	l.w.Say("step %d: "+format, append([]any{l.number}, args...)...)
}

// chance is true once in so many times.
func (l *life) chance(in int) bool { return l.rng.IntN(in) == 0 }

func pick[T any](l *life, list []T) T { return list[l.rng.IntN(len(list))] }

func (l *life) name(prefix string) string {
	l.serial++
	return fmt.Sprintf("%s%d", prefix, l.serial)
}

// begin starts the workflows of a life.
func (l *life) begin() {
	for _, name := range []string{"w", "other"} {
		f := newFlow(name, nil, "")
		l.flows = append(l.flows, f)
		settings := l.patiently()
		if l.chance(4) {
			settings = append(settings, "retry_policy.maximum_attempts=2", "retry_policy.initial_interval=1s")
		}
		if l.chance(3) {
			settings = append(settings, "memo=(a:1)")
		}
		l.say("start %s %v", name, settings)
		l.w.Start(name, settings...)
	}
	l.settle()
}

// deed is something that can be done.
type deed struct {
	weight int
	do     func()
}

// step does one thing; it returns false when nothing is left to do.
func (l *life) step() bool {
	var deeds []deed
	add := func(weight int, possible bool, do func()) {
		if possible {
			deeds = append(deeds, deed{weight, do})
		}
	}
	for _, f := range l.flows {
		l.clientDeeds(f, add)
		l.workerDeeds(f, add)
		l.activityDeeds(f, add)
		l.operatorDeeds(f, add)
	}
	total := 0
	for _, d := range deeds {
		total += d.weight
	}
	if total == 0 {
		return false
	}
	n := l.rng.IntN(total)
	for _, d := range deeds {
		if n -= d.weight; n < 0 {
			d.do()
			break
		}
	}
	l.settle()
	return true
}

type adder func(weight int, possible bool, do func())

// mayEnd reports whether a flow may close now: others learn of it, and what they
// learn must not get into a buffer that nobody can see.
func (l *life) mayEnd(f *flow) bool {
	if f.parent != nil && f.parent.task != nil {
		return false
	}
	return !slices.ContainsFunc(l.flows, func(c *flow) bool { return c.parent == f && c.task != nil })
}

func (l *life) clientDeeds(f *flow, add adder) {
	alive := f.exists && !f.closed
	add(3, alive, func() {
		l.say("signal %s", f.name)
		l.w.Signal(f.name, pick(l, []string{"s", "t"}), pick(l, []string{"input=none", "input=in"}))
	})
	add(1, alive, func() {
		l.say("cancel %s", f.name)
		l.w.RequestCancel(f.name)
	})
	add(1, alive && l.number > 10 && l.mayEnd(f), func() {
		l.say("terminate %s", f.name)
		l.w.Terminate(f.name)
	})
	add(1, f.exists && f.parent == nil, func() {
		l.say("signal with start %s", f.name)
		l.w.SignalWithStart(f.name, "s", l.patiently()...)
	})
	add(1, f.exists && f.closed && f.parent == nil, func() {
		l.say("start %s again", f.name)
		l.w.Start(f.name, append(l.patiently(), "workflow_id_reuse_policy="+pick(l, []string{"ALLOW_DUPLICATE", "ALLOW_DUPLICATE_FAILED_ONLY", "REJECT_DUPLICATE"}))...)
	})
	add(1, alive && f.task == nil && f.first && f.listener == nil && !f.tasked, func() { l.query(f) })
	add(2, alive && f.task == nil, func() { l.update(f) })
}

func (l *life) query(f *flow) {
	l.say("query %s", f.name)
	wait := l.w.Query(f.name, "q")
	l.w.Poll(f.name).Answer("out")
	wait()
}

func (l *life) workerDeeds(f *flow, add adder) {
	alive := f.exists && !f.closed
	add(6, alive && f.task == nil && f.listener == nil && f.tasked, func() {
		l.say("take the task of %s", f.name)
		f.task = l.w.Poll(f.name)
	})
	add(8, f.task != nil, func() { l.complete(f) })
	add(4, f.task != nil && len(f.accepted) > 0, func() {
		id := f.accepted[0]
		l.say("complete update %s of %s", id, f.name)
		f.task.Messages(messages(Outcome(id, "out")), protocolMessage(id+"/complete"))
		l.done(f)
	})
	add(1, f.task != nil, func() {
		l.say("fail the task of %s", f.name)
		f.task.Fail()
		l.done(f)
	})
	add(1, f.task != nil && f.task.Attempt == 1, func() { l.malformed(f) })
	add(1, alive && f.task == nil && f.listener == nil, func() {
		l.say("the worker of %s forgets it", f.name)
		l.w.ResetSticky(f.name)
	})
}

// done forgets the task of a flow, which has been answered.
func (l *life) done(f *flow) { f.task, f.listener, f.closing = nil, nil, false }

// listened takes the task that has come on the sticky queue.
func (l *life) listened(f *flow) {
	l.say("the task of %s comes on its sticky queue", f.name)
	f.task, f.listener = f.listener(), nil
}

// complete answers a task with commands that chance decides.
func (l *life) complete(f *flow) {
	commands, answered := l.commands(f)
	var settings Settings
	sticky, queue := l.chance(3) && !answered, "" // the worker would take the task before the answer comes, or after
	if sticky {
		queue = l.name(f.name + "-sticky")
		settings = append(settings, "sticky_attributes.worker_task_queue.name="+l.w.Queue(queue),
			"sticky_attributes.worker_task_queue.kind=STICKY", "sticky_attributes.schedule_to_start_timeout=1h")
	}
	if l.chance(4) {
		settings = append(settings, "force_create_new_workflow_task=true")
	}
	l.say("complete the task of %s, sticky %t, %d more settings: %s", f.name, sticky, len(settings), describe(commands))
	if sticky {
		l.w.quietly(func() { f.listener = l.w.Listen(f.name, queue) })
	}
	listener := f.listener
	f.task.CompleteWith(settings, commands...)
	l.done(f)
	l.read(f)
	f.closing = !f.closed && slices.ContainsFunc(commands, closes)
	if sticky && !f.closed && l.isSticky(f) {
		f.listener = listener
	}
}

// isSticky reports whether the last task was completed, so that the flow has a
// sticky queue now.
func (l *life) isSticky(f *flow) bool {
	sticky := false
	for _, event := range l.w.History(f.name, "") {
		switch event.EventType {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			sticky = true
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED, enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
			sticky = false
		}
	}
	return sticky
}

// describe tells of commands in a few words.
func describe(commands []*commandpb.Command) string {
	var words []string
	for _, c := range commands {
		words = append(words, c.CommandType.String())
	}
	return fmt.Sprint(words)
}

// malformed answers a task with something that the server refuses.
func (l *life) malformed(f *flow) {
	const unknownCommand = 99
	bad := pick(l, []*commandpb.Command{
		timer("", "1h"), timer("x", "-1s"), cancelTimer("no-such-timer"), cancelActivity(1), cancelActivity(9999),
		l.w.activity("x", "start_to_close_timeout=none"), l.w.activity("", "activity_type=act"), marker(""), Command("FailWorkflowExecution"),
		Command("UpsertWorkflowSearchAttributes"), Command("ModifyWorkflowProperties"), Command("SignalExternalWorkflowExecution", "signal_name=s"),
		Command("StartChildWorkflowExecution", "workflow_id=x"), protocolMessage("no-such-message"), {CommandType: unknownCommand},
	})
	commands := append(l.simple(f), bad)
	l.say("complete the task of %s badly: %s", f.name, describe(commands))
	f.task.Complete(commands...)
	if bad.CommandType == unknownCommand {
		return // the request is refused, and the worker still has the task
	}
	l.done(f)
}

// simple are commands that nothing follows from by itself.
func (l *life) simple(f *flow) []*commandpb.Command {
	if l.chance(2) {
		return nil
	}
	return []*commandpb.Command{pick(l, []*commandpb.Command{marker("m"), timer(l.name("t"), "1h")})}
}

// update sends an update and has it handled.
func (l *life) update(f *flow) {
	id := l.name("u")
	way := pick(l, []string{"carry out", "reject", "accept", "pass over"})
	interrupted := l.chance(3)
	stage := "COMPLETED"
	if way == "accept" {
		stage = "ACCEPTED"
	}
	l.say("update %s: %s, signal on the way %t", f.name, way, interrupted)
	wait := l.w.Update(f.name, id, "wait_policy.lifecycle_stage="+stage)
	if f.listener == nil {
		l.w.AwaitUpdate(f.name, id)
		f.task = l.w.Poll(f.name)
	} else {
		f.task = f.listener()
	}
	if interrupted {
		l.w.Signal(f.name, "s")
	}
	switch way {
	case "carry out":
		f.task.carryOut(id)
	case "reject":
		f.task.Messages(messages(f.task.Reject(id)), protocolMessage(id+"/reject"))
	case "accept":
		f.task.Messages(messages(f.task.Accept(id)), protocolMessage(id+"/accept"))
	case "pass over":
		f.task.Complete(l.simple(f)...)
	}
	l.done(f)
	wait()
}

// isStarted reports whether an activity is at a worker, perhaps one whose token is worth nothing
// any more: then no poll brings it, and none need wait for it.
func (l *life) isStarted(f *flow, activityID string) bool {
	var started bool
	l.w.quietly(func() {
		d, _ := l.w.Quiet.DescribeWorkflowExecution(l.w.Ctx, describeRequest(l.w, f.name))
		started = slices.ContainsFunc(d.GetPendingActivities(), func(a *workflowpb.PendingActivityInfo) bool {
			return a.ActivityId == activityID && a.State == enumspb.PENDING_ACTIVITY_STATE_STARTED
		})
	})
	return started
}

func (l *life) activityDeeds(f *flow, add adder) {
	for _, a := range f.activities {
		taken := f.running[a.id]
		add(3, taken == nil && !a.canceling && !f.paused[a.id], func() {
			l.say("take activity %s of %s", a.id, f.name)
			if l.compared() && l.isStarted(f, a.id) {
				l.say("a worker has it already")
				return
			}
			f.running[a.id] = l.w.PollActivity(a.id)
		})
		add(1, taken != nil, func() {
			l.say("heartbeat of %s of %s", a.id, f.name)
			taken.Heartbeat("half")
		})
		add(3, taken != nil, func() {
			l.say("complete %s of %s", a.id, f.name)
			taken.Complete("out")
			delete(f.running, a.id)
		})
		add(2, taken != nil, func() {
			settings := pick(l, []string{"application_failure_info.non_retryable=true", "application_failure_info.non_retryable=false"})
			l.say("fail %s of %s, %s", a.id, f.name, settings)
			taken.Fail(Failure("Bad", settings))
			delete(f.running, a.id)
		})
		add(2, taken != nil && a.canceling, func() {
			l.say("cancel %s of %s", a.id, f.name)
			taken.Cancel()
			delete(f.running, a.id)
		})
		add(1, taken != nil, func() {
			l.say("complete %s of %s by its id", a.id, f.name)
			_, _ = l.w.API.RespondActivityTaskCompletedById(l.w.Ctx, &workflowservice.RespondActivityTaskCompletedByIdRequest{
				Namespace: Namespace, WorkflowId: l.w.ID(f.name), ActivityId: a.id, Identity: "other", Result: Text("out")})
			delete(f.running, a.id)
		})
	}
}
