package runtime

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

// The outbox carries messages between entities of whatever kinds. A message is a record in the
// sender's shard, written with the step that sends it. When the step is durable
// the message joins the lane from its sender to its receiver; a lane delivers
// one message at a time, in order. When the receiver's step is durable, the
// record is removed, without hurry: if the removal is lost, the message is
// delivered again.
//
// Not all messages need be in memory. When a shard has too many, new ones are
// left on disk (the outbox has spilled), and are read from there, in order, when
// those in memory have become few. So it begins, too, after a start.
//
// A lane that comes to a message this build does not know (there is no machine for
// the receiver's kind, or its Receive says ErrUnknownMessage) is stopped until the
// process ends: the message and all that follow it on the lane are kept, on disk
// only, so that a build that knows them finds them in order. So is a record that
// cannot be decoded; nobody can say which lane it belongs to, so it stops none.

const (
	// outboxMessages and outboxBytes bound the messages of a shard in memory.
	outboxMessages = 1024
	outboxBytes    = 4 << 20
	// outboxLow is the number of messages in memory at which more are read.
	outboxLow = 64
	// stoppedLanes is how many lanes of a shard are stopped one by one. If there are
	// more, all lanes between the same two kinds are stopped.
	stoppedLanes = 1 << 16
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

	// stopped are the hashes of the lanes that are stopped, stoppedKinds the kinds
	// between which all are. Should two lanes have the same hash, one is stopped for
	// no reason, which loses nothing either.
	stopped      map[uint64]struct{}
	stoppedKinds map[[2]entity.Kind]struct{}
	// kept is the number of messages that are kept on disk.
	kept int
	// keptKnown are those of them that are known, as a page may contain them yet.
	keptKnown []int64
}

// stoppedSeed is of the hashes of lanes.
var stoppedSeed = maphash.MakeSeed()

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
	o.stopped = make(map[uint64]struct{})
	o.stoppedKinds = make(map[[2]entity.Kind]struct{})
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
		o.add(laneKey{from, messages[i].To}, message{numbers[i], messages[i].Body}, complete)
	}
	o.noticeIfLow()
}

