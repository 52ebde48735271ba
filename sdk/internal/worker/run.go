package worker

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/perdure/perdure/sdk/internal/flow"
)

// run is a workflow run that a worker holds in memory: in the sticky cache, or
// while one of its tasks is handled.
//
// mu is held while a task is handled, inline tasks included, so that a run
// handles one at a time. instance becomes nil when the run is closed; who waited
// for mu then finds it dead and starts anew.
type run struct {
	owner *workflowWorker
	id    string

	mu          sync.Mutex
	instance    *flow.Instance
	taskTimeout time.Duration // of the run's workflow tasks
	started     time.Time     // when the run began

	// evicted is set by the cache, which cannot wait for mu. Whoever unlocks
	// mu closes an evicted run.
	evicted atomic.Bool
}

// evict implements cached.
func (r *run) evict() {
	r.owner.forcedEvictions.Inc(1)
	r.evicted.Store(true)
	r.closeIfEvicted()
}

// unlock gives up the run, and closes it if it is no longer cached.
func (r *run) unlock() {
	r.mu.Unlock()
	r.closeIfEvicted()
}

func (r *run) closeIfEvicted() {
	// When the lock is taken its holder closes the run: it looks at evicted
	// after unlocking, and evicted is set before the lock is tried here.
	if r.evicted.Load() && r.mu.TryLock() {
		r.close()
		r.mu.Unlock()
	}
}

// close ends the instance. The caller holds mu.
func (r *run) close() {
	if r.instance != nil {
		r.instance.Close()
		r.instance = nil
	}
}
