package frontend

import (
	"context"
	"errors"
	"sync"
	"time"

	commandpb "go.temporal.io/api/command/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/dynamicconfig"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/workflow"
)

// A worker whose commands do not fit into one request sends them in pages. All but the
// last are kept here, in memory: nothing of them is carried out, or acknowledged as
// carried out, before the last one comes, which takes them along. If they have been
// lost by then, the worker is told to begin again with the first page.

// maxCompletionPages is how many pages a completion may have.
const maxCompletionPages = 1024

// errPagesTooLarge is why a workflow is terminated whose completion has more bytes than
// are kept for one task.
const errPagesTooLarge = pagesError("workflow task completion buffer size exceeds the per-workflow limit")

type pagesError string

func (e pagesError) Error() string { return string(e) }

// completionPages are the pages of all tasks of which not all have come.
type completionPages struct {
	mu    sync.Mutex
	tasks map[startedTaskID]*pagedTask
	// total and byNamespace count the bytes of all pages.
	total       int
	byNamespace map[string]int
}

func newCompletionPages() *completionPages {
	return &completionPages{tasks: make(map[startedTaskID]*pagedTask), byNamespace: make(map[string]int)}
}

// startedTaskID is what tells one start of a workflow task from all others.
type startedTaskID struct {
	runID              string
	scheduled, started int64
	time               int64
	attempt, stamp     int32
}

func startedTaskOf(token *records.TaskToken) startedTaskID {
	return startedTaskID{
		runID: token.GetRunId(), scheduled: token.GetScheduledEventId(), started: token.GetStartedEventId(),
		time: token.GetStartedTime(), attempt: token.GetAttempt(), stamp: token.GetStamp(),
	}
}

// pagedTask has the pages of one task that have come.
type pagedTask struct {
	namespace string
	pages     map[int32][]*commandpb.Command
	bytes     int
	expiry    *time.Timer
}

// pageLimits bound the bytes of commands that are kept: of one task, of the tasks of one
// namespace, and of all. 0 is no limit.
type pageLimits struct{ task, namespace, total int }

// checkPage checks how the request describes itself as a page.
func checkPage(req *workflowservice.RespondWorkflowTaskCompletedRequest) error {
	switch page := req.GetPageNumber(); {
	case page < 0:
		return serviceerror.NewInvalidArgument("workflow task completion pagination page number must be non-negative")
	case page >= maxCompletionPages:
		return serviceerror.NewInvalidArgumentf("workflow task completion pagination supports at most %d pages", maxCompletionPages)
	case req.GetIntermediatePage() && len(req.GetCommands()) == 0:
		return serviceerror.NewInvalidArgument("intermediate workflow task page must carry at least one command")
	}
	return nil
}

// add keeps a page of the task until the last one comes, or for the time given. A page
// that is there already stays as it is. Of a task whose page is refused nothing is kept.
// It is errPagesTooLarge if the task has more bytes than it may, and
// WorkflowTaskCompletionBufferLost if there is no more room.
func (p *completionPages) add(id startedTaskID, namespace string, req *workflowservice.RespondWorkflowTaskCompletedRequest, keep time.Duration, limits pageLimits) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := checkPage(req); err != nil {
		p.drop(id)
		return err
	}
	task, page := p.tasks[id], req.GetPageNumber()
	if task == nil {
		task = &pagedTask{namespace: namespace, pages: make(map[int32][]*commandpb.Command)}
		task.expiry = time.AfterFunc(keep, func() { p.expire(id, task) })
		p.tasks[id] = task
	}
	if _, there := task.pages[page]; there {
		return nil
	}
	size := 0
	for _, cmd := range req.GetCommands() {
		size += proto.Size(cmd)
	}
	if exceeds(task.bytes+size, limits.task) {
		p.drop(id)
		return errPagesTooLarge
	}
	if exceeds(p.total+size, limits.total) || exceeds(p.byNamespace[namespace]+size, limits.namespace) {
		p.drop(id)
		return serviceerror.NewWorkflowTaskCompletionBufferLostf("workflow task completion buffer memory limit reached while buffering page %d", page)
	}
	task.pages[page] = req.GetCommands()
	p.count(task, size)
	return nil
}

func exceeds(size, limit int) bool { return limit > 0 && size > limit }

// take removes the pages of the task and returns the commands of those before the last
// one. It is WorkflowTaskCompletionBufferLost if one of them is missing.
func (p *completionPages) take(id startedTaskID, last int32) ([]*commandpb.Command, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	task := p.tasks[id]
	if task == nil {
		return nil, serviceerror.NewWorkflowTaskCompletionBufferLostf(
			"workflow task completion buffer lost for scheduled event %d attempt %d", id.scheduled, id.attempt)
	}
	p.drop(id)
	var commands []*commandpb.Command
	for page := range last {
		of, there := task.pages[page]
		if !there {
			return nil, serviceerror.NewWorkflowTaskCompletionBufferLostf("workflow task completion buffer missing page %d of %d", page, last)
		}
		commands = append(commands, of...)
	}
	return commands, nil
}

// completeByPages is CompleteWorkflowTask for a page of a completion: the last one completes
// the task, with the commands of those before it; the others are kept until it comes.
// It is part of a step, so that no page is kept of a task that has ended.
func (h *workflowTaskHandlers) completeByPages(
	ctx context.Context, step *entity.Step, c workflowTasks, token *records.TaskToken, req *workflowservice.RespondWorkflowTaskCompletedRequest,
) (*workflow.Completion, error) {
	timeout, err := c.ExpectCompletion(step, token, req)
	if err != nil {
		return nil, err
	}
	id := startedTaskOf(token)
	if req.GetIntermediatePage() {
		err := h.pages.add(id, callOf(ctx).namespace.ID, req, timeout, pageLimitsOf(ctx))
		if errors.Is(err, errPagesTooLarge) {
			return c.RefuseCompletion(step, token, req, enumspb.WORKFLOW_TASK_FAILED_CAUSE_REQUEST_TOO_LARGE, err)
		}
		return &workflow.Completion{Response: &workflowservice.RespondWorkflowTaskCompletedResponse{}}, err
	}
	if err := checkPage(req); err != nil {
		return nil, err
	}
	earlier, err := h.pages.take(id, req.GetPageNumber())
	if err != nil {
		return nil, err
	}
	req.Commands = append(earlier, req.Commands...)
	return c.CompleteWorkflowTask(step, token, req)
}

// pageLimitsOf are the limits of the namespace of the request.
func pageLimitsOf(ctx context.Context) pageLimits {
	total := dynamicconfig.PagesSize.Get(callOf(ctx).settings.config)
	return pageLimits{
		task:      settingOf(ctx, dynamicconfig.TaskPagesSize),
		namespace: int(settingOf(ctx, dynamicconfig.NamespacePages) * float64(total)),
		total:     total,
	}
}

// expire drops the task's pages: it has timed out, and nobody is going to ask for them.
func (p *completionPages) expire(id startedTaskID, task *pagedTask) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tasks[id] == task {
		p.drop(id)
	}
}

// drop removes what there is of the task. The lock is held.
func (p *completionPages) drop(id startedTaskID) {
	task := p.tasks[id]
	if task == nil {
		return
	}
	task.expiry.Stop()
	delete(p.tasks, id)
	p.count(task, -task.bytes)
}

// count adds to the bytes of the task and of all that it is part of.
func (p *completionPages) count(task *pagedTask, size int) {
	task.bytes += size
	p.total += size
	if p.byNamespace[task.namespace] += size; p.byNamespace[task.namespace] == 0 {
		delete(p.byNamespace, task.namespace)
	}
}
