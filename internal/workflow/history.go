package workflow

import (
	"errors"
	"fmt"
	"math"
	"slices"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/perdure/perdure/internal/entity"
)

// History is kept as it goes over the wire. A batch is the encoding of a
// temporal.api.history.v1.History message: each event is field 1. Batches laid
// end to end are again such a message, and so is any run of whole events cut out
// of them. Event ids are contiguous, so an event is found by counting, without
// decoding anything.

// historyTailBytes bounds the newest part of a history that is kept in memory.
const historyTailBytes = 64 << 10

// historyTail is the newest batches of a history, without gaps, up to its end.
type historyTail struct {
	batches []historyBatch
	size    int
}

// historyBatch is one encoded batch. The bytes are shared and never changed.
type historyBatch struct {
	first, last int64 // event ids
	data        []byte
}

func (t *historyTail) add(b historyBatch) {
	t.batches = append(t.batches, b)
	t.size += len(b.data)
	for t.size > historyTailBytes && len(t.batches) > 1 {
		t.dropFirst()
	}
}

// dropBefore drops the batches that have no event from id on.
func (t *historyTail) dropBefore(id int64) {
	for len(t.batches) > 0 && t.batches[0].last < id {
		t.dropFirst()
	}
}

func (t *historyTail) dropFirst() {
	t.size -= len(t.batches[0].data)
	t.batches[0] = historyBatch{}
	if t.batches = t.batches[1:]; len(t.batches) == 0 {
		t.batches = nil
	}
}

// first is the oldest event id the tail has, or MaxInt64 if it is empty.
func (t *historyTail) first() int64 {
	if len(t.batches) == 0 {
		return math.MaxInt64
	}
	return t.batches[0].first
}

// appendEvent appends the encoding of the event as an element of a history.
func appendEvent(dst []byte, event *historypb.HistoryEvent) []byte {
	return appendSizedEvent(dst, event, proto.Size(event))
}

// appendSizedEvent is appendEvent for an event whose size has just been taken.
func appendSizedEvent(dst []byte, event *historypb.HistoryEvent, size int) []byte {
	dst = protowire.AppendTag(dst, 1, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(size))
	dst, err := proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(dst, event)
	if err != nil {
		panic("workflow: event does not encode: " + err.Error())
	}
	return dst
}

// flushHistory writes the new events of the step as one batch.
func (r *Run) flushHistory(step *entity.Step) {
	total := 0
	var buf [16]int
	sizes := buf[:0]
	for _, event := range r.newEvents {
		size := proto.Size(event)
		sizes = append(sizes, size)
		total += 1 + protowire.SizeBytes(size)
	}
	data := make([]byte, 0, total)
	for i, event := range r.newEvents {
		data = appendSizedEvent(data, event, sizes[i])
	}
	first := r.newEvents[0].EventId
	step.Put(historyKey(r.info.RunId, first), data)
	r.tail.add(historyBatch{first, r.state.NextEventId - 1, data})
	before := r.state.HistorySize
	r.state.HistorySize += int64(len(data))
	r.noteLarge(step, sizes, before)
	r.dirty.state = true
	clear(r.newEvents)
	r.newEvents = r.newEvents[:0]
}

var errHistory = errors.New("workflow: stored history is malformed")

// nextEvent cuts the first event, with its tag and length, off a history.
func nextEvent(data []byte) (event, rest []byte, err error) {
	num, typ, n := protowire.ConsumeTag(data)
	if n < 0 || num != 1 || typ != protowire.BytesType {
		return nil, nil, errHistory
	}
	_, m := protowire.ConsumeBytes(data[n:])
	if m < 0 {
		return nil, nil, errHistory
	}
	return data[:n+m], data[n+m:], nil
}

// decodeEvent decodes what nextEvent has cut off.
func decodeEvent(raw []byte) (*historypb.HistoryEvent, error) {
	_, _, n := protowire.ConsumeTag(raw)
	body, _ := protowire.ConsumeBytes(raw[n:])
	event := new(historypb.HistoryEvent)
	if err := proto.Unmarshal(body, event); err != nil {
		return nil, fmt.Errorf("workflow: decoding a stored history event: %w", err)
	}
	return event, nil
}

// page collects encoded events up to a number and a size.
type page struct {
	data          []byte
	count         int
	next          int64 // id of the next event wanted
	last          int64 // id of the last event wanted
	events, bytes int   // bounds
	full          bool
}

