package runtime

import (
	"cmp"
	"container/heap"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/storage"
)

const (
	// timerWindow is how far ahead timers are held in memory. Those that are
	// further away are on disk only until they come near.
	timerWindow = 5 * time.Minute
	// timerLead is how long before the first of them is due they are read.
	timerLead = time.Minute
	// timerLimit bounds the durable timers in memory. If there are more within
	// the window, the window gets shorter.
	timerLimit = 1 << 17
	// clockCheck is how long the timers sleep at most while there are any, unless the
	// options say otherwise: the clock may have been set forward, or the machine
	// suspended, meanwhile.
	clockCheck = time.Minute
	// An entity that fails to do what a timer is for, or a message, is tried again
	// after a time that doubles from firstRetry to lastRetry.
	firstRetry = 100 * time.Millisecond
	lastRetry  = time.Minute
)

// timers is everything that is due at some time: durable timers, wakes, and
// retries of the outbox. One goroutine sleeps until the first of them.
type timers struct {
	rt   *Runtime
	wake chan struct{} // of capacity 1: something earlier has come up

	mu   sync.Mutex
	heap timerHeap
	// durable are the durable timers before the horizon, by key: those in the heap
	// and those that have been taken off it and are being fired.
	durable map[string]*timer
	// fresh is the number of those that are not being retried.
	fresh int
	// horizon divides the durable timers: those before it are in memory; for the
	// rest, far is not after the first one.
	horizon timerPosition
	far     int64
	// sleepsUntil is when the goroutine wakes of its own accord.
	sleepsUntil int64
	// crowded is set while timers ought to be read but too many are in memory.
	crowded bool
	limit   int
}

// timerPosition is a place in the order of durable timers, which is that of their
// keys.
type timerPosition struct {
	at  int64
	key string // may be empty
}

func (p timerPosition) after(at int64, key []byte) bool {
	return at < p.at || at == p.at && string(key) < p.key
}

// timer is something that is due at some time. A server that is busy has tens of thousands of them: it is small.
type timer struct {
	at    int64
	shard *shard
	// key, of a durable timer, is its key; of a wake, the encoded key of the entity.
	key string
	// lane is the one of the outbox that is to be tried again.
	lane     *lane
	position int32 // in the heap, -1 if it is not there
	kind     timerKind
	// failures is how often it has failed, as far as the wait after that depends on it.
	failures uint8
}

type timerKind uint8

const (
	durableTimer timerKind = iota
	wakeUp
	// wakePinned is a wake that is for nothing unless the entity is pinned.
	wakePinned
	laneRetry
)

// entity is what a timer that is not the retry of a lane is for.
func (t *timer) entity() entity.Key {
	var target entity.Key
	if t.kind == durableTimer {
		_, target, _ = decodeTimerKey([]byte(t.key))
	} else {
		target, _, _ = entity.DecodeKey([]byte(t.key)) // as publish has encoded it
	}
	return target
}

func (t *timers) init(r *Runtime) {
	t.rt = r
	t.wake = make(chan struct{}, 1)
	t.durable = make(map[string]*timer)
	t.limit = timerLimit
	// Everything is far, and has to be read at once.
	t.horizon, t.far = timerPosition{}, 0
	t.sleepsUntil = math.MaxInt64
}

// publish takes over the timers and wakes of a durable step.
func (t *timers) publish(e *entry, out *entity.Outputs) {
	var key [256]byte
	t.mu.Lock()
	defer t.mu.Unlock()
	if e.shard.over.Load() != nil {
		return // as in read
	}
	for i := range out.Timers {
		set := &out.Timers[i]
		at := timerNanos(set.At)
		k := appendTimerKey(key[:0], at, e.prefix[1:], set.Name)
		known := t.durable[string(k)]
		switch {
		case set.Clear && known != nil:
			t.forget(known)
			if known.position >= 0 {
				heap.Remove(&t.heap, int(known.position))
			}
		case !set.Clear && known == nil:
			t.addDurable(at, e.shard, k)
		}
	}
	if last := e.wake; out.Unwake && last != nil {
		e.wake = nil
		if last.position >= 0 {
			heap.Remove(&t.heap, int(last.position))
		}
	}
	for _, wake := range out.Wakes {
		kind := wakeUp
		if wake.Pinned {
			kind = wakePinned
		}
		e.wake = &timer{at: timerNanos(wake.At), shard: e.shard, key: string(e.prefix[1:]), kind: kind}
		t.push(e.wake)
	}
}

