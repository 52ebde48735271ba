package cli

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"strings"
)

const (
	// heapFloor is the size up to which the heap may grow before garbage is
	// collected, in bytes, however little of it is alive. Collecting whenever a small
	// heap has doubled, as Go does by itself, takes a tenth of a busy server's CPU.
	heapFloor = 40 << 20
	// heapRoom is how many bytes of garbage, at least, there may be before it is collected when more is alive than would
	// leave as much below the floor. A heap may grow by what is alive in it but for heapRoom: a large one about doubles, as
	// usual, and one of 28 MB, which a server with a million open workflows has under load, grows by 16.
	heapRoom = heapFloor * 2 / 5
)

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
// to be collected: as much as it takes to reach heapFloor, or to have heapRoom, and otherwise
// somewhat less than Go's own 100; before the first collection too, when nothing is known to be alive.
func heapGrowth(live uint64) int {
	switch {
	case live <= goMinimum*heapFloor/(goMinimum+heapFloor):
		return heapFloor * 100 / goMinimum
	case live <= heapFloor-heapRoom:
		return int((heapFloor - live) * 100 / live)
	case live <= 2*heapRoom:
		return int(heapRoom * 100 / live)
	}
	return int((live - heapRoom) * 100 / live)
}

// sampleHeap has no samples taken of what is allocated, unless profiles of the process are served: they and where they were taken
// are some megabytes. A rate that the environment says holds.
func sampleHeap(profiles bool) {
	if !profiles && !strings.Contains(os.Getenv("GODEBUG"), "memprofilerate=") {
		runtime.MemProfileRate = 0
	}
}
