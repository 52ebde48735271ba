// Package children: a workflow starts workflows.
//
// A child is a workflow of its own, with its own history and id. Use one when a part
// is big, is addressed by itself, or outlives its parent; use an activity otherwise.
package children

import (
	"context"

	enumspb "go.temporal.io/api/enums/v1"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "children", Title: "a workflow starts workflows",
	Register: func(r worker.Registry) {
		r.RegisterWorkflow(Order)
		r.RegisterWorkflow(Parcel)
		r.RegisterWorkflow(Newsletter)
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		shipped, err := lesson.Execute[[]string](ctx, c, "children", Order, []string{"tea", "cup"})
		if err != nil {
			return err
		}
		say("shipped: %v", shipped)
		// The newsletter has outlived the order that started it.
		if err := c.SignalWorkflow(ctx, "lesson-children-newsletter", "", "unsubscribe", nil); err != nil {
			return err
		}
		var issues int
		if err := c.GetWorkflow(ctx, "lesson-children-newsletter", "").Get(ctx, &issues); err != nil {
			return err
		}
		say("unsubscribed")
		return nil
	},
	Says: []string{"shipped: [parcel with tea parcel with cup]", "unsubscribed"},
}

// Order ships each item in a child, all at the same time, and leaves another child
// behind.
func Order(ctx workflow.Context, items []string) ([]string, error) {
	var parcels []workflow.ChildWorkflowFuture
	for _, item := range items {
		parcels = append(parcels, workflow.ExecuteChildWorkflow(ctx, Parcel, item))
	}
	abandoned := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID:        workflow.GetInfo(ctx).WorkflowExecution.ID + "-newsletter",
		ParentClosePolicy: enumspb.PARENT_CLOSE_POLICY_ABANDON,
	})
	newsletter := workflow.ExecuteChildWorkflow(abandoned, Newsletter)
	// A child that is to live on must have started before its parent ends.
	if err := newsletter.GetChildWorkflowExecution().Get(ctx, nil); err != nil {
		return nil, err
	}
	var shipped []string
	for _, parcel := range parcels {
		var label string
		if err := parcel.Get(ctx, &label); err != nil {
			return nil, err
		}
		shipped = append(shipped, label)
	}
	return shipped, nil
}

// Parcel is one part of an order.
func Parcel(_ workflow.Context, item string) (string, error) { return "parcel with " + item, nil }

// Newsletter goes on until somebody has enough of it.
func Newsletter(ctx workflow.Context) (int, error) {
	workflow.GetSignalChannel(ctx, "unsubscribe").Receive(ctx, nil)
	return 0, nil
}
