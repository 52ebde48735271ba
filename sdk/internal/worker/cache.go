package worker

import (
	"container/list"
	"sync"
)

// DefaultStickyCacheSize is how many runs a process keeps in memory when
// SetStickyCacheSize was not called.
const DefaultStickyCacheSize = 10_000

// cached is what the sticky cache holds. evict is called once, without the
// cache's lock, by whoever pushes the run out or removes it.
type cached interface {
	evict()
}

// stickyCache keeps the runs whose next workflow task this process can handle
// without replaying their history, by run id, at most size of them. The least
// recently used goes first. All workers of a process share one, so that the
// size bounds the process, not each worker.
type stickyCache struct {
	mu    sync.Mutex
	size  int
	byRun map[string]*list.Element
	order *list.List // of cacheEntry, most recently used first
}

type cacheEntry struct {
	runID string
	run   cached
}

func newStickyCache(size int) *stickyCache {
	return &stickyCache{size: size, byRun: map[string]*list.Element{}, order: list.New()}
}

// process is the cache of this process. Its size is the one piece of state that
// workers share, as the public API asks: SetStickyWorkflowCacheSize takes no
// worker.
var process = newStickyCache(DefaultStickyCacheSize)

// SetStickyCacheSize sets how many runs the workers of this process keep in
// memory. Zero or less turns sticky execution off for workers made from now on.
// Call it before making workers.
func SetStickyCacheSize(size int) { process.resize(max(size, 0)) }

// PurgeStickyCache drops all cached runs of this process. They go on by
// replaying their history.
func PurgeStickyCache() {
	process.mu.Lock()
	size := process.size
	process.mu.Unlock()
	process.resize(0)
	process.resize(size)
}

// capacity is the size.
func (c *stickyCache) capacity() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size
}

// len is the number of runs held.
func (c *stickyCache) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order.Len()
}

func (c *stickyCache) resize(size int) {
	c.mu.Lock()
	c.size = size
	evicted := c.overflow()
	c.mu.Unlock()
	for _, run := range evicted {
		run.evict()
	}
}

// overflow unlinks what does not fit. The caller holds the lock and evicts the
// result after giving it up.
func (c *stickyCache) overflow() (evicted []cached) {
	for c.order.Len() > c.size {
		last := c.order.Back()
		entry := last.Value.(cacheEntry)
		c.order.Remove(last)
		delete(c.byRun, entry.runID)
		evicted = append(evicted, entry.run)
	}
	return evicted
}

// get returns the run and marks it as used.
func (c *stickyCache) get(runID string) (cached, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.byRun[runID]
	if !ok {
		return nil, false
	}
	c.order.MoveToFront(element)
	return element.Value.(cacheEntry).run, true
}

// put adds a run, in place of any of the same id, and evicts what then does not
// fit. With a size of zero it evicts the run itself.
func (c *stickyCache) put(runID string, run cached) {
	c.mu.Lock()
	var evicted []cached
	if element, ok := c.byRun[runID]; ok {
		entry := element.Value.(cacheEntry)
		if entry.run == run {
			c.order.MoveToFront(element)
			c.mu.Unlock()
			return
		}
		evicted = append(evicted, entry.run)
		c.order.Remove(element)
	}
	c.byRun[runID] = c.order.PushFront(cacheEntry{runID: runID, run: run})
	evicted = append(evicted, c.overflow()...)
	c.mu.Unlock()
	for _, run := range evicted {
		run.evict()
	}
}

// remove drops the run if it is still the one held under that id, without
// evicting it: the caller closes it.
func (c *stickyCache) remove(runID string, run cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, ok := c.byRun[runID]; ok && element.Value.(cacheEntry).run == run {
		c.order.Remove(element)
		delete(c.byRun, runID)
	}
}

// removeIf evicts the runs that match, such as those of a stopped worker.
func (c *stickyCache) removeIf(match func(cached) bool) {
	c.mu.Lock()
	var evicted []cached
	for element := c.order.Front(); element != nil; {
		next := element.Next()
		entry := element.Value.(cacheEntry)
		if match(entry.run) {
			c.order.Remove(element)
			delete(c.byRun, entry.runID)
			evicted = append(evicted, entry.run)
		}
		element = next
	}
	c.mu.Unlock()
	for _, run := range evicted {
		run.evict()
	}
}