// add puts a message at the end of its lane. complete is as in keep. o.mu is held.
func (o *outbox) add(key laneKey, m message, complete int64) {
	if _, ok := o.known[m.number]; ok {
		return
	}
	if o.isStopped(key) {
		o.keep(m.number, complete)
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

// isStopped reports whether the messages of the lane are kept. o.mu is held.
func (o *outbox) isStopped(key laneKey) bool {
	if len(o.stopped) == 0 {
		return false
	}
	if _, ok := o.stopped[maphash.Comparable(stoppedSeed, key)]; ok {
		return true
	}
	_, ok := o.stoppedKinds[[2]entity.Kind{key.from.Kind, key.to.Kind}]
	return ok
}

// keep leaves a message to the disk. All messages up to complete, and no others that
// may be on a page, have been published. o.mu is held.
func (o *outbox) keep(number, complete int64) {
	o.kept++
	o.known[number] = struct{}{}
	o.keptKnown = append(o.keptKnown, number)
	if !o.spilled {
		o.forgetKept(complete)
	}
}

// forgetKept forgets the messages that are kept and that no page will contain: those
// up to the cursor, or to where one would begin. o.mu is held.
func (o *outbox) forgetKept(through int64) {
	left := o.keptKnown[:0]
	for _, number := range o.keptKnown {
		if number <= through {
			delete(o.known, number)
		} else {
			left = append(left, number)
		}
	}
	o.keptKnown = left
}

// deliver is what a worker does with a lane: it runs the receiver's step on the
// first message.
func (l *lane) deliver() {
	o := l.outbox
	r := o.shard.rt
	if o.shard.over.Load() != nil {
		return
	}
	if r.machines[l.key.to.Kind] == nil {
		l.stop(errNoMachine(l.key.to))
		return
	}
	o.mu.Lock()
	if len(l.messages) == 0 { // the shard is over
		o.mu.Unlock()
		return
	}
	m := l.messages[0]
	o.mu.Unlock()
	if r.remote != nil && !r.Holds(l.key.to) {
		r.remote.Deliver(r.ctx, l.key.from, l.key.to, m.body, l.delivered)
		return
	}
	c, err := r.begin(r.ctx, l.key.to)
	if err != nil {
		l.delivered(err)
		return
	}
	c.stepFn = func(step *entity.Step, e entity.Entity) error { return e.Receive(step, l.key.from, m.body) }
	c.ticket.after = l.delivered
	_ = c.run() // reports to after
}

// Receive has the receiver, which must be held here, receive a message, and
// returns when that is durable: it is what Remote.Deliver of another process comes to. The error is entity.ErrUnknownMessage if this build does not know the message.
func (r *Runtime) Receive(ctx context.Context, from, to entity.Key, body []byte) error {
	if r.machines[to.Kind] == nil {
		return fmt.Errorf("%w: %w", entity.ErrUnknownMessage, errNoMachine(to))
	}
	return r.Step(ctx, to, func(step *entity.Step, e entity.Entity) error { return e.Receive(step, from, body) })
}

// delivered is called when the receiver's step is durable, or has failed.
func (l *lane) delivered(err error) {
	o := l.outbox
	r := o.shard.rt
	switch {
	case err == nil:
		l.advance()
	case r.isClosing(), o.shard.over.Load() != nil:
	case errors.Is(err, entity.ErrUnknownMessage):
		l.stop(err)
	default:
		r.log.Warn("A message could not be delivered; it is tried again", "from", l.key.from, "to", l.key.to, "error", err)
		l.retry = nextRetry(l.retry)
		r.timers.retryLane(l, l.retry)
	}
}

// advance goes on to the next message.
func (l *lane) advance() {
	o := l.outbox
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
	o.shard.rt.workers.push(work{lane: l})
}

// stop ends the lane at a message that this build does not know.
func (l *lane) stop(reason error) {
	o := l.outbox
	complete := o.shard.numbers.complete() // before the lock, as in publish
	o.mu.Lock()
	if len(o.stopped) < stoppedLanes {
		o.stopped[maphash.Comparable(stoppedSeed, l.key)] = struct{}{}
	} else {
		o.stoppedKinds[[2]entity.Kind{l.key.from.Kind, l.key.to.Kind}] = struct{}{}
	}
	delete(o.lanes, l.key)
	first := l.messages[0].number
	for _, m := range l.messages {
		o.count--
		o.bytes -= len(m.body)
		o.keep(m.number, complete)
	}
	l.messages = nil
	o.noticeIfLow()
	o.mu.Unlock()
	o.shard.rt.log.Error("A message is not known to this version of the server; it is kept, and so is what follows it from the same sender. "+
		"Start a version that knows it, most likely a later one that has run on this store before: it will be delivered then",
		"from", l.key.from, "to", l.key.to, "shard", o.shard.id, "number", first, "error", reason)
}

// Stuck is the number of messages that are kept on disk because this build does not
// know them or cannot decode them, or because they follow such a one. The log says
// which; a build that knows them delivers them. It is not complete before the
// outboxes have been read after a start.
func (r *Runtime) Stuck() int {
	stuck := 0
	for s := range r.held() {
		s.outbox.mu.Lock()
		stuck += s.outbox.kept
		s.outbox.mu.Unlock()
	}
	return stuck
}

// drop forgets the messages of a shard that is over.
func (o *outbox) drop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.lanes)
	clear(o.known)
	o.delivered, o.kept = nil, 0
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
	for {
		o.mu.Lock()
		if !o.spilled || o.count > outboxLow {
			o.mu.Unlock()
			return nil
		}
		after := o.cursor
		o.missed = false
		o.mu.Unlock()

		page, err := o.readPage(ctx, after)
		if err != nil {
			return err
		}
		o.mu.Lock()
		for _, m := range page.messages {
			o.add(m.key, m.message, page.through)
		}
		o.kept += page.broken
		o.cursor = max(o.cursor, page.through)
		o.forgetKept(o.cursor)
		if !page.more && !o.missed {
			// Everything with a number given before the page was read is on it or known,
			// and nothing has been left on disk since.
			o.spilled = false
		}
		o.mu.Unlock()
	}
}

// outboxPage is messages read from disk.
type outboxPage struct {
	messages []storedMessage
	bytes    int
	// through is the number up to which all messages are on the page, or were on an
	// earlier one; more is set if there may be others.
	through int64
	more    bool
	// broken is the number of records that could not be decoded.
	broken int
}

type storedMessage struct {
	key laneKey
	message
}

// readPage reads the messages with numbers above after.
func (o *outbox) readPage(ctx context.Context, after int64) (page outboxPage, err error) {
	s := o.shard
	// As in ReadTasks: what has a number by now is waited for.
	bound := s.numbers.last.Load()
	if err := s.numbers.wait(ctx, bound); err != nil {
		return page, err
	}
	page.through = bound
	bounds := storage.Range{Start: appendOutboxKey(nil, after+1), End: appendOutboxKey(nil, bound+1)}
	err = s.rt.store.Scan(ctx, s.id, bounds, func(key, value []byte) bool {
		number, keyErr := decodeOutboxKey(key)
		from, to, body, err := decodeMessage(value)
		if err = errors.Join(keyErr, err); err != nil {
			page.broken++
			s.rt.log.Error("The record of a message cannot be decoded; it is kept and passed over. Check the store, and restore it from a backup if it is damaged",
				"shard", s.id, "key", fmt.Sprintf("%x", key), "error", err)
			return true
		}
		page.messages = append(page.messages, storedMessage{laneKey{from, to}, message{number, body}})
		page.bytes += len(body)
		if len(page.messages) >= outboxMessages/2 || page.bytes >= outboxBytes/2 {
			page.more, page.through = true, number
		}
		return !page.more
	})
	return page, err
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
			if s.over.Load() != nil {
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
