// Package dynamic: one function for all names.
//
// A dynamic workflow runs whatever type is not registered, and a dynamic activity
// likewise: for interpreters of languages of one's own, for instance.
package dynamic

import (
	"context"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/activity"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/converter"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "dynamic", Title: "one function for all names",
	Register: func(r worker.Registry) {
		r.RegisterDynamicWorkflow(Interpret, workflow.DynamicRegisterOptions{})
		r.RegisterDynamicActivity(Perform, activity.DynamicRegisterOptions{})
	},
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		result, err := lesson.Execute[string](ctx, c, "dynamic", "bake", "bread")
		if err != nil {
			return err
		}
		say("%s", result)
		return nil
	},
	Says: []string{"bake: oven the bread"},
}

// Interpret is every workflow.
func Interpret(ctx workflow.Context, args converter.EncodedValues) (string, error) {
	var subject string
	if err := args.Get(&subject); err != nil {
		return "", err
	}
	ctx = lesson.Quick(ctx)
	var done string
	err := workflow.ExecuteActivity(ctx, "oven", subject).Get(ctx, &done)
	return workflow.GetInfo(ctx).WorkflowType.Name + ": " + done, err
}

// Perform is every activity.
func Perform(ctx context.Context, args converter.EncodedValues) (string, error) {
	var subject string
	if err := args.Get(&subject); err != nil {
		return "", err
	}
	return activity.GetInfo(ctx).ActivityType.Name + " the " + subject, nil
}
