package frontend

import (
	"context"
	"strings"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/check"
	tokens "github.com/perdure/perdure/internal/api/token"
	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
	"github.com/perdure/perdure/internal/workflow"
)

// Histories are stored as they go over the wire. A page of one is spliced into
// the reply as it is; nothing here decodes events, with one exception for old
// clients.

// historyHandlers read histories.
type historyHandlers struct {
	runtime interface {
		viewer
		awaiter
	}
	waits *waits
}

// historyOwner is what they need of a workflow.
type historyOwner interface {
	ReadHistory(entity.Reader, workflow.HistoryRequest) (*workflow.HistoryPage, error)
	CloseEvent(reader entity.Reader, runID string) (*workflow.HistoryPage, error)
	HistoryEnd(runID string) (end int64, closed bool)
}

var _ historyOwner = (*workflow.Chain)(nil)

// GetWorkflowExecutionHistory reads a page of the history of a run: of all its
// events or, with the close-event filter, of the last one once the run is closed.
// With WaitNewEvent it waits for a while if there is nothing to read yet; a reply
// with a page token says that there may be more.
func (h *historyHandlers) GetWorkflowExecutionHistory(ctx context.Context, req *workflowservice.GetWorkflowExecutionHistoryRequest) (*workflowservice.GetWorkflowExecutionHistoryResponse, error) {
	token, err := checkHistoryRead(ctx, req)
	if err != nil {
		return nil, err
	}
	read := h.readEvents
	if req.GetHistoryEventFilterType() == enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT {
		read = h.readCloseEvent
	}
	page, next, err := read(ctx, req, token)
	if err != nil {
		return nil, err
	}
	if next != nil && len(page.Events) == 0 && req.GetWaitNewEvent() {
		if err := h.awaitHistory(ctx, req, next); err != nil {
			return nil, err
		}
		if page, next, err = read(ctx, req, next); err != nil {
			return nil, err
		}
	}
	resp := new(workflowservice.GetWorkflowExecutionHistoryResponse)
	if next != nil {
		resp.NextPageToken = tokens.EncodeHistory(next)
	}
	workflow.SpliceHistory(resp, page.Events)
	return resp, nil
}

// historyRequest is what the reads of histories have in common.
type historyRequest interface {
	GetExecution() *commonpb.WorkflowExecution
	GetNextPageToken() []byte
}

// checkHistoryRead checks the request and decodes its page token; nil if it has
// none.
func checkHistoryRead(ctx context.Context, req historyRequest) (*records.HistoryToken, error) {
	if err := limitsOf(ctx).CheckExecution(req.GetExecution(), check.Request); err != nil {
		return nil, err
	}
	token, err := tokens.DecodeHistory(req.GetNextPageToken())
	if token == nil || err != nil {
		return nil, err
	}
	if runID := req.GetExecution().GetRunId(); runID != "" && runID != token.GetRunId() {
		return nil, errPageTokenRun
	}
	return token, check.RunID(token.GetRunId(), check.Request)
}

// readEvents reads the next page of all events. The token it returns is nil when
// there is nothing more to come.
func (h *historyHandlers) readEvents(ctx context.Context, req *workflowservice.GetWorkflowExecutionHistoryRequest, token *records.HistoryToken) (page *workflow.HistoryPage, next *records.HistoryToken, err error) {
	request := workflow.HistoryRequest{
		RunID:     req.GetExecution().GetRunId(),
		MaxEvents: pageSize(req.GetMaximumPageSize()),
		// Who follows the history as it grows must not see what a crash takes back.
		IncludeStarted: !req.GetWaitNewEvent(),
	}
	if token != nil {
		request.RunID, request.From, request.To = token.GetRunId(), token.GetNextEventId(), token.GetLastEventId()
		if token.GetLastEventId() > 0 {
			// A worker reads the history of its task, up to where the task began.
			request.IncludeStarted = token.GetStartedEventId() > 0
		}
	}
	request.IncludeTransient = request.IncludeStarted && (token.GetStartedEventId() > 0 || !readsForPeople(ctx))
	err = viewWorkflow(ctx, h.runtime, req.GetExecution().GetWorkflowId(), func(c historyOwner, reader entity.View) (err error) {
		page, err = c.ReadHistory(reader, request)
		return err
	})
	switch {
	case err != nil:
		return nil, nil, err
	case page.Next > 0:
		next = &records.HistoryToken{
			RunId: page.RunID, NextEventId: page.Next, Waiting: req.GetWaitNewEvent(),
			LastEventId: token.GetLastEventId(), StartedEventId: token.GetStartedEventId(), Attempt: token.GetAttempt(),
		}
	case req.GetWaitNewEvent() && !page.Closed && token.GetLastEventId() == 0:
		next = &records.HistoryToken{RunId: page.RunID, NextEventId: page.End, Waiting: true}
	}
	return page, next, nil
}

