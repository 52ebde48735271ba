//lint:file-ignore SA1019 what a server says is shown, deprecated or not

package workflow

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
)

func newDescribe(g *command.Group) *cobra.Command {
	var e flags.Execution
	var resetPoints, raw bool
	cmd := &cobra.Command{
		Use:   "describe",
		Short: "Show the state of a workflow",
		Long: `Show the state of a workflow: what it is, what it waits for, and, once it has closed, its
result. 'perdure workflow show' has its history.`,
		Example: `  perdure workflow describe order-17
  perdure workflow describe order-17 --output json | jq .pendingActivities`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			d, err := s.DescribeWorkflowExecution(ctx, e.WorkflowID, e.RunID)
			if err != nil {
				return fmt.Errorf("describing the workflow: %w", err)
			}
			if resetPoints {
				return showResetPoints(s.Out, d.GetWorkflowExecutionInfo().GetAutoResetPoints().GetPoints())
			}
			var closing *historypb.HistoryEvent
			if info := d.GetWorkflowExecutionInfo(); info.GetCloseTime() != nil {
				if closing, err = closeEventOf(ctx, s, info.GetExecution().GetWorkflowId(), info.GetExecution().GetRunId(), false); err != nil {
					return err
				}
			}
			switch {
			case s.Out.JSON():
				return describeJSON(s.Out, d, closing)
			case raw:
				s.Out.Printf("%s", s.Out.Text(d))
				return nil
			}
			describeText(s, d, closing)
			return nil
		}),
	}
	e.AddTo(cmd)
	cmd.Flags().BoolVar(&resetPoints, "reset-points", false, "show only the points that workers have set for resets")
	cmd.Flags().BoolVar(&raw, "raw", false, "show the answer of the server as it is")
	return cmd
}

func showResetPoints(out *output.Printer, points []*workflowpb.ResetPointInfo) error {
	list := out.List()
	defer list.End()
	out.Heading("Auto Reset Points: %d", len(points))
	table := out.Table(output.Col("BinaryChecksum"), output.Col("CreateTime"), output.Col("RunId"), output.Number("EventId"))
	for _, point := range points {
		if err := list.Add(point); err != nil {
			return err
		}
		table.Rows([]any{point.GetBinaryChecksum(), point.GetCreateTime(), point.GetRunId(), point.GetFirstWorkflowTaskCompletedId()})
	}
	return nil
}

// describeJSON is the answer of the server; of a workflow that has closed, with the event
// that closed it and its result.
func describeJSON(out *output.Printer, d *workflowservice.DescribeWorkflowExecutionResponse, closing *historypb.HistoryEvent) error {
	if closing == nil {
		return out.Value(d)
	}
	encoded, err := out.Marshal(d)
	if err != nil {
		return err
	}
	object := map[string]json.RawMessage{}
	if err := json.Unmarshal(encoded, &object); err != nil {
		return err
	}
	if object["closeEvent"], err = out.Marshal(closing); err != nil {
		return err
	}
	if completed(closing) {
		if object["result"], err = friendly(out, closing.GetWorkflowExecutionCompletedEventAttributes().GetResult()); err != nil {
			return err
		}
	}
	return out.Value(object)
}

func describeText(s *command.Session, d *workflowservice.DescribeWorkflowExecutionResponse, closing *historypb.HistoryEvent) {
	info := d.GetWorkflowExecutionInfo()
	s.Out.Heading("Execution Info:")
	s.Out.Card(infoFields(s, info)...)
	if fields := extendedFields(d); len(fields) > 0 {
		s.Out.Printf("")
		s.Out.Heading("Extended Execution Info:")
		s.Out.Card(fields...)
	}
	showVersioning(s.Out, info.GetVersioningInfo())
	showCallbacks(s.Out, d.GetCallbacks())
	if closing != nil {
		s.Out.Printf("")
		showResult(s, closing, info.GetCloseTime().AsTime().Sub(info.GetStartTime().AsTime()))
		return
	}
	showPending(s.Out, d)
}

func infoFields(s *command.Session, info *workflowpb.WorkflowExecutionInfo) []output.Field {
	fields := []output.Field{
		output.F("WorkflowId", info.GetExecution().GetWorkflowId()),
		output.F("RunId", info.GetExecution().GetRunId()),
		output.F("Type", info.GetType().GetName()),
		output.F("Status", output.Status(info.GetStatus())),
		output.F("Namespace", s.Namespace),
		output.F("TaskQueue", info.GetTaskQueue()),
		output.Optional("AssignedBuildId", info.GetAssignedBuildId()),
		output.F("StartTime", info.GetStartTime()),
		output.Optional("CloseTime", info.GetCloseTime()),
	}
	if info.GetExecutionTime().AsTime() != info.GetStartTime().AsTime() {
		fields = append(fields, output.Optional("ExecutionTime", info.GetExecutionTime()))
	}
	fields = append(fields,
		output.Optional("Memo", info.GetMemo().GetFields()),
		output.Optional("SearchAttributes", info.GetSearchAttributes().GetIndexedFields()),
		output.Optional("Priority", info.GetPriority()),
		output.F("StateTransitionCount", info.GetStateTransitionCount()),
		output.F("HistoryLength", info.GetHistoryLength()),
		output.F("HistorySize", info.GetHistorySizeBytes()),
		output.Optional("ParentWorkflowId", info.GetParentExecution().GetWorkflowId()),
		output.Optional("ParentRunId", info.GetParentExecution().GetRunId()))
	if info.GetRootExecution().GetRunId() != info.GetExecution().GetRunId() {
		fields = append(fields,
			output.Optional("RootWorkflowId", info.GetRootExecution().GetWorkflowId()),
			output.Optional("RootRunId", info.GetRootExecution().GetRunId()))
	}
	return fields
}

// extendedFields are what is said of few workflows only.
func extendedFields(d *workflowservice.DescribeWorkflowExecutionResponse) []output.Field {
	extended, metadata := d.GetWorkflowExtendedInfo(), d.GetExecutionConfig().GetUserMetadata()
	all := []output.Field{
		output.Optional("StaticSummary", metadata.GetSummary()),
		output.Optional("StaticDetails", metadata.GetDetails()),
		output.Optional("ExecutionExpirationTime", extended.GetExecutionExpirationTime()),
		output.Optional("RunExpirationTime", extended.GetRunExpirationTime()),
		output.Optional("LastResetTime", extended.GetLastResetTime()),
		output.Optional("ResetRunId", extended.GetResetRunId()),
	}
	if extended.GetCancelRequested() {
		all = append(all, output.F("CancelRequested", true))
	}
	if original := extended.GetOriginalStartTime(); original.AsTime() != d.GetWorkflowExecutionInfo().GetStartTime().AsTime() {
		all = append(all, output.Optional("OriginalStartTime", original))
	}
	if pause := extended.GetPauseInfo(); pause != nil {
		all = append(all, output.F("PausedTime", pause.GetPausedTime()), output.Optional("PausedBy", pause.GetIdentity()), output.Optional("PauseReason", pause.GetReason()))
	}
	out := &output.Printer{}
	var fields []output.Field
	for _, f := range all {
		if !out.Empty(f) {
			fields = append(fields, f)
		}
	}
	return fields
}
