package cli

import "testing"

func TestASmallHeapGrowsToTheFloorBeforeItIsCollected(t *testing.T) {
	for _, live := range []uint64{0, 1 << 20, 10 << 20, 31 << 20} {
		grown := max(live, 1<<20) * uint64(100+heapGrowth(live)) / 100
		if grown < heapFloor-heapFloor/50 || grown > heapFloor {
			t.Errorf("%d live bytes grow to %d, want about %d", live, grown, heapFloor)
		}
	}
}

func TestALargeHeapIsCollectedAsUsual(t *testing.T) {
	for _, live := range []uint64{32 << 20, 100 << 20, 10 << 30} {
		if growth := heapGrowth(live); growth != 100 {
			t.Errorf("%d live bytes: growth %d, want 100", live, growth)
		}
	}
}
