package workflow

import (
	"cmp"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Bounds of what is remembered of attached requests: how many, and for how long. They
// are no settings, since what is remembered must follow from the events alone.
const (
	maxRequestIDs   = 25
	requestIDMaxAge = 7 * 24 * time.Hour
)

// requestIDs are the ids of requests to start the workflow that were attached to a run
// which was running already, and of requests for updates that it has accepted: a repeated one
// is answered as the first time. They stay
// when the run closes. The request that has started the run is not among them.
type requestIDs struct {
	pendingItems[string, records.AttachedRequest, *records.AttachedRequest]
}

func (*requestIDs) letter() byte { return 'v' }

func (f *requestIDs) load(_ *Run, name, value []byte) error {
	item, err := decodeRecord[records.AttachedRequest](value)
	if err == nil {
		f.keep(string(name), item)
	}
	return err
}

func (f *requestIDs) flush(r *Run, step *entity.Step) { f.flushTo(r, step, f.letter()) }

func (*requestIDs) drop(*Run) {}

func (f *requestIDs) size() int { return f.len() * 256 }

// attach remembers the request of the event, and forgets others beyond the bounds, the
// oldest first.
func (f *requestIDs) attach(id string, e *historypb.HistoryEvent) {
	oldestAllowed := e.GetEventTime().AsTime().Add(-requestIDMaxAge)
	others := slices.DeleteFunc(f.keys(), func(other string) bool { return other == id })
	slices.SortStableFunc(others, func(a, b string) int {
		return f.get(a).AttachedTime.AsTime().Compare(f.get(b).AttachedTime.AsTime())
	})
	for i, other := range others {
		if len(others)-i >= maxRequestIDs || f.get(other).AttachedTime.AsTime().Before(oldestAllowed) {
			f.remove(other)
		}
	}
	item := &records.AttachedRequest{EventId: e.GetEventId(), AttachedTime: e.GetEventTime()}
	if e.GetEventType() != enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED {
		item.EventType = int32(e.GetEventType())
	}
	f.put(id, item)
}

// numberedOptions puts the id of an event of changed options that waited into what it
// has attached.
func numberedOptions(r *Run, e *historypb.HistoryEvent) int64 {
	attr := e.GetWorkflowExecutionOptionsUpdatedEventAttributes()
	r.requestIDs.numbered(attr.GetAttachedRequestId(), e)
	for _, u := range attr.GetWorkflowUpdateOptions() {
		r.requestIDs.numbered(u.GetAttachedRequestId(), e)
	}
	return 0
}

func (f *requestIDs) numbered(id string, e *historypb.HistoryEvent) {
	if item := f.get(id); item.GetEventId() == bufferedEventID {
		item.EventId = e.EventId
		f.touch(id)
	}
}

// requestIDInfos are the requests that the run knows, by their ids.
func (r *Run) requestIDInfos() map[string]*workflowpb.RequestIdInfo {
	infos := map[string]*workflowpb.RequestIdInfo{
		r.info.StartRequestId: {EventType: enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED, EventId: 1},
	}
	for _, id := range r.requestIDs.keys() {
		item := r.requestIDs.get(id)
		info := &workflowpb.RequestIdInfo{EventType: cmp.Or(enumspb.EventType(item.EventType), enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_OPTIONS_UPDATED)}
		if eventID := item.EventId; eventID == bufferedEventID {
			info.Buffered = true
		} else {
			info.EventId = eventID
		}
		infos[id] = info
	}
	return infos
}
