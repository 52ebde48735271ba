// Package workflow are the commands below `perdure workflow`. Flags, and fields of JSON
// output, are those of the Temporal CLI, so that scripts carry over; what is more than
// there is said with the command.
package workflow

import (
	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli/command"
)

// New makes the command.
func New(app *command.App) *cobra.Command {
	cmd := command.NewParent("workflow", "Start workflows, look at them, and act on them",
		`Start workflows, look at them, and act on them.

A workflow is named by its id, with --workflow-id or as the argument, and means its
current run unless --run-id names another. Commands that act on workflows can do so
with all that a query finds (--query), as a batch job.`,
		`  # Start a workflow and wait for its result
  perdure workflow execute --type OrderWorkflow --task-queue orders --input '{"item": 17}'

  # What is running, and what one of them has done so far
  perdure workflow list --query 'ExecutionStatus = "Running"'
  perdure workflow show order-17`)
	g := app.NewGroup(cmd)
	cmd.AddCommand(
		newStart(g), newExecute(g), newSignalWithStart(g), newStartUpdateWithStart(g), newExecuteUpdateWithStart(g), newRerun(g),
		newList(g), newCount(g), newDescribe(g), newShow(g), newTrace(g), newResult(g),
		newSignal(g), newQuery(g), newStack(g), newMetadata(g), newUpdate(g),
		newCancel(g), newTerminate(g), newDelete(g), newReset(g), newUpdateOptions(g), newPause(g), newUnpause(g),
		newFixHistoryJSON(),
	)
	return cmd
}
