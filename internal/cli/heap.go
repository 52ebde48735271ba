package cli

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// heapFloor is the size up to which the heap may grow before garbage is
// collected, in bytes, however little of it is alive. Collecting whenever a small
// heap has doubled, as Go does by itself, takes a tenth of a busy server's CPU.
const heapFloor = 40 << 20

// goMinimum is the heap that Go does not collect below, at a growth of 100; it is
// in proportion at others.
const goMinimum = 4 << 20

// keepHeapFloor adjusts the collector after each collection, for the rest of the
// process. It leaves a process alone that was started with settings of its own.
func keepHeapFloor() {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return
	}
	setHeapGrowth()
	afterCollection(setHeapGrowth)
}

// afterCollection has fn called after every garbage collection from now on.
func afterCollection(fn func()) {
	sentinel := new([16]byte)
	runtime.AddCleanup(sentinel, func(fn func()) {
		fn()
		afterCollection(fn)
	}, fn)
}

func setHeapGrowth() {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(live)
	debug.SetGCPercent(heapGrowth(live[0].Value.Uint64()))
}

// heapGrowth is the growth in percent at which a heap with so many live bytes is
// to be collected: Go's own 100, or as much as it takes to reach heapFloor and not
// more, before the first collection too, when nothing is known to be alive.
func heapGrowth(live uint64) int {
	const usual = 100
	switch {
	case live >= heapFloor*usual/(100+usual):
		return usual
	case live <= goMinimum*heapFloor/(goMinimum+heapFloor):
		return heapFloor * 100 / goMinimum
	}
	return int((heapFloor - live) * 100 / live)
}
