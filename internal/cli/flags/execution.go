package flags

import (
	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
)

// Execution are the flags that name one workflow. Its id may also be the argument of
// the command.
type Execution struct {
	WorkflowID, RunID string
}

// AddTo adds the flags to a command, which needs the id.
func (e *Execution) AddTo(cmd *cobra.Command) {
	e.add(cmd)
	cmd.Args = func(_ *cobra.Command, args []string) error {
		if err := e.take(args); err != nil {
			return err
		}
		if e.WorkflowID == "" {
			return Usagef("--workflow-id is required")
		}
		return nil
	}
}

// AddOptionallyTo adds the flags to a command that does something else without an id.
func (e *Execution) AddOptionallyTo(cmd *cobra.Command) {
	e.add(cmd)
	cmd.Args = func(_ *cobra.Command, args []string) error { return e.take(args) }
}

func (e *Execution) add(cmd *cobra.Command) {
	cmd.Use += " [WORKFLOW-ID]"
	cmd.Flags().StringVarP(&e.WorkflowID, "workflow-id", "w", "", "id of the workflow; it can also be given without the flag")
	cmd.Flags().StringVarP(&e.RunID, "run-id", "r", "", "id of the run; the current run if not given")
}

func (e *Execution) take(args []string) error {
	switch {
	case len(args) == 0:
	case len(args) > 1:
		return Usagef("there can be one workflow id only, not %q", args)
	case e.WorkflowID != "" && e.WorkflowID != args[0]:
		return Usagef("two workflow ids are given: %s and, with --workflow-id, %s", args[0], e.WorkflowID)
	default:
		e.WorkflowID = args[0]
	}
	return nil
}

// Proto is the message of the API that names the workflow.
func (e *Execution) Proto() *commonpb.WorkflowExecution {
	return &commonpb.WorkflowExecution{WorkflowId: e.WorkflowID, RunId: e.RunID}
}