func (p *page) add(raw []byte) bool {
	if p.count > 0 && (p.count >= p.events || len(p.data)+len(raw) > p.bytes) {
		p.full = true
		return false
	}
	p.data = append(p.data, raw...)
	p.count++
	return true
}

// addWhole adds a batch of which every event is wanted and fits, without looking
// into it. expected is about how many bytes the page is going to have.
func (p *page) addWhole(b historyBatch, expected int) bool {
	n := int(b.last - b.first + 1)
	if b.first != p.next || b.last > p.last || p.count+n > p.events || len(p.data)+len(b.data) > p.bytes {
		return false
	}
	if p.data == nil {
		p.data = make([]byte, 0, min(expected, p.bytes))
	}
	p.data = append(p.data, b.data...)
	p.count += n
	p.next += int64(n)
	return true
}

// addBatch adds the events of the batch that are wanted.
func (p *page) addBatch(first int64, data []byte) error {
	id := first
	for len(data) > 0 && id <= p.last && !p.full {
		raw, rest, err := nextEvent(data)
		if err != nil {
			return err
		}
		if id == p.next && p.add(raw) {
			p.next++
		}
		data = rest
		id++
	}
	return nil
}

// readHistory returns the encoded events from..to, as many as fit a page, and
// the id of the first event that is not among them.
func (r *Run) readHistory(reader func() entity.Reader, from, to int64, limits *Limits) (data []byte, next int64, err error) {
	p := page{next: max(from, 1), last: min(to, r.state.NextEventId-1), events: limits.HistoryPageEvents, bytes: limits.HistoryPageSize}
	if p.next > p.last {
		return nil, p.next, nil
	}
	if p.next < r.tail.first() {
		if err := r.readStored(reader(), &p); err != nil {
			return nil, 0, err
		}
	}
	for _, b := range r.tail.batches {
		if p.full || b.first > p.next {
			break
		}
		if b.last >= p.next && !p.addWhole(b, r.tail.size) {
			if err := p.addBatch(b.first, b.data); err != nil {
				return nil, 0, err
			}
		}
	}
	if p.count == 0 {
		return nil, 0, fmt.Errorf("workflow: history of run %s lacks event %d", r.info.RunId, p.next)
	}
	return p.data, p.next, nil
}

// historyPageBytes is about how long a page of eachPage is.
const historyPageBytes = 64 << 10

// eachPage visits the encoded events from..to, a page at a time, each of which is new.
func (r *Run) eachPage(reader func() entity.Reader, from, to int64, visit func(first, last int64, data []byte) error) error {
	limits := Limits{HistoryPageEvents: math.MaxInt, HistoryPageSize: historyPageBytes}
	for from <= to {
		data, next, err := r.readHistory(reader, from, to, &limits)
		if err != nil {
			return err
		}
		if err := visit(from, next-1, data); err != nil {
			return err
		}
		from = next
	}
	return nil
}

// eachEvent decodes the events of a page.
func eachEvent(data []byte, visit func(*historypb.HistoryEvent) error) error {
	for len(data) > 0 {
		raw, rest, err := nextEvent(data)
		if err != nil {
			return err
		}
		event, err := decodeEvent(raw)
		if err != nil {
			return err
		}
		if err := visit(event); err != nil {
			return err
		}
		data = rest
	}
	return nil
}

// readStored fills the page from the store.
func (r *Run) readStored(reader entity.Reader, p *page) error {
	prefix := historyPrefix(r.info.RunId)
	// The batch with the first event wanted is the last one that begins at or
	// before it.
	start := int64(0)
	var bad error
	visit := func(record, value []byte) bool {
		first, _, err := entity.DecodeInt(record[len(prefix):])
		if err != nil {
			bad = errHistory
			return false
		}
		if start == 0 {
			start = first
		}
		if bad = p.addBatch(first, value); bad != nil {
			return false
		}
		return !p.full && p.next <= p.last
	}
	one := func(record, value []byte) bool {
		visit(record, value)
		return false
	}
	if err := reader.Scan(prefix, historyKey(r.info.RunId, p.next+1), true, one); err != nil || bad != nil {
		return errors.Join(err, bad)
	}
	if p.full || p.next > p.last {
		return nil
	}
	err := reader.Scan(prefix, historyKey(r.info.RunId, p.next), false, visit)
	return errors.Join(err, bad)
}

