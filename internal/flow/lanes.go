package flow

import (
	"bytes"
	"container/heap"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/perdure/perdure/internal/entity"
	"github.com/perdure/perdure/internal/records"
)

// Waiting items are records: 'w', the priority, the fairness key, the time of the question, the id of the
// ticket. So the items of a lane, which are those with the same priority and fairness key, follow each
// other in their order.
const letterWaiting = 'w'

// lanePrefix begins the records of the items of a lane.
func lanePrefix(priority int32, fairnessKey string) []byte {
	return entity.AppendString([]byte{letterWaiting, byte(priority)}, fairnessKey)
}

func waitingKey(prefix []byte, asked time.Time, id string) []byte {
	return append(entity.AppendInt(slices.Clip(prefix), asked.UnixNano()), id...)
}

// decodeWaitingKey takes the key of a record apart.
func decodeWaitingKey(key []byte) (priority int32, fairnessKey, id string, err error) {
	if len(key) < 2 {
		return 0, "", "", fmt.Errorf("flow: record %q of a waiting item is too short", key)
	}
	priority = int32(key[1])
	fairnessKey, rest, err := entity.DecodeString(key[2:])
	if err != nil {
		return 0, "", "", fmt.Errorf("flow: record %q of a waiting item: %w", key, err)
	}
	_, rest, err = entity.DecodeInt(rest)
	if err != nil || priority < 1 || priority > entity.PriorityLevels {
		return 0, "", "", fmt.Errorf("flow: record %q of a waiting item is malformed", key)
	}
	return priority, fairnessKey, string(rest), nil
}

// waiter is an item that waits.
type waiter struct {
	key  []byte // of its record
	id   string // of its ticket
	item *records.FlowItem
	// stored: it has a record.
	stored bool
}

// weight is the share of its fairness key.
func (w *waiter) weight() float64 {
	if w.item.Weight <= 0 {
		return 1
	}
	return min(max(float64(w.item.Weight), 0.001), 1000)
}

// lane is the items that wait with a priority and a fairness key; it has at least one.
type lane struct {
	priority int32
	prefix   []byte
	// pass is when it is its turn, on a clock on which each item takes as long as its weight is small.
	pass float64
	// window is the first items, in order. If more is set, there are others on disk, all of which come after
	// those of the window.
	window []*waiter
	more   bool
	// late are items of the step in progress that come after the window, and so are for the disk.
	late  []*waiter
	index int // in its heap
	// reach is how many items were read when the window was last filled.
	reach int
}

// leastWindow is how many items of a lane are kept in memory while nothing is let in: there may be many thousands of
// gates, all of which are to stay in memory while they are asked. Each time the window is filled it may be twice as large, up to mostWindow; with many lanes
// fewer are read at once.
const (
	leastWindow = 4
	mostWindow  = 256
)

// windowBudget is about how many items of all lanes are kept in memory.
const windowBudget = 8192

// lanes are all items that wait at a gate.
type lanes struct {
	byPrefix map[string]*lane
	// turns has the lanes of each priority in the order of their turns, and clock the turn that was last taken.
	turns [entity.PriorityLevels + 1]turns
	clock [entity.PriorityLevels + 1]float64
	// inWindows is how many items are in memory.
	inWindows int
}

func (l *lanes) empty() bool { return len(l.byPrefix) == 0 }

// grow is how many items of a lane are to be read next.
func (l *lanes) grow(ln *lane) int {
	ln.reach = max(leastWindow, min(2*ln.reach, mostWindow, windowBudget/(len(l.byPrefix)+1)))
	return ln.reach
}

// has reports whether an item waits, by the key of its record. It reads the record only if look is set, and
// otherwise takes an item that is not in memory for one that is not there.
func (l *lanes) has(prefix, key []byte, reader func() entity.Reader, look bool) (bool, error) {
	lane := l.byPrefix[string(prefix)]
	if lane == nil {
		return false, nil
	}
	if _, found := find(lane.window, key); found {
		return true, nil
	}
	if !lane.more || !look || len(lane.window) > 0 && bytes.Compare(key, lane.window[0].key) < 0 {
		return false, nil
	}
	value, err := reader().Get(key)
	return value != nil, err
}

func find(window []*waiter, key []byte) (int, bool) {
	return slices.BinarySearchFunc(window, key, func(w *waiter, key []byte) int { return bytes.Compare(w.key, key) })
}

// add adds an item that does not wait yet.
func (l *lanes) add(priority int32, prefix []byte, w *waiter) {
	ln := l.byPrefix[string(prefix)]
	if ln == nil {
		ln = &lane{priority: priority, prefix: prefix, pass: l.clock[priority]}
		l.keep(ln)
	}
	i, _ := find(ln.window, w.key)
	switch {
	case i < len(ln.window) || !ln.more && len(ln.window) < leastWindow:
		ln.window = slices.Insert(ln.window, i, w)
		l.inWindows++
	default:
		ln.more = true
		ln.late = append(ln.late, w)
	}
	if most := 2 * max(leastWindow, ln.reach); len(ln.window) > most {
		// What is taken out of the window has a record already, or is given one at the end of the step.
		for _, last := range ln.window[most:] {
			if !last.stored {
				ln.late = append(ln.late, last)
			}
		}
		l.inWindows -= len(ln.window) - most
		ln.window, ln.more = slices.Delete(ln.window, most, len(ln.window)), true
	}
}

func (l *lanes) keep(ln *lane) {
	if l.byPrefix == nil {
		l.byPrefix = make(map[string]*lane, 1)
	}
	l.byPrefix[string(ln.prefix)] = ln
	heap.Push(&l.turns[ln.priority], ln)
}

