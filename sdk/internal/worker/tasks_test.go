package worker

import (
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/perdure/perdure/sdk/internal/logger"
)

func TestGoroutinesWaitForAnotherTaskUntilTheWorkerStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stopped, release := make(chan struct{}), make(chan struct{})
		var ran atomic.Int32
		ts := newTasks(fixedSlots(100), logger.Discard{}, stopped, func(*int) { <-release; ran.Add(1) })
		spawn := func() { ts.spawn(new(int), ts.slots.tryReserve()) }
		for range 2 * maxSpares {
			spawn()
		}
		close(release)
		synctest.Wait()
		if got := ts.waiting.Load(); got != maxSpares {
			t.Errorf("%d goroutines wait for a task", got)
		}
		for range 2 {
			spawn()
			synctest.Wait()
		}
		if got := ran.Load(); got != 2*maxSpares+2 {
			t.Errorf("%d tasks have run", got)
		}
		if got := ts.slots.issued.Load(); got != 0 {
			t.Errorf("%d slots were not given back", got)
		}
		close(stopped)
		ts.end()
		if got := ts.waiting.Load(); got != 0 {
			t.Errorf("%d goroutines wait after the end", got)
		}
	})
}
