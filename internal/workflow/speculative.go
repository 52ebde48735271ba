package workflow

import (
	"time"

	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	updatepb "go.temporal.io/api/update/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// A speculative workflow task takes updates to a worker when there is no other
// reason for a task. As an update that is rejected is to leave no trace, so is the
// task: it is in no record and no history, and offered without a record. It is a
// transient task (its events are written when it ends) with Run.speculative set,
// and comes to one of these ends:
//
//   - the worker rejects all updates and does nothing else: the task is discarded,
//     and the worker told to forget that it has seen it;
//   - the worker does something: Scheduled, Started and Completed are written;
//   - an event comes about: Scheduled is written before it, and the task is an
//     ordinary one from then on (commitSpeculative);
//   - the task fails or times out, or nobody takes it: that is written, and the
//     next one is an ordinary one;
//   - a crash: it is lost, as are the updates it was for.

// speculativeWait is how long a speculative task waits on the normal queue for a
// worker before an ordinary one takes its place.
const speculativeWait = 5 * time.Second

// scheduleSpeculative makes a speculative workflow task pending; there must be no
// other. One that is not dispatched must be started by the same step.
func (r *Run) scheduleSpeculative(step *entity.Step, dispatch bool) {
	wt := &records.WorkflowTask{
		ScheduledEventId:      r.state.NextEventId,
		Attempt:               1,
		ScheduledTime:         timestamppb.New(step.Now),
		OriginalScheduledTime: timestamppb.New(step.Now),
		Transient:             true,
		StickyQueue:           r.state.StickyQueue,
		Timeout:               durationpb.New(r.info.TaskTimeout.AsDuration()),
	}
	r.state.WorkflowTask, r.speculative = wt, true
	if !dispatch {
		return
	}
	wt.TaskId = step.OfferTask(r.dispatchTask(step))
	step.Wake(r.chain.shardTime(r.stickyDeadline()))
}

// commitSpeculative makes an ordinary task of the speculative one.
func (r *Run) commitSpeculative(step *entity.Step) {
	if !r.speculative {
		return
	}
	r.recordScheduled(step)
	if r.started == nil {
		r.dispatch(step)
	}
}

// dropSpeculative takes the speculative task away without a trace.
func (r *Run) dropSpeculative() { r.state.WorkflowTask, r.started, r.speculative = nil, nil, false }

// discardEvents is how many events a worker may have been shown with a speculative
// task that is discarded; all that it is shown for the first time, it is shown again
// with the next task.
const discardEvents = 10

// discards reports whether the started task is a speculative one that the completion
// leaves no reason to keep.
func (r *Run) discards(req *workflowservice.RespondWorkflowTaskCompletedRequest, messages []*protocolMessage) bool {
	if !r.speculative || len(req.GetCommands()) > 0 || req.GetForceCreateNewWorkflowTask() {
		return false
	}
	for _, m := range messages {
		if _, rejects := m.body.(*updatepb.Rejection); !rejects {
			return false
		}
	}
	// The completion of the last task comes right after its start.
	shown := r.state.NextEventId - (r.state.LastCompletedStartedEventId + 2)
	if req.GetCapabilities().GetDiscardSpeculativeWorkflowTaskWithEvents() {
		return shown <= discardEvents
	}
	return shown == 0
}

// discardTask ends a speculative task as if it had not been.
func (r *Run) discardTask(step *entity.Step, req *workflowservice.RespondWorkflowTaskCompletedRequest) *application {
	r.dropSpeculative()
	sticky := req.GetStickyAttributes()
	if name := sticky.GetWorkerTaskQueue().GetName(); name != r.state.StickyQueue ||
		sticky.GetScheduleToStartTimeout().AsDuration() != r.state.StickyTimeout.AsDuration() {
		r.setSticky(req)
		r.dirty.state = true
	}
	return &application{run: r, step: step, identity: req.GetIdentity()}
}
