package scenario

import (
	"errors"
	"strings"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// collect joins the values of the signal "add" until one is "end", and answers
// the query "so far".
func collect(ctx workflow.Context) (string, error) {
	var values []string
	if err := workflow.SetQueryHandler(ctx, "so far", func() (string, error) { return strings.Join(values, " "), nil }); err != nil {
		return "", err
	}
	channel := workflow.GetSignalChannel(ctx, "add")
	for {
		var value string
		channel.Receive(ctx, &value)
		if value == "end" {
			return strings.Join(values, " "), nil
		}
		values = append(values, value)
	}
}

func registerCollect(r worker.Registry) { r.RegisterWorkflow(collect) }

var signalScenarios = []Scenario{
	{"signals reach a workflow in order", func(e *Env) {
		e.Worker(worker.Options{}, registerCollect)
		run := e.Start("w", collect)
		for _, value := range []string{"a", "b", "c", "end"} {
			e.EventuallyIdle(run.GetID())
			e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "add", value))
		}
		Want(e, e.Result(run), "a b c")
	}},
	{"signals sent before a worker comes are there with the first task", func(e *Env) {
		run := e.Start("w", collect)
		for _, value := range []string{"a", "b", "end"} {
			e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), run.GetRunID(), "add", value))
		}
		e.Worker(worker.Options{}, registerCollect)
		Want(e, e.Result(run), "a b")
	}},
	{"signal with start starts a workflow and signals a running one", func(e *Env) {
		options := client.StartWorkflowOptions{ID: e.ID("w"), TaskQueue: e.Queue}
		run, err := e.Client.SignalWithStartWorkflow(e.Ctx, options.ID, "add", "first", options, collect)
		e.Must(err)
		again, err := e.Client.SignalWithStartWorkflow(e.Ctx, options.ID, "add", "second", options, collect)
		e.Must(err)
		Want(e, again.GetRunID(), run.GetRunID())
		e.Must(e.Client.SignalWorkflow(e.Ctx, options.ID, "", "add", "end"))
		e.Worker(worker.Options{}, registerCollect)
		Want(e, e.Result(run), "first second")
	}},
	{"a signal to a closed workflow is not found", func(e *Env) {
		e.Worker(worker.Options{}, registerCollect)
		run := e.Start("w", collect)
		e.EventuallyIdle(run.GetID())
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "add", "end"))
		e.Result(run)
		err := e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "add", "late")
		var notFound *serviceerror.NotFound
		Want(e, errors.As(err, &notFound), true)
		Want(e, err.Error(), "workflow execution already completed")
	}},
	{"a query sees what the workflow has done", func(e *Env) {
		e.Worker(worker.Options{}, registerCollect)
		run := e.Start("w", collect)
		query := func() string {
			value, err := e.Client.QueryWorkflow(e.Ctx, run.GetID(), "", "so far")
			e.Must(err)
			var s string
			e.Must(value.Get(&s))
			return s
		}
		e.EventuallyIdle(run.GetID())
		Want(e, query(), "")
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "add", "a"))
		e.EventuallyIdle(run.GetID())
		Want(e, query(), "a")
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "add", "end"))
		Want(e, e.Result(run), "a")
		Want(e, query(), "a")
	}},
	{"a query of an unknown type fails", func(e *Env) {
		e.Worker(worker.Options{}, registerCollect)
		run := e.Start("w", collect)
		e.EventuallyIdle(run.GetID())
		_, err := e.Client.QueryWorkflow(e.Ctx, run.GetID(), "", "nonsense")
		var failed *serviceerror.QueryFailed
		Want(e, errors.As(err, &failed), true)
		e.Must(e.Client.SignalWorkflow(e.Ctx, run.GetID(), "", "add", "end"))
		e.Result(run)
	}},
}
