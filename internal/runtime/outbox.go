package runtime

import (
	"context"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// The outbox carries messages between entities. A message is a record in the
// sender's shard, written with the step that sends it. When the step is durable
// the message joins the lane from its sender to its receiver; a lane delivers
// one message at a time, in order. When the receiver's step is durable, the
// record is removed, without hurry: if the removal is lost, the message is
// delivered again.
//
// Not all messages need be in memory. When a shard has too many, new ones are
// left on disk (the outbox has spilled), and are read from there, in order, when
// those in memory have become few. So it begins, too, after a start.

const (
	// outboxMessages and outboxBytes bound the messages of a shard in memory.
	outboxMessages = 1024
	outboxBytes    = 4 << 20
	// outboxLow is the number of messages in memory at which more are read.
	outboxLow = 64
)

// outbox is the messages of one shard that are on their way.
type outbox struct {
	shard *shard

	mu    sync.Mutex
	lanes map[laneKey]*lane
	// known are the messages in memory and those whose removal is not durable, by
	// number: a page read from disk may contain them.
	known map[int64]struct{}
	// count and bytes are of the messages in the lanes.
	count, bytes int
	// While spilled, every message with a number above cursor is on disk only,
	// unless it is known, and every other one is known or gone.
	spilled bool
	cursor  int64
	// missed is set when a message is left on disk.
	missed bool
	// delivered are the numbers of messages whose records are to be removed.
	delivered []int64
	noticed   bool // the shard is in outboxes.dirty
}

// laneKey names the way from one entity to another.
type laneKey struct{ from, to entity.Key }

// lane is the messages from one entity to another, the oldest first. It is with
// a worker, in flight, or waiting to be tried again, and never two of these.
type lane struct {
	outbox   *outbox
	key      laneKey
	messages []message
	retry    time.Duration
}

type message struct {
	number int64
	body   []byte
}

func (o *outbox) init(s *shard) {
	o.shard = s
	o.lanes = make(map[laneKey]*lane)
	o.known = make(map[int64]struct{})
	o.spilled = true // everything is on disk
}

// publish takes over the messages of a durable step.
func (o *outbox) publish(from entity.Key, messages []entity.Message, numbers []int64) {
	// Taken before the lock: everything up to it has been published.
	complete := o.shard.numbers.complete()
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range messages {
		if !o.spilled && (o.count >= outboxMessages || o.bytes >= outboxBytes) {
			o.spilled, o.cursor = true, complete
		}
		if o.spilled {
			o.missed = true
			continue
		}
		o.add(laneKey{from, messages[i].To}, message{numbers[i], messages[i].Body})
	}
	o.noticeIfLow()
}

// add puts a message at the end of its lane. o.mu is held.
func (o *outbox) add(key laneKey, m message) {
	if _, ok := o.known[m.number]; ok {
		return
	}
	o.known[m.number] = struct{}{}
	o.count++
	o.bytes += len(m.body)
	l := o.lanes[key]
	if l != nil {
		l.messages = append(l.messages, m)
		return
	}
	l = &lane{outbox: o, key: key, messages: []message{m}}
	o.lanes[key] = l
	o.shard.rt.workers.push(work{lane: l})
}

// noticeIfLow has messages read from disk if few are left in memory. o.mu is held.
func (o *outbox) noticeIfLow() {
	if o.spilled && o.count <= outboxLow {
		o.notice()
	}
}

// notice has the outboxes' goroutine look at the shard. o.mu is held.
func (o *outbox) notice() {
	if !o.noticed {
		o.noticed = true
		o.shard.rt.outboxes.enqueue(o.shard)
	}
}

// deliver is what a worker does with a lane: it runs the receiver's step on the
// first message.
func (l *lane) deliver() {
	o := l.outbox
	r := o.shard.rt
	o.mu.Lock()
	m := l.messages[0]
	o.mu.Unlock()
	u, err := r.begin(r.ctx, l.key.to)
	if err != nil {
		l.delivered(err)
		return
	}
	u.stepFn = func(step *entity.Step, e entity.Entity) error { return e.Receive(step, l.key.from, m.body) }
	u.after = l.delivered
	_ = u.run() // reports to after
}

// delivered is called when the receiver's step is durable, or has failed.
func (l *lane) delivered(err error) {
	o := l.outbox
	r := o.shard.rt
	if err != nil {
		if r.isClosing() {
			return
		}
		if r.Failed() == nil {
			r.log.Warn("A message could not be delivered; it is tried again", "from", l.key.from.String(), "to", l.key.to.String(), "error", err)
		}
		l.retry = nextRetry(l.retry)
		r.timers.retryLane(l, l.retry)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	l.retry = 0
	m := l.messages[0]
	l.messages[0] = message{}
	l.messages = l.messages[1:]
	o.count--
	o.bytes -= len(m.body)
	o.delivered = append(o.delivered, m.number)
	o.notice()
	if len(l.messages) == 0 {
		delete(o.lanes, l.key)
		return
	}
	r.workers.push(work{lane: l})
}

// takeRemovals puts the removal of delivered messages in the batch and returns
// their numbers.
func (o *outbox) takeRemovals(batch *storage.Batch) []int64 {
	o.mu.Lock()
	numbers := o.delivered
	o.delivered = nil
	o.mu.Unlock()
	batch.Grow(len(numbers))
	for _, number := range numbers {
		batch.Delete(appendOutboxKey(make([]byte, 0, 9), number))
	}
	return numbers
}

// load reads messages from disk until enough are in memory.
func (o *outbox) load(ctx context.Context) error {
	s := o.shard
	r := s.rt
	for {
		o.mu.Lock()
		if !o.spilled || o.count > outboxLow {
			o.mu.Unlock()
			return nil
		}
		after := o.cursor
		o.missed = false
		o.mu.Unlock()

		// As in ReadTasks: what has a number by now is waited for.
		bound := s.numbers.last.Load()
		if err := s.numbers.wait(ctx, bound); err != nil {
			return err
		}
		type found struct {
			key laneKey
			message
		}
		var page []found
		bytes, more := 0, false
		bounds := storage.Range{Start: appendOutboxKey(nil, after+1), End: appendOutboxKey(nil, bound+1)}
		through := bound
		err := r.store.Scan(ctx, s.id, bounds, func(key, value []byte) bool {
			number, _, err := entity.DecodeInt(key[1:])
			if err != nil {
				r.log.Error("A message's key cannot be decoded; the message is skipped", "shard", s.id, "key", key, "error", err)
				return true
			}
			from, to, body, err := decodeMessage(value)
			if err != nil {
				r.log.Error("A message cannot be decoded; it is skipped", "shard", s.id, "number", number, "error", err)
				return true
			}
			page = append(page, found{laneKey{from, to}, message{number, body}})
			bytes += len(body)
			if len(page) >= outboxMessages/2 || bytes >= outboxBytes/2 {
				more, through = true, number
			}
			return !more
		})
		if err != nil {
			return err
		}
		o.mu.Lock()
		for _, m := range page {
			o.add(m.key, m.message)
		}
		o.cursor = max(o.cursor, through)
		if !more && !o.missed {
			// Everything up to bound was read, and nothing has been left on disk since
			// before bound was taken.
			o.spilled = false
		}
		o.mu.Unlock()
	}
}

// outboxes is the goroutine that reads the messages of all shards and removes
// those that have been delivered.
type outboxes struct {
	rt   *Runtime
	wake chan struct{} // of capacity 1

	mu    sync.Mutex
	dirty []*shard
}

func (b *outboxes) init(r *Runtime) {
	b.rt = r
	b.wake = make(chan struct{}, 1)
}

// notify has the goroutine look at the shard.
func (b *outboxes) notify(s *shard) {
	s.outbox.mu.Lock()
	defer s.outbox.mu.Unlock()
	s.outbox.notice()
}

func (b *outboxes) enqueue(s *shard) {
	b.mu.Lock()
	b.dirty = append(b.dirty, s)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

func (b *outboxes) run() {
	for {
		select {
		case <-b.wake:
		case <-b.rt.ctx.Done():
			return
		}
		b.mu.Lock()
		dirty := b.dirty
		b.dirty = nil
		b.mu.Unlock()
		var failed []*shard
		for _, s := range dirty {
			s.outbox.mu.Lock()
			s.outbox.noticed = false
			s.outbox.mu.Unlock()
			if s.failure.Load() != nil {
				continue
			}
			b.remove(s)
			if err := s.outbox.load(b.rt.ctx); err != nil && b.rt.ctx.Err() == nil {
				b.rt.log.Error("Reading the outbox has failed; it is tried again", "shard", s.id, "error", err)
				failed = append(failed, s)
			}
		}
		if len(failed) == 0 {
			continue
		}
		select {
		case <-time.After(time.Second):
		case <-b.rt.ctx.Done():
			return
		}
		for _, s := range failed {
			b.notify(s)
		}
	}
}

// remove removes the records of the shard's delivered messages.
func (b *outboxes) remove(s *shard) {
	batch := &storage.Batch{}
	numbers := s.outbox.takeRemovals(batch)
	if batch.Empty() {
		return
	}
	s.submit(batch, 0, storage.Lazy, func(err error) {
		if err != nil {
			s.fail(err)
			return
		}
		o := &s.outbox
		o.mu.Lock()
		defer o.mu.Unlock()
		for _, number := range numbers {
			delete(o.known, number)
		}
	})
}
