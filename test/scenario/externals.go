package scenario

import (
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// signals sends one signal to another workflow and reports how that went.
func signals(ctx workflow.Context, id string) (string, error) {
	if err := workflow.SignalExternalWorkflow(ctx, id, "", "add", "end").Get(ctx, nil); err != nil {
		return "not signalled", nil
	}
	return "signalled", nil
}

// cancels requests the cancellation of another workflow and reports how that went.
func cancels(ctx workflow.Context, id string) (string, error) {
	if err := workflow.RequestCancelExternalWorkflow(ctx, id, "").Get(ctx, nil); err != nil {
		return "not cancelled", nil
	}
	return "cancelled", nil
}

func registerExternals(r worker.Registry) {
	r.RegisterWorkflow(signals)
	r.RegisterWorkflow(cancels)
	r.RegisterWorkflow(collect)
	r.RegisterWorkflow(untilCancelled)
}

var externalScenarios = []Scenario{
	{"a workflow signals another one", func(e *Env) {
		e.Worker(worker.Options{}, registerExternals)
		target := e.Start("target", collect)
		e.EventuallyIdle(target.GetID())
		Want(e, e.Result(e.Start("w", signals, target.GetID())), "signalled")
		Want(e, e.Result(target), "")
	}},
	{"a signal to a workflow that does not exist fails", func(e *Env) {
		e.Worker(worker.Options{}, registerExternals)
		Want(e, e.Result(e.Start("w", signals, e.Queue+"-nobody")), "not signalled")
	}},
	{"a workflow cancels another one", func(e *Env) {
		e.Worker(worker.Options{}, registerExternals)
		target := e.Start("target", untilCancelled)
		e.EventuallyIdle(target.GetID())
		Want(e, e.Result(e.Start("w", cancels, target.GetID())), "cancelled")
		Want(e, temporal.IsCanceledError(target.Get(e.Ctx, nil)), true)
	}},
	{"a cancel request to a workflow that does not exist fails", func(e *Env) {
		e.Worker(worker.Options{}, registerExternals)
		Want(e, e.Result(e.Start("w", cancels, e.Queue+"-nobody")), "not cancelled")
	}},
}
