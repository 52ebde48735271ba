package workflow

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/sdk/client"
)

// starting are the flags of a workflow to start, with its arguments.
type starting struct {
	flags.Start
	input flags.Input
}

func (f *starting) addTo(cmd *cobra.Command) {
	cmd.Args = command.NoArguments
	f.Start.AddTo(cmd)
	f.input.AddTo(cmd.Flags(), "", "workflow")
}

// start starts the workflow.
func (f *starting) start(ctx context.Context, s *command.Session) (client.WorkflowRun, error) {
	options, err := f.Options()
	if err != nil {
		return nil, err
	}
	args, err := f.input.Args(s.In)
	if err != nil {
		return nil, err
	}
	run, err := s.ExecuteWorkflow(ctx, options, f.Type, args...)
	if err != nil {
		return nil, fmt.Errorf("starting the workflow: %w", err)
	}
	return run, nil
}

// running are the fields that say what was started.
func (f *starting) running(s *command.Session, workflowID, runID string) []output.Field {
	return []output.Field{
		output.F("WorkflowId", workflowID),
		output.F("RunId", runID),
		output.F("Type", f.Type),
		output.F("Namespace", s.Namespace),
		output.F("TaskQueue", f.TaskQueue),
	}
}

func newStart(g *command.Group) *cobra.Command {
	var f starting
	cmd := &cobra.Command{
		Use:   "start",
		Short: "Start a workflow",
		Long: `Start a workflow and return at once.

If a workflow with the id is running, that one is shown, unless --fail-existing or
--id-conflict-policy say otherwise.`,
		Example: `  perdure workflow start --type OrderWorkflow --task-queue orders --workflow-id order-17 --input '{"item": 17}'

  # Two arguments, a memo, and a search attribute
  perdure workflow start --type Transfer --task-queue money --input '"alice"' --input 12.5 \
      --memo 'note="rent"' --search-attribute 'Customer="alice"'`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			run, err := f.start(ctx, s)
			if err != nil {
				return err
			}
			return s.Out.Show("Running execution:", f.running(s, run.GetID(), run.GetRunID())...)
		}),
	}
	f.addTo(cmd)
	return cmd
}

func newExecute(g *command.Group) *cobra.Command {
	var f starting
	var detailed bool
	cmd := &cobra.Command{
		Use:   "execute",
		Short: "Start a workflow, show its progress, and wait for its result",
		Long: `Start a workflow, show its events as they happen, and then its result. The exit code
is 1 if the workflow fails.

With --output json there is one object at the end; --detailed adds the history to it.`,
		Example: `  perdure workflow execute --type OrderWorkflow --task-queue orders --input '{"item": 17}'

  # Only the result, for a script
  perdure workflow execute --type Sum --task-queue sums --input 1 --input 2 --output json | jq .result`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			began := time.Now()
			run, err := f.start(ctx, s)
			if err != nil {
				return err
			}
			if !s.Out.JSON() {
				if err := s.Out.Show("Running execution:", f.running(s, run.GetID(), run.GetRunID())...); err != nil {
					return err
				}
				s.Out.Printf("")
				h := history{session: s, workflowID: run.GetID(), runID: run.GetRunID(), follow: true, detailed: detailed}
				if err := h.print(ctx); err != nil {
					return err
				}
				s.Out.Printf("")
			}
			closing, err := closeEvent(ctx, s, run.GetID(), run.GetRunID())
			if err != nil {
				return err
			}
			took := time.Since(began)
			if !s.Out.JSON() {
				return printResult(s, closing, took)
			}
			fields := append(f.running(s, run.GetID(), run.GetRunID()), output.F("durationMillis", took.Milliseconds()))
			return printJSONResult(ctx, s, fields, closing, detailed)
		}),
	}
	f.addTo(cmd)
	cmd.Flags().BoolVar(&detailed, "detailed", false, "show all fields of events; in JSON, the history")
	return cmd
}

// wholeHistory reads the events of a run.
func wholeHistory(ctx context.Context, s *command.Session, workflowID, runID string) (*historypb.History, error) {
	result := &historypb.History{}
	iter := s.GetWorkflowHistory(ctx, workflowID, runID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for iter.HasNext() {
		event, err := iter.Next()
		if err != nil {
			return nil, fmt.Errorf("reading the history: %w", err)
		}
		result.Events = append(result.Events, event)
	}
	return result, nil
}
