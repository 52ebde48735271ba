// Package cron: a workflow runs again and again.
//
// Each run is started by the server when the one before has ended and the time has
// come; runs never overlap. A run is told the result of the last one that completed.
// For calendars, time zones, pauses and overlaps there are schedules.
package cron

import (
	"context"
	"time"

	"github.com/perdure/perdure/examples/lesson"
	"github.com/perdure/perdure/sdk/client"
	"github.com/perdure/perdure/sdk/worker"
	"github.com/perdure/perdure/sdk/workflow"
)

var Lesson = lesson.Lesson{
	Name: "cron", Title: "a workflow runs again and again",
	Register: func(r worker.Registry) { r.RegisterWorkflow(Tick) },
	Run: func(ctx context.Context, c client.Client, say lesson.Say) error {
		options := lesson.Options("cron")
		options.CronSchedule = "@every 1s"
		run, err := c.ExecuteWorkflow(ctx, options, Tick)
		if err != nil {
			return err
		}
		time.Sleep(3500 * time.Millisecond)
		// The schedule ends with the workflow that is waiting for its next run.
		if err := c.TerminateWorkflow(ctx, options.ID, "", "enough"); err != nil {
			return err
		}
		first := c.GetWorkflowHistory(ctx, options.ID, run.GetRunID(), false, 0)
		_, err = first.Next()
		say("the first run is still there: %v", err == nil)
		description, err := c.DescribeWorkflowExecution(ctx, options.ID, "")
		if err != nil {
			return err
		}
		say("it ran more than once: %v", description.GetWorkflowExecutionInfo().GetExecution().GetRunId() != run.GetRunID())
		return nil
	},
	Says: []string{"the first run is still there: true", "it ran more than once: true"},
}

// Tick counts its runs.
func Tick(ctx workflow.Context) (n int, err error) {
	if workflow.HasLastCompletionResult(ctx) {
		if err := workflow.GetLastCompletionResult(ctx, &n); err != nil {
			return 0, err
		}
	}
	return n + 1, nil
}
