package worker

import "testing"

func TestTheSizeOfTheSharedCacheIsSetBeforeTheFirstWorker(t *testing.T) {
	before := process
	t.Cleanup(func() { process = before })
	process = newStickyCache(DefaultStickyCacheSize, 0)

	SetStickyCacheSize(7)
	if got := process.capacity(); got != 7 {
		t.Errorf("before the first worker the size becomes %d", got)
	}
	(&Options{StickyWorkflowCacheSize: 3}).cacheOf() // one with a cache of its own does not count
	SetStickyCacheSize(8)
	if got := process.capacity(); got != 8 {
		t.Errorf("before the first worker that shares it the size becomes %d", got)
	}
	(&Options{}).cacheOf()
	SetStickyCacheSize(9)
	if got := process.capacity(); got != 8 {
		t.Errorf("after it the size becomes %d", got)
	}
}
