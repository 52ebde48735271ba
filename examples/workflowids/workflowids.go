// Package workflowids: an id runs once.
//
// At most one run of a workflow id is open at a time, in a namespace: an id taken from
// the business (an order's number) makes a start something that can be repeated. What
// a second start does is up to two policies: one for ids that are running, one for
// ids that have run.
package workflowids

import (
	"context"
	"errors"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "workflowids", Title: "an id runs once",
	Register: func(r worker.Registry) { r.RegisterWorkflow(Order) },
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		options := lesson.Options("workflowids")
		first, err := c.ExecuteWorkflow(ctx, options, Order)
		if err != nil {
			return err
		}

		// The client's default: a second start is given the run that is there.
		second, err := c.ExecuteWorkflow(ctx, options, Order)
		if err != nil {
			return err
		}
		say("the same run: %v", first.GetRunID() == second.GetRunID())

		options.WorkflowExecutionErrorWhenAlreadyStarted = true
		_, err = c.ExecuteWorkflow(ctx, options, Order)
		say("refused: %v", alreadyStarted(err))

		if err := c.SignalWorkflow(ctx, options.ID, "", "ship", nil); err != nil {
			return err
		}
		if err := first.Get(ctx, nil); err != nil {
			return err
		}
		options.WorkflowIDReusePolicy = enumspb.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE
		_, err = c.ExecuteWorkflow(ctx, options, Order)
		say("refused although it has ended: %v", alreadyStarted(err))
		return nil
	},
	Says: []string{"the same run: true", "refused: true", "refused although it has ended: true"},
}

func alreadyStarted(err error) bool {
	_, ok := errors.AsType[*serviceerror.WorkflowExecutionAlreadyStarted](err)
	return ok
}

// Order waits to be shipped.
func Order(ctx workflow.Context) error {
	workflow.GetSignalChannel(ctx, "ship").Receive(ctx, nil)
	return nil
}
