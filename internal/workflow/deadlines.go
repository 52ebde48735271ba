package workflow

import "time"

// deadlineHeap orders the pending items of a run by the time at which each next
// needs attention: a timer fires, an activity times out or is retried. There is
// at most one entry per item, found by the item's key. Every operation is O(log
// n), so that a step that touches one of thousands of items stays cheap.
type deadlineHeap struct {
	entries []deadlineEntry
	index   map[int64]int // key -> position in entries
}

// deadlineEntry is the next deadline of one item.
type deadlineEntry struct {
	at int64 // unix nanoseconds
	// key is that of the item in its family: the id of the event that made it, which
	// no two items of a run share.
	key    int64
	family byte // its letter
}

// before orders entries by time, and by key where times are equal, which is the
// order in which simultaneous timers fire.
func (e deadlineEntry) before(other deadlineEntry) bool {
	if e.at != other.at {
		return e.at < other.at
	}
	return e.key < other.key
}

// set gives the item its deadline, or takes its entry away if at is the zero time.
func (h *deadlineHeap) set(family byte, key int64, at time.Time) {
	if at.IsZero() {
		h.remove(key)
		return
	}
	entry := deadlineEntry{at: at.UnixNano(), key: key, family: family}
	if i, ok := h.index[key]; ok {
		h.entries[i] = entry
		h.fix(i)
		return
	}
	if h.index == nil {
		h.index = make(map[int64]int)
	}
	h.entries = append(h.entries, entry)
	h.index[key] = len(h.entries) - 1
	h.up(len(h.entries) - 1)
}

// remove takes the item's entry away, if it has one.
func (h *deadlineHeap) remove(key int64) {
	i, ok := h.index[key]
	if !ok {
		return
	}
	last := len(h.entries) - 1
	if i != last {
		h.swap(i, last)
	}
	h.entries = h.entries[:last]
	delete(h.index, key)
	if i != last {
		h.fix(i)
	}
}

// first returns the earliest entry; ok is false if there is none.
func (h *deadlineHeap) first() (entry deadlineEntry, ok bool) {
	if len(h.entries) == 0 {
		return deadlineEntry{}, false
	}
	return h.entries[0], true
}

func (h *deadlineHeap) fix(i int) {
	if !h.down(i) {
		h.up(i)
	}
}

func (h *deadlineHeap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !h.entries[i].before(h.entries[parent]) {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

// down moves the entry towards the leaves and reports whether it has moved.
func (h *deadlineHeap) down(i int) bool {
	start := i
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(h.entries); child++ {
			if h.entries[child].before(h.entries[least]) {
				least = child
			}
		}
		if least == i {
			return i != start
		}
		h.swap(i, least)
		i = least
	}
}

func (h *deadlineHeap) swap(i, j int) {
	h.entries[i], h.entries[j] = h.entries[j], h.entries[i]
	h.index[h.entries[i].key] = i
	h.index[h.entries[j].key] = j
}
