package typed_test

import (
	"context"
	"testing"

	"github.com/nexus-rpc/sdk-go/nexus"

	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/typed"
	"github.com/perdure/perdure/sdk/workflow"
)

var (
	price    = typed.NewNexusOperation[order, int]("shop", "price")
	purchase = typed.NewNexusOperation[order, string]("shop", "purchase")
)

func TestAWorkflowCallsANexusOperationByItsDefinition(t *testing.T) {
	env := environment(t)
	typed.RegisterNexus(env, price.Handle(func(_ context.Context, o order, _ nexus.StartOperationOptions) (int, error) {
		return o.Count * 3, nil
	}))
	env.ExecuteWorkflow(func(ctx workflow.Context) (int, error) {
		return price.Execute(ctx, "endpoint", order{Count: 2}, workflow.NexusOperationOptions{})
	})
	if got := outcome[int](t, env); got != 6 {
		t.Errorf("got %d", got)
	}
}

func TestAWorkflowCarriesOutANexusOperation(t *testing.T) {
	env := environment(t)
	charge.Register(env, charged)
	buy.Register(env, func(ctx workflow.Context, o order) (string, error) { return charge.Execute(withOptions(ctx), o) })
	typed.RegisterNexus(env, purchase.HandleWithWorkflow(buy, func(_ context.Context, o order, _ nexus.StartOperationOptions) (client.StartWorkflowOptions, error) {
		return client.StartWorkflowOptions{ID: "buy-" + o.Item}, nil
	}))
	env.ExecuteWorkflow(func(ctx workflow.Context) ([]string, error) {
		future := purchase.Start(ctx, "endpoint", order{Item: "tea", Count: 2}, workflow.NexusOperationOptions{})
		started, err := future.Started(ctx)
		if err != nil {
			return nil, err
		}
		result, err := future.Get(ctx)
		return []string{started.OperationToken, result}, err
	})
	if got := outcome[[]string](t, env); got[0] == "" || got[1] != "2 of tea" {
		t.Errorf("got %q", got)
	}
}

func TestOperationsOfAServiceAreRegisteredTogether(t *testing.T) {
	handler := price.Handle(func(context.Context, order, nexus.StartOperationOptions) (int, error) { return 0, nil })
	registered := &services{}
	typed.RegisterNexus(registered, handler, purchase.Handle(func(context.Context, order, nexus.StartOperationOptions) (string, error) { return "", nil }),
		typed.NewNexusOperation[int, int]("other", "double").Handle(func(context.Context, int, nexus.StartOperationOptions) (int, error) { return 0, nil }))
	if len(registered.all) != 2 || registered.all[0].Name != "shop" || registered.all[0].Operation("purchase") == nil || registered.all[1].Name != "other" {
		t.Errorf("the services are %v", registered.all)
	}
	defer func() {
		if recover() == nil {
			t.Error("two operations of the same name were registered")
		}
	}()
	typed.RegisterNexus(registered, handler, handler)
}

// services are those that were registered.
type services struct{ all []*nexus.Service }

func (s *services) RegisterNexusService(service *nexus.Service) { s.all = append(s.all, service) }
