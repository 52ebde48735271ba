package workflow

import (
	"slices"

	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
)

// bufferedEventID stands for the id of an event that has none yet.
const bufferedEventID = -123

// buffer holds the events that arrived while a workflow task was started, in order
// of arrival; they get their ids when they are flushed.
type buffer struct {
	events []*historypb.HistoryEvent
	bytes  int
	// next is the number of the next record; recorded is how many of the events have
	// one. Those that arrive while commands are applied have none: the same step
	// gives them their ids.
	next, recorded int64
	// added are the events to be recorded by the next flush, and the records with
	// numbers below dropped go before.
	added   []*historypb.HistoryEvent
	dropped int64
}

func (*buffer) letter() byte { return 'b' }

func (f *buffer) load(_ *Run, name, value []byte) error {
	number, _, err := entity.DecodeInt(name)
	if err != nil {
		return err
	}
	event, err := decodeRecord[historypb.HistoryEvent](value)
	if err != nil {
		return err
	}
	f.events = append(f.events, event)
	f.bytes += len(value)
	f.next = number + 1
	f.recorded++
	return nil
}

func (f *buffer) changed() bool { return len(f.added) > 0 || f.dropped > 0 }

func (f *buffer) flush(r *Run, step *entity.Step) {
	if f.dropped > few {
		step.DeletePrefix(runKey(r.info.RunId, f.letter()))
	} else {
		for number := range f.dropped {
			step.Delete(entity.AppendInt(runKey(r.info.RunId, f.letter()), number))
		}
	}
	for _, event := range f.added {
		step.Put(entity.AppendInt(runKey(r.info.RunId, f.letter()), f.next), mustMarshal(event))
		f.next++
		f.recorded++
	}
	f.added, f.dropped = nil, 0
}

func (f *buffer) drop(*Run) {
	f.dropped = max(f.dropped, f.next)
	f.events, f.bytes, f.added = nil, 0, nil
	f.next, f.recorded = 0, 0
}

func (f *buffer) size() int { return f.bytes }

func (f *buffer) records(visit func(name []byte, record proto.Message)) {
	first := f.next - int64(len(f.events))
	for i, event := range f.events {
		visit(entity.AppendInt(nil, first+int64(i)), event)
	}
}

// take takes an event back out of the buffer, while the commands of a completed
// workflow task are carried out. The records go all together, when the buffer is
// empty or the same step flushes it.
func (f *buffer) take(r *Run, event *historypb.HistoryEvent) {
	f.events = slices.DeleteFunc(f.events, func(e *historypb.HistoryEvent) bool { return e == event })
	f.bytes -= proto.Size(event)
	if len(f.events) == 0 {
		f.drop(r)
	}
}

// bufferEvent puts the event aside until flushBuffered.
func (r *Run) bufferEvent(event *historypb.HistoryEvent) {
	f := &r.buffer
	event.EventId = bufferedEventID
	f.events = append(f.events, event)
	f.bytes += proto.Size(event)
	if !r.applying {
		f.added = append(f.added, event)
	}
}

// flushBuffered gives the buffered events their ids and appends them to the
// history: in order of arrival, except that ends of activities and children
// come after everything else, so that they follow their starts.
func (r *Run) flushBuffered() {
	if len(r.buffer.events) == 0 {
		return
	}
	var started map[int64]int64 // by the id of the event that made the item
	for _, event := range r.buffer.events {
		rule := ruleOf(event.EventType)
		if rule.last {
			continue
		}
		r.number(event)
		if rule.numbered != nil {
			if started == nil {
				started = make(map[int64]int64)
			}
			started[rule.numbered(r, event)] = event.EventId
		}
	}
	for _, event := range r.buffer.events {
		rule := ruleOf(event.EventType)
		if !rule.last {
			continue
		}
		if rule.start != nil {
			// The event that started the item may have had no id either until now.
			if item, id := rule.start(event); *id == bufferedEventID {
				*id = started[item]
			}
		}
		r.number(event)
	}
	r.buffer.drop(r)
}

// repairAfterCrash puts right what a crash has left when it took a started workflow task
// back: events that are buffered though no task is started, and a task that was
// started by the step that scheduled it and so has never been dispatched. In a paused
// run there is no task that waits for a worker. Steps that change a run begin with it.
func (r *Run) repairAfterCrash(step *entity.Step) {
	if r.started != nil || r.applying || r.closed() {
		return
	}
	r.flushBuffered()
	if r.paused() && r.state.WorkflowTask != nil {
		r.failUnstarted(step)
	}
	if wt := r.state.WorkflowTask; wt != nil && wt.TaskId == 0 {
		r.dispatch(step)
	}
}
