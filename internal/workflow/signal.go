package workflow

import (
	"cmp"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/api/check"
	"github.com/perdure/perdure/internal/entity"
)

// signalParams is a signal on its way into a run.
type signalParams struct {
	name     string
	input    *commonpb.Payloads
	header   *commonpb.Header
	identity string
	// requestID, if set, lets a run recognise a signal that it has had before.
	requestID string
	links     []*commonpb.Link
	// external is the workflow that sends the signal, if one does.
	external *commonpb.WorkflowExecution
	// endsDelay: a run in its start delay does not wait any longer.
	endsDelay bool
}

// Signal adds a signal to a running run. The reply has a link to its event.
func (c *Chain) Signal(step *entity.Step, req *workflowservice.SignalWorkflowExecutionRequest) (*workflowservice.SignalWorkflowExecutionResponse, error) {
	r, err := c.findRun(step, req.GetWorkflowExecution().GetRunId())
	if err != nil {
		return nil, err
	}
	if err := c.signalRun(step, r, signalParams{
		name:      req.GetSignalName(),
		input:     req.GetInput(),
		header:    req.GetHeader(),
		identity:  req.GetIdentity(),
		requestID: req.GetRequestId(),
		links:     req.GetLinks(),
	}); err != nil {
		return nil, err
	}
	return &workflowservice.SignalWorkflowExecutionResponse{
		Link: c.requestLink(r, req.GetRequestId(), enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED),
	}, nil
}

// signalRun adds the signal to the run. A request id that the run has had before
// is accepted without doing anything. It fails for closed runs, for too many or
// too large signals, and while the run tries to close.
func (c *Chain) signalRun(step *entity.Step, r *Run, s signalParams) error {
	if r.signalRequests.has(s.requestID) {
		return nil
	}
	if r.closed() {
		return c.sparing(errCompleted())
	}
	limits := c.limits()
	if err := check.BlobSize(proto.Size(s.input), limits.BlobSize); err != nil {
		return c.sparing(err)
	}
	if r.state.SignalCount >= limits.Signals {
		return c.sparing(errSignalLimit())
	}
	if r.tryingToClose && r.started != nil {
		return c.sparing(errClosing())
	}
	waiting := r.backingOff(step.Now) && !s.endsDelay
	r.addEvent(step, workflowExecutionSignaled(s))
	if !waiting {
		r.wantWorkflowTask()
	}
	return nil
}

func workflowExecutionSignaled(s signalParams) *historypb.HistoryEvent {
	return &historypb.HistoryEvent{
		EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED,
		Links:     s.links,
		Attributes: &historypb.HistoryEvent_WorkflowExecutionSignaledEventAttributes{WorkflowExecutionSignaledEventAttributes: &historypb.WorkflowExecutionSignaledEventAttributes{
			SignalName:                s.name,
			Input:                     s.input,
			Identity:                  s.identity,
			Header:                    s.header,
			ExternalWorkflowExecution: s.external,
			RequestId:                 s.requestID,
		}},
	}
}

func applyWorkflowExecutionSignaled(r *Run, _ *historypb.HistoryEvent, attr *historypb.WorkflowExecutionSignaledEventAttributes) error {
	if id := attr.GetRequestId(); id != "" {
		r.signalRequests.add(id)
	}
	r.state.SignalCount++
	r.dirty.state = true
	return nil
}

// SignalWithStart signals the running run, or starts one with the signal as its
// second event.
func (c *Chain) SignalWithStart(step *entity.Step, req *workflowservice.SignalWithStartWorkflowExecutionRequest) (*workflowservice.SignalWithStartWorkflowExecutionResponse, error) {
	signal := signalParams{
		name:      req.GetSignalName(),
		input:     req.GetSignalInput(),
		header:    req.GetHeader(),
		identity:  req.GetIdentity(),
		requestID: req.GetRequestId(),
		links:     req.GetLinks(),
		endsDelay: true,
	}
	if err := c.checkFirstSearchAttributes(req.GetSearchAttributes()); err != nil {
		return nil, err
	}
	r := c.current
	if r != nil && !r.closed() && req.GetWorkflowIdConflictPolicy() != enumspb.WORKFLOW_ID_CONFLICT_POLICY_TERMINATE_EXISTING &&
		//lint:ignore SA1019 older clients use it
		req.GetWorkflowIdReusePolicy() != enumspb.WORKFLOW_ID_REUSE_POLICY_TERMINATE_IF_RUNNING {
		if err := c.signalRun(step, r, signal); err != nil {
			return nil, err
		}
		return c.signalWithStartReply(r, signal.requestID, false), nil
	}
	if err := check.BlobSize(proto.Size(signal.input), c.limits().BlobSize); err != nil {
		return nil, err
	}
	if err := c.checkVersionPresent(req.GetVersioningOverride(), req.GetTaskQueue().GetName()); err != nil {
		return nil, err
	}
	p := requestParams(req, c.shardTime(step.Now))
	p.conflictPolicy = cmp.Or(p.conflictPolicy, enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING)
	run, started, err := c.start(step, p, &signal)
	if err != nil {
		return nil, err
	}
	return c.signalWithStartReply(run, signal.requestID, started), nil
}

func (c *Chain) signalWithStartReply(r *Run, requestID string, started bool) *workflowservice.SignalWithStartWorkflowExecutionResponse {
	return &workflowservice.SignalWithStartWorkflowExecutionResponse{
		RunId:               r.info.RunId,
		FirstExecutionRunId: r.info.FirstRunId,
		Started:             started,
		SignalLink:          c.requestLink(r, requestID, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED),
	}
}
