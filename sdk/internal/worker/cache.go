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
// without replaying their history, by run id: at most size of them, and as many as fit
// into a number of bytes, if there is a bound. The least recently used goes first. All
// workers of a process share one, so that the bounds are those of the process, unless a
// worker asks for its own.
type stickyCache struct {
	mu    sync.Mutex
	size  int
	bytes int64 // at most; 0 for no bound
	held  int64 // bytes
	byRun map[string]*list.Element
	order *list.List // of *cacheEntry, most recently used first
	// taken says that there has been a worker that uses it.
	taken bool
}

type cacheEntry struct {
	runID string
	run   cached
	bytes int64
}

func newStickyCache(size int, bytes int64) *stickyCache {
	return &stickyCache{size: size, bytes: bytes, byRun: map[string]*list.Element{}, order: list.New()}
}

// process is the cache of this process. Its bounds are the one piece of state that
// workers share, as the public API asks: SetStickyWorkflowCacheSize takes no
// worker.
var process = newStickyCache(DefaultStickyCacheSize, 0)

// SetStickyCacheSize sets how many runs the workers of this process keep in
// memory. Zero or less turns sticky execution off. It has no effect once there was a
// worker.
func SetStickyCacheSize(size int) {
	process.bound(func() {
		if !process.taken {
			process.size = max(size, 0)
		}
	})
}

// SetStickyCacheBytes sets how many bytes the runs may have that the workers of this process
// keep in memory. Zero or less is no bound.
func SetStickyCacheBytes(bytes int64) {
	process.bound(func() { process.bytes = max(bytes, 0) })
}

// PurgeStickyCache drops all cached runs of this process. They go on by
// replaying their history.
func PurgeStickyCache() { process.removeIf(func(cached) bool { return true }) }

// cacheOf returns the cache of a worker: its own, if it asks for one.
func (o *Options) cacheOf() *stickyCache {
	if o.StickyWorkflowCacheSize <= 0 && o.StickyWorkflowCacheBytes <= 0 {
		process.mu.Lock()
		defer process.mu.Unlock()
		process.taken = true
		return process
	}
	size := o.StickyWorkflowCacheSize
	if size <= 0 {
		size = DefaultStickyCacheSize
	}
	return newStickyCache(size, max(o.StickyWorkflowCacheBytes, 0))
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

// usage is what is held, and the bounds of it.
func (c *stickyCache) usage() (runs, size int, held, bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order.Len(), c.size, c.held, c.bytes
}

// bound changes the bounds.
func (c *stickyCache) bound(change func()) {
	c.mu.Lock()
	change()
	evicted := c.overflow()
	c.mu.Unlock()
	evictAll(evicted)
}

func evictAll(runs []cached) {
	for _, run := range runs {
		run.evict()
	}
}

// unlink takes an entry out. The caller holds the lock.
func (c *stickyCache) unlink(element *list.Element) cached {
	entry := c.order.Remove(element).(*cacheEntry)
	c.held -= entry.bytes
	delete(c.byRun, entry.runID)
	return entry.run
}

// overflow unlinks what does not fit. The caller holds the lock and evicts the
// result after giving it up.
func (c *stickyCache) overflow() (evicted []cached) {
	for c.order.Len() > c.size || c.bytes > 0 && c.held > c.bytes {
		evicted = append(evicted, c.unlink(c.order.Back()))
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
	return element.Value.(*cacheEntry).run, true
}

// put adds a run, in place of any of the same id, and evicts what then does not
// fit. With a size of zero it evicts the run itself. How large it is is not known
// before resize.
func (c *stickyCache) put(runID string, run cached) {
	c.mu.Lock()
	var evicted []cached
	if element, ok := c.byRun[runID]; ok {
		if element.Value.(*cacheEntry).run == run {
			c.order.MoveToFront(element)
			c.mu.Unlock()
			return
		}
		evicted = append(evicted, c.unlink(element))
	}
	c.byRun[runID] = c.order.PushFront(&cacheEntry{runID: runID, run: run})
	evicted = append(evicted, c.overflow()...)
	c.mu.Unlock()
	evictAll(evicted)
}

// resize notes how large the run is, if it is still the one held under that id, and
// evicts what then does not fit: the run itself if it never will. It says whether it was
// held.
func (c *stickyCache) resize(runID string, run cached, bytes int64) bool {
	c.mu.Lock()
	element, ok := c.byRun[runID]
	if !ok || element.Value.(*cacheEntry).run != run {
		c.mu.Unlock()
		return false
	}
	entry := element.Value.(*cacheEntry)
	c.held += bytes - entry.bytes
	entry.bytes = bytes
	var evicted []cached
	if c.bytes > 0 && bytes > c.bytes {
		evicted = append(evicted, c.unlink(element)) // and not all others before it
	}
	evicted = append(evicted, c.overflow()...)
	c.mu.Unlock()
	evictAll(evicted)
	return true
}

// remove drops the run if it is still the one held under that id, without
// evicting it: the caller closes it.
func (c *stickyCache) remove(runID string, run cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, ok := c.byRun[runID]; ok && element.Value.(*cacheEntry).run == run {
		c.unlink(element)
	}
}

// removeIf evicts the runs that match, such as those of a stopped worker.
func (c *stickyCache) removeIf(match func(cached) bool) {
	c.mu.Lock()
	var evicted []cached
	for element := c.order.Front(); element != nil; {
		next := element.Next()
		if match(element.Value.(*cacheEntry).run) {
			evicted = append(evicted, c.unlink(element))
		}
		element = next
	}
	c.mu.Unlock()
	evictAll(evicted)
}