// readCloseEvent reads the event that closed the run. While the run is open
// there is nothing to read, and nothing to come for those who do not wait.
func (h *historyHandlers) readCloseEvent(ctx context.Context, req *workflowservice.GetWorkflowExecutionHistoryRequest, token *records.HistoryToken) (page *workflow.HistoryPage, next *records.HistoryToken, err error) {
	runID := req.GetExecution().GetRunId()
	if token != nil {
		runID = token.GetRunId()
	}
	err = viewWorkflow(ctx, h.runtime, req.GetExecution().GetWorkflowId(), func(c historyOwner, reader entity.View) (err error) {
		page, err = c.CloseEvent(reader, runID)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	if !page.Closed {
		if req.GetWaitNewEvent() {
			next = &records.HistoryToken{RunId: page.RunID, NextEventId: page.End, Waiting: true}
		}
		return page, next, nil
	}
	if !supportsFeature(ctx, featureFollowsNextRunID) {
		page.Events = asContinuedAsNew(page.Events)
	}
	return page, nil, nil
}

// awaitHistory waits until the run has the event the token wants, or is closed.
// It returns nil as well when the time for waiting is over.
func (h *historyHandlers) awaitHistory(ctx context.Context, req *workflowservice.GetWorkflowExecutionHistoryRequest, token *records.HistoryToken) error {
	wait, done, err := h.waits.hold(ctx)
	if err != nil {
		return err
	}
	defer done()
	untilClosed := req.GetHistoryEventFilterType() == enumspb.HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT
	err = h.runtime.Await(wait, workflowKey(ctx, req.GetExecution().GetWorkflowId()), func(e entity.Entity) bool {
		end, closed := e.(historyOwner).HistoryEnd(token.GetRunId())
		return closed || !untilClosed && end > token.GetNextEventId()
	})
	if err != nil && wait.Err() == nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return nil
}

// GetWorkflowExecutionHistoryReverse reads a page of the history of a run, from
// its end to its beginning.
func (h *historyHandlers) GetWorkflowExecutionHistoryReverse(ctx context.Context, req *workflowservice.GetWorkflowExecutionHistoryReverseRequest) (*workflowservice.GetWorkflowExecutionHistoryReverseResponse, error) {
	token, err := checkHistoryRead(ctx, req)
	if err != nil {
		return nil, err
	}
	request := workflow.HistoryRequest{
		RunID:     req.GetExecution().GetRunId(),
		MaxEvents: pageSize(req.GetMaximumPageSize()),
		Reverse:   true,
	}
	if token != nil {
		if token.GetNextEventId() <= 0 {
			return nil, tokens.ErrPage()
		}
		request.RunID, request.From = token.GetRunId(), token.GetNextEventId()
	}
	var page *workflow.HistoryPage
	err = viewWorkflow(ctx, h.runtime, req.GetExecution().GetWorkflowId(), func(c historyOwner, reader entity.View) (err error) {
		page, err = c.ReadHistory(reader, request)
		return err
	})
	if err != nil {
		return nil, err
	}
	resp := new(workflowservice.GetWorkflowExecutionHistoryReverseResponse)
	if page.Next > 0 {
		resp.NextPageToken = tokens.EncodeHistory(&records.HistoryToken{RunId: page.RunID, NextEventId: page.Next})
	}
	workflow.SpliceHistory(resp, page.Events)
	return resp, nil
}

func pageSize(asked int32) int {
	if asked <= 0 {
		return maxHistoryPage
	}
	return min(int(asked), maxHistoryPage)
}

// Clients say what they support in a header, as a list with commas.
const (
	headerSupportedFeatures = "supported-features"
	// featureFollowsNextRunID: the client itself goes on to the run that follows a
	// completed, failed or timed out one.
	featureFollowsNextRunID = "follows-next-run-id"
)

func supportsFeature(ctx context.Context, feature string) bool {
	for supported := range strings.SplitSeq(header(ctx, headerSupportedFeatures), ",") {
		if supported == feature {
			return true
		}
	}
	return false
}

// readsForPeople reports whether the client shows histories to people rather than to
// workflow code: they see what is recorded, as they do on a Temporal server.
func readsForPeople(ctx context.Context) bool {
	name := header(ctx, headerClientName)
	return name == clientCLI || name == clientUI
}

// asContinuedAsNew makes a close event of a run that is followed by another one
// look as if the run had continued as new: the only kind of succession that old
// clients follow. Other events are returned as they are.
func asContinuedAsNew(events []byte) []byte {
	history := new(historypb.History)
	if proto.Unmarshal(events, history) != nil || len(history.GetEvents()) != 1 {
		return events
	}
	event := history.GetEvents()[0]
	next := &historypb.WorkflowExecutionContinuedAsNewEventAttributes{}
	switch event.GetEventType() {
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED:
		attributes := event.GetWorkflowExecutionCompletedEventAttributes()
		next.NewExecutionRunId, next.LastCompletionResult = attributes.GetNewExecutionRunId(), attributes.GetResult()
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED:
		attributes := event.GetWorkflowExecutionFailedEventAttributes()
		//lint:ignore SA1019 older clients use it
		next.NewExecutionRunId, next.Failure = attributes.GetNewExecutionRunId(), attributes.GetFailure()
	case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT:
		next.NewExecutionRunId = event.GetWorkflowExecutionTimedOutEventAttributes().GetNewExecutionRunId()
	}
	if next.NewExecutionRunId == "" {
		return events
	}
	event.EventType = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW
	event.Attributes = &historypb.HistoryEvent_WorkflowExecutionContinuedAsNewEventAttributes{
		WorkflowExecutionContinuedAsNewEventAttributes: next,
	}
	encoded, err := proto.Marshal(history)
	if err != nil {
		return events
	}
	return encoded
}
