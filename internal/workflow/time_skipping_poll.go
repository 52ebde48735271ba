package workflow

import (
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
)

// Why a fast-forward cannot complete any more, in the words of the Temporal server.
const (
	otherFastForward    = "the requested fast_forward_id does not match the execution's current fast-forward"
	fastForwardReset    = "the fast-forward was reset"
	endedBeforeForward  = "the execution ended before the fast-forward completed"
	disabledBeforeThere = "time skipping was disabled before the fast-forward completed"
)

// FastForward tells how the fast-forward with the id stands, in the current run or in
// that with the run id: that it has completed, or why it will not. A nil reply says that
// it is under way, and pending describes it. If before is given, the fast-forward has to
// be that one still. It fails with NotFound.
func (c *Chain) FastForward(reader func() entity.Reader, runID, id string, before *commonpb.TimeSkippingFastForwardInfo) (
	reply *workflowservice.PollWorkflowExecutionTimeSkippingResponse, pending *commonpb.TimeSkippingFastForwardInfo, err error,
) {
	r, err := c.findRunWith(reader, runID)
	if err != nil {
		return nil, nil, err
	}
	if r.continued() && c.current != nil && c.current.info.FirstRunId == r.info.FirstRunId {
		r = c.current // it goes on there
	}
	info := proto.CloneOf(r.fastForwardInfo())
	failed := func(why string) (*workflowservice.PollWorkflowExecutionTimeSkippingResponse, *commonpb.TimeSkippingFastForwardInfo, error) {
		return &workflowservice.PollWorkflowExecutionTimeSkippingResponse{
			FastForwardPollingResult: enumspb.FAST_FORWARD_POLLING_RESULT_FAST_FORWARD_FAILED,
			FailedReason:             why,
			FastForwardInfo:          info,
		}, info, nil
	}
	switch {
	case info == nil || info.FastForwardId != id:
		return failed(otherFastForward)
	case before != nil && !proto.Equal(before.GetTargetTime(), info.TargetTime):
		return failed(fastForwardReset)
	case info.HasCompleted:
		return &workflowservice.PollWorkflowExecutionTimeSkippingResponse{
			FastForwardPollingResult: enumspb.FAST_FORWARD_POLLING_RESULT_FAST_FORWARD_COMPLETED,
			FastForwardInfo:          info,
		}, info, nil
	case r.closed() && !r.continued():
		return failed(endedBeforeForward)
	case !r.skips():
		return failed(disabledBeforeThere)
	}
	return nil, info, nil
}

// continued reports whether another run goes on where this one has ended.
func (r *Run) continued() bool { return r.closed() && r.state.NewRunId != "" }

// FastForwardSettled reports whether FastForward may have a reply, as far as that can be
// told of what is in memory.
func (c *Chain) FastForwardSettled(runID, id string, before *commonpb.TimeSkippingFastForwardInfo) bool {
	settled := false
	reply, _, err := c.FastForward(func() entity.Reader { settled = true; return nothing{} }, runID, id, before)
	return settled || reply != nil || err != nil
}

// nothing is an entity.Reader that finds nothing.
type nothing struct{}

func (nothing) Get([]byte) ([]byte, error) { return nil, nil }

func (nothing) Scan([]byte, []byte, bool, func(record, value []byte) bool) error { return nil }