// addDurable takes a durable timer into memory if it is before the horizon and
// not there yet.
func (t *timers) addDurable(at int64, s *shard, key []byte) {
	if !t.horizon.after(at, key) {
		if at < t.far {
			t.far = at
			t.nudge(t.far - int64(timerLead))
		}
		return
	}
	if t.durable[string(key)] != nil {
		return
	}
	item := &timer{at: at, shard: s, key: string(key)}
	t.durable[item.key] = item
	t.fresh++
	t.push(item)
	if t.fresh > t.limit {
		t.shrink()
	}
}

// forget drops a durable timer that is not in the heap, or about to leave it.
func (t *timers) forget(item *timer) {
	delete(t.durable, item.key)
	if item.failures == 0 {
		t.fresh--
	}
	if t.crowded && !t.full() {
		t.nudge(math.MinInt64)
	}
}

// full reports whether no timers should be read from disk for the time being.
// Well below what shrink leaves, or reading and shrinking would take turns.
func (t *timers) full() bool { return t.fresh > t.limit/4 }

func (t *timers) push(item *timer) {
	heap.Push(&t.heap, item)
	t.nudge(item.at)
}

// nudge wakes the goroutine if it would sleep past the given time.
func (t *timers) nudge(at int64) {
	if at >= t.sleepsUntil {
		return
	}
	t.sleepsUntil = at
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// shrink moves the horizon so that about half of the durable timers in the heap
// are beyond it, and forgets those.
func (t *timers) shrink() {
	slices.SortFunc(t.heap, func(a, b *timer) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.key, b.key))
	})
	count := 0
	for _, item := range t.heap {
		if item.forgettable() {
			count++
		}
	}
	kept, seen := t.heap[:0], 0
	for _, item := range t.heap {
		if item.forgettable() {
			if seen++; seen == count/2+1 {
				t.horizon, t.far = timerPosition{item.at, item.key}, item.at
			}
			if seen > count/2 {
				delete(t.durable, item.key)
				t.fresh--
				continue
			}
		}
		item.position = int32(len(kept))
		kept = append(kept, item)
	}
	clear(t.heap[len(kept):])
	t.heap = kept // sorted, hence a heap
}

// dropShard forgets what is due in a shard that is over.
func (t *timers) dropShard(s *shard) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := t.heap[:0]
	for _, item := range t.heap {
		if item.shard != s {
			item.position = int32(len(kept))
			kept = append(kept, item)
		}
	}
	clear(t.heap[len(kept):])
	t.heap = kept
	heap.Init(&t.heap)
	for _, item := range t.durable {
		if item.shard == s {
			t.forget(item)
		}
	}
}

// forgettable reports whether the timer can be read from disk again. One that is
// being retried is not where its key says.
func (t *timer) forgettable() bool { return t.kind == durableTimer && t.failures == 0 }