// readHistoryReverse returns the encoded events from..1 in descending order, as
// many as fit a page, and the id of the next one to read; 0 if there is none.
func (r *Run) readHistoryReverse(reader func() entity.Reader, from int64, limits *Limits) (data []byte, next int64, err error) {
	p := page{next: min(from, r.state.NextEventId-1), events: limits.HistoryPageEvents, bytes: limits.HistoryPageSize}
	add := func(first int64, data []byte) error {
		var raws [][]byte
		for id := first; len(data) > 0 && id <= p.next; id++ {
			raw, rest, err := nextEvent(data)
			if err != nil {
				return err
			}
			raws, data = append(raws, raw), rest
		}
		for _, raw := range slices.Backward(raws) {
			if !p.add(raw) {
				return nil
			}
			p.next--
		}
		return nil
	}
	for _, b := range slices.Backward(r.tail.batches) {
		if p.full || p.next < 1 {
			break
		}
		if b.first <= p.next {
			if err := add(b.first, b.data); err != nil {
				return nil, 0, err
			}
		}
	}
	if p.full || p.next < 1 {
		return p.data, p.next, nil
	}
	prefix := historyPrefix(r.info.RunId)
	var bad error
	err = reader().Scan(prefix, historyKey(r.info.RunId, p.next+1), true, func(record, value []byte) bool {
		first, _, err := entity.DecodeInt(record[len(prefix):])
		if err != nil {
			bad = errHistory
			return false
		}
		bad = add(first, value)
		return bad == nil && !p.full && p.next >= 1
	})
	return p.data, p.next, errors.Join(err, bad)
}

// startedEvent is the WorkflowTaskStarted event of the task in progress, which
// is in no record until the task ends.
func (r *Run) startedEvent() *historypb.HistoryEvent {
	s := r.started
	return &historypb.HistoryEvent{
		EventId:   s.eventID,
		TaskId:    s.eventID,
		EventTime: timestamppb.New(s.time),
		EventType: enumspb.EVENT_TYPE_WORKFLOW_TASK_STARTED,
		Attributes: &historypb.HistoryEvent_WorkflowTaskStartedEventAttributes{WorkflowTaskStartedEventAttributes: s.attributes(
			r.state.WorkflowTask.ScheduledEventId)},
	}
}

// volatileEvents are the encoded events of a started workflow task that the
// history does not have yet: Started, and Scheduled before it if the task is
// transient.
func (r *Run) volatileEvents() []byte {
	var data []byte
	if r.state.WorkflowTask.Transient {
		data = r.transientScheduled(r.started.eventID - 1)
	}
	return appendEvent(data, r.startedEvent())
}

// transientScheduled is the encoded Scheduled event that a transient workflow task has
// not left in the history.
func (r *Run) transientScheduled(eventID int64) []byte {
	event := r.scheduledEvent()
	event.EventId, event.TaskId = eventID, eventID
	return appendEvent(nil, event)
}

// unrecordedEvents are the encoded events of the pending workflow task that the history
// does not have, those of a transient one only if they are wanted.
func (r *Run) unrecordedEvents(transientToo bool) []byte {
	wt := r.state.WorkflowTask
	switch {
	case wt == nil || wt.Transient && !transientToo:
		return nil
	case r.started != nil:
		return r.volatileEvents()
	case wt.Transient && wt.ScheduledEventId == r.state.NextEventId:
		return r.transientScheduled(wt.ScheduledEventId)
	}
	return nil
}

// spliceField appends an encoded message field to a message without decoding
// it: the field travels as an unknown one and is an ordinary one to whoever
// decodes the message.
func spliceField(m proto.Message, number protowire.Number, data ...[]byte) {
	size := 0
	for _, d := range data {
		size += len(d)
	}
	raw := make([]byte, 0, size+12)
	raw = protowire.AppendTag(raw, number, protowire.BytesType)
	raw = protowire.AppendVarint(raw, uint64(size))
	for _, d := range data {
		raw = append(raw, d...)
	}
	pm := m.ProtoReflect()
	pm.SetUnknown(append(pm.GetUnknown(), raw...))
}

// SpliceHistory sets the field named "history" of a reply to encoded events,
// without decoding them.
func SpliceHistory(reply proto.Message, events []byte) {
	field := reply.ProtoReflect().Descriptor().Fields().ByName("history")
	spliceField(reply, field.Number(), events)
}
