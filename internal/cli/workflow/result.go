package workflow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
	"github.com/perdure/perdure/internal/cli/trace"
)

// errFailed is what the exit code of a command says whose workflow did not complete.
var errFailed = errors.New("workflow failed")

func newResult(g *command.Group) *cobra.Command {
	var e flags.Execution
	cmd := &cobra.Command{
		Use:   "result",
		Short: "Wait for a workflow and show its result",
		Long: `Wait until a workflow has closed, and show its result. Runs that continue it are
waited for, too. The exit code is 1 if the workflow did not complete.`,
		Example: `  perdure workflow result order-17
  perdure workflow result --workflow-id order-17 --output json --command-timeout 30s`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			closing, err := closeEvent(ctx, s, e.WorkflowID, e.RunID)
			if err != nil {
				return err
			}
			if !s.Out.JSON() {
				return printResult(s, closing, 0)
			}
			fields := []output.Field{
				output.F("WorkflowId", e.WorkflowID), output.F("RunId", e.RunID), output.F("Namespace", s.Namespace),
			}
			return printJSONResult(ctx, s, fields, closing, false)
		}),
	}
	e.AddTo(cmd)
	return cmd
}

// closeEvent waits for the event that closes the workflow, in the last of the runs that
// continue the one that is asked for.
func closeEvent(ctx context.Context, s *command.Session, workflowID, runID string) (*historypb.HistoryEvent, error) {
	for {
		event, err := closeEventOf(ctx, s, workflowID, runID, true)
		if err != nil {
			return nil, err
		}
		if runID = trace.NextRun(event); runID == "" {
			return event, nil
		}
	}
}

// closeEventOf is the event that closes a run.
func closeEventOf(ctx context.Context, s *command.Session, workflowID, runID string, wait bool) (*historypb.HistoryEvent, error) {
	iter := s.GetWorkflowHistory(ctx, workflowID, runID, wait, enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT)
	if !iter.HasNext() {
		return nil, errors.New("the history has no event that closes the workflow")
	}
	event, err := iter.Next()
	if err != nil {
		return nil, fmt.Errorf("waiting for the workflow: %w", err)
	}
	return event, nil
}

// statusOf is the word for how a workflow has ended.
func statusOf(closing *historypb.HistoryEvent) string {
	switch closing.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		return "TIMEOUT"
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW:
		return "CONTINUED_AS_NEW"
	}
	return strings.ToUpper(strings.TrimPrefix(closing.GetEventType().String(), "WorkflowExecution"))
}

func completed(closing *historypb.HistoryEvent) bool {
	return closing.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED
}

// printResult shows how a workflow has ended, and fails if it did not complete.
func printResult(s *command.Session, closing *historypb.HistoryEvent, took time.Duration) error {
	showResult(s, closing, took)
	if !completed(closing) {
		return errFailed
	}
	return nil
}

func showResult(s *command.Session, closing *historypb.HistoryEvent, took time.Duration) {
	s.Out.Heading("Results:")
	status := output.Bad(statusOf(closing))
	if completed(closing) {
		status = output.Good(statusOf(closing))
	}
	fields := []output.Field{output.F("Status", status)}
	if took > 0 {
		fields = append([]output.Field{output.F("RunTime", took.Round(10*time.Millisecond))}, fields...)
	}
	switch a := closing.GetAttributes().(type) {
	case *historypb.HistoryEvent_WorkflowExecutionCompletedEventAttributes:
		fields = append(fields, resultFields(a.WorkflowExecutionCompletedEventAttributes.GetResult())...)
	case *historypb.HistoryEvent_WorkflowExecutionFailedEventAttributes:
		fields = append(fields, output.F("Failure", a.WorkflowExecutionFailedEventAttributes.GetFailure()))
	case *historypb.HistoryEvent_WorkflowExecutionTerminatedEventAttributes:
		t := a.WorkflowExecutionTerminatedEventAttributes
		fields = append(fields, output.Optional("Reason", t.GetReason()), output.Optional("By", t.GetIdentity()), output.Optional("Details", t.GetDetails()))
	case *historypb.HistoryEvent_WorkflowExecutionCanceledEventAttributes:
		fields = append(fields, output.Optional("Details", a.WorkflowExecutionCanceledEventAttributes.GetDetails()))
	}
	s.Out.Card(fields...)
}

func resultFields(result *commonpb.Payloads) []output.Field {
	fields := []output.Field{output.Optional("Result", result)}
	if payloads := result.GetPayloads(); len(payloads) > 0 {
		if encoding := string(payloads[0].GetMetadata()["encoding"]); encoding != "json/plain" {
			fields = append(fields, output.Optional("ResultEncoding", encoding))
		}
	}
	return fields
}

// printJSONResult prints fields and how the workflow has ended as one object, and fails
// if it did not complete.
func printJSONResult(ctx context.Context, s *command.Session, fields []output.Field, closing *historypb.HistoryEvent, withHistory bool) error {
	event, err := s.Out.Marshal(closing)
	if err != nil {
		return err
	}
	var workflowID, runID string
	for _, f := range fields {
		switch f.Name {
		case "WorkflowId":
			workflowID = f.Value.(string)
		case "RunId":
			runID = f.Value.(string)
		}
	}
	fields = append(fields, output.F("status", statusOf(closing)), output.F("closeEvent", event))
	if completed(closing) {
		result, err := friendly(s.Out, closing.GetWorkflowExecutionCompletedEventAttributes().GetResult())
		if err != nil {
			return err
		}
		fields = append(fields, output.F("result", result))
	}
	if withHistory {
		events, err := wholeHistory(ctx, s, workflowID, runID)
		if err != nil {
			return err
		}
		encoded, err := s.Out.MarshalWire(events)
		if err != nil {
			return err
		}
		fields = append(fields, output.F("history", encoded))
	}
	if err := s.Out.Show("", fields...); err != nil {
		return err
	}
	if !completed(closing) {
		return errFailed
	}
	return nil
}

// friendly is the JSON of payloads: of the one if there is one, of all otherwise, null if
// there are none.
func friendly(p *output.Printer, payloads *commonpb.Payloads) (json.RawMessage, error) {
	switch {
	case payloads == nil:
		return json.RawMessage("null"), nil
	case len(payloads.GetPayloads()) == 1:
		return p.Marshal(payloads.GetPayloads()[0])
	}
	return p.Marshal(payloads)
}
