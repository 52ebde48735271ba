package runtime

import (
	"sync"
	"sync/atomic"

	"github.com/perdure/perdure/internal/entity"
)

// cache holds the entities in memory. It is divided into stripes by the hash of
// the key, each with a lock, a map and a list in order of last use of its own;
// the limit is on the sum of all stripes. Finished entities, which are there for a while in case somebody
// looks at them, may take a finishedShare of it, and are the first to go. Those that are to stay, because many others ask them, have a limit of their own.
type cache struct {
	limit int64
	bytes atomic.Int64
	// finished are those of the bytes that are on the lists of finished entities.
	finished atomic.Int64
	// kept are the bytes of entities that are to stay (entity.Keeper), which are none of bytes.
	kept    atomic.Int64
	open    atomic.Int64  // stripes not drained yet, once closed
	hand    atomic.Uint64 // the stripe evicted from last
	stripes [64]stripe
	drained chan struct{}
}

// stripe is one part of the cache.
type stripe struct {
	mu      sync.Mutex
	entries map[entity.Key]*entry
	// idle are the entries that may be evicted, the one least recently used last.
	// Those that are finished have a list of their own, and so have those that are to stay.
	idle, finished, kept entryList
	// references is the number of references to entries of the stripe.
	references int
	closed     bool
	// hits and misses count the lookups of entities that were in memory, and that had to
	// be loaded.
	hits, misses uint64
	// broken are those of the entities that were pinned when a step broke and their state was
	// dropped. There are hardly ever any.
	broken map[entity.Key]struct{}
	_      [64]byte // keeps neighbours off each other's cache line
}

// entry is the place of one entity in the cache. It is there while it is
// referenced or holds a state worth keeping.
type entry struct {
	key   entity.Key
	shard *shard
	// prefix is the entity's key in its shard's key space: what all its records
	// begin with. prefix[1:] is the encoded entity key.
	prefix []byte
	stripe *stripe

	// mu is the entity's lock; it guards state.
	mu    sync.Mutex
	state entity.Entity // nil: not loaded
	// size, pinned and finished are what the state last said. Written with mu held by a
	// holder of a reference, read when there is none.
	size             int64
	pinned, finished bool
	// kept: it is of a kind that is to stay.
	kept bool

	// order guards what is in flight and who waits for it.
	order sync.Mutex
	// last is the entity's last submitted batch if it is not done, lastSynced the
	// last that is not lazy.
	last, lastSynced *flight
	waiters          []*waiter

	// wake is the timer of the last wake that a step has asked for. Guarded by the lock of the timers.
	wake *timer

	// Guarded by the stripe's lock.
	references int
	accounted  int64 // size as counted in cache.bytes
	list       *entryList
	prev, next *entry
}

// entryOverhead is what an entry takes apart from the entity, in bytes.
const entryOverhead = 400

// finishedShare is which part of the limit finished entities may take: one in so many.
const finishedShare = 4

// keptShare is how many times the limit those that are to stay may take, beside the others.
const keptShare = 2

func (c *cache) init(limit int64) {
	if limit <= 0 {
		limit = DefaultCacheBytes
	}
	c.limit = limit
	c.drained = make(chan struct{})
	for i := range c.stripes {
		c.stripes[i].entries = make(map[entity.Key]*entry)
	}
}

// acquire returns a reference to the entry of key, which is made if need be.
func (r *Runtime) acquire(key entity.Key) (*entry, error) {
	hash := hashKey(key)
	st := &r.cache.stripes[hash%uint64(len(r.cache.stripes))]
	st.mu.Lock()
	if st.closed {
		st.mu.Unlock()
		return nil, errClosing
	}
	e := st.entries[key]
	if e == nil {
		id, s := r.locate(hash)
		if s == nil {
			st.mu.Unlock()
			return nil, errNotHeld(id)
		}
		// No entry of a tenure that is over is made: what follows it finds none.
		if err := s.refusal(); err != nil {
			st.mu.Unlock()
			return nil, err
		}
		e = &entry{key: key, stripe: st, shard: s}
		_, e.kept = r.machines[key.Kind].(entity.Keeper)
		e.prefix = key.Encode(append(make([]byte, 0, len(key.Namespace)+len(key.ID)+6), spaceRecord))
		st.entries[key] = e
		st.misses++
	} else {
		st.hits++
		r.cache.unlist(e)
	}
	e.references++
	st.references++
	st.mu.Unlock()
	return e, nil
}

// release gives a reference back. An entry that is not referenced any more may
// be evicted, unless its entity is pinned.
func (c *cache) release(e *entry) {
	st := e.stripe
	st.mu.Lock()
	e.references--
	st.references--
	if e.references == 0 {
		size := int64(0)
		keep := e.state != nil && e.shard.over.Load() == nil
		if keep {
			size = e.size + entryOverhead + int64(len(e.prefix))
		} else {
			st.forget(e)
		}
		c.account(e, size)
		if keep && !e.pinned {
			c.enlist(e)
		}
	}
	if st.closed && st.references == 0 {
		c.stripeDrained()
	}
	st.mu.Unlock()
	if c.full() {
		c.shrink(e)
	}
}

func (c *cache) full() bool {
	return c.bytes.Load() > c.limit || c.finished.Load() > c.limit/finishedShare || c.kept.Load() > c.limit*keptShare
}

