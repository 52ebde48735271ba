package workflow

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestDeadlinesComeOutInOrderOfTimeAndEventWhateverHasHappenedToThem(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h deadlineHeap
	want := make(map[int64]int64)
	for range 5000 {
		id := rng.Int64N(300)
		switch rng.IntN(4) {
		case 0:
			h.remove(id)
			delete(want, id)
		case 1:
			h.set('t', id, time.Time{})
			delete(want, id)
		default:
			at := 1 + rng.Int64N(50)
			h.set('t', id, time.Unix(0, at))
			want[id] = at
		}
		if len(h.entries) != len(want) || len(h.index) != len(want) {
			t.Fatalf("heap has %d entries and %d index entries, want %d", len(h.entries), len(h.index), len(want))
		}
	}
	var ids []int64
	for id := range want {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b int64) int { return cmp.Or(cmp.Compare(want[a], want[b]), cmp.Compare(a, b)) })
	for _, id := range ids {
		first, ok := h.first()
		if !ok || first.key != id || first.at != want[id] {
			t.Fatalf("first is %+v, want event %d at %d", first, id, want[id])
		}
		h.remove(id)
	}
	if _, ok := h.first(); ok {
		t.Fatal("heap is not empty at the end")
	}
}
