// Package memos: notes on a workflow that people and programs see from outside.
//
// A memo is given at the start, or changed by the workflow, and shown by describe and
// list. It is not an input: the workflow can do without.
package memos

import (
	"context"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "memos", Title: "notes on a workflow that are seen from outside",
	Register: func(r worker.Registry) { r.RegisterWorkflow(Review) },
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		options := lesson.Options("memos")
		options.Memo = map[string]any{"customer": "ann", "stage": "new"}
		run, err := c.ExecuteWorkflow(ctx, options, Review)
		if err != nil {
			return err
		}
		if err := run.Get(ctx, nil); err != nil {
			return err
		}
		description, err := c.DescribeWorkflowExecution(ctx, run.GetID(), "")
		if err != nil {
			return err
		}
		memo := description.GetWorkflowExecutionInfo().GetMemo().GetFields()
		for _, key := range []string{"customer", "stage"} {
			var value string
			if err := converter.GetDefaultDataConverter().FromPayload(memo[key], &value); err != nil {
				return err
			}
			say("%s: %s", key, value)
		}
		return nil
	},
	Says: []string{"customer: ann", "stage: reviewed"},
}

// Review changes the memo as it goes.
func Review(ctx workflow.Context) error {
	return workflow.UpsertMemo(ctx, map[string]any{"stage": "reviewed"})
}