// account notes that the entry takes so many bytes. The stripe's lock is held.
func (c *cache) account(e *entry, size int64) {
	if e.kept {
		c.kept.Add(size - e.accounted)
	} else {
		c.bytes.Add(size - e.accounted)
	}
	e.accounted = size
}

// enlist puts an entry on the list of those that may be evicted. The stripe's lock is held, as for unlist.
func (c *cache) enlist(e *entry) {
	switch {
	case e.kept:
		e.stripe.kept.pushFront(e)
	case e.finished:
		e.stripe.finished.pushFront(e)
		c.finished.Add(e.accounted)
	default:
		e.stripe.idle.pushFront(e)
	}
}

// unlist takes the entry off the list that it is on, if it is on one.
func (c *cache) unlist(e *entry) {
	switch e.list {
	case nil:
		return
	case &e.stripe.finished:
		c.finished.Add(-e.accounted)
	}
	e.list.remove(e)
}

// shrink evicts entries until the cache is within its limit, from one stripe
// after the other, which comes near enough to the order of last use over all.
// The entry used last is kept.
func (c *cache) shrink(latest *entry) {
	idle := 0 // stripes in a row that had nothing to evict
	for c.full() && idle < len(c.stripes) {
		st := &c.stripes[c.hand.Add(1)%uint64(len(c.stripes))]
		st.mu.Lock()
		if c.evict(st, latest) {
			idle = 0
		} else {
			idle++
		}
		st.mu.Unlock()
	}
}

// evict removes the stripe's entry that was used least recently, of those that are finished if there are any.
func (c *cache) evict(st *stripe, latest *entry) bool {
	e := st.finished.last
	if (e == nil || e == latest) && c.bytes.Load() > c.limit {
		e = st.idle.last
	}
	if (e == nil || e == latest) && c.kept.Load() > c.limit*keptShare {
		e = st.kept.last
	}
	if e == nil || e == latest {
		return false
	}
	c.drop(e)
	return true
}

// drop takes an entry out of the cache. One that is referenced stays with those who
// have it, and the next to acquire its key gets another. The stripe's lock is held.
func (c *cache) drop(e *entry) {
	c.unlist(e)
	e.stripe.forget(e)
	c.account(e, 0)
}

// forget takes the entry off the map, if it has not been replaced there.
func (st *stripe) forget(e *entry) {
	if st.entries[e.key] == e {
		delete(st.entries, e.key)
	}
}

// measure notes what the cache has to know of the entity. Its lock is held.
func (e *entry) measure() {
	e.size, e.pinned = int64(e.state.Size()), e.state.Pinned()
	finisher, ok := e.state.(entity.Finisher)
	e.finished = ok && finisher.Finished()
}

// mayBePinned reports whether the entity is pinned, as far as can be told without its
// lock: while somebody has it, it may be.
func (c *cache) mayBePinned(key entity.Key) bool {
	st := &c.stripes[hashKey(key)%uint64(len(c.stripes))]
	st.mu.Lock()
	defer st.mu.Unlock()
	if _, broken := st.broken[key]; broken {
		return true
	}
	e := st.entries[key]
	return e != nil && (e.references > 0 || e.pinned)
}

// discard drops the state of an entity that a broken step has left. Its lock is held.
func (e *entry) discard() {
	e.state = nil
	if !e.pinned {
		return
	}
	e.stripe.mu.Lock()
	defer e.stripe.mu.Unlock()
	if e.stripe.broken == nil {
		e.stripe.broken = make(map[entity.Key]struct{})
	}
	e.stripe.broken[e.key] = struct{}{}
}

// entriesOf are the entries of a shard, each with a reference.
func (c *cache) entriesOf(s *shard) (entries []*entry) {
	for i := range c.stripes {
		st := &c.stripes[i]
		st.mu.Lock()
		for _, e := range st.entries {
			if e.shard != s {
				continue
			}
			c.unlist(e)
			e.references++
			st.references++
			entries = append(entries, e)
		}
		st.mu.Unlock()
	}
	return entries
}

// dropShard removes the entries of a shard that is over, and has those who wait for
// its entities find out.
func (c *cache) dropShard(s *shard) {
	for _, e := range c.entriesOf(s) {
		e.order.Lock()
		e.wakeWaiters()
		e.order.Unlock()
		e.stripe.mu.Lock()
		c.drop(e)
		e.stripe.mu.Unlock()
		c.release(e)
	}
}

// close makes acquire fail; the channel is closed when no reference is left.
func (c *cache) close() <-chan struct{} {
	c.open.Store(int64(len(c.stripes)))
	for i := range c.stripes {
		st := &c.stripes[i]
		st.mu.Lock()
		st.closed = true
		if st.references == 0 {
			c.stripeDrained()
		}
		st.mu.Unlock()
	}
	return c.drained
}

// stripeDrained is called once for each stripe: a closed one gets no new
// references.
func (c *cache) stripeDrained() {
	if c.open.Add(-1) == 0 {
		close(c.drained)
	}
}

// entryList is a list of entries linked through themselves.
type entryList struct{ first, last *entry }

func (l *entryList) pushFront(e *entry) {
	e.list, e.prev, e.next = l, nil, l.first
	if l.first != nil {
		l.first.prev = e
	} else {
		l.last = e
	}
	l.first = e
}

func (l *entryList) remove(e *entry) {
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		l.first = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	} else {
		l.last = e.prev
	}
	e.list, e.prev, e.next = nil, nil, nil
}
