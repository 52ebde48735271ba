// Package updates: a workflow is changed, and answers.
//
// An update is a signal with an answer. A validator can turn it down before anything
// is written. The handler runs like workflow code, on a coroutine of its own: it may
// wait, and call activities.
package updates

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "updates", Title: "change a workflow and have its answer",
	Register: func(r worker.Registry) { r.RegisterWorkflow(Account) },
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		// Update with start: the account is opened by whoever pays in first.
		options := lesson.Options("updates")
		options.WorkflowIDConflictPolicy = enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING
		operation := c.NewWithStartWorkflowOperation(options, Account)
		first, err := c.UpdateWithStartWorkflow(ctx, client.UpdateWithStartWorkflowOptions{
			StartWorkflowOperation: operation,
			UpdateOptions:          deposit(options.ID, 50),
		})
		if err != nil {
			return err
		}
		if err := balance(ctx, first, say); err != nil {
			return err
		}
		second, err := c.UpdateWorkflow(ctx, deposit(options.ID, 25))
		if err != nil {
			return err
		}
		if err := balance(ctx, second, say); err != nil {
			return err
		}
		third, err := c.UpdateWorkflow(ctx, deposit(options.ID, -1))
		if err == nil {
			err = third.Get(ctx, nil)
		}
		say("refused: %v", err)
		return c.SignalWorkflow(ctx, options.ID, "", "close", nil)
	},
	Says: []string{"balance 50", "balance 75", "refused: amount must be positive"},
}

func deposit(workflowID string, amount int) client.UpdateWorkflowOptions {
	return client.UpdateWorkflowOptions{
		WorkflowID: workflowID, UpdateName: "deposit", Args: []any{amount},
		WaitForStage: client.WorkflowUpdateStageCompleted,
	}
}

func balance(ctx context.Context, handle client.WorkflowUpdateHandle, say lesson.Say) error {
	var balance int
	if err := handle.Get(ctx, &balance); err != nil {
		return err
	}
	say("balance %d", balance)
	return nil
}

// Account has a balance that updates change.
func Account(ctx workflow.Context) error {
	total := 0
	err := workflow.SetUpdateHandlerWithOptions(ctx, "deposit", func(_ workflow.Context, amount int) (int, error) {
		total += amount
		return total, nil
	}, workflow.UpdateHandlerOptions{Validator: func(amount int) error {
		if amount <= 0 {
			return errors.New("amount must be positive")
		}
		return nil
	}})
	if err != nil {
		return err
	}
	workflow.GetSignalChannel(ctx, "close").Receive(ctx, nil)
	// Handlers that still run would be broken off.
	return workflow.Await(ctx, func() bool { return workflow.AllHandlersFinished(ctx) })
}
