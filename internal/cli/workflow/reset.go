//lint:file-ignore SA1019 scripts use --reapply-type still

package workflow

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	batchpb "go.temporal.io/api/batch/v1"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
)

// Points of a history that a workflow can be reset to.
const (
	firstTask     = "FirstWorkflowTask"
	lastTask      = "LastWorkflowTask"
	lastContinued = "LastContinuedAsNew"
	buildID       = "BuildId"
)

// resetting are the flags of a reset.
type resetting struct {
	flags.Execution
	eventID              int64
	reason, query, build string
	yes                  bool
	kind, reapplyType    *flags.Enum
	reapplyExclude       *flags.Enums
}

func (r *resetting) addTo(cmd *cobra.Command) {
	r.AddOptionallyTo(cmd)
	set := cmd.PersistentFlags()
	set.AddFlagSet(cmd.Flags()) // those of the execution are for the command below, too
	r.kind = flags.NewEnum("", firstTask, lastTask, lastContinued, buildID)
	r.reapplyType = flags.NewEnum("All", "All", "Signal", "None")
	r.reapplyExclude = flags.NewEnums("All", "Signal", "Update")
	set.Int64VarP(&r.eventID, "event-id", "e", 0, "reset to before this event, the end of a workflow task")
	set.VarP(r.kind, "type", "t", "reset to this point: "+r.kind.Choices())
	set.StringVar(&r.reason, "reason", "", "why; required")
	set.Var(r.reapplyExclude, "reapply-exclude", "what came after the point and is not applied again; may be repeated: "+r.reapplyExclude.Choices())
	set.Var(r.reapplyType, "reapply-type", "what came after the point and is applied again: "+r.reapplyType.Choices())
	_ = set.MarkDeprecated("reapply-type", "use --reapply-exclude")
	set.StringVar(&r.build, "build-id", "", "reset to before the first workflow task of this build; for --type BuildId")
	set.StringVarP(&r.query, "query", "q", "", "reset all workflows that this finds, as a batch job")
	set.BoolVarP(&r.yes, "yes", "y", false, "start the batch job without asking")
	_ = cmd.MarkPersistentFlagRequired("reason")
}

func newReset(g *command.Group) *cobra.Command {
	var r resetting
	cmd := &cobra.Command{
		Use:   "reset",
		Short: "Let a workflow go on from an earlier point",
		Long: `Let a workflow go on from an earlier point of its history, in a new run: to get past a bug
that has been fixed, for instance. What has come from outside since then, such as signals,
is applied again unless --reapply-exclude says otherwise.`,
		Example: `  # From before the event 12, the end of a workflow task
  perdure workflow reset order-17 --event-id 12 --reason 'fixed the price'

  # From the start, but without the signals that came
  perdure workflow reset order-17 --type FirstWorkflowTask --reapply-exclude Signal --reason 'again'`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error { return r.do(ctx, s, nil) }),
	}
	r.addTo(cmd)
	cmd.AddCommand(newResetWithOptions(g, &r))
	return cmd
}

func (r *resetting) check() error {
	switch {
	case r.WorkflowID == "" && r.query == "":
		return flags.Usagef("either --workflow-id or --query is required")
	case r.WorkflowID != "" && r.query != "":
		return flags.Usagef("--workflow-id and --query cannot be given together")
	case r.WorkflowID != "" && r.kind.Value() == "" && r.eventID <= 0:
		return flags.Usagef("the point to reset to is required: --event-id, or --type (%s, %s or %s)", firstTask, lastTask, lastContinued)
	case r.kind.Value() == buildID && r.build == "":
		return flags.Usagef("--build-id is required with --type BuildId")
	case r.kind.Value() == buildID && r.WorkflowID != "":
		return flags.Usagef("--type BuildId is for batch jobs; give --query")
	case r.query != "" && (r.RunID != "" || r.eventID != 0):
		return flags.Usagef("--run-id and --event-id are for one workflow, not for a --query")
	case r.query != "" && r.kind.Value() == "":
		return flags.Usagef("--type is required with --query: %s, %s or %s", firstTask, lastTask, buildID)
	case r.query != "" && r.kind.Value() == lastContinued:
		return flags.Usagef("--type LastContinuedAsNew is for one workflow, not for a --query")
	case r.reapplyType.Changed() && len(r.reapplyExclude.Values()) > 0:
		return flags.Usagef("--reapply-type and --reapply-exclude cannot be given together; use --reapply-exclude")
	}
	return nil
}

