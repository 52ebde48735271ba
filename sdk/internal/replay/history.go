package replay

import (
	"context"
	"fmt"
	"strings"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
)

// Pager fetches the page of history behind token. It returns no token with the
// last page.
type Pager func(ctx context.Context, token []byte) (page *historypb.History, next []byte, err error)

// Reader reads history, page by page, as segments.
type Reader struct {
	events   []*historypb.HistoryEvent // not read yet
	token    []byte
	nextPage Pager
	handled  int64 // events up to this id have been seen
	expected int64 // id of the next event, 0 before the first
	last     int64 // id that the history must reach, 0 if not known
}

// NewReader reads events and then the pages behind token. Events up to the
// id handled are passed over. Unless it is zero, last is an event id that the
// history has to reach.
func NewReader(events []*historypb.HistoryEvent, token []byte, nextPage Pager, handled, last int64) *Reader {
	return &Reader{events: events, token: token, nextPage: nextPage, handled: handled, last: last}
}

// LastEventID is the id of the last event read, or passed over.
func (r *Reader) LastEventID() int64 { return r.handled }

// A segment is the events from the end of one workflow task to the start of the
// next that did not fail: the end comes first, then the events of the
// commands, then all that happened until the next start. The last segment of
// a history may lack the start.
type segment struct {
	// events do not contain scheduled workflow tasks, and none that was
	// started in vain.
	events []*historypb.HistoryEvent
	// started is the last of events if it starts a task, else nil.
	started *historypb.HistoryEvent
	// markers are among events too.
	markers []*historypb.HistoryEvent
	// updates, among events too, are those of updates that were admitted or
	// accepted.
	updates []*historypb.HistoryEvent
	// buildID is that of the worker which completed the previous task, if the
	// segment begins with the completion.
	buildID *string

	// The completion of the task that the segment starts says:
	flags               []uint32
	sdkName, sdkVersion string
}

func (s *segment) lastEventID() int64 { return s.events[len(s.events)-1].GetEventId() }

func (s *segment) lastEventType() enumspb.EventType { return s.events[len(s.events)-1].GetEventType() }

// peek makes sure that there is an event at index i, if the history has it.
func (r *Reader) peek(ctx context.Context, i int) (*historypb.HistoryEvent, error) {
	for i >= len(r.events) {
		if len(r.token) == 0 {
			return nil, nil
		}
		if r.nextPage == nil {
			return nil, fmt.Errorf("the history has another page, and there is no way to fetch it")
		}
		page, next, err := r.nextPage(ctx, r.token)
		if err != nil {
			return nil, fmt.Errorf("fetching a page of history: %w", err)
		}
		r.events = append(r.events, page.GetEvents()...)
		r.token = next
	}
	return r.events[i], nil
}

// next returns the next segment, or nil at the end of the history.
func (r *Reader) next(ctx context.Context) (*segment, error) {
	var s segment
	for {
		event, err := r.peek(ctx, 0)
		if err != nil {
			return nil, err
		}
		if event == nil {
			if r.last > 0 && r.handled < r.last {
				return nil, fmt.Errorf("the history ends with event %d, before event %d that starts the workflow task", r.handled, r.last)
			}
			if len(s.events) == 0 {
				return nil, nil
			}
			return &s, nil
		}
		id := event.GetEventId()
		if r.expected != 0 && id != r.expected {
			return nil, fmt.Errorf("the history is missing events: after event %d comes event %d", r.expected-1, id)
		}
		r.expected = id + 1
		if id <= r.handled {
			r.pop()
			continue
		}
		r.handled = id
		switch event.GetEventType() {
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_SCHEDULED, enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT:
			r.pop()
			continue
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED:
			end, err := r.peek(ctx, 1)
			if err != nil {
				return nil, err
			}
			r.pop()
			switch end.GetEventType() {
			case enumspb.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT, enumspb.EVENT_TYPE_WORKFLOW_TASK_FAILED:
				continue
			}
			s.events = append(s.events, event)
			s.started = event
			metadata := end.GetWorkflowTaskCompletedEventAttributes().GetSdkMetadata()
			s.flags = metadata.GetLangUsedFlags()
			s.sdkName, s.sdkVersion = metadata.GetSdkName(), metadata.GetSdkVersion()
			return &s, nil
		case enumspb.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			id := buildIDOf(event.GetWorkflowTaskCompletedEventAttributes())
			s.buildID = &id
		case enumspb.EVENT_TYPE_MARKER_RECORDED:
			s.markers = append(s.markers, event)
		case enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ADMITTED, enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
			s.updates = append(s.updates, event)
		}
		s.events = append(s.events, event)
		r.pop()
	}
}

// pop goes on to the next event.
func (r *Reader) pop() { r.events = r.events[1:] }

func buildIDOf(attributes *historypb.WorkflowTaskCompletedEventAttributes) string {
	if id := attributes.GetDeploymentVersion().GetBuildId(); id != "" {
		return id
	}
	//lint:ignore SA1019 older servers say it only here
	if _, id, ok := strings.Cut(attributes.GetWorkerDeploymentVersion(), "."); ok && id != "" {
		return id
	}
	//lint:ignore SA1019 older servers say it only here
	return attributes.GetWorkerVersion().GetBuildId()
}
