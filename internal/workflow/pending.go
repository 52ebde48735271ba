package workflow

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
)

// family is one kind of what is pending in a run: its activities, its timers, the
// events that wait for the end of a workflow task. Each has records of its own,
// which begin with its letter. Everything that is done to all kinds alike (load,
// write, drop, count, compare) goes over the list in families.go.
type family interface {
	// letter begins the keys of the family's records. No two families, and nothing
	// else of a run, have the same; see keys.go.
	letter() byte
	// load takes up one record, whose key goes on with name.
	load(r *Run, name, value []byte) error
	// changed reports whether there is something to flush.
	changed() bool
	// flush notes the records of what has changed.
	flush(r *Run, step *entity.Step)
	// drop forgets what a closed run has no use for. The next flush removes the
	// records.
	drop(r *Run)
	// size is about how many bytes the family takes in memory.
	size() int
	// records visits what the family's records are to hold, in no particular order.
	records(visit func(name []byte, record proto.Message))
}

// Families may do more:

// expiring is a family whose items need attention at some time. It keeps the
// deadline of each in Run.deadlines.
type expiring interface {
	family
	// fire does what the deadline of the item asks for, and reports whether the
	// workflow has to learn of it. It moves the deadline or takes it away.
	fire(r *Run, step *entity.Step, key int64) (news bool)
}

// bounded is a family of which a run may have so many items and no more.
type bounded interface {
	family
	len() int
	// bound is how many, and how a command that asks for more fails.
	bound(limits *Limits) bound
}

// few is how many records are removed one by one. More are removed by their
// prefix, which costs the store a range tombstone, and each later read of the store some
// time until that is out of memory.
const few = 64

// pendingItems holds the items of a family, each of them one record, and which of them
// have changed. The zero value holds none and costs nothing.
type pendingItems[K pendingKey, M any, P record[M]] struct {
	byKey map[K]P // nil before the first
	// dirty are the keys of items that were added, changed or removed since the
	// last flush, possibly more than once.
	dirty []K
	// dropped: the records are removed altogether before dirty is looked at.
	dropped bool
}

// pendingKey is what items go by: the id of the event that made them, or a name.
type pendingKey interface{ ~int64 | ~string }

// record is a protobuf message of type M.
type record[M any] interface {
	*M
	proto.Message
}

func (p *pendingItems[K, M, P]) len() int { return len(p.byKey) }

// get returns the item, nil if there is none.
func (p *pendingItems[K, M, P]) get(key K) P { return p.byKey[key] }

// keys are the keys of all items, in order.
func (p *pendingItems[K, M, P]) keys() []K {
	if len(p.byKey) == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(p.byKey))
}

// keep holds the item without marking it as changed: it comes from its record.
func (p *pendingItems[K, M, P]) keep(key K, item P) {
	if p.byKey == nil {
		p.byKey = make(map[K]P)
	}
	p.byKey[key] = item
}

// put adds the item, or replaces the one there is.
func (p *pendingItems[K, M, P]) put(key K, item P) {
	p.keep(key, item)
	p.touch(key)
}

// touch has the item's record written, or removed if the item is gone.
func (p *pendingItems[K, M, P]) touch(key K) {
	if n := len(p.dirty); n > 0 && p.dirty[n-1] == key {
		return
	}
	p.dirty = append(p.dirty, key)
}

// remove forgets the item.
func (p *pendingItems[K, M, P]) remove(key K) {
	delete(p.byKey, key)
	p.touch(key)
}

func (p *pendingItems[K, M, P]) changed() bool { return p.dropped || len(p.dirty) > 0 }

// flushTo notes the records of what has changed, under the family's letter.
func (p *pendingItems[K, M, P]) flushTo(r *Run, step *entity.Step, letter byte) {
	if p.dropped {
		step.DeletePrefix(runKey(r.info.RunId, letter))
	}
	if len(p.dirty) > 1 {
		slices.SortFunc(p.dirty, cmp.Compare[K])
		p.dirty = slices.Compact(p.dirty)
	}
	for _, key := range p.dirty {
		name := appendPendingKey(runKey(r.info.RunId, letter), key)
		if item := p.byKey[key]; item != nil {
			step.Put(name, mustMarshal(item))
		} else {
			step.Delete(name)
		}
	}
	p.dirty, p.dropped = nil, false
}

// renew has the records of all items written, and none removed: there are none.
func (p *pendingItems[K, M, P]) renew() { p.dirty, p.dropped = p.keys(), false }

// dropAll forgets all items.
func (p *pendingItems[K, M, P]) dropAll() {
	if len(p.byKey) > few {
		p.dropped, p.dirty = true, nil
	} else {
		for key := range p.byKey {
			p.dirty = append(p.dirty, key)
		}
	}
	p.byKey = nil
}

func (p *pendingItems[K, M, P]) records(visit func(name []byte, record proto.Message)) {
	for key, item := range p.byKey {
		visit(appendPendingKey(nil, key), item)
	}
}

func appendPendingKey[K pendingKey](dst []byte, key K) []byte {
	switch key := any(key).(type) {
	case int64:
		return entity.AppendInt(dst, key)
	case string:
		return append(dst, key...)
	}
	panic(fmt.Sprintf("workflow: a pending item has a key of type %T", key))
}

// decodeRecord decodes the record of a pending item.
func decodeRecord[M any, P record[M]](value []byte) (P, error) {
	item := P(new(M))
	if err := proto.Unmarshal(value, item); err != nil {
		return nil, err
	}
	return item, nil
}

// pendingItemBytes is about how much memory a pending item takes.
const pendingItemBytes = 768

// itemDeadline is the earliest time at which a pending item needs attention, the
// zero time if none ever does.
func (r *Run) itemDeadline() time.Time {
	first, ok := r.deadlines.first()
	if !ok {
		return time.Time{}
	}
	return time.Unix(0, first.at).UTC()
}

// fireItems does everything that is due for pending items at step.Now, in the
// order in which it became due: timers fire, attempts of activities time out, and
// retries whose backoff is over are dispatched. It asks for a workflow task if the
// workflow has to learn of any of it.
func (r *Run) fireItems(step *entity.Step) {
	if r.closed() {
		return
	}
	for now := step.Now.UnixNano(); ; {
		first, ok := r.deadlines.first()
		if !ok || first.at > now {
			return
		}
		f, _ := r.family(first.family).(expiring)
		if f.fire(r, step, first.key) {
			r.wantWorkflowTask()
		}
	}
}

// dropItems forgets what nothing will become of, because the run has closed.
func (r *Run) dropItems() {
	for _, f := range r.list() {
		f.drop(r)
	}
	r.deadlines = deadlineHeap{}
}
