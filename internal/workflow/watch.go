package workflow

import (
	"errors"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// An entity of another kind, such as a schedule, starts a workflow by a message, and is
// told by messages that it has started and, at last, how it has closed. Nothing of that is
// in the history: the chain's record has who has asked (records.Watch), and which run it
// was for. The run may be continued as new, be tried again, be reset: all of these begin
// with the same run, so that is what the watch goes by. It is over when the last of them
// has closed, however that came about.
//
// Requests of one entity come in the order of their numbers, and a number is remembered
// when its request has been answered, so that none is carried out twice.

// maxWatches bounds the entities of which a chain remembers the last request. It is only
// reached by workflow ids that many take turns to use.
const maxWatches = 8

// startWatched starts the run that the sender asks for, and answers it.
func (c *Chain) startWatched(step *entity.Step, from entity.Key, start *records.StartWorkflow) error {
	w := c.watchOf(from)
	if w != nil && start.Number <= w.Number {
		return nil // it has been answered
	}
	req := new(workflowservice.StartWorkflowExecutionRequest)
	if err := proto.Unmarshal(start.Request, req); err != nil {
		return errors.Join(entity.ErrUnknownMessage, err)
	}
	var resp *workflowservice.StartWorkflowExecutionResponse
	err := check.RetryPolicy(req.RetryPolicy, &c.limits().WorkflowRetry)
	switch {
	case c.namespaceGone():
		err = serviceerror.NewNotFound("the namespace is being deleted")
	case err == nil:
		resp, err = c.Start(step, req)
	}
	if err != nil && !refuses(err) {
		return err
	}
	if c.record != nil {
		c.noteRequest(from, start.Number, resp.GetRunId())
	}
	if err != nil {
		c.send(step, from, "", &records.Message{Body: &records.Message_WorkflowStartFailed{WorkflowStartFailed: &records.WorkflowStartFailed{
			Number: start.Number,
			Reason: err.Error(),
		}}})
		return nil
	}
	c.send(step, from, "", &records.Message{Body: &records.Message_WorkflowStarted{WorkflowStarted: &records.WorkflowStarted{
		Number:    start.Number,
		RunId:     resp.RunId,
		StartTime: c.current.info.StartTime,
	}}})
	return nil
}

// refuses reports whether an error says that the workflow cannot be started, rather than
// that it could not be now.
func refuses(err error) bool {
	var (
		invalid *serviceerror.InvalidArgument
		failed  *serviceerror.FailedPrecondition
	)
	return alreadyStarted(err) || notFound(err) || errors.As(err, &invalid) || errors.As(err, &failed)
}

// watchOf is what the chain knows of requests of the entity; nil if it knows of none.
func (c *Chain) watchOf(from entity.Key) *records.Watch {
	all := c.record.GetWatches().GetWatches()
	if len(all) == 0 {
		return nil
	}
	encoded := string(from.Encode(nil))
	for _, w := range all {
		if string(w.Entity) == encoded {
			return w
		}
	}
	return nil
}

// noteRequest remembers the request as the last one of the entity, with the run that it
// has started, if any.
func (c *Chain) noteRequest(from entity.Key, number int64, runID string) {
	w := c.watchOf(from)
	if w == nil {
		w = &records.Watch{Entity: from.Encode(nil)}
	}
	w.Number = number
	if runID != "" {
		w.FirstRunId = runID
	}
	others := slices.DeleteFunc(c.record.GetWatches().GetWatches(), func(other *records.Watch) bool { return other == w })
	if over := len(others) + 1 - maxWatches; over > 0 {
		others = others[over:] // at most the last one waits for the end of a run
	}
	c.record.Watches = &records.Watches{Watches: append(others, w)}
	c.dirty = true
}

// tellWatcher tells who has asked for the run, or the one it continues, that it has closed
// with the event, unless another run continues it.
func (r *Run) tellWatcher(step *entity.Step, end *historypb.HistoryEvent) {
	c := r.chain
	if c.record.GetWatches() == nil || r.state.NewRunId != "" || end.EventType == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW {
		return
	}
	for _, w := range c.record.Watches.Watches {
		if w.FirstRunId == "" || w.FirstRunId != r.info.FirstRunId {
			continue
		}
		to, _, err := entity.DecodeKey(w.Entity)
		if err != nil {
			panic("workflow: the record of a watch holds no key: " + err.Error())
		}
		c.send(step, to, "", &records.Message{Body: &records.Message_WorkflowClosed{WorkflowClosed: &records.WorkflowClosed{
			Number:     w.Number,
			FirstRunId: w.FirstRunId,
			CloseEvent: mustMarshal(end),
		}}})
		w.FirstRunId = ""
		c.dirty = true
	}
}

// isWatchedBy reports whether the entity waits for the end of the run.
func (r *Run) isWatchedBy(from entity.Key) bool {
	w := r.chain.watchOf(from)
	return w != nil && w.FirstRunId == r.info.FirstRunId
}

// Runs reports whether the run, or one that continues it, is the current one and has not
// closed. It changes nothing.
func (c *Chain) Runs(firstRunID string) bool {
	return c.current != nil && !c.current.closed() && c.current.info.FirstRunId == firstRunID
}
