package cli

import (
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

func TestASmallHeapGrowsToTheFloorBeforeItIsCollected(t *testing.T) {
	for _, live := range []uint64{0, 1 << 20, 3 << 20, 4 << 20, 10 << 20, 19 << 20} {
		growth := uint64(heapGrowth(live))
		// What Go makes of it: see "GOGC" in the documentation of package runtime, and its minimum.
		grown := max(goMinimum*growth/100, live*(100+growth)/100)
		if grown < heapFloor-heapFloor/50 || grown > heapFloor {
			t.Errorf("%d live bytes grow to %d, want about %d", live, grown, heapFloor)
		}
	}
}

func TestTheHeapOfANewProcessIsCollectedAtTheFloor(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	before := debug.SetGCPercent(100)
	defer debug.SetGCPercent(before)
	debug.SetGCPercent(heapGrowth(0))
	goal := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
	metrics.Read(goal)
	// Globals and stacks count as well.
	if got := goal[0].Value.Uint64(); got > 2*heapFloor {
		t.Errorf("the heap is collected at %d bytes, want about %d", got, heapFloor)
	}
}

func TestAHeapAboveTheFloorHasTheSameRoom(t *testing.T) {
	for _, live := range []uint64{24 << 20, 25 << 20, 28 << 20, 32 << 20} {
		room := live * uint64(heapGrowth(live)) / 100
		if room < heapRoom-heapRoom/50 || room > heapRoom {
			t.Errorf("%d live bytes grow by %d, want about %d", live, room, heapRoom)
		}
	}
}

func TestALargeHeapAboutDoublesBeforeItIsCollected(t *testing.T) {
	for _, live := range []uint64{400 << 20, 10 << 30} {
		if growth := heapGrowth(live); growth < 95 || growth > 100 {
			t.Errorf("%d live bytes: growth %d, want about 100", live, growth)
		}
	}
}