// run fires what is due until the runtime is closed.
func (t *timers) run() {
	sleep := time.NewTimer(0)
	defer sleep.Stop()
	for {
		t.mu.Lock()
		now := t.rt.clock().UnixNano()
		for len(t.heap) > 0 && t.heap[0].at <= now {
			t.due(heap.Pop(&t.heap).(*timer), now)
		}
		refill := t.far < math.MaxInt64 && t.far-int64(timerLead) <= now
		t.crowded = refill && t.full()
		refill = refill && !t.crowded
		next := int64(math.MaxInt64)
		if len(t.heap) > 0 {
			next = t.heap[0].at
		}
		if t.far < math.MaxInt64 && !t.crowded {
			next = min(next, t.far-int64(timerLead))
		}
		t.sleepsUntil = next
		t.mu.Unlock()

		if refill {
			if err := t.refill(now); err == nil {
				continue
			} else if t.rt.ctx.Err() == nil {
				t.rt.log.Error("Reading timers has failed; it is tried again", "error", err)
			}
			next = min(next, now+int64(time.Second))
			next = max(next, now+int64(firstRetry))
		}
		if next < math.MaxInt64 {
			sleep.Reset(min(time.Duration(next-now), t.rt.clockCheck))
		} else {
			sleep.Stop()
		}
		select {
		case <-sleep.C:
		case <-t.wake:
		case <-t.rt.closing:
			return
		}
	}
}

// due has a worker do what the timer is for.
func (t *timers) due(item *timer, now int64) {
	if t.rt.observer != nil && item.failures == 0 && item.kind != laneRetry {
		t.rt.observer.TimerDue(time.Duration(now - item.at))
	}
	t.rt.workers.push(work{timer: item})
}

// refill moves the horizon to a window from now and reads the timers that come
// before it thereby.
func (t *timers) refill(now int64) (err error) {
	t.mu.Lock()
	from, to := t.horizon, now+int64(timerWindow)
	if to <= from.at { // the clock has been set back
		to = from.at + int64(timerWindow)
	}
	// First the horizon, then the reading: a timer that is set meanwhile is taken
	// into memory by one or the other.
	t.horizon, t.far = timerPosition{at: to}, math.MaxInt64
	t.mu.Unlock()

	for s := range t.rt.held() {
		far, err := t.read(t.rt.ctx, s, from, to)
		if err != nil {
			// Everything from the old horizon on has to be read again.
			t.mu.Lock()
			if t.horizon.at > from.at {
				t.horizon = from
			}
			t.far = min(t.far, from.at)
			t.mu.Unlock()
			return err
		}
		t.mu.Lock()
		t.far = min(t.far, far)
		t.mu.Unlock()
	}
	return nil
}

// readShard reads the timers before the horizon of a shard that has just been acquired. If
// that is not possible, the timers of all shards are read again.
func (t *timers) readShard(ctx context.Context, s *shard) {
	t.mu.Lock()
	to := t.horizon.at
	if t.horizon.key != "" {
		to++
	}
	t.mu.Unlock()
	far, err := t.read(ctx, s, timerPosition{}, to)
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.horizon, far = timerPosition{}, 0
	}
	if far < t.far {
		t.far = far
		t.nudge(far - int64(timerLead))
	}
}

// read takes the timers of a shard into memory from a position on, up to those that are due
// at to. It returns when the next one is due.
func (t *timers) read(ctx context.Context, s *shard, from timerPosition, to int64) (far int64, err error) {
	type found struct {
		at  int64
		key []byte
	}
	var near []found
	far = int64(math.MaxInt64)
	start := max(from.key, string(entity.AppendInt([]byte{spaceTimer}, from.at)))
	for more := true; more; {
		near, more = near[:0], false
		bounds := storage.Range{Start: []byte(start), End: []byte{spaceTimer + 1}}
		err = t.rt.store.Scan(ctx, s.id, bounds, func(key, _ []byte) bool {
			at, _, err := decodeTimerKey(key)
			if err != nil {
				t.rt.log.Error("The key of a timer cannot be decoded; it is kept and passed over. Check the store, and restore it from a backup if it is damaged",
					"shard", s.id, "key", fmt.Sprintf("%x", key), "error", err)
				return true
			}
			if at >= to {
				far = at
				return false
			}
			near = append(near, found{at, slices.Clone(key)})
			more = len(near) == 1024
			return !more
		})
		if err != nil {
			return 0, err
		}
		t.mu.Lock()
		if s.over.Load() != nil { // what is due in it has been dropped, or will be
			t.mu.Unlock()
			return far, nil
		}
		for i := range near {
			t.addDurable(near[i].at, s, near[i].key)
		}
		if more { // unless there were too many, and the horizon has come nearer
			last := &near[len(near)-1]
			more = t.horizon.after(last.at, last.key)
			start = string(last.key) + "\x00"
		}
		t.mu.Unlock()
	}
	return far, nil
}

