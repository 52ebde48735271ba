package workflow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/perdure/perdure/internal/cli/command"
	"github.com/perdure/perdure/internal/cli/flags"
	"github.com/perdure/perdure/internal/cli/output"
)

// rerunning are the flags of a rerun.
type rerunning struct {
	flags.Execution
	newID, taskQueue string
	input            flags.Input
	edit             bool
	conflict         *flags.Enum
}

func newRerun(g *command.Group) *cobra.Command {
	var r rerunning
	cmd := &cobra.Command{
		Use:   "rerun",
		Short: "Start a workflow again, with the same or other input",
		Long: `Start a workflow again as it was started: with its type, task queue, input, timeouts, memo
and search attributes, under its own id or another. The input can be replaced (--input), or
changed in an editor (--edit, with $VISUAL or $EDITOR). A continued run is started with the
input of that run.

The workflow must have closed, unless --new-workflow-id is given, or --id-conflict-policy
TerminateExisting.`,
		Example: `  perdure workflow rerun order-17
  perdure workflow rerun order-17 --edit
  perdure workflow rerun order-17 --new-workflow-id order-17-test --input '{"item": 18}' --task-queue test`,
		RunE: g.Run(func(ctx context.Context, s *command.Session) error {
			if r.edit && r.input.Given() {
				return flags.Usagef("--edit and --input cannot be given together")
			}
			request, err := r.request(ctx, s)
			if err != nil {
				return err
			}
			response, err := s.WorkflowService().StartWorkflowExecution(ctx, request)
			if err != nil {
				return fmt.Errorf("starting the workflow again: %w", err)
			}
			return s.Out.Show("Running execution:",
				output.F("WorkflowId", request.GetWorkflowId()), output.F("RunId", response.GetRunId()),
				output.F("Type", request.GetWorkflowType().GetName()), output.F("Namespace", s.Namespace),
				output.F("TaskQueue", request.GetTaskQueue().GetName()))
		}),
	}
	r.Execution.AddTo(cmd)
	set := cmd.Flags()
	r.input.AddTo(set, "", "workflow, in place of those it had")
	set.BoolVar(&r.edit, "edit", false, "change the arguments in an editor before the workflow is started")
	set.StringVar(&r.newID, "new-workflow-id", "", "id of the new workflow; the same if not given")
	set.StringVarP(&r.taskQueue, "task-queue", "t", "", "task queue of the new workflow; the same if not given")
	r.conflict = flags.ProtoEnum(enumspb.WorkflowIdConflictPolicy_shorthandValue)
	set.Var(r.conflict, "id-conflict-policy", "what to do if a running workflow has the id: "+r.conflict.Choices())
	return cmd
}

// request is the start of the workflow as its history tells it.
func (r *rerunning) request(ctx context.Context, s *command.Session) (*workflowservice.StartWorkflowExecutionRequest, error) {
	iter := s.GetWorkflowHistory(ctx, r.WorkflowID, r.RunID, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	if !iter.HasNext() {
		return nil, errors.New("the workflow has no history")
	}
	first, err := iter.Next()
	if err != nil {
		return nil, fmt.Errorf("reading how the workflow was started: %w", err)
	}
	started := first.GetWorkflowExecutionStartedEventAttributes()
	if started == nil {
		return nil, fmt.Errorf("the history begins with %v, which does not say how the workflow was started", first.GetEventType())
	}
	input, err := r.args(s, started)
	if err != nil {
		return nil, err
	}
	conflict := flags.ValueOf[enumspb.WorkflowIdConflictPolicy](r.conflict, enumspb.WorkflowIdConflictPolicy_shorthandValue)
	return &workflowservice.StartWorkflowExecutionRequest{
		Namespace:                s.Namespace,
		WorkflowId:               cmp.Or(r.newID, r.WorkflowID),
		WorkflowType:             started.GetWorkflowType(),
		TaskQueue:                &taskqueuepb.TaskQueue{Name: cmp.Or(r.taskQueue, started.GetTaskQueue().GetName()), Kind: enumspb.TASK_QUEUE_KIND_NORMAL},
		Input:                    input,
		WorkflowExecutionTimeout: unlessDefault(started.GetWorkflowExecutionTimeout()),
		WorkflowRunTimeout:       unlessDefault(started.GetWorkflowRunTimeout()),
		WorkflowTaskTimeout:      started.GetWorkflowTaskTimeout(),
		Identity:                 s.Identity,
		RequestId:                uuid.NewString(),
		WorkflowIdReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIdConflictPolicy: cmp.Or(conflict, enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL),
		RetryPolicy:              started.GetRetryPolicy(),
		CronSchedule:             started.GetCronSchedule(),
		Memo:                     started.GetMemo(),
		SearchAttributes:         started.GetSearchAttributes(),
		Header:                   started.GetHeader(),
		VersioningOverride:       started.GetVersioningOverride(),
		Priority:                 started.GetPriority(),
		UserMetadata:             first.GetUserMetadata(),
	}, nil
}

func unlessDefault(d *durationpb.Duration) *durationpb.Duration {
	if d.AsDuration() == 0 {
		return nil
	}
	return d
}

func (r *rerunning) args(s *command.Session, started *historypb.WorkflowExecutionStartedEventAttributes) (*commonpb.Payloads, error) {
	switch {
	case r.input.Given():
		return r.input.Payloads(s.In)
	case r.edit:
		return edited(s, started.GetInput())
	}
	return started.GetInput(), nil
}

// edited lets a person change arguments, each of which is a file's line or more, between
// lines of dashes.
func edited(s *command.Session, input *commonpb.Payloads) (*commonpb.Payloads, error) {
	const separator = "\n---\n"
	var texts []string
	for i, payload := range input.GetPayloads() {
		if encoding := string(payload.GetMetadata()["encoding"]); encoding != "json/plain" {
			return nil, fmt.Errorf("argument %d is %s, not JSON, and cannot be edited; give --input", i+1, encoding)
		}
		texts = append(texts, string(payload.GetData()))
	}
	file, err := os.CreateTemp("", "perdure-input-*.json")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString(strings.Join(texts, separator) + "\n"); err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	editor := strings.Fields(cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"), "vi"))
	run := exec.Command(editor[0], append(editor[1:], file.Name())...)
	run.Stdin, run.Stdout, run.Stderr = s.In, s.Err, s.Err
	if err := run.Run(); err != nil {
		return nil, fmt.Errorf("the editor %s: %w; nothing was started", editor[0], err)
	}
	content, err := os.ReadFile(file.Name())
	if err != nil {
		return nil, err
	}
	var values []string
	if text := strings.TrimSpace(string(content)); text != "" {
		for part := range strings.SplitSeq(text, separator) {
			values = append(values, strings.TrimSpace(part))
		}
	}
	return flags.JSONPayloads(values)
}
