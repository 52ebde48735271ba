package workflow

import (
	"errors"
	"fmt"
	"maps"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/attempt"
	"github.com/perdure/perdure/internal/records"
)

// fold is a run of the chain as its history makes it, event by event. The events may
// come from anywhere: what cannot be is refused, and the work for each event is
// bounded. The run shares memory with the events, which must not be changed any
// more.
//
// The run is not one of the chain yet. All its records count as changed, and what
// notFolded names is as if nothing but the events had happened: nothing is
// dispatched, no attempt of a pending activity has failed, no worker has the
// workflow in its cache.
type fold struct{ run *Run }

// newFold begins a fold of the history of the run.
func (c *Chain) newFold(runID string) *fold { return &fold{c.newRunState(runID)} }

// newRunState returns a run without events.
func (c *Chain) newRunState(runID string) *Run {
	return &Run{
		chain: c,
		info:  &records.RunInfo{RunId: runID},
		state: &records.Run{NextEventId: 1},
	}
}

var (
	errNotInOrder = errors.New("its id is not the next one")
	errNotFirst   = errors.New("a history begins with WorkflowExecutionStarted, and has no other")
	errPastEnd    = errors.New("the run has been closed before")
)

// add adds the next event of the history. After an error the fold is of no use.
func (f *fold) add(e *historypb.HistoryEvent) error {
	r := f.run
	cannotBe := func(why error) error {
		return fmt.Errorf("event %d of run %s, %v, cannot be: %w", e.GetEventId(), r.info.RunId, e.GetEventType(), why)
	}
	first := r.state.NextEventId == 1
	switch {
	case e.GetEventId() != r.state.NextEventId:
		return cannotBe(errNotInOrder)
	case first != (e.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED):
		return cannotBe(errNotFirst)
	case !first && r.closed():
		return cannotBe(errPastEnd)
	}
	r.state.NextEventId++
	size := proto.Size(e)
	r.state.HistorySize += int64(1 + protowire.SizeBytes(size))
	return r.apply(e)
}

// addBuffered adds an event that is buffered, and so has no id yet.
func (f *fold) addBuffered(e *historypb.HistoryEvent) error { return f.run.apply(e) }

// fold folds a whole history.
func (c *Chain) fold(runID string, events []*historypb.HistoryEvent) (*Run, error) {
	f := c.newFold(runID)
	for _, e := range events {
		if err := f.add(e); err != nil {
			return nil, err
		}
	}
	return f.run, nil
}

// notFolded clears in a record what the events of the run do not say, so that what
// is left is the same in every run with these events. Of the records of a run,
// buffered events are not folded at all, as they are events themselves.
//
// What is added here is lost in a reset and missing in an import: prefer to derive
// it from the event.
func notFolded(record proto.Message) {
	switch x := record.(type) {
	case *records.RunInfo:
		x.StartRequestId, x.ResetRequestId = "", "" // of the call, which leaves no trace in the event
		x.Flow = nil                                // gates answer by messages
		x.Origins = nil                             // events do not say where they came about
		notFoldedVersioning(x)
		maps.DeleteFunc(x.GetSearchAttributes().GetIndexedFields(), func(name string, _ *commonpb.Payload) bool { return isServerAttribute(name) })
		if len(x.GetSearchAttributes().GetIndexedFields()) == 0 {
			x.SearchAttributes = nil
		}
	case *records.Run:
		x.WakeAt = nil                           // where the durable timer is
		x.StickyQueue, x.StickyTimeout = "", nil // a hint where the workflow is cached
		x.StateTransitionCount = 0               // counts commits
		x.WorkflowTaskAttempt = 0                // failures after the first of a series leave no events
		x.TaskProblem = nil                      // neither do they count here
		x.ChildFirstTaskPending = false          // the parent's word is a message
		x.ResetRunId = ""                        // another run begins with its history
		if wt := x.WorkflowTask; wt.GetTransient() {
			x.WorkflowTask = nil // a task after a failure leaves no events before it ends
		} else if wt != nil {
			wt.TaskId, wt.Lane, wt.Version = 0, "", "" // dispatch
			wt.OriginalScheduledTime = nil             // heartbeats of workflow tasks are tasks of their own
		}
	case *records.Activity:
		x.TaskId, x.Lane, x.Version = 0, "", "" // dispatch
		x.LastVersion, x.Flow = nil, nil
		// The attempts before the last one leave no events, nor does the start of the
		// last one before the activity has closed.
		x.Attempt, x.Stamp = 0, 0
		x.ScheduledTime, x.RetryAt = nil, nil
		x.StartedTime, x.StartedIdentity, x.StartedRequestId = nil, "", ""
		x.LastFailure, x.LastAttemptCompleteTime, x.LastWorkerIdentity = nil, nil, ""
		x.HeartbeatTime, x.HeartbeatDetails = nil, nil
		// What operators do to activities.
		x.Control = nil
		attempt.SetOptions(x, nil)
	case *records.Update:
		x.Rejected = false // rejections leave no events
	case *records.NexusOperation:
		// Calls leave no events but by what comes of the last one.
		x.Start = nil
		if x.Cancellation != nil {
			x.Cancellation.Calls = nil
		}
	case *records.Callback:
		// Deliveries begin when the run has closed.
		x.State, x.Attempt = 0, 0
		x.LastAttemptCompleteTime, x.LastAttemptFailure, x.NextAttemptScheduleTime = nil, nil, nil
	case *workflowpb.ResetPoints:
		for _, p := range x.Points {
			p.Resettable = false // depends on what was buffered when the task completed
		}
	}
}

// notFoldedVersioning clears what events do not say of versions: by which routing a run has
// come to its version, what it was told of others, and a transition that is not over.
func notFoldedVersioning(x *records.RunInfo) {
	v := x.Versioning
	if v == nil {
		return
	}
	v.Transition, v.Revision, v.Notified, v.Declined = nil, 0, nil, nil
	if proto.Size(v) == 0 {
		x.Versioning = nil
	}
}