// fire is what a worker does with a timer that is due.
func (t *timers) fire(item *timer) {
	if item.kind == laneRetry {
		item.lane.deliver()
		return
	}
	target := item.entity()
	if item.kind == wakePinned && !t.rt.cache.mayBePinned(target) {
		return
	}
	if t.rt.machines[target.Kind] == nil {
		t.leave(item)
		return
	}
	if item.kind == durableTimer {
		t.mu.Lock()
		current := t.durable[item.key] == item
		t.mu.Unlock()
		if !current {
			return // cleared
		}
		// The second time it may turn out that it was cleared while it was being
		// read from disk.
		if item.failures > 0 && t.gone(item) {
			t.mu.Lock()
			if t.durable[item.key] == item {
				t.forget(item)
			}
			t.mu.Unlock()
			return
		}
	}
	c, err := t.rt.begin(t.rt.ctx, target)
	if err != nil {
		t.fired(item, err)
		return
	}
	c.stepFn = func(step *entity.Step, e entity.Entity) error { return e.Fire(step) }
	c.ticket.after = func(err error) { t.fired(item, err) }
	_ = c.run() // reports to after
}

// leave leaves the timer of an entity that this build does not know to one that
// does, after a restart.
func (t *timers) leave(item *timer) {
	t.mu.Lock()
	if t.durable[item.key] == item {
		t.forget(item)
	}
	t.mu.Unlock()
	t.rt.log.Error("A timer is due for an entity that this version of the server does not know; it is kept. Start a version that knows it, "+
		"most likely a later one that has run on this store before: it will fire then", item.entity().Attr())
}

// gone reports whether the record of a durable timer is not there any more.
func (t *timers) gone(item *timer) bool {
	_, err := t.rt.store.Get(t.rt.ctx, item.shard.id, []byte(item.key))
	return errors.Is(err, storage.ErrNotFound)
}

// fired is called when the step of a timer is durable, or has failed. A durable
// timer that the step has not cleared, and a wake that failed, are fired again.
func (t *timers) fired(item *timer, err error) {
	if t.rt.isClosing() {
		return
	}
	if item.shard.over.Load() != nil {
		t.mu.Lock()
		if t.durable[item.key] == item {
			t.forget(item)
		}
		t.mu.Unlock()
		return
	}
	if err != nil {
		t.rt.log.Warn("An entity has failed to do what was due; it is tried again", item.entity().Attr(), "error", err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.durable[item.key] == item:
	case item.kind != durableTimer && err != nil:
	default:
		return
	}
	if item.kind == durableTimer && item.failures == 0 {
		t.fresh--
	}
	wait := firstRetry << item.failures
	if wait < lastRetry {
		item.failures++
	}
	item.at = t.rt.clock().UnixNano() + int64(min(wait, lastRetry))
	t.push(item)
}

func nextRetry(last time.Duration) time.Duration {
	return min(max(firstRetry, 2*last), lastRetry)
}

func (r *Runtime) isClosing() bool {
	select {
	case <-r.closing:
		return true
	default:
		return false
	}
}

// retryLane makes a lane of the outbox be tried again after the given time.
func (t *timers) retryLane(l *lane, after time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.push(&timer{at: t.rt.clock().UnixNano() + int64(after), shard: l.outbox.shard, lane: l, kind: laneRetry})
}

// timerHeap implements heap.Interface; the first to be due is the first.
type timerHeap []*timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].at < h[j].at }

func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].position, h[j].position = int32(i), int32(j)
}

func (h *timerHeap) Push(x any) {
	item := x.(*timer)
	item.position = int32(len(*h))
	*h = append(*h, item)
}

func (h *timerHeap) Pop() any {
	old := *h
	item := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	item.position = -1
	return item
}
