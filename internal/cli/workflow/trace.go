package workflow

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/cli/trace"
)

// folds are the words for states of workflows.
var folds = map[string]trace.State{
	"running": trace.Running, "completed": trace.Completed, "failed": trace.Failed, "canceled": trace.Canceled,
	"terminated": trace.Terminated, "timedout": trace.TimedOut,
	"continueasnew": "", // a workflow that was continued is shown by its last run
}

func newTrace(g *command.Group) *cobra.Command {
	var e flags.Execution
	var noFold, noFollow bool
	var options trace.Options
	fold := flags.NewEnums("running", "completed", "failed", "timedout", "canceled", "terminated", "continueasnew")
	cmd := &cobra.Command{
		Use:   "trace",
		Short: "Show a workflow and its children as a tree, live",
		Long: `Show what a workflow does as a tree: activities, timers, updates, and child workflows with
what they do in turn. On a terminal the tree changes as the workflow goes on; elsewhere it
is printed when the workflow has closed. --no-follow prints it as it is now.

Child workflows that have completed or were stopped are folded into one line.`,
		Example: `  perdure workflow trace order-17
  perdure workflow trace order-17 --no-fold --depth 2
  perdure workflow trace order-17 --no-follow --output json`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			options.Wait = !noFollow
			d, err := s.DescribeWorkflowExecution(ctx, e.WorkflowID, e.RunID)
			if err != nil {
				return err
			}
			info := d.GetWorkflowExecutionInfo()
			if !s.Out.JSON() {
				s.Out.Heading("Execution summary:")
				s.Out.Card(
					output.F("WorkflowId", info.GetExecution().GetWorkflowId()), output.F("RunId", info.GetExecution().GetRunId()),
					output.F("Type", info.GetType().GetName()), output.F("Namespace", s.Namespace), output.F("TaskQueue", info.GetTaskQueue()))
				s.Out.Printf("")
				s.Out.Heading("Progress:")
			}
			t := trace.New(s.Client, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId(), options)
			view := trace.View{Folded: folded(fold, noFold), Width: s.Out.Width()}
			if terminal := s.Out.Terminal(); terminal != nil {
				err = t.Live(ctx, terminal, s.Out.Color, view)
			} else {
				err = t.Follow(ctx, func() {})
			}
			if err != nil {
				return err
			}
			view.Now = s.Out.Now()
			s.Out.Printf("%s", view.Render(t.Root))
			return s.Out.Value(t.Root)
		}),
	}
	e.AddTo(cmd)
	set := cmd.Flags()
	set.Var(fold, "fold", "states in which child workflows are folded: "+fold.Choices()+"; completed, canceled and terminated if not given")
	set.BoolVar(&noFold, "no-fold", false, "fold nothing")
	set.BoolVar(&noFollow, "no-follow", false, "show the tree as it is now, and do not wait")
	set.IntVar(&options.Depth, "depth", -1, "levels of child workflows to show; all if -1")
	set.IntVar(&options.Concurrency, "concurrency", 10, "child workflows to follow at once")
	return cmd
}

func folded(fold *flags.Enums, none bool) map[trace.State]bool {
	states := map[trace.State]bool{}
	if none {
		return states
	}
	words := fold.Values()
	if len(words) == 0 {
		words = []string{"completed", "canceled", "terminated"}
	}
	for _, word := range words {
		states[folds[word]] = true
	}
	return states
}
