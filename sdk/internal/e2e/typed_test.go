package e2e

import (
	"context"
	"testing"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/typed"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

// basket is a workflow that updates fill and a signal ends.
var (
	basket       = typed.NewWorkflow[string, []string]("typed-basket")
	basketAdd    = typed.NewUpdate[string, int]("add")
	basketOwner  = typed.NewQuery[typed.None, string]("owner")
	basketLeave  = typed.NewSignal[string]("leave")
	basketDecor  = typed.NewActivity[typed.Args2[string, string], string]("decorate")
	basketIdling = typed.NewWorkflow[typed.None, typed.None]("typed-idle")
)

func fillBasket(ctx workflow.Context, owner string) ([]string, error) {
	var items []string
	if err := basketOwner.Handle(ctx, func(typed.None) (string, error) { return owner, nil }); err != nil {
		return nil, err
	}
	err := basketAdd.Handle(ctx, func(ctx workflow.Context, item string) (int, error) {
		decorated, err := basketDecor.ExecuteLocal(localSecond(ctx), typed.Args2[string, string]{First: owner, Second: item})
		items = append(items, decorated)
		return len(items), err
	})
	if err != nil {
		return nil, err
	}
	last, _ := basketLeave.Receive(ctx)
	return append(items, last), nil
}

func localSecond(ctx workflow.Context) workflow.Context {
	return workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: patience})
}

func TestTypedDefinitionsWorkFromEndToEnd(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) {
		basket.Register(w, fillBasket)
		basketDecor.Register(w, func(_ context.Context, in typed.Args2[string, string]) (string, error) {
			return in.First + "'s " + in.Second, nil
		})
		basketIdling.Register(w, func(workflow.Context, typed.None) (typed.None, error) { return typed.None{}, nil })
	})
	if _, err := basketIdling.Execute(s.ctx, s, s.options(), typed.None{}); err != nil {
		t.Fatal(err)
	}

	options := s.options()
	options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL
	handle, err := typed.UpdateWithStart(s.ctx, s, basketAdd,
		client.UpdateWorkflowOptions{WaitForStage: client.WorkflowUpdateStageCompleted}, "tea", basket, options, "ann")
	if err != nil {
		t.Fatal(err)
	}
	if count, err := handle.Get(s.ctx); err != nil || count != 1 {
		t.Errorf("first update: %d, %v", count, err)
	}
	if count, err := basketAdd.Execute(s.ctx, s, options.ID, "jam"); err != nil || count != 2 {
		t.Errorf("second update: %d, %v", count, err)
	}
	if owner, err := basketOwner.Ask(s.ctx, s, options.ID, "", typed.None{}); err != nil || owner != "ann" {
		t.Errorf("query: %q, %v", owner, err)
	}
	if err := basketLeave.Send(s.ctx, s, options.ID, "", "bye"); err != nil {
		t.Fatal(err)
	}
	got, err := basket.Run(s.ctx, s, options.ID, "").Get(s.ctx)
	if err != nil || len(got) != 3 || got[0] != "ann's tea" || got[2] != "bye" {
		t.Errorf("result %q, %v", got, err)
	}
}

func TestASignalStartsATypedWorkflow(t *testing.T) {
	s := newScenario(t)
	s.work(worker.Options{}, func(w worker.Worker) { basket.Register(w, fillBasket) })
	options := s.options()
	run, err := typed.SignalWithStart(s.ctx, s, options.ID, basketLeave, "at once", options, basket, "bob")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := run.Get(s.ctx); err != nil || len(got) != 1 || got[0] != "at once" {
		t.Errorf("result %q, %v", got, err)
	}
}