// next takes out the item whose turn it is. There must be one.
func (l *lanes) next(reader func() entity.Reader) (*waiter, error) {
	for p := range l.turns {
		if len(l.turns[p]) == 0 {
			continue
		}
		ln := l.turns[p][0]
		w := ln.window[0]
		if err := l.take(ln, 0, reader); err != nil {
			return nil, err
		}
		l.clock[p] = ln.pass
		ln.pass += 1 / w.weight()
		if ln.index >= 0 {
			heap.Fix(&l.turns[p], ln.index)
		}
		return w, nil
	}
	return nil, fmt.Errorf("flow: no item waits")
}

// take takes an item out of the window of a lane, and drops the lane if that was the last.
func (l *lanes) take(ln *lane, i int, reader func() entity.Reader) error {
	last := ln.window[i]
	ln.window = slices.Delete(ln.window, i, i+1)
	l.inWindows--
	if len(ln.window) == 0 && ln.more {
		if err := l.refill(ln, last.key, reader); err != nil {
			return err
		}
	}
	if len(ln.window) == 0 {
		delete(l.byPrefix, string(ln.prefix))
		heap.Remove(&l.turns[ln.priority], ln.index)
	}
	return nil
}

// refill fills the window of a lane with those after the key.
func (l *lanes) refill(ln *lane, after []byte, reader func() entity.Reader) error {
	found, more, err := readWaiters(reader(), ln.prefix, append(slices.Clip(after), 0), l.grow(ln))
	if err != nil {
		return err
	}
	// What has come in this step has no record to be read yet.
	var late []*waiter
	for _, w := range ln.late {
		if bytes.Compare(w.key, after) <= 0 {
			continue
		}
		if more && bytes.Compare(w.key, found[len(found)-1].key) > 0 {
			late = append(late, w)
			continue
		}
		i, _ := find(found, w.key)
		found = slices.Insert(found, i, w)
	}
	ln.window, ln.more, ln.late = found, more, late
	l.inWindows += len(found)
	return nil
}

// withdraw takes out an item, and reports whether it waited. look is as for has.
func (l *lanes) withdraw(prefix, key []byte, reader func() entity.Reader, look bool) (w *waiter, was bool, err error) {
	ln := l.byPrefix[string(prefix)]
	if ln == nil {
		return nil, false, nil
	}
	if i, found := find(ln.window, key); found {
		w := ln.window[i]
		return w, true, l.take(ln, i, reader)
	}
	if !ln.more {
		return nil, false, nil
	}
	if was = true; look {
		value, err := reader().Get(key)
		if err != nil {
			return nil, false, err
		}
		was = value != nil
	}
	return nil, was, nil
}

// read adds an item that follows those of the window, and begins the lane if it is the first. more is false if the item is another
// lane's, or the window has as many as the limit says.
func (ln *lane) read(key, value []byte, limit int) (more bool, err error) {
	if len(ln.window) == 0 {
		priority, fairnessKey, _, err := decodeWaitingKey(key)
		if err != nil {
			return false, err
		}
		ln.priority, ln.prefix = priority, lanePrefix(priority, fairnessKey)
	}
	if !bytes.HasPrefix(key, ln.prefix) {
		return false, nil
	}
	if ln.more = len(ln.window) == limit; ln.more {
		return false, nil
	}
	w, err := readWaiter(key, value)
	ln.window = append(ln.window, w)
	return true, err
}

// load reads the beginnings of all lanes, of which the first has been read.
func (l *lanes) load(reader entity.Reader, ln *lane) error {
	for len(ln.window) > 0 {
		l.inWindows += len(ln.window)
		l.keep(ln)
		from := bytes.Clone(ln.prefix)
		from[len(from)-1]++ // past all keys that begin with the prefix
		next := &lane{}
		var bad error
		err := reader.Scan([]byte{letterWaiting}, from, false, func(key, value []byte) bool {
			var more bool
			more, bad = next.read(key, value, leastWindow)
			return more && bad == nil
		})
		if err == nil {
			err = bad
		}
		if err != nil {
			return err
		}
		ln = next
	}
	return nil
}

// readWaiters reads the first items of a lane that are not below from.
func readWaiters(reader entity.Reader, prefix, from []byte, limit int) (found []*waiter, more bool, err error) {
	var bad error
	err = reader.Scan(prefix, from, false, func(key, value []byte) bool {
		if more = len(found) == limit; more {
			return false
		}
		var w *waiter
		w, bad = readWaiter(key, value)
		found = append(found, w)
		return bad == nil
	})
	if err == nil {
		err = bad
	}
	return found, more, err
}

// readWaiter is the item of a record.
func readWaiter(key, value []byte) (*waiter, error) {
	w := &waiter{key: bytes.Clone(key), item: new(records.FlowItem), stored: true}
	var err error
	if _, _, w.id, err = decodeWaitingKey(key); err == nil {
		err = proto.Unmarshal(value, w.item)
	}
	return w, err
}

// turns is lanes of one priority, a heap by their turns.
type turns []*lane

func (t turns) Len() int { return len(t) }

func (t turns) Less(i, j int) bool {
	if t[i].pass != t[j].pass {
		return t[i].pass < t[j].pass
	}
	return bytes.Compare(t[i].prefix, t[j].prefix) < 0
}

func (t turns) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].index, t[j].index = i, j
}

// Push implements heap.Interface.
func (t *turns) Push(x any) {
	ln := x.(*lane)
	ln.index = len(*t)
	*t = append(*t, ln)
}

// Pop implements heap.Interface.
func (t *turns) Pop() any {
	last := len(*t) - 1
	ln := (*t)[last]
	(*t)[last], *t = nil, (*t)[:last]
	ln.index = -1
	return ln
}
