package worker

import (
	"errors"
	"fmt"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"google.golang.org/protobuf/proto"

	"go.temporal.io/api/workflowservice/v1"

	"github.com/perdure/perdure/sdk/internal/flow"
	"github.com/perdure/perdure/sdk/internal/logtag"
	"github.com/perdure/perdure/sdk/log"
)

// Workflow tasks that take longer are logged.
const (
	slowTask     = 5 * time.Second
	verySlowTask = 10 * time.Second
)

// taskLogger names the task's workflow with every message.
func (w *workflowWorker) taskLogger(task *workflowTask) log.Logger {
	return log.With(w.logger,
		logtag.WorkflowType, task.GetWorkflowType().GetName(),
		logtag.WorkflowID, task.GetWorkflowExecution().GetWorkflowId(),
		logtag.RunID, task.GetWorkflowExecution().GetRunId(),
		logtag.Attempt, task.GetAttempt())
}

// note remembers a failure for the status page.
func (w *workflowWorker) note(task *workflowTask, err error) {
	if w.recent == nil {
		return
	}
	what := "workflow task"
	if task.GetQuery() != nil {
		what = "query"
	}
	w.recent.add(failureNote{
		What:       what,
		Type:       task.GetWorkflowType().GetName(),
		WorkflowID: task.GetWorkflowExecution().GetWorkflowId(),
		RunID:      task.GetWorkflowExecution().GetRunId(),
		Error:      err.Error(),
	})
}

// logFailure says why a task or a query failed: with the stack of the code if it
// panicked or did not yield.
func (w *workflowWorker) logFailure(task *workflowTask, outcome *flow.Outcome) {
	w.note(task, outcome.Err)
	tags := []any{logtag.Error, outcome.Err, logtag.TaskStartedEventID, task.GetStartedEventId()}
	var stacked interface{ StackTrace() string }
	if errors.As(outcome.Err, &stacked) && stacked.StackTrace() != "" {
		tags = append(tags, logtag.StackTrace, stacked.StackTrace())
	}
	if query := task.GetQuery(); query != nil {
		tags = append(tags, logtag.QueryType, query.GetQueryType())
	}
	w.taskLogger(task).Warn("Failed to process workflow task.", tags...)
}

// logTooLarge says that a completion is too large to be sent: the workflow is stuck until
// its code is changed.
func (w *workflowWorker) logTooLarge(task *workflowTask, request *workflowservice.RespondWorkflowTaskCompletedRequest, err error) {
	w.note(task, err)
	w.taskLogger(task).Error("The completion of a workflow task is too large: the task fails, and will again until the workflow's code is changed.",
		logtag.Error, err,
		logtag.TaskStartedEventID, task.GetStartedEventId(),
		"Size", proto.Size(request),
		"Commands", commandsOf(request))
}

// logUnstored says that payloads of an answer could not be stored: the task or the query fails.
func (w *workflowWorker) logUnstored(task *workflowTask, err error) {
	w.note(task, err)
	w.taskLogger(task).Error("Payloads of a workflow task could not be stored: the task fails, and is attempted again.",
		logtag.Error, err, logtag.TaskStartedEventID, task.GetStartedEventId())
}

// logRefused says that the server did not take a completion. If the task is gone, for
// instance because it timed out, another one follows; anything else keeps the workflow
// from going on.
func (w *workflowWorker) logRefused(task *workflowTask, request *workflowservice.RespondWorkflowTaskCompletedRequest, took time.Duration, err error) {
	w.note(task, err)
	logger := w.taskLogger(task)
	tags := []any{
		logtag.Error, err,
		logtag.TaskStartedEventID, task.GetStartedEventId(),
		logtag.WorkflowTaskDuration, took,
		"Size", proto.Size(request),
		"Commands", commandsOf(request),
	}
	if _, gone := errors.AsType[*serviceerror.NotFound](err); gone {
		logger.Warn("The completion of a workflow task came too late: the task timed out or the workflow is closed.", tags...)
		return
	}
	logger.Error("The server refused the completion of a workflow task: the workflow does not go on until the cause is corrected.", tags...)
}

// commandsOf is what a completion asks for, in the order of the first of each type:
// "ScheduleActivityTask×2, StartTimer".
func commandsOf(request *workflowservice.RespondWorkflowTaskCompletedRequest) string {
	counts := map[enumspb.CommandType]int{}
	var order []enumspb.CommandType
	for _, command := range request.GetCommands() {
		if counts[command.GetCommandType()]++; counts[command.GetCommandType()] == 1 {
			order = append(order, command.GetCommandType())
		}
	}
	var b strings.Builder
	for i, kind := range order {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(kind.String())
		if n := counts[kind]; n > 1 {
			fmt.Fprintf(&b, "×%d", n)
		}
	}
	return b.String()
}

// logDuration tells of tasks that took so long that a person should know.
func (w *workflowWorker) logDuration(task *workflowTask, took time.Duration) {
	if took < slowTask {
		return
	}
	logger := w.taskLogger(task)
	id := fmt.Sprintf("%s:%d:%d", task.GetWorkflowExecution().GetRunId(), task.GetStartedEventId()+1, task.GetAttempt())
	if took >= verySlowTask {
		logger.Warn("[TMPRL1104] "+id+" Workflow task exceeded 10 seconds.", logtag.WorkflowTaskDuration, took)
		return
	}
	logger.Info("[TMPRL1104] "+id+" Workflow task exceeded 5 seconds.", logtag.WorkflowTaskDuration, took)
}