// do resets the workflow, or starts the batch job that does so with many.
func (r *resetting) do(ctx context.Context, s *command.Session, after []*workflowpb.PostResetOperation) error {
	if err := r.check(); err != nil {
		return err
	}
	if r.query != "" {
		return s.StartBatch(ctx, r.batch(s, after), r.yes)
	}
	runID, eventID := r.RunID, r.eventID
	if r.kind.Value() != "" {
		var err error
		if runID, eventID, err = r.point(ctx, s); err != nil {
			return err
		}
	}
	s.Out.Printf("Resetting workflow %s to event ID %d", r.WorkflowID, eventID)
	exclude, kind := r.reapply()
	response, err := s.ResetWorkflowExecution(ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace:                 s.Namespace,
		WorkflowExecution:         &commonpb.WorkflowExecution{WorkflowId: r.WorkflowID, RunId: runID},
		Reason:                    command.UserName() + ": " + r.reason,
		WorkflowTaskFinishEventId: eventID,
		RequestId:                 uuid.NewString(),
		ResetReapplyType:          kind,
		ResetReapplyExcludeTypes:  exclude,
		PostResetOperations:       after,
		Identity:                  s.Identity,
	})
	if err != nil {
		return fmt.Errorf("resetting the workflow: %w", err)
	}
	s.Out.Printf("It goes on in run %s", response.GetRunId())
	return s.Out.Value(response)
}

func (r *resetting) reapply() ([]enumspb.ResetReapplyExcludeType, enumspb.ResetReapplyType) {
	var exclude []enumspb.ResetReapplyExcludeType
	for _, word := range r.reapplyExclude.Values() {
		switch word {
		case "All":
			exclude = append(exclude, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_NEXUS)
		case "Signal":
			exclude = append(exclude, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_SIGNAL)
		case "Update":
			exclude = append(exclude, enumspb.RESET_REAPPLY_EXCLUDE_TYPE_UPDATE)
		}
	}
	kind := enumspb.RESET_REAPPLY_TYPE_ALL_ELIGIBLE
	switch r.reapplyType.Value() {
	case "Signal":
		kind = enumspb.RESET_REAPPLY_TYPE_SIGNAL
	case "None":
		kind = enumspb.RESET_REAPPLY_TYPE_NONE
	}
	return exclude, kind
}

func (r *resetting) batch(s *command.Session, after []*workflowpb.PostResetOperation) *workflowservice.StartBatchOperationRequest {
	exclude, kind := r.reapply()
	options := &commonpb.ResetOptions{ResetReapplyExcludeTypes: exclude, ResetReapplyType: kind}
	switch r.kind.Value() {
	case firstTask:
		options.Target = &commonpb.ResetOptions_FirstWorkflowTask{}
	case lastTask:
		options.Target = &commonpb.ResetOptions_LastWorkflowTask{}
	case buildID:
		options.Target = &commonpb.ResetOptions_BuildId{BuildId: r.build}
	}
	return &workflowservice.StartBatchOperationRequest{
		VisibilityQuery: r.query,
		Reason:          r.reason,
		Operation: &workflowservice.StartBatchOperationRequest_ResetOperation{
			ResetOperation: &batchpb.BatchOperationReset{Identity: s.Identity, Options: options, PostResetOperations: after},
		},
	}
}

// point finds the run and the event that --type means.
func (r *resetting) point(ctx context.Context, s *command.Session) (runID string, eventID int64, err error) {
	if r.kind.Value() != lastContinued {
		history, err := wholeHistory(ctx, s, r.WorkflowID, r.RunID)
		if err != nil {
			return "", 0, err
		}
		eventID := taskIn(history.GetEvents(), r.kind.Value() == firstTask)
		if eventID == 0 {
			return "", 0, errors.New("the workflow has had no workflow task yet")
		}
		return r.RunID, eventID, nil
	}
	history, err := wholeHistory(ctx, s, r.WorkflowID, r.RunID)
	if err != nil {
		return "", 0, err
	}
	runID = history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes().GetContinuedExecutionRunId()
	if runID == "" {
		return "", 0, errors.New("this run continues no other, so there is no point LastContinuedAsNew")
	}
	before, err := wholeHistory(ctx, s, r.WorkflowID, runID)
	if err != nil {
		return "", 0, fmt.Errorf("run %s, which this one continues: %w", runID, err)
	}
	for _, event := range before.GetEvents() {
		if event.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
			eventID = event.GetEventId()
		}
	}
	if eventID == 0 {
		return "", 0, fmt.Errorf("run %s, which this one continues, has completed no workflow task", runID)
	}
	return runID, eventID, nil
}

// taskIn is the first or the last event that completes a workflow task; if there is none,
// the one after the first that schedules a task, 0 if there is none either.
func taskIn(events []*historypb.HistoryEvent, first bool) int64 {
	var completed, scheduled int64
	for _, event := range events {
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			if completed == 0 || !first {
				completed = event.GetEventId()
			}
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED:
			if scheduled == 0 {
				scheduled = event.GetEventId() + 1
			}
		}
	}
	if completed > 0 {
		return completed
	}
	return scheduled
}
