package differ

import (
	"strings"

	"go.temporal.io/api/workflowservice/v1"
)

// PauseAlone pauses an activity without a workflow.
func (w *World) PauseAlone(name string, settings ...string) {
	_, _ = w.API.PauseActivityExecution(w.Ctx, Set(&workflowservice.PauseActivityExecutionRequest{Namespace: Namespace,
		ActivityId: w.Other(name), Identity: "operator", Reason: "lunch", RequestId: w.requestID()}, settings...))
}

// UnpauseAlone lets an activity without a workflow go on.
func (w *World) UnpauseAlone(name string, settings ...string) {
	_, _ = w.API.UnpauseActivityExecution(w.Ctx, Set(&workflowservice.UnpauseActivityExecutionRequest{Namespace: Namespace,
		ActivityId: w.Other(name), Identity: "operator", Reason: "after lunch", RequestId: w.requestID()}, settings...))
}

// ResetAlone lets an activity without a workflow begin anew.
func (w *World) ResetAlone(name string, settings ...string) {
	_, _ = w.API.ResetActivityExecution(w.Ctx, Set(&workflowservice.ResetActivityExecutionRequest{Namespace: Namespace,
		ActivityId: w.Other(name), Identity: "operator", RequestId: w.requestID()}, settings...))
}

// UpdateAlone changes the options of an activity without a workflow.
func (w *World) UpdateAlone(name string, settings ...string) {
	_, _ = w.API.UpdateActivityExecutionOptions(w.Ctx, Set(&workflowservice.UpdateActivityExecutionOptionsRequest{Namespace: Namespace,
		ActivityId: w.Other(name), Identity: "operator", RequestId: w.requestID()}, settings...))
}

// standaloneOperators are what operators do to activities without a workflow.
var standaloneOperators = []Scenario{
	{"an activity of its own is paused before it is taken, and goes on", func(w *World) {
		w.StartActivity("a")
		w.PauseAlone("a")
		w.DescribeActivity("a")
		w.UnpauseAlone("a")
		w.PollActivity("a").Complete("out")
		w.DescribeActivity("a")
	}},
	{"an activity of its own is paused while a worker has it", func(w *World) {
		a := w.begun()
		a.Heartbeat("half")
		w.PauseAlone("a")
		w.DescribeActivity("a")
		a.Heartbeat("more")
		a.Complete("out")
		w.DescribeActivity("a")
	}},
	{"an activity of its own that is paused fails, and waits", func(w *World) {
		a := w.begun(retried)
		w.PauseAlone("a")
		a.Fail(Failure("Bad"))
		w.DescribeActivity("a")
		w.UnpauseAlone("a")
		w.PollActivity("a").Complete("out")
	}},
	{"an activity of its own is paused twice and let go twice", func(w *World) {
		w.begun(retried)
		w.PauseAlone("a")
		w.PauseAlone("a", "reason=dinner")
		w.UnpauseAlone("a")
		w.UnpauseAlone("a")
		w.DescribeActivity("a")
	}},
	{"an activity of its own is let go with its attempts and its heartbeat reset", func(w *World) {
		a := w.begun(retried)
		a.Heartbeat("half")
		a.Fail(Failure("Bad"))
		b := w.PollActivity("a")
		w.PauseAlone("a")
		b.Fail(Failure("Bad"))
		w.UnpauseAlone("a")
		w.PollActivity("a").Complete("out")
	}},
	{"an activity of its own is reset while a worker has it", func(w *World) {
		a := w.begun(retried)
		a.Heartbeat("half")
		w.ResetAlone("a")
		w.DescribeActivity("a")
		a.Heartbeat("more")
		a.Fail(Failure("Bad"))
		w.DescribeActivity("a")
		w.PollActivity("a").Complete("out")
	}},
	{"an activity of its own is reset before its second attempt", func(w *World) {
		a := w.begun("retry_policy.initial_interval=1h")
		a.Heartbeat("half")
		a.Fail(Failure("Bad"))
		w.ResetAlone("a", "reset_heartbeat=true")
		w.PollActivity("a").Complete("out")
	}},
	{"an activity of its own is reset while it is paused, and stays so", func(w *World) {
		a := w.begun(retried)
		w.PauseAlone("a")
		a.Fail(Failure("Bad"))
		w.ResetAlone("a", "keep_paused=true")
		w.DescribeActivity("a")
		w.ResetAlone("a")
		w.PollActivity("a").Complete("out")
	}},
	{"the options of an activity of its own are changed, and restored", func(w *World) {
		w.StartActivity("a", retried)
		w.UpdateAlone("a", "activity_options.start_to_close_timeout=3m", "update_mask.paths=start_to_close_timeout")
		w.UpdateAlone("a", "activity_options.retry_policy.maximum_attempts=7", "update_mask.paths=retry_policy.maximum_attempts")
		w.DescribeActivity("a")
		w.UpdateAlone("a", "restore_original=true")
		w.DescribeActivity("a")
		w.TerminateActivity("a")
	}},
	{"changes of the options of an activity of its own that cannot be", func(w *World) {
		w.StartActivity("a", retried)
		w.UpdateAlone("a")
		w.UpdateAlone("a", "update_mask.paths=start_to_close_timeout")
		w.UpdateAlone("a", "activity_options.start_to_close_timeout=3m", "update_mask.paths=no_such_field")
		w.UpdateAlone("a", "activity_options.start_to_close_timeout=-3m", "update_mask.paths=start_to_close_timeout")
		w.UpdateAlone("a", "activity_options.start_to_close_timeout=3m", "update_mask.paths=start_to_close_timeout", "restore_original=true")
		w.UpdateAlone("none", "activity_options.start_to_close_timeout=3m", "update_mask.paths=start_to_close_timeout")
		w.DescribeActivity("a")
		w.TerminateActivity("a")
	}},
	{"what operators cannot do to an activity of its own", func(w *World) {
		w.begun().Complete("out")
		w.PauseAlone("a")
		w.UnpauseAlone("a")
		w.ResetAlone("a")
		w.PauseAlone("none")
		w.UnpauseAlone("none")
		w.ResetAlone("none")
		w.PauseAlone("a", "activity_id=")
		w.PauseAlone("a", "run_id=no-run")
		for _, field := range []string{"reason=", "identity=", "request_id="} {
			w.Say("long %s", field)
			w.PauseAlone("a", field+strings.Repeat("x", 1001))
		}
	}},
	{"an activity of its own that is paused is cancelled", func(w *World) {
		w.StartActivity("a")
		w.PauseAlone("a")
		w.CancelActivity("a")
		w.DescribeActivity("a")
	}},
	{"an activity of its own that is paused is terminated", func(w *World) {
		w.StartActivity("a")
		w.PauseAlone("a")
		w.TerminateActivity("a")
		w.DescribeActivity("a")
		w.PollOutcome("a")
	}},
}
